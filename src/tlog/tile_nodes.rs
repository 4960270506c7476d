//! All the nodes of a tile, hashed once.
//!
//! A tile stores the lowest of the eight levels of the tree that it covers; the others are computed from
//! it. A proof needs one node of almost every level, which together cost as much as all of them: whoever
//! makes several proofs keeps them ([`CheckedTiles`](super::CheckedTiles)).

use super::Hash;
use super::hash::node_hash;

/// The hashes of a tile, and the root of each perfect tree over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileNodes {
    width: usize,
    /// Row by row: the tile's hashes, the roots of pairs of them, and so on.
    nodes: Vec<Hash>,
}

impl TileNodes {
    /// Computes the nodes over a tile's hashes.
    pub(super) fn new(hashes: Vec<Hash>) -> TileNodes {
        let width = hashes.len();
        let mut nodes = hashes;
        nodes.reserve_exact(width);
        let (mut start, mut row) = (0, width);
        while row > 1 {
            for pair in 0..row / 2 {
                let left = start + 2 * pair;
                nodes.push(node_hash(&nodes[left], &nodes[left + 1]));
            }
            (start, row) = (start + row, row / 2);
        }
        TileNodes { width, nodes }
    }

    /// The hashes that the tile stores.
    pub fn hashes(&self) -> &[Hash] {
        &self.nodes[..self.width]
    }

    /// The root of the `index`-th perfect tree over `2^height` of the tile's hashes.
    ///
    /// Panics if the tile does not have so many.
    pub(super) fn root(&self, height: u32, index: usize) -> Hash {
        let mut start = 0;
        for below in 0..height {
            start += self.width >> below;
        }
        assert!(index < self.width >> height, "a perfect tree within the tile");
        self.nodes[start + index]
    }

    /// The root of a full tile.
    pub(super) fn full_root(&self) -> Option<Hash> {
        self.width.is_power_of_two().then(|| self.root(self.width.ilog2(), 0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::hash::perfect_root;
    use super::*;
    use crate::tlog::leaf_hash;

    #[test]
    fn every_perfect_tree_in_a_tile_of_any_width_has_its_root() {
        for width in 0..=256_usize {
            let hashes: Vec<Hash> = (0..width).map(|at| leaf_hash(&at.to_be_bytes())).collect();
            let nodes = TileNodes::new(hashes.clone());
            assert_eq!(nodes.hashes(), hashes);
            for height in 0..=8 {
                for index in 0..width >> height {
                    let leaves = &hashes[index << height..(index + 1) << height];
                    assert_eq!(nodes.root(height, index), perfect_root(leaves), "{width} {height}");
                }
            }
            let whole = width.is_power_of_two().then(|| perfect_root(&hashes));
            assert_eq!(nodes.full_root(), whole);
        }
    }
}
