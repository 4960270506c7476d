//! Where the last signed head is kept, apart from the store.
//!
//! Whoever can write to a store can roll it back, swap it or edit it; the signer's memory of what it
//! signed last must not go with it. A [`LockBackend`] holds one small record for one log and changes it
//! by compare-and-swap, which is enough to keep two signers from signing two heads of one size.
//!
//! A pointer of a [`Store`] can do that: it is durable before a swap returns. [`StoreLock`] is a pointer
//! in a store of its own: a folder or, with conditional writes, a bucket.

use super::LogVerifiers;
use crate::store::{FileStore, Key, KeyError, Store, StoreError, Swap};
use sha2::{Digest as _, Sha256};
use std::fmt::{Debug, Display};
use std::path::Path;
use std::sync::Arc;

/// Holds one record, and replaces it by compare-and-swap.
///
/// All signers of a log that share a lock see the same record, whichever machine they are on. A replaced
/// record must never come back: restoring an old one (from a snapshot of its disk, say) makes the signer
/// forget what it must know.
pub trait LockBackend: Debug + Send + Sync {
    /// The record's bytes, or `None` if there never was one.
    fn fetch(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// Replaces the record durably if its bytes are `expected` (`None`: there never was one).
    fn replace(&self, expected: Option<&[u8]>, new: &[u8]) -> Result<Swap, StoreError>;

    /// Where it is, for messages.
    fn location(&self) -> String;
}

/// A record in a pointer of a store other than the log's.
#[derive(Debug, Clone)]
pub struct StoreLock {
    store: Arc<dyn Store>,
    key: Key,
    location: String,
}

impl StoreLock {
    /// The lock `key` in `store`, which messages call `location`.
    pub fn new(store: Arc<dyn Store>, key: Key, location: impl Into<String>) -> StoreLock {
        StoreLock { store, key, location: location.into() }
    }

    /// The lock that a signer keeps in its own folder.
    pub fn of_signer(folder: &Path) -> Result<StoreLock, KeyError> {
        Ok(StoreLock::in_folder(folder, Key::new("head")?))
    }

    /// The lock of one log in a store, called `place`, that may hold the locks of many.
    pub fn of_log(
        store: Arc<dyn Store>,
        place: impl Display,
        log: &LogVerifiers,
    ) -> Result<StoreLock, KeyError> {
        let name = Sha256::digest(log.log.to_string());
        let key = Key::new(format!("signer-{}", crate::hex::hex(&name)))?;
        let location = format!("{place}/{key}");
        Ok(StoreLock::new(store, key, location))
    }

    fn in_folder(folder: &Path, key: Key) -> StoreLock {
        let location = folder.join(key.as_str()).display().to_string();
        StoreLock::new(Arc::new(FileStore::new(folder)), key, location)
    }
}

impl LockBackend for StoreLock {
    fn fetch(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.pointer(&self.key)
    }

    fn replace(&self, expected: Option<&[u8]>, new: &[u8]) -> Result<Swap, StoreError> {
        self.store.swap(&self.key, expected, new)
    }

    fn location(&self) -> String {
        self.location.clone()
    }
}
