//! Public files, each checked against its hash before the first byte is sent.
//!
//! Checking reads the whole file, which for a large one may take longer than a request is allowed; so
//! it runs in the background, and requests for the file wait for it. A file that passed is not checked
//! again while the server runs; one that failed is checked again at the next request.

use super::refusal::Refusal;
use crate::aggregate::index::PublicFile;
use crate::aggregate::{PublicData, PublicError};
use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// The result of a check: nothing yet, that the file is intact, or why it cannot be served.
type Outcome = Option<Result<(), Refusal>>;

/// The files that were checked or are being checked, by SHA-256.
#[derive(Debug, Clone, Default)]
pub(super) struct Checked(Arc<Mutex<HashMap<String, watch::Receiver<Outcome>>>>);

impl Checked {
    /// A public file, opened.
    pub(super) async fn open(&self, data: &PublicData, file: &PublicFile) -> Result<File, Refusal> {
        let interrupted = |_| Refusal::unavailable("reading was interrupted; try again");
        let mut outcome = self.check(data, file);
        match outcome.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(checked)) => checked.clone()?,
            _ => return Err(Refusal::damaged()),
        }
        let (data, file) = (data.clone(), file.clone());
        let opened = tokio::task::spawn_blocking(move || data.reopen(&file)).await;
        opened.map_err(interrupted)?.map_err(|fault| report(&fault))
    }

    /// The check of a file, which is started if it has not been yet.
    fn check(&self, data: &PublicData, file: &PublicFile) -> watch::Receiver<Outcome> {
        let mut checks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = checks.get(&file.sha256) {
            return outcome.clone();
        }
        let (sender, outcome) = watch::channel(None);
        checks.insert(file.sha256.clone(), outcome.clone());
        let (checked, data, file) = (self.clone(), data.clone(), file.clone());
        tokio::task::spawn_blocking(move || {
            // If this panics, the sender is dropped, which wakes those who wait.
            let good = data.open(&file).map(drop).map_err(|fault| report(&fault));
            if good.is_err() {
                let mut checks = checked.0.lock().unwrap_or_else(PoisonError::into_inner);
                checks.remove(&file.sha256);
            }
            let _ = sender.send(Some(good));
        });
        outcome
    }
}

/// Logs what is wrong with the store for the operator; clients are only told that something is.
fn report(fault: &PublicError) -> Refusal {
    tracing::error!(%fault, "cannot serve public data");
    Refusal::of_store(fault)
}
