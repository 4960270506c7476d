//! The arithmetic of admission: what is left of the day, and how much of it one network may use. It has
//! no clock and no lock: the time is an argument, so that tests can simulate weeks.

use super::peer::Prefix;
use super::prefixes::{Prefixes, Used};
use crate::ingest::MAX_BODY;
use std::time::Duration;

const DAY: f64 = 24.0 * 3600.0;

/// A network's usage may be at most this share of what is left of the day, which lets a single network
/// use a third of a whole day's budget.
pub const SHARE: f64 = 0.5;
/// The bytes that are budgeted for a report: Go's clients send a few thousand.
pub const BYTES_A_REPORT: u64 = 4096;
/// A day's budget as a multiple of what sampling expects on an average day.
pub const MULTIPLE: u64 = 4;
/// The day's reports if the definitions do not say how large the population is.
pub const UNKNOWN_DAY: u64 = 20_000;
/// The smallest budget of a day: a young project grows faster than its definitions say.
pub const LEAST_DAY: u64 = 2_000;
/// The largest, unless the operator says otherwise: memory and disks are planned for it.
pub const MOST_DAY: u64 = 1_000_000;
/// How high one network's usage may be, in reports.
pub const PREFIX_REPORTS: u64 = 5_000;

/// The budgets in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budgets {
    /// New reports a day.
    pub day_reports: u64,
    /// Their bytes.
    pub day_bytes: u64,
    /// One network's usage, in reports.
    pub prefix_reports: u64,
}

impl Budgets {
    /// The most reports that one network may send at once, out of a whole day's budget.
    pub fn at_once(self) -> u64 {
        let most = SHARE / (1.0 + SHARE) * self.day_reports as f64;
        (most as u64).max(1).min(self.prefix_reports)
    }
}

/// The operator's choices; the rest follows from what sampling expects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChosenBudgets {
    /// New reports a day.
    pub day_reports: Option<u64>,
    /// Their bytes.
    pub day_bytes: Option<u64>,
    /// One network's usage, in reports.
    pub prefix_reports: Option<u64>,
}

impl ChosenBudgets {
    /// The budgets for this many expected reports a week; `None` if that is unknown.
    pub fn where_expected(self, week: Option<u64>) -> Budgets {
        let expected = week.map(|week| {
            let day = week.saturating_mul(MULTIPLE).div_ceil(7);
            day.clamp(LEAST_DAY, MOST_DAY)
        });
        self.with_day(expected.unwrap_or(UNKNOWN_DAY))
    }

    /// The budgets until the expected number is known: the minimum, since what was stored cannot be
    /// undone.
    pub fn at_start(self) -> Budgets {
        self.with_day(LEAST_DAY)
    }

    fn with_day(self, day_reports: u64) -> Budgets {
        let day_reports = self.day_reports.unwrap_or(day_reports);
        Budgets {
            day_reports,
            // A body of the largest size must fit.
            day_bytes: self
                .day_bytes
                .unwrap_or_else(|| day_reports.saturating_mul(BYTES_A_REPORT).max(64 << 20)),
            prefix_reports: self.prefix_reports.unwrap_or(PREFIX_REPORTS),
        }
    }
}

/// Which budget is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// The day's.
    Day,
    /// That of the sender's network.
    Network,
}

/// A budget that refills evenly through the day.
#[derive(Debug, Clone, Copy)]
struct TokenBucket {
    size: f64,
    left: f64,
}

impl TokenBucket {
    fn new(size: u64) -> TokenBucket {
        TokenBucket { size: size as f64, left: size as f64 }
    }

    fn fill(&mut self, elapsed: Duration) {
        self.add(self.size * elapsed.as_secs_f64() / DAY);
    }

    fn add(&mut self, amount: f64) {
        self.left = (self.left + amount).min(self.size);
    }

    fn resize(&mut self, size: u64) {
        let size = size as f64;
        // What was used stays used.
        self.left = (size - (self.size - self.left)).clamp(0.0, size);
        self.size = size;
    }
}

/// What is left of all budgets.
pub(super) struct Budget {
    budgets: Budgets,
    prefixes: Prefixes,
    reports: TokenBucket,
    bytes: TokenBucket,
    filled: Duration,
}

impl Budget {
    pub(super) fn new(budgets: Budgets) -> Budget {
        Budget {
            budgets,
            prefixes: Prefixes::new(),
            reports: TokenBucket::new(budgets.day_reports),
            bytes: TokenBucket::new(budgets.day_bytes),
            filled: Duration::ZERO,
        }
    }

    /// Changes the budgets; what was used stays used.
    pub(super) fn set(&mut self, budgets: Budgets) {
        self.budgets = budgets;
        self.reports.resize(budgets.day_reports);
        self.bytes.resize(budgets.day_bytes);
    }

    pub(super) fn budgets(&self) -> Budgets {
        self.budgets
    }

    /// Refills the budgets, and forgets old usage.
    pub(super) fn advance(&mut self, now: Duration) {
        let elapsed = now.saturating_sub(self.filled);
        self.reports.fill(elapsed);
        self.bytes.fill(elapsed);
        self.filled = self.filled.max(now);
        self.prefixes.forget(now);
    }

    /// Admits an upload that declares this many bytes, if there is budget left. It counts as a stored
    /// report from here on; its bytes are charged once they arrive, so declaring many and sending none
    /// takes nothing from others.
    pub(super) fn admit(&mut self, prefix: Prefix, bytes: u64, now: Duration) -> Result<(), Spent> {
        self.advance(now);
        let used = self.prefixes.used(prefix, now);
        self.check(used, bytes as f64)?;
        self.reports.left -= 1.0;
        self.prefixes.set(prefix, Used { reports: used.reports + 1.0, ..used }, now);
        Ok(())
    }

