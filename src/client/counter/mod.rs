//! Counters: totals of what happened in a program, kept on the user's machine.
//!
//! ```
//! use candor::client::counter::Counter;
//!
//! static BUILDS: Counter = Counter::new("myprog/verb:build");
//!
//! BUILDS.inc();
//! ```
//!
//! A counter's name is `chart:bucket`, or just a word; names begin with the program's. What may
//! ever leave the machine is not decided here: a report only holds counters that the published
//! collection config lists, and none is sent unless the user opted in.
//!
//! Counting never fails, never blocks, and writes nothing where the user has not allowed it.
//! Before [`start`](super::start()) it waits in memory. After it, a counter that was used before
//! costs a look at a clock and one atomic addition to a mapped file: no lock, no system call. (But
//! for one look at the user's choice every quarter of an hour, and the next week's file when the
//! week ends: whatever is counted next does that, however long the program runs or slept.)
//!
//! The files are those of golang/telemetry, version 1. Programs of both languages can share a
//! folder, read each other's files, and count into the same one at once.
//!
//! | file | one idea |
//! | --- | --- |
//! | `layout` | the counter file, byte by byte |
//! | `metadata` | what a file says of itself, and its name |
//! | `name` | counters' names, and stacks as they are stored |
//! | `parse` | reading a file that lies still, whatever it holds |
//! | `mapped` | a file in use; the only unsafe code |
//! | `file` | which file today, and when its week ends |
//! | `clock` | the time, as cheap as the system has it |
//! | `recorder` | what a process counts, and where each count goes |
//! | `stack` | stack counters, and Rust's backtraces as frames |
//! | `room` | whether there is memory enough for that |
//! | `error` | why counting may stop |

mod clock;
mod error;
mod file;
mod layout;
mod mapped;
mod metadata;
mod name;
mod parse;
mod recorder;
mod room;
mod stack;

pub use error::CountingError;
pub use metadata::{Metadata, MetadataError, SUFFIX};
pub use name::{is_counter_name, is_stack};
pub use parse::{CounterFile, ParseError, ReadError};
pub use recorder::Status;
pub use stack::StackCounter;

pub(in crate::client) use recorder::RECORDER;
pub(in crate::client) use stack::callers;

use mapped::AtomicRef;
use recorder::Entry;

/// A counter of one name.
///
/// Best kept in a `static`: making one costs nothing, and only its first use looks up the name.
/// Counters of the same name count together.
///
/// A name with white space or control characters, or of more than 4096 bytes, is not counted; nor
/// is the 131,073rd name of a process.
pub struct Counter {
    name: &'static str,
    entry: AtomicRef<Entry>,
}

impl Counter {
    /// A counter of this name. Does nothing yet.
    pub const fn new(name: &'static str) -> Counter {
        Counter { name, entry: AtomicRef::none() }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Counts one.
    #[inline]
    pub fn inc(&self) {
        self.add(1);
    }

    /// Counts so many. A count that would be larger than the largest number stays there.
    #[inline]
    pub fn add(&self, number: u64) {
        match self.entry.load() {
            Some(entry) => entry.add(number),
            None => self.add_first(number),
        }
    }

    #[cold]
    fn add_first(&self, number: u64) {
        if let Some(entry) = RECORDER.counter(self.name) {
            self.entry.store(Some(entry));
            entry.add(number);
        }
    }
}

impl std::fmt::Debug for Counter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Counter").field(&self.name).finish()
    }
}

/// Counts one under a name that is only known when the program runs, as
/// `count(&format!("myprog/flag:{flag}"))`. Looks up the name each time; see [`Counter`] for those
/// that are known before.
pub fn count(name: &str) {
    add(name, 1);
}

/// Counts so many under a name that is only known when the program runs.
pub fn add(name: &str, number: u64) {
    if let Some(entry) = RECORDER.counter(name) {
        entry.add(number);
    }
}

/// Whether this process's counts are kept, and where.
pub fn status() -> Status {
    RECORDER.status()
}

/// Counts a stack, and makes sure that it is kept even if the process ends now.
pub(in crate::client) fn count_last_stack(name: &str, frames: &[String]) {
    if let Some(entry) = stack::count(&RECORDER, name, frames) {
        RECORDER.settle(entry);
    }
}

/// Counts one, and makes sure that it is kept even if the process ends now.
pub(in crate::client) fn count_last(name: &str) {
    if let Some(entry) = RECORDER.counter(name) {
        entry.add(1);
        RECORDER.settle(entry);
    }
}
