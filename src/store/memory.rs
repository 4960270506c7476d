//! A store in memory, for tests: it counts its operations, and fails or loses power at a chosen one, so
//! that a test can stop a publisher at every point in turn.

use super::{Key, Store, StoreError, Swap, distinct, failed};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What goes wrong, and when. Operations are counted from zero; each object of a `put` is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The operation fails without effect; later ones work.
    Fail(u64),
    /// The power fails before the operation takes effect; nothing works until [`MemoryStore::restart`].
    PowerCutBefore(u64),
    /// The power fails after the operation took effect, but before it returns.
    PowerCutAfter(u64),
    /// The store is away, as a bucket can be, until [`MemoryStore::restart`].
    #[cfg(feature = "server")]
    Away,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<Key, Vec<u8>>,
    pointers: BTreeMap<Key, Vec<u8>>,
    operations: u64,
    fault: Option<Fault>,
    dead: bool,
}

/// A store in memory. What an operation wrote is durable at once, unless a [`Fault`] prevents it.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// Arms a fault and counts operations from zero again.
    pub fn inject(&self, fault: Fault) {
        let mut state = self.lock();
        state.operations = 0;
        state.fault = Some(fault);
    }

    /// Restores power: no fault is armed, what was durable is there, and the count starts at zero.
    pub fn restart(&self) {
        let mut state = self.lock();
        state.operations = 0;
        state.fault = None;
        state.dead = false;
    }

    /// How many operations were started since the last [`MemoryStore::inject`] or restart.
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// Every object and pointer, for comparing and for restoring.
    pub fn snapshot(&self) -> Snapshot {
        let state = self.lock();
        Snapshot { objects: state.objects.clone(), pointers: state.pointers.clone() }
    }

    /// Restores an older state, like a backup.
    pub fn restore(&self, snapshot: &Snapshot) {
        let mut state = self.lock();
        state.objects = snapshot.objects.clone();
        state.pointers = snapshot.pointers.clone();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All that a [`MemoryStore`] held at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Immutable objects by name.
    pub objects: BTreeMap<Key, Vec<u8>>,
    /// Pointers by name.
    pub pointers: BTreeMap<Key, Vec<u8>>,
}

impl State {
    /// Runs one operation under the armed fault.
    fn operate<T>(&mut self, effect: impl FnOnce(&mut State) -> T) -> Result<T, StoreError> {
        let operation = self.operations;
        self.operations += 1;
        let injected = Err(StoreError::Injected { operation });
        if self.dead {
            return injected;
        }
        match self.fault {
            Some(Fault::Fail(at)) if at == operation => injected,
            Some(Fault::PowerCutBefore(at)) if at == operation => {
                self.dead = true;
                injected
            }
            Some(Fault::PowerCutAfter(at)) if at == operation => {
                effect(self);
                self.dead = true;
                injected
            }
            #[cfg(feature = "server")]
            Some(Fault::Away) => {
                let (action, path) = ("reach", "memory:".to_owned());
                Err(StoreError::Io { action, path, source: super::OUTAGE.into() })
            }
            _ => Ok(effect(self)),
        }
    }
}

impl Store for MemoryStore {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.lock().operate(|state| state.objects.get(key).cloned())
    }

    fn put(&self, objects: &[(Key, Vec<u8>)]) -> Result<(), StoreError> {
        let mut state = self.lock();
        let conflict =
            |key: &Key| StoreError::Conflict { location: "memory:".into(), key: key.clone() };
        let batch = distinct(objects).map_err(conflict)?;
        // A dead or failing process learns nothing about what is there.
        let other = |(key, bytes): &(&&Key, &&[u8])| {
            state.objects.get(**key).is_some_and(|there| there != *bytes)
        };
        if let Some((key, _)) = batch.iter().find(other).filter(|_| !state.dead) {
            return Err(conflict(key));
        }
        for (key, bytes) in objects {
            state.operate(|state| {
                state.objects.entry(key.clone()).or_insert_with(|| bytes.clone());
            })?;
        }
        Ok(())
    }

    fn put_file(&self, key: &Key, scratch: &Path) -> Result<(), StoreError> {
        let failed = |action, source| failed(action, scratch, source);
        let bytes = fs::read(scratch).map_err(|e| failed("read", e))?;
        self.put(&[(key.clone(), bytes)])?;
        fs::remove_file(scratch).map_err(|e| failed("remove", e))
    }

    fn open(&self, key: &Key) -> Result<Option<File>, StoreError> {
        match self.get(key)? {
            None => Ok(None),
            Some(bytes) => {
                readable(&bytes).map(Some).map_err(|e| failed("read", Path::new(key.as_str()), e))
            }
        }
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.lock().operate(|state| state.objects.remove(key)).map(drop)
    }

    fn list(&self, folder: &Key) -> Result<Vec<Key>, StoreError> {
        let is_in = |key: &&Key| {
            let name = key.as_str().strip_prefix(folder.as_str());
            name.and_then(|name| name.strip_prefix('/')).is_some_and(|name| !name.contains('/'))
        };
        self.lock().operate(|state| state.objects.keys().filter(is_in).cloned().collect())
    }

    fn pointer(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.lock().operate(|state| state.pointers.get(key).cloned())
    }

    fn swap(&self, key: &Key, expected: Option<&[u8]>, new: &[u8]) -> Result<Swap, StoreError> {
        self.lock().operate(|state| {
            if state.pointers.get(key).map(Vec::as_slice) == expected {
                state.pointers.insert(key.clone(), new.to_vec());
                Swap::Won
            } else {
                Swap::Lost
            }
        })
    }
}

/// An unnamed file with these bytes.
fn readable(bytes: &[u8]) -> io::Result<File> {
    static FILES: AtomicU64 = AtomicU64::new(0);
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    let name = format!("candor-memory-{}-{number}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let opened = fs::write(&path, bytes).and_then(|()| File::open(&path));
    fs::remove_file(&path)?;
    opened
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Wrapped, Wrapper, contract};
    use std::sync::Arc;

    #[test]
    fn keeps_the_contract_of_a_store() {
        contract::check(|| {
            let store = Arc::new(MemoryStore::new());
            move || -> Box<dyn Store> { Box::new(Wrapped(Arc::clone(&store))) }
        });
    }

    /// Another instance of the same store.
    impl Wrapper for Arc<MemoryStore> {
        fn inner(&self) -> &dyn Store {
            &**self
        }
    }

    #[test]
    fn a_power_cut_stops_everything_until_the_restart() {
        let store = MemoryStore::new();
        let [a, b] = ["a", "b"].map(|name| Key::new(name).expect("a key"));
        store.inject(Fault::PowerCutAfter(0));
        let batch = [(a.clone(), vec![1]), (b.clone(), vec![2])];
        assert!(matches!(store.put(&batch), Err(StoreError::Injected { operation: 0 })));
        assert!(store.get(&a).is_err());
        store.restart();
        assert_eq!(store.get(&a).expect("get"), Some(vec![1]));
        assert_eq!(store.get(&b).expect("get"), None);
        store.inject(Fault::Fail(0));
        assert!(store.get(&a).is_err());
        assert!(store.get(&a).is_ok());
    }
}
