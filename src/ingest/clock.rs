//! Is this server's own clock right?
//!
//! A server whose clock is weeks off would refuse honest reports for good: if it is behind, their weeks
//! seem to be in the future; if it is ahead, they seem too old; and clients throw away what is refused.
//! So the clock is compared with events that are known to have happened ([`KnownTime`]): the commits
//! that the logged configs were made from, and the weeks of stored reports, which had ended when the
//! reports arrived.
//!
//! Anyone may send any number of reports of any week. If reports could confirm a clock, one forged
//! report would make a server whose clock is ahead refuse everyone else's. So only commits confirm a
//! clock. Reports can only cast doubt on it, and doubt refuses nothing.
//!
//! | the clock | [`ClockState`] |
//! | --- | --- |
//! | is more than [`TOLERANCE`] earlier than something that has happened | it is certainly behind (or a commit has a wrong date) |
//! | is more than [`MAX_WEEK_AGE`] days later than the newest commit | it is unconfirmed: it may be ahead, or nothing was published since, which is fine |
//! | otherwise | it is plausible |
//!
//! While it is not plausible, reports that would be refused for their week get 503 instead, so that
//! nothing is thrown away until the clock is set right or a newer config is published. Clients drop
//! reports that are too old by themselves. Everything here is a pure function of times.
//!
//! A clock that is wrong by less is not noticed.

use super::MAX_WEEK_AGE;
use crate::day::Day;
use crate::gomod::ModuleVersion;
use jiff::{SignedDuration, Timestamp};
use std::fmt;

/// How far ahead of the clock a past event may seem to be: the clocks of those who commit differ, too.
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
    /// The week of a stored report, which had ended.
    Week(Day),
}

/// How the clock compares with what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockState {
    /// It agrees with what is known.
    Plausible,
    /// Something has already happened that would be in its future.
    Behind {
        /// The clock's time.
        now: Timestamp,
        /// The event.
        known: KnownTime,
    },
    /// It may be ahead: no commit is known from the [`MAX_WEEK_AGE`] days before it.
    Unconfirmed {
        /// The clock's time.
        now: Timestamp,
        /// The newest commit, if there is one.
        known: Option<KnownTime>,
    },
}

impl KnownTime {
    /// A time at which it had certainly happened.
    pub fn time(self) -> Timestamp {
        match self {
            KnownTime::Commit { time, .. } => time,
            // Only fails at the end of the calendar.
            KnownTime::Week(week) => {
                Timestamp::try_from(week.start()).unwrap_or(Timestamp::UNIX_EPOCH)
            }
        }
    }
}

impl ClockState {
    /// Compares the clock with the newest commit and the newest week of a stored report.
    pub fn compare(now: Timestamp, commit: Option<KnownTime>, week: Option<Day>) -> ClockState {
        const TOO_OLD: SignedDuration = SignedDuration::from_hours(24 * MAX_WEEK_AGE as i64);
        let known = commit.into_iter().chain(week.map(KnownTime::Week));
        let last = known.max_by_key(|known| known.time());
        let is_to_come = |known: &KnownTime| known.time().duration_since(now) > TOLERANCE;
        let is_recent = |commit: &KnownTime| now.duration_since(commit.time()) <= TOO_OLD;
        if let Some(known) = last.filter(is_to_come) {
            ClockState::Behind { now, known }
        } else if commit.as_ref().is_some_and(is_recent) {
            ClockState::Plausible
        } else {
            ClockState::Unconfirmed { now, known: commit }
        }
    }

    /// Whether reports may be refused for their week.
    pub fn is_plausible(self) -> bool {
        self == ClockState::Plausible
    }