    /// Charges the bytes of an admitted upload, now that they have arrived.
    pub(super) fn charge(
        &mut self,
        prefix: Prefix,
        bytes: u64,
        now: Duration,
    ) -> Result<(), Spent> {
        self.advance(now);
        let bytes = bytes as f64;
        let used = self.prefixes.used(prefix, now);
        if self.bytes.left < bytes {
            return Err(Spent::Day);
        }
        // The network's usage includes this upload.
        if used.reports >= 2.0 && used.bytes + bytes > self.bytes_allowed() {
            return Err(Spent::Network);
        }
        self.bytes.left -= bytes;
        self.prefixes.set(prefix, Used { bytes: used.bytes + bytes, ..used }, now);
        Ok(())
    }

    fn check(&self, used: Used, bytes: f64) -> Result<(), Spent> {
        if self.reports.left < 1.0 || self.bytes.left < bytes.max(1.0) {
            return Err(Spent::Day);
        }
        let most = self.budgets.prefix_reports as f64;
        let reports_allowed = (self.reports.left * SHARE).min(most);
        // A network that has sent nothing lately may send one report of any size as long as anything is
        // left.
        if used.reports >= 1.0
            && (used.reports + 1.0 > reports_allowed || used.bytes + bytes > self.bytes_allowed())
        {
            return Err(Spent::Network);
        }
        Ok(())
    }

    /// How high one network's usage may be, in bytes.
    fn bytes_allowed(&self) -> f64 {
        let most = self.budgets.prefix_reports as f64 * BYTES_A_REPORT as f64;
        (self.bytes.left * SHARE).min(most).max(MAX_BODY as f64)
    }

    /// Refunds the day's budget for an upload that was not stored. The network's usage stays, since the
    /// upload was examined.
    pub(super) fn refund(&mut self, bytes: u64) {
        self.reports.add(1.0);
        self.bytes.add(bytes as f64);
    }

    /// Admits and charges an upload at once.
    #[cfg(test)]
    pub(super) fn take(&mut self, prefix: Prefix, bytes: u64, now: Duration) -> Result<(), Spent> {
        self.admit(prefix, bytes, now)?;
        self.charge(prefix, bytes, now).inspect_err(|_| self.refund(0))
    }

    /// Reports and bytes that are left of the day.
    pub(super) fn left(&mut self, now: Duration) -> (u64, u64) {
        self.advance(now);
        (self.reports.left as u64, self.bytes.left as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::super::peer::Source;
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn a_day_is_a_multiple_of_what_sampling_expects() {
        let of = |week| ChosenBudgets::default().where_expected(week).day_reports;
        assert_eq!(of(None), UNKNOWN_DAY);
        assert_eq!(of(Some(0)), LEAST_DAY);
        assert_eq!(of(Some(16_588)), 9_479, "four sevenths");
        assert_eq!(of(Some(u64::MAX)), MOST_DAY);
        let chosen = ChosenBudgets { day_reports: Some(7), ..ChosenBudgets::default() };
        assert_eq!(chosen.where_expected(Some(16_588)).day_reports, 7);
        assert_eq!(chosen.at_start().day_reports, 7);
    }

    fn network(number: u32) -> Prefix {
        Prefix::of(Source::Address(Ipv4Addr::from(number << 8).into()))
    }

    #[test]
    fn a_server_that_has_just_begun_gives_away_no_more_than_it_has_later() {
        let chosen = ChosenBudgets::default();
        for week in [Some(0), Some(16_588), Some(u64::MAX), None] {
            let later = chosen.where_expected(week);
            let mut budget = Budget::new(chosen.at_start());
            let taken = (0..100_000)
                .filter(|number| budget.take(network(*number), 1000, Duration::ZERO).is_ok());
            let taken = taken.count() as u64;
            assert_eq!(taken, LEAST_DAY);
            budget.set(later);
            assert_eq!(budget.left(Duration::ZERO).0, later.day_reports - taken, "{week:?}");
        }
    }

    #[test]
    fn bytes_are_paid_for_when_they_are_there() {
        let mut budget = Budget::new(ChosenBudgets::default().where_expected(None));
        let all = budget.left(Duration::ZERO).1;
        // As many uploads of the largest size as would have used up all bytes, of which none arrives.
        for number in 0..1024 {
            budget.admit(network(number), MAX_BODY as u64, Duration::ZERO).expect("room");
        }
        assert_eq!(budget.left(Duration::ZERO).1, all);
        budget.take(network(5000), 1000, Duration::ZERO).expect("room for others");
        assert_eq!(budget.left(Duration::ZERO).1, all - 1000);
        // Those that do arrive are paid for, one network's no more than its part.
        let charge =
            |budget: &mut Budget| budget.charge(network(1), MAX_BODY as u64, Duration::ZERO);
        let mut paid = 0;
        budget.admit(network(1), 0, Duration::ZERO).expect("room");
        while charge(&mut budget).is_ok() {
            paid += MAX_BODY as u64;
        }
        let most = PREFIX_REPORTS * BYTES_A_REPORT;
        assert!(paid <= most && paid + MAX_BODY as u64 > most, "{paid}");
        assert_eq!(budget.left(Duration::ZERO).1, all - 1000 - paid);
        let next = budget.admit(network(1), MAX_BODY as u64, Duration::ZERO);
        assert_eq!(next, Err(Spent::Network));
    }
}
