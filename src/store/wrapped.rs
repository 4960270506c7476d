//! For tests: a store that does something besides, when another one is used.

use super::{Key, Store, StoreError, Swap};
use std::fmt::Debug;
use std::fs::File;
use std::path::Path;

/// What happens when a store is used. Each method is instead of the store's own.
pub trait Wrapper: Debug + Send + Sync {
    /// The store that does the work.
    fn inner(&self) -> &dyn Store;

    /// Reads an object.
    fn wrap_get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner().get(key)
    }

    /// Stores objects.
    fn wrap_put(&self, objects: &[(Key, Vec<u8>)]) -> Result<(), StoreError> {
        self.inner().put(objects)
    }

    /// Changes a pointer.
    fn wrap_swap(
        &self,
        key: &Key,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<Swap, StoreError> {
        self.inner().swap(key, expected, new)
    }
}

/// The store of a [`Wrapper`].
#[derive(Debug)]
pub struct Wrapped<W>(pub W);

impl<W: Wrapper> Store for Wrapped<W> {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.wrap_get(key)
    }

    fn put(&self, objects: &[(Key, Vec<u8>)]) -> Result<(), StoreError> {
        self.0.wrap_put(objects)
    }

    fn put_file(&self, key: &Key, scratch: &Path) -> Result<(), StoreError> {
        self.0.inner().put_file(key, scratch)
    }

    fn open(&self, key: &Key) -> Result<Option<File>, StoreError> {
        self.0.inner().open(key)
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.0.inner().remove(key)
    }

    fn list(&self, folder: &Key) -> Result<Vec<Key>, StoreError> {
        self.0.inner().list(folder)
    }

    fn pointer(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.inner().pointer(key)
    }

    fn swap(&self, key: &Key, expected: Option<&[u8]>, new: &[u8]) -> Result<Swap, StoreError> {
        self.0.wrap_swap(key, expected, new)
    }
}
