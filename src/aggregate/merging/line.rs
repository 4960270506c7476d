//! The order of public data: by day, then by X, then by bytes.
//!
//! A line is a report in its one form. X is uniformly random and drawn on the client, so the order
//! within a day says nothing of the order in which reports arrived; the reports that a lower sampling
//! rate would have let through are the first lines of a day's file; and a report that was stored
//! twice stands next to itself.

use crate::ingest::parse_date;
use jiff::civil::Date;
use std::cmp::Ordering;

/// What lines are ordered by, before their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LineKey {
    /// The day on which the report's week ended.
    pub day: Date,
    /// The bits of X. For numbers that are not negative, their order is that of the numbers.
    x: u64,
}

impl LineKey {
    /// Reads the key from the beginning of a report's one form, without reading the rest.
    pub fn of(line: &[u8]) -> Option<LineKey> {
        let (day, rest) = date(line.strip_prefix(b"{\"Week\":\"")?)?;
        let rest = rest.strip_prefix(b"\",\"LastWeek\":\"")?;
        let rest = if rest.starts_with(b"\"") { rest } else { date(rest)?.1 };
        let rest = rest.strip_prefix(b"\",\"X\":")?;
        let end = rest.iter().position(|byte| *byte == b',')?;
        let x: f64 = std::str::from_utf8(rest.get(..end)?).ok()?.parse().ok()?;
        Some(LineKey { day, x: x.to_bits() })
    }
}

/// Compares two lines.
pub(super) fn order(one: (LineKey, &[u8]), other: (LineKey, &[u8])) -> Ordering {
    one.0.cmp(&other.0).then_with(|| one.1.cmp(other.1))
}

fn date(text: &[u8]) -> Option<(Date, &[u8])> {
    let (date, rest) = text.split_at_checked(10)?;
    Some((parse_date(std::str::from_utf8(date).ok()?)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::testing::any_report;
    use crate::ingest::Report;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_key_of_a_line_is_its_reports_day_and_x(one in any_report(), other in any_report()) {
            let [(key, report), (other_key, other)] = [&one, &other].map(|line| {
                (LineKey::of(line).expect("a key"), Report::decode(line).expect("a report"))
            });
            prop_assert_eq!(key.day, report.week);
            let expected = report.week.cmp(&other.week)
                .then(report.x.get().total_cmp(&other.x.get()));
            prop_assert_eq!(key.cmp(&other_key), expected);
        }
    }

    #[test]
    fn small_numbers_come_first() {
        let line = |x| format!("{{\"Week\":\"2026-02-08\",\"LastWeek\":\"\",\"X\":{x},\"P");
        let keys = ["1e-300", "9.5e-7", "0.001", "0.25", "1"]
            .map(|x| LineKey::of(line(x).as_bytes()).expect("a key"));
        assert!(keys.is_sorted());
        assert_eq!(LineKey::of(b"{\"Week\":\"2026-02-08\",\"X\":1,"), None);
    }
}
