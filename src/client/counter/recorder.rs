//! What a process counts: every name that was counted under, and where its count goes.
//!
//! A name's count goes to the mapped file if there is one, and waits in memory until there is.
//! Once a name is known and the file open, counting is one atomic addition. The life of a count
//! before that:
//!
//! 1. The name is looked up in the table of the process, and added to it the first time. The table
//!    only grows, and is searched and extended without a lock.
//! 2. The number is added to what is pending for the name, and the name is put on the stack of
//!    those that wait for a place in the file.
//! 3. Whoever gets the lock on the file serves all who wait. Whoever does not get it goes away:
//!    the holder looks at the stack again after letting go. So counting never waits for another
//!    thread, nor for itself when it is interrupted (a panic hook, a forked child), and nothing is
//!    forgotten.
//!
//! When the week ends, each name's place is taken back before the next file is opened; a count
//! that is on its way at that instant goes to the old file, which is still mapped. If that file has
//! been reported and deleted meanwhile, by a process on a clock ahead of ours, it is lost; Go's
//! clients have the same gap.
//!
//! Errors stop counting, and are kept for those who ask. Time comes in from outside.

use super::error::CountingError;
use super::file::CurrentFile;
use super::layout::{BUCKETS, bucket};
use super::mapped::{self, AtomicRef};
use super::name::is_counter_name;
use crate::client::day::Day;
use crate::client::folder::Folder;
use crate::client::mode::{Consent, DecidedBy, Mode};
use crate::client::program::Program;
use std::path::PathBuf;
use std::sync::atomic::{
    AtomicBool, AtomicU8, AtomicU64, AtomicUsize,
    Ordering::{Relaxed, SeqCst},
    fence,
};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

/// Beyond so many names, new ones are not counted: a program that makes up names must not fill
/// the memory.
const MAX_NAMES: usize = 1 << 17;

/// The recorder of this process.
pub(in crate::client) static RECORDER: Recorder = Recorder::new();

/// The names of a process, and the file that they are counted in.
pub(in crate::client) struct Recorder {
    table: [AtomicRef<Entry>; BUCKETS as usize],
    names: AtomicUsize,
    /// A `Phase`.
    phase: AtomicU8,
    /// The names that wait for a place in the file: a stack, taken as a whole.
    waiting: AtomicRef<Entry>,
    /// Held while the file is opened, extended or changed. Counting only ever tries to get it.
    inner: Mutex<Inner>,
}

/// Whether counts are kept. An error or a refusal may end it at any time.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq)]
enum Phase {
    /// Not started: counts wait in memory.
    Before,
    /// Counts go to the file.
    Counting,
    /// Counts are dropped, except those of names that have a place in a file.
    Stopped,
}

#[derive(Default)]
struct Inner {
    started: Option<(Folder, Program)>,
    file: Option<CurrentFile>,
    stopped: Option<Stopped>,
}

enum Stopped {
    Off(DecidedBy),
    Failed(CountingError),
}

/// Whether this process's counts are kept, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// [`start`](crate::client::start()) was not called yet: counts wait in memory.
    NotStarted,
    /// The user has not allowed it; this says who decided.
    Off(DecidedBy),
    /// Counts go to this file.
    Counting(PathBuf),
    /// Counting has stopped; this says why.
    Stopped(String),
}

/// One name. Made once for each name in a process, never dropped.
pub(in crate::client) struct Entry {
    name: Box<str>,
    /// Its place in the file, once it has one.
    count: AtomicRef<AtomicU64>,
    /// Counted before it had one.
    pending: AtomicU64,
    recorder: &'static Recorder,
    /// Whether it is on the stack of those that wait; and, if so, who is below it.
    waits: AtomicBool,
    below: AtomicRef<Entry>,
    next_in_table: AtomicRef<Entry>,
}

