//! How often a log is answered with new cosignatures.
//!
//! A log's list says how many checkpoints a day it may submit. Two budgets of that size are kept for it,
//! in memory alone:
//!
//! | budget | what it is spent on | when it is used up |
//! | --- | --- | --- |
//! | growth | a checkpoint of a larger tree | 429 with `Retry-After` |
//! | renewal | the same checkpoint again, which anyone may submit who has read it | the cosignatures that were made last, which are as fresh as the budget allows |
//!
//! They are apart so that nobody can use up a log's budget by submitting what is public: growth
//! takes a new signature of the log. Nothing is spent before all other checks are passed, so requests that
//! are refused cost the log nothing. Of a day's budget an hour's share, or ten, may be used at once.

use crate::tlog::Origin;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// What may be used at once where an hour's share is less.
const AT_ONCE: u64 = 10;

/// What an answer is spent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Spent {
    /// On a larger tree.
    Growth,
    /// On the same again.
    Renewal,
}

/// The budgets of all logs.
#[derive(Debug, Default)]
pub(super) struct Budgets(Mutex<HashMap<(Origin, Spent), Duration>>);

impl Budgets {
    /// Spends one of so many a day, at a time of a clock that only goes forward; or says how long it
    /// takes until there is one.
    pub(super) fn spend(
        &self,
        origin: &Origin,
        what: Spent,
        per_day: u64,
        now: Duration,
    ) -> Result<(), Duration> {
        let per_day = per_day.max(1);
        let at_once = per_day.min((per_day / 24).max(AT_ONCE));
        let each = DAY.as_nanos() / u128::from(per_day);
        let share = |count: u64| duration(each * u128::from(count));
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The time until which everything is spent.
        let spent = table.entry((origin.clone(), what)).or_insert(now);
        let next = (*spent).max(now) + share(1);
        let limit = now + share(at_once);
        if next > limit {
            return Err(next - limit);
        }
        *spent = next;
        Ok(())
    }

    /// Forgets the logs that are not known any more.
    pub(super) fn keep(&self, known: impl Fn(&Origin) -> bool) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.retain(|(origin, _), _| known(origin));
    }
}

fn duration(nanoseconds: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_as_many_as_the_list_says() {
        let origin = Origin::new("log").expect("an origin");
        for (per_day, at_once) in [(1, 1), (24, 10), (86_400, 3600)] {
            let budgets = Budgets::default();
            let spend = |now| budgets.spend(&origin, Spent::Growth, per_day, now);
            for number in 0..at_once {
                assert_eq!(spend(Duration::ZERO), Ok(()), "{per_day}: {number}");
            }
            let wait = spend(Duration::ZERO).expect_err("all is spent");
            assert!(wait <= DAY / per_day as u32 + Duration::from_micros(1), "{wait:?}");
            assert!(spend(wait / 2).is_err());
            assert_eq!(spend(wait), Ok(()));
            assert!(spend(wait).is_err());
            // What is spent on one thing, or by one log, is not missing for another.
            assert_eq!(budgets.spend(&origin, Spent::Renewal, per_day, wait), Ok(()));
            let other = Origin::new("other").expect("an origin");
            assert_eq!(budgets.spend(&other, Spent::Growth, per_day, wait), Ok(()));
            // A log that was quiet has no more than it may use at once.
            let later = wait + 10 * DAY;
            assert_eq!((0..2 * at_once).filter(|_| spend(later).is_ok()).count(), at_once as usize);
        }
    }
}
