//! Makes the Parquet file of a week from those of its days without decoding: all pages are copied
//! unchanged. Report numbers are unique across days, so they stay.

use super::error::ParquetError;
use super::schema::{message, properties};
use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::{ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use std::fs::File;
use std::io::Write;
use std::sync::Arc;

/// Writes the row groups of several files to one.
pub(in crate::aggregate) fn splice<W: Write + Send>(
    out: W,
    parts: Vec<File>,
) -> Result<W, ParquetError> {
    let mut writer = SerializedFileWriter::new(out, message()?, Arc::new(properties()))?;
    for file in parts {
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&file)?;
        for group in metadata.row_groups() {
            let mut to = writer.next_row_group()?;
            copy_group(&file, group, &mut to)?;
            to.close()?;
        }
    }
    Ok(writer.into_inner()?)
}

fn copy_group<W: Write + Send>(
    file: &File,
    group: &RowGroupMetaData,
    to: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<(), ParquetError> {
    let rows = u64::try_from(group.num_rows()).unwrap_or_default();
    for column in group.columns() {
        let close = ColumnCloseResult {
            bytes_written: u64::try_from(column.compressed_size()).unwrap_or_default(),
            rows_written: rows,
            metadata: column.clone(),
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        to.append_column(file, close)?;
    }
    Ok(())
}
