//! How much the journal takes: in its queue, in a batch, in a segment, and in memory.

use super::MAX_WEEK_AGE;
use super::admission::MOST_DAY;
use std::time::Duration;

/// Bytes after which a batch is full.
pub(super) const BATCH: usize = 4 << 20;

/// The limits of a journal.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many reports may wait at once.
    pub queue: usize,
    /// Bytes after which a batch is full.
    pub batch: usize,
    /// Bytes after which a segment is sealed.
    pub segment: u64,
    /// How long a report may stay in a segment that is not sealed.
    pub age: Duration,
    /// How many reports are remembered so that none is stored twice, over all days that are still
    /// accepted: 16 bytes of memory each. Beyond that, reports get 503.
    pub known: usize,
}

/// How many days' budgets of reports are remembered at most: those of the days on which a report may be sent, one for
/// what may come at once, and one to spare.
pub(super) const DAYS: u64 = MAX_WEEK_AGE.unsigned_abs() as u64 + 3;

impl Limits {
    /// Those where at most `day_reports` are admitted a day. As many can be remembered as that, and so no flood which
    /// keeps to the budget makes everybody wait until its days are forgotten. Nor does a smaller budget than before:
    /// those that came under the larger one are still remembered.
    pub fn where_admitted(day_reports: u64) -> Limits {
        let most = day_reports.max(MOST_DAY).saturating_mul(DAYS);
        let known = usize::try_from(most).unwrap_or(usize::MAX);
        let age = Duration::from_secs(3600);
        Limits { queue: 1024, batch: BATCH, segment: 64 << 20, age, known }
    }
}

impl Default for Limits {
    /// Those where the operator has chosen no budget.
    fn default() -> Limits {
        Limits::where_admitted(MOST_DAY)
    }
}
