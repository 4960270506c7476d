//! A whole log, read once and recomputed: is every object what the head says it is?
//!
//! From the entry bundles alone the leaves, every tile of every level and the root are derived
//! again and compared with what the store holds. One bundle and one tile row a level are in
//! memory at a time, so a log of any size can be examined.

use super::layout::{StoredTiles, tile_key};
use super::tile::FULL;
use super::{Bundle, BundleError, Edge, Entry, Hash, LeafIndex, Tile, TreeHead};
use super::{TileReadError, TileReader, TreeLimitError};
use crate::store::{Key, StoreError};

/// What differs between a log's head and its objects.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExamineError {
    /// A bundle is missing or is no bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A tile cannot be read.
    #[error("{0}")]
    Read(TileReadError),
    /// A tile does not hash what the entries hash to.
    #[error("{key} differs from what the log's entries hash to")]
    Tile {
        /// The object.
        key: Key,
    },
    /// The entries lead to another root.
    #[error("the entries hash to root {computed}, but the head of {} entries says {}", .head.size, .head.root)]
    Root {
        /// The head.
        head: TreeHead,
        /// What the entries lead to.
        computed: Hash,
    },
    /// The head names more entries than a tree can have.
    #[error(transparent)]
    Limit(#[from] TreeLimitError),
    /// No name could be made for an object.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ExamineError {
    /// The store's own failure, where that is the reason: nothing is known about the log then.
    pub fn store_failure(self) -> Result<StoreError, ExamineError> {
        match self {
            ExamineError::Bundle(BundleError::Store(e)) | ExamineError::Store(e) => Ok(e),
            ExamineError::Read(e) => e.downcast().map(|e| *e).map_err(ExamineError::Read),
            other => Err(other),
        }
    }
}

/// Recomputes the log with head `head` from its entries, handing each entry to `visit`.
pub fn examine(
    tiles: &StoredTiles,
    head: TreeHead,
    mut visit: impl FnMut(LeafIndex, &Entry),
) -> Result<(), ExamineError> {
    let mut edge = Edge::empty();
    let bundles = head.size.get().div_ceil(FULL);
    for bundle in (0..bundles).filter_map(|index| Bundle::for_size(index, head.size)) {
        let entries = tiles.read_bundle(bundle)?;
        let mut leaves = Vec::with_capacity(entries.len());
        for (index, entry) in (bundle.first_leaf()..).zip(&entries) {
            visit(LeafIndex::new(index)?, entry);
            leaves.push(entry.leaf_hash());
        }
        for (tile, bytes) in edge.append(&leaves)? {
            // Tiles that are only passing through a width the head does not have are not stored.
            if Tile::for_size(tile.level(), tile.index(), head.size) == Some(tile) {
                compare(tiles, tile, &bytes)?;
            }
        }
    }
    let computed = edge.root();
    if computed == head.root { Ok(()) } else { Err(ExamineError::Root { head, computed }) }
}

fn compare(tiles: &StoredTiles, tile: Tile, bytes: &[u8]) -> Result<(), ExamineError> {
    let stored = tiles.read_tile(tile).map_err(ExamineError::Read)?;
    match stored.get(..tile.length()) {
        Some(stored) if stored == bytes => Ok(()),
        _ => Err(ExamineError::Tile { key: tile_key(tile)? }),
    }
}
