//! Is this server's own clock right?
//!
//! A clock that is wrong by weeks would refuse honest reports for good: one that is behind takes
//! their weeks for the future, one that is ahead takes them for too old, and a client throws away
//! what is refused. So the clock is held against what is known to have happened ([`KnownTime`]): the
//! commits that the logged configs were made of, and the weeks of the reports that are stored, which
//! had ended when they came.
//!
//! | the clock | [`ClockState`] |
//! | --- | --- |
//! | shows a time over [`TOLERANCE`] before something that has happened | it is behind, for certain (or a commit has a false date) |
//! | shows a time so late that reports of the newest week that is known would not be taken any more | it may be ahead, or nothing has happened here since |
//! | else | it is plausible |
//!
//! While it is not plausible, what would be refused for its week is answered with 503 instead, so
//! that nothing is thrown away until the clock is mended, or one recent report has shown that it is
//! right. Everything here is a pure function of times.
//!
//! What cannot be found out: a clock that is wrong by less.

use super::MAX_WEEK_AGE;
use crate::gomod::ModuleVersion;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::fmt;

/// How far something that has happened may be ahead of the clock: whoever makes a commit has a clock
/// too.
const TOLERANCE: SignedDuration = SignedDuration::from_hours(24);

/// What time it is.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Something that has happened, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownTime {
    /// A config was committed.
    Commit {
        /// The config.
        config: ModuleVersion,
        /// When.
        time: Timestamp,
    },
    /// The week of a report that is stored had ended.
    Week(Date),
}

/// What a clock looks like, beside what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockState {
    /// Nothing speaks against it.
    Plausible,
    /// Something has happened already that would be in its future.
    Behind {
        /// What it shows.
        now: Timestamp,
        /// What has happened.
        known: KnownTime,
    },
    /// It may be ahead: nothing that is known happened within [`MAX_WEEK_AGE`] days before it.
    Unconfirmed {
        /// What it shows.
        now: Timestamp,
        /// The last thing that happened, if anything did.
        known: Option<KnownTime>,
    },
}

impl KnownTime {
    /// When it had happened for certain.
    pub fn time(self) -> Timestamp {
        match self {
            KnownTime::Commit { time, .. } => time,
            // Only the ends of the calendar are no times.
            KnownTime::Week(week) => week
                .to_zoned(TimeZone::UTC)
                .map_or(Timestamp::UNIX_EPOCH, |start| start.timestamp()),
        }
    }
}

impl ClockState {
    /// Holds what a clock shows against what is known.
    pub fn judge(now: Timestamp, known: impl IntoIterator<Item = KnownTime>) -> ClockState {
        let Some(known) = known.into_iter().max_by_key(|known| known.time()) else {
            return ClockState::Unconfirmed { now, known: None };
        };
        let ahead_of_clock = known.time().duration_since(now);
        if ahead_of_clock > TOLERANCE {
            ClockState::Behind { now, known }
        } else if -ahead_of_clock > SignedDuration::from_hours(24 * i64::from(MAX_WEEK_AGE)) {
            ClockState::Unconfirmed { now, known: Some(known) }
        } else {
            ClockState::Plausible
        }
    }

    /// Whether reports may be refused for their week.
    pub fn is_plausible(self) -> bool {
        self == ClockState::Plausible
    }

    /// By how much it is known to be wrong: below zero where it is behind, zero where nothing is known
    /// for certain.
    pub fn skew(self) -> SignedDuration {
        match self {
            ClockState::Behind { now, known } => now.duration_since(known.time()),
            ClockState::Plausible | ClockState::Unconfirmed { .. } => SignedDuration::ZERO,
        }
    }

    /// Whether it is certain that something is wrong.
    pub fn is_wrong(self) -> bool {
        matches!(self, ClockState::Behind { .. })
    }
}

impl fmt::Display for KnownTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KnownTime::Commit { config, time } => {
                write!(f, "the commit of config {config} was made at {}", Second(*time))
            }
            KnownTime::Week(week) => write!(f, "a report of the week that ended {week} is stored"),
        }
    }
}

