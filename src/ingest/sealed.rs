//! Sealed segments: the public rows of some reports, in random order; and batches, which are that in a store.
//!
//! `DIR/reports/ID.sealed` is a header and records (`framing`), followed by a checksum: the SHA-256 of the
//! header and of each record's length and check, which tells if records are missing or in another order. It
//! never changes. If a checksum does not match, the segment is damaged, and each record's own tells which
//! are whole. No record has an identity.
//!
//! A batch, `uploads/ID` in the store, is the same, but its records have their identities (`batches`).
//!
//! A segment that was found damaged before it was sealed gets this name, too, with its content
//! unchanged: if it were shuffled, nobody could restore it.

use super::folder::{self, SEALED};
use super::framing::{self, Found, HEADER, PREFIX, Record, Records, SegmentKind};
use super::identity::Identity;
use super::read_error::ReadError;
use super::segment_id::SegmentId;
use crate::day::Day;
use crate::store::{Key, Store};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

/// A thread checks at least so many records.
const SMALLEST_PART: usize = 1000;
/// The length of the checksum.
const CHECKSUM: usize = 32;

/// A sealed segment, or a batch.
#[derive(Debug, Clone)]
pub struct SealedFile {
    id: SegmentId,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    File(PathBuf),
    Object(Arc<dyn Store>, Key),
}

/// The sealed segments of a receiver's folder, ordered by id, which is random; none if nothing was ever
/// stored.
pub fn sealed_segments(folder: &Path) -> Result<Vec<SealedFile>, ReadError> {
    let ids = match folder::segments(folder, SEALED) {
        Ok(ids) => ids,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(source) => return Err(ReadError::Io { path: folder.display().to_string(), source }),
    };
    let file = |id| SealedFile { id, place: Place::File(folder::path(folder, id, SEALED)) };
    Ok(ids.into_iter().map(file).collect())
}

/// The name of a sealed segment's file, relative to the deployment.
pub fn sealed_file_name(id: SegmentId) -> String {
    format!("reports/{id}.sealed")
}

impl SealedFile {
    /// A batch in a store.
    pub(super) fn batch(id: SegmentId, store: Arc<dyn Store>, key: Key) -> SealedFile {
        SealedFile { id, place: Place::Object(store, key) }
    }

    /// The segment's id.
    pub fn id(&self) -> SegmentId {
        self.id
    }

    /// The file's name, relative to the deployment; or the object's.
    pub fn name(&self) -> String {
        match &self.place {
            Place::File(_) => sealed_file_name(self.id),
            Place::Object(_, key) => key.to_string(),
        }
    }

    /// Its length; 0 if unknown, as that of an object is.
    pub fn length(&self) -> u64 {
        match &self.place {
            Place::File(path) => fs::metadata(path).map_or(0, |metadata| metadata.len()),
            Place::Object(..) => 0,
        }
    }

    /// Reads it. Damage is an error that names the first damaged bytes.
    pub fn read(&self) -> Result<SealedRows, ReadError> {
        let rows = self.read_whole_records()?;
        match rows.damage.first().cloned() {
            None => Ok(rows),
            Some(bytes) => Err(ReadError::Damaged { path: self.name(), bytes }),
        }
    }

    /// Reads its whole records.
    pub fn read_whole_records(&self) -> Result<SealedRows, ReadError> {
        let bytes = match &self.place {
            Place::File(path) => {
                let failed = |source| ReadError::Io { path: self.name(), source };
                folder::read_regular(path).map_err(failed)?
            }
            Place::Object(store, key) => {
                store.get(key)?.ok_or_else(|| ReadError::Gone { path: self.name() })?
            }
        };
        let later = SegmentKind::ALL.into_iter().find_map(|kind| kind.later_format(&bytes));
        match later {
            Some(version) => Err(ReadError::LaterFormat { path: self.name(), version }),
            None => Ok(SealedRows::parse(bytes)),
        }
    }
}

