//! Tiles that are checked against a signed root before they are used.
//!
//! A tile by itself is a row of hashes that anyone may have written. It is the log's if it leads to the
//! root of a tree head: the partial tiles, at most one a level, do so together (which [`Edge::load`]
//! checks), and a full tile does if its own root is in the tile above it, which is checked in the same
//! way. So checking a tile at the bottom of a tree of 2^24 leaves takes three tiles and the edge.
//!
//! A tile of an older tree is a prefix of the current one, so the current one is read: narrower objects
//! are never used.
//!
//! Checking a tile computes all of its nodes. Those of recent tiles are kept, so that further proofs hash
//! little.

use super::edge::read_hashes;
use super::proof::{NodeReader, inclusion};
use super::tile::FULL;
use super::tile_nodes::TileNodes;
use super::{
    Edge, EdgeError, Hash, InclusionProof, LeafIndex, ProofError, Tile, TileError, TileReader,
    TreeHead,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many checked tiles above level 0 are cached, of 16 KiB each with their nodes. One of level 1 covers
/// 65,536 leaves.
const CACHED: usize = 256;
/// How many of level 0: those that proofs were made of.
const CACHED_LEAVES: usize = 64;

/// The tiles of one log.
#[derive(Debug)]
pub struct CheckedTiles<R> {
    reader: R,
    cache: Mutex<Cache>,
}

/// Tiles that were already checked. None of them can become wrong: a log only grows.
#[derive(Debug, Default)]
struct Cache {
    /// The partial tiles of the last tree that was read, by level.
    edge: Option<(TreeHead, Arc<Vec<Arc<TileNodes>>>)>,
    /// Full tiles above level 0.
    above: HashMap<Tile, Arc<TileNodes>>,
    /// Full tiles of level 0.
    leaves: HashMap<Tile, Arc<TileNodes>>,
}

impl Cache {
    fn of(&mut self, tile: Tile) -> (&mut HashMap<Tile, Arc<TileNodes>>, usize) {
        match tile.level() {
            0 => (&mut self.leaves, CACHED_LEAVES),
            _ => (&mut self.above, CACHED),
        }
    }

    fn get(&mut self, tile: Tile) -> Option<Arc<TileNodes>> {
        self.of(tile).0.get(&tile).cloned()
    }

    fn keep(&mut self, tile: Tile, nodes: &Arc<TileNodes>) {
        let (kept, most) = self.of(tile);
        if kept.len() >= most {
            kept.clear();
        }
        kept.insert(tile, nodes.clone());
    }
}

/// Why a tile is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckedTileError {
    /// It could not be read, or has the wrong length.
    #[error(transparent)]
    Tile(#[from] TileError),
    /// The tiles of the right edge do not lead to the root.
    #[error(transparent)]
    Edge(#[from] EdgeError),
    /// The tree does not have what is to be proved.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// It is not the tile that the one above it names.
    #[error("{tile} hashes to {computed}, but the tile above it says {expected}")]
    Other {
        /// The tile.
        tile: Tile,
        /// Where its hashes lead.
        computed: Hash,
        /// Where they should lead.
        expected: Hash,
    },
}

impl<R: TileReader> CheckedTiles<R> {
    /// The tiles that `reader` reads.
    pub fn new(reader: R) -> CheckedTiles<R> {
        CheckedTiles { reader, cache: Mutex::default() }
    }

    /// The tile with this level and index, as wide as it is in the tree of `head`; it leads to the head's
    /// root. `None` if the tree has no such tile.
    pub fn read(
        &self,
        head: TreeHead,
        level: u8,
        index: u64,
    ) -> Result<Option<Arc<TileNodes>>, CheckedTileError> {
        let Some(tile) = Tile::for_size(level, index, head.size) else { return Ok(None) };
        if tile.is_partial() {
            return Ok(self.edge(head)?.get(usize::from(level)).cloned());
        }
        if let Some(nodes) = self.cache(|cache| cache.get(tile)) {
            return Ok(Some(nodes));
        }
        let nodes = Arc::new(TileNodes::new(read_hashes(&self.reader, tile)?));
        let above = self.read(head, level + 1, index / FULL)?;
        let place = (index % FULL) as usize;
        // The root of a full tile is in a tile of the next level.
        let expected = above.as_ref().and_then(|above| above.hashes().get(place).copied());
        match (nodes.full_root(), expected) {
            (Some(computed), Some(expected)) if computed == expected => {}
            (Some(computed), Some(expected)) => {
                return Err(CheckedTileError::Other { tile, computed, expected });
            }
            _ => return Ok(None),
        }
        if level > 0 {
            self.cache(|cache| cache.keep(tile, &nodes));
        }
        Ok(Some(nodes))
    }

    /// Makes the proof that a leaf is in the tree of `head`, of checked tiles.
    pub fn prove_inclusion(
        &self,
        head: TreeHead,
        index: LeafIndex,
    ) -> Result<InclusionProof, CheckedTileError> {
        inclusion(index, head.size, &Of { tiles: self, head })
    }

    /// The partial tiles of the tree with this head, by level; empty ones where the last tile is full.
    fn edge(&self, head: TreeHead) -> Result<Arc<Vec<Arc<TileNodes>>>, EdgeError> {
        let kept = self.cache(|cache| cache.edge.clone());
        if let Some((_, edge)) = kept.filter(|(known, _)| *known == head) {
            return Ok(edge);
        }
        let edge = Edge::load(head, &self.reader)?;
        let nodes = |level| Arc::new(TileNodes::new(edge.partial_tile(level).to_vec()));
        let edge = Arc::new((0..edge.levels()).map(nodes).collect::<Vec<_>>());
        self.cache(|cache| cache.edge = Some((head, edge.clone())));
        Ok(edge)
    }

    /// Locked for a moment at a time, never while a tile is read.
    fn cache<T>(&self, work: impl FnOnce(&mut Cache) -> T) -> T {
        work(&mut self.cache.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The tiles of one tree.
struct Of<'t, R> {
    tiles: &'t CheckedTiles<R>,
    head: TreeHead,
}

impl<R: TileReader> NodeReader for Of<'_, R> {
    type Error = CheckedTileError;

    fn nodes(&self, tile: Tile) -> Result<Arc<TileNodes>, CheckedTileError> {
        let nodes = self.tiles.read(self.head, tile.level(), tile.index())?;
        let nodes = nodes.ok_or(TileError::Length { tile, length: 0 })?;
        if tile.level() == 0 && !tile.is_partial() {
            self.tiles.cache(|cache| cache.keep(tile, &nodes));
        }
        Ok(nodes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::testing::{Tiles, leaves};
    use crate::tlog::{prove_inclusion, verify_inclusion};

    /// Trees with tiles of two levels, whose last tile of level 0 is full or not.
    const SIZES: [u64; 5] = [1, 255, 256, 700, 70_000];

    #[test]
    fn every_tile_of_a_tree_leads_to_its_root() {
        for size in SIZES {
            let tiles = Tiles::with(size);
            let checked = CheckedTiles::new(&tiles);
            for tile in Tile::all(tiles.head().size) {
                let hashes = checked.read(tiles.head(), tile.level(), tile.index());
                let hashes = hashes.expect("sound").expect("there");
                assert_eq!(hashes.hashes(), read_hashes(&tiles, tile).expect("stored"), "{tile}");
            }
            assert!(checked.read(tiles.head(), 0, size).expect("no error").is_none());
            assert!(checked.read(tiles.head(), 7, 0).expect("no error").is_none());
        }
    }

    #[test]
    fn a_flipped_bit_is_found_in_any_tile() {
        for size in SIZES {
            let tiles = Tiles::with(size);
            for tile in Tile::all(tiles.head().size).step_by(29) {
                for at in [0, tile.length() / 2, tile.length() - 1] {
                    let mut damaged = tiles.clone();
                    damaged.edit(tile, |bytes| bytes[at] ^= 4);
                    let checked = CheckedTiles::new(&damaged);
                    let read = checked.read(tiles.head(), tile.level(), tile.index());
                    assert!(read.is_err(), "{tile} of {size}, byte {at}");
                }
            }
        }
    }

    #[test]
    fn proofs_are_made_of_checked_tiles_alone_and_again_of_those_that_were_kept() {
        for size in SIZES {
            let tiles = Tiles::with(size);
            let head = tiles.head();
            let checked = CheckedTiles::new(&tiles);
            for leaf in [0, size / 3, size / 2, size - 1, size / 2] {
                let index = LeafIndex::new(leaf).expect("an index");
                let proof = checked.prove_inclusion(head, index).expect("a proof");
                assert_eq!(proof, prove_inclusion(index, head.size, &tiles).expect("a proof"));
                let hashes = leaves(leaf..leaf + 1);
                verify_inclusion(hashes[0], index, head, &proof).expect("proved");
            }
            let beyond = LeafIndex::new(size).expect("an index");
            let refused = checked.prove_inclusion(head, beyond);
            assert!(matches!(refused, Err(CheckedTileError::Proof(_))), "{refused:?}");
            if size == 1 {
                // Its proof is empty, and needs no tile.
                continue;
            }
            let index = LeafIndex::new(size / 3).expect("an index");
            let tile = Tile::for_size(0, size / 3 / FULL, head.size).expect("a tile");
            let mut damaged = tiles.clone();
            damaged.edit(tile, |bytes| bytes[0] ^= 1);
            assert!(CheckedTiles::new(&damaged).prove_inclusion(head, index).is_err());
        }
    }

    #[test]
    fn checked_tiles_stay_cached_when_the_tree_grows() {
        let mut tiles = Tiles::with(66_000);
        let before = tiles.head();
        let first = CheckedTiles::new(tiles.clone());
        let full = first.read(before, 1, 0).expect("sound").expect("there");
        tiles.append(66_000..66_700);
        let grown = CheckedTiles { reader: tiles.clone(), cache: first.cache };
        assert_eq!(grown.read(tiles.head(), 1, 0).expect("sound").expect("there"), full);
        assert_eq!(
            grown.read(tiles.head(), 0, 258).expect("sound").expect("there").hashes().len(),
            256
        );
        assert_eq!(grown.read(before, 0, 257).expect("sound").expect("there").hashes().len(), 208);
    }
}
