//! Where accepted reports are until a merge: in a folder of this machine, or in the store.

use super::batches::{batches, remove_batches, remove_checks, remove_keys};
use super::merge_requests::{Sealed, ask_to_seal, remove_merged};
use super::read_error::ReadError;
use super::sealed::{SealedFile, sealed_segments};
use super::segment_id::SegmentId;
use crate::publish::Deployment;
use crate::store::Store;
use jiff::civil::Date;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Where accepted reports wait for a merge.
#[derive(Debug, Clone)]
pub enum Buffer {
    /// In the folder of one machine's receiver.
    Folder(PathBuf),
    /// In the store, into which any number of machines put them.
    Store(Arc<dyn Store>),
}

impl From<PathBuf> for Buffer {
    fn from(folder: PathBuf) -> Buffer {
        Buffer::Folder(folder)
    }
}

impl From<&Path> for Buffer {
    fn from(folder: &Path) -> Buffer {
        Buffer::Folder(folder.to_owned())
    }
}

impl From<&PathBuf> for Buffer {
    fn from(folder: &PathBuf) -> Buffer {
        Buffer::Folder(folder.clone())
    }
}

impl Buffer {
    /// Where the reports of a deployment wait: where its store is.
    pub fn of(deployment: &Deployment) -> Buffer {
        match deployment.is_shared() {
            true => Buffer::Store(deployment.store.clone()),
            false => Buffer::Folder(deployment.reports()),
        }
    }

    /// Makes everything that was acknowledged until now readable by [`Buffer::segments`]; waits up to `wait` for
    /// another holder of a folder. In a store it is so at once.
    pub fn seal(&self, wait: Duration) -> Result<Sealed, ReadError> {
        match self {
            Buffer::Folder(folder) => ask_to_seal(folder, wait),
            Buffer::Store(_) => Ok(Sealed::All),
        }
    }

    /// The sealed segments or the batches, ordered by id.
    pub fn segments(&self) -> Result<Vec<SealedFile>, ReadError> {
        match self {
            Buffer::Folder(folder) => sealed_segments(folder),
            Buffer::Store(store) => Ok(batches(store)?),
        }
    }

    /// Removes segments that are durable in the public data. May be repeated.
    pub fn remove(&self, ids: impl IntoIterator<Item = SegmentId>) -> Result<(), ReadError> {
        match self {
            Buffer::Folder(folder) => remove_merged(folder, ids),
            Buffer::Store(store) => Ok(remove_batches(&**store, ids)?),
        }
    }

    /// Forgets what is only needed to know again the reports of days that are `over`, and what processes that were
    /// killed left. A folder's receiver does that by itself.
    pub fn forget(&self, over: impl Fn(Date) -> bool) -> Result<(), ReadError> {
        match self {
            Buffer::Folder(_) => Ok(()),
            Buffer::Store(store) => {
                remove_checks(&**store)?;
                Ok(remove_keys(&**store, |day| over(day.civil()))?)
            }
        }
    }

    /// The folder, if it is one.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Buffer::Folder(folder) => Some(folder),
            Buffer::Store(_) => None,
        }
    }
}
