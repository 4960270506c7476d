//! Growing a tree while holding only its right edge.
//!
//! The edge of a tree is, for every level of tiles, the hashes of its partial tile: at most 255 hashes a
//! level and eight levels, whatever the size of the tree. Everything else follows from it: the root, and
//! what appending publishes. Appending touches no tile that was full before, and writes each tile once
//! for a whole batch: those it fills, and the partial ones at the end, but not the partial tiles of the
//! sizes in between, for which no checkpoint will ever exist (<https://c2sp.org/tlog-tiles>, "Partial
//! Tiles").
//!
//! Entry bundles grow beside it, in `entry`. Storing tiles and deciding which head is the right one are
//! left to the log.

use super::hash::{node_hash, perfect_root};
use super::tile::{FULL, hashes_at};
use super::{Hash, Tile, TileError, TileReadError, TileReader, TreeHead, TreeLimitError, TreeSize};

/// The right edge of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    size: TreeSize,
    /// The hashes of each level's partial tile, from level 0 up: `size / 256^level % 256` of them.
    levels: Vec<Vec<Hash>>,
}

/// Why the edge of a tree could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// A tile could not be read or has the wrong length.
    #[error(transparent)]
    Tile(#[from] TileError),
    /// The tiles are those of another tree.
    #[error(
        "the tiles of size {} hash to {computed}, but the tree head says {}: one of the two was \
         changed; restore the tiles that belong to this head",
        .head.size, .head.root
    )]
    Root {
        /// The head that was to be loaded.
        head: TreeHead,
        /// The root that the tiles lead to.
        computed: Hash,
    },
}

impl Edge {
    /// The edge of the empty tree.
    pub fn empty() -> Edge {
        Edge { size: TreeSize::ZERO, levels: Vec::new() }
    }

    /// Reads the edge of the tree with this head, at most one partial tile a level, and checks that it
    /// leads to the head's root.
    pub fn load(head: TreeHead, reader: &(impl TileReader + ?Sized)) -> Result<Edge, EdgeError> {
        let mut levels = Vec::new();
        for level in 0.. {
            let hashes = hashes_at(level, head.size);
            if hashes == 0 {
                break;
            }
            let partial = Tile::for_size(level, hashes / FULL, head.size);
            levels.push(partial.map_or(Ok(Vec::new()), |tile| read_hashes(reader, tile))?);
        }
        let edge = Edge { size: head.size, levels };
        let computed = edge.root();
        if computed == head.root { Ok(edge) } else { Err(EdgeError::Root { head, computed }) }
    }

    /// The number of leaves.
    pub fn size(&self) -> TreeSize {
        self.size
    }

    /// How many levels of tiles there are.
    pub(super) fn levels(&self) -> u8 {
        // At most eight.
        self.levels.len() as u8
    }

    /// The hashes of the partial tile of this level; none where the level's last tile is full.
    pub fn partial_tile(&self, level: u8) -> &[Hash] {
        self.levels.get(usize::from(level)).map_or(&[], Vec::as_slice)
    }

    /// The Merkle tree hash over all leaves.
    pub fn root(&self) -> Hash {
        let mut right: Option<Hash> = None;
        for level in &self.levels {
            // The partial tile is a row of perfect trees, the largest first; the root hashes each
            // with all that is to its right.
            let mut end = level.len();
            while end > 0 {
                let width = 1 << end.trailing_zeros();
                let left = perfect_root(&level[end - width..end]);
                right = Some(right.map_or(left, |right| node_hash(&left, &right)));
                end -= width;
            }
        }
        right.unwrap_or(Hash::EMPTY)
    }

    /// The size and the root together.
    pub fn head(&self) -> TreeHead {
        TreeHead { size: self.size, root: self.root() }
    }

    /// Appends leaves, given by their [`leaf_hash`](super::leaf_hash), and returns the tiles that are new
    /// or wider in the larger tree, with their bytes: exactly those that [`Tile::changed`] lists, level
    /// by level.
    ///
    /// Nothing changes if the tree would grow past its limit.
    pub fn append(&mut self, leaves: &[Hash]) -> Result<Vec<(Tile, Vec<u8>)>, TreeLimitError> {
        let old_size = self.size;
        self.size = old_size.plus(leaves.len())?;
        let mut tiles = Vec::with_capacity(leaves.len() / FULL as usize + 8);
        let mut above: Vec<Hash>;
        let mut added = leaves;
        for level in 0.. {
            if added.is_empty() {
                break;
            }
            if self.levels.len() == usize::from(level) {
                self.levels.push(Vec::with_capacity(FULL as usize));
            }
            let partial = &mut self.levels[usize::from(level)];
            let mut index = hashes_at(level, old_size) / FULL;
            let mut roots = Vec::with_capacity(added.len() / FULL as usize + 1);
            while !added.is_empty() {
                let space = FULL as usize - partial.len();
                let (now, later) = added.split_at(space.min(added.len()));
                partial.extend_from_slice(now);
                added = later;
                // No tile of this level is wider or further right than `for_size` says.
                tiles.extend(
                    Tile::for_size(level, index, self.size).map(|tile| (tile, Hash::join(partial))),
                );
                if partial.len() == FULL as usize {
                    roots.push(perfect_root(partial));
                    partial.clear();
                    index += 1;
                }
            }
            above = roots;
            added = &above;
        }
        Ok(tiles)
    }
}

