//! A log of any length, made through the library in one batch, and a store that counts the operations of
//! publishing one more version.
//!
//! All versions but the newest have a record and no zip, because a million zips would take hours to make.
//! That is enough, as publishing must read only the newest. They are appended with a validator that
//! accepts every entry, and `verify-store` would refuse such a log.

use candor::charts::{History, ObjectName, Revision, Sources};
use candor::gomod::{
    CommitTime, Hash1, Module, ModulePath, ModuleVersion, ObjectId, Provenance, RepositoryPath,
    RepositoryUrl,
};
use candor::publish::{Catalogue, CompileDay, Outcome, Publisher, Versions, zip_key};
use candor::store::{Key, Store, StoreError, Swap};
use candor::tlog::{
    Appended, CHECKPOINT, Entry, EntryValidator, InvalidEntry, LeafIndex, Log, LogKeys,
    LogVerifiers, Published, Record, Seed, SignerLock,
};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const MODULE: &str = "telemetry.example.org/config";
const OBJECT: &str = "0123456789012345678901234567890123456789";
/// A hash of nothing that is stored.
const NOWHERE: &str = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

/// What a store had to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreUsage {
    /// Objects and pointers that were read, whether or not they were there.
    pub reads: u64,
    /// Folders that were listed.
    pub lists: u64,
    /// Objects that were put, and pointers that were swapped.
    pub writes: u64,
    /// Objects that were removed.
    pub removals: u64,
    pub bytes_read: u64,
    pub bytes_written: u64,
}

impl StoreUsage {
    pub fn operations(&self) -> u64 {
        self.reads + self.lists + self.writes + self.removals
    }
}

/// A store that counts operations and bytes.
#[derive(Debug)]
pub struct Counted<S> {
    pub store: S,
    usage: Mutex<StoreUsage>,
}

impl<S> Counted<S> {
    pub fn new(store: S) -> Counted<S> {
        Counted { store, usage: Mutex::default() }
    }

    /// What it did since the last call.
    pub fn take(&self) -> StoreUsage {
        std::mem::take(&mut *self.usage.lock().expect("no panic"))
    }

    fn note(&self, note: impl FnOnce(&mut StoreUsage)) {
        note(&mut self.usage.lock().expect("no panic"));
    }

    fn noting_read(&self, read: Option<Vec<u8>>) -> Option<Vec<u8>> {
        self.note(|usage| {
            usage.reads += 1;
            usage.bytes_read += read.as_ref().map_or(0, Vec::len) as u64;
        });
        read
    }
}

impl<S: Store> Store for Counted<S> {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.noting_read(self.store.get(key)?))
    }

    fn put(&self, objects: &[(Key, Vec<u8>)]) -> Result<(), StoreError> {
        self.note(|usage| {
            usage.writes += objects.len() as u64;
            usage.bytes_written += objects.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>();
        });
        self.store.put(objects)
    }

    fn put_file(&self, key: &Key, scratch: &Path) -> Result<(), StoreError> {
        self.note(|usage| usage.writes += 1);
        self.store.put_file(key, scratch)
    }

    fn open(&self, key: &Key) -> Result<Option<File>, StoreError> {
        self.note(|usage| usage.reads += 1);
        self.store.open(key)
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.note(|usage| usage.removals += 1);
        self.store.remove(key)
    }

    fn forget(&self, keys: &[Key]) -> Result<(), StoreError> {
        self.note(|usage| usage.removals += keys.len() as u64);
        self.store.forget(keys)
    }

    fn list(&self, folder: &Key) -> Result<Vec<Key>, StoreError> {
        self.note(|usage| usage.lists += 1);
        self.store.list(folder)
    }

    fn pointer(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.noting_read(self.store.pointer(key)?))
    }

    fn swap(&self, key: &Key, expected: Option<&[u8]>, new: &[u8]) -> Result<Swap, StoreError> {
        self.note(|usage| {
            usage.writes += 1;
            usage.bytes_written += new.len() as u64;
        });
        self.store.swap(key, expected, new)
    }

    fn put_and_swap(
        &self,
        objects: &[(Key, Vec<u8>)],
        key: &Key,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<Swap, StoreError> {
        self.note(|usage| {
            let put = objects.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
            usage.writes += objects.len() as u64 + 1;
            usage.bytes_written += (put + new.len()) as u64;
        });
        self.store.put_and_swap(objects, key, expected, new)
    }
}

/// Accepts every entry.
#[derive(Debug)]
struct Anything;

impl EntryValidator for Anything {
    fn validate(&self, _: LeafIndex, _: &Entry) -> Result<(), InvalidEntry> {
        Ok(())
    }
}

/// A log of a given number of versions, with as many catalogues, and a publisher for it.
pub struct LongLog<S> {
    pub store: Arc<Counted<S>>,
    publisher: Publisher,
    published: AtomicU64,
    keys: LogVerifiers,
    _memory: TempDir,
}

