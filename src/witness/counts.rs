//! Counters and observations since a witness started. Only for its operator: no check uses them.

use crate::tlog::TreeSize;
use axum::http::StatusCode;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What this process knows about the logs' states. Only for the operator: no check uses it.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The size and time of the last cosigned checkpoint, by the hash of the origin.
    pub(super) cosigned: BTreeMap<String, (TreeSize, u64)>,
    /// What is wrong with a state, by the hash.
    pub(super) damaged: BTreeMap<String, String>,
    /// Why the current settings are not in force.
    pub(super) settings: Option<String>,
    /// Why the last submission could not be answered, if it could not.
    pub(super) failed: Option<String>,
}

/// Counters since the process started.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) grown: AtomicU64,
    pub(super) renewed: AtomicU64,
    pub(super) inconsistent: AtomicU64,
    pub(super) lost_swaps: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) submissions: Statuses,
    pub(super) monitors: Statuses,
    pub(super) subtrees: Statuses,
}

/// The statuses with a counter of their own; any other counts as 0.
const STATUSES: [u16; 13] = [200, 400, 403, 404, 405, 408, 409, 413, 422, 429, 500, 503, 0];

/// Responses by status.
#[derive(Debug, Default)]
pub(super) struct Statuses([AtomicU64; STATUSES.len()]);

impl Statuses {
    pub(super) fn count(&self, status: StatusCode) {
        let status = status.as_u16();
        let mut cells = self.0.iter().zip(STATUSES);
        if let Some((cell, _)) = cells.find(|(_, counted)| *counted == status || *counted == 0) {
            cell.fetch_add(1, Relaxed);
        }
    }

    /// Each status and its counter.
    pub(super) fn counts(&self) -> impl Iterator<Item = (u16, &AtomicU64)> {
        STATUSES.into_iter().zip(&self.0)
    }
}
