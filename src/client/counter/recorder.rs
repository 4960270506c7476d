//! What a process counts: every name that was counted under, and where its count goes.
//!
//! A name's count goes to the mapped file if there is one, and waits in memory until there is.
//! Once a name is known and the file open, counting is a look at a clock and one atomic addition.
//! The life of a count before that:
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
//! # When the week ends
//!
//! Every count looks at a coarse clock ([`super::clock`]), which costs a few loads from memory and
//! no system call. The first one after the week's end opens the next file; so it does after a
//! machine slept for a month, and in a forked child, which no thread of ours would follow. A thread
//! would be no better: it must be awake in time, and a program with a second thread may no longer
//! do all that a program with one may (`unshare`, `setns`).
//!
//! Once in a quarter of an hour, the count that comes next also looks whether the user has said
//! `off`, or `on` again. That look is the only time when counting under a known name makes system
//! calls, and it waits for nothing: if another thread is at it, that one does it.
//!
//! Each name's place is taken back before the next file is opened; a count that is on its way at
//! that instant goes to the old file, which is still mapped. If that file has been reported and
//! deleted meanwhile, by a process on a clock ahead of ours, it is lost; Go's clients have the same
//! gap.
//!
//! # Forked children
//!
//! A child counts into its parent's file, which both have mapped. A lock that another thread of the
//! parent held at the fork would be held in the child for ever, so a child never touches an
//! inherited lock: what is changed under one lies in a [`State`] that knows its process, and a
//! child that needs it makes its own and opens the file anew. What the parent has not yet brought
//! to its file is the parent's to bring. Do not count in a signal handler: opening a file allocates.
//!
//! Errors stop counting, and are kept for those who ask. Time comes in from outside.

use super::clock;
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
    AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, AtomicUsize,
    Ordering::{Relaxed, SeqCst},
    fence,
};
use std::sync::{Mutex, MutexGuard, OnceLock, TryLockError};
use std::time::Duration;

/// How often it is looked whether the user has changed their mind, in seconds.
const LOOK_EVERY: u64 = 15 * 60;
/// How often, a millisecond apart, the lock is asked for by those who need it.
const PATIENCE: u32 = 200;

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
    /// When it is to be looked whether the week has ended, in seconds since 1970. Never, before
    /// [`Recorder::keep_time`].
    look_at: AtomicU64,
    /// How many seconds this process's time is ahead of the system's.
    ahead: AtomicI64,
    /// What counts, and where; never changed once it is known.
    started: OnceLock<(Folder, Program)>,
    /// The state of the first process, and that of the forked child which this is, if it is one.
    first: State,
    own: AtomicRef<State>,
}

/// What is changed under a lock, and whose it is.
struct State {
    /// The process that may use it; 0 if none has yet.
    process: AtomicU32,
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

struct Inner {
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
            Some(count) if !self.recorder.is_due() => mapped::add(count, number),
            _ => self.recorder.add_later(self, number),
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
            look_at: AtomicU64::new(u64::MAX),
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

