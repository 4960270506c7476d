//! Many waiters, one sync; each report once.
//!
//! One thread owns the open segment and the identities of all reports that may still be sent again.
//! It takes whatever waits in the queue, appends it as one batch, syncs once, and answers everyone.
//! While it syncs, the next batch gathers; so the more wait, the less a sync costs each.
//!
//! - *Never a lost 200*: a waiter is answered after the sync, or told that nothing was stored.
//! - *Each report once*: a report whose identity is known is not appended. Its sender gets the same
//!   answer as the first one's, and not before that: an identity is known once its report is
//!   durable, and a second copy within one batch shares the batch's fate.
//! - *Bounded*: a queue of [`Limits::queue`] places, each taken before its report is read. Identities
//!   of weeks that are no longer taken are forgotten: about 32 bytes a report of four weeks.
//!
//! On opening, the identities are read back from the segments. A torn end of the open segment is
//! cut off: it was not synced, so nobody was told of it. Damage anywhere else is named in the log
//! and left where it is, and everything around it counts.
//!
//! What is still unsafe: a last record that was damaged after its sync looks like a torn one.
//!
//! # On an object store
//!
//! The same thread, with another segment: a batch is an object, `reports/PROCESS-NUMBER`, put with
//! "if none exists", and its waiters are answered by the store's answer. The identities are read
//! back by listing `reports/`, which [`Store`](crate::store::Store) would have to offer. Processes
//! do not exclude each other there, so reading back must drop the copies that two of them took at
//! once, as [`stored_reports`](super::stored_reports) does already.

use super::check::{CheckedReport, Identity};
use super::folder;
use super::record::{self, Found, HEADER, Records};
use super::segment::{self, Segment};
use jiff::civil::Date;
use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::future::Future;
use std::io;
use std::path::Path;
use std::thread::JoinHandle;
use tokio::sync::mpsc::{self, OwnedPermit};
use tokio::sync::oneshot;

/// How much a journal takes at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Reports that wait, or are being read, at one time.
    pub queue: usize,
    /// Bytes after which a batch takes no further report.
    pub batch: usize,
    /// Bytes after which a segment is sealed.
    pub segment: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { queue: 1024, batch: 4 << 20, segment: 64 << 20 }
    }
}

/// The reports of a folder, and the one right to append to them.
#[derive(Debug)]
pub struct Journal {
    queue: Option<mpsc::Sender<Waiting>>,
    writer: Option<JoinHandle<()>>,
    /// The newest week of the reports that were there when it was opened.
    newest_week: Option<Date>,
}

/// Why a journal could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Another process appends to this folder.
    #[error("{folder} is in use by another process; two cannot store reports in one folder")]
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

/// No place is free.
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

/// A place in the queue.
#[derive(Debug)]
pub struct Place(OwnedPermit<Waiting>);

/// A report in the queue, and who waits for it.
#[derive(Debug)]
struct Waiting {
    report: CheckedReport,
    answer: oneshot::Sender<Result<Stored, NotStored>>,
}

impl Journal {
    /// Opens the journal in `folder`, which is made if it is not there. Reads every segment that
    /// may have reports of the `oldest` week or later. Blocks.
    pub fn open(folder: &Path, oldest: Date, limits: Limits) -> Result<Journal, JournalError> {
        Writer::open(folder, oldest, limits).and_then(|writer| writer.start(limits.queue))
    }

    /// The newest week of the reports that were there when it was opened, if there were any that may
    /// still be sent again.
    pub fn newest_week(&self) -> Option<Date> {
        self.newest_week
    }

    /// Takes a place in the queue, if one is free.
    pub fn place(&self) -> Result<Place, Busy> {
        let queue = self.queue.as_ref().ok_or(Busy)?;
        queue.clone().try_reserve_owned().map(Place).map_err(|_| Busy)
    }
}

impl Place {
    /// Puts a report in the place. The future ends when the report is durable, or never will be; the
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
        if let Some(writer) = self.writer.take() {
            // It does not panic; if it did, there is nothing left to do here.
            let _ = writer.join();
        }
    }
}

/// What the thread owns.
#[derive(Debug)]
pub(super) struct Writer {
    segment: Segment,
    known: Known,
    limits: Limits,
    /// The records of a batch; kept for its memory.
    buffer: Vec<u8>,
    _lock: File,
}

/// The identities of the reports that may be sent again, by week.
#[derive(Debug, Default)]
struct Known(BTreeMap<Date, HashSet<Identity>>);

impl Known {
    fn has(&self, week: Date, identity: Identity) -> bool {
        self.0.get(&week).is_some_and(|week| week.contains(&identity))
    }

    /// Adds an identity; false where it was there.
    fn add(&mut self, week: Date, identity: Identity) -> bool {
        self.0.entry(week).or_default().insert(identity)
    }

    fn forget_before(&mut self, oldest: Date) {
        if self.0.first_key_value().is_some_and(|(week, _)| *week < oldest) {
            self.0 = self.0.split_off(&oldest);
        }
    }
}

