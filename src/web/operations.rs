//! What a process does besides serving, for health and metrics.

use crate::aggregate::UpkeepState;
use crate::ingest::Admission;
use crate::publish::{LiveDeployment, RefreshState};
use crate::witness::Witness;
use std::fmt;
use std::sync::Arc;

/// Something that is asked for what was lost, which may block.
pub type FindLostReports = dyn Fn() -> LostReports + Send + Sync;

/// What of the reports that are not merged was lost, in words, a segment each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LostReports {
    /// Segments that are missing, or not what they were when they were sealed.
    pub gone: Vec<String>,
    /// Segments that are damaged.
    pub damaged: Vec<String>,
}

/// What a process does besides serving.
#[derive(Clone, Default)]
pub struct Operations {
    /// Merging and charting, where it does that.
    pub upkeep: Option<UpkeepState>,
    /// Who may upload, and what is left of the budgets.
    pub admission: Option<Admission>,
    /// What has lost reports that were not merged.
    pub lost_reports: Option<Arc<FindLostReports>>,
    /// What is known of the clock.
    pub clock: Option<Arc<dyn Fn() -> ClockReport + Send + Sync>>,
    /// The deployment, which names the witnesses that have to cosign the log, if any.
    pub deployment: Option<LiveDeployment>,
    /// What came of having them cosign it again, where this process does that.
    pub refresh: Option<RefreshState>,
    /// The witness that is served below `/witness/`.
    pub witness: Option<Witness>,
}

/// What is known of the system's clock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClockReport {
    /// By how many seconds it is at least ahead (or, below zero, behind), as far as that is known.
    pub skew: i64,
    /// What is wrong with it, in words.
    pub problem: Option<String>,
    /// What cannot be known of it, in words: no fault.
    pub note: Option<String>,
}

impl fmt::Debug for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operations").field("upkeep", &self.upkeep).finish_non_exhaustive()
    }
}
