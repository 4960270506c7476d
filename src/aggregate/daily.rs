//! When merging and charting is due inside a server: once at its start, and after the end of each day
//! in UTC.
//!
//! A day is published once, after it is over, so that nobody can watch single reports arrive. After a
//! failure it is tried again after a while; what was missed while the machine slept runs when it wakes
//! up.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// How long after midnight a day counts as over: the clocks of servers differ a little.
const GRACE: SignedDuration = SignedDuration::from_mins(10);
/// How long to wait after a failure.
const RETRY: SignedDuration = SignedDuration::from_mins(30);

/// When it was done last, and when it may be tried again.
#[derive(Debug, Clone, Copy, Default)]
pub struct Daily {
    /// The day of the last success.
    done: Option<Date>,
    /// After a failure: not before this.
    not_before: Option<Timestamp>,
}

impl Daily {
    /// Whether it is due at `now`.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.done.is_none_or(|done| done < day(now))
            && self.not_before.is_none_or(|earliest| now >= earliest)
    }

    /// Notes that it succeeded or failed at `now`.
    pub fn note(&mut self, now: Timestamp, succeeded: bool) {
        if succeeded {
            *self = Daily { done: Some(day(now)), not_before: None };
        } else {
            self.not_before = now.checked_add(RETRY).ok();
        }
    }
}

/// The current day in UTC, which begins some minutes late.
fn day(now: Timestamp) -> Date {
    now.saturating_sub(GRACE).unwrap_or(now).to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn it_is_due_at_the_start_and_after_each_days_end() {
        let mut daily = Daily::default();
        assert!(daily.is_due(at("2026-11-22T13:00:00Z")));
        daily.note(at("2026-11-22T13:00:02Z"), true);
        for (time, due) in [
            ("2026-11-22T23:59:59Z", false),
            ("2026-11-23T00:09:59Z", false),
            ("2026-11-23T00:10:00Z", true),
            // The machine slept.
            ("2026-11-29T07:00:00Z", true),
        ] {
            assert_eq!(daily.is_due(at(time)), due, "{time}");
        }
    }

    #[test]
    fn what_failed_is_tried_again_after_a_while() {
        let mut daily = Daily::default();
        daily.note(at("2026-11-22T13:00:00Z"), false);
        assert!(!daily.is_due(at("2026-11-22T13:29:59Z")));
        assert!(daily.is_due(at("2026-11-22T13:30:00Z")));
        daily.note(at("2026-11-22T13:30:00Z"), true);
        assert!(!daily.is_due(at("2026-11-22T13:31:00Z")));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nothing_due() {
        let mut daily = Daily::default();
        daily.note(at("2026-11-22T13:00:00Z"), true);
        assert!(!daily.is_due(at("2026-11-20T13:00:00Z")));
    }
}