impl Writer {
    pub(super) fn open(
        folder: &Path,
        oldest: Date,
        limits: Limits,
    ) -> Result<Writer, JournalError> {
        let failed = |action, path: &Path, source| JournalError::Io {
            action,
            path: path.display().to_string(),
            source,
        };
        fs::create_dir_all(folder).map_err(|e| failed("create", folder, e))?;
        let lock = folder::lock(folder)
            .map_err(|e| failed("lock", folder, e))?
            .ok_or_else(|| JournalError::InUse { folder: folder.display().to_string() })?;
        let names = folder::segments(folder).map_err(|e| failed("list", folder, e))?;
        let last = names.last().copied();
        let mut known = Known::default();
        let mut open = None;
        for name in names {
            if name.until.is_some_and(|until| until < oldest) {
                continue;
            }
            let (path, bytes) = folder::read(folder, name)
                .map_err(|e| failed("read", &folder.join(name.file_name()), e))?;
            let read = read_segment(&path, &bytes, &mut known, Some(name) == last)?;
            if name.until.is_none() && Some(name) == last {
                open = Some((name.number, read));
            } else if name.until.is_none() {
                // Its writer died, or was refused, between beginning the next one and sealing it.
                segment::seal(folder, name.number, read.latest)
                    .map_err(|e| failed("seal", &path, e))?;
            }
        }
        known.forget_before(oldest);
        let segment = match open {
            Some((number, Read { whole, latest })) => {
                Segment::resume(folder, number, whole, latest)
            }
            None => Segment::create(folder, last.map_or(1, |last| last.number + 1)),
        }
        .map_err(|e| failed("write a segment in", folder, e))?;
        // The folder itself must survive too.
        if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            folder::sync(parent).map_err(|e| failed("sync", parent, e))?;
        }
        Ok(Writer { segment, known, limits, buffer: Vec::new(), _lock: lock })
    }

    /// Starts the thread.
    pub(super) fn start(self, places: usize) -> Result<Journal, JournalError> {
        let (queue, waiting) = mpsc::channel(places);
        let newest_week = self.known.0.last_key_value().map(|(week, _)| *week);
        let writer = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || self.run(waiting))
            .map_err(|source| JournalError::Io {
                action: "start",
                path: "the journal's thread".to_owned(),
                source,
            })?;
        Ok(Journal { queue: Some(queue), writer: Some(writer), newest_week })
    }

    fn run(mut self, mut queue: mpsc::Receiver<Waiting>) {
        while let Some(first) = queue.blocking_recv() {
            let mut bytes = first.report.bytes().len();
            let mut batch = vec![first];
            while bytes < self.limits.batch
                && let Ok(next) = queue.try_recv()
            {
                bytes += next.report.bytes().len();
                batch.push(next);
            }
            self.commit(batch);
        }
    }

    /// Stores a batch and answers its waiters.
    fn commit(&mut self, batch: Vec<Waiting>) {
        self.buffer.clear();
        let mut fresh = HashSet::new();
        let (mut latest, mut oldest) = (Date::MIN, Date::MIN);
        for Waiting { report, .. } in &batch {
            oldest = oldest.max(report.oldest());
            let identity = report.identity();
            if !self.known.has(report.week(), identity) && fresh.insert(identity) {
                record::write(&mut self.buffer, identity, report.bytes());
                latest = latest.max(report.week());
            }
        }
        let stored = match self.buffer.as_slice() {
            [] => Ok(()),
            records => self.segment.append(records, latest),
        };
        if let Err(error) = &stored {
            tracing::error!(%error, "cannot store reports; their senders are asked to try again");
        }
        for Waiting { report, answer } in batch {
            let (week, identity) = (report.week(), report.identity());
            let result = match &stored {
                Ok(()) if self.known.add(week, identity) => Ok(Stored::New),
                // What was durable before this batch is so whatever became of this batch.
                Err(_) if !self.known.has(week, identity) => Err(NotStored),
                _ => Ok(Stored::Duplicate),
            };
            // A sender that went away does not want to know.
            let _ = answer.send(result);
        }
        self.known.forget_before(oldest);
        if self.segment.length() >= self.limits.segment
            && let Err(error) = self.segment.succeed()
        {
            tracing::error!(%error, "cannot change over to a new segment of reports");
        }
    }

    #[cfg(test)]
    pub(super) fn segment(&mut self) -> &mut Segment {
        &mut self.segment
    }
}

/// What was read of a segment.
#[derive(Debug)]
struct Read {
    /// How many bytes are whole, up to a torn end.
    whole: u64,
    latest: Option<Date>,
}

/// Reads the identities of a segment, and names what is damaged in it.
fn read_segment(
    path: &Path,
    bytes: &[u8],
    known: &mut Known,
    last: bool,
) -> Result<Read, JournalError> {
    if let Some(version) = record::later_format(bytes) {
        return Err(JournalError::LaterFormat { path: path.display().to_string(), version });
    }
    let mut read = Read { whole: bytes.len() as u64, latest: None };
    for found in Records::new(bytes) {
        match found {
            Found::Record(record) => {
                known.add(record.week, record.identity);
                read.latest = read.latest.max(Some(record.week));
            }
            Found::Tail(range) if last => {
                tracing::warn!(
                    bytes = range.len(),
                    "{} ends with reports that were not stored whole and that nobody was told \
                     were stored",
                    path.display()
                );
                read.whole = range.start as u64;
            }
            Found::Damage(range) | Found::Tail(range) => tracing::error!(
                "{} is damaged from byte {} to {}; the reports there are lost, all others count. \
                 Restore the file from a copy",
                path.display(),
                range.start,
                range.end
            ),
        }
    }
    // A segment that was begun and got no header.
    if read.latest.is_none() && !bytes.starts_with(&HEADER) {
        read.whole = 0;
    }
    Ok(read)
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
