//! Whether a week may be sent at all, whatever is in it. Sampling and the config come after.

use crate::client::mode::{Consent, Mode};
use crate::day::Day;
use std::fmt;

/// Weeks that ended more than this many days ago are not sent. It is Go's limit; Candor's servers
/// accept a week more.
pub const OLDEST: i64 = 21;

/// Why a week is not sent, now or ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hold {
    /// The user has not chosen `on`.
    Mode(Mode),
    /// It is not known when the user chose `on`. Go's client sends such weeks.
    NoDate,
    /// The week began before the user chose `on`, or on that day.
    BeganBefore {
        /// When it began.
        begin: Day,
        /// When the user chose.
        since: Day,
    },
    /// It ended too long ago.
    TooOld {
        /// When it ended.
        end: Day,
    },
}

impl Hold {
    /// Why a week may not be sent, if there is a reason. `begin` is `None` for a report that is already
    /// made: then the end of its week decides, as in Go's client.
    pub fn check(consent: &Consent, begin: Option<Day>, end: Day, today: Day) -> Option<Hold> {
        if consent.mode != Mode::On {
            return Some(Hold::Mode(consent.mode));
        }
        let Some(since) = consent.since else { return Some(Hold::NoDate) };
        let begin = begin.unwrap_or(end);
        if begin <= since {
            return Some(Hold::BeganBefore { begin, since });
        }
        (today.since(end) > OLDEST).then_some(Hold::TooOld { end })
    }

    /// Whether the same week may still be sent if the user changes the mode.
    pub fn is_temporary(self) -> bool {
        matches!(self, Hold::Mode(_) | Hold::NoDate)
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hold::Mode(mode) => write!(f, "the mode is {mode}"),
            Hold::NoDate => {
                f.write_str("the mode file does not say when on was chosen; choose it again")
            }
            Hold::BeganBefore { begin, since } => write!(
                f,
                "it began on {begin}, and only weeks that began after {since}, the day of opting \
                 in, are sent"
            ),
            Hold::TooOld { end } => {
                write!(f, "it ended on {end}, and nothing older than {OLDEST} days is sent")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::mode::DecidedBy;

    #[test]
    fn only_recent_weeks_that_began_after_opting_in_are_sent() {
        let day = |text: &str| text.parse::<Day>().expect("a day");
        let on = Some("2026-11-01");
        for (mode, since, begin, end, today, sent) in [
            (Mode::On, on, Some("2026-11-02"), "2026-11-09", "2026-11-10", true),
            (Mode::On, on, Some("2026-11-01"), "2026-11-08", "2026-11-10", false),
            (Mode::On, on, Some("2026-10-31"), "2026-11-07", "2026-11-10", false),
            (Mode::On, None, Some("2026-11-02"), "2026-11-09", "2026-11-10", false),
            (Mode::Local, on, Some("2026-11-02"), "2026-11-09", "2026-11-10", false),
            (Mode::Off, on, Some("2026-11-02"), "2026-11-09", "2026-11-10", false),
            (Mode::On, on, Some("2026-11-02"), "2026-11-09", "2026-11-30", true),
            (Mode::On, on, Some("2026-11-02"), "2026-11-09", "2026-12-01", false),
            (Mode::On, on, None, "2026-11-02", "2026-11-10", true),
            (Mode::On, on, None, "2026-11-01", "2026-11-10", false),
        ] {
            let consent = Consent { mode, since: since.map(day), decided_by: DecidedBy::ModeFile };
            let hold = Hold::check(&consent, begin.map(day), day(end), day(today));
            assert_eq!(hold.is_none(), sent, "{mode} {since:?} {begin:?} {end} {today}: {hold:?}");
        }
    }
}
