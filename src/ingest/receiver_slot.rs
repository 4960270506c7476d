//! The server's receiver, or the reason why there is none. A receiver opens in the background and may
//! have to be opened again; until then uploads are answered with 503.

use super::journal::JournalState;
use super::receiver::{Receiver, UploadCounts};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;

/// The problem that is shown when the journal's thread has ended by a panic.
pub(super) const ENDED: &str = "the thread that stores reports has ended; within seconds, stored \
    reports are read again and a new thread is started. Until then senders are asked to come again. \
    If this stays or happens again, see the server's log for what failed, fix that and restart the \
    server";
/// The problem that is shown until the first attempt to open a receiver has ended.
const NOT_OPEN_YET: &str = "stored reports are still being read";

/// Holds the receiver that uploads go to. Cloning is cheap; all clones share one receiver.
#[derive(Debug, Clone)]
pub struct ReceiverSlot(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    /// The receiver, or why there is none. Only locked briefly.
    now: RwLock<Result<Arc<Receiver>, String>>,
    /// Notified whenever a receiver is set.
    changed: watch::Sender<()>,
    /// The counts of earlier receivers.
    past: Mutex<(UploadCounts, u64)>,
    /// Uploads that found no receiver.
    turned_away: AtomicU64,
    /// How often a receiver was set.
    opened: AtomicU64,
}

/// How uploads are doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UploadState {
    /// Answers since the process started.
    pub counts: UploadCounts,
    /// The queue and the disk. [`JournalState::disk_errors`] counts since the process started.
    pub journal: JournalState,
    /// How often a receiver was opened.
    pub opened: u64,
    /// Why no reports are accepted, or why the last one was not.
    pub problem: Option<String>,
}

impl Default for ReceiverSlot {
    fn default() -> ReceiverSlot {
        ReceiverSlot(Arc::new(Parts {
            now: RwLock::new(Err(NOT_OPEN_YET.to_owned())),
            changed: watch::Sender::default(),
            past: Mutex::default(),
            turned_away: AtomicU64::new(0),
            opened: AtomicU64::new(0),
        }))
    }
}

impl ReceiverSlot {
    /// An empty slot: uploads are answered with 503.
    pub fn new() -> ReceiverSlot {
        ReceiverSlot::default()
    }

    /// A slot with a receiver that is already open.
    pub fn of(receiver: Arc<Receiver>) -> ReceiverSlot {
        let slot = ReceiverSlot::default();
        slot.set_receiver(receiver);
        slot
    }

    /// Sends uploads to this receiver from now on.
    pub fn set_receiver(&self, receiver: Arc<Receiver>) {
        self.0.opened.fetch_add(1, Relaxed);
        self.replace(Ok(receiver));
        // Nobody may be waiting.
        self.0.changed.send_replace(());
    }

    /// Removes the receiver, and notes why.
    pub fn remove_receiver(&self, why: impl Into<String>) {
        self.replace(Err(why.into()));
    }

    fn replace(&self, new: Result<Arc<Receiver>, String>) {
        let mut now = self.0.now.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *now, new);
        if let Ok(old) = &old {
            let mut past = self.0.past.lock().unwrap_or_else(PoisonError::into_inner);
            past.0 = past.0 + old.counts();
            past.1 += old.journal().disk_errors;
        }
        drop(now);
        // Dropping the last reference waits for the queue, so the lock must not be held.
        drop(old);
    }

    /// The receiver, if there is one now.
    pub fn receiver(&self) -> Option<Arc<Receiver>> {
        self.0.now.read().unwrap_or_else(PoisonError::into_inner).as_ref().ok().cloned()
    }

    /// The receiver; if there is none, waits up to `patience` for one to be set.
    pub async fn receiver_within(&self, patience: Duration) -> Option<Arc<Receiver>> {
        if let Some(receiver) = self.receiver() {
            return Some(receiver);
        }
        let mut changed = self.0.changed.subscribe();
        let wait = async {
            loop {
                if let Some(receiver) = self.receiver() {
                    return Some(receiver);
                }
                // `self` holds the sender, so it is open.
                changed.changed().await.ok()?;
            }
        };
        tokio::time::timeout(patience, wait).await.ok().flatten()
    }

    /// Counts an upload that found no receiver.
    pub(super) fn count_turned_away(&self) {
        self.0.turned_away.fetch_add(1, Relaxed);
    }

    /// How uploads are doing.
    pub fn state(&self) -> UploadState {
        let now = self.0.now.read().unwrap_or_else(PoisonError::into_inner);
        let past = *self.0.past.lock().unwrap_or_else(PoisonError::into_inner);
        let (receiver, closed) = match &*now {
            Ok(receiver) => (Some(receiver), None),
            Err(why) => (None, Some(why.clone())),
        };
        let mut counts = past.0 + receiver.map(|receiver| receiver.counts()).unwrap_or_default();
        counts.unavailable += self.0.turned_away.load(Relaxed);
        let mut journal = receiver.map(|receiver| receiver.journal()).unwrap_or_default();
        journal.disk_errors += past.1;
        let ended = receiver.is_some_and(|receiver| receiver.has_ended());
        let ended = ended.then(|| ENDED.to_owned());
        let problem = closed.or(ended).or_else(|| journal.problem.clone());
        UploadState { counts, journal, opened: self.0.opened.load(Relaxed), problem }
    }
}