impl<S: Store + 'static> LongLog<S> {
    /// A log with `size` versions, at least one. The index of catalogues has the older form without
    /// pages; the first publication splits it into pages, and is done here since it is not to be
    /// measured.
    pub fn new(store: S, size: u64) -> LongLog<S> {
        let memory = TempDir::new().expect("a temporary folder");
        let store = Arc::new(Counted::new(store));
        let host = "telemetry.example.org".parse().expect("a host");
        let seed = Seed::generate().expect("a seed");
        let log = |validator| {
            let signer = SignerLock::in_folder(memory.path()).expect("a signer");
            Log::new(store.clone(), LogKeys::new(&host, &seed), signer, validator)
        };
        let keys = LogKeys::new(&host, &seed).verifiers().clone();
        let filling = log(Arc::new(Anything));
        filling.create().expect("a new log");
        let module = newest(size);
        let key = zip_key(&module.zip_hash()).expect("a key");
        store.put(&[(key, module.zip().to_vec())]).expect("put");
        let nowhere: Hash1 = NOWHERE.parse().expect("a hash");
        let entries: Vec<Entry> = (1..=size)
            .map(|number| {
                let version = ModuleVersion::new(number).expect("a version").to_string();
                let (zip, go_mod) = match number == size {
                    true => (module.zip_hash(), module.go_mod_hash()),
                    false => (nowhere, nowhere),
                };
                let record = Record::new(MODULE, version, zip, go_mod).expect("a record");
                record.entry().expect("an entry")
            })
            .collect();
        let head = filling.settle().expect("a head");
        match filling.append(head, &entries).expect("appended") {
            Appended::Committed(_) => {}
            Appended::LostRace => panic!("nobody else appends"),
        }
        record_catalogues(store.as_ref(), size);
        let path = ModulePath::new(MODULE).expect("a path");
        let versions = Versions::new(path.clone(), store.clone());
        let publisher = Publisher::new(path, store.clone(), log(Arc::new(versions)));
        let log = LongLog { store, publisher, published: AtomicU64::new(0), keys, _memory: memory };
        log.publish();
        log
    }

    /// The log's keys.
    #[allow(dead_code, reason = "for those who audit it")]
    pub fn keys(&self) -> LogVerifiers {
        self.keys.clone()
    }

    /// The head that is published.
    #[allow(dead_code, reason = "for those who audit it")]
    pub fn published(&self) -> Published {
        let key = Key::new(CHECKPOINT).expect("a key");
        let bytes = self.store.pointer(&key).expect("read").expect("published");
        Published::open(&bytes, &self.keys).expect("signed")
    }

    /// Publishes one more version, as `candor publish` does, and returns what the store had to do.
    pub fn publish(&self) -> StoreUsage {
        let number = self.published.fetch_add(1, Ordering::Relaxed);
        let revision = revision(number);
        self.store.take();
        self.publisher.begin().expect("a good store");
        let outcome = self.publisher.publish(
            &revision,
            &RepositoryUrl::default(),
            CompileDay::Chosen("2026-02-02".parse().expect("a day")),
        );
        assert!(matches!(outcome, Ok(Outcome::Published(_))), "{outcome:?}");
        self.store.take()
    }
}

fn newest(number: u64) -> Module {
    let provenance = Provenance {
        repository: RepositoryUrl::default(),
        commit: ObjectId::new(OBJECT).expect("a name"),
        tree: ObjectId::new(OBJECT).expect("a name"),
        path: RepositoryPath::new("charts-config").expect("a path"),
        time: CommitTime::from_unix_seconds(1_770_000_000).expect("a time"),
        as_of: "2026-02-02".parse().expect("a day"),
        program_version: "candor".to_owned(),
    };
    let path = ModulePath::new(MODULE).expect("a path");
    let version = ModuleVersion::new(number).expect("a version");
    Module::build(path, version, b"{}\n".to_vec(), provenance).expect("a module")
}

/// The index of `size` catalogues, all of one object.
fn record_catalogues(store: &dyn Store, size: u64) {
    let catalogue = Catalogue {
        format: 1,
        repository: String::new(),
        commit: OBJECT.to_owned(),
        time: 1_700_000_000,
        as_of: "2023-11-14".parse().expect("a day"),
        path: "charts-config".to_owned(),
        project: None,
        confidence: 0.99,
        retention: candor::publish::CatalogueRetention::default(),
        programs: Vec::new(),
        charts: Vec::new(),
        marginals: Vec::new(),
        introduced: Vec::new(),
        index: Default::default(),
    };
    let bytes = serde_json::to_vec(&catalogue).expect("JSON");
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let key = format!("catalogue/{digest}");
    store.put(&[(Key::new(&*key).expect("a key"), bytes)]).expect("put");
    let entries: Vec<String> = (1..=size)
        .map(|number| {
            let time = 1_700_000_000 + number;
            format!(
                r#"{{"commit":"{number:040x}","time":{time},"as_of":"2023-11-14","key":"{key}","version":"v0.{number}.0"}}"#
            )
        })
        .collect();
    let index = format!(r#"{{"format":1,"catalogues":[{}]}}"#, entries.join(","));
    let name = Key::new("catalogue/index").expect("a key");
    assert_eq!(store.swap(&name, None, index.as_bytes()).expect("swapped"), Swap::Won);
}

/// A commit whose config differs from that of every other number.
fn revision(number: u64) -> Revision {
    let collection = format!(
        "module = {MODULE:?}\ngoos = [\"linux\"]\ngoarch = [\"amd64\"]\ntoolchains = [\"rust1.95.0\"]\n"
    );
    let program = "program = \"example.org/hello\"\nmodule = \"example.org/hello\"\n\
                   versions = [\"v1.0.0\"]\n";
    let chart = format!(
        "[[chart]]\ntitle = \"One\"\nissue = [\"https://example.org/1\"]\ntype = \"partition\"\n\
         program = \"example.org/hello\"\ncounter = \"hello/c{number:05}\"\n"
    );
    let files = [
        ("collection.toml", collection),
        ("programs/hello.toml", program.to_owned()),
        ("charts/one.toml", chart),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), text.into_bytes())).to_vec();
    let object = |number: u64| ObjectName::parse(&format!("{number:040x}")).expect("a name");
    Revision {
        commit: object(number + (1 << 60)),
        tree: object(1),
        folder: "charts-config".to_owned(),
        time: 1_770_000_000 + number as i64,
        sources: Sources::from_files(files),
        history: History::none(),
    }
}
