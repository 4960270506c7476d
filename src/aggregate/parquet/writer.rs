//! Writes reports as Parquet: collects a row group in memory, as columns, and writes it when it is
//! large enough.
//!
//! The ends of row groups depend only on the reports. Memory: one row group, at most some 40 MiB.

use super::columns::{Columns, Counts};
use super::error::ParquetError;
use super::pages::{self, ListChunk};
use super::row::RowReader;
use super::schema::{days_since_1970, leaf, message, properties, report_number};
use super::texts::Texts;
use crate::ingest::{self, ProgramReport, Report};
use jiff::civil::Date;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::ColumnDescPtr;
use std::io::Write;
use std::sync::Arc;

/// When a row group is full: after the first report that reaches one of these.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Rows.
    pub rows: usize,
    /// Names with counts.
    pub counts: usize,
    /// Bytes of distinct texts.
    pub texts: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { rows: 100_000, counts: 1 << 20, texts: 16 << 20 }
    }
}

/// How many rows of lists are handed to the encoder at once.
const PIECE: usize = 1024;

/// Writes the Parquet file of a day, report by report.
pub struct ParquetWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    limits: Limits,
    group: Group,
    reports: u64,
    builds: u64,
}

/// The row group that is being collected.
#[derive(Debug, Default)]
struct Group {
    columns: Columns,
    texts: Texts,
    week: Vec<Date>,
    rows: RowReader,
}

impl<W: Write + Send> ParquetWriter<W> {
    /// Begins a file.
    pub fn new(out: W) -> Result<ParquetWriter<W>, ParquetError> {
        ParquetWriter::with_limits(out, Limits::default())
    }

    pub(super) fn with_limits(out: W, limits: Limits) -> Result<ParquetWriter<W>, ParquetError> {
        let file = SerializedFileWriter::new(out, message()?, Arc::new(properties()))?;
        Ok(ParquetWriter { file, limits, group: Group::default(), reports: 0, builds: 0 })
    }

    /// Adds the next report of the day.
    pub fn write(&mut self, report: &Report<'_>) -> Result<(), ParquetError> {
        self.group.add(report_number(report.week.civil(), self.reports), report);
        self.added()
    }

    /// Adds the next report of the day, given as its public row, unless it has stacks or must be decoded for another
    /// reason: then the result is false, and nothing was added.
    pub fn write_row(&mut self, row: &[u8]) -> Result<bool, ParquetError> {
        let Group { columns, texts, week, rows } = &mut self.group;
        let number = |day| report_number(day, self.reports);
        match rows.add(row, number, (columns, texts, week)) {
            Some(()) => self.added().map(|()| true),
            None => Ok(false),
        }
    }

    fn added(&mut self) -> Result<(), ParquetError> {
        self.reports += 1;
        let Group { columns, texts, .. } = &self.group;
        let counts = columns.counters.names.len() + columns.stacks.names.len();
        let Limits { rows, counts: most, texts: bytes } = self.limits;
        if columns.len() >= rows || counts >= most || texts.bytes() >= bytes {
            self.flush()?;
        }
        Ok(())
    }

    /// Finishes the file. Returns what it was written to, and how many builds are in it. Each build has
    /// one row, and so has each report without builds.
    pub fn finish(mut self) -> Result<(W, u64), ParquetError> {
        self.flush()?;
        Ok((self.file.into_inner()?, self.builds))
    }

    fn flush(&mut self) -> Result<(), ParquetError> {
        if !self.group.columns.is_empty() {
            self.builds += self.group.columns.builds() as u64;
            let schema = self.file.schema_descr().columns().to_vec();
            let mut writer = self.file.next_row_group()?;
            self.group.write(&mut writer, &schema)?;
            writer.close()?;
            self.group.clear();
        }
        Ok(())
    }
}

