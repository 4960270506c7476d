//! Public files, each checked against its hash once before anyone is sent a byte of it.
//!
//! Checking reads the whole file, which for a large one takes longer than a request may; so it runs
//! by itself, those who want the file wait for it, and what was found good stays so while the server
//! runs. What was not is looked at again when someone asks again.

use super::refusal::Refusal;
use crate::aggregate::index::PublicFile;
use crate::aggregate::{PublicData, PublicError};
use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// What became of a check: nothing yet, or whether the file is good.
type Outcome = Option<bool>;

/// The files that were checked, and those that are being checked, by SHA-256.
#[derive(Debug, Clone, Default)]
pub(super) struct Checked(Arc<Mutex<HashMap<String, watch::Receiver<Outcome>>>>);

impl Checked {
    /// A public file, opened.
    pub(super) async fn open(&self, data: &PublicData, file: &PublicFile) -> Result<File, Refusal> {
        let interrupted = |_| Refusal::unavailable("reading was interrupted; try again");
        let mut outcome = self.check(data, file);
        let good = outcome.wait_for(Option::is_some).await.is_ok_and(|good| *good == Some(true));
        if !good {
            return Err(Refusal::damaged());
        }
        let (data, file) = (data.clone(), file.clone());
        let opened = tokio::task::spawn_blocking(move || data.reopen(&file)).await;
        opened.map_err(interrupted)?.map_err(|fault| report(&fault))
    }

    /// The check of a file, which this begins if nobody has.
    fn check(&self, data: &PublicData, file: &PublicFile) -> watch::Receiver<Outcome> {
        let mut checks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = checks.get(&file.sha256) {
            return outcome.clone();
        }
        let (tell, outcome) = watch::channel(None);
        checks.insert(file.sha256.clone(), outcome.clone());
        let (checked, data, file) = (self.clone(), data.clone(), file.clone());
        tokio::task::spawn_blocking(move || {
            // Should this panic, the sender is dropped, which those who wait are told.
            let good = data.open(&file).map_err(|fault| report(&fault)).is_ok();
            if !good {
                let mut checks = checked.0.lock().unwrap_or_else(PoisonError::into_inner);
                checks.remove(&file.sha256);
            }
            let _ = tell.send(Some(good));
        });
        outcome
    }
}

/// Tells the operator what is wrong with the store; clients are told that something is.
fn report(fault: &PublicError) -> Refusal {
    tracing::error!(%fault, "cannot serve public data");
    Refusal::damaged()
}
