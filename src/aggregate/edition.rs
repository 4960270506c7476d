//! When a day's data is published, and which reports wait.
//!
//! | edition | when it is due | what it adds |
//! | --- | --- | --- |
//! | 1 | the day is over | all reports so far |
//! | 2 | a week later | reports since then, if there are at least [`SMALLEST_BATCH`] |
//! | 3, the last one | no report of the day is accepted any more | all the rest |
//!
//! A day that is first merged later starts with the edition that is due then. Between editions nothing
//! is added, so that nobody can see single reports arrive by comparing files from one day to the next;
//! late reports wait. After the last edition nothing is added.
//!
//! What the last edition can reveal: it may add fewer than [`SMALLEST_BATCH`] late reports, and whoever
//! kept the previous edition knows that these rows came late. If they also know who uploaded a report
//! of that day late, for example from a proxy's log, they can match rows to uploaders with a chance of
//! one in the number of such uploads. Within a batch, nothing reveals more than that.

use crate::ingest::MAX_WEEK_AGE;
use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The fewest late reports for which edition 2 is published.
pub const SMALLEST_BATCH: u64 = 10;
/// How many days after a day its second edition is due.
const SECOND_AFTER: i32 = 8;
/// How many days after a day its last edition is due: reports are accepted for a day less, which leaves
/// time for those that are on their way.
pub const LAST_AFTER: i32 = MAX_WEEK_AGE + 2;

/// An edition of a day's or week's data.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "u8", into = "u8")]
pub enum Edition {
    /// Nothing is published.
    #[default]
    None,
    /// The day is over.
    First,
    /// A week has passed.
    Second,
    /// No report can be added.
    Last,
}

impl From<Edition> for u8 {
    fn from(edition: Edition) -> u8 {
        match edition {
            Edition::None => 0,
            Edition::First => 1,
            Edition::Second => 2,
            Edition::Last => 3,
        }
    }
}

impl TryFrom<u8> for Edition {
    type Error = String;

    fn try_from(number: u8) -> Result<Edition, String> {
        match number {
            0 => Ok(Edition::None),
            1 => Ok(Edition::First),
            2 => Ok(Edition::Second),
            3 => Ok(Edition::Last),
            other => Err(format!("there is no edition {other}")),
        }
    }
}

impl Edition {
    /// The edition of a day that is due on `today`.
    pub fn due(day: Date, today: Date) -> Edition {
        let from = |days: i32| day.checked_add(i64::from(days).days()).unwrap_or(Date::MAX);
        match today {
            today if today >= from(LAST_AFTER) => Edition::Last,
            today if today >= from(SECOND_AFTER) => Edition::Second,
            today if today > day => Edition::First,
            _ => Edition::None,
        }
    }

    /// The first day on which this edition of a day is due.
    pub fn date(self, day: Date) -> Date {
        let after = match self {
            Edition::None => 0,
            Edition::First => 1,
            Edition::Second => SECOND_AFTER,
            Edition::Last => LAST_AFTER,
        };
        day.checked_add(i64::from(after).days()).unwrap_or(Date::MAX)
    }

    /// Whether it is the last one.
    pub fn is_last(self) -> bool {
        self == Edition::Last
    }
}

/// The newest edition of a day, given the edition and its date in the index. A date in the future means
/// that the clock was ahead when it was published; then it counts as the first edition, so that reports
/// of the day, which are still accepted, are not dropped.
pub(crate) fn published_edition(edition: Edition, published: Date, today: Date) -> Edition {
    if published > today { edition.min(Edition::First) } else { edition }
}

/// What to do with the reports of a day that are in no edition yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DayPlan {
    /// Publish them, with this edition.
    Publish(Edition),
    /// Let them wait for this edition.
    Wait(Edition),
    /// Drop them: the last edition is published already.
    TooLate,
}

