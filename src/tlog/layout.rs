//! Where the log lies in a store.
//!
//! | name | kind | what |
//! | --- | --- | --- |
//! | `log/head` | pointer | the committed head, unsigned: what publishers compare-and-swap |
//! | `log/checkpoint` | pointer | the published head, signed under both faces ([`Published`](super::Published)) |
//! | `log/signer` | pointer | the name of the one signer ([`SignerId`](super::SignerId)) and a line end |
//! | `log/staged/SIZE-ROOT` | object | the entries that lead to a head ([`Staged`](super::staged::Staged)) |
//! | `log/tile/L/N[.p/W]` | object | hash tiles, named as in C2SP tlog-tiles |
//! | `log/tile/entries/N[.p/W]` | object | entry bundles, likewise |

use super::{Bundle, Entry, EntryError, Hash, Tile, TileReadError, TileReader, TreeHead, TreeSize};
use crate::store::{Key, Store, StoreError};
use std::sync::Arc;

/// The committed head.
pub(super) const HEAD: &str = "log/head";
/// The registered signer.
pub(super) const SIGNER: &str = "log/signer";
/// The published head.
pub const CHECKPOINT: &str = "log/checkpoint";

/// The name of an object of the log. The parts are numbers, hexadecimal and fixed words, so the
/// result is always a good name; should that ever be wrong, the store says so.
pub(super) fn key(name: impl Into<String>) -> Result<Key, StoreError> {
    Ok(Key::new(name)?)
}

/// The name of a hash tile.
pub fn tile_key(tile: Tile) -> Result<Key, StoreError> {
    key(format!("log/{}", tile.path()))
}

/// The name of an entry bundle.
pub fn bundle_key(bundle: Bundle) -> Result<Key, StoreError> {
    key(format!("log/{}", bundle.path()))
}

/// The name of the entries that lead to `head`.
pub(super) fn staged_key(head: TreeHead) -> Result<Key, StoreError> {
    let root: String = head.root.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    key(format!("log/staged/{}-{root}", head.size))
}

/// `SIZE ROOT\n`: a head without a signature, as the head pointer and the signer's lock hold it.
pub(super) fn format_head(head: TreeHead) -> String {
    format!("{} {}\n", head.size, head.root)
}

/// Reads what [`format_head`] writes, and nothing else.
pub(super) fn parse_head(bytes: &[u8]) -> Option<TreeHead> {
    let (size, root) = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?.split_once(' ')?;
    let (size, root): (TreeSize, Hash) = (size.parse().ok()?, root.parse().ok()?);
    Some(TreeHead { size, root })
}

/// The tiles and bundles of a log in a store.
#[derive(Debug, Clone)]
pub struct StoredTiles {
    store: Arc<dyn Store>,
}

impl StoredTiles {
    /// The log's objects in `store`.
    pub fn new(store: Arc<dyn Store>) -> StoredTiles {
        StoredTiles { store }
    }

    /// The bytes of `bundle`.
    pub fn read_bundle_bytes(&self, bundle: Bundle) -> Result<Vec<u8>, BundleError> {
        let key = bundle_key(bundle)?;
        self.store.get(&key)?.ok_or(BundleError::Missing { key })
    }

    /// The entries of `bundle`: as many as its width.
    pub fn read_bundle(&self, bundle: Bundle) -> Result<Vec<Entry>, BundleError> {
        bundle.decode(&self.read_bundle_bytes(bundle)?).map_err(BundleError::Malformed)
    }
}

impl TileReader for StoredTiles {
    /// Objects are never removed, so a tile is there in every width that a head ever had.
    fn read_tile(&self, tile: Tile) -> Result<Vec<u8>, TileReadError> {
        let key = tile_key(tile)?;
        Ok(self.store.get(&key)?.ok_or_else(|| format!("{key} is missing from the store"))?)
    }
}

/// An entry bundle that could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is not there.
    #[error("{key} is missing from the store")]
    Missing {
        /// The object.
        key: Key,
    },
    /// Its bytes are no bundle of its width.
    #[error("in the store, {0}")]
    Malformed(EntryError),
}
