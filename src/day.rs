//! Days of the calendar, in UTC: the units of weeks, reports, configs and consent.
//!
//! Written `2026-11-22`, like Go's `time.DateOnly`. The calendar's arithmetic is here, in two short functions,
//! so that programs that embed only the client need no library for it.

#[cfg(feature = "verify")]
use serde::de::{Deserialize, Deserializer, Visitor};
#[cfg(feature = "verify")]
use serde::ser::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The seconds of a day.
pub(crate) const SECONDS: u32 = 86_400;

/// A day in UTC, in the years 1970 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u32);

/// A text that is not a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayError(String);

impl fmt::Display for DayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a day of the form 2026-11-22, from 1970 on", self.0)
    }
}

impl std::error::Error for DayError {}

impl Day {
    pub(crate) const FIRST: Day = Day(0);
    pub(crate) const LAST: Day = Day(2_932_896);

    /// The day of a time. Outside the years 1970 to 9999, the nearest day.
    pub fn of(time: SystemTime) -> Day {
        let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Day(u32::try_from(seconds / u64::from(SECONDS)).unwrap_or(u32::MAX)).min(Day::LAST)
    }

    /// The day with this number, counted from the first of January 1970, which is 0; or the last day of the
    /// calendar.
    pub(crate) fn numbered(number: u32) -> Day {
        Day(number).min(Day::LAST)
    }

    /// How many days after the first of January 1970 it is.
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// The day this many days later, or the last day of the calendar.
    pub fn plus(self, days: u32) -> Day {
        Day(self.0.saturating_add(days)).min(Day::LAST)
    }

    /// The day this many days earlier, or the first of January 1970.
    pub fn minus(self, days: u32) -> Day {
        Day(self.0.saturating_sub(days))
    }

    /// How many days later than `other` it is; negative if it is earlier.
    pub fn since(self, other: Day) -> i64 {
        i64::from(self.0) - i64::from(other.0)
    }

    /// When it begins.
    pub fn start(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(u64::from(self.0) * u64::from(SECONDS))
    }

    /// The day of the week: 0 is Sunday, 6 is Saturday.
    pub fn weekday(self) -> u8 {
        // The first of January 1970 was a Thursday. A remainder by 7 fits.
        ((self.0 + 4) % 7) as u8
    }

    /// The name of its day of the week.
    pub(crate) fn weekday_name(self) -> &'static str {
        const NAMES: [&str; 7] =
            ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
        NAMES[usize::from(self.weekday() % 7)]
    }

    /// Why the counts of a week that ends on this day begin on a later day than seven before it; empty if they
    /// do not.
    pub(crate) fn why_short(self, begin: Day) -> String {
        if self.since(begin) >= 7 {
            return String::new();
        }
        format!(
            " (it is short: counting began on that day, and weeks of this machine end on a {})",
            self.weekday_name()
        )
    }

    /// The instant of its start, in RFC 3339: `2026-11-22T00:00:00Z`.
    pub(crate) fn to_rfc3339(self) -> String {
        format!("{self}T00:00:00Z")
    }

    /// Reads the instant of a day's start, in RFC 3339.
    pub(crate) fn from_rfc3339(text: &str) -> Result<Day, DayError> {
        let day = text.strip_suffix("T00:00:00Z").and_then(|day| day.parse().ok());
        day.ok_or_else(|| DayError(text.to_owned()))
    }

    /// The same day for those who reckon with months and time zones.
    #[cfg(feature = "server")]
    pub(crate) fn civil(self) -> jiff::civil::Date {
        let (year, month, day) = civil_date(i64::from(self.0));
        let date = || {
            let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
            jiff::civil::Date::new(i16::try_from(year).ok()?, month, day).ok()
        };
        // All its years are of that calendar, too.
        date().unwrap_or(jiff::civil::Date::MIN)
    }
}

/// The day, in UTC, of any time that the calendar has.
#[cfg(feature = "server")]
pub(crate) fn date_of(time: jiff::Timestamp) -> jiff::civil::Date {
    jiff::tz::TimeZone::UTC.to_datetime(time).date()
}

/// The years before 1970 are those that no report and no config has.
#[cfg(feature = "server")]
impl TryFrom<jiff::civil::Date> for Day {
    type Error = DayError;

