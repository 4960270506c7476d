//! The versions that exist, derived from the log alone.

use crate::count::entries;
use crate::gomod::{Hash1, Module, ModulePath, ModuleVersion};
use crate::store::{Key, KeyError, Store, StoreError};
use crate::tlog::{
    Bundle, BundleError, CheckedTileError, CheckedTiles, Entry, EntryValidator, InvalidEntry,
    LeafIndex, Record, StoredTiles, TileNodes, TreeHead, TreeSize, leaf_hash,
};
use std::sync::{Arc, Mutex, PoisonError};

/// Reads the versions of one module from its log and store.
#[derive(Debug, Clone)]
pub struct Versions {
    path: ModulePath,
    store: Arc<dyn Store>,
    bundles: StoredTiles,
    tiles: Arc<CheckedTiles<StoredTiles>>,
    /// The bundle that was read last: versions are mostly asked for in a row.
    last: Arc<Mutex<Option<Arc<ReadBundle>>>>,
}

/// A bundle of the log with a head, and the hashes that lead to its root.
#[derive(Debug)]
struct ReadBundle {
    head: TreeHead,
    bundle: Bundle,
    entries: Vec<Entry>,
    hashes: Option<Arc<TileNodes>>,
}

impl ReadBundle {
    /// The entry at a place, if it is the one that was logged.
    fn logged(&self, place: usize) -> Option<&Entry> {
        let entry = self.entries.get(place)?;
        let hash = self.hashes.as_ref()?.hashes().get(place)?;
        (*hash == leaf_hash(entry.as_bytes())).then_some(entry)
    }
}

/// Why a version that the log has could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VersionError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The entry bundle is missing or damaged.
    #[error(transparent)]
    Bundle(BundleError),
    /// A tile above the entry does not lead to the root.
    #[error("the tiles in the store are damaged: {0}; restore them from a copy of the store")]
    Tiles(#[from] Box<CheckedTileError>),
    /// The entry is not the one that was logged.
    #[error(
        "the record of {version} in log/{bundle} is not the one that was logged; restore log/ from a \
         copy of the store"
    )]
    NotLogged {
        /// The version.
        version: ModuleVersion,
        /// The path of its bundle.
        bundle: String,
    },
    /// The log has no such version.
    #[error("the log of {} does not have {version}", entries(.size))]
    Unknown {
        /// The version.
        version: ModuleVersion,
        /// The size of the log.
        size: TreeSize,
    },
    /// There is no version of this number.
    #[error("there is no version v0.{0}.0: the number is too large")]
    NoNumber(u64),
    /// The entry is not the record of that version.
    #[error(
        "entry {} of the log is not the record of {path}@{version}: each entry of a log is one \
         version of one module; check `module` in candor.toml",
        .version.leaf_index()
    )]
    Record {
        /// The module that was expected.
        path: ModulePath,
        /// The version that was expected.
        version: ModuleVersion,
    },
    /// The zip is not in the store.
    #[error("{key}, the zip of {version}, is missing from the store; restore it from a copy")]
    MissingZip {
        /// The object.
        key: Key,
        /// The version.
        version: ModuleVersion,
    },
    /// The zip is not the one that was logged.
    #[error("{key}, the zip of {version}, is damaged: {reason}; restore it from a copy")]
    DamagedZip {
        /// The object.
        key: Key,
        /// The version.
        version: ModuleVersion,
        /// What is wrong.
        reason: String,
    },
}

impl From<BundleError> for VersionError {
    fn from(error: BundleError) -> VersionError {
        match error {
            BundleError::Store(e) => VersionError::Store(e),
            other => VersionError::Bundle(other),
        }
    }
}

/// The name of the object that holds the module zip with this hash.
pub fn zip_key(hash: &Hash1) -> Result<Key, KeyError> {
    Key::new(format!("module/{}.zip", hash.hex()))
}

impl Versions {
    /// The versions of `path` in the log in `store`.
    pub fn new(path: ModulePath, store: Arc<dyn Store>) -> Versions {
        let bundles = StoredTiles::new(store.clone());
        let tiles = Arc::new(CheckedTiles::new(bundles.clone()));
        Versions { path, bundles, tiles, store, last: Arc::default() }
    }