impl Entry {
    /// Counts.
    #[inline]
    pub fn add(&'static self, number: u64) {
        match self.count.load() {
            Some(count) => mapped::add(count, number),
            None => self.recorder.add_later(self, number),
        }
    }

    /// Whether everything counted has reached the file.
    fn is_settled(&self) -> bool {
        self.count.load().is_some() && self.pending.load(SeqCst) == 0
    }
}

impl Recorder {
    pub const fn new() -> Recorder {
        Recorder {
            table: [const { AtomicRef::none() }; BUCKETS as usize],
            names: AtomicUsize::new(0),
            phase: AtomicU8::new(Phase::Before as u8),
            waiting: AtomicRef::none(),
            inner: Mutex::new(Inner { started: None, file: None, stopped: None }),
        }
    }

    /// The entry of a counter's name. `None` if nothing is counted under it.
    pub fn counter(&'static self, name: &str) -> Option<&'static Entry> {
        if is_counter_name(name) { self.entry(name) } else { None }
    }

    /// The entry of a stored name: 1 to 4096 bytes. `None` if nothing is counted any more.
    pub fn entry(&'static self, name: &str) -> Option<&'static Entry> {
        let mut link = self.table.get(bucket(name.as_bytes()) as usize)?;
        let mut made = None;
        loop {
            match link.load() {
                Some(entry) if *entry.name == *name => return Some(entry),
                Some(entry) => link = &entry.next_in_table,
                None if self.has_stopped() => return None,
                None => {
                    let entry = match made {
                        Some(entry) => entry,
                        None if self.names.fetch_add(1, Relaxed) >= MAX_NAMES => return None,
                        // If another thread adds the same name now, this one is left unused: the
                        // rare price of a table without a lock.
                        None => &*Box::leak(Box::new(Entry {
                            name: name.into(),
                            count: AtomicRef::none(),
                            pending: AtomicU64::new(0),
                            recorder: self,
                            waits: AtomicBool::new(false),
                            below: AtomicRef::none(),
                            next_in_table: AtomicRef::none(),
                        })),
                    };
                    if link.replace(None, entry) {
                        return Some(entry);
                    }
                    made = Some(entry);
                }
            }
        }
    }

    /// Whether counts are dropped.
    pub fn has_stopped(&self) -> bool {
        self.phase.load(SeqCst) == Phase::Stopped as u8
    }

    /// Begins to count into a file, if the user allows it. A second start changes nothing.
    pub fn start(&'static self, folder: Folder, program: Program, today: Day, consent: &Consent) {
        let mut inner = self.lock();
        if inner.started.is_none() && inner.stopped.is_none() {
            inner.started = Some((folder, program));
            self.turn(&mut inner, today, consent);
        }
        drop(inner);
        self.serve_waiting();
    }

    /// Begins the next week's file if the current one has ended; stops if the user has said so.
    /// After an error, tries again.
    pub fn renew(&'static self, today: Day, consent: &Consent) {
        let mut inner = self.lock();
        let off = consent.mode == Mode::Off;
        let ended = inner.file.as_ref().is_none_or(|file| file.metadata.end <= today);
        if inner.started.is_some() && (off || ended) {
            self.turn(&mut inner, today, consent);
        }
        drop(inner);
        self.serve_waiting();
    }

    /// Stops for a reason that was found before there was a folder.
    pub fn stop(&'static self, error: CountingError) {
        let mut inner = self.lock();
        if inner.started.is_none() {
            self.close(&mut inner, Stopped::Failed(error));
        }
    }

    /// Whether counts are kept, and where.
    pub fn status(&self) -> Status {
        let inner = self.lock();
        match (&inner.stopped, &inner.file) {
            (Some(Stopped::Off(decided_by)), _) => Status::Off(decided_by.clone()),
            (Some(Stopped::Failed(error)), _) => Status::Stopped(error.to_string()),
            (None, Some(file)) => Status::Counting(file.mapped.path().to_path_buf()),
            (None, None) => Status::NotStarted,
        }
    }

    /// Waits until what was counted under this name is in the file, but not for long: for a
    /// process that is about to die.
    pub fn settle(&'static self, entry: &'static Entry) {
        for _ in 0..200 {
            self.serve_waiting();
            if entry.is_settled() || self.phase.load(SeqCst) != Phase::Counting as u8 {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Replaces the file by that of today, or closes it.
    fn turn(&'static self, inner: &mut Inner, today: Day, consent: &Consent) {
        let Some((folder, program)) = &inner.started else { return };
        // The order matters: no name may keep its place in a file that is not the current one.
        for entry in self.entries() {
            entry.count.store(None);
        }
        if consent.mode == Mode::Off {
            return self.close(inner, Stopped::Off(consent.decided_by.clone()));
        }
        match CurrentFile::open(folder, program, today) {
            Ok(file) => {
                (inner.file, inner.stopped) = (Some(file), None);
                // Whoever counted before this line has left what is pending to be found now;
                // whoever counts after it comes to the stack of those that wait.
                self.phase.store(Phase::Counting as u8, SeqCst);
                fence(SeqCst);
                for entry in self.entries().filter(|entry| entry.pending.load(SeqCst) > 0) {
                    self.place(inner, entry);
                }
            }
            Err(error) => self.close(inner, Stopped::Failed(error)),
        }
    }

    fn close(&self, inner: &mut Inner, reason: Stopped) {
        self.phase.store(Phase::Stopped as u8, SeqCst);
        (inner.file, inner.stopped) = (None, Some(reason));
        for entry in self.entries() {
            entry.pending.store(0, SeqCst);
        }
    }

    /// Counts for a name that has no place in the file yet.
    #[cold]
    fn add_later(&'static self, entry: &'static Entry, number: u64) {
        if self.has_stopped() {
            return;
        }
        mapped::add(&entry.pending, number);
        fence(SeqCst);
        if self.phase.load(SeqCst) != Phase::Counting as u8 {
            return;
        }
        if !entry.waits.swap(true, SeqCst) {
            loop {
                let top = self.waiting.load();
                entry.below.store(top);
                if self.waiting.replace(top, entry) {
                    break;
                }
            }
        }
        self.serve_waiting();
    }

    /// Gives all names that wait their place in the file, unless someone else is at it.
    fn serve_waiting(&'static self) {
        loop {
            // With the fence below: either the holder of the lock sees who was put on the stack
            // before this line, or the lock is free here.
            fence(SeqCst);
            if self.waiting.load().is_none() {
                return;
            }
            let mut inner = match self.inner.try_lock() {
                Ok(inner) => inner,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            let mut next = self.waiting.swap(None);
            while let Some(entry) = next {
                next = entry.below.load();
                // Before taking what is pending: whoever adds to it after that waits again.
                entry.waits.swap(false, SeqCst);
                self.place(&mut inner, entry);
            }
            drop(inner);
        }
    }

    /// Gives a name its place in the file, and moves there what is pending.
    fn place(&self, inner: &mut Inner, entry: &'static Entry) {
        let count = match (entry.count.load(), &mut inner.file) {
            (Some(count), _) => count,
            (None, None) => return,
            (None, Some(file)) => match file.mapped.count(entry.name.as_bytes()) {
                Ok(count) => count,
                Err(error) => {
                    // Names that have a place go on being counted; no other gets one.
                    self.phase.store(Phase::Stopped as u8, SeqCst);
                    inner.stopped = Some(Stopped::Failed(error));
                    return;
                }
            },
        };
        entry.count.store(Some(count));
        mapped::add(count, entry.pending.swap(0, SeqCst));
    }

    fn entries(&self) -> impl Iterator<Item = &'static Entry> {
        self.table
            .iter()
            .flat_map(|link| std::iter::successors(link.load(), |entry| entry.next_in_table.load()))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
