//! Writes a small table, whole, as Parquet: what SQL engines read beside the reports.

use super::error::ParquetError;
use super::schema::days_since_1970;
use jiff::civil::Date;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use std::io::Write;
use std::sync::Arc;

/// A column without NULL.
#[derive(Debug, Clone, PartialEq)]
pub enum TableColumn {
    /// Texts.
    Text(Vec<String>),
    /// Whole numbers.
    Number(Vec<i64>),
    /// Fractions.
    Real(Vec<f64>),
    /// Days.
    Day(Vec<Date>),
}

impl TableColumn {
    fn declared(&self, name: &str) -> String {
        match self {
            TableColumn::Text(_) => format!("required binary {name} (STRING);"),
            TableColumn::Number(_) => format!("required int64 {name};"),
            TableColumn::Real(_) => format!("required double {name};"),
            TableColumn::Day(_) => format!("required int32 {name} (DATE);"),
        }
    }
}

/// Writes a table of these columns, all of the same length, in one row group.
pub fn write_table<W: Write + Send>(
    out: W,
    columns: &[(&str, TableColumn)],
) -> Result<W, ParquetError> {
    let declared = columns.iter().map(|(name, column)| column.declared(name));
    let message = format!("message table {{ {} }}", declared.collect::<String>());
    let properties = WriterProperties::builder()
        .set_created_by("candor".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let schema = Arc::new(parse_message_type(&message)?);
    let mut file = SerializedFileWriter::new(out, schema, Arc::new(properties))?;
    let mut group = file.next_row_group()?;
    for (_, column) in columns {
        match column {
            TableColumn::Text(texts) => {
                let texts: Vec<ByteArray> = texts.iter().map(|text| text.as_str().into()).collect();
                add::<W, ByteArrayType>(&mut group, &texts)?;
            }
            TableColumn::Number(numbers) => add::<W, Int64Type>(&mut group, numbers)?,
            TableColumn::Real(numbers) => add::<W, DoubleType>(&mut group, numbers)?,
            TableColumn::Day(days) => {
                let days: Vec<i32> = days.iter().map(|day| days_since_1970(*day)).collect();
                add::<W, Int32Type>(&mut group, &days)?;
            }
        }
    }
    group.close()?;
    Ok(file.into_inner()?)
}

fn add<W: Write + Send, T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
) -> Result<(), ParquetError> {
    if let Some(mut column) = group.next_column()? {
        column.typed::<T>().write_batch(values, None, None)?;
        column.close()?;
    }
    Ok(())
}
