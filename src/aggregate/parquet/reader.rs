//! Reads Parquet files of reports, one row group at a time.
//!
//! Several threads can read row groups at once: they share the open file, and each holds its lock only
//! while it reads a row group's compressed bytes.
//!
//! The format's library may panic on damaged bytes. Files come from
//! [`PublicData::open`](crate::aggregate::PublicData::open), which has compared their SHA-256.

use super::columns::{Columns, Counts};
use super::error::ParquetError;
use super::pages::ReadList;
use super::schema::{leaf, message};
use super::texts::Texts;
use bytes::{Buf, Bytes};
use parquet::column::page::PageReader;
use parquet::column::reader::{ColumnReaderImpl, get_column_reader, get_typed_column_reader};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// How many rows of lists are decoded at once.
const PIECE: usize = 1024;

/// An open Parquet file of reports.
#[derive(Debug)]
pub struct ParquetReader {
    file: Mutex<File>,
    metadata: ParquetMetaData,
}

impl ParquetReader {
    /// Opens a file and reads its footer.
    pub fn open(file: File) -> Result<ParquetReader, ParquetError> {
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&file)?;
        if *metadata.file_metadata().schema() != *message()? {
            return Err(ParquetError::Other("it has other columns".to_owned()));
        }
        Ok(ParquetReader { file: Mutex::new(file), metadata })
    }

    /// How many row groups there are.
    pub fn row_groups(&self) -> usize {
        self.metadata.num_row_groups()
    }

    /// How many rows there are: builds, and reports without builds.
    #[cfg(any(test, feature = "testing"))]
    pub fn rows(&self) -> u64 {
        u64::try_from(self.metadata.file_metadata().num_rows()).unwrap_or_default()
    }

    /// The configs that the reports name; little else of the file is read.
    pub fn configs(&self) -> Result<BTreeSet<String>, ParquetError> {
        let mut texts = Texts::default();
        for group in self.metadata.row_groups() {
            let loaded = Arc::new(self.load(group, leaf::CONFIG..leaf::CONFIG + 1)?);
            let rows = usize::try_from(group.num_rows()).unwrap_or_default();
            Source { group, loaded, rows }.texts(leaf::CONFIG, &mut texts)?;
        }
        Ok(texts.iter().map(str::to_owned).collect())
    }

    /// Reads a row group.
    pub fn read(&self, group: usize) -> Result<Columns, ParquetError> {
        let group = self.group(group)?;
        let loaded = Arc::new(self.load(group, 0..leaf::ALL)?);
        let rows = usize::try_from(group.num_rows()).unwrap_or_default();
        let source = Source { group, loaded, rows };
        let mut texts = Texts::default();
        let mut columns = Columns {
            report: source.plain::<Int64Type>(leaf::REPORT)?,
            x: source.plain::<DoubleType>(leaf::X)?,
            config: source.texts(leaf::CONFIG, &mut texts)?,
            program: source.optional_texts(leaf::PROGRAM, &mut texts)?,
            version: source.optional_texts(leaf::VERSION, &mut texts)?,
            toolchain: source.optional_texts(leaf::TOOLCHAIN, &mut texts)?,
            goos: source.optional_texts(leaf::GOOS, &mut texts)?,
            goarch: source.optional_texts(leaf::GOARCH, &mut texts)?,
            counters: source.counts(leaf::COUNTER_NAMES, leaf::COUNTER_COUNTS, &mut texts)?,
            stacks: source.counts(leaf::STACK_NAMES, leaf::STACK_COUNTS, &mut texts)?,
            texts: Vec::new(),
        };
        columns.texts = texts.iter().map(str::to_owned).collect();
        Ok(columns)
    }

    /// The days of a row group's reports, counted from 1970-01-01.
    pub fn days(&self, group: usize) -> Result<Vec<i32>, ParquetError> {
        let group = self.group(group)?;
        let loaded = Arc::new(self.load(group, leaf::WEEK..leaf::WEEK + 1)?);
        let rows = usize::try_from(group.num_rows()).unwrap_or_default();
        Source { group, loaded, rows }.plain::<Int32Type>(leaf::WEEK)
    }

    fn group(&self, group: usize) -> Result<&RowGroupMetaData, ParquetError> {
        self.metadata
            .row_groups()
            .get(group)
            .ok_or_else(|| ParquetError::Other(format!("it has {} row groups", self.row_groups())))
    }

    /// Reads the compressed bytes of some neighbouring columns of a row group.
    fn load(&self, group: &RowGroupMetaData, leaves: Range<usize>) -> Result<Loaded, ParquetError> {
        if group.num_columns() != leaf::ALL {
            return Err(ParquetError::Other("a row group lacks columns".to_owned()));
        }
        let columns = group.columns().get(leaves).unwrap_or_default();
        let ranges = columns.iter().map(|column| column.byte_range());
        let start = ranges.clone().map(|(start, _)| start).min().unwrap_or_default();
        let end = ranges.map(|(start, bytes)| start.saturating_add(bytes)).max();
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        // Grows with the bytes that are read, so a damaged footer cannot allocate much.
        (&*file).take(end.unwrap_or(start) - start).read_to_end(&mut bytes)?;
        Ok(Loaded { start, bytes: bytes.into() })
    }
}

