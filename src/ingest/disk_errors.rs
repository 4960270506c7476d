//! Errors of the disk: counted, and logged once for as long as they stay the same.

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Counts and logs errors of the disk.
#[derive(Debug, Default)]
pub(super) struct DiskErrors {
    pub(super) count: AtomicU64,
    /// The last error, until something is stored again.
    pub(super) last: Mutex<Option<String>>,
}

impl DiskErrors {
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
                None => tracing::info!("reports are stored again"),
            }
            *last = now;
        }
    }
}
