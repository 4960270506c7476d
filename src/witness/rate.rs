//! How often a log gets new cosignatures.
//!
//! A log's entry in the list says how many checkpoints a day it may submit. It has two budgets of that
//! size, kept only in memory:
//!
//! | budget | what it is spent on | when it is used up |
//! | --- | --- | --- |
//! | growth | a checkpoint of a larger tree | 429 with `Retry-After` |
//! | renewal | the same checkpoint again, which anyone who has read it may submit | the last cosignatures, which are as fresh as the budget allows |
//!
//! They are separate so that nobody can use up a log's budget by submitting what is public: growth needs
//! a new signature by the log. Nothing is spent before all other checks pass, so refused requests cost
//! the log nothing. An hour's share of the day's budget, or ten, may be used at once.

use crate::tlog::Origin;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The burst that is allowed even if an hour's share is less.
const AT_ONCE: u64 = 10;

/// What an answer is spent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Spent {
    /// On a larger tree.
    Growth,
    /// On the same tree again.
    Renewal,
}

/// The budgets of all logs.
#[derive(Debug, Default)]
pub(super) struct Budgets(Mutex<HashMap<(Origin, Spent), Duration>>);

impl Budgets {
    /// Spends one of `per_day`, by a monotonic clock; or says how long to wait for the next one.
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

    /// Forgets the logs that are no longer known.
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
    fn the_list_limits_the_checkpoints_of_a_day() {
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
            // Spending on one thing, or by one log, does not affect another.
            assert_eq!(budgets.spend(&origin, Spent::Renewal, per_day, wait), Ok(()));
            let other = Origin::new("other").expect("an origin");
            assert_eq!(budgets.spend(&other, Spent::Growth, per_day, wait), Ok(()));
            // A log that was idle still cannot use more than that at once.
            let later = wait + 10 * DAY;
            assert_eq!((0..2 * at_once).filter(|_| spend(later).is_ok()).count(), at_once as usize);
        }
    }
}