impl Group {
    fn add(&mut self, number: i64, report: &Report<'_>) {
        let Group { columns, texts, week, .. } = self;
        let config = texts.id(&report.config.to_string());
        let mut add = |build: Option<&ProgramReport<'_>>| {
            let mut id = |text: Option<&str>| text.map(|text| texts.id(text));
            columns.report.push(number);
            week.push(report.week.civil());
            columns.x.push(report.x.get());
            columns.config.push(config);
            columns.program.push(id(build.map(|build| &*build.program)));
            columns.version.push(id(build.map(|build| &*build.version)));
            columns.toolchain.push(id(build.map(|build| &*build.toolchain)));
            columns.goos.push(id(build.map(|build| &*build.goos)));
            columns.goarch.push(id(build.map(|build| &*build.goarch)));
            add_counts(&mut columns.counters, texts, build.map(|build| &build.counters));
            add_counts(&mut columns.stacks, texts, build.map(|build| &build.stacks));
        };
        if report.programs.is_empty() {
            add(None);
        }
        report.programs.iter().for_each(|build| add(Some(build)));
    }

    /// Writes the columns in the order of the schema.
    fn write<W: Write + Send>(
        &self,
        out: &mut SerializedRowGroupWriter<'_, W>,
        schema: &[ColumnDescPtr],
    ) -> Result<(), ParquetError> {
        let columns = &self.columns;
        let texts: Vec<ByteArray> = self.texts.iter().map(ByteArray::from).collect();
        write_plain::<W, Int64Type>(out, &columns.report, None)?;
        let weeks: Vec<i32> = self.week.iter().copied().map(days_since_1970).collect();
        write_plain::<W, Int32Type>(out, &weeks, None)?;
        write_plain::<W, DoubleType>(out, &columns.x, None)?;
        let configs: Vec<ByteArray> = pick(&texts, columns.config.iter().copied()).collect();
        write_plain::<W, ByteArrayType>(out, &configs, None)?;
        for column in
            [&columns.program, &columns.version, &columns.toolchain, &columns.goos, &columns.goarch]
        {
            let values: Vec<ByteArray> = pick(&texts, column.iter().flatten().copied()).collect();
            let defined: Vec<i16> = column.iter().map(|id| i16::from(id.is_some())).collect();
            write_plain::<W, ByteArrayType>(out, &values, Some(&defined))?;
        }
        let lists = [
            (&columns.counters, leaf::COUNTER_NAMES, leaf::COUNTER_COUNTS),
            (&columns.stacks, leaf::STACK_NAMES, leaf::STACK_COUNTS),
        ];
        for (list, names, counts) in lists {
            self.write_names(out, list, column(schema, names)?)?;
            write_counts(out, list, column(schema, counts)?)?;
        }
        Ok(())
    }

    fn write_names<W: Write + Send>(
        &self,
        out: &mut SerializedRowGroupWriter<'_, W>,
        list: &Counts,
        column: ColumnDescPtr,
    ) -> Result<(), ParquetError> {
        let (numbers, distinct) = pages::number_texts(&list.names, self.texts.len());
        let texts = distinct.iter().filter_map(|id| self.texts.get(*id));
        let (ends, numbers, distinct) = (&*list.ends, &*numbers, distinct.len());
        ListChunk { column, ends, numbers, distinct }.write(out, &pages::plain_texts(texts))
    }

    fn clear(&mut self) {
        // Releases the memory of a large group.
        *self = Group::default();
    }
}

fn add_counts(to: &mut Counts, texts: &mut Texts, from: Option<&ingest::Counts<'_>>) {
    for (name, count) in from.into_iter().flat_map(ingest::Counts::iter) {
        to.names.push(texts.id(name));
        to.counts.push(count.get());
    }
    to.ends.push(to.names.len());
}

fn pick(texts: &[ByteArray], ids: impl Iterator<Item = u32>) -> impl Iterator<Item = ByteArray> {
    ids.filter_map(|id| texts.get(id as usize)).cloned()
}

fn column(schema: &[ColumnDescPtr], leaf: usize) -> Result<ColumnDescPtr, ParquetError> {
    schema.get(leaf).cloned().ok_or_else(no_column)
}

fn write_counts<W: Write + Send>(
    out: &mut SerializedRowGroupWriter<'_, W>,
    list: &Counts,
    column: ColumnDescPtr,
) -> Result<(), ParquetError> {
    let Some((numbers, distinct)) = pages::number_counts(&list.counts) else {
        // There are so many that a dictionary does not pay.
        return write_list::<W, Int64Type>(out, list, |range| {
            let counts = list.counts.get(range).unwrap_or_default();
            counts.iter().map(|count| signed(*count)).collect()
        });
    };
    let dictionary = pages::plain_counts(&distinct);
    let (ends, numbers, distinct) = (&*list.ends, &*numbers, distinct.len());
    ListChunk { column, ends, numbers, distinct }.write(out, &dictionary)
}

/// A number that is at most `i64::MAX`, as counts are.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn write_plain<W: Write + Send, T: DataType>(
    out: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    definition: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let mut column = out.next_column()?.ok_or_else(no_column)?;
    column.typed::<T>().write_batch(values, definition, None)?;
    Ok(column.close()?)
}

/// Writes one field of a list of pairs. A list's first pair has the repetition level 0, the others
/// have 1; a row without pairs has one entry of the definition level 0.
fn write_list<W: Write + Send, T: DataType>(
    out: &mut SerializedRowGroupWriter<'_, W>,
    counts: &Counts,
    values: impl Fn(std::ops::Range<usize>) -> Vec<T::T>,
) -> Result<(), ParquetError> {
    let mut column = out.next_column()?.ok_or_else(no_column)?;
    let writer = column.typed::<T>();
    let (mut definition, mut repetition) = (Vec::new(), Vec::new());
    let mut start = 0;
    for piece in counts.ends.chunks(PIECE) {
        definition.clear();
        repetition.clear();
        let first = start;
        for end in piece {
            let pairs = end - start;
            definition.resize(definition.len() + pairs.max(1), i16::from(pairs > 0));
            repetition.push(0);
            repetition.resize(definition.len(), 1);
            start = *end;
        }
        writer.write_batch(&values(first..start), Some(&definition), Some(&repetition))?;
    }
    Ok(column.close()?)
}

fn no_column() -> ParquetError {
    ParquetError::Other("it has fewer columns than its schema".to_owned())
}
