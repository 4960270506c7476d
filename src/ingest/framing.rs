//! The record format of segment files, open and sealed.
//!
//! ```text
//! header   16 bytes   "candor buffer 1\n" of an open segment, "candor sealed 1\n" of a sealed one,
//!                     "candor batch  1\n" of a batch in the store; 1 is the version of this format
//! record              one per report
//!   length  4 bytes   of the content, little-endian; 1 to 1 MiB
//!   check   8 bytes   the first 8 bytes of the content's SHA-256
//!   content           in an open segment and in a batch, the report's identity (16 bytes; `identity`)
//!                     comes first; then its public row (JSON), which begins {"Week":"YYYY-MM-DD"
//! ```
//!
//! Zeros may follow the last record of an open segment (`segment`); a record does not end with one.
//!
//! After damage the next record is found by trying every byte. That is fast: a row is text, and four
//! bytes of text, read as a length, are never under 1 MiB.

use crate::day::Day;
use sha2::{Digest, Sha256};
use std::ops::Range;

/// The length of the header.
pub(super) const HEADER: usize = 16;
/// The position of the format's version in it.
const VERSION_AT: usize = 14;
/// The bytes before a record's content.
pub(super) const PREFIX: usize = 4 + CHECK;
const CHECK: usize = 8;
/// What a disk writes as a whole, in bytes, or a part of it.
const SECTOR: usize = 512;
/// The longest content. Bodies are far shorter, and a row is hardly ever longer than its body.
pub(super) const MAX_CONTENT: usize = 1 << 20;

/// The kind of a segment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SegmentKind {
    /// It is appended to, or was.
    Open,
    /// It never changes.
    Sealed,
    /// It is an object in the store, and never changes.
    Batch,
}

impl SegmentKind {
    pub(super) const ALL: [SegmentKind; 3] =
        [SegmentKind::Open, SegmentKind::Sealed, SegmentKind::Batch];

    /// The header of such a file.
    pub(super) const fn header(self) -> [u8; HEADER] {
        match self {
            SegmentKind::Open => *b"candor buffer 1\n",
            SegmentKind::Sealed => *b"candor sealed 1\n",
            SegmentKind::Batch => *b"candor batch  1\n",
        }
    }

    /// How many bytes of a record's content come before its row.
    pub(super) const fn before_row(self) -> usize {
        match self {
            SegmentKind::Open | SegmentKind::Batch => 16,
            SegmentKind::Sealed => 0,
        }
    }

    /// The file's format version if it is not this program's, so that it must neither be read nor
    /// changed.
    pub(super) fn later_format(self, bytes: &[u8]) -> Option<u8> {
        let (own, found) = (self.header(), bytes.get(..HEADER)?);
        let version = *found.get(VERSION_AT)?;
        let differs = (0..).zip(own.iter().zip(found)).filter(|(_, (own, found))| own != found);
        let only_version = differs.map(|(at, _)| at).eq([VERSION_AT]);
        (only_version && version.is_ascii_digit()).then(|| version - b'0')
    }
}

/// A whole record of a segment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) week: Day,
    /// The report's identity; empty in a sealed file.
    pub(super) identity: &'a [u8],
    pub(super) row: &'a [u8],
    /// The SHA-256 of both, one after the other: in a sealed file, that of the row.
    pub(super) sha256: [u8; 32],
}

/// A piece of a segment file, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// A record.
    Record(Record<'a>),
    /// Bytes that are not a record, up to the next record.
    Damage(Range<usize>),
    /// Bytes that are not a record, up to the end of the file: an unfinished write, if the file was
    /// being written.
    Tail(Range<usize>),
}

/// Appends a record.
pub(super) fn write(out: &mut Vec<u8>, identity: &[u8], row: &[u8]) {
    // A checked report came in a body of at most MAX_BODY bytes, so the length fits.
    let length = u32::try_from(identity.len() + row.len()).unwrap_or(u32::MAX);
    let digest = Sha256::new().chain_update(identity).chain_update(row).finalize();
    out.extend_from_slice(&length.to_le_bytes());
    out.extend(digest.iter().take(CHECK));
    out.extend_from_slice(identity);
    out.extend_from_slice(row);
}

/// Iterates over the pieces of a segment file.
#[derive(Debug, Clone)]
pub(super) struct Records<'a> {
    bytes: &'a [u8],
    kind: SegmentKind,
    at: usize,
}

impl<'a> Records<'a> {
    pub(super) fn new(kind: SegmentKind, bytes: &'a [u8]) -> Records<'a> {
        // A damaged header is found below like any other damage.
        let at = if bytes.starts_with(&kind.header()) { HEADER } else { 0 };
        Records { bytes, kind, at }
    }

    /// Of a file that may have zeros after its last record.
    pub(super) fn before_zeros(kind: SegmentKind, bytes: &'a [u8]) -> Records<'a> {
        Records::new(kind, bytes.get(..end_before_zeros(bytes)).unwrap_or(bytes))
    }

    /// Where the last piece ends.
    pub(super) fn end(&self) -> usize {
        self.bytes.len()
    }

    /// The current position.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The positions of all records that are left, as the length of each says; `None` if these do not lead to the
    /// end. Nothing else is checked.
    pub(super) fn positions(&self) -> Option<Vec<usize>> {
        let (mut at, mut positions) = (self.at, Vec::new());
        while at < self.bytes.len() {
            let length = self.bytes.get(at..)?.first_chunk::<4>()?;
            positions.push(at);
            at = at.checked_add(PREFIX + usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        }
        (at == self.bytes.len()).then_some(positions)
    }

    /// The whole record at a position, and its end.
    pub(super) fn record_at(&self, at: usize) -> Option<(Record<'a>, usize)> {
        let (length, rest) = self.bytes.get(at..)?.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (check, rest) = rest.split_first_chunk::<CHECK>()?;
        let content = rest.get(..length).filter(|_| (1..=MAX_CONTENT).contains(&length))?;
        let (identity, row) = content.split_at_checked(self.kind.before_row())?;
        let week = week_of(row)?;
        let sha256: [u8; 32] = Sha256::digest(content).into();
        let is_whole = sha256.starts_with(check);
        is_whole.then_some((Record { week, identity, row, sha256 }, at + PREFIX + length))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        let at = self.at;
        if at == self.bytes.len() {
            return None;
        }
        if let Some((record, end)) = self.record_at(at) {
            self.at = end;
            return Some(Found::Record(record));
        }
        let next = (at + 1..self.bytes.len()).find(|next| self.record_at(*next).is_some());
        self.at = next.unwrap_or(self.bytes.len());
        let range = at..self.at;
        Some(if next.is_some() { Found::Damage(range) } else { Found::Tail(range) })
    }
}

/// Where the zeros begin at the end of these bytes.
pub(super) fn end_before_zeros(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

/// Whether a part of these bytes of a file was never written, although zeros had been: some sector has nothing else.
pub(super) fn has_unwritten_sector(bytes: &[u8], range: &Range<usize>) -> bool {
    let mut at = range.start;
    while at < range.end {
        let next = range.end.min((at / SECTOR + 1) * SECTOR);
        if bytes.get(at..next).is_some_and(|piece| piece.iter().all(|byte| *byte == 0)) {
            return true;
        }
        at = next;
    }
    false
}

/// The week of a row, without reading the rest.
pub(super) fn week_of(row: &[u8]) -> Option<Day> {
    let date = row.strip_prefix(b"{\"Week\":\"")?.get(..10)?;
    std::str::from_utf8(date).ok()?.parse().ok()
}
