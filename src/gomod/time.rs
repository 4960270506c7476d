//! When a commit was made: whole seconds, in the one form in which they are published.
//!
//! The form is that of RFC 3339 (<https://www.rfc-editor.org/rfc/rfc3339#section-5.6>), always in UTC and
//! without fractions: `2026-02-03T04:05:06Z`.

use crate::day::{self, Day};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// When a commit was made, in whole seconds; written in RFC 3339, always in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitTime(i64);

/// Why a number or a text is not the time of a commit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommitTimeError {
    /// A time before 1970 or after 9999.
    #[error("commit time {0} (seconds since 1970) is outside the years 1970 to 9999")]
    Seconds(i64),
    /// Not a time in the one form that is used.
    #[error("{0:?} is not a time of the form 2026-02-03T04:05:06Z")]
    Form(String),
}

impl CommitTime {
    /// The time this many seconds after the start of 1970, not counting leap seconds, as in git.
    pub fn from_unix_seconds(seconds: i64) -> Result<CommitTime, CommitTimeError> {
        const END_OF_9999: i64 = 253_402_300_799;
        match seconds {
            0..=END_OF_9999 => Ok(CommitTime(seconds)),
            _ => Err(CommitTimeError::Seconds(seconds)),
        }
    }

    /// The day, in UTC.
    pub(crate) fn day(self) -> Day {
        // Its years are those of days.
        Day::numbered(u32::try_from(self.0 / i64::from(day::SECONDS)).unwrap_or(u32::MAX))
    }

    /// Seconds since the start of 1970.
    pub fn unix_seconds(self) -> i64 {
        self.0
    }
}

impl fmt::Display for CommitTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (day, second) = (self.day(), self.0 % i64::from(day::SECONDS));
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{day}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl FromStr for CommitTime {
    type Err = CommitTimeError;

    fn from_str(text: &str) -> Result<CommitTime, CommitTimeError> {
        let number = |range| text.get(range).and_then(|digits: &str| digits.parse::<i64>().ok());
        let parse = || {
            let day = text.get(..10)?.parse::<Day>().ok()?;
            let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
            let start = i64::from(day.number()) * i64::from(day::SECONDS);
            let time = CommitTime::from_unix_seconds(start + hour * 3600 + minute * 60 + second);
            // Anything that is not a date and time in exactly this form is formatted differently.
            time.ok().filter(|time| time.to_string() == text)
        };
        parse().ok_or_else(|| CommitTimeError::Form(text.to_string()))
    }
}

impl TryFrom<String> for CommitTime {
    type Error = CommitTimeError;

    fn try_from(text: String) -> Result<CommitTime, CommitTimeError> {
        text.parse()
    }
}

impl From<CommitTime> for String {
    fn from(time: CommitTime) -> String {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_have_one_form() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(CommitTime(seconds).to_string(), text);
            assert_eq!(text.parse(), Ok(CommitTime(seconds)));
        }
        for bad in [
            "",
            "2026-02-03",
            "2026-02-03T04:05:06",
            "2026-02-03t04:05:06z",
            "2026-2-3T04:05:06Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-02-03T24:00:00Z",
            "2026-02-03T04:05:60Z",
            "2026-02-03T04:05:06.0Z",
            "1969-12-31T23:59:59Z",
            "+026-02-03T04:05:06Z",
            "2026-02-03T04:05:06Z ",
            "2026-02-ü3",
        ] {
            assert!(bad.parse::<CommitTime>().is_err(), "{bad}");
        }
        assert!(CommitTime::from_unix_seconds(-1).is_err());
        assert!(CommitTime::from_unix_seconds(253_402_300_800).is_err());
    }

    proptest! {
        #[test]
        fn times_are_those_of_another_calendar(seconds in 0..=253_402_207_200i64) {
            // jiff keeps a day's distance from the end of the year 9999.
            let time = CommitTime::from_unix_seconds(seconds).expect("in range");
            let text = time.to_string();
            prop_assert_eq!(text.parse(), Ok(time));
            #[cfg(feature = "server")]
            prop_assert_eq!(text, jiff::Timestamp::from_second(seconds).expect("in range").to_string());
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = text.parse::<CommitTime>();
        }
    }
}
