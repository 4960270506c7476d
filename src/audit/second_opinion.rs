//! Computes the tree again with `rs_merkle`, so that the log's own tree code is not only checked by itself.
//!
//! `rs_merkle` keeps all leaves of a tree in memory, and pairs the nodes of a level from left to right; a
//! node without a sibling becomes its own parent. This is RFC 6962's tree for every number of leaves, and it
//! can be split at any level: the nodes of level 8 are the roots of 256 leaves each (or fewer for the last
//! one), and the tree over these nodes has the same root. So an `rs_merkle` tree of at most 256 nodes is
//! enough, one level of tiles after the other, and a log of any size needs at most 255 hashes per level in
//! memory.

use crate::tlog::{Hash, TreeHead, TreeSize, leaf_hash, node_hash};
use rs_merkle::{Hasher, MerkleTree};
use serde::{Deserialize, Serialize};
use std::mem;

/// How many nodes of a level become one node eight levels up.
const FULL: usize = 256;

/// RFC 6962 hashing for `rs_merkle`.
#[derive(Debug, Clone)]
struct Rfc6962;

impl Hasher for Rfc6962 {
    type Hash = [u8; 32];

    fn hash(data: &[u8]) -> [u8; 32] {
        *leaf_hash(data).as_bytes()
    }

    fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
        match right {
            Some(right) => *node_hash(&Hash::from(*left), &Hash::from(*right)).as_bytes(),
            None => *left,
        }
    }
}

/// The root over some nodes of one level; without any, that of the empty tree.
fn root_over(nodes: &[Hash]) -> Hash {
    let nodes: Vec<[u8; 32]> = nodes.iter().map(|node| *node.as_bytes()).collect();
    MerkleTree::<Rfc6962>::from_leaves(&nodes).root().map_or(Hash::EMPTY, Hash::from)
}

/// A tree that was computed up to some leaf: for each level of tiles, the nodes that are not in a full tile
/// yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct SecondOpinion {
    size: u64,
    levels: Vec<Vec<Hash>>,
}

impl SecondOpinion {
    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds leaves. `full` is called for each tile that becomes full, with its level, index and hashes.
    pub fn append(&mut self, leaves: &[Hash], mut full: impl FnMut(u8, u64, &[Hash])) {
        for leaf in leaves {
            self.size += 1;
            let mut node = *leaf;
            let mut nodes_before = self.size;
            for level in 0..u8::MAX {
                if self.levels.len() == usize::from(level) {
                    self.levels.push(Vec::with_capacity(FULL));
                }
                let Some(nodes) = self.levels.get_mut(usize::from(level)) else { return };
                nodes.push(node);
                nodes_before /= FULL as u64;
                if nodes.len() < FULL {
                    break;
                }
                let whole = mem::take(nodes);
                full(level, nodes_before - 1, &whole);
                node = root_over(&whole);
            }
        }
    }

    /// The hashes of the leaves that are not in a full tile yet.
    pub fn unfinished_leaves(&self) -> &[Hash] {
        self.levels.first().map_or(&[], Vec::as_slice)
    }

    /// The partial tiles, with their level and index.
    pub fn partial(&self) -> impl Iterator<Item = (u8, u64, &[Hash])> {
        let mut count = self.size;
        (0..u8::MAX).zip(&self.levels).filter_map(move |(level, nodes)| {
            count /= FULL as u64;
            (!nodes.is_empty()).then_some((level, count, nodes.as_slice()))
        })
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        let mut below: Option<Hash> = None;
        for nodes in &self.levels {
            let mut nodes = nodes.clone();
            nodes.extend(below);
            below = (!nodes.is_empty()).then(|| root_over(&nodes));
        }
        below.unwrap_or(Hash::EMPTY)
    }

    /// The size and root; `None` if no tree can be this large.
    #[cfg(any(test, feature = "testing"))]
    pub fn head(&self) -> Option<TreeHead> {
        Some(TreeHead { size: TreeSize::new(self.size).ok()?, root: self.root() })
    }
}

