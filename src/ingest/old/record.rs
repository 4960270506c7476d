//! How reports lie in a segment file.
//!
//! ```text
//! header   16 bytes   "candor reports" 0x01 "\n"       0x01 is the version of this format
//! record              one a report, until the end of the file
//!   length    4 bytes   of the report, little-endian; 1 to 1 MiB
//!   identity 16 bytes   the first 16 bytes of the report's SHA-256
//!   report              the report in its one form (JSON), which begins {"Week":"YYYY-MM-DD"
//! ```
//!
//! The identity is what duplicates are known by, and it is the record's checksum: reading a record
//! proves it whole, and rebuilding the set of identities is reading.
//!
//! After damage the next record is found by trying every byte. That is quick: a report is text, and
//! four bytes of text, read as a length, are never under 1 MiB.

use super::super::report::parse_date;
use super::Identity;
use jiff::civil::Date;
use std::ops::Range;

/// The first bytes of every segment file.
pub(super) const HEADER: [u8; 16] = *b"candor reports\x01\n";
/// Where the format's version stands in the header.
const VERSION_AT: usize = 14;
/// The bytes of a record before its report.
pub(super) const PREFIX: usize = 4 + 16;
/// The longest report. A body is far shorter, and its one form is hardly ever longer than the body.
const MAX_REPORT: usize = 1 << 20;

/// A whole record of a segment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) identity: Identity,
    pub(super) week: Date,
    pub(super) report: &'a [u8],
}

/// What is found in a segment file, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// A record.
    Record(Record<'a>),
    /// Bytes that are no record, up to the next record.
    Damage(Range<usize>),
    /// Bytes that are no record, up to the end of the file: a write that was not finished, where
    /// the file is one that is written to.
    Tail(Range<usize>),
}

/// Appends a record.
pub(super) fn write(out: &mut Vec<u8>, identity: Identity, report: &[u8]) {
    // A report that is checked was a body of at most MAX_BODY bytes, so the length fits.
    let length = u32::try_from(report.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(identity.as_bytes());
    out.extend_from_slice(report);
}

/// Whether the file is of a later format, which this program must neither read nor change.
pub(super) fn later_format(bytes: &[u8]) -> Option<u8> {
    let (name, rest) = bytes.get(..HEADER.len())?.split_at_checked(VERSION_AT)?;
    match *rest {
        [version, b'\n'] if HEADER.starts_with(name) && !HEADER.ends_with(rest) => Some(version),
        _ => None,
    }
}

/// Reads the bytes of a segment file.
#[derive(Debug, Clone)]
pub(super) struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Records<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Records<'a> {
        // A damaged header is damage like any other, and found below.
        Records { bytes, at: if bytes.starts_with(&HEADER) { HEADER.len() } else { 0 } }
    }

    /// Reads on from a place that a [`Records`] over the same bytes had come to.
    pub(super) fn resume(bytes: &'a [u8], at: usize) -> Records<'a> {
        Records { at: at.min(bytes.len()), bytes }
    }

    /// How far it has come.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The whole record at a place, and where it ends.
    fn record_at(&self, at: usize) -> Option<(Record<'a>, usize)> {
        let (length, rest) = self.bytes.get(at..)?.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (identity, rest) = rest.split_first_chunk::<16>()?;
        let report = rest.get(..length).filter(|_| (1..=MAX_REPORT).contains(&length))?;
        let week = week_of(report)?;
        let found = Identity::of(report);
        let record = Record { identity: found, week, report };
        (found.as_bytes() == identity).then_some((record, at + PREFIX + length))
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

/// The week and identity of every record, without hashing the reports: for whoever knows the hash of
/// all identities. `None` where the bytes are not whole records from the header to the end.
pub(super) fn skim(bytes: &[u8]) -> Option<Vec<(Date, Identity)>> {
    let mut rest = bytes.strip_prefix(&HEADER)?;
    let mut records = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (identity, after) = after.split_first_chunk::<16>()?;
        let (report, after) = after.split_at_checked(length)?;
        records.push((week_of(report)?, Identity::from_bytes(*identity)));
        rest = after;
    }
    Some(records)
}

/// The week of a report in its one form, without reading the rest.
fn week_of(report: &[u8]) -> Option<Date> {
    let date = report.strip_prefix(b"{\"Week\":\"")?.get(..10)?;
    parse_date(std::str::from_utf8(date).ok()?)
}
