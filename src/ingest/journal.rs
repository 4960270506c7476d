//! The journal: stores reports durably, many with one sync, and each report only once.
//!
//! One thread owns the folder (`writer`). It takes all queued reports, appends them to the open segment
//! as one batch, syncs once, and answers all their senders. The next batch gathers during the sync; so
//! the more reports wait, the less a sync costs each.
//!
//! - *A 200 is never lost*: a sender is answered after the sync, or told that nothing was stored.
//! - *Each report once*: a report whose identity is known (`seen`) is not appended. Its sender gets the
//!   same answer as the first one, and not earlier: an identity is known once its report is durable, and
//!   a second copy within one batch gets the batch's result.
//! - *Bounded*: a queue of [`Limits::queue`] reports, each with a [`QueuePermit`]; 16 bytes of memory for
//!   each report of the days that are still accepted, at most [`Limits::known`] of them, and some 40
//!   bytes more for each report in the open segment.
//! - *No order of arrival remains*: the open segment is sealed (`sealing`) when it is large, when it has
//!   held a report for [`Limits::age`], when a merge asks for it, and when the journal is closed or
//!   opened again. The merge removes sealed segments.
//!
//! Opening reads the files of seen reports and seals what was left open; it reads no sealed segment. It
//! can be stopped at any time.
//!
//! The thread ends when the journal is dropped. If it ends earlier, by a panic or because the segment's
//! path no longer leads to the file that it writes, the journal [has ended](Journal::has_ended): nothing
//! more is stored, all waiting senders are told so, and whoever opened it opens another
//! ([`keep_open`](super::keep_open())).
//!
//! What is still unsafe: if a process is killed and the last record is damaged after its sync, it looks
//! like a torn write.
//!
//! # In a store that several machines share
//!
//! The same queue, and another thread (`store_writer`): a batch is an object of its own, and its senders are
//! answered when the store has it. Processes do not exclude each other there, so the merge is what takes each
//! report once (`batches`).

use super::disk_errors::DiskErrors;
use super::journal_error::JournalError;
use super::limits::Limits;
use super::queue::{QueueFull, QueuePermit, Waiting};
use super::store_writer::StoreWriter;
use super::writer::Writer;
use crate::day::Day;
use crate::event::{Event, SetOnDrop};
use crate::store::Store;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// How long dropping a journal waits until its queue is stored. A disk that does not answer must not
/// keep a process from ending; nobody was told that the rest is stored.
const LAST_BATCHES: Duration = Duration::from_secs(10);

/// Stores reports in a folder, which it alone may append to.
#[derive(Debug)]
pub struct Journal {
    queue: Option<mpsc::Sender<Waiting>>,
    writer: Option<JoinHandle<()>>,
    /// Set when the thread has ended.
    ended: Event,
    disk: Arc<DiskErrors>,
    /// The newest week of the reports that were stored when it was opened.
    newest_week: Option<Day>,
    /// Days before this one may be forgotten.
    forget: Arc<Mutex<Option<Day>>>,
}

/// The state of a journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalState {
    /// How many reports are in the queue.
    pub queued: usize,
    /// How many reports fit into the queue.
    pub capacity: usize,
    /// How often the disk or the store refused.
    pub disk_errors: u64,
    /// Why the last batch could not be stored, if it could not, and would not be stored now.
    pub problem: Option<String>,
}

/// What a journal knows of its thread.
struct Thread {
    limits: Limits,
    disk: Arc<DiskErrors>,
    forget: Arc<Mutex<Option<Day>>>,
    newest_week: Option<Day>,
}

impl Journal {
    /// Opens the journal in `folder`, which is created if it does not exist. Reads which reports of the
    /// `oldest` week and later ones were seen, and seals what was left open. Blocks.
    #[cfg(any(test, feature = "testing"))]
    pub fn open(folder: &Path, oldest: Day, limits: Limits) -> Result<Journal, JournalError> {
        Journal::open_unless(&Event::new(), folder, oldest, limits)
    }

