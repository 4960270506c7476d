//! The names that a process counts, and where each count goes.
//!
//! A count goes to the mapped file if there is one, and waits in memory until there is. Once a name is
//! known and the file is open, counting means reading a clock and one atomic addition. Before that:
//!
//! 1. The name is looked up in the table of the process, and added to it the first time. The table
//!    only grows, and is searched and extended without a lock.
//! 2. The number is added to what is pending for the name, and the name is pushed on the stack of names
//!    that wait for a slot in the file.
//! 3. The thread that gets the lock on the file serves all waiting names. A thread that does not get it
//!    returns: the holder checks the stack again after unlocking. So counting never waits for another
//!    thread, nor for itself when it is interrupted (a panic hook, a forked child), and no count is
//!    forgotten.
//!
//! # When the week ends
//!
//! Every count reads a coarse clock ([`super::clock`]), which costs a few loads from memory and no system
//! call. The first count after the week's end opens the next file, also after a machine slept for a
//! month, and in a forked child, which has none of our threads. A thread would not be better: it would
//! have to wake up in time, and a program with a second thread cannot do everything that a
//! single-threaded one can (`unshare`, `setns`).
//!
//! Every quarter of an hour, the next count also checks whether the user has chosen `off`, or `on` again.
//! Only then does counting under a known name make system calls, and it does not wait: if another thread
//! is checking already, it leaves that to it.
//!
//! All slots are taken back before the next file is opened; a count that is under way at that moment goes
//! to the old file, which is still mapped. If a process whose clock is ahead of ours has reported and
//! deleted that file meanwhile, the count is lost; Go's clients have the same gap.
//!
//! # Forked children
//!
//! A child counts into its parent's file, which both have mapped. A lock that another thread of the parent
//! held at the fork would stay locked in the child for ever, so a child never uses an inherited lock:
//! what a lock protects is in a [`State`] that knows its process, and a child that needs one creates its
//! own and opens the file again. Counts that are pending at the fork are left to the parent. Do not count
//! in a signal handler: opening a file allocates.
//!
//! Errors stop counting, and `status` returns them. The caller passes in the time.

use super::clock;
use super::error::CountingError;
use super::file::CurrentFile;
use super::layout::{BUCKETS, bucket};
use super::mapped::{self, AtomicRef};
use super::name::is_counter_name;
use crate::client::folder::Folder;
use crate::client::mode::{Consent, DecidedBy, Mode};
use crate::client::program::Program;
use crate::day::Day;
use std::path::PathBuf;
use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, AtomicUsize,
    Ordering::{Relaxed, SeqCst},
    fence,
};
use std::sync::{Mutex, MutexGuard, OnceLock, TryLockError};
use std::time::Duration;

/// How often to check whether the user has changed their mind, in seconds.
const CHECK_EVERY: u64 = 15 * 60;
/// How often, a millisecond apart, to try to get the lock when it is needed.
const LOCK_ATTEMPTS: u32 = 200;

/// Beyond this many names, new ones are not counted: a program that makes up names must not fill the
/// memory.
const MAX_NAMES: usize = 1 << 17;

/// The recorder of this process.
pub(in crate::client) static RECORDER: Recorder = Recorder::new();

/// The names of a process, and the file that they are counted in.
pub(in crate::client) struct Recorder {
    table: [AtomicRef<Entry>; BUCKETS as usize],
    names: AtomicUsize,
    /// A `Phase`.
    phase: AtomicU8,
    /// The names that wait for a slot in the file: a stack, which is taken as a whole.
    waiting: AtomicRef<Entry>,
    /// When to check next whether the week has ended, in seconds since 1970. Never before
    /// [`Recorder::follow_clock`].
    check_at: AtomicU64,
    /// How many seconds this process's time is ahead of the system's.
    ahead: AtomicI64,
    /// The program and its folder; never changed once they are set.
    started: OnceLock<(Folder, Program)>,
    /// The state of the first process, and that of this process if it was forked.
    first: State,
    own: AtomicRef<State>,
}

