//! The pages of one field of a list of pairs: a dictionary of what occurs, and pages of levels and of indices into
//! it.
//!
//! ```text
//! dictionary page   what occurs, in the order in which it first does
//! data pages        of the lists of 20,000 rows each, compressed as a whole (data page v1):
//!   repetition        a length of 4 bytes, little-endian; 0 for a list's first pair, 1 for the others
//!   definition        the same; 1 for a pair, 0 for a list without pairs
//!   indices           their width of 1 byte, and one for each pair
//! ```
//!
//! All three are in the [hybrid encoding](super::hybrid). What occurs is numbered while reports are read, so nothing
//! is hashed here. The library writes and reads these columns as well (from other programs, and from before), and
//! writes the counts where a dictionary does not pay.

use super::error::ParquetError;
use super::hybrid;
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageReader, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::writer::{SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use std::collections::HashMap;
use std::io::Write;

/// How many rows have their lists in one page.
const ROWS: usize = 20_000;
/// Counts below this are numbered without hashing.
const SMALL: usize = 4096;
/// Of more different counts there is no dictionary.
const MOST_COUNTS: usize = 1 << 16;
const NONE: u32 = u32::MAX;

/// Numbers texts in the order in which they first occur. Returns the number of each, and the texts by number. `end`
/// is above all of them.
pub(super) fn number_texts(ids: &[u32], end: usize) -> (Vec<u32>, Vec<u32>) {
    let (mut known, mut distinct) = (vec![NONE; end], Vec::new());
    let number = |id: &u32| {
        let Some(known) = known.get_mut(*id as usize) else { return NONE };
        if *known == NONE {
            *known = u32::try_from(distinct.len()).unwrap_or(NONE);
            distinct.push(*id);
        }
        *known
    };
    (ids.iter().map(number).collect(), distinct)
}

/// Numbers counts in the same way; `None` if there are too many.
pub(super) fn number_counts(counts: &[u64]) -> Option<(Vec<u32>, Vec<u64>)> {
    let (mut small, mut large) = (vec![NONE; SMALL], HashMap::new());
    let (mut numbers, mut distinct) = (Vec::with_capacity(counts.len()), Vec::new());
    for count in counts {
        let place = usize::try_from(*count).ok().and_then(|count| small.get_mut(count));
        let known = match place {
            Some(known) => known,
            None => large.entry(*count).or_insert(NONE),
        };
        if *known == NONE {
            if distinct.len() == MOST_COUNTS {
                return None;
            }
            *known = u32::try_from(distinct.len()).ok()?;
            distinct.push(*count);
        }
        numbers.push(*known);
    }
    Some((numbers, distinct))
}

/// Texts as a dictionary page has them: each after its length.
pub(super) fn plain_texts<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let mut plain = Vec::new();
    for text in texts {
        plain.extend_from_slice(&(text.len() as u32).to_le_bytes());
        plain.extend_from_slice(text.as_bytes());
    }
    plain
}

/// Counts as a dictionary page has them.
pub(super) fn plain_counts(counts: &[u64]) -> Vec<u8> {
    counts.iter().flat_map(|count| count.to_le_bytes()).collect()
}

/// A column of a row group, whose values are numbers in a dictionary.
pub(super) struct ListChunk<'a> {
    /// Which column.
    pub column: ColumnDescPtr,
    /// Where the list of each row ends.
    pub ends: &'a [usize],
    /// The values of all lists.
    pub numbers: &'a [u32],
    /// How many the dictionary has.
    pub distinct: usize,
}

impl ListChunk<'_> {
    /// Writes it as the next column, with the content of its dictionary page.
    pub fn write<W: Write + Send>(
        self,
        out: &mut SerializedRowGroupWriter<'_, W>,
        dictionary: &[u8],
    ) -> Result<(), ParquetError> {
        let mut chunk = Chunk::default();
        let distinct = number(self.distinct)?;
        chunk.add(dictionary, |buf| Page::DictionaryPage {
            buf,
            num_values: distinct,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        })?;
        let data_at = chunk.written()?;
        let (mut start, mut values) = (0, 0);
        for ends in self.ends.chunks(ROWS) {
            let (content, entries) = self.page(start, ends);
            start = ends.last().copied().unwrap_or(start);
            let num_values = number(entries)?;
            values += i64::from(num_values);
            chunk.add(&content, |buf| Page::DataPage {
                buf,
                num_values,
                encoding: Encoding::RLE_DICTIONARY,
                def_level_encoding: Encoding::RLE,
                rep_level_encoding: Encoding::RLE,
                statistics: None,
            })?;
        }
        let (bytes_written, uncompressed) = (chunk.written()?, chunk.uncompressed);
        let metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY])
            .set_total_compressed_size(bytes_written)
            .set_total_uncompressed_size(uncompressed)
            .set_num_values(values)
            .set_dictionary_page_offset(Some(0))
            .set_data_page_offset(data_at)
            .build()?;
        let close = ColumnCloseResult {
            bytes_written: bytes_written.unsigned_abs(),
            rows_written: self.ends.len() as u64,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        Ok(out.append_column(&Bytes::from(chunk.out.into_inner()?), close)?)
    }

    /// The content of the page of the rows with these ends, the first of which starts at `start`; and how many
    /// entries it has: pairs, and lists without pairs.
    fn page(&self, start: usize, ends: &[usize]) -> (Vec<u8>, usize) {
        let (mut repetition, mut definition) = (Vec::new(), Vec::new());
        let (mut runs, mut from): (Vec<(bool, usize)>, usize) = (Vec::new(), start);
        for end in ends {
            let pairs = end.saturating_sub(from);
            let entries = pairs.max(1);
            repetition.push(0);
            repetition.resize(repetition.len() + entries - 1, 1);
            match runs.last_mut() {
                Some((is_pair, length)) if *is_pair == (pairs > 0) => *length += entries,
                _ => runs.push((pairs > 0, entries)),
            }
            from = *end;
        }
        for (is_pair, length) in runs {
            hybrid::write_run(&mut definition, 1, u32::from(is_pair), length);
        }
        let entries = repetition.len();
        let mut levels = Vec::new();
        match entries == ends.len() {
            true => hybrid::write_run(&mut levels, 1, 0, entries),
            false => hybrid::write_packed(&mut levels, 1, repetition.into_iter()),
        }
        let mut content = Vec::new();
        for levels in [levels, definition] {
            content.extend_from_slice(&(levels.len() as u32).to_le_bytes());
            content.extend_from_slice(&levels);
        }
        let width = hybrid::width_for(self.distinct);
        content.push(width as u8);
        let numbers = self.numbers.get(start..from).unwrap_or_default();
        match (numbers.len(), width) {
            (0, _) => {}
            (length, 0) => hybrid::write_run(&mut content, 0, 0, length),
            _ => hybrid::write_packed(&mut content, width, numbers.iter().copied()),
        }
        (content, entries)
    }
}

