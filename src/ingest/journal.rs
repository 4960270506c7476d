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
//! - *Bounded*: a queue of [`Limits::queue`] reports, each with a [`QueuePermit`]. Identities
//!   of weeks that are no longer taken are forgotten: about 32 bytes a report of four weeks.
//!
//! On opening, the identities are read back from the segments, those of sealed ones without hashing
//! every report again (`segment_list`). A torn end of the open segment is cut off: it was not synced,
//! so nobody was told of it. Damage anywhere else is named in the log and left where it is, and
//! everything around it counts. Opening can be stopped at any time.
//!
//! The thread ends when the journal is dropped. Should it end before, by a panic or because the
//! segment's path no longer leads to the file that is written to, the journal
//! [has ended](Journal::has_ended): nothing more is stored, every waiter is told so, and whoever
//! opened it opens another ([`keep_open`](super::keep_open())).
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
use super::folder::{self, SegmentName};
use super::record::{self, Found, HEADER, Records};
use super::segment::{self, Contents, Segment};
use super::segment_list::{IdentitiesHash, SealedSegment, SegmentList};
use crate::durable;
use crate::event::{Event, SetOnDrop};
use jiff::civil::Date;
use std::collections::{BTreeMap, HashSet};
use std::fs::{DirBuilder, File};
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
}

/// How long whoever drops a journal waits for what is in its queue to be stored. A disk that does not
/// answer must not keep a process from ending; nobody was told that the rest is stored.
const LAST_BATCHES: Duration = Duration::from_secs(10);

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
    /// Set when the thread has ended.
    ended: Event,
    disk: Arc<DiskErrors>,
    /// The newest week of the reports that were there when it was opened.
    newest_week: Option<Date>,
}

/// What the disk refused.
#[derive(Debug, Default)]
struct DiskErrors {
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
struct Waiting {
    report: CheckedReport,
    answer: oneshot::Sender<Result<Stored, NotStored>>,
}

impl Journal {
    /// Opens the journal in `folder`, which is made if it is not there. Reads every segment that
    /// may have reports of the `oldest` week or later. Blocks.
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
        let writer = Writer::open_unless(stop, folder, oldest, limits)?;
        writer.start(limits.queue)
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

/// What the thread owns.
#[derive(Debug)]
pub(super) struct Writer {
    segment: Segment,
    known: Known,
    limits: Limits,
    /// The records of a batch; kept for its memory.
    buffer: Vec<u8>,
    list: SegmentList,
    disk: Arc<DiskErrors>,
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
    #[cfg(test)]
    pub(super) fn open(
        folder: &Path,
        oldest: Date,
        limits: Limits,
    ) -> Result<Writer, JournalError> {
        Writer::open_unless(&Event::new(), folder, oldest, limits)
    }

    fn open_unless(
        stop: &Event,
        folder: &Path,
        oldest: Date,
        limits: Limits,
    ) -> Result<Writer, JournalError> {
        let failed = |action, path: &Path, source| JournalError::Io {
            action,
            path: path.display().to_string(),
            source,
        };
        let made = durable::make_folders_unsynced(folder, &mut DirBuilder::new())
            .map_err(|e| failed("create", folder, e))?;
        let lock = folder::lock(folder)
            .map_err(|e| failed("lock", folder, e))?
            .ok_or_else(|| JournalError::InUse { folder: folder.display().to_string() })?;
        let names = folder::segments(folder).map_err(|e| failed("list", folder, e))?;
        let list_failed = |e| failed("write the list of segments in", folder, e);
        let mut list = SegmentList::open(folder).map_err(list_failed)?;
        for line in &list.listed().damaged {
            tracing::error!("line {line} of {}/segments is damaged", folder.display());
        }
        let last = names.last().copied();
        let mut known = Known::default();
        let mut open = None;
        for name in &names {
            list.note_begun(name.number).map_err(list_failed)?;
            if name.until.is_some_and(|until| until < oldest) {
                continue;
            }
            let reading = Reading { folder, name: *name, last: Some(*name) == last, stop };
            let Read { whole, contents } = reading.read(&list, &mut known)?;
            match name.until {
                Some(_) => {
                    let sealed = contents.sealed(whole);
                    sealed.map_or(Ok(()), |sealed| list.note_sealed(name.number, sealed))
                }
                None if Some(*name) == last => {
                    open = Some((name.number, whole, contents));
                    Ok(())
                }
                None => {
                    // Its writer died, or was refused, between beginning the next one and sealing it.
                    segment::seal(folder, name.number, contents.latest)
                        .map_err(|e| failed("seal", &folder.join(name.file_name()), e))?;
                    let sealed = contents.sealed(whole);
                    sealed.map_or(Ok(()), |sealed| list.note_sealed(name.number, sealed))
                }
            }
            .map_err(list_failed)?;
        }
        known.forget_before(oldest);
        let segment = match open {
            Some((number, whole, contents)) => Segment::resume(folder, number, whole, contents),
            // A number is never used twice, also where its file is gone.
            None => {
                let listed = list.listed().segments.keys().last().copied();
                let number = last.map(|last| last.number).max(listed).unwrap_or(0) + 1;
                Segment::create(folder, number)
            }
        }
        .map_err(|e| failed("write a segment in", folder, e))?;
        list.note_begun(segment.number()).map_err(list_failed)?;
        // The folder itself must survive too, and the copy of the list beside it.
        let new = if made.is_empty() { vec![folder.to_owned()] } else { made };
        for folder in new.iter().map(|new| durable::folder_of(new)) {
            durable::sync_folder(folder).map_err(|e| failed("sync", folder, e))?;
        }
        let disk = Arc::default();
        Ok(Writer { segment, known, limits, buffer: Vec::new(), list, disk, _lock: lock })
    }