/// What a lock protects, and whose it is.
struct State {
    /// The process that may use it; 0 if none has yet.
    process: AtomicU32,
    /// Held while the file is opened, extended or changed. Counting only tries to lock it.
    inner: Mutex<Inner>,
}

/// Whether counts are stored. An error, or the user, may end that at any time.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq)]
enum Phase {
    /// Not started: counts wait in memory.
    Before,
    /// Counts go to the file.
    Counting,
    /// Counts are dropped, except those of names that have a slot in a file.
    Stopped,
}

struct Inner {
    file: Option<CurrentFile>,
    stopped: Option<Stopped>,
}

enum Stopped {
    Off(DecidedBy),
    Failed(CountingError),
}

/// Whether this process's counts are stored, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// [`start`](crate::client::start()) has not been called yet: counts wait in memory.
    NotStarted,
    /// The user has not allowed it; this says how that was decided.
    Off(DecidedBy),
    /// Counts go to this file.
    Counting(PathBuf),
    /// Counting has stopped; this says why.
    Stopped(String),
}

/// One name. Created once for each name in a process, and never dropped.
pub(in crate::client) struct Entry {
    name: Box<str>,
    /// Its slot in the file, once it has one.
    count: AtomicRef<AtomicU64>,
    /// What was counted before it had a slot.
    pending: AtomicU64,
    recorder: &'static Recorder,
    /// Whether it is on the stack of waiting names, and the name below it on that stack.
    waits: AtomicBool,
    below: AtomicRef<Entry>,
    next_in_table: AtomicRef<Entry>,
}

impl Entry {
    /// Counts.
    #[inline]
    pub fn add(&'static self, number: u64) {
        match self.count.load() {
            Some(count) if !self.recorder.is_due() => mapped::add(count, number),
            _ => self.recorder.add_later(self, number),
        }
    }