impl fmt::Display for ClockState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClockState::Plausible => f.write_str("the clock agrees with what is known"),
            ClockState::Behind { now, known } => {
                write!(f, "the clock shows {}, but {known}: set the clock", Second(*now))?;
                match known {
                    KnownTime::Commit { .. } => {
                        f.write_str(", or correct the date of the commit and publish again")
                    }
                    KnownTime::Week(_) => Ok(()),
                }
            }
            ClockState::Unconfirmed { now, known } => {
                write!(f, "the clock shows {}, and nothing is known here ", Second(*now))?;
                match known {
                    Some(known) => write!(f, "that is newer than this: {known}")?,
                    None => f.write_str("yet")?,
                }
                f.write_str("; if it is ahead, set it, and the next recent report confirms it")
            }
        }
    }
}

/// A time to the second.
struct Second(Timestamp);

impl fmt::Display for Second {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn commit(text: &str) -> KnownTime {
        KnownTime::Commit { config: ModuleVersion::FIRST, time: time(text) }
    }

    #[test]
    fn a_clock_is_held_against_what_has_happened() {
        let now = time("2026-02-10T12:00:00Z");
        let week = |month, day| KnownTime::Week(date(2026, month, day));
        let behind = |known| ClockState::Behind { now, known };
        let unconfirmed = |known| ClockState::Unconfirmed { now, known };
        for (known, state) in [
            (vec![], unconfirmed(None)),
            (vec![week(2, 8)], ClockState::Plausible),
            (vec![commit("2026-02-10T11:00:00Z")], ClockState::Plausible),
            // Others' clocks are not ours.
            (vec![commit("2026-02-11T12:00:00Z")], ClockState::Plausible),
            (vec![commit("2026-02-11T12:00:01Z")], behind(commit("2026-02-11T12:00:01Z"))),
            (vec![week(2, 11)], ClockState::Plausible),
            (vec![week(2, 12)], behind(week(2, 12))),
            // The last thing decides, and no other hides it.
            (
                vec![week(2, 8), commit("2026-03-01T00:00:00Z")],
                behind(commit("2026-03-01T00:00:00Z")),
            ),
            (vec![week(3, 8), commit("2026-02-01T00:00:00Z")], behind(week(3, 8))),
            (vec![week(2, 8), commit("2020-01-01T00:00:00Z")], ClockState::Plausible),
            // A report of the newest week would still be taken, and then not any more.
            (vec![week(1, 14)], ClockState::Plausible),
            (vec![week(1, 13)], unconfirmed(Some(week(1, 13)))),
            (
                vec![week(1, 1), commit("2026-01-02T00:00:00Z")],
                unconfirmed(Some(commit("2026-01-02T00:00:00Z"))),
            ),
        ] {
            let judged = ClockState::judge(now, known.clone());
            assert_eq!(judged, state, "{known:?}");
            assert_eq!(judged.skew() < SignedDuration::ZERO, judged.is_wrong(), "{known:?}");
        }
    }

    #[test]
    fn a_clock_that_is_behind_is_so_by_a_known_time() {
        let known = commit("2026-03-01T00:00:00Z");
        let state = ClockState::judge(time("2026-02-10T12:00:00Z"), [known]);
        assert_eq!(state.skew(), -SignedDuration::from_hours(18 * 24 + 12));
    }

    #[test]
    fn what_is_wrong_is_said_with_the_way_out() {
        let now = time("2026-02-10T12:00:00Z");
        for (known, said) in [
            (
                Some(commit("2026-03-01T00:00:00Z")),
                "the clock shows 2026-02-10T12:00:00Z, but the commit of config v0.1.0 was made at \
                 2026-03-01T00:00:00Z: set the clock, or correct the date of the commit and publish \
                 again",
            ),
            (
                Some(KnownTime::Week(date(2026, 3, 1))),
                "the clock shows 2026-02-10T12:00:00Z, but a report of the week that ended \
                 2026-03-01 is stored: set the clock",
            ),
            (
                Some(KnownTime::Week(date(2025, 3, 1))),
                "the clock shows 2026-02-10T12:00:00Z, and nothing is known here that is newer than \
                 this: a report of the week that ended 2025-03-01 is stored; if it is ahead, set it, \
                 and the next recent report confirms it",
            ),
            (
                None,
                "the clock shows 2026-02-10T12:00:00Z, and nothing is known here yet; if it is \
                 ahead, set it, and the next recent report confirms it",
            ),
        ] {
            assert_eq!(ClockState::judge(now, known).to_string(), said);
        }
    }
}
