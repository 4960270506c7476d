//! The journal's thread: what it owns, and its loop.

use super::disk_errors::{DiskErrors, RECHECK};
use super::folder::{self, Lock};
use super::framing;
use super::identity::Identity;
use super::journal_error::JournalError;
use super::limits::Limits;
use super::queue::{NotStored, Stored, Waiting};
use super::requests;
use super::sealing::Sealing;
use super::seen::Seen;
use super::segment::Segment;
use super::segment_id::SegmentId;
use super::segment_list::SegmentList;
use crate::day::Day;
use crate::durable::{self, AppendFile};
use crate::event::Event;
use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// How often to look for requests.
const POLL: Duration = Duration::from_millis(100);
/// How long to wait before sealing is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// The sole owner of a receiver's folder.
#[derive(Debug)]
pub(crate) struct Writer {
    folder: PathBuf,
    /// The open segment; `None` if nothing waits to be sealed.
    segment: Option<Segment>,
    /// Closed segments that are not sealed yet.
    to_seal: Vec<SegmentId>,
    seen: Seen,
    list: SegmentList,
    limits: Limits,
    /// The records of a batch; kept to reuse its memory.
    buffer: Vec<u8>,
    disk: Arc<DiskErrors>,
    forget: Arc<Mutex<Option<Day>>>,
    /// When it last looked for requests.
    looked: Instant,
    /// When sealing last failed.
    failed: Option<Instant>,
    /// The day of a report that was refused because of what is known of that day.
    refused: Option<Day>,
    /// When it was last tried whether reports can be stored, by a report or without one.
    checked: Instant,
    lock: Lock,
}

/// What happens to a report of a batch.
enum Fate {
    /// It was stored before.
    Known,
    /// It shares the fate of the batch.
    InBatch(Identity),
    /// It cannot be stored.
    Refused,
}

/// How long a receiver waits for the folder's lock: a merge that finds no receiver holds it while it seals.
const LOCKED: Duration = Duration::from_secs(2);
/// How often to try meanwhile.
const TRY: Duration = Duration::from_millis(20);

fn take_lock(
    folder: &Path,
    patience: Duration,
    check_stop: &dyn Fn() -> Result<(), JournalError>,
) -> Result<Lock, JournalError> {
    let deadline = Instant::now() + patience;
    loop {
        let failed = |source| JournalError::Io {
            action: "lock",
            path: folder.display().to_string(),
            source,
        };
        if let Some(lock) = Lock::take(folder).map_err(failed)? {
            return Ok(lock);
        }
        check_stop()?;
        if Instant::now() >= deadline {
            return Err(JournalError::InUse { folder: folder.display().to_string() });
        }
        std::thread::sleep(TRY);
    }
}

/// Forgets merged segments: first their files, then their lines in the list, then the notes.
fn forget_merged(folder: &Path, list: &mut SegmentList) -> io::Result<()> {
    let ids = requests::merged(folder)?;
    if ids.is_empty() {
        return Ok(());
    }
    for id in &ids {
        requests::remove_files(folder, *id)?;
    }
    list.drop_segments(&ids)?;
    for id in ids {
        requests::forget_note(folder, id)?;
    }
    Ok(())
}

impl Writer {
    #[cfg(test)]
    pub(super) fn open(folder: &Path, oldest: Day, limits: Limits) -> Result<Writer, JournalError> {
        Writer::open_unless(&Event::new(), folder, oldest, limits)
    }

    /// Locks the folder, reads which reports of the `oldest` day and later ones were seen, and seals
    /// what was left open. Gives up when `stop` is set.
    pub(super) fn open_unless(
        stop: &Event,
        folder: &Path,
        oldest: Day,
        limits: Limits,
    ) -> Result<Writer, JournalError> {
        Writer::open_within(LOCKED, stop, folder, oldest, limits)
    }

    /// As [`Writer::open_unless`], with a wait of its own for the lock.
    fn open_within(
        patience: Duration,
        stop: &Event,
        folder: &Path,
        oldest: Day,
        limits: Limits,
    ) -> Result<Writer, JournalError> {
        let failed = |action, path: &Path, source| JournalError::Io {
            action,
            path: path.display().to_string(),
            source,
        };
        let check_stop = || match stop.is_set() {
            true => Err(JournalError::Stopped { folder: folder.display().to_string() }),
            false => Ok(()),
        };
        let made = durable::make_folders_unsynced(folder, &mut folder::private())
            .map_err(|e| failed("create", folder, e))?;
        let lock = take_lock(folder, patience, &check_stop)?;
        check_stop()?;
        let mut list = SegmentList::open(folder)
            .map_err(|e| failed("write the list of segments in", folder, e))?;
        for line in &list.listed().damaged {
            tracing::error!("line {line} of {}/segments is damaged", folder.display());
        }
        let mut seen = Seen::open(stop, folder, oldest, limits.known)
            .map_err(|e| failed("read which reports were seen in", folder, e))?;
        check_stop()?;
        // The folder itself must be durable, too, and the copy of the list beside it.
        let new = if made.is_empty() { vec![folder.to_owned()] } else { made };
        for folder in new.iter().map(|new| durable::folder_of(new)).chain([folder]) {
            durable::sync_folder(folder).map_err(|e| failed("sync", folder, e))?;
        }
        let forgotten = forget_merged(folder, &mut list);
        forgotten.map_err(|e| failed("forget what is merged in", folder, e))?;
        Sealing { folder, seen: &mut seen, list: &mut list }.seal_all_found(&check_stop)?;
        requests::answer_all(folder).map_err(|e| failed("answer requests in", folder, e))?;
        Ok(Writer {
            folder: folder.to_owned(),
            segment: None,
            to_seal: Vec::new(),
            seen,
            list,
            limits,
            buffer: Vec::new(),
            disk: Arc::new(DiskErrors::of_disk()),
            forget: Arc::default(),
            looked: Instant::now(),
            failed: None,
            refused: None,
            checked: Instant::now(),
            lock,
        })
    }