    /// Whether everything that was counted is in the file.
    fn is_flushed(&self) -> bool {
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
            check_at: AtomicU64::new(u64::MAX),
            ahead: AtomicI64::new(0),
            started: OnceLock::new(),
            first: State::new(0),
            own: AtomicRef::none(),
        }
    }

    /// The entry of a counter's name. `None` if nothing is counted under it.
    pub fn counter(&'static self, name: &str) -> Option<&'static Entry> {
        if is_counter_name(name) { self.entry(name) } else { None }
    }

    /// The entry of a stored name of 1 to 4096 bytes. `None` if nothing is counted any more.
    pub fn entry(&'static self, name: &str) -> Option<&'static Entry> {
        let mut link = self.table.get(bucket(name.as_bytes()) as usize)?;
        let mut made = None;
        loop {
            match link.load() {
                Some(entry) if *entry.name == *name => return Some(entry),
                Some(entry) => link = &entry.next_in_table,
                None if self.has_stopped() && !self.check_if_due() => return None,
                None => {
                    let entry = match made {
                        Some(entry) => entry,
                        None if self.names.fetch_add(1, Relaxed) >= MAX_NAMES => return None,
                        // If another thread adds the same name now, this entry is never used: the rare
                        // price of a table without a lock.
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

    /// Starts to count into a file if the user allows it. A second call changes nothing.
    pub fn start(&'static self, folder: Folder, program: Program, today: Day, consent: &Consent) {
        let Some(mut inner) = self.lock() else { return };
        if inner.stopped.is_none() && self.started.set((folder, program)).is_ok() {
            self.open_file(&mut inner, today, consent);
        }
        drop(inner);
        self.serve_waiting();
    }

    /// From now on, weeks end by the clock. This process's time is `ahead` seconds ahead of it.
    pub fn follow_clock(&'static self, ahead: i64) {
        self.ahead.store(ahead, Relaxed);
        let Some(inner) = self.lock() else { return };
        self.check_at.store(self.next_check(&inner), Relaxed);
    }

    /// Opens the next week's file if the current one has ended; stops if the user has chosen `off`. After
    /// an error, tries again.
    pub fn renew(&'static self, today: Day, consent: &Consent) {
        let Some(mut inner) = self.lock() else { return };
        self.renew_locked(&mut inner, today, consent);
        drop(inner);
        self.serve_waiting();
    }

    fn renew_locked(&'static self, inner: &mut Inner, today: Day, consent: &Consent) {
        let off = consent.mode == Mode::Off;
        // A file that was shortened or overwritten takes no new names, and loses counts.
        let ended = inner
            .file
            .as_ref()
            .is_none_or(|file| file.metadata.end <= today || file.mapped.check().is_err());
        if self.started.get().is_some() && (off || ended) {
            self.open_file(inner, today, consent);
        }
    }

    /// Whether it is time for the next check.
    #[inline]
    fn is_due(&self) -> bool {
        let check_at = self.check_at.load(Relaxed);
        clock::seconds().saturating_add_signed(self.ahead.load(Relaxed)) >= check_at
    }

    /// Checks whether the week has ended or the user has changed their mind, if it is time and no other
    /// thread does. Returns whether counts are stored.
    #[cold]
    fn check_if_due(&'static self) -> bool {
        if self.is_due()
            && let Some((folder, _)) = self.started.get()
            && let Some(mut inner) = self.try_lock()
            && self.is_due()
        {
            // A process in which DO_NOT_TRACK or a variable says off never checks: it has no file, and opens
            // none.
            let today = self.today();
            self.renew_locked(&mut inner, today, &Consent::read(folder, None));
            self.check_at.store(self.next_check(&inner), Relaxed);
            drop(inner);
            self.serve_waiting();
        }
        !self.has_stopped()
    }

    fn today(&self) -> Day {
        let seconds = clock::seconds().saturating_add_signed(self.ahead.load(Relaxed));
        let time = std::time::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        Day::of(time.unwrap_or(std::time::UNIX_EPOCH))
    }

    fn next_check(&self, inner: &Inner) -> u64 {
        if let Some(Stopped::Off(DecidedBy::DoNotTrack | DecidedBy::Variable(_))) = inner.stopped {
            return u64::MAX;
        }
        let now = clock::seconds().saturating_add_signed(self.ahead.load(Relaxed));
        let soon = now.saturating_add(CHECK_EVERY);
        let end = inner.file.as_ref().map(|file| file.metadata.end.start());
        let end = end.and_then(|end| end.duration_since(std::time::UNIX_EPOCH).ok());
        // A file that has already ended could not be replaced: do not try again at every count.
        end.map(|end| end.as_secs()).filter(|end| *end > now).map_or(soon, |end| end.min(soon))
    }

    /// Stops because of an error before there was a folder.
    pub fn stop(&'static self, error: CountingError) {
        let Some(mut inner) = self.lock() else { return };
        if self.started.get().is_none() {
            self.close(&mut inner, Stopped::Failed(error));
        }
    }

    /// Whether counts are stored, and where.
    pub fn status(&'static self) -> Status {
        let Some(inner) = self.lock() else {
            return Status::Stopped(
                "another thread is taking too long to open the file".to_owned(),
            );
        };
        match (&inner.stopped, &inner.file) {
            (Some(Stopped::Off(decided_by)), _) => Status::Off(decided_by.clone()),
            (Some(Stopped::Failed(error)), _) => Status::Stopped(error.to_string()),
            (None, Some(file)) => match file.mapped.check() {
                Ok(()) => Status::Counting(file.mapped.path().to_path_buf()),
                Err(error) => Status::Stopped(error.to_string()),
            },
            (None, None) => Status::NotStarted,
        }
    }

    /// Waits until what was counted under this name is in the file, but not for long: for a process that
    /// is about to end.
    pub fn flush(&'static self, entry: &'static Entry) {
        for _ in 0..200 {
            self.serve_waiting();
            if entry.is_flushed() || self.phase.load(SeqCst) != Phase::Counting as u8 {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Opens today's file instead of the current one, or closes it.
    fn open_file(&'static self, inner: &mut Inner, today: Day, consent: &Consent) {
        let Some((folder, program)) = self.started.get() else { return };
        // First, because no name may keep a slot in a file that is not the current one.
        for entry in self.entries() {
            entry.count.store(None);
        }
        if consent.mode == Mode::Off {
            return self.close(inner, Stopped::Off(consent.decided_by.clone()));
        }
        match CurrentFile::open(folder, program, today) {
            Ok(file) => {
                (inner.file, inner.stopped) = (Some(file), None);
                // Counts before this line are pending, and found now; counts after it push their names on
                // the stack of waiting names.
                self.phase.store(Phase::Counting as u8, SeqCst);
                fence(SeqCst);
                for entry in self.entries().filter(|entry| entry.pending.load(SeqCst) > 0) {
                    self.assign_slot(inner, entry);
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

    /// Counts for a name that has no slot in the file yet.
    #[cold]
    fn add_later(&'static self, entry: &'static Entry, number: u64) {
        self.detect_fork();
        if !self.check_if_due() {
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

    /// Gives all waiting names their slots in the file, unless another thread is doing that.
    fn serve_waiting(&'static self) {
        loop {
            // With the fence below: either the holder of the lock sees what was pushed on the stack before
            // this line, or the lock is free here.
            fence(SeqCst);
            if self.waiting.load().is_none() {
                return;
            }
            let Some(mut inner) = self.try_lock() else { return };
            let mut next = self.waiting.swap(None);
            while let Some(entry) = next {
                next = entry.below.load();
                // Before taking what is pending: a later addition makes the name wait again.
                entry.waits.swap(false, SeqCst);
                self.assign_slot(&mut inner, entry);
            }
            drop(inner);
        }
    }

    /// Gives a name its slot in the file, and moves what is pending there.
    fn assign_slot(&self, inner: &mut Inner, entry: &'static Entry) {
        let count = match (entry.count.load(), &mut inner.file) {
            (Some(count), _) => count,
            (None, None) => return,
            (None, Some(file)) => match file.mapped.count(entry.name.as_bytes()) {
                Ok(count) => count,
                Err(error) => {
                    // Names that have a slot are still counted; no other gets one.
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

    /// Waits for the lock, but not for ever: its holder may be this very thread, interrupted, or wait for a
    /// file system that hangs.
    fn lock(&'static self) -> Option<MutexGuard<'static, Inner>> {
        (0..LOCK_ATTEMPTS).find_map(|attempt| {
            if attempt > 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
            self.try_lock()
        })
    }

    fn try_lock(&'static self) -> Option<MutexGuard<'static, Inner>> {
        match self.state().inner.try_lock() {
            Ok(inner) => Some(inner),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// The state of this process.
    fn state(&'static self) -> &'static State {
        self.detect_fork();
        self.own.load().unwrap_or(&self.first)
    }

    /// In a child that was forked since, creates a state of its own.
    fn detect_fork(&'static self) {
        let process = std::process::id();
        let inherited = self.own.load();
        let state = inherited.unwrap_or(&self.first);
        let owner = state.process.compare_exchange(0, process, SeqCst, SeqCst);
        if owner.is_ok() || owner == Err(process) {
            return;
        }
        let made: &'static State = Box::leak(Box::new(State::new(process)));
        // No other thread has it yet, so this does not wait.
        let mut inner = made.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !self.own.replace(inherited, made) {
            // Another thread of the child was first.
            return;
        }
        if self.started.get().is_some() {
            // The parent stores these in its file.
            self.waiting.swap(None);
            for entry in self.entries() {
                entry.pending.store(0, SeqCst);
                entry.waits.store(false, SeqCst);
            }
        }
        if self.phase.load(SeqCst) == Phase::Counting as u8
            && let Some((folder, program)) = self.started.get()
        {
            // Names that have a slot keep it: parent and child have the same file mapped.
            match CurrentFile::open(folder, program, self.today()) {
                Ok(file) => inner.file = Some(file),
                Err(error) => {
                    self.phase.store(Phase::Stopped as u8, SeqCst);
                    inner.stopped = Some(Stopped::Failed(error));
                }
            }
        }
    }
}

impl State {
    const fn new(process: u32) -> State {
        let inner = Inner { file: None, stopped: None };
        State { process: AtomicU32::new(process), inner: Mutex::new(inner) }
    }
}

#[cfg(test)]
mod tests;
