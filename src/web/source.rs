//! Reads from the store, and checks what was read before it is shown.
//!
//! | object | checked against |
//! | --- | --- |
//! | pointer `log/checkpoint` | both verifier keys of the log |
//! | `log/tile/L/N[.p/W]` | the root of the published head ([`CheckedTiles`]) |
//! | `log/tile/entries/N[.p/W]` | the leaf hashes in its tile; every entry must be able to be a record |
//! | `module/HEX.zip` | the hashes in its version's record |
//!
//! All functions block. None reads past the head it is given, so nothing is visible before it is logged.
//! A partial tile or bundle of an older tree is cut from the current one, so that clients with an older
//! tree head are always answered.

use super::cache::{Stopped, Weigh};
use super::representation::{Content, Representation};
use crate::collection::CollectionConfig;
use crate::count::entries;
use crate::gomod::{Hash1, Info, ModulePath, ModuleVersion, Provenance};
use crate::publish::{VersionError, Versions};
use crate::store::{Key, KeyError, Store, StoreError};
use crate::tlog::{
    Bundle, BundleError, CHECKPOINT, CheckedTileError, CheckedTiles, Entry, Hash, InclusionProof,
    LeafIndex, LogVerifiers, Lookup, ProofError, Published, PublishedError, StoredTiles, Tile,
    TreeHead, bundle_key, data_tile, encode_entries, leaf_hash, tile_key, verify_inclusion,
};
use jiff::civil::Date;
use std::sync::{Arc, OnceLock};

