//! Stores: immutable objects, and a few pointers changed by compare-and-swap.
//!
//! A deployment's durability rests on the methods of [`Store`]:
//!
//! - [`Store::put`] writes *immutable* objects. Writing the same bytes again is fine (that is how an
//!   interrupted publisher finishes its work); writing different bytes under an existing name is a
//!   [`StoreError::Conflict`].
//! - [`Store::put_file`] does the same for an object that is too large for memory: a finished
//!   scratch file becomes the object.
//! - [`Store::get`] reads an object, and [`Store::open`] opens one that is too large for memory.
//! - [`Store::remove`] removes an object that nothing refers to any more, and [`Store::list`] finds those
//!   that a process left behind when it died. [`Store::forget`] removes what a power cut may bring back.
//! - [`Store::pointer`] and [`Store::swap`] read and compare-and-swap a *pointer*, the only kind of name
//!   whose bytes change. A swap happens completely or not at all, and of two swaps that expect the same
//!   bytes one loses. [`Store::put_and_swap`] puts first what the pointer then refers to.
//!
//! Pointers that hold JSON carry their own [`checksum`].
//!
//! When `put`, `put_file`, `swap` or `put_and_swap` returns `Ok`, what it wrote survives a power cut.
//!
//! | backend | what it does |
//! | --- | --- |
//! | [`FileStore`] | `file://DIR`: fsync of file and folder, atomic rename, advisory lock |
//! | `BucketStore` | `s3://`, `gs://`, `az://`: conditional writes; with the feature `object-stores` |
//! | [`Overlay`] | rehearsals: on top of another store, which stays as it is |
//! | `MemoryStore` | tests: counts operations, and fails or loses power at any of them |
//!
//! | file | one idea |
//! | --- | --- |
//! | `key` | names of objects and pointers that are safe in every backend |
//! | `file` | a store in a folder |
//! | `bucket_url` | the URL of a store in a bucket |
//! | `object` | a store in a bucket |
//! | `overlay` | a store on top of another one |
//! | `pinned` | a store as it was at one moment |
//! | `plain` | plain objects with headers, for others to serve |
//! | `plain_place` | where these are to be |
//! | `memory` | a store in memory, with faults |
//! | `checksum` | the checksum in pointers that hold JSON |
//! | [`lease`] | of several machines, one at a time does some work |
//! | `wrapped` | for tests: what happens besides, when a store is written to |
//! | `contract` | the tests that every backend has to pass |

#[cfg(feature = "server")]
pub mod bucket_url;
pub mod checksum;
#[cfg(any(test, all(feature = "server", feature = "testing")))]
pub mod contract;
mod file;
mod key;
#[cfg(feature = "server")]
pub mod lease;
#[cfg(any(test, feature = "testing"))]
mod memory;
#[cfg(all(feature = "server", feature = "object-stores"))]
mod object;
mod overlay;
#[cfg(feature = "server")]
mod pinned;
#[cfg(feature = "server")]
pub mod plain;
#[cfg(feature = "server")]
mod plain_place;
#[cfg(any(test, feature = "testing"))]
mod wrapped;

pub use file::FileStore;
pub use key::{Key, KeyError};
#[cfg(any(test, feature = "testing"))]
pub use memory::{Fault, MemoryStore, Snapshot};
#[cfg(all(feature = "server", feature = "object-stores"))]
pub use object::{BucketStore, PlainBucket};
pub use overlay::Overlay;
#[cfg(feature = "server")]
pub use pinned::Pinned;
#[cfg(feature = "server")]
pub use plain_place::PlainPlace;
#[cfg(any(test, feature = "testing"))]
pub use wrapped::{Wrapped, Wrapper};

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// A place for immutable objects and compare-and-swapped pointers.
///
/// Implementations are shared between threads; all methods block until they are done.
pub trait Store: Debug + Send + Sync {
    /// The object named `key`, or `None` if there is none.
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError>;

    /// Stores every object of the batch durably.
    ///
    /// An object that exists with the same bytes is left alone. One that exists with different bytes, or
    /// is in the batch twice with different bytes, is a [`StoreError::Conflict`], and then nothing of the
    /// batch is written. After a crash any part of the batch may be there, but no object is ever
    /// half-written.
    fn put(&self, objects: &[(Key, Vec<u8>)]) -> Result<(), StoreError>;

