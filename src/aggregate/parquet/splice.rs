//! Makes the Parquet file of a week from those of its days, without decoding what need not change.
//!
//! All pages are copied as they are, but for the column `report`: in the week's NDJSON file a day's
//! lines stand below those of the days before it, so its numbers grow by as many.

use super::error::ParquetError;
use super::schema::{leaf, message, properties};
use parquet::column::reader::{get_column_reader, get_typed_column_reader};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::Int64Type;
use parquet::file::metadata::{ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use std::fs::File;
use std::io::Write;
use std::sync::Arc;

/// Writes the row groups of several files to one. Each comes with how many reports are in it.
pub(in crate::aggregate) fn splice<W: Write + Send>(
    out: W,
    parts: Vec<(File, u64)>,
) -> Result<W, ParquetError> {
    let mut writer = SerializedFileWriter::new(out, message()?, Arc::new(properties()))?;
    let mut before = 0;
    for (file, reports) in parts {
        let file = Arc::new(file);
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&*file)?;
        for group in metadata.row_groups() {
            let mut to = writer.next_row_group()?;
            copy_group(&file, group, before, &mut to)?;
            to.close()?;
        }
        before += reports;
    }
    Ok(writer.into_inner()?)
}

fn copy_group<W: Write + Send>(
    file: &Arc<File>,
    group: &RowGroupMetaData,
    before: u64,
    to: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<(), ParquetError> {
    let rows = u64::try_from(group.num_rows()).unwrap_or_default();
    for (number, column) in group.columns().iter().enumerate() {
        if number == leaf::REPORT {
            write_reports(&read_reports(file, group)?, before, to)?;
            continue;
        }
        let close = ColumnCloseResult {
            bytes_written: u64::try_from(column.compressed_size()).unwrap_or_default(),
            rows_written: rows,
            metadata: column.clone(),
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        to.append_column(&**file, close)?;
    }
    Ok(())
}

fn read_reports(file: &Arc<File>, group: &RowGroupMetaData) -> Result<Vec<i64>, ParquetError> {
    let column = group.column(leaf::REPORT);
    let rows = usize::try_from(group.num_rows()).unwrap_or_default();
    let pages = SerializedPageReader::new(file.clone(), column, rows, None)?;
    let reader = get_column_reader(column.column_descr_ptr(), Box::new(pages));
    let mut numbers = Vec::new();
    get_typed_column_reader::<Int64Type>(reader).read_records(rows, None, None, &mut numbers)?;
    Ok(numbers)
}

fn write_reports<W: Write + Send>(
    numbers: &[i64],
    before: u64,
    to: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<(), ParquetError> {
    let before = i64::try_from(before).unwrap_or(i64::MAX);
    let numbers: Vec<_> = numbers.iter().map(|number| number.saturating_add(before)).collect();
    let missing = || ParquetError::Other("it has no columns".to_owned());
    let mut column = to.next_column()?.ok_or_else(missing)?;
    column.typed::<Int64Type>().write_batch(&numbers, None, None)?;
    Ok(column.close()?)
}
