//! A whole log, read once and recomputed: is every object what the head says it is?
//!
//! From the entry bundles alone the leaves, every tile of every level and the root are derived
//! again and compared with what the store holds. One bundle and one tile row a level are in
//! memory at a time, so a log of any size can be examined.

use super::layout::{StoredTiles, bundle_key, tile_key};
use super::tile::FULL;
use super::{Bundle, BundleError, CheckedTiles, Edge, Entry, Hash, LeafIndex, Tile, TreeHead};
use super::{TileReadError, TileReader, TreeLimitError};
use crate::store::{Key, StoreError};
use std::cell::Cell;
use std::ops::ControlFlow;

/// What differs between a log's head and its objects.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExamineError {
    /// A bundle is missing or is no bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A bundle does not hold the entries that were logged.
    #[error("{key} does not hold the entries that the log's tiles hash")]
    Entries {
        /// The object.
        key: Key,
    },
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

/// Recomputes the log with head `head` from its entries, and finds the first object that differs.
pub fn examine(tiles: &StoredTiles, head: TreeHead) -> Result<(), ExamineError> {
    let mut first = None;
    let visit = |_: LeafIndex, _: &Entry| ControlFlow::Continue(());
    examine_all(tiles, head, visit, |error| {
        first = Some(error);
        ControlFlow::Break(())
    })?;
    first.map_or(Ok(()), Err)
}

/// Recomputes the log with head `head` from its entries. `visit` is handed each entry, and `found` hears
/// of each object that differs; both may end it. A bundle that is not what its tile hashes does not hide
/// what is wrong with the rest: the tile speaks for it, where that leads to the root.
pub fn examine_all(
    tiles: &StoredTiles,
    head: TreeHead,
    mut visit: impl FnMut(LeafIndex, &Entry) -> ControlFlow<()>,
    mut found: impl FnMut(ExamineError) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let is_sound = Cell::new(true);
    let mut found = |error: ExamineError| -> Result<ControlFlow<()>, StoreError> {
        is_sound.set(false);
        error.store_failure().map_or_else(|other| Ok(found(other)), Err)
    };
    let checked = CheckedTiles::new(tiles.clone());
    let mut edge = Edge::empty();
    let bundles = head.size.get().div_ceil(FULL);
    for bundle in (0..bundles).filter_map(|index| Bundle::for_size(index, head.size)) {
        let logged = checked.read(head, 0, bundle.index()).ok().flatten();
        let leaves = match tiles.read_bundle(bundle) {
            Ok(entries) => {
                let leaves: Vec<Hash> = entries.iter().map(Entry::leaf_hash).collect();
                if logged.as_ref().is_some_and(|logged| **logged != leaves) {
                    Err(ExamineError::Entries { key: bundle_key(bundle)? })
                } else {
                    for (index, entry) in (bundle.first_leaf()..).zip(&entries) {
                        match LeafIndex::new(index) {
                            Ok(index) if visit(index, entry).is_break() => return Ok(()),
                            _ => {}
                        }
                    }
                    Ok(leaves)
                }
            }
            Err(error) => Err(error.into()),
        };
        let leaves = match (leaves, &logged) {
            (Ok(leaves), _) => leaves,
            (Err(error), logged) => match (found(error)?, logged) {
                (ControlFlow::Continue(()), Some(logged)) => logged.to_vec(),
                // Without the leaves, nothing can be said of what is above them.
                _ => return Ok(()),
            },
        };
        let changed = match edge.append(&leaves) {
            Ok(changed) => changed,
            Err(error) => return found(error.into()).map(drop),
        };
        for (tile, bytes) in changed {
            // Tiles that are only passing through a width the head does not have are not stored.
            let is_stored = Tile::for_size(tile.level(), tile.index(), head.size) == Some(tile);
            // One of level 0 that was read as the log's has been compared already.
            if is_stored
                && (tile.level() > 0 || logged.is_none())
                && let Err(error) = compare(tiles, tile, &bytes)
                && found(error)?.is_break()
            {
                return Ok(());
            }
        }
    }
    let computed = edge.root();
    if computed != head.root && is_sound.get() {
        return found(ExamineError::Root { head, computed }).map(drop);
    }
    Ok(())
}

fn compare(tiles: &StoredTiles, tile: Tile, bytes: &[u8]) -> Result<(), ExamineError> {
    let stored = tiles.read_tile(tile).map_err(ExamineError::Read)?;
    match stored.get(..tile.length()) {
        Some(stored) if stored == bytes => Ok(()),
        _ => Err(ExamineError::Tile { key: tile_key(tile)? }),
    }
}