    /// Seals what was left open, and forgets what was merged, if no process holds the folder. Does not wait
    /// for one that does: it is usually a receiver, which keeps the folder as long as it runs.
    pub(super) fn seal_only(folder: &Path) -> Result<(), JournalError> {
        let stop = Event::new();
        // Only the days of reports in open segments need to be read.
        Writer::open_within(Duration::ZERO, &stop, folder, Day::LAST, Limits::default()).map(drop)
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    pub(super) fn disk(&self) -> Arc<DiskErrors> {
        self.disk.clone()
    }

    pub(super) fn forget(&self) -> Arc<Mutex<Option<Day>>> {
        self.forget.clone()
    }

    /// The newest week of the reports that were seen.
    pub(super) fn newest_week(&self) -> Option<Day> {
        self.seen.newest()
    }

    /// Stores queued reports until the queue is closed or the folder is gone.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Waiting>, runtime: &Runtime) {
        loop {
            let next = async { tokio::time::timeout(POLL, queue.recv()).await };
            match runtime.block_on(next) {
                Ok(Some(first)) => {
                    let mut bytes = first.report.size();
                    let mut batch = vec![first];
                    while bytes < self.limits.batch
                        && let Ok(next) = queue.try_recv()
                    {
                        bytes += next.report.size();
                        batch.push(next);
                    }
                    if !self.commit(batch) {
                        return;
                    }
                }
                Ok(None) => break,
                Err(_) => {}
            }
            if self.looked.elapsed() >= POLL {
                self.looked = Instant::now();
                if !self.poll() {
                    return;
                }
            }
        }
        if self.is_in_place().is_ok() {
            self.seal_all();
        }
    }

    /// Stores a batch and answers its senders. False if the segment was removed: then nothing that was
    /// read when the folder was opened is certain, and it must be opened again.
    pub(super) fn commit(&mut self, batch: Vec<Waiting>) -> bool {
        self.buffer.clear();
        let mut fresh = HashSet::new();
        let mut fates = Vec::with_capacity(batch.len());
        let mut oldest = Day::FIRST;
        for Waiting { report, .. } in &batch {
            oldest = oldest.max(report.oldest());
            let week = report.week();
            let fate = match self.seen.identity(week, report.bytes()) {
                Ok(identity) if self.seen.has(week, identity) => Fate::Known,
                Ok(identity) if fresh.contains(&(week, identity)) => Fate::InBatch(identity),
                Ok(_) if self.seen.is_full(fresh.len()) => {
                    self.disk.note(Some(&format!(
                        "{} reports are remembered, which is the limit",
                        self.limits.known
                    )));
                    Fate::Refused
                }
                Ok(identity) => {
                    fresh.insert((week, identity));
                    framing::write(&mut self.buffer, identity.as_bytes(), report.row());
                    Fate::InBatch(identity)
                }
                Err(error) => {
                    self.disk.note(Some(&error));
                    self.refused = Some(week);
                    Fate::Refused
                }
            };
            fates.push(fate);
        }
        let stored = if fresh.is_empty() { Ok(()) } else { self.append() };
        if !fresh.is_empty() {
            self.disk.note(stored.as_ref().err().map(|error| error as &dyn std::fmt::Display));
        }
        // Even if nothing was written: what was stored before may be gone.
        let found = self.is_in_place();
        if let Err(error) = &found {
            self.disk.note(Some(error));
        }
        for (Waiting { report, answer }, fate) in batch.into_iter().zip(fates) {
            let result = match fate {
                _ if found.is_err() => Err(NotStored),
                Fate::Known => Ok(Stored::Duplicate),
                Fate::InBatch(_) if stored.is_err() => Err(NotStored),
                Fate::InBatch(identity) if self.seen.add(report.week(), identity) => {
                    Ok(Stored::New)
                }
                Fate::InBatch(_) => Ok(Stored::Duplicate),
                Fate::Refused => Err(NotStored),
            };
            // The sender may have gone away.
            let _ = answer.send(result);
        }
        if found.is_err() {
            return false;
        }
        self.checked = Instant::now();
        self.seen.forget_in_memory(oldest);
        if self.segment.as_ref().is_some_and(|segment| segment.length() >= self.limits.segment) {
            self.seal_all();
        }
        true
    }