    /// By how much it is known to be wrong: negative if it is behind, zero if nothing is certain.
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
                    KnownTime::Week(_) => f.write_str(
                        "; if it is right now, it was ahead when that report came, and this goes \
                         away with time",
                    ),
                }
            }
            ClockState::Unconfirmed { now, known } => {
                write!(f, "nothing confirms the clock, which shows {}: ", Second(*now))?;
                match known {
                    Some(known) => write!(f, "{known}, and no newer one is known")?,
                    None => f.write_str("no config is known")?,
                }
                f.write_str(
                    "; if it is ahead, set it; the next config that is published confirms it",
                )
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

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn commit(text: &str) -> KnownTime {
        KnownTime::Commit { config: ModuleVersion::FIRST, time: time(text) }
    }

    #[test]
    fn a_clock_is_held_against_what_has_happened() {
        let now = time("2026-02-10T12:00:00Z");
        let week = |month, day| {
            KnownTime::Week(format!("2026-{month:02}-{day:02}").parse().expect("a day"))
        };
        let behind = |known| ClockState::Behind { now, known };
        let unconfirmed = |known| ClockState::Unconfirmed { now, known };
        for (known, state) in [
            (vec![], unconfirmed(None)),
            // Anyone may send a report.
            (vec![week(2, 8)], unconfirmed(None)),
            (
                vec![week(2, 8), commit("2026-01-13T11:59:59Z")],
                unconfirmed(Some(commit("2026-01-13T11:59:59Z"))),
            ),
            (vec![week(1, 1), commit("2026-01-13T12:00:00Z")], ClockState::Plausible),
            (vec![commit("2026-02-10T11:00:00Z")], ClockState::Plausible),
            // Others' clocks are not ours.
            (vec![commit("2026-02-11T12:00:00Z")], ClockState::Plausible),
            (vec![commit("2026-02-11T12:00:01Z")], behind(commit("2026-02-11T12:00:01Z"))),
            (vec![week(2, 11)], unconfirmed(None)),
            (vec![week(2, 12)], behind(week(2, 12))),
            // The last thing decides, and no other hides it.
            (
                vec![week(2, 8), commit("2026-03-01T00:00:00Z")],
                behind(commit("2026-03-01T00:00:00Z")),
            ),
            (vec![week(3, 8), commit("2026-02-01T00:00:00Z")], behind(week(3, 8))),
        ] {
            let (mut newest, mut ended) = (None, None);
            for known in &known {
                match known {
                    KnownTime::Commit { .. } => newest = Some(*known),
                    KnownTime::Week(week) => ended = Some(*week),
                }
            }
            let judged = ClockState::compare(now, newest, ended);
            assert_eq!(judged, state, "{known:?}");
            assert_eq!(judged.skew() < SignedDuration::ZERO, judged.is_wrong(), "{known:?}");
        }
    }

    #[test]
    fn a_clock_that_is_behind_is_so_by_a_known_time() {
        let known = commit("2026-03-01T00:00:00Z");
        let state = ClockState::compare(time("2026-02-10T12:00:00Z"), Some(known), None);
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
                Some(KnownTime::Week("2026-03-01".parse().expect("a day"))),
                "the clock shows 2026-02-10T12:00:00Z, but a report of the week that ended \
                 2026-03-01 is stored: set the clock; if it is right now, it was ahead when that \
                 report came, and this goes away with time",
            ),
            (
                Some(commit("2025-03-01T00:00:00Z")),
                "nothing confirms the clock, which shows 2026-02-10T12:00:00Z: the commit of config \
                 v0.1.0 was made at 2025-03-01T00:00:00Z, and no newer one is known; if it is ahead, \
                 set it; the next config that is published confirms it",
            ),
            (
                None,
                "nothing confirms the clock, which shows 2026-02-10T12:00:00Z: no config is known; if \
                 it is ahead, set it; the next config that is published confirms it",
            ),
        ] {
            let (commit, week) = match known {
                Some(KnownTime::Week(week)) => (None, Some(week)),
                commit => (commit, None),
            };
            assert_eq!(ClockState::compare(now, commit, week).to_string(), said);
        }
    }
}
