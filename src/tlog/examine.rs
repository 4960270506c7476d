//! Reads a whole log once and recomputes it: does every object match the head?
//!
//! The leaves, the tiles of every level and the root are derived again from the entry bundles alone, and
//! compared with what the store holds. Only one bundle and one tile per level are in memory at a time, so
//! the log may have any size.

use super::layout::{StoredTiles, bundle_key, tile_key};
use super::tile::FULL;
use super::{Bundle, BundleError, CheckedTiles, Edge, Entry, Hash, LeafIndex, Tile, TreeHead};
use super::{TileReadError, TileReader, TreeLimitError};
use crate::count::entries;
use crate::store::{Key, StoreError};
use std::cell::Cell;
use std::ops::ControlFlow;

/// A difference between a log's head and its objects.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExamineError {
    /// A bundle is missing or malformed.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A bundle does not hold the entries that were logged.
    #[error("the entries in {key} do not match the log's tiles")]
    Entries {
        /// The object.
        key: Key,
    },
    /// A tile cannot be read.
    #[error("{0}")]
    Read(TileReadError),
    /// A tile does not match the entries.
    #[error("{key} does not match the log's entries")]
    Tile {
        /// The object.
        key: Key,
    },
    /// The entries lead to another root.
    #[error("the entries hash to root {computed}, but the head of {} says {}", entries(.head.size), .head.root)]
    Root {
        /// The head.
        head: TreeHead,
        /// What the entries lead to.
        computed: Hash,
    },
    /// The head names more entries than a tree can have.
    #[error(transparent)]
    Limit(#[from] TreeLimitError),
    /// An object has no valid name.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ExamineError {
    /// The store's own failure, if that is the reason: then nothing is known about the log.
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

/// Recomputes the log with head `head` from its entries. `visit` gets each entry, and `found` each object
/// that differs; both may stop it. A bundle that does not match its tile does not hide what is wrong with
/// the rest: the tile is used in its place, if it leads to the root.
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
                if logged.as_ref().is_some_and(|logged| logged.hashes() != leaves) {
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
                (ControlFlow::Continue(()), Some(logged)) => logged.hashes().to_vec(),
                // Without the leaves nothing above them can be checked.
                _ => return Ok(()),
            },
        };
        let changed = match edge.append(&leaves) {
            Ok(changed) => changed,
            Err(error) => return found(error.into()).map(drop),
        };
        for (tile, bytes) in changed {
            // Tiles of an intermediate width, which the head does not have, are not stored.
            let is_stored = Tile::for_size(tile.level(), tile.index(), head.size) == Some(tile);
            // A tile of level 0 that was checked above has already been compared.
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
