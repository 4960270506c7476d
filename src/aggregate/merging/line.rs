//! The order of public data: by day, then by a hash of the row.
//!
//! A line is a report's public row. The hash is the row's SHA-256, so the order within a day depends
//! only on the rows' contents, and reveals nothing of the order of arrival. Two equal rows are two
//! reports; they are next to each other.

use crate::day::Day;
use jiff::civil::Date;
use sha2::{Digest, Sha256};
use std::cmp::Ordering;

/// What lines are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct LineKey {
    /// The day on which the report's week ended.
    pub day: Date,
    /// The first half of the line's SHA-256, which orders as the whole does.
    pub hash: u128,
}

impl LineKey {
    /// The key of a public row; only its date is parsed.
    pub fn of(line: &[u8]) -> Option<LineKey> {
        Some(LineKey { day: day_of(line)?, hash: hash(line) })
    }

    /// The key of a public row of this day whose SHA-256 is known.
    pub fn new(day: Date, sha256: [u8; 32]) -> LineKey {
        LineKey { day, hash: first_half(sha256) }
    }
}

/// The day of a public row; nothing else of it is parsed.
pub(super) fn day_of(line: &[u8]) -> Option<Date> {
    let day = line.strip_prefix(b"{\"Week\":\"")?.get(..10)?;
    std::str::from_utf8(day).ok()?.parse().ok().map(Day::civil)
}

/// The first half of a line's SHA-256.
pub(super) fn hash(line: &[u8]) -> u128 {
    first_half(Sha256::digest(line).into())
}

fn first_half(digest: [u8; 32]) -> u128 {
    // Half of 32 bytes is there.
    digest.first_chunk::<16>().map_or(0, |half| u128::from_be_bytes(*half))
}

/// Compares two lines.
pub(super) fn order(one: (LineKey, &[u8]), other: (LineKey, &[u8])) -> Ordering {
    one.0.cmp(&other.0).then_with(|| one.1.cmp(other.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_ordered_by_its_day_and_then_by_its_hash() {
        let line = |day: &str, rest: &str| format!("{{\"Week\":\"{day}\",{rest}}}").into_bytes();
        let [first, second] = ["1", "2"].map(|rest| line("2026-02-08", rest));
        let later = line("2026-02-09", "1");
        let key = |line: &[u8]| LineKey::of(line).expect("a key");
        assert!(key(&first) < key(&later) && key(&second) < key(&later));
        let whole = |line: &[u8]| <[u8; 32]>::from(Sha256::digest(line));
        assert_eq!(key(&first).cmp(&key(&second)), whole(&first).cmp(&whole(&second)));
        assert_eq!(LineKey::of(b"{\"Weak\":\"2026-02-08\"}"), None);
        assert_eq!(LineKey::of(b"{\"Week\":\"2026-02-30\"}"), None);
    }
}