    /// Starts the thread.
    pub(super) fn start(self, queue: usize) -> Result<Journal, JournalError> {
        let (queue, waiting) = mpsc::channel(queue);
        let (ended, disk) = (Event::new(), self.disk.clone());
        let at_its_end = SetOnDrop(ended.clone());
        let newest_week = self.known.0.last_key_value().map(|(week, _)| *week);
        let writer = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                // Dropped last, when the queue and the folder's lock are gone.
                let _at_its_end = at_its_end;
                self.run(waiting);
            })
            .map_err(|source| JournalError::Io {
                action: "start",
                path: "the journal's thread".to_owned(),
                source,
            })?;
        Ok(Journal { queue: Some(queue), writer: Some(writer), ended, disk, newest_week })
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
            if !self.commit(batch) {
                return;
            }
        }
    }

    /// Stores a batch and answers its waiters. False where the segment was taken away: then nothing of
    /// what was read when the folder was opened is certain, and it has to be opened again.
    fn commit(&mut self, batch: Vec<Waiting>) -> bool {
        self.buffer.clear();
        let mut fresh = HashSet::new();
        let mut written = Vec::new();
        let (mut latest, mut oldest) = (Date::MIN, Date::MIN);
        for Waiting { report, .. } in &batch {
            oldest = oldest.max(report.oldest());
            let identity = report.identity();
            if !self.known.has(report.week(), identity) && fresh.insert(identity) {
                record::write(&mut self.buffer, identity, report.bytes());
                written.push(identity);
                latest = latest.max(report.week());
            }
        }
        let stored = match written.as_slice() {
            [] => Ok(()),
            identities => {
                // A segment of which a sync has failed is done with.
                let open = if self.segment.is_closed() { self.change_over() } else { Ok(()) };
                let stored =
                    open.and_then(|()| self.segment.append(&self.buffer, identities, latest));
                self.disk.note(stored.as_ref().err());
                stored
            }
        };
        // Also where nothing was written: what was there already may be gone.
        let found = self.segment.check_path();
        if let Err(error) = &found {
            self.disk.note(Some(error));
        }
        for Waiting { report, answer } in batch {
            let (week, identity) = (report.week(), report.identity());
            let result = match &stored {
                _ if found.is_err() => Err(NotStored),
                Ok(()) if self.known.add(week, identity) => Ok(Stored::New),
                // What was durable before this batch is so whatever became of this batch.
                Err(_) if !self.known.has(week, identity) => Err(NotStored),
                _ => Ok(Stored::Duplicate),
            };
            // A sender that went away does not want to know.
            let _ = answer.send(result);
        }
        if found.is_err() {
            return false;
        }
        self.known.forget_before(oldest);
        if self.segment.length() >= self.limits.segment
            && let Err(error) = self.change_over()
        {
            self.disk.note(Some(&error));
            tracing::error!(%error, "cannot change over to a new segment of reports");
        }
        true
    }

    /// Goes on with a new segment, and seals this one. What cannot be listed now is listed by the next
    /// open of the folder.
    fn change_over(&mut self) -> io::Result<()> {
        let (number, sealed) = self.segment.succeed()?;
        self.list.note_begun(self.segment.number())?;
        sealed.map_or(Ok(()), |sealed| self.list.note_sealed(number, sealed))
    }

    #[cfg(test)]
    pub(super) fn segment(&mut self) -> &mut Segment {
        &mut self.segment
    }
}

