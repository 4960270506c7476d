//! Where a store or the signer's lock is: a folder, or a bucket.

use crate::store::bucket_url::BucketUrl;
use crate::store::{FileStore, PlainPlace, Store, StoreError};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A place that a setting names by a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// `file://DIR`.
    Folder(PathBuf),
    /// `s3://`, `gs://` or `az://`.
    Bucket(BucketUrl),
}

/// Why a place cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlaceError {
    /// The text is not the URL of a place.
    #[error("{0}")]
    Malformed(String),
    /// The program was built without what it takes.
    #[error(
        "it is in a bucket, and this build of candor keeps everything in folders: use the Debian package or the \
         container image, or build it with `--features object-stores`"
    )]
    #[cfg_attr(feature = "object-stores", allow(dead_code, reason = "this build has it"))]
    NotBuilt,
    /// The place cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Place {
    /// The place that `url` names; a folder may be relative to `base`.
    pub(super) fn new(url: &str, base: &Path) -> Result<Place, PlaceError> {
        if BucketUrl::is_meant_by(url) {
            let bucket = url.parse().map_err(|error| PlaceError::Malformed(format!("{error}")))?;
            return Ok(Place::Bucket(bucket));
        }
        match url.strip_prefix("file://").filter(|folder| !folder.is_empty()) {
            Some(folder) => Ok(Place::Folder(base.join(folder))),
            None => {
                let all = "write file:///DIR, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX";
                Err(PlaceError::Malformed(format!("it is not a place that is known here; {all}")))
            }
        }
    }

    /// The store there; nothing is read or sent yet. What is read of a bucket piece by piece is in `scratch`
    /// in the meantime.
    pub(super) fn open(&self, scratch: &Path) -> Result<Arc<dyn Store>, PlaceError> {
        match self {
            Place::Folder(folder) => Ok(Arc::new(FileStore::new(folder.clone()))),
            #[cfg(feature = "object-stores")]
            Place::Bucket(url) => {
                Ok(Arc::new(crate::store::BucketStore::new(url.clone(), scratch)?))
            }
            #[cfg(not(feature = "object-stores"))]
            Place::Bucket(_) => {
                let _ = scratch;
                Err(PlaceError::NotBuilt)
            }
        }
    }

    /// Tries out whether a bucket keeps the conditions of writes; of a folder that is known.
    pub(super) fn try_out(&self, scratch: &Path) -> Result<(), PlaceError> {
        match self {
            Place::Folder(_) => Ok(()),
            #[cfg(feature = "object-stores")]
            Place::Bucket(url) => {
                Ok(crate::store::BucketStore::new(url.clone(), scratch)?.probe()?)
            }
            #[cfg(not(feature = "object-stores"))]
            Place::Bucket(_) => self.open(scratch).map(drop),
        }
    }

    /// Its folder, if it is one.
    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Place::Folder(folder) => Some(folder),
            Place::Bucket(_) => None,
        }
    }

    /// Whether a lock here would be rolled back with a store there: a folder in its folder; in a bucket, either
    /// inside the other.
    pub(super) fn is_lock_in(&self, store: &Place) -> bool {
        match (self, store) {
            (Place::Folder(lock), Place::Folder(store)) => {
                resolved(lock).starts_with(resolved(store))
            }
            (Place::Bucket(lock), Place::Bucket(store)) => lock.overlaps(store),
            _ => false,
        }
    }
}

impl Place {
    /// Whether one of the two is inside the other, or they are the same.
    pub(super) fn overlaps(&self, plain: &PlainPlace) -> bool {
        match (self, plain) {
            (Place::Folder(own), PlainPlace::Folder(plain)) => {
                is_inside(own, plain) || is_inside(plain, own)
            }
            (Place::Bucket(own), PlainPlace::Bucket(plain)) => own.overlaps(plain),
            _ => false,
        }
    }
}

/// Whether a folder is another, or below it, also if it is not there yet.
pub(super) fn is_inside(inner: &Path, outer: &Path) -> bool {
    let outer = resolved(outer);
    inner.ancestors().any(|folder| {
        let there = folder.canonicalize();
        there.is_ok_and(|there| there.starts_with(&outer)) || folder == outer
    })
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Folder(folder) => folder.display().fmt(f),
            Place::Bucket(url) => url.fmt(f),
        }
    }
}

/// A folder's canonical path, if it exists.
fn resolved(folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}
