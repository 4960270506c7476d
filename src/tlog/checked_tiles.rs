//! Tiles that are checked against a signed root before they are used.
//!
//! A tile by itself is a row of hashes that anyone may have written. It is the log's if it leads to the
//! root of a tree head: the partial tiles, at most one a level, do so together (which [`Edge::load`]
//! checks), and a full tile does if its own root is in the tile above it, which is checked in the same
//! way. So checking a tile at the bottom of a tree of 2^24 leaves takes three tiles and the edge.
//!
//! A tile of an older tree is a prefix of the current one, so the current one is read: narrower objects
//! are never used.

use super::edge::read_hashes;
use super::hash::perfect_root;
use super::tile::FULL;
use super::{Edge, EdgeError, Hash, Tile, TileError, TileReader, TreeHead};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many checked tiles above level 0 are cached, of 8 KiB each. One of level 1 covers 65,536 leaves.
const CACHED: usize = 256;

/// The tiles of one log.
#[derive(Debug)]
pub struct CheckedTiles<R> {
    reader: R,
    cache: Mutex<Cache>,
}

/// Tiles that were already checked. None of them can become wrong: a log only grows.
#[derive(Debug, Default)]
struct Cache {
    /// The edge of the last tree that was read.
    edge: Option<(TreeHead, Arc<Edge>)>,
    /// Full tiles above level 0.
    above: HashMap<Tile, Arc<Vec<Hash>>>,
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

    /// The hashes of the tile with this level and index, as wide as it is in the tree of `head`; they
    /// lead to the head's root. `None` if the tree has no such tile.
    pub fn read(
        &self,
        head: TreeHead,
        level: u8,
        index: u64,
    ) -> Result<Option<Arc<Vec<Hash>>>, CheckedTileError> {
        let Some(tile) = Tile::for_size(level, index, head.size) else { return Ok(None) };
        if tile.is_partial() {
            let edge = self.edge(head)?;
            return Ok(Some(Arc::new(edge.partial_tile(level).to_vec())));
        }
        if let Some(hashes) = self.cache(|cache| cache.above.get(&tile).cloned()) {
            return Ok(Some(hashes));
        }
        let hashes = Arc::new(read_hashes(&self.reader, tile)?);
        let computed = perfect_root(&hashes);
        let above = self.read(head, level + 1, index / FULL)?;
        let place = (index % FULL) as usize;
        // The root of a full tile is in a tile of the next level.
        match above.and_then(|above| above.get(place).copied()) {
            Some(expected) if expected != computed => {
                Err(CheckedTileError::Other { tile, computed, expected })
            }
            None => Ok(None),
            Some(_) => {
                if level > 0 {
                    self.cache(|cache| {
                        if cache.above.len() >= CACHED {
                            cache.above.clear();
                        }
                        cache.above.insert(tile, hashes.clone());
                    });
                }
                Ok(Some(hashes))
            }
        }
    }

    /// The right edge of the tree with this head.
    fn edge(&self, head: TreeHead) -> Result<Arc<Edge>, EdgeError> {
        let kept = self.cache(|cache| cache.edge.clone());
        if let Some((_, edge)) = kept.filter(|(known, _)| *known == head) {
            return Ok(edge);
        }
        let edge = Arc::new(Edge::load(head, &self.reader)?);
        self.cache(|cache| cache.edge = Some((head, edge.clone())));
        Ok(edge)
    }

    /// Locked for a moment at a time, never while a tile is read.
    fn cache<T>(&self, work: impl FnOnce(&mut Cache) -> T) -> T {
        work(&mut self.cache.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::testing::Tiles;

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
                assert_eq!(*hashes, read_hashes(&tiles, tile).expect("stored"), "{tile}");
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
    fn checked_tiles_stay_cached_when_the_tree_grows() {
        let mut tiles = Tiles::with(66_000);
        let before = tiles.head();
        let first = CheckedTiles::new(tiles.clone());
        let full = first.read(before, 1, 0).expect("sound").expect("there");
        tiles.append(66_000..66_700);
        let grown = CheckedTiles { reader: tiles.clone(), cache: first.cache };
        assert_eq!(grown.read(tiles.head(), 1, 0).expect("sound").expect("there"), full);
        assert_eq!(grown.read(tiles.head(), 0, 258).expect("sound").expect("there").len(), 256);
        assert_eq!(grown.read(before, 0, 257).expect("sound").expect("there").len(), 208);
    }
}
