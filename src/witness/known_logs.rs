//! Which logs a witness currently cosigns: its lists, reloaded when they change.
//!
//! Every request checks whether a list's file has changed (its time, length or inode), which costs a
//! system call. A list that cannot be read or parsed changes nothing: the last one stays in force, and
//! `health` says why. A log that is removed from the lists is refused from then on, but what the witness
//! remembers about it stays, so that adding it again cannot make the witness cosign a fork.

use super::{ListedLog, LogKey};
use crate::tlog::Origin;
use jiff::Timestamp;
use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// The longest list that is read, in bytes: room for tens of thousands of logs.
const MAXIMUM_LENGTH: u64 = 64 << 20;

/// A log that a witness cosigns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KnownLog {
    /// Any of these may have signed.
    pub(super) keys: Vec<LogKey>,
    /// How many checkpoints a day it may submit.
    pub(super) per_day: u64,
}

/// The logs of all lists.
pub(super) type KnownLogs = HashMap<Origin, KnownLog>;

/// The lists' files, and what was read from them.
#[derive(Debug)]
pub(super) struct Lists(Mutex<State>);

#[derive(Debug)]
struct State {
    files: Vec<PathBuf>,
    seen: Vec<Option<Seen>>,
    known: Arc<KnownLogs>,
    read: Timestamp,
    problem: Option<String>,
}

/// A file's metadata when it was last read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    modified: Option<SystemTime>,
    length: u64,
    number: u64,
}

/// The state of the lists, for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListState {
    /// When those in force were read.
    pub(super) read: Timestamp,
    /// Why the files as they are now are not in force.
    pub(super) problem: Option<String>,
}

impl Lists {
    /// Reads them for the first time, when they must be valid.
    pub(super) fn open(files: Vec<PathBuf>) -> Result<Lists, String> {
        let seen = look(&files);
        let known = Arc::new(read(&files)?);
        let (read, problem) = (Timestamp::now(), None);
        Ok(Lists(Mutex::new(State { files, seen, known, read, problem })))
    }

    /// The logs that are known now.
    pub(super) fn current(&self) -> Arc<KnownLogs> {
        let mut state = self.lock();
        let seen = look(&state.files);
        if seen != state.seen {
            state.read_again(seen);
        }
        state.known.clone()
    }

    /// Reads them again even if they seem unchanged, and from now on from these files.
    pub(super) fn read_from(&self, files: Vec<PathBuf>) {
        let mut state = self.lock();
        let seen = look(&files);
        state.files = files;
        state.read_again(seen);
    }

    /// Their state; reloads them if they have changed.
    pub(super) fn state(&self) -> ListState {
        self.current();
        let state = self.lock();
        ListState { read: state.read, problem: state.problem.clone() }
    }

    /// Nothing panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn read_again(&mut self, seen: Vec<Option<Seen>>) {
        self.seen = seen;
        match read(&self.files) {
            Ok(known) => {
                self.known = Arc::new(known);
                (self.read, self.problem) = (Timestamp::now(), None);
            }
            Err(problem) => {
                tracing::error!(problem, "the list of logs cannot be used; the last one stays");
                self.problem = Some(problem);
            }
        }
    }
}

fn look(files: &[PathBuf]) -> Vec<Option<Seen>> {
    files.iter().map(|file| fs::metadata(file).ok().map(|file| Seen::of(&file))).collect()
}

impl Seen {
    fn of(file: &Metadata) -> Seen {
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(file);
        #[cfg(not(unix))]
        let number = 0;
        Seen { modified: file.modified().ok(), length: file.len(), number }
    }
}

/// All lists together.
fn read(files: &[PathBuf]) -> Result<KnownLogs, String> {
    let mut known = KnownLogs::new();
    for file in files {
        let shown = file.display();
        let metadata = fs::metadata(file).map_err(|e| format!("cannot read {shown}: {e}"))?;
        if !metadata.is_file() || metadata.len() > MAXIMUM_LENGTH {
            return Err(format!("{shown} is not a file, or is too long for a list of logs"));
        }
        let text = fs::read_to_string(file).map_err(|e| format!("cannot read {shown}: {e}"))?;
        let logs = ListedLog::parse_list(&text).map_err(|e| format!("{shown}, {e}"))?;
        for ListedLog { origin, key, per_day, .. } in logs {
            let log = known.entry(origin).or_insert(KnownLog { keys: Vec::new(), per_day: 0 });
            // If a log is on several lists, with one key or several, the most generous limit counts.
            log.per_day = log.per_day.max(per_day);
            if log.keys.contains(&key) {
                continue;
            }
            let taken = |other: &LogKey| (other.name(), other.id()) == (key.name(), key.id());
            if log.keys.iter().any(taken) {
                let (name, id) = (key.name(), key.id());
                return Err(format!("{shown}: two different keys of a log are called {name}+{id}"));
            }
            log.keys.push(key);
        }
    }
    Ok(known)
}