    /// Stores the contents of a scratch file durably, and consumes the file: it may be moved, and is gone
    /// when this returns `Ok`. Nobody else may have it open for writing.
    ///
    /// An object that exists is left alone or is a [`StoreError::Conflict`], as in [`Store::put`].
    fn put_file(&self, key: &Key, scratch: &Path) -> Result<(), StoreError>;

    /// The object named `key`, opened for reading, or `None` if there is none. An open object can be read
    /// to the end even if it is removed in the meantime.
    fn open(&self, key: &Key) -> Result<Option<File>, StoreError>;

    /// Removes an object, if there is one.
    fn remove(&self, key: &Key) -> Result<(), StoreError>;

    /// The same for objects that do no harm if they are there again after a power cut, which costs less.
    fn forget(&self, keys: &[Key]) -> Result<(), StoreError> {
        keys.iter().try_for_each(|key| self.remove(key))
    }

    /// The names of the objects directly in a folder, in any order; empty if there is no such folder.
    /// Objects written or removed in the meantime may or may not be listed.
    fn list(&self, folder: &Key) -> Result<Vec<Key>, StoreError>;

    /// The path of an object's file on this machine, whether or not it exists; `None` if objects are not
    /// files.
    fn file_of(&self, _key: &Key) -> Option<PathBuf> {
        None
    }

    /// The current bytes of a pointer, or `None` if it was never set.
    fn pointer(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError>;

    /// Sets the pointer to `new` if its bytes are `expected` (`None`: it was never set).
    fn swap(&self, key: &Key, expected: Option<&[u8]>, new: &[u8]) -> Result<Swap, StoreError>;

    /// [`Store::put`], and then [`Store::swap`] to what refers to the objects. If the swap is lost, they may be
    /// there or not.
    fn put_and_swap(
        &self,
        objects: &[(Key, Vec<u8>)],
        key: &Key,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<Swap, StoreError> {
        self.put(objects)?;
        self.swap(key, expected, new)
    }
}

/// The result of a [`Store::swap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a lost swap changed nothing: read the pointer again and start over"]
pub enum Swap {
    /// The pointer now has the new bytes.
    Won,
    /// The pointer did not have the expected bytes; nothing changed.
    Lost,
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { action, path: path.display().to_string(), source }
}

/// Why a store did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// An immutable object exists with different bytes.
    #[error(
        "{location}/{key} exists with different bytes; immutable objects are never overwritten"
    )]
    Conflict {
        /// The store, as its user wrote it.
        location: String,
        /// The name of the object.
        key: Key,
    },
    /// A name that is not allowed in any backend.
    #[error(transparent)]
    Name(#[from] KeyError),
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}{}", advice(.source))]
    Io {
        /// What was being done: `read`, `write`, `lock`, ...
        action: &'static str,
        /// The file or folder it was done to.
        path: String,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// A fault that a test injected (see `Fault`).
    #[error("injected fault at store operation {operation}")]
    Injected {
        /// The number of the operation, counted from zero.
        operation: u64,
    },
}

/// The kind of errors of a store that is away, or that does not let us in: nothing is known to be wrong with what is
/// in it.
#[cfg(feature = "server")]
const OUTAGE: io::ErrorKind = io::ErrorKind::HostUnreachable;

/// Whether an error, or what caused it, is that a store is away or does not let us in. It may be over soon.
#[cfg(feature = "server")]
pub(crate) fn is_outage(error: &(dyn std::error::Error + 'static)) -> bool {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let io_errors = causes.filter_map(|error| error.downcast_ref::<io::Error>());
    io_errors.into_iter().any(|error| error.kind() == OUTAGE)
}

/// The objects of a batch, each once; or the name of one with two different contents.
fn distinct(objects: &[(Key, Vec<u8>)]) -> Result<BTreeMap<&Key, &[u8]>, &Key> {
    let mut distinct = BTreeMap::new();
    for (key, bytes) in objects {
        match distinct.insert(key, bytes.as_slice()) {
            Some(other) if other != bytes.as_slice() => return Err(key),
            _ => {}
        }
    }
    Ok(distinct)
}

/// Advice for the errors that an operator can fix.
fn advice(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "; free some space and run the command again: nothing was half-written"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "; make it writable for this user and run the command again"
        }
        _ => "",
    }
}