/// The bytes of a row group, by their position in the file.
#[derive(Debug)]
struct Loaded {
    start: u64,
    bytes: Bytes,
}

impl Loaded {
    fn from(&self, start: u64) -> parquet::errors::Result<Bytes> {
        let at = start.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        match at.filter(|at| *at <= self.bytes.len()) {
            Some(at) => Ok(self.bytes.slice(at..)),
            None => Err(parquet::errors::ParquetError::EOF("a page lies elsewhere".to_owned())),
        }
    }
}

impl Length for Loaded {
    fn len(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl ChunkReader for Loaded {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(self.from(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let mut bytes = self.from(start)?;
        if length > bytes.len() {
            return Err(parquet::errors::ParquetError::EOF("a page is cut off".to_owned()));
        }
        bytes.truncate(length);
        Ok(bytes)
    }
}

/// Decodes one row group.
struct Source<'a> {
    group: &'a RowGroupMetaData,
    loaded: Arc<Loaded>,
    rows: usize,
}

impl Source<'_> {
    fn column<T: DataType>(&self, leaf: usize) -> Result<ColumnReaderImpl<T>, ParquetError> {
        let column = self.group.column(leaf);
        let pages = SerializedPageReader::new(self.loaded.clone(), column, self.rows, None)?;
        let pages: Box<dyn PageReader> = Box::new(pages);
        Ok(get_typed_column_reader(get_column_reader(column.column_descr_ptr(), pages)))
    }

    /// A column that has one value in every row.
    fn plain<T: DataType>(&self, leaf: usize) -> Result<Vec<T::T>, ParquetError> {
        let mut values = Vec::new();
        self.column::<T>(leaf)?.read_records(self.rows, None, None, &mut values)?;
        self.complete(values.len())?;
        Ok(values)
    }

    fn texts(&self, leaf: usize, texts: &mut Texts) -> Result<Vec<u32>, ParquetError> {
        let mut seen = Seen::default();
        let values = self.plain::<ByteArrayType>(leaf)?;
        values.iter().map(|value| seen.id(value, texts)).collect()
    }

    /// A column that may have no value in a row.
    fn optional_texts(
        &self,
        leaf: usize,
        texts: &mut Texts,
    ) -> Result<Vec<Option<u32>>, ParquetError> {
        let mut seen = Seen::default();
        let (mut defined, mut values) = (Vec::new(), Vec::new());
        let mut column = self.column::<ByteArrayType>(leaf)?;
        column.read_records(self.rows, Some(&mut defined), None, &mut values)?;
        self.complete(defined.len())?;
        let mut values = values.iter();
        let mut text = |defined: &i16| match defined {
            0 => Ok(None),
            _ => values.next().map(|value| seen.id(value, texts)).transpose(),
        };
        defined.iter().map(&mut text).collect()
    }

    fn counts(
        &self,
        names: usize,
        counts: usize,
        texts: &mut Texts,
    ) -> Result<Counts, ParquetError> {
        let mut read = Counts::default();
        match self.numbered(names)? {
            Some(ReadList { dictionary: (content, length), ends, numbers }) => {
                let known = read_texts(&content, length, texts)?;
                (read.ends, read.names) = (ends, look_up(&known, &numbers)?);
                self.complete(read.ends.len())?;
            }
            None => {
                let mut seen = Seen::default();
                self.list::<ByteArrayType>(names, Some(&mut read.ends), |values| {
                    for value in values.iter() {
                        read.names.push(seen.id(value, texts)?);
                    }
                    values.clear();
                    Ok(())
                })?;
            }
        }
        match self.numbered(counts)? {
            Some(ReadList { dictionary: (content, length), ends, numbers }) => {
                let known = read_counts(&content, length);
                read.counts = look_up(&known, &numbers)?;
                self.complete(ends.len())?;
            }
            None => {
                let mut numbers = Vec::with_capacity(read.names.len());
                self.list::<Int64Type>(counts, None, |values| {
                    numbers.append(values);
                    Ok(())
                })?;
                read.counts = unsigned(numbers);
            }
        }
        if read.counts.len() != read.names.len() {
            return Err(ParquetError::Other("there are not as many names as counts".to_owned()));
        }
        Ok(read)
    }

    fn numbered(&self, leaf: usize) -> Result<Option<ReadList>, ParquetError> {
        let column = self.group.column(leaf);
        let mut pages = SerializedPageReader::new(self.loaded.clone(), column, self.rows, None)?;
        ReadList::read(&mut pages, self.rows)
    }

    /// Reads one field of a list of pairs, piece by piece, and where the list of each row ends.
    fn list<T: DataType>(
        &self,
        leaf: usize,
        mut ends: Option<&mut Vec<usize>>,
        mut take: impl FnMut(&mut Vec<T::T>) -> Result<(), ParquetError>,
    ) -> Result<(), ParquetError> {
        let mut column = self.column::<T>(leaf)?;
        let (mut definition, mut repetition, mut values) = (Vec::new(), Vec::new(), Vec::new());
        // `end` is the current end of the last row's list.
        let (mut rows, mut end, mut begun) = (0, 0, false);
        loop {
            definition.clear();
            repetition.clear();
            let (read, _, _) = column.read_records(
                PIECE,
                Some(&mut definition),
                Some(&mut repetition),
                &mut values,
            )?;
            if read == 0 {
                break;
            }
            rows += read;
            if let Some(ends) = &mut ends {
                for (defined, repeated) in definition.iter().zip(&repetition) {
                    if *repeated == 0 && std::mem::replace(&mut begun, true) {
                        ends.push(end);
                    }
                    end += usize::from(*defined > 0);
                }
            }
            take(&mut values)?;
        }
        if let Some(ends) = ends
            && begun
        {
            ends.push(end);
        }
        self.complete(rows)
    }

    fn complete(&self, rows: usize) -> Result<(), ParquetError> {
        if rows == self.rows {
            Ok(())
        } else {
            Err(ParquetError::Other(format!("a column has {rows} of {} rows", self.rows)))
        }
    }
}

/// The numbers of the texts of a dictionary.
fn read_texts(
    mut content: &[u8],
    length: u32,
    texts: &mut Texts,
) -> Result<Vec<u32>, ParquetError> {
    let mut known = Vec::new();
    let cut_off = || ParquetError::Other("a dictionary is cut off".to_owned());
    for _ in 0..length {
        let (bytes, rest) = content.split_first_chunk::<4>().ok_or_else(cut_off)?;
        let bytes = usize::try_from(u32::from_le_bytes(*bytes)).map_err(|_| cut_off())?;
        let (text, rest) = rest.split_at_checked(bytes).ok_or_else(cut_off)?;
        let text = std::str::from_utf8(text)
            .map_err(|_| ParquetError::Other("a text is not UTF-8".to_owned()))?;
        known.push(texts.id(text));
        content = rest;
    }
    Ok(known)
}

/// The counts of a dictionary.
fn read_counts(content: &[u8], length: u32) -> Vec<u64> {
    let (counts, _) = content.as_chunks::<8>();
    let counts = counts.iter().take(length as usize).map(|count| i64::from_le_bytes(*count));
    unsigned(counts.collect())
}

/// What numbers stand for.
fn look_up<T: Copy>(known: &[T], numbers: &[u32]) -> Result<Vec<T>, ParquetError> {
    let looked_up = numbers.iter().map(|number| known.get(*number as usize).copied());
    let missing = || ParquetError::Other("a dictionary lacks a value".to_owned());
    looked_up.collect::<Option<Vec<T>>>().ok_or_else(missing)
}

fn unsigned(numbers: Vec<i64>) -> Vec<u64> {
    numbers.into_iter().map(|number| u64::try_from(number).unwrap_or_default()).collect()
}

/// The numbers of a column's texts, by their address in memory: values of one dictionary entry share
/// its bytes, so most texts need neither be compared nor hashed. The values are kept, so their
/// addresses are not reused.
#[derive(Default)]
struct Seen(HashMap<(usize, usize), (ByteArray, u32), BuildHasherDefault<PlaceHasher>>);

impl Seen {
    fn id(&mut self, value: &ByteArray, texts: &mut Texts) -> Result<u32, ParquetError> {
        let bytes = value.data();
        let place = (bytes.as_ptr().addr(), bytes.len());
        if let Some((_, id)) = self.0.get(&place) {
            return Ok(*id);
        }
        let id = texts.id(value.as_utf8()?);
        self.0.insert(place, (value.clone(), id));
        Ok(id)
    }
}

/// Hashes addresses: an odd multiplier spreads neighbours over all bits.
#[derive(Default)]
struct PlaceHasher(u64);

impl Hasher for PlaceHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_usize(usize::from(*byte)));
    }

    fn write_usize(&mut self, number: usize) {
        let mixed = (self.0 ^ number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}