/// A rule for the reports of a day: [`plan_day`], or [`plan_at_once`].
pub(crate) type PlanDay = fn(Date, Edition, u64, Date, bool) -> DayPlan;

/// What to do with `waiting` reports of a day whose newest edition is `published`. The last edition is
/// held back while reports may be missing (`all_there` is false).
pub(crate) fn plan_day(
    day: Date,
    published: Edition,
    waiting: u64,
    today: Date,
    all_there: bool,
) -> DayPlan {
    let due = match Edition::due(day, today) {
        Edition::Last if !all_there => Edition::Second,
        due => due,
    };
    let next = if due < Edition::Second { Edition::Second } else { Edition::Last };
    match (published, due) {
        (_, Edition::None) => DayPlan::Wait(Edition::First),
        (Edition::Last, _) => DayPlan::TooLate,
        (Edition::None, due) if waiting > 0 => DayPlan::Publish(due),
        (Edition::None, due) => DayPlan::Wait(due),
        (published, Edition::Last) if published < Edition::Last => DayPlan::Publish(Edition::Last),
        (published, due) if published < due && waiting >= SMALLEST_BATCH => DayPlan::Publish(due),
        _ => DayPlan::Wait(next),
    }
}

/// The rule of a rehearsal, in which no report is anyone's: all of them are published with the next merge, and
/// a day has any number of first editions.
pub(crate) fn plan_at_once(
    _day: Date,
    published: Edition,
    waiting: u64,
    _today: Date,
    _all_there: bool,
) -> DayPlan {
    match waiting {
        0 => DayPlan::Wait(Edition::Second),
        _ => DayPlan::Publish(published.max(Edition::First)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Date = jiff::civil::date(2026, 2, 8);

    fn after(days: i64) -> Date {
        DAY.checked_add(days.days()).expect("a day")
    }

    #[test]
    fn each_edition_has_its_time() {
        for (days, due) in [
            (0, Edition::None),
            (1, Edition::First),
            (7, Edition::First),
            (8, Edition::Second),
            (29, Edition::Second),
            (30, Edition::Last),
        ] {
            assert_eq!(Edition::due(DAY, after(days)), due, "{days} days later");
        }
        for edition in [Edition::First, Edition::Second, Edition::Last] {
            assert_eq!(Edition::due(DAY, edition.date(DAY)), edition);
        }
    }

    #[test]
    fn a_small_late_batch_waits_for_the_last_edition() {
        use Edition::{First, Last, None, Second};
        let plan_day =
            |published, waiting, days| super::plan_day(DAY, published, waiting, after(days), true);
        // The day is not over, and then it is.
        assert_eq!(plan_day(None, 1, 0), DayPlan::Wait(First));
        assert_eq!(plan_day(None, 1, 1), DayPlan::Publish(First));
        // Late ones wait for the next edition, however many they are.
        assert_eq!(plan_day(First, 1000, 7), DayPlan::Wait(Second));
        assert_eq!(plan_day(First, 10, 8), DayPlan::Publish(Second));
        // Few of them wait for the last one.
        assert_eq!(plan_day(First, 9, 8), DayPlan::Wait(Last));
        assert_eq!(plan_day(Second, 1000, 29), DayPlan::Wait(Last));
        assert_eq!(plan_day(First, 1, 30), DayPlan::Publish(Last));
        assert_eq!(plan_day(Second, 0, 30), DayPlan::Publish(Last));
        assert_eq!(plan_day(Last, 1, 31), DayPlan::TooLate);
        // What is merged for the first time late.
        assert_eq!(plan_day(None, 1, 12), DayPlan::Publish(Second));
        assert_eq!(plan_day(None, 1, 300), DayPlan::Publish(Last));
        // While reports may be missing there is no last edition.
        assert_eq!(super::plan_day(DAY, First, 3, after(40), false), DayPlan::Wait(Last));
        assert_eq!(super::plan_day(DAY, None, 3, after(40), false), DayPlan::Publish(Second));
    }
}
