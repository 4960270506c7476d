//! A store whose pointers stay as they were when they were first read: for whoever needs everything of one moment.

use super::{Key, Store, StoreError, Swap};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Reads another store, each pointer only once, and writes nothing.
///
/// Objects that a pointer led to may be removed meanwhile, if a newer value no longer needs them; then they are
/// missing here, too.
#[derive(Debug)]
pub struct Pinned {
    store: Arc<dyn Store>,
    pointers: Mutex<BTreeMap<Key, Option<Vec<u8>>>>,
}

impl Pinned {
    /// The state of `store` from now on.
    pub fn new(store: Arc<dyn Store>) -> Pinned {
        Pinned { store, pointers: Mutex::default() }
    }
}

fn read_only(key: &Key) -> StoreError {
    let source = io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "it is only read here");
    StoreError::Io { action: "write", path: key.to_string(), source }
}

impl Store for Pinned {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(key)
    }

    fn put(&self, objects: &[(Key, Vec<u8>)]) -> Result<(), StoreError> {
        objects.first().map_or(Ok(()), |(key, _)| Err(read_only(key)))
    }

    fn put_file(&self, key: &Key, _scratch: &Path) -> Result<(), StoreError> {
        Err(read_only(key))
    }

    fn open(&self, key: &Key) -> Result<Option<File>, StoreError> {
        self.store.open(key)
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        Err(read_only(key))
    }

    fn list(&self, folder: &Key) -> Result<Vec<Key>, StoreError> {
        self.store.list(folder)
    }

    fn pointer(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        let mut pointers = self.pointers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = pointers.get(key) {
            return Ok(known.clone());
        }
        let read = self.store.pointer(key)?;
        pointers.insert(key.clone(), read.clone());
        Ok(read)
    }

    fn swap(&self, key: &Key, _expected: Option<&[u8]>, _new: &[u8]) -> Result<Swap, StoreError> {
        Err(read_only(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    #[test]
    fn pointers_stay_as_they_were_first_read() {
        let below: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let (seen, unseen) = (Key::new("a").expect("a key"), Key::new("b").expect("a key"));
        let set = |key: &Key, old: Option<&[u8]>, new: &[u8]| {
            assert_eq!(below.swap(key, old, new).expect("swapped"), Swap::Won);
        };
        set(&seen, None, b"1");
        let pinned = Pinned::new(below.clone());
        assert_eq!(pinned.pointer(&seen).expect("read"), Some(b"1".to_vec()));
        set(&seen, Some(b"1"), b"2");
        set(&unseen, None, b"2");
        assert_eq!(pinned.pointer(&seen).expect("read"), Some(b"1".to_vec()));
        assert_eq!(pinned.pointer(&unseen).expect("read"), Some(b"2".to_vec()));
        assert!(pinned.swap(&seen, Some(b"1"), b"3").is_err());
        assert!(pinned.put(&[(seen, vec![1])]).is_err());
    }
}
