//! Where a log's objects are in a store.
//!
//! | name | kind | what |
//! | --- | --- | --- |
//! | `log/head` | pointer | the committed head, unsigned: what publishers compare-and-swap |
//! | `log/checkpoint` | pointer | the published head, signed for both protocols ([`Published`](super::Published)) |
//! | `log/signer` | pointer | the name of the one signer ([`SignerId`](super::SignerId)) and a line end |
//! | `log/staged/SIZE-ROOT` | object | the entries that lead to a head ([`Staged`](super::staged::Staged)) |
//! | `log/tile/L/N[.p/W]` | object | hash tiles, named as in C2SP tlog-tiles |
//! | `log/tile/entries/N[.p/W]` | object | entry bundles, likewise |
//!
//! When nothing is being published, a log has three pointers and, besides its full tiles and bundles, at
//! most one partial tile per level and one partial bundle: what a head supersedes is removed
//! ([`prune`](super::prune)). So every 256 entries add two permanent objects, a bundle and 8 KiB of
//! hashes; the levels above add 1/256 of that.

use super::tile::FULL;
use super::{Bundle, Entry, EntryError, Hash, Tile, TileReadError, TileReader, TreeHead, TreeSize};
use crate::store::{Key, Store, StoreError};
use std::sync::Arc;

/// The committed head.
pub(super) const HEAD: &str = "log/head";
/// The registered signer.
pub(super) const SIGNER: &str = "log/signer";
/// The published head.
pub const CHECKPOINT: &str = "log/checkpoint";

/// The name of an object of the log. The parts are numbers, hexadecimal and fixed words, so the name is
/// always valid; should that ever fail, the error is the store's.
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

/// The name of the staged entries that lead to `head`.
pub(super) fn staged_key(head: TreeHead) -> Result<Key, StoreError> {
    let root = crate::hex::hex(head.root.as_bytes());
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

    /// The entries of `bundle`, as many as its width.
    pub fn read_bundle(&self, bundle: Bundle) -> Result<Vec<Entry>, BundleError> {
        let key = bundle_key(bundle)?;
        let found = self.find(&key, bundle.is_partial(), bundle.width())?;
        let Some((width, bytes)) = found else { return Err(BundleError::Missing { key }) };
        let stored = Bundle::new(bundle.index(), width).unwrap_or(bundle);
        let mut entries = stored.decode(&bytes).map_err(BundleError::Malformed)?;
        entries.truncate(bundle.width().into());
        Ok(entries)
    }

    /// The object `key`, a tile or bundle of this width. If it is partial and was pruned because the log
    /// has grown since: the narrowest wider one that is still there, with its width; the object is a
    /// prefix of it.
    fn find(
        &self,
        key: &Key,
        is_partial: bool,
        width: u16,
    ) -> Result<Option<(u16, Vec<u8>)>, StoreError> {
        if let Some(bytes) = self.store.get(key)? {
            return Ok(Some((width, bytes)));
        }
        let Some(folder) = key.as_str().rsplit_once('/').filter(|_| is_partial) else {
            return Ok(None);
        };
        let folder = self::key(folder.0)?;
        let full = folder.as_str().strip_suffix(".p").map(self::key).transpose()?;
        let completed = || match &full {
            Some(full) => self.store.get(full),
            None => Ok(None),
        };
        if let Some(bytes) = completed()? {
            return Ok(Some((FULL as u16, bytes)));
        }
        // A listed object may be gone when it is read, because the log keeps growing; then there is a
        // wider one. That cannot happen more often than this before the tile is full.
        for _ in 0..FULL {
            let wider = widths(&self.store.list(&folder)?).filter(|(wide, _)| *wide > width).min();
            let Some((wide, key)) = wider else { break };
            if let Some(bytes) = self.store.get(&key)? {
                return Ok(Some((wide, bytes)));
            }
        }
        // It was completed in the meantime, or it is missing.
        Ok(completed()?.map(|bytes| (FULL as u16, bytes)))
    }
}

/// The partial tiles or bundles in a list of objects, by width.
pub(super) fn widths(keys: &[Key]) -> impl Iterator<Item = (u16, Key)> {
    keys.iter().filter_map(|key| {
        let (_, width) = key.as_str().rsplit_once(".p/")?;
        Some((width.parse().ok()?, key.clone()))
    })
}

impl TileReader for StoredTiles {
    /// A partial tile that was pruned because the log has grown since is read from the wider one, and
    /// returned with what that has beyond it.
    fn read_tile(&self, tile: Tile) -> Result<Vec<u8>, TileReadError> {
        let key = tile_key(tile)?;
        let found = self.find(&key, tile.is_partial(), tile.width())?;
        Ok(found.ok_or_else(|| format!("{key} is missing from the store"))?.1)
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
    /// Its bytes are not a bundle of its width.
    #[error("in the store, {0}")]
    Malformed(EntryError),
}
