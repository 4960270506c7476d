//! Counters: how often things happened in a program, stored on the user's machine.
//!
//! ```
//! use candor::client::counter::Counter;
//!
//! static BUILDS: Counter = Counter::new("myprog/verb:build");
//!
//! BUILDS.inc();
//! ```
//!
//! A counter's name is `chart:bucket`, or just a word, and begins with the program's name. What may leave
//! the machine is not decided here: a report has only counters that the published collection config
//! lists, and none is sent unless the user has opted in.
//!
//! Counting never fails, never blocks, and writes nothing unless the user has allowed it. Before
//! [`start`](super::start()) counts wait in memory. After it, counting with a counter that was used before
//! costs reading a clock and one atomic addition to a mapped file, without a lock or system call. The
//! exceptions: every quarter of an hour one count checks the user's choice, and the first count after a
//! week's end opens the next file, however long the program runs or slept.
//!
//! The files have the format of golang/telemetry, version 1. Programs in both languages can share a
//! folder, read each other's files, and count into the same file at once.
//!
//! | file | one idea |
//! | --- | --- |
//! | `layout` | the counter file, byte by byte |
//! | `metadata` | a file's metadata, and its name |
//! | `name` | the names of counters and stack counters |
//! | `parse` | reading a file that nobody writes, whatever is in it |
//! | `mapped` | a file in use; the only unsafe code, with its `fault` |
//! | `file` | which file a program counts into, and when its week ends |
//! | `clock` | the system's cheapest clock |
//! | `recorder` | the names that a process counts, and where each count goes |
//! | `stack` | stack counters, and Rust's backtraces as frames |
//! | `memory_limit` | whether there is enough memory to capture a stack |
//! | `error` | why counting may stop |

mod clock;
mod error;
mod file;
mod layout;
mod mapped;
mod memory_limit;
mod metadata;
mod name;
mod parse;
mod recorder;
mod stack;

pub use error::CountingError;
pub use metadata::MetadataError;
#[cfg(feature = "testing")]
pub use metadata::{Metadata, SUFFIX};
#[cfg(not(feature = "testing"))]
pub(crate) use metadata::{Metadata, SUFFIX};
#[cfg(feature = "testing")]
pub use name::{is_counter_name, is_stack};
#[cfg(not(feature = "testing"))]
pub(crate) use name::{is_counter_name, is_stack};
#[cfg(feature = "testing")]
pub use parse::{CounterFile, ParseError, ReadError};
#[cfg(not(feature = "testing"))]
pub(crate) use parse::{CounterFile, ReadError};
pub use recorder::Status;
pub use stack::StackCounter;

#[cfg(feature = "client")]
pub(in crate::client) use file::write_file;
pub(in crate::client) use recorder::RECORDER;
#[cfg(test)]
pub(in crate::client) use recorder::Recorder;
pub(in crate::client) use stack::callers;

use mapped::AtomicRef;
use recorder::Entry;

/// A counter.
///
/// Best kept in a `static`: creating one costs nothing, and only its first use looks up the name.
/// Counters with the same name share one count.
///
/// A name with white space or control characters, or of more than 4096 bytes, is not counted, and neither
/// are more than 131,072 names in a process.
pub struct Counter {
    name: &'static str,
    entry: AtomicRef<Entry>,
}

impl Counter {
    /// A counter with this name. Nothing is counted yet.
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

    /// Counts this many. The count saturates at the largest number.
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

/// Counts one under a name that is only known at run time, such as
/// `count(&format!("myprog/flag:{flag}"))`. Looks up the name each time; for names known at compile time
/// see [`Counter`].
pub fn count(name: &str) {
    add(name, 1);
}

/// Counts this many under a name that is only known at run time.
pub fn add(name: &str, number: u64) {
    if let Some(entry) = RECORDER.counter(name) {
        entry.add(number);
    }
}

/// Whether this process's counts are stored, and where.
pub fn status() -> Status {
    RECORDER.status()
}

/// Counts a stack, and makes sure that it is stored even if the process ends now.
pub(in crate::client) fn count_stack_and_flush(name: &str, frames: &[String]) {
    if let Some(entry) = stack::count(&RECORDER, name, frames) {
        RECORDER.flush(entry);
    }
}

/// Counts one, and makes sure that it is stored even if the process ends now.
pub(in crate::client) fn count_and_flush(name: &str) {
    if let Some(entry) = RECORDER.counter(name) {
        entry.add(1);
        RECORDER.flush(entry);
    }
}
