//! Errors of what stores reports: counted, and logged once for as long as they stay the same.

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long after a failure it is tried whether reports can be stored again. Uploads are tried at once; without
/// any, this is how the failure ends.
pub(super) const RECHECK: Duration = Duration::from_millis(if cfg!(test) { 20 } else { 5000 });

/// Counts and logs errors of the disk, or of the store.
#[derive(Debug)]
pub(super) struct DiskErrors {
    /// What stores reports.
    what: &'static str,
    pub(super) count: AtomicU64,
    /// The last error, until something is stored again or could be.
    last: Mutex<Option<String>>,
}

impl DiskErrors {
    /// Of a disk.
    pub(super) fn of_disk() -> DiskErrors {
        DiskErrors { what: "disk", count: AtomicU64::new(0), last: Mutex::default() }
    }

    /// Of a store that several machines share.
    pub(super) fn of_store() -> DiskErrors {
        DiskErrors { what: "store", ..DiskErrors::of_disk() }
    }

    /// Notes the result of a write. It is logged when it changes, not for every batch.
    pub(super) fn note(&self, error: Option<&dyn Display>) {
        if error.is_some() {
            self.count.fetch_add(1, Relaxed);
        }
        let now = error.map(|error| error.to_string());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != now {
            match &now {
                Some(error) => tracing::error!(
                    %error, "cannot store reports; their senders are asked to try again"
                ),
                None => tracing::info!("reports can be stored again"),
            }
            *last = now;
        }
    }

    /// Whether the last write failed.
    pub(super) fn is_failing(&self) -> bool {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// What refused to store reports last, and why, until something could be stored again.
    pub(super) fn problem(&self) -> Option<String> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().map(|error| format!("the {} refused: {error}", self.what))
    }
}