    /// Like `Journal::open`, but gives up when `stop` is set.
    pub fn open_unless(
        stop: &Event,
        folder: &Path,
        oldest: Day,
        limits: Limits,
    ) -> Result<Journal, JournalError> {
        Journal::start(Writer::open_unless(stop, folder, oldest, limits)?)
    }

    /// Opens a journal that puts its batches into this store. Blocks.
    pub fn in_store(store: Arc<dyn Store>, limits: Limits) -> Result<Journal, JournalError> {
        let writer = StoreWriter::open(store, limits)?;
        let thread = Thread {
            limits,
            disk: writer.disk(),
            forget: writer.forget(),
            newest_week: writer.newest_week(),
        };
        Journal::start_thread(thread, |waiting, runtime| writer.run(waiting, runtime))
    }

    /// Starts the thread.
    pub(super) fn start(writer: Writer) -> Result<Journal, JournalError> {
        let thread = Thread {
            limits: writer.limits(),
            disk: writer.disk(),
            forget: writer.forget(),
            newest_week: writer.newest_week(),
        };
        Journal::start_thread(thread, |waiting, runtime| writer.run(waiting, runtime))
    }

    fn start_thread(
        thread: Thread,
        run: impl FnOnce(mpsc::Receiver<Waiting>, &Runtime) + Send + 'static,
    ) -> Result<Journal, JournalError> {
        let failed = |source| JournalError::Io {
            action: "start",
            path: "the journal's thread".to_owned(),
            source,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(failed)?;
        let Thread { limits, disk, forget, newest_week } = thread;
        let (queue, waiting) = mpsc::channel(limits.queue);
        let ended = Event::new();
        let at_its_end = SetOnDrop(ended.clone());
        let run = move || {
            // Dropped last, after the queue and the folder's lock.
            let _at_its_end = at_its_end;
            run(waiting, &runtime);
        };
        let writer = std::thread::Builder::new().name("journal".to_owned()).spawn(run);
        let writer = Some(writer.map_err(failed)?);
        Ok(Journal { queue: Some(queue), writer, ended, disk, newest_week, forget })
    }

    /// Forgets the days before `oldest`, whose reports are no longer accepted, and removes their files.
    pub fn forget_before(&self, oldest: Day) {
        *self.forget.lock().unwrap_or_else(PoisonError::into_inner) = Some(oldest);
    }

    /// Whether the journal's thread has ended, so that nothing is stored any more.
    pub fn has_ended(&self) -> bool {
        self.ended.is_set()
    }

    /// Its state.
    pub fn state(&self) -> JournalState {
        let capacity = self.queue.as_ref().map_or(0, mpsc::Sender::max_capacity);
        let free = self.queue.as_ref().map_or(0, mpsc::Sender::capacity);
        JournalState {
            queued: capacity.saturating_sub(free),
            capacity,
            disk_errors: self.disk.count.load(Relaxed),
            problem: self.disk.problem(),
        }
    }

    /// The newest week of the reports that were stored when it was opened and may still be sent again.
    pub fn newest_week(&self) -> Option<Day> {
        self.newest_week
    }

    /// A permit for one report, if the queue has room.
    pub fn queue_permit(&self) -> Result<QueuePermit, QueueFull> {
        let queue = self.queue.as_ref().ok_or(QueueFull)?;
        queue.clone().try_reserve_owned().map(QueuePermit).map_err(|_| QueueFull)
    }
}

/// Stores what is in the queue, then unlocks the folder.
impl Drop for Journal {
    fn drop(&mut self) {
        self.queue = None;
        match self.writer.take() {
            // A panic was reported when it happened.
            Some(writer) if self.ended.wait(LAST_BATCHES) => drop(writer.join()),
            Some(_) => tracing::error!(
                "what stores reports does not answer: the reports that are still in the queue are given up; \
                 nobody was told that they are stored"
            ),
            None => {}
        }
    }
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
