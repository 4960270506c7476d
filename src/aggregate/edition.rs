//! When a day's data is published, and what of it waits.
//!
//! | edition | when it is due | what it adds |
//! | --- | --- | --- |
//! | 1 | the day is over | all that is there |
//! | 2 | a week later | what came since, if that is at least [`SMALLEST_BATCH`] reports |
//! | 3, the last one | no upload of the day can come any more | all the rest |
//!
//! A day that is merged for the first time later than that begins with the edition of that time.
//! Between editions nothing is added, so that nobody sees single reports arrive by comparing the files
//! of one day with those of another; what comes late waits. After the last edition nothing is added.
//!
//! What the last edition can show: a batch of fewer than [`SMALLEST_BATCH`] late reports is in it, so
//! whoever kept the edition before knows that these rows came late. Whoever also knows who uploaded a
//! report of that day late, as a proxy's log would tell, has for each of them one chance in as many as
//! there are such uploads. Within a batch, nothing tells more than that.

use crate::ingest::MAX_WEEK_AGE;
use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The fewest late reports that are worth an edition of their own, but for the last one.
pub const SMALLEST_BATCH: u64 = 10;
/// How many days after a day its second edition is due.
const SECOND_AFTER: i32 = 8;
/// How many days after a day its last edition is due: one more than reports are taken for, for those
/// that are on their way.
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
    /// The edition of a day that is due on `today`, if it is not published yet.
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

    /// Whether nothing is added any more.
    pub fn is_last(self) -> bool {
        self == Edition::Last
    }
}

/// The newest edition of a day, where the index says that this one was published on that day. One that
/// was published on a day that has not come yet was published by a clock that was ahead, and counts for
/// the first one: reports of that day are still taken, and none is dropped.
pub(crate) fn published_edition(edition: Edition, published: Date, today: Date) -> Edition {
    if published > today { edition.min(Edition::First) } else { edition }
}

/// What becomes of the reports of a day that are in no edition yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DayPlan {
    /// They are published, with this edition.
    Publish(Edition),
    /// They wait for this edition.
    Wait(Edition),
    /// The last edition is published, so they come to nothing.
    TooLate,
}

/// What becomes of `waiting` reports of a day of which `published` is the newest edition. The last
/// edition is held back while reports may be missing (`all_there` is false).
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