    /// The newest version in the log with this head; `None` if the log is empty.
    pub fn newest(head: TreeHead) -> Option<ModuleVersion> {
        ModuleVersion::new(head.size.get()).ok()
    }

    /// The log's record of a version, checked against the root of `head`, which the caller must trust.
    pub fn record(&self, head: TreeHead, version: ModuleVersion) -> Result<Record, VersionError> {
        let unknown = VersionError::Unknown { version, size: head.size };
        let Ok(index) = LeafIndex::new(version.leaf_index()) else { return Err(unknown) };
        let Some((bundle, place)) = Bundle::of_leaf(index, head.size) else { return Err(unknown) };
        let read = self.bundle(head, bundle)?;
        let not_logged = || VersionError::NotLogged { version, bundle: bundle.path() };
        let entry = read.logged(place).ok_or_else(not_logged)?;
        self.parse_record(version, entry)
    }

    /// A bundle, read and parsed unless it is the last one that was. Each entry is yet to be compared with its hash.
    fn bundle(&self, head: TreeHead, bundle: Bundle) -> Result<Arc<ReadBundle>, VersionError> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(last) = last.filter(|last| (last.head, last.bundle) == (head, bundle)) {
            return Ok(last);
        }
        let entries = self.bundles.read_bundle(bundle)?;
        let hashes = self.tiles.read(head, 0, bundle.index()).map_err(Box::new)?;
        let read = Arc::new(ReadBundle { head, bundle, entries, hashes });
        // What is damaged is read again, since it may have been restored.
        if (0..read.entries.len()).all(|place| read.logged(place).is_some()) {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(read.clone());
        }
        Ok(read)
    }

    /// Parses an entry, which must be the record of this version.
    pub fn parse_record(
        &self,
        version: ModuleVersion,
        entry: &Entry,
    ) -> Result<Record, VersionError> {
        std::str::from_utf8(entry.as_bytes())
            .ok()
            .and_then(|text| text.parse::<Record>().ok())
            .filter(|record| {
                record.module() == self.path.as_str() && record.version() == version.to_string()
            })
            .ok_or_else(|| VersionError::Record { path: self.path.clone(), version })
    }

    /// Checks that an entry is the record of the version for its index, and that its zip is stored as
    /// logged.
    pub fn verify_entry(&self, index: LeafIndex, entry: &Entry) -> Result<(), VersionError> {
        let number = index.get() + 1;
        let version = ModuleVersion::new(number).map_err(|_| VersionError::NoNumber(number))?;
        let record = self.parse_record(version, entry)?;
        self.module_of(&record, version).map(drop)
    }

    /// A version's module, its zip checked against the log's record.
    pub fn module(&self, head: TreeHead, version: ModuleVersion) -> Result<Module, VersionError> {
        let record = self.record(head, version)?;
        self.module_of(&record, version)
    }

    /// As [`Versions::module`], given the record.
    pub fn module_of(
        &self,
        record: &Record,
        version: ModuleVersion,
    ) -> Result<Module, VersionError> {
        let key = zip_key(&record.zip()).map_err(StoreError::from)?;
        let zip = self.store.get(&key)?;
        let zip = zip.ok_or_else(|| VersionError::MissingZip { key: key.clone(), version })?;
        let damaged = |reason| VersionError::DamagedZip { key, version, reason };
        match Module::open(self.path.clone(), version, zip) {
            Err(e) => Err(damaged(e.to_string())),
            Ok(module) if module.zip_hash() != record.zip() => {
                Err(damaged(format!("its hash is {}", module.zip_hash())))
            }
            Ok(module) if module.go_mod_hash() != record.go_mod() => {
                Err(damaged("its go.mod is not the one that was logged".to_owned()))
            }
            Ok(module) => Ok(module),
        }
    }
}

impl EntryValidator for Versions {
    fn validate(&self, index: LeafIndex, entry: &Entry) -> Result<(), InvalidEntry> {
        self.verify_entry(index, entry).map_err(|e| match e {
            VersionError::Store(e) => InvalidEntry::Store(e),
            other => InvalidEntry::Refused(other.to_string()),
        })
    }
}