/// A public row of a sealed segment.
#[derive(Debug, Clone, Copy)]
pub struct SealedRow<'a> {
    /// The day on which the report's week ended.
    pub week: Day,
    /// The row.
    pub row: &'a [u8],
    /// The row's SHA-256.
    pub sha256: [u8; 32],
    /// The report's identity, in a batch.
    pub identity: Option<Identity>,
}

/// The rows of a sealed segment.
#[derive(Debug, Clone)]
pub struct SealedRows {
    bytes: Vec<u8>,
    rows: Vec<FoundRow>,
    /// The damaged bytes.
    damage: Vec<Range<usize>>,
}

/// A row that was found.
#[derive(Debug, Clone)]
struct FoundRow {
    week: Day,
    sha256: [u8; 32],
    identity: Option<Identity>,
    /// Where in the bytes it is.
    range: Range<usize>,
}

impl SealedRows {
    /// The public row of every report.
    pub fn iter(&self) -> impl Iterator<Item = SealedRow<'_>> {
        // The ranges were found in these bytes, so they exist.
        self.rows.iter().filter_map(|FoundRow { week, sha256, identity, range }| {
            let row = self.bytes.get(range.clone())?;
            Some(SealedRow { week: *week, row, sha256: *sha256, identity: *identity })
        })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[cfg(any(test, feature = "testing"))]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn parse(bytes: Vec<u8>) -> SealedRows {
        let named = SegmentKind::ALL.into_iter().find(|kind| bytes.starts_with(&kind.header()));
        let kind = named.unwrap_or(SegmentKind::Sealed);
        let end = match kind {
            SegmentKind::Open => framing::end_before_zeros(&bytes),
            SegmentKind::Sealed | SegmentKind::Batch => bytes.len().saturating_sub(CHECKSUM),
        };
        let (content, checksum) = bytes.split_at_checked(end).unwrap_or((&bytes, &[]));
        let records = Records::new(kind, content);
        let (rows, mut damage) = match whole_rows(kind, &records) {
            Some(rows) => (rows, Vec::new()),
            None => rows_and_damage(kind, records),
        };
        let mut prefixes = Sha256::new_with_prefix(content.get(..HEADER).unwrap_or_default());
        for FoundRow { range, .. } in &rows {
            prefixes.update(prefix_before(content, range.start - kind.before_row()));
        }
        let is_whole = match kind {
            SegmentKind::Open => true,
            SegmentKind::Sealed | SegmentKind::Batch => prefixes.finalize().as_slice() == checksum,
        };
        if !is_whole && damage.is_empty() {
            damage.push(end..bytes.len());
        }
        SealedRows { bytes, rows, damage }
    }
}

impl FoundRow {
    /// The row of a record that ends here.
    fn new(kind: SegmentKind, record: &Record<'_>, end: usize) -> FoundRow {
        let sha256 = match kind {
            SegmentKind::Open | SegmentKind::Batch => Sha256::digest(record.row).into(),
            SegmentKind::Sealed => record.sha256,
        };
        // Only a batch keeps what it says of them: an open segment's were known before.
        let identity = Identity::from_bytes(record.identity);
        let identity = identity.filter(|_| kind == SegmentKind::Batch);
        FoundRow { week: record.week, sha256, identity, range: end - record.row.len()..end }
    }
}

/// The rows if all records are whole, each where the length of the one before says; several cores check them.
fn whole_rows(kind: SegmentKind, records: &Records<'_>) -> Option<Vec<FoundRow>> {
    let positions = records.positions()?;
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let size = positions.len().div_ceil(cores).max(SMALLEST_PART);
    let check = |positions: &[usize]| {
        let row = |at: &usize| {
            let (record, end) = records.record_at(*at)?;
            Some(FoundRow::new(kind, &record, end))
        };
        positions.iter().map(row).collect::<Option<Vec<FoundRow>>>()
    };
    let mut parts = positions.chunks(size);
    let own = parts.next().unwrap_or_default();
    thread::scope(|scope| {
        let threads: Vec<_> = parts.map(|part| scope.spawn(move || check(part))).collect();
        let mut rows = check(own);
        for thread in threads {
            let more = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            rows = rows.zip(more).map(|(mut rows, more)| {
                rows.extend(more);
                rows
            });
        }
        rows
    })
}