    /// The entry of a stored name: 1 to 4096 bytes. `None` if nothing is counted any more.
    pub fn entry(&'static self, name: &str) -> Option<&'static Entry> {
        let mut link = self.table.get(bucket(name.as_bytes()) as usize)?;
        let mut made = None;
        loop {
            match link.load() {
                Some(entry) if *entry.name == *name => return Some(entry),
                Some(entry) => link = &entry.next_in_table,
                None if self.has_stopped() && !self.look_if_due() => return None,
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
        let Some(mut inner) = self.lock() else { return };
        if inner.stopped.is_none() && self.started.set((folder, program)).is_ok() {
            self.turn(&mut inner, today, consent);
        }
        drop(inner);
        self.serve_waiting();
    }

    /// From now on, weeks end by the clock, which is so many seconds behind this process's time.
    pub fn keep_time(&'static self, ahead: i64) {
        self.ahead.store(ahead, Relaxed);
        let Some(inner) = self.lock() else { return };
        self.look_at.store(self.next_look(&inner), Relaxed);
    }

    /// Begins the next week's file if the current one has ended; stops if the user has said so.
    /// After an error, tries again.
    pub fn renew(&'static self, today: Day, consent: &Consent) {
        let Some(mut inner) = self.lock() else { return };
        self.renew_locked(&mut inner, today, consent);
        drop(inner);
        self.serve_waiting();
    }

    fn renew_locked(&'static self, inner: &mut Inner, today: Day, consent: &Consent) {
        let off = consent.mode == Mode::Off;
        // A file that was cut off or written over takes no more names, and loses the counts of
        // those it has.
        let ended = inner
            .file
            .as_ref()
            .is_none_or(|file| file.metadata.end <= today || file.mapped.check().is_err());
        if self.started.get().is_some() && (off || ended) {
            self.turn(inner, today, consent);
        }
    }

    /// Whether the clock has come to the next look.
    #[inline]
    fn is_due(&self) -> bool {
        let look_at = self.look_at.load(Relaxed);
        clock::seconds().saturating_add_signed(self.ahead.load(Relaxed)) >= look_at
    }

    /// Looks whether the week has ended or the user has changed their mind, if it is time to, and
    /// unless another thread does. Says whether counts are kept.
    #[cold]
    fn look_if_due(&'static self) -> bool {
        if self.is_due()
            && let Some((folder, _)) = self.started.get()
            && let Some(mut inner) = self.try_lock()
            && self.is_due()
        {
            // A process in which DO_NOT_TRACK was set never looks: it has no file, and keeps none.
            let today = self.today();
            self.renew_locked(&mut inner, today, &Consent::read(folder, None));
            self.look_at.store(self.next_look(&inner), Relaxed);
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

    fn next_look(&self, inner: &Inner) -> u64 {
        if let Some(Stopped::Off(DecidedBy::DoNotTrack)) = inner.stopped {
            return u64::MAX;
        }
        let now = clock::seconds().saturating_add_signed(self.ahead.load(Relaxed));
        let soon = now.saturating_add(LOOK_EVERY);
        let end = inner.file.as_ref().map(|file| file.metadata.end.start());
        let end = end.and_then(|end| end.duration_since(std::time::UNIX_EPOCH).ok());
        // One that has ended by now could not be replaced: not again at every count.
        end.map(|end| end.as_secs()).filter(|end| *end > now).map_or(soon, |end| end.min(soon))
    }

    /// Stops for a reason that was found before there was a folder.
    pub fn stop(&'static self, error: CountingError) {
        let Some(mut inner) = self.lock() else { return };
        if self.started.get().is_none() {
            self.close(&mut inner, Stopped::Failed(error));
        }
    }

    /// Whether counts are kept, and where.
    pub fn status(&'static self) -> Status {
        let Some(inner) = self.lock() else {
            return Status::Stopped("another thread is opening the file for too long".to_owned());
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
        let Some((folder, program)) = self.started.get() else { return };
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
        self.notice_fork();
        if !self.look_if_due() {
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
            let Some(mut inner) = self.try_lock() else { return };
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

    /// Waits for the lock, but not for ever: whoever holds it may be this very thread, interrupted,
    /// or wait for a file system that is gone.
    fn lock(&'static self) -> Option<MutexGuard<'static, Inner>> {
        (0..PATIENCE).find_map(|attempt| {
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
        self.notice_fork();
        self.own.load().unwrap_or(&self.first)
    }

    /// In a child that was forked since: gives it a state of its own.
    fn notice_fork(&'static self) {
        let process = std::process::id();
        let inherited = self.own.load();
        let state = inherited.unwrap_or(&self.first);
        let owner = state.process.compare_exchange(0, process, SeqCst, SeqCst);
        if owner.is_ok() || owner == Err(process) {
            return;
        }
        let made: &'static State = Box::leak(Box::new(State::new(process)));
        // Nobody has it yet, so this does not wait.
        let mut inner = made.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !self.own.replace(inherited, made) {
            // Another thread of the child was first.
            return;
        }
        if self.started.get().is_some() {
            // The parent brings these to its file.
            self.waiting.swap(None);
            for entry in self.entries() {
                entry.pending.store(0, SeqCst);
                entry.waits.store(false, SeqCst);
            }
        }
        if self.phase.load(SeqCst) == Phase::Counting as u8
            && let Some((folder, program)) = self.started.get()
        {
            // Names that have a place keep it: parent and child have the same file mapped.
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
