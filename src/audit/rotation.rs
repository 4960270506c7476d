//! Which of the things that were found right are read again today.
//!
//! They may be served differently now. Reading everything each time would make every audit download all of a
//! deployment's data; so each run reads the newest again, and the first of a day also a thirtieth of the rest, a
//! different one each day. Daily audits read everything within thirty days.

use jiff::Timestamp;
use jiff::civil::Date;

/// Everything is read again within this many days.
const DAYS: u64 = 30;

/// A day's number, since 1970.
pub(super) fn day_of(now: Timestamp) -> u64 {
    u64::try_from(now.as_second()).unwrap_or_default() / 86_400
}

/// The part that is read again on a day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rotation {
    /// `None` if an earlier run has read it.
    day: Option<u64>,
}

impl Rotation {
    /// The part of the day of this time, unless one of these days is it, whose parts were read.
    pub(super) fn at(now: Timestamp, read: &[Option<u64>]) -> Rotation {
        let day = Some(day_of(now));
        Rotation { day: day.filter(|_| !read.contains(&day)) }
    }

    /// Whether the item with this number is read again.
    pub(super) fn has(self, number: u64) -> bool {
        self.day.is_some_and(|day| number % DAYS == day % DAYS)
    }

    /// Whether this day or week is read again. Seven and thirty have no common factor, so each week has its
    /// turn.
    pub(super) fn has_date(self, date: Date) -> bool {
        let day = date.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp());
        day.is_ok_and(|day| self.has(day_of(day)))
    }
}

/// A note for verdicts if not everything was read in this run.
pub(super) fn read_before(now: u64, all: u64, (one, several): (&str, &str)) -> String {
    match all.saturating_sub(now) {
        0 => String::new(),
        1 => format!("; 1 {one} was found right in an earlier run and not read now (--full does)"),
        more => {
            format!(
                "; {more} {several} were found right in earlier runs and not read now (--full does)"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan;
    use std::collections::BTreeSet;

    #[test]
    fn everything_is_read_once_within_thirty_days() {
        let start: Timestamp = "2026-11-15T03:00:00Z".parse().expect("a time");
        let days: Vec<Rotation> =
            (0..30).map(|day| Rotation::at(start + (24 * day).hours(), &[])).collect();
        for number in 0..100 {
            assert_eq!(days.iter().filter(|day| day.has(number)).count(), 1, "{number}");
        }
        let again = Rotation::at(start + 1.hour(), &[None, Some(day_of(start))]);
        assert!((0..100).all(|number| !again.has(number)), "it is read once a day");
        assert!(
            (0..30)
                .any(|number| Rotation::at(start + 24.hours(), &[Some(day_of(start))]).has(number))
        );
        let sunday = jiff::civil::date(2026, 11, 15);
        let turns: BTreeSet<usize> = (0..30)
            .filter_map(|week| {
                let date = sunday.checked_add((7 * week).days()).ok()?;
                days.iter().position(|day| day.has_date(date))
            })
            .collect();
        assert_eq!(turns.len(), 30, "no two of thirty weeks have the same turn");
    }
}
