//! Whether a config is open: whether reports under it are accepted.
//!
//! A config is open while it is the newest, and for [`OPEN_DAYS`] days after a newer one was published:
//! through the day `as_of(N+1) + 56`, where `as_of` is the day in the provenance of a config (days are
//! those of UTC). All of it is public, so anyone can tell on which day a config closes. A revoked config
//! (`[retention] revoked`) closes when the definitions that revoke it are published.
//!
//! **Why 56.** No honest report arrives later: 28 days + 28 days.
//!
//! - A client makes a report under a config that was the newest when it was fetched, and was fetched at
//!   most 28 days before the report was made. (Our client keeps one for that long, see
//!   `client::report::sampling`; Go's fetches the newest one whenever it makes reports.) So a report
//!   under N is made through the day `as_of(N+1) + 28` at the latest.
//! - A report is accepted until 28 days after its week has ended, and its week has ended when it is made.
//!   So it arrives through the day `as_of(N+1) + 56`.
//!
//! If the next config was published for an earlier day, the config's own day counts: publishing for a day
//! in the past (`candor publish --as-of`) must not close what was published a moment ago.

use jiff::ToSpan;
use jiff::civil::Date;
use serde::Serialize;
use std::fmt;

/// For how many days after a newer config was published reports under a config are accepted.
pub const OPEN_DAYS: i32 = 56;

/// Whether reports under a config are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum ConfigState {
    /// They are, until [`OPEN_DAYS`] days after a newer one is published.
    Newest,
    /// They are, since a newer one was published only recently.
    Open {
        /// The last day, in UTC.
        until: Date,
    },
    /// They are not.
    Closed {
        /// The first day, in UTC.
        since: Date,
    },
    /// They are not, because the definitions revoke it.
    Revoked {
        /// The day for which the first definitions that revoke it were published, if known.
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<Date>,
    },
}

/// The last day on which reports are accepted under a config of day `as_of`, when the next config has day
/// `next`.
pub fn last_day(as_of: Date, next: Date) -> Date {
    as_of.max(next).checked_add(i64::from(OPEN_DAYS).days()).unwrap_or(Date::MAX)
}

/// The last day of each config, given their days in the order of versions: `None` for the newest. A day
/// that could not be read is skipped: the config before it closes by the next known day.
pub fn last_days(days: &[Option<Date>]) -> Vec<Option<Date>> {
    let mut next: Option<Date> = None;
    let backwards = days.iter().rev().map(|day| {
        let last = day.and_then(|day| next.map(|next| last_day(day, next)));
        next = day.or(next);
        last
    });
    let mut last_days: Vec<Option<Date>> = backwards.collect();
    last_days.reverse();
    last_days
}

impl ConfigState {
    /// The state of a config today, given its last day (`None` for the newest).
    pub fn on(today: Date, last_day: Option<Date>, is_revoked: bool) -> ConfigState {
        match last_day {
            _ if is_revoked => ConfigState::Revoked { since: None },
            None => ConfigState::Newest,
            Some(until) if today <= until => ConfigState::Open { until },
            Some(until) => ConfigState::Closed { since: until.tomorrow().unwrap_or(Date::MAX) },
        }
    }

    /// The same, with the day since which it is revoked, if it is.
    #[must_use]
    pub fn revoked_since(self, day: Option<Date>) -> ConfigState {
        match self {
            ConfigState::Revoked { .. } => ConfigState::Revoked { since: day },
            other => other,
        }
    }

    /// Whether reports are accepted.
    #[cfg(any(test, feature = "testing"))]
    pub fn is_open(self) -> bool {
        matches!(self, ConfigState::Newest | ConfigState::Open { .. })
    }
}

impl fmt::Display for ConfigState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigState::Newest => write!(f, "open, the newest"),
            ConfigState::Open { until } => write!(f, "open until {until}"),
            ConfigState::Closed { since } => write!(f, "closed since {since}"),
            ConfigState::Revoked { since: Some(since) } => write!(f, "revoked since {since}"),
            ConfigState::Revoked { since: None } => write!(f, "revoked"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().expect("a day")
    }

    #[test]
    fn a_config_ends_56_days_after_the_next() {
        let days = ["2026-01-01", "2026-02-01", "2026-02-01", "2026-01-15"].map(|d| Some(day(d)));
        let last = ["2026-03-29", "2026-03-29", "2026-03-29"].map(|d| Some(day(d)));
        assert_eq!(last_days(&days), [last.as_slice(), &[None]].concat());
        assert_eq!(last_days(&[]), []);
    }

    #[test]
    fn a_config_that_cannot_be_read_does_not_end_another() {
        let days = [Some(day("2026-01-01")), None, Some(day("2026-02-01")), None];
        assert_eq!(last_days(&days), [Some(day("2026-03-29")), None, None, None]);
    }

    #[test]
    fn the_last_day_is_open_and_the_next_is_not() {
        let last = Some(day("2026-03-29"));
        let on = |today, last, revoked| ConfigState::on(day(today), last, revoked);
        assert_eq!(on("2026-03-29", last, false), ConfigState::Open { until: day("2026-03-29") });
        assert_eq!(on("2026-03-30", last, false), ConfigState::Closed { since: day("2026-03-30") });
        assert_eq!(on("2026-03-30", None, false), ConfigState::Newest);
        for last in [None, last] {
            let revoked = on("2026-01-01", last, true);
            assert_eq!(revoked, ConfigState::Revoked { since: None });
            let since = Some(day("2025-12-01"));
            assert_eq!(revoked.revoked_since(since), ConfigState::Revoked { since });
            let open = on("2026-01-01", last, false);
            assert_eq!(open.revoked_since(since), open);
        }
        assert_eq!(last_day(day("9999-12-30"), day("9999-12-31")), Date::MAX);
        let json = serde_json::to_value(on("2026-03-30", last, false)).expect("JSON");
        assert_eq!(json, serde_json::json!({"state": "closed", "since": "2026-03-30"}));
    }
}