    /// Appends the buffer to the open segment, which is started if there is none.
    fn append(&mut self) -> io::Result<()> {
        // A segment whose sync has failed is finished.
        if self.segment.as_ref().is_some_and(Segment::is_closed) {
            self.set_aside()?;
        }
        let segment = match &mut self.segment {
            Some(segment) => segment,
            none => {
                let id = SegmentId::random().map_err(io::Error::other)?;
                none.insert(Segment::create(&self.folder, id)?)
            }
        };
        self.list.note_begun(segment.id())?;
        segment.append(&self.buffer)
    }

    /// Fails unless the files are still where they were.
    fn is_in_place(&self) -> io::Result<()> {
        self.lock.check_path()?;
        self.segment.as_ref().map_or(Ok(()), Segment::check_path)
    }

    /// Handles requests, and seals and forgets what is due. False if the folder must be opened again.
    pub(crate) fn poll(&mut self) -> bool {
        let asked = requests::begin_sealing(&self.folder).unwrap_or(false);
        let age = self.segment.as_ref().and_then(Segment::age);
        let is_due = asked || age.is_some_and(|age| age >= self.limits.age);
        let waits = self.failed.is_some_and(|failed| failed.elapsed() < RETRY);
        if (is_due || !self.to_seal.is_empty()) && !waits {
            if let Err(error) = self.is_in_place() {
                self.disk.note(Some(&error));
                return false;
            }
            if self.seal_all() && asked {
                self.warn("answer a request in", requests::end_sealing(&self.folder));
            }
        }
        if self.disk.is_failing() && self.checked.elapsed() >= RECHECK {
            if self.can_store() {
                self.disk.note(None);
            }
            self.checked = Instant::now();
        }
        let forgotten = forget_merged(&self.folder, &mut self.list);
        self.warn("forget what is merged in", forgotten);
        let oldest = self.forget.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(oldest) = oldest {
            let forgotten = self.seen.forget_before(oldest);
            self.warn("forget old days in", forgotten);
        }
        true
    }

    /// Whether the reports that were refused last could be stored now. So a failure ends without an upload, too.
    fn can_store(&mut self) -> bool {
        let sealed = self.to_seal.is_empty() && self.failed.is_none();
        let refused = self.refused.take();
        self.refused = refused.filter(|day| self.seen.identity(*day, &[]).is_err());
        sealed && self.refused.is_none() && !self.seen.is_full(0) && self.write_and_remove().is_ok()
    }

    /// Writes as much as the last batch, where it would have been in the segment, to a file of its own. If the
    /// process is killed, the next one removes that.
    fn write_and_remove(&mut self) -> io::Result<()> {
        const LEAST: usize = 4096;
        let start = self.segment.as_ref().map_or(0, Segment::length);
        let bytes = vec![b'.'; self.buffer.len().max(LEAST)];
        let path = self.folder.join(format!("check.{}", folder::TEMPORARY));
        let file = folder::open_regular(&path, OpenOptions::new().create(true).append(true))?;
        let mut file = AppendFile::new(file, &path);
        // A limit of a file's size counts what is before, which takes no room.
        let written = file.cut_unsynced(start).and_then(|()| file.append(&bytes));
        let written = written.and_then(|()| file.sync());
        written.and(durable::remove_unsynced(&path).map(drop))
    }

    fn warn(&self, action: &str, result: io::Result<()>) {
        if let Err(error) = result {
            tracing::error!(%error, "cannot {action} {}", self.folder.display());
        }
    }

    /// Closes the open segment, and removes the zeros after its end and what a failed append left in it, since
    /// those reports may be stored elsewhere from now on.
    fn set_aside(&mut self) -> io::Result<()> {
        if let Some(segment) = &mut self.segment {
            segment.finish()?;
        }
        self.to_seal.extend(self.segment.take().map(|segment| segment.id()));
        Ok(())
    }

    /// Seals all that is stored. If this fails it is tried again later; what is stored stays as safe as
    /// it was.
    pub(crate) fn seal_all(&mut self) -> bool {
        let mut sealed = self.set_aside();
        let Writer { folder, seen, list, to_seal, .. } = self;
        let mut sealing = Sealing { folder, seen, list };
        to_seal.retain(|id| {
            let result = sealing.seal(*id);
            let is_gone = matches!(&result, Err(e) if e.kind() == io::ErrorKind::NotFound)
                && folder::path(folder, *id, folder::OPEN).metadata().is_err();
            let again = result.is_err() && !is_gone;
            sealed = std::mem::replace(&mut sealed, Ok(())).and(result);
            again
        });
        self.failed = sealed.is_err().then(Instant::now);
        if let Err(error) = &sealed {
            self.disk.note(Some(error));
            tracing::error!(%error, "cannot seal a segment of reports in {}", self.folder.display());
        }
        sealed.is_ok()
    }

    #[cfg(test)]
    pub(super) fn segment(&mut self) -> &mut Segment {
        let id = SegmentId::random().expect("an id");
        let folder = &self.folder;
        self.segment.get_or_insert_with(|| Segment::create(folder, id).expect("a segment"))
    }
}