/// Reads a tile and cuts it into its hashes, leaving off what a wider tile has to the right.
pub(super) fn read_hashes(
    reader: &(impl TileReader + ?Sized),
    tile: Tile,
) -> Result<Vec<Hash>, TileError> {
    let failed = |source: TileReadError| TileError::Read { tile, source };
    let bytes = reader.read_tile(tile).map_err(failed)?;
    let (hashes, rest) = bytes.as_chunks::<{ Hash::LENGTH }>();
    match hashes.get(..usize::from(tile.width())) {
        Some(hashes) if rest.is_empty() => Ok(hashes.iter().copied().map(Hash::from).collect()),
        _ => Err(TileError::Length { tile, length: bytes.len() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::leaf_hash;
    use crate::tlog::testing::{Tiles, leaves};
    use proptest::prelude::*;

    /// The CT reference leaves, and the root of the tree over each number of them.
    #[test]
    fn reference_roots() {
        let inputs = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut edge = Edge::empty();
        assert_eq!(edge.head(), TreeHead::EMPTY);
        for (input, root) in inputs.iter().zip(roots) {
            let bytes: Vec<u8> = (0..input.len() / 2)
                .map(|at| u8::from_str_radix(&input[2 * at..2 * at + 2], 16).expect("hex"))
                .collect();
            edge.append(&[leaf_hash(&bytes)]).expect("room");
            let hex: String =
                edge.root().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, root);
        }
    }

    #[test]
    fn one_batch_writes_what_growth_names_and_no_more() {
        for (old, new) in [(0, 1), (0, 256), (255, 257), (250, 600), (65_000, 70_000), (7, 7)] {
            let mut edge = Edge::empty();
            edge.append(&leaves(0..old)).expect("room");
            let before = edge.size();
            let tiles = edge.append(&leaves(old..new)).expect("room");
            let names: Vec<Tile> = tiles.iter().map(|(tile, _)| *tile).collect();
            assert_eq!(names, Tile::changed(before, edge.size()).collect::<Vec<_>>());
            assert!(tiles.iter().all(|(tile, bytes)| bytes.len() == tile.length()));
        }
    }

    #[test]
    fn an_edge_is_loaded_only_from_the_tiles_of_its_head() {
        for size in [0, 1, 255, 256, 257, 65_536, 65_537, 70_000] {
            let tiles = Tiles::with(size);
            let loaded = Edge::load(tiles.head(), &tiles).expect("the tiles of this head");
            assert_eq!(&loaded, tiles.edge());
            let other = TreeHead { root: leaf_hash(b"other"), ..tiles.head() };
            assert!(matches!(Edge::load(other, &tiles), Err(EdgeError::Root { .. })));
        }
    }

    #[test]
    fn damaged_tiles_are_refused() {
        let tiles = Tiles::with(300);
        let tile = Tile::for_size(0, 1, tiles.head().size).expect("a tile");
        for cut in [1, 32, 33] {
            let mut damaged = tiles.clone();
            damaged.edit(tile, |bytes| bytes.truncate(bytes.len() - cut));
            let error = Edge::load(tiles.head(), &damaged).expect_err("cut short");
            assert!(matches!(error, EdgeError::Tile(TileError::Length { .. })), "{error}");
        }
        let mut missing = tiles.clone();
        missing.remove(tile);
        let error = Edge::load(tiles.head(), &missing).expect_err("missing");
        assert!(error.to_string().contains("tile/0/001.p/44"), "{error}");
    }

    #[test]
    fn a_wider_tile_serves_a_narrower_one() {
        let small = Tiles::with(300);
        let mut grown = small.clone();
        grown.append(300..520);
        grown.forget_superseded();
        let edge = Edge::load(small.head(), &grown);
        assert_eq!(edge.expect("the full tile's prefix"), *small.edge());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn batches_do_not_matter(splits in prop::collection::vec(0..400_u64, 1..8)) {
            let (mut batched, mut single) = (Tiles::with(0), Tiles::with(0));
            for split in splits {
                let start = batched.head().size.get();
                batched.append(start..start + split);
                for leaf in start..start + split {
                    single.append(leaf..leaf + 1);
                }
                prop_assert_eq!(batched.head(), single.head());
                prop_assert_eq!(batched.edge(), single.edge());
                for tile in Tile::all(batched.head().size) {
                    let [a, b] = [&batched, &single].map(|t| t.read_tile(tile).expect("stored"));
                    prop_assert_eq!(a, b, "{}", tile);
                }
            }
        }
    }
}
