//! Where the last signed head is kept, apart from the store.
//!
//! A store can be rolled back, swapped or edited by whoever may write to it; what the signer signed
//! last must not go with it. A [`LockBackend`] holds one small record for one log and changes it by
//! compare-and-swap, which is all that it takes for two signers never to sign two heads of one size.
//!
//! A pointer of a [`Store`] is such a thing already, durable before a swap returns: [`StoreLock`]
//! is one in a store of its own, be it a folder or, with conditional writes, a bucket.

use super::LogVerifiers;
use crate::store::{FileStore, Key, KeyError, Store, StoreError, Swap};
use sha2::{Digest as _, Sha256};
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

/// Holds one record, and replaces it by compare-and-swap.
///
/// All signers of one log that share a lock see one record, whichever machine they are on. A record
/// that was replaced never comes back: whoever puts an old one back (a snapshot of the disk that it
/// is on, say) takes from the signer what it must know.
pub trait LockBackend: Debug + Send + Sync {
    /// The record's bytes, or `None` where there was never one.
    fn fetch(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// Replaces the record if its bytes are `expected` (`None`: there was never one), durably.
    fn replace(&self, expected: Option<&[u8]>, new: &[u8]) -> Result<Swap, StoreError>;

    /// Where it is, for messages.
    fn place(&self) -> String;
}

/// A record in a pointer of a store, which is not the log's.
#[derive(Debug, Clone)]
pub struct StoreLock {
    store: Arc<dyn Store>,
    key: Key,
    place: String,
}

impl StoreLock {
    /// The lock `key` in `store`, which messages call `place`.
    pub fn new(store: Arc<dyn Store>, key: Key, place: impl Into<String>) -> StoreLock {
        StoreLock { store, key, place: place.into() }
    }

    /// The lock that a signer keeps in its own folder.
    pub fn of_signer(folder: &Path) -> Result<StoreLock, KeyError> {
        Ok(StoreLock::in_folder(folder, Key::new("head")?))
    }

    /// The lock of one log in a folder that may hold those of many.
    pub fn of_log(folder: &Path, log: &LogVerifiers) -> Result<StoreLock, KeyError> {
        let name = Sha256::digest(log.log.to_string());
        let name: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(StoreLock::in_folder(folder, Key::new(format!("signer-{name}"))?))
    }

    fn in_folder(folder: &Path, key: Key) -> StoreLock {
        let place = folder.join(key.as_str()).display().to_string();
        StoreLock::new(Arc::new(FileStore::new(folder)), key, place)
    }
}

impl LockBackend for StoreLock {
    fn fetch(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.pointer(&self.key)
    }

    fn replace(&self, expected: Option<&[u8]>, new: &[u8]) -> Result<Swap, StoreError> {
        self.store.swap(&self.key, expected, new)
    }

    fn place(&self) -> String {
        self.place.clone()
    }
}