    fn try_from(date: jiff::civil::Date) -> Result<Day, DayError> {
        date.to_string().parse()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_date(i64::from(self.0));
        f.pad(&format!("{year:04}-{month:02}-{day:02}"))
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Day, DayError> {
        let well_formed = text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        let number = |range| text.get(range).and_then(|digits: &str| digits.parse::<i64>().ok());
        let parse = || {
            let date = (number(0..4)?, number(5..7)?, number(8..10)?);
            let days = days_since_1970(date);
            // Another date comes back for a day that its month does not have.
            let day = u32::try_from(days).ok().filter(|_| civil_date(days) == date);
            day.map(Day).filter(|day| *day <= Day::LAST)
        };
        well_formed.then(parse).flatten().ok_or_else(|| DayError(text.to_owned()))
    }
}

#[cfg(feature = "verify")]
impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "verify")]
impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Day, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Day;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a day such as 2026-11-22")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Day, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

// Dates are computed with years that begin in March, so that the leap day comes last, and in cycles of
// 400 years, which have 146,097 days each: no tables and no loops. For dates from 1970 on.

fn days_since_1970((year, month, day): (i64, i64, i64)) -> i64 {
    let year = if month < 3 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let days_before_year = year * 365 + year / 4 - year / 100 + year / 400;
    days_before_year + (153 * month_from_march + 2) / 5 + day - 1 - 719_468
}

fn civil_date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    (cycle * 400 + year + i64::from(month < 3), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_week_of_fewer_than_seven_days_says_why() {
        let [begin, end, later] = ["2026-11-18", "2026-11-24", "2026-11-25"]
            .map(|day| day.parse::<Day>().expect("a day"));
        assert_eq!(later.why_short(begin), "");
        let why = " (it is short: counting began on that day, and weeks of this machine end on a Tuesday)";
        assert_eq!(end.why_short(begin), why);
    }

    #[test]
    fn days_have_one_form_and_a_weekday() {
        for (text, weekday) in [
            ("1970-01-01", 4),
            ("2000-02-29", 2),
            ("2026-11-22", 0),
            ("2026-11-28", 6),
            ("2028-02-29", 2),
            ("9999-12-31", 5),
        ] {
            let day: Day = text.parse().expect("a day");
            assert_eq!((day.to_string().as_str(), day.weekday()), (text, weekday));
            #[cfg(feature = "verify")]
            {
                let json = serde_json::to_string(&day).expect("JSON");
                assert_eq!(json, format!("\"{text}\""));
                assert_eq!(serde_json::from_str::<Day>(&json).expect("a day"), day);
            }
        }
        for bad in [
            "",
            "x",
            "2026-11-22 ",
            "2026-11-22T00:00:00Z",
            "26-11-22",
            "2026-2-3",
            "2026-02-00",
            "2026-13-01",
            "2026-02-29",
            "2025-02-3 ",
            "20260203",
            "+026-02-03",
            "1969-12-31",
            "0000-01-01",
            "2026-0ü-1",
        ] {
            assert!(bad.parse::<Day>().is_err(), "{bad}");
        }
        assert!(Day::from_rfc3339("2026-11-22T00:00:01Z").is_err());
    }

    #[test]
    fn a_clock_out_of_range_is_the_nearest_day() {
        assert_eq!(Day::of(UNIX_EPOCH - Duration::from_secs(1)).to_string(), "1970-01-01");
        assert_eq!(Day::LAST.to_string(), "9999-12-31");
        assert_eq!(Day::LAST.plus(u32::MAX), Day::LAST);
        assert_eq!(Day::FIRST.plus(2).minus(3), Day::FIRST);
    }

    proptest! {
        #[test]
        fn a_day_lasts_from_its_start_to_the_next(number in 0..Day::LAST.0) {
            let day = Day(number);
            prop_assert_eq!(day.to_string().parse(), Ok(day));
            prop_assert_eq!(Day::of(day.start()), day);
            prop_assert_eq!(Day::of(day.plus(1).start() - Duration::from_nanos(1)), day);
            prop_assert_eq!(day.plus(1).weekday(), (day.weekday() + 1) % 7);
            prop_assert_eq!(day.plus(30).since(day), i64::from(30.min(Day::LAST.0 - number)));
            prop_assert_eq!(day.plus(1).minus(1), day);
            #[cfg(feature = "server")]
            {
                prop_assert_eq!(Day::try_from(day.civil()), Ok(day));
                prop_assert_eq!(day.civil().to_string(), day.to_string());
            }
        }
    }
}