/// Why something in the log cannot be served.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The name is not valid for an object.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Nothing was published yet.
    #[error(
        "the store has no {CHECKPOINT}: if it has log/head, `candor publish` signs it again; otherwise \
         restore the store, or correct `store` in candor.toml"
    )]
    NoLog,
    /// The published head is not signed by this log.
    #[error(
        "{CHECKPOINT} in the store is damaged: {0}; restore it from the newest copy of the store, or \
         remove it and run `candor publish`, which signs it again"
    )]
    Head(#[from] PublishedError),
    /// The published head is older than the one that was served, or contradicts it.
    #[error(
        "{CHECKPOINT} in the store went from {} (root {}) to {} (root {}): the store was \
         rolled back or replaced; restore the newer one",
        entries(.shown.size), .shown.root, .found.size, .found.root
    )]
    RolledBack {
        /// What was served.
        shown: TreeHead,
        /// What the store has now.
        found: TreeHead,
    },
    /// The tiles do not prove an entry.
    #[error("the tiles in the store are damaged: {0}; restore them from a copy of the store")]
    Proof(#[from] ProofError),
    /// A tile does not lead to the root of the published head.
    #[error("the tiles in the store are damaged: {0}; restore them from a copy of the store")]
    Tile(#[from] CheckedTileError),
    /// The record or zip of a version cannot be read.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// An object is missing from the store.
    #[error("{key} is missing from the store; restore it from a copy of the store")]
    Missing {
        /// The object.
        key: Key,
    },
    /// An object differs from what was logged.
    #[error("{key} in the store is damaged: {reason}; restore it from a copy of the store")]
    Damaged {
        /// The object.
        key: Key,
        /// What is wrong with it.
        reason: String,
    },
    /// Reading took too long.
    #[error("the store does not answer")]
    Silent,
    /// The thread that was reading was stopped.
    #[error("reading the store was interrupted")]
    Interrupted,
}

impl From<Stopped> for Fault {
    fn from(_: Stopped) -> Fault {
        Fault::Interrupted
    }
}

/// The objects of one deployment.
#[derive(Debug)]
pub(super) struct Source {
    store: Arc<dyn Store>,
    versions: Versions,
    keys: LogVerifiers,
    tiles: CheckedTiles<StoredTiles>,
}

/// An entry bundle in both formats.
#[derive(Debug)]
pub(super) struct LoadedBundle {
    /// As in tlog-tiles.
    pub(super) entries: Representation,
    /// As in the checksum database.
    pub(super) data: Representation,
    records: Vec<Entry>,
}

/// The files of one version, as the module proxy protocol has them.
#[derive(Debug)]
pub(super) struct LoadedVersion {
    pub(super) info: Representation,
    pub(super) go_mod: Representation,
    pub(super) zip: Representation,
}

/// A version as pages show it.
#[derive(Debug)]
pub(super) struct LoadedConfig {
    pub(super) version: ModuleVersion,
    /// What it collects; or why this program does not understand it.
    pub(super) config: Result<CollectionConfig, String>,
    /// `config.json` itself.
    pub(super) json: ConfigJson,
    pub(super) provenance: Provenance,
    pub(super) zip_hash: Hash1,
}

/// A `config.json`, which is prepared for answers once it is asked for: pages need only what it says.
#[derive(Debug)]
pub(super) struct ConfigJson {
    bytes: Vec<u8>,
    prepared: OnceLock<Representation>,
}

impl ConfigJson {
    pub(super) fn new(bytes: Vec<u8>) -> ConfigJson {
        ConfigJson { bytes, prepared: OnceLock::new() }
    }

    /// Its length in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The answer; must not run on the threads that answer requests.
    pub(super) fn prepared(&self) -> &Representation {
        self.prepared.get_or_init(|| Representation::new(self.bytes.clone(), Content::Json))
    }
}

impl Weigh for LoadedConfig {
    fn weight(&self) -> u64 {
        // Parsed, it takes about three times the memory of its text, which may be here twice more, and compressed.
        self.json.bytes.len() as u64 * 6
    }
}

impl Weigh for Representation {
    fn weight(&self) -> u64 {
        self.length()
    }
}

impl Weigh for LoadedBundle {
    fn weight(&self) -> u64 {
        // The entries are in memory once more, one by one.
        self.entries.length() + self.data.length() * 2
    }
}

impl Weigh for LoadedVersion {
    fn weight(&self) -> u64 {
        self.info.length() + self.go_mod.length() + self.zip.length()
    }
}

impl LoadedBundle {
    /// The entry at this offset.
    pub(super) fn entry(&self, offset: usize) -> Option<&Entry> {
        self.records.get(offset)
    }

    /// The checksum database's answer for the entry at `index`, which is at `offset` in this bundle, with
    /// a signed tree head that includes it. `None` if there is no entry at that offset.
    pub(super) fn lookup(&self, index: LeafIndex, offset: usize, tree: &str) -> Option<Vec<u8>> {
        // The data tile was made from it, so it can be a record.
        let lookup = Lookup::new(index, self.records.get(offset)?, tree.to_owned()).ok()?;
        Some(lookup.to_string().into_bytes())
    }
}

impl Source {
    pub(super) fn new(module: ModulePath, keys: LogVerifiers, store: Arc<dyn Store>) -> Source {
        let tiles = CheckedTiles::new(StoredTiles::new(store.clone()));
        Source { versions: Versions::new(module, store.clone()), store, keys, tiles }
    }

    /// The bytes of the pointer to the published head.
    pub(super) fn checkpoint(&self) -> Result<Vec<u8>, Fault> {
        self.store.pointer(&Key::new(CHECKPOINT)?)?.ok_or(Fault::NoLog)
    }

    /// The published head that these bytes hold.
    pub(super) fn open_head(&self, checkpoint: &[u8]) -> Result<Published, Fault> {
        Ok(Published::open(checkpoint, &self.keys)?)
    }

    /// A tile of the tree with this head, which must have it.
    pub(super) fn tile(&self, head: TreeHead, tile: Tile) -> Result<Representation, Fault> {
        let hashes = self.tiles.read(head, tile.level(), tile.index())?;
        let hashes = hashes.as_ref().and_then(|all| all.hashes().get(..usize::from(tile.width())));
        let hashes = hashes.ok_or(Fault::Missing { key: tile_key(tile)? })?;
        Ok(Representation::new(Hash::join(hashes), Content::Hashes))
    }

    /// A bundle of the log with this head, which must have it.
    pub(super) fn bundle(&self, head: TreeHead, bundle: Bundle) -> Result<LoadedBundle, Fault> {
        let now = Bundle::for_size(bundle.index(), head.size).unwrap_or(bundle);
        let key = bundle_key(now)?;
        let damaged = |reason: String| Fault::Damaged { key: key.clone(), reason };
        let mut records =
            StoredTiles::new(self.store.clone()).read_bundle(now).map_err(|error| match error {
                BundleError::Store(error) => Fault::Store(error),
                BundleError::Missing { key } => Fault::Missing { key },
                other => damaged(other.to_string()),
            })?;
        records.truncate(usize::from(bundle.width()));
        let hashes = self.tiles.read(head, 0, bundle.index())?;
        let hashes = hashes.as_ref().map_or(&[][..], |hashes| hashes.hashes());
        for (offset, entry) in records.iter().enumerate() {
            if hashes.get(offset) != Some(&leaf_hash(entry.as_bytes())) {
                let index = bundle.first_leaf() + offset as u64;
                return Err(damaged(format!("entry {index} is not the one that was logged")));
            }
        }
        let bytes = encode_entries(&records);
        let data = data_tile(bundle, &records).map_err(|error| damaged(error.to_string()))?;
        Ok(LoadedBundle {
            entries: Representation::new(bytes, Content::Entries),
            data: Representation::new(data, Content::Text),
            records,
        })
    }

    /// A version of the log with this head, which must have it.
    pub(super) fn version(
        &self,
        head: TreeHead,
        version: ModuleVersion,
    ) -> Result<LoadedVersion, Fault> {
        let module = self.versions.module(head, version)?;
        Ok(LoadedVersion {
            info: Representation::new(Info::of(&module).to_json(), Content::Json),
            go_mod: Representation::new(module.go_mod().to_vec(), Content::Text),
            zip: Representation::new(module.zip().to_vec(), Content::Zip),
        })
    }

    /// A version of the log with this head, which must have it, as pages show it.
    pub(super) fn config(
        &self,
        head: TreeHead,
        version: ModuleVersion,
    ) -> Result<LoadedConfig, Fault> {
        let module = self.versions.module(head, version)?;
        Ok(LoadedConfig {
            version,
            config: CollectionConfig::from_json(module.config()).map_err(|e| e.to_string()),
            json: ConfigJson::new(module.config().to_vec()),
            provenance: module.provenance().clone(),
            zip_hash: module.zip_hash(),
        })
    }

    /// The day for which a version of the log with this head was compiled.
    pub(super) fn as_of(&self, head: TreeHead, version: ModuleVersion) -> Result<Date, Fault> {
        Ok(self.versions.module(head, version)?.provenance().as_of.civil())
    }

    /// The proof that an entry is in the log with this head, verified as a client would.
    pub(super) fn inclusion(
        &self,
        head: TreeHead,
        index: LeafIndex,
        leaf: Hash,
    ) -> Result<InclusionProof, Fault> {
        let proof = self.tiles.prove_inclusion(head, index)?;
        verify_inclusion(leaf, index, head, &proof)?;
        Ok(proof)
    }
}
