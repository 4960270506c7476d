//! What a process does besides serving, for health and metrics.

use crate::aggregate::UpkeepState;
use crate::ingest::Admission;
use crate::publish::{LiveDeployment, RefreshState};
use crate::witness::Witness;
use std::fmt;
use std::sync::Arc;

/// Finds lost reports; may block.
pub type FindLostReports = dyn Fn() -> LostReports + Send + Sync;

/// Segments whose unmerged reports were lost, each described in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LostReports {
    /// Segments that are missing, or differ from what was sealed.
    pub gone: Vec<String>,
    /// Segments that are damaged.
    pub damaged: Vec<String>,
}

/// What a process does besides serving.
#[derive(Clone, Default)]
pub struct Operations {
    /// Merging and charting, if it does that.
    pub upkeep: Option<UpkeepState>,
    /// The admission of uploads, with its budgets.
    pub admission: Option<Admission>,
    /// Finds unmerged reports that were lost.
    pub lost_reports: Option<Arc<FindLostReports>>,
    /// What is known of the clock.
    pub clock: Option<Arc<dyn Fn() -> ClockReport + Send + Sync>>,
    /// The deployment, which names the witnesses that have to cosign the log.
    pub deployment: Option<LiveDeployment>,
    /// The state of cosigning it again, if this process does that.
    pub refresh: Option<RefreshState>,
    /// Whether this is a rehearsal, whose pages say so.
    pub rehearsal: bool,
    /// The witness that is served below `/witness/`.
    pub witness: Option<Witness>,
}

/// What is known of the system's clock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClockReport {
    /// By how many seconds it is known to be ahead, at least (or, below zero, behind).
    pub skew: i64,
    /// What is wrong with it, in words.
    pub problem: Option<String>,
    /// What could not be confirmed, in words; not a fault.
    pub note: Option<String>,
}

impl fmt::Debug for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operations").field("upkeep", &self.upkeep).finish_non_exhaustive()
    }
}
