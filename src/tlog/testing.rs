//! A log's tiles in memory, for the tests of this module.

use super::{Edge, Hash, Tile, TileReadError, TileReader, TreeHead, leaf_hash};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

/// The hashes of test leaves: leaf `i` holds the decimal text of `i`.
pub fn leaves(range: Range<u64>) -> Vec<Hash> {
    range.map(|leaf| leaf_hash(leaf.to_string().as_bytes())).collect()
}

/// Every tile that was ever written, and which of them were read.
#[derive(Debug, Clone)]
pub struct Tiles {
    edge: Edge,
    stored: BTreeMap<Tile, Vec<u8>>,
    reads: RefCell<Vec<Tile>>,
}

impl Tiles {
    /// The tiles of a log of test leaves that grew in one step.
    pub fn with(size: u64) -> Tiles {
        let (edge, stored, reads) = (Edge::empty(), BTreeMap::new(), RefCell::default());
        let mut tiles = Tiles { edge, stored, reads };
        tiles.append(0..size);
        tiles
    }

    pub fn append(&mut self, range: Range<u64>) {
        self.stored.extend(self.edge.append(&leaves(range)).expect("room in the tree"));
    }

    pub fn edge(&self) -> &Edge {
        &self.edge
    }

    pub fn head(&self) -> TreeHead {
        self.edge.head()
    }

    pub fn edit(&mut self, tile: Tile, change: impl FnOnce(&mut Vec<u8>)) {
        change(self.stored.get_mut(&tile).expect("a stored tile"));
    }

    pub fn remove(&mut self, tile: Tile) {
        self.stored.remove(&tile).expect("a stored tile");
    }

    /// Drops the partial tiles whose full tile exists, as a log may.
    pub fn forget_superseded(&mut self) {
        let size = self.edge.size();
        self.stored.retain(|tile, _| {
            !tile.is_partial()
                || Tile::for_size(tile.level(), tile.index(), size) != Some(tile.full())
        });
    }

    /// The tiles read since the last call.
    pub fn take_reads(&self) -> Vec<Tile> {
        self.reads.take()
    }
}

impl TileReader for Tiles {
    fn read_tile(&self, tile: Tile) -> Result<Vec<u8>, TileReadError> {
        self.reads.borrow_mut().push(tile);
        let wanted = self.stored.get(&tile).or_else(|| self.stored.get(&tile.full()));
        wanted.cloned().ok_or_else(|| "no such tile".into())
    }
}