/// Its form in a file, in base64.
#[derive(Serialize, Deserialize)]
struct Written {
    size: u64,
    levels: Vec<Vec<String>>,
}

impl From<SecondOpinion> for Written {
    fn from(tree: SecondOpinion) -> Written {
        let level = |nodes: &Vec<Hash>| nodes.iter().map(Hash::to_string).collect();
        Written { size: tree.size, levels: tree.levels.iter().map(level).collect() }
    }
}

impl TryFrom<Written> for SecondOpinion {
    type Error = String;

    fn try_from(written: Written) -> Result<SecondOpinion, String> {
        let mut left = written.size;
        let mut levels = Vec::new();
        for nodes in &written.levels {
            let parsed: Result<Vec<Hash>, _> = nodes.iter().map(|node| node.parse()).collect();
            let parsed = parsed.map_err(|error| format!("{error}"))?;
            if parsed.len() as u64 != left % FULL as u64 {
                return Err("it has another number of nodes than a tree of its size".to_owned());
            }
            left /= FULL as u64;
            levels.push(parsed);
        }
        if left > 0 {
            return Err("it lacks levels of a tree of its size".to_owned());
        }
        Ok(SecondOpinion { size: written.size, levels })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::{Edge, Tile};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn leaf(number: u64) -> Hash {
        leaf_hash(&number.to_be_bytes())
    }

    /// Appends leaves in these steps, and returns all tiles.
    fn grown(steps: &[u64]) -> (SecondOpinion, BTreeMap<(u8, u64), Vec<Hash>>) {
        let (mut tree, mut tiles) = (SecondOpinion::default(), BTreeMap::new());
        for step in steps {
            let leaves: Vec<Hash> = (tree.size()..tree.size() + step).map(leaf).collect();
            tree.append(&leaves, |level, index, hashes| {
                tiles.insert((level, index), hashes.to_vec());
            });
        }
        let partial: Vec<_> = tree.partial().map(|(l, i, h)| ((l, i), h.to_vec())).collect();
        tiles.extend(partial);
        (tree, tiles)
    }

    fn check(steps: &[u64]) {
        let (tree, tiles) = grown(steps);
        let mut edge = Edge::empty();
        let leaves: Vec<Hash> = (0..tree.size()).map(leaf).collect();
        let expected: BTreeMap<Tile, Vec<u8>> =
            edge.append(&leaves).expect("room").into_iter().collect();
        assert_eq!(tree.head(), Some(edge.head()), "{steps:?}");
        let found: BTreeMap<Tile, Vec<u8>> = tiles
            .into_iter()
            .map(|((level, index), hashes)| {
                let width = u16::try_from(hashes.len()).expect("narrow");
                let tile = Tile::new(level, index, width).expect("a tile");
                (tile, hashes.iter().flat_map(|hash| *hash.as_bytes()).collect())
            })
            .collect();
        assert_eq!(found, expected, "{steps:?}");
        let json = serde_json::to_string(&tree).expect("JSON");
        assert_eq!(serde_json::from_str::<SecondOpinion>(&json).expect("read"), tree);
    }

    #[test]
    fn every_small_tree_has_the_same_root_and_tiles_as_our_own_code() {
        for size in 0..=600 {
            check(&[size]);
        }
    }

    #[test]
    fn trees_of_three_levels_do_too() {
        for size in [65_535, 65_536, 65_537, 65_792, 65_793, 131_072, 131_073, 200_000] {
            check(&[size]);
        }
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let json = serde_json::to_string(&grown(&[700]).0).expect("JSON");
        for (from, to) in [("\"size\":700", "\"size\":701"), ("\"size\":700", "\"size\":99999999")]
        {
            let bad = json.replacen(from, to, 1);
            assert_ne!(bad, json);
            assert!(serde_json::from_str::<SecondOpinion>(&bad).is_err(), "{to}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn the_steps_in_which_it_grows_do_not_matter(steps in prop::collection::vec(0_u64..900, 1..6)) {
            check(&steps);
        }
    }
}
