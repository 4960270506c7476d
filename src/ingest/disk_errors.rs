//! What the disk refused: counted, and logged once for as long as it stays the same.

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// What the disk refused.
#[derive(Debug, Default)]
pub(super) struct DiskErrors {
    pub(super) count: AtomicU64,
    /// What it said last, until something is stored again.
    pub(super) last: Mutex<Option<String>>,
}

impl DiskErrors {
    /// Notes what came of writing. The log is told of it when it changes, not for every batch.
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
