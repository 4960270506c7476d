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

use super::check::CheckedReport;
use super::writer::Writer;
use crate::event::{Event, SetOnDrop};
use jiff::civil::Date;
use std::fmt::Display;
use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc::{self, OwnedPermit};
use tokio::sync::oneshot;

/// How much a journal takes at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Reports that wait at one time.
    pub queue: usize,
    /// Bytes after which a batch takes no further report.
    pub batch: usize,
    /// Bytes after which a segment is sealed.
    pub segment: u64,
    /// How long a report may lie in a segment that is not sealed.
    pub age: Duration,
    /// Reports that are known at most, so that they are not stored twice: of all days that are still
    /// taken together. A further one is not stored, and its sender asked to come again.
    pub known: usize,
}

/// How long whoever drops a journal waits for what is in its queue to be stored. A disk that does not
/// answer must not keep a process from ending; nobody was told that the rest is stored.
const LAST_BATCHES: Duration = Duration::from_secs(10);

impl Default for Limits {
    fn default() -> Limits {
        let age = Duration::from_secs(3600);
        Limits { queue: 1024, batch: 4 << 20, segment: 64 << 20, age, known: 8 << 20 }
    }
}

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

/// What the disk refused.
#[derive(Debug, Default)]
pub(super) struct DiskErrors {
    count: AtomicU64,
    /// What it said last, until something is stored again.
    last: Mutex<Option<String>>,
}

/// How a journal is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalState {
    /// Places in the queue that are taken.
    pub queued: usize,
    /// All places in the queue.
    pub places: usize,
    /// How often the disk refused.
    pub disk_errors: u64,
    /// Why nothing could be stored the last time, if that was so.
    pub problem: Option<String>,
}

/// Why a journal could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Another process appends to this folder.
    #[error(
        "{folder} is in use by another process, and two cannot store reports in one folder: stop that \
         one, or serve with --no-uploads"
    )]
    InUse {
        /// The folder.
        folder: String,
    },
    /// A segment was written by a later version of this program.
    #[error("{path} has format {version}, and this program knows 1; use the newer program")]
    LaterFormat {
        /// The segment.
        path: String,
        /// Its format.
        version: u8,
    },
    /// Whoever opened it was asked to stop.
    #[error("opening {folder} was stopped")]
    Stopped {
        /// The folder.
        folder: String,
    },
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
}

/// The queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("as many reports wait as can")]
pub struct Busy;

/// The report was not stored: the disk refused, as the log says, or the journal is closing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the report could not be stored")]
pub struct NotStored;

/// A report is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It is new.
    New,
    /// It was there already.
    Duplicate,
}

/// The right to put one report into the queue.
#[derive(Debug)]
pub struct QueuePermit(OwnedPermit<Waiting>);

/// A report in the queue, and who waits for it.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) report: CheckedReport,
    pub(super) answer: oneshot::Sender<Result<Stored, NotStored>>,
}

impl Journal {
    /// Opens the journal in `folder`, which is made if it is not there. Reads which reports of the
    /// `oldest` week and later ones were seen, and seals what was left open. Blocks.
    #[cfg(any(test, feature = "testing"))]
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
        let places = self.queue.as_ref().map_or(0, mpsc::Sender::max_capacity);
        let free = self.queue.as_ref().map_or(0, mpsc::Sender::capacity);
        JournalState {
            queued: places.saturating_sub(free),
            places,
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
    pub fn queue_permit(&self) -> Result<QueuePermit, Busy> {
        let queue = self.queue.as_ref().ok_or(Busy)?;
        queue.clone().try_reserve_owned().map(QueuePermit).map_err(|_| Busy)
    }
}

impl QueuePermit {
    /// Puts a report into the queue. The future ends when the report is durable, or never will be; the
    /// report is stored also if nobody waits for that.
    pub fn store(
        self,
        report: CheckedReport,
    ) -> impl Future<Output = Result<Stored, NotStored>> + Send {
        let (answer, answered) = oneshot::channel();
        self.0.send(Waiting { report, answer });
        async { answered.await.unwrap_or(Err(NotStored)) }
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

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