/// The rows of all whole records, and the damaged bytes between them.
fn rows_and_damage(
    kind: SegmentKind,
    mut records: Records<'_>,
) -> (Vec<FoundRow>, Vec<Range<usize>>) {
    let (mut rows, mut damage) = (Vec::new(), Vec::new());
    while let Some(found) = records.next() {
        match found {
            Found::Record(record) => rows.push(FoundRow::new(kind, &record, records.position())),
            Found::Damage(range) | Found::Tail(range) => damage.push(range),
        }
    }
    (rows, damage)
}

/// The content of a sealed segment with these rows, in this order.
pub(crate) fn encode<'a>(rows: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    encode_records(SegmentKind::Sealed, rows.into_iter().map(|row| (&[][..], row)))
}

/// The content of a batch with these reports, in this order.
pub(super) fn encode_batch<'a>(
    reports: impl IntoIterator<Item = (&'a Identity, &'a [u8])>,
) -> Vec<u8> {
    let records = reports.into_iter().map(|(identity, row)| (&identity.as_bytes()[..], row));
    encode_records(SegmentKind::Batch, records)
}

fn encode_records<'a>(
    kind: SegmentKind,
    records: impl Iterator<Item = (&'a [u8], &'a [u8])>,
) -> Vec<u8> {
    let mut bytes = kind.header().to_vec();
    let mut prefixes = Sha256::new_with_prefix(&bytes);
    for (identity, row) in records {
        super::framing::write(&mut bytes, identity, row);
        prefixes.update(prefix_before(&bytes, bytes.len() - identity.len() - row.len()));
    }
    bytes.extend_from_slice(&prefixes.finalize());
    bytes
}

/// The length and the check of the record whose content starts here.
fn prefix_before(bytes: &[u8], content: usize) -> &[u8] {
    bytes.get(content - PREFIX..content).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_threads_find_what_one_finds() {
        let count = 3 * SMALLEST_PART + 1;
        let row =
            |number: usize| format!("{{\"Week\":\"2026-02-08\",\"X\":{number}}}").into_bytes();
        let rows: Vec<_> = (0..count).map(row).collect();
        let whole = encode(rows.iter().map(Vec::as_slice));
        let read = SealedRows::parse(whole.clone());
        assert!(read.iter().map(|found| found.row).eq(rows.iter().map(Vec::as_slice)));
        assert_eq!(read.damage, []);
        // One damaged record, wherever it is, is found alone.
        for damaged in [0, SMALLEST_PART, count - 1] {
            let place = read.rows[damaged].range.clone();
            let mut other = whole.clone();
            other[place.end - 2] ^= 1;
            let read = SealedRows::parse(other);
            assert_eq!(read.len(), count - 1);
            assert!(read.damage.iter().eq([&(place.start - PREFIX..place.end)]));
        }
    }

    #[test]
    fn a_segment_whose_records_are_whole_but_not_all_there_in_order_is_damaged() {
        let row = |number: u32| format!("{{\"Week\":\"2026-02-08\",\"X\":{number}}}").into_bytes();
        let rows: Vec<_> = (0..3).map(row).collect();
        let sealed = |order: &[usize]| encode(order.iter().map(|at| rows[*at].as_slice()));
        let whole = sealed(&[0, 1, 2]);
        let read = SealedRows::parse(whole.clone());
        assert!(read.damage.is_empty());
        for (found, row) in read.iter().zip(&rows) {
            assert_eq!((found.row, found.sha256), (&row[..], Sha256::digest(row).into()));
        }
        let checksum = &whole[whole.len() - CHECKSUM..];
        for order in [&[0, 1][..], &[1, 0, 2], &[0, 1, 1, 2], &[]] {
            let mut other = sealed(order);
            let end = other.len() - CHECKSUM;
            other[end..].copy_from_slice(checksum);
            let damaged = end..other.len();
            assert_eq!(SealedRows::parse(other).damage.first(), Some(&damaged));
        }
    }
}
