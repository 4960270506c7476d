//! A store on top of another one, which stays as it is: for what may never become part of it.

use super::{Key, Store, StoreError, Swap, distinct};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Reads what is above, and else what is below; writes above alone.
///
/// What is below can neither be changed nor removed. Names that begin with a hidden prefix are free there,
/// whatever is below.
#[derive(Debug)]
pub struct Overlay {
    below: Arc<dyn Store>,
    above: Arc<dyn Store>,
    hidden: &'static [&'static str],
}

impl Overlay {
    /// `above`, on top of `below` without the names that begin with one of `hidden`.
    pub fn new(
        below: Arc<dyn Store>,
        above: Arc<dyn Store>,
        hidden: &'static [&'static str],
    ) -> Overlay {
        Overlay { below, above, hidden }
    }

    /// The store below, if a name may be there.
    fn below(&self, key: &Key) -> Option<&dyn Store> {
        let hidden = self.hidden.iter().any(|prefix| key.as_str().starts_with(prefix));
        (!hidden).then_some(&*self.below)
    }

    fn is_below(&self, key: &Key) -> Result<bool, StoreError> {
        Ok(match self.below(key) {
            Some(below) => below.open(key)?.is_some(),
            None => false,
        })
    }

    fn conflict(key: &Key) -> StoreError {
        StoreError::Conflict { location: "the store below".to_owned(), key: key.clone() }
    }
}

impl Store for Overlay {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        match (self.above.get(key)?, self.below(key)) {
            (None, Some(below)) => below.get(key),
            (found, _) => Ok(found),
        }
    }

    fn put(&self, objects: &[(Key, Vec<u8>)]) -> Result<(), StoreError> {
        let mut new = Vec::new();
        let objects = distinct(objects).map_err(Overlay::conflict)?;
        for (key, bytes) in objects {
            match self.below(key).map_or(Ok(None), |below| below.get(key))? {
                Some(there) if there == bytes => {}
                Some(_) => return Err(Overlay::conflict(key)),
                None => new.push((key.clone(), bytes.to_vec())),
            }
        }
        self.above.put(&new)
    }

    fn put_file(&self, key: &Key, scratch: &Path) -> Result<(), StoreError> {
        match self.is_below(key)? {
            true => Err(Overlay::conflict(key)),
            false => self.above.put_file(key, scratch),
        }
    }

    fn open(&self, key: &Key) -> Result<Option<File>, StoreError> {
        match (self.above.open(key)?, self.below(key)) {
            (None, Some(below)) => below.open(key),
            (found, _) => Ok(found),
        }
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.above.remove(key)
    }

    fn list(&self, folder: &Key) -> Result<Vec<Key>, StoreError> {
        let mut found = self.above.list(folder)?;
        let below = self.below.list(folder)?.into_iter();
        found.extend(below.filter(|key| self.below(key).is_some()));
        found.sort();
        found.dedup();
        Ok(found)
    }

    fn file_of(&self, key: &Key) -> Option<PathBuf> {
        match (self.above.open(key), self.below(key)) {
            (Ok(None), Some(below)) => below.file_of(key),
            _ => self.above.file_of(key),
        }
    }

    fn pointer(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        match (self.above.pointer(key)?, self.below(key)) {
            (None, Some(below)) => below.pointer(key),
            (found, _) => Ok(found),
        }
    }

    fn swap(&self, key: &Key, expected: Option<&[u8]>, new: &[u8]) -> Result<Swap, StoreError> {
        if self.above.pointer(key)?.is_some() {
            return self.above.swap(key, expected, new);
        }
        let there = self.below(key).map_or(Ok(None), |below| below.pointer(key))?;
        match there.as_deref() == expected {
            // If another one was faster, it is there now, and this one is lost.
            true => self.above.swap(key, None, new),
            false => Ok(Swap::Lost),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, contract};

    fn key(name: &str) -> Key {
        Key::new(name).expect("a key")
    }

    #[test]
    fn keeps_the_contract_of_a_store() {
        contract::check(|| {
            let (below, above) = (Arc::new(MemoryStore::new()), Arc::new(MemoryStore::new()));
            below.put(&[(key("hidden/a"), b"below".to_vec())]).expect("stored");
            move || -> Box<dyn Store> {
                Box::new(Overlay::new(below.clone(), above.clone(), &["hidden/", "log/"]))
            }
        });
    }

    #[test]
    fn what_is_below_is_read_and_never_changed() {
        let (below, above) = (Arc::new(MemoryStore::new()), Arc::new(MemoryStore::new()));
        let (object, pointer, secret) = (key("log/a"), key("log/head"), key("data/index"));
        below.put(&[(object.clone(), b"one".to_vec())]).expect("stored");
        assert_eq!(below.swap(&pointer, None, b"1").expect("swapped"), Swap::Won);
        assert_eq!(below.swap(&secret, None, b"real").expect("swapped"), Swap::Won);
        let store = Overlay::new(below.clone(), above, &["data/"]);

        assert_eq!(store.get(&object).expect("read").as_deref(), Some(&b"one"[..]));
        assert_eq!(store.pointer(&secret).expect("read"), None);
        store.put(&[(object.clone(), b"one".to_vec())]).expect("it is there");
        let other = [(key("log/b"), b"two".to_vec()), (object.clone(), b"other".to_vec())];
        assert!(matches!(store.put(&other), Err(StoreError::Conflict { .. })));
        assert_eq!(store.get(&key("log/b")).expect("read"), None);
        store.put(&other[..1]).expect("stored");
        let listed = store.list(&key("log")).expect("listed");
        assert!(listed.contains(&object) && listed.contains(&key("log/b")), "{listed:?}");

        assert_eq!(store.swap(&pointer, None, b"2").expect("asked"), Swap::Lost);
        assert_eq!(store.swap(&pointer, Some(b"1"), b"2").expect("swapped"), Swap::Won);
        assert_eq!(store.swap(&pointer, Some(b"1"), b"3").expect("asked"), Swap::Lost);
        assert_eq!(store.swap(&secret, None, b"made up").expect("swapped"), Swap::Won);
        assert_eq!(store.pointer(&pointer).expect("read").as_deref(), Some(&b"2"[..]));
        assert_eq!(below.pointer(&pointer).expect("read").as_deref(), Some(&b"1"[..]));
        assert_eq!(below.pointer(&secret).expect("read").as_deref(), Some(&b"real"[..]));
        assert_eq!(below.get(&key("log/b")).expect("read"), None);
    }
}