impl DiskErrors {
    /// Notes what came of writing. The log is told of it when it changes, not for every batch.
    fn note(&self, error: Option<&io::Error>) {
        if error.is_some() {
            self.count.fetch_add(1, Relaxed);
        }
        let now = error.map(ToString::to_string);
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

/// A segment that is read when its folder is opened.
struct Reading<'a> {
    folder: &'a Path,
    name: SegmentName,
    /// Whether it is the one that was written to last.
    last: bool,
    stop: &'a Event,
}

/// What was read of a segment.
#[derive(Debug, Default)]
struct Read {
    /// How many bytes are whole, up to a torn end.
    whole: u64,
    contents: Contents,
}

impl Reading<'_> {
    /// Reads the identities of the segment, and names what is damaged in it.
    fn read(&self, list: &SegmentList, known: &mut Known) -> Result<Read, JournalError> {
        self.check_stop()?;
        let (path, bytes) = folder::read(self.folder, self.name).map_err(|source| {
            let path = self.folder.join(self.name.file_name()).display().to_string();
            JournalError::Io { action: "read", path, source }
        })?;
        if let Some(version) = record::later_format(&bytes) {
            return Err(JournalError::LaterFormat { path: path.display().to_string(), version });
        }
        let listed = list.listed().segments.get(&self.name.number).and_then(Option::as_ref);
        if let Some(read) = listed.and_then(|listed| skim(listed, &bytes, known)) {
            return Ok(read);
        }
        let read = self.read_every_report(&path, &bytes, known)?;
        if let Some(listed) = listed {
            tracing::error!(
                "{} is not what it was when it was sealed: it had {} reports in {} bytes, and has \
                 {} in {}. Restore the file from a copy",
                path.display(),
                listed.reports,
                listed.bytes,
                read.contents.identities.count(),
                bytes.len()
            );
        }
        Ok(read)
    }

    fn read_every_report(
        &self,
        path: &Path,
        bytes: &[u8],
        known: &mut Known,
    ) -> Result<Read, JournalError> {
        let mut read = Read { whole: bytes.len() as u64, ..Read::default() };
        for found in Records::new(bytes) {
            self.check_stop()?;
            match found {
                Found::Record(record) => {
                    known.add(record.week, record.identity);
                    read.contents.latest = read.contents.latest.max(Some(record.week));
                    read.contents.identities.add(record.identity);
                }
                Found::Tail(range) if self.last && self.name.until.is_none() => {
                    tracing::warn!(
                        bytes = range.len(),
                        "{} ends with bytes that are no whole report, and they are cut off: perhaps \
                         a write that did not come to its end, of which nobody was told",
                        path.display()
                    );
                    read.whole = range.start as u64;
                }
                Found::Damage(range) | Found::Tail(range) => tracing::error!(
                    "{} is damaged from byte {} to {}; what is there cannot be read, all \
                     other reports count. Restore the file from a copy",
                    path.display(),
                    range.start,
                    range.end
                ),
            }
        }
        // A segment that was begun and got no header.
        if read.contents.latest.is_none() && !bytes.starts_with(&HEADER) {
            read.whole = 0;
        }
        Ok(read)
    }

    fn check_stop(&self) -> Result<(), JournalError> {
        match self.stop.is_set() {
            true => Err(JournalError::Stopped { folder: self.folder.display().to_string() }),
            false => Ok(()),
        }
    }
}

/// The identities of a sealed segment whose list of them is known, without hashing its reports.
/// `None` where it is not the segment that was listed.
fn skim(listed: &SealedSegment, bytes: &[u8], known: &mut Known) -> Option<Read> {
    let records = record::skim(bytes).filter(|_| bytes.len() as u64 == listed.bytes)?;
    let mut identities = IdentitiesHash::default();
    records.iter().for_each(|(_, identity)| identities.add(*identity));
    if identities.hex() != listed.identities {
        return None;
    }
    for (week, identity) in &records {
        known.add(*week, *identity);
    }
    let contents = Contents { latest: records.iter().map(|(week, _)| *week).max(), identities };
    Some(Read { whole: listed.bytes, contents })
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
