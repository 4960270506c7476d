//! Many waiters, one sync; each report once: the receiver's buffer of what is not merged yet.
//!
//! One thread owns the folder ([`writer`](super::writer)). It takes whatever waits in the queue, appends
//! it to the open segment as one batch, syncs once, and answers everyone. While it syncs, the next batch
//! gathers; so the more wait, the less a sync costs each.
//!
//! - *Never a lost 200*: a waiter is answered after the sync, or told that nothing was stored.
//! - *Each report once*: a report whose identity is known (`seen`) is not appended. Its sender gets the
//!   same answer as the first one's, and not before that: an identity is known once its report is
//!   durable, and a second copy within one batch shares the batch's fate.
//! - *Bounded*: a queue of [`Limits::queue`] reports, each with a [`QueuePermit`]; 16 bytes of memory for
//!   each report of the days that are still taken, [`Limits::known`] at most, and some 40 more for each
//!   in the open segment.
//! - *Nothing stays in order of arrival*: the open segment is sealed (`sealing`) when it is large, when
//!   it has had a report for [`Limits::age`], when a merge asks for it, and when the journal ends or is
//!   opened again. Sealed segments are removed by the merge.
//!
//! On opening, the files of seen reports are read and what was left open is sealed; nothing of what was
//! merged or waits to be. Opening can be stopped at any time.
//!
//! The thread ends when the journal is dropped. Should it end before, by a panic or because the
//! segment's path no longer leads to the file that is written to, the journal
//! [has ended](Journal::has_ended): nothing more is stored, every waiter is told so, and whoever
//! opened it opens another ([`keep_open`](super::keep_open())).
//!
//! What is still unsafe: a last record that was damaged after its sync, by a process that was killed
//! then, looks like a torn one.
//!
//! # On an object store
//!
//! The same thread, with another segment: a batch is an object, `reports/ID`, put with "if none
//! exists", and its waiters are answered by the store's answer. Processes do not exclude each other
//! there, so a day's key and identities would have to be shared by compare-and-swap.

use super::disk_errors::DiskErrors;
use super::journal_error::JournalError;
use super::limits::Limits;
use super::queue::{QueueFull, QueuePermit, Waiting};
use super::writer::Writer;
use crate::event::{Event, SetOnDrop};
use jiff::civil::Date;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long whoever drops a journal waits for what is in its queue to be stored. A disk that does not
/// answer must not keep a process from ending; nobody was told that the rest is stored.
const LAST_BATCHES: Duration = Duration::from_secs(10);

/// The reports of a folder, and the one right to append to them.
#[derive(Debug)]
pub struct Journal {
    queue: Option<mpsc::Sender<Waiting>>,
    writer: Option<JoinHandle<()>>,
    /// Set when the thread has ended.
    ended: Event,
    disk: Arc<DiskErrors>,
    /// The newest week of the reports that were there when it was opened.
    newest_week: Option<Date>,
    /// Days before this one may be forgotten.
    forget: Arc<Mutex<Option<Date>>>,
}

/// How a journal is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalState {
    /// Places in the queue that are taken.
    pub queued: usize,
    /// All places in the queue.
    pub capacity: usize,
    /// How often the disk refused.
    pub disk_errors: u64,
    /// Why nothing could be stored the last time, if that was so.
    pub problem: Option<String>,
}

impl Journal {
    /// Opens the journal in `folder`, which is made if it is not there. Reads which reports of the
    /// `oldest` week and later ones were seen, and seals what was left open. Blocks.
    pub fn open(folder: &Path, oldest: Date, limits: Limits) -> Result<Journal, JournalError> {
        Journal::open_unless(&Event::new(), folder, oldest, limits)
    }

    /// As [`Journal::open`], until `stop` happens.
    pub fn open_unless(
        stop: &Event,
        folder: &Path,
        oldest: Date,
        limits: Limits,
    ) -> Result<Journal, JournalError> {
        Journal::start(Writer::open_unless(stop, folder, oldest, limits)?)
    }

    /// Starts the thread.
    pub(super) fn start(writer: Writer) -> Result<Journal, JournalError> {
        let failed = |source| JournalError::Io {
            action: "start",
            path: "the journal's thread".to_owned(),
            source,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(failed)?;
        let (queue, waiting) = mpsc::channel(writer.limits().queue);
        let (ended, disk, forget) = (Event::new(), writer.disk(), writer.forget());
        let at_its_end = SetOnDrop(ended.clone());
        let newest_week = writer.newest_week();
        let run = move || {
            // Dropped last, when the queue and the folder's lock are gone.
            let _at_its_end = at_its_end;
            writer.run(waiting, &runtime);
        };
        let writer = std::thread::Builder::new().name("journal".to_owned()).spawn(run);
        let writer = Some(writer.map_err(failed)?);
        Ok(Journal { queue: Some(queue), writer, ended, disk, newest_week, forget })
    }

    /// Has the days before `oldest` forgotten, of which no report is taken any more, and their files
    /// removed.
    pub fn forget_before(&self, oldest: Date) {
        *self.forget.lock().unwrap_or_else(PoisonError::into_inner) = Some(oldest);
    }

    /// Whether the thread that stores has ended, so that nothing is stored any more.
    pub fn has_ended(&self) -> bool {
        self.ended.is_set()
    }

    /// How it is doing.
    pub fn state(&self) -> JournalState {
        let capacity = self.queue.as_ref().map_or(0, mpsc::Sender::max_capacity);
        let free = self.queue.as_ref().map_or(0, mpsc::Sender::capacity);
        JournalState {
            queued: capacity.saturating_sub(free),
            capacity,
            disk_errors: self.disk.count.load(Relaxed),
            problem: self.disk.last.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// The newest week of the reports that were there when it was opened, if there were any that may
    /// still be sent again.
    pub fn newest_week(&self) -> Option<Date> {
        self.newest_week
    }

    /// A permit for one report, if the queue has room.
    pub fn queue_permit(&self) -> Result<QueuePermit, QueueFull> {
        let queue = self.queue.as_ref().ok_or(QueueFull)?;
        queue.clone().try_reserve_owned().map(QueuePermit).map_err(|_| QueueFull)
    }
}

/// Stores what is in the queue, then lets go of the folder.
impl Drop for Journal {
    fn drop(&mut self) {
        self.queue = None;
        match self.writer.take() {
            // Where it panicked, that was said then, and there is nothing left to do here.
            Some(writer) if self.ended.wait(LAST_BATCHES) => drop(writer.join()),
            Some(_) => tracing::error!(
                "the disk does not answer: what is still in the queue of reports is given up; \
                 nobody was told that it is stored"
            ),
            None => {}
        }
    }
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
