//! Days of the calendar, in UTC: the units of weeks, reports and consent.
//!
//! Written `2026-11-22`, like Go's `time.DateOnly`. The calendar itself is in [`CommitTime`].

use crate::gomod::CommitTime;
use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

const SECONDS: i64 = 86_400;

/// A day in UTC, in the years 1970 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u32);

/// A text that is not a day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a day of the form 2026-11-22")]
pub struct DayError(String);

impl Day {
    const LAST: u32 = 2_932_896;

    /// The day of a time. Outside the years 1970 to 9999, the nearest day.
    pub fn of(time: SystemTime) -> Day {
        let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let days = u32::try_from(seconds / SECONDS.unsigned_abs()).unwrap_or(Day::LAST);
        Day(days.min(Day::LAST))
    }

    /// The day this many days later, or the last day of the calendar.
    pub fn plus(self, days: u32) -> Day {
        Day(self.0.saturating_add(days).min(Day::LAST))
    }

    /// How many days later than `other` it is; negative if it is earlier.
    pub fn since(self, other: Day) -> i64 {
        i64::from(self.0) - i64::from(other.0)
    }

    /// When it begins.
    pub fn start(self) -> SystemTime {
        UNIX_EPOCH + std::time::Duration::from_secs(u64::from(self.0) * SECONDS.unsigned_abs())
    }

    /// The day of the week: 0 is Sunday, 6 is Saturday.
    pub fn weekday(self) -> u8 {
        // The first of January 1970 was a Thursday. A remainder by 7 fits.
        ((self.0 + 4) % 7) as u8
    }

    /// The instant of its start, in RFC 3339: `2026-11-22T00:00:00Z`.
    pub(crate) fn to_rfc3339(self) -> String {
        match CommitTime::from_unix_seconds(i64::from(self.0) * SECONDS) {
            Ok(time) => time.to_string(),
            // Days are made within the range of `CommitTime`.
            Err(_) => String::new(),
        }
    }

    /// Reads the instant of a day's start, in RFC 3339.
    pub(crate) fn from_rfc3339(text: &str) -> Result<Day, DayError> {
        let time: Result<CommitTime, _> = text.parse();
        match time.map(CommitTime::unix_seconds) {
            Ok(seconds) if seconds % SECONDS == 0 => {
                u32::try_from(seconds / SECONDS).map(Day).map_err(|_| DayError(text.to_owned()))
            }
            _ => Err(DayError(text.to_owned())),
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.to_rfc3339().split('T').next().unwrap_or_default())
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Day, DayError> {
        Day::from_rfc3339(&format!("{text}T00:00:00Z")).map_err(|_| DayError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn days_have_one_form_and_a_weekday() {
        for (text, weekday) in [
            ("1970-01-01", 4),
            ("2000-02-29", 2),
            ("2026-11-22", 0),
            ("2026-11-28", 6),
            ("9999-12-31", 5),
        ] {
            let day: Day = text.parse().expect("a day");
            assert_eq!((day.to_string().as_str(), day.weekday()), (text, weekday));
        }
        for bad in ["", "2026-11-22 ", "2026-11-22T00:00:00Z", "2026-02-29", "26-11-22", "x"] {
            assert!(bad.parse::<Day>().is_err(), "{bad}");
        }
        assert!(Day::from_rfc3339("2026-11-22T00:00:01Z").is_err());
    }

    #[test]
    fn a_clock_out_of_range_is_the_nearest_day() {
        assert_eq!(Day::of(UNIX_EPOCH - Duration::from_secs(1)).to_string(), "1970-01-01");
        assert_eq!(Day(Day::LAST).to_string(), "9999-12-31");
        assert_eq!(Day(Day::LAST).plus(u32::MAX), Day(Day::LAST));
    }

    proptest! {
        #[test]
        fn a_day_lasts_from_its_start_to_the_next(number in 0..Day::LAST) {
            let day = Day(number);
            prop_assert_eq!(day.to_string().parse(), Ok(day));
            prop_assert_eq!(Day::of(day.start()), day);
            prop_assert_eq!(Day::of(day.plus(1).start() - Duration::from_nanos(1)), day);
            prop_assert_eq!(day.plus(1).weekday(), (day.weekday() + 1) % 7);
            prop_assert_eq!(day.plus(30).since(day), 30);
        }
    }
}