/// The pages of a column that were written.
struct Chunk {
    out: TrackedWrite<Vec<u8>>,
    uncompressed: i64,
}

impl Default for Chunk {
    fn default() -> Chunk {
        Chunk { out: TrackedWrite::new(Vec::new()), uncompressed: 0 }
    }
}

impl Chunk {
    /// Adds a page with this content.
    fn add(
        &mut self,
        content: &[u8],
        page: impl FnOnce(Bytes) -> Page,
    ) -> Result<(), ParquetError> {
        let level = ZstdLevel::default().compression_level();
        let compressed = zstd::bulk::compress(content, level)?;
        let page = CompressedPage::new(page(compressed.into()), content.len());
        let written = SerializedPageWriter::new(&mut self.out).write_page(page)?;
        self.uncompressed += i64::try_from(written.uncompressed_size).unwrap_or(i64::MAX);
        Ok(())
    }

    fn written(&self) -> Result<i64, ParquetError> {
        i64::try_from(self.out.bytes_written()).map_err(|_| too_large())
    }
}

fn number(length: usize) -> Result<u32, ParquetError> {
    u32::try_from(length).map_err(|_| too_large())
}

fn too_large() -> ParquetError {
    ParquetError::Other("a column is too large".to_owned())
}

/// The values of a list's column, as numbers in its dictionary.
#[derive(Debug, Default)]
pub(super) struct ReadList {
    /// The content of the dictionary page, and how many values it has.
    pub dictionary: (Bytes, u32),
    /// Where the list of each row ends.
    pub ends: Vec<usize>,
    /// The values of all lists.
    pub numbers: Vec<u32>,
}

impl ReadList {
    /// Reads all pages of a column with at most so many rows. `None` if it is encoded in another way, which the
    /// library may know.
    pub fn read(
        pages: &mut impl PageReader,
        rows: usize,
    ) -> Result<Option<ReadList>, ParquetError> {
        let mut list = ReadList::default();
        let (mut repetition, mut definition) = (Vec::new(), Vec::new());
        // `end` is the current end of the last row's list.
        let (mut end, mut begun) = (0, false);
        while let Some(page) = pages.get_next_page()? {
            match page {
                Page::DictionaryPage { buf, num_values, encoding, .. }
                    if matches!(encoding, Encoding::PLAIN | Encoding::PLAIN_DICTIONARY)
                        && list.dictionary.0.is_empty() =>
                {
                    list.dictionary = (buf, num_values);
                }
                Page::DataPage {
                    buf,
                    num_values,
                    encoding: Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY,
                    def_level_encoding: Encoding::RLE,
                    rep_level_encoding: Encoding::RLE,
                    ..
                } => {
                    let entries = num_values as usize;
                    let rest = read_levels(&buf, entries, &mut repetition)?;
                    let rest = read_levels(rest, entries, &mut definition)?;
                    for (repeated, defined) in repetition.iter().zip(&definition) {
                        if *repeated == 0 && std::mem::replace(&mut begun, true) {
                            list.ends.push(end);
                        }
                        end += usize::from(*defined);
                    }
                    if list.ends.len() >= rows {
                        return Err(ParquetError::Other(format!("a column has over {rows} rows")));
                    }
                    let values = end - list.numbers.len();
                    let (width, packed) = rest.split_first().unwrap_or((&0, &[]));
                    let read = |number| list.numbers.push(number);
                    hybrid::read(packed, u32::from(*width), values, read).ok_or_else(cut_off)?;
                }
                _ => return Ok(None),
            }
        }
        if begun {
            list.ends.push(end);
        }
        Ok(Some(list))
    }
}

/// Reads levels of 0 and 1, one for each entry of a page. Returns what is behind them.
fn read_levels<'a>(
    page: &'a [u8],
    entries: usize,
    levels: &mut Vec<u8>,
) -> Result<&'a [u8], ParquetError> {
    let (length, rest) = page.split_first_chunk::<4>().ok_or_else(cut_off)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| too_large())?;
    let (encoded, rest) = rest.split_at_checked(length).ok_or_else(cut_off)?;
    levels.clear();
    let level = |level| levels.push(u8::from(level != 0));
    hybrid::read(encoded, 1, entries, level).ok_or_else(cut_off)?;
    Ok(rest)
}

fn cut_off() -> ParquetError {
    ParquetError::Other("a page is cut off".to_owned())
}
