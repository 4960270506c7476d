//! Subtrees: ranges of leaves that have a node in the tree, or would have one if it ended there.
//!
//! <https://datatracker.ietf.org/doc/html/draft-ietf-plants-merkle-tree-certs-03#section-4>: what a
//! subtree is (4.1), and verifying the proof that a tree contains one (4.4). A subtree that begins
//! with the first leaf is an older tree, and the proof is then the consistency proof of RFC 6962.
//!
//! Making such proofs is left to whoever wants a subtree signed; a witness only verifies them.

use super::hash::node_hash;
use super::{Hash, LeafIndex, TreeHead, TreeSize};
use std::fmt;

/// The leaves from `start` up to `end`: at least one, and `start` is a multiple of the smallest power of
/// two that is not below their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subtree {
    start: LeafIndex,
    end: TreeSize,
}

/// Why a range is not a subtree, or not in a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubtreeError {
    /// No tree has such a node.
    #[error("the leaves from {start} up to {end} are not a subtree")]
    NoSubtree {
        /// The first leaf.
        start: LeafIndex,
        /// The one after the last.
        end: TreeSize,
    },
    /// It ends beyond the tree.
    #[error("the subtree {0} ends after the tree of {1} leaves")]
    Beyond(Subtree, TreeSize),
    /// The proof leads to another root, or has the wrong length.
    #[error("the proof does not show that the tree contains the subtree {0} with that hash")]
    NotContained(Subtree),
}

impl Subtree {
    /// Checks that this is a subtree.
    pub fn new(start: LeafIndex, end: TreeSize) -> Result<Subtree, SubtreeError> {
        let leaves = end.get().checked_sub(start.get()).filter(|leaves| *leaves > 0);
        // Sizes stay below 2^63, so there always is that power of two.
        let aligned = |leaves: u64| start.get().is_multiple_of(leaves.next_power_of_two());
        match leaves {
            Some(leaves) if aligned(leaves) => Ok(Subtree { start, end }),
            _ => Err(SubtreeError::NoSubtree { start, end }),
        }
    }

    /// The first leaf.
    pub fn start(self) -> LeafIndex {
        self.start
    }

    /// The one after the last.
    pub fn end(self) -> TreeSize {
        self.end
    }

    /// Verifies that the tree of this head contains the subtree, with this hash.
    pub fn verify(self, hash: Hash, head: TreeHead, proof: &[Hash]) -> Result<(), SubtreeError> {
        let beyond = SubtreeError::Beyond(self, head.size);
        let tree = head.size.last_index().filter(|_| self.end <= head.size).ok_or(beyond)?;
        let not_contained = SubtreeError::NotContained(self);
        let last = self.end.last_index().ok_or(not_contained)?;
        let mut at = Nodes { first: self.start.get(), last: last.get(), tree: tree.get() };
        // Up to the node that the proof begins at: the whole subtree, or its last part.
        if at.last == at.tree {
            at.up(u64::BITS - (at.first ^ at.last).leading_zeros());
        } else {
            let together = u64::BITS - (at.first ^ at.last).leading_zeros();
            at.up(together.min(at.last.trailing_ones()));
        }
        let mut hashes = proof.iter();
        let begin = match at.first == at.last {
            true => hash,
            false => *hashes.next().ok_or(not_contained)?,
        };
        let (mut subtree, mut root) = (begin, begin);
        for sibling in hashes {
            if at.tree == 0 {
                return Err(not_contained);
            }
            if at.last % 2 == 1 || at.last == at.tree {
                if at.first < at.last {
                    subtree = node_hash(sibling, &subtree);
                }
                root = node_hash(sibling, &root);
                at.up(at.last.trailing_zeros());
            } else {
                root = node_hash(&root, sibling);
            }
            at.up(1);
        }
        let contained = at.tree == 0 && subtree == hash && root == head.root;
        contained.then_some(()).ok_or(not_contained)
    }
}

/// The verifier's way up: the draft's `fn`, `sn` and `tn`.
struct Nodes {
    first: u64,
    last: u64,
    tree: u64,
}

impl Nodes {
    fn up(&mut self, levels: u32) {
        let up = |node: u64| node.checked_shr(levels).unwrap_or(0);
        (self.first, self.last, self.tree) = (up(self.first), up(self.last), up(self.tree));
    }
}

impl fmt::Display for Subtree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.start, self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::super::leaf_hash;
    use super::*;

    /// MTH of RFC 6962.
    fn mth(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::EMPTY,
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(1 << (leaves.len() - 1).ilog2());
                node_hash(&mth(left), &mth(right))
            }
        }
    }

    /// SUBTREE_SUBPROOF of the draft, 4.4.1.
    fn subproof(start: usize, end: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
        if (start, end) == (0, leaves.len()) {
            return if known { Vec::new() } else { vec![mth(leaves)] };
        }
        let k = 1 << (leaves.len() - 1).ilog2();
        let (left, right) = leaves.split_at(k);
        let (mut proof, other) = if end <= k {
            (subproof(start, end, left, known), right)
        } else if k <= start {
            (subproof(start - k, end - k, right, known), left)
        } else {
            (subproof(0, end - k, right, false), left)
        };
        proof.push(mth(other));
        proof
    }

    fn subtree(start: usize, end: usize) -> Result<Subtree, SubtreeError> {
        let start = LeafIndex::new(start as u64).expect("an index");
        Subtree::new(start, TreeSize::new(end as u64).expect("a size"))
    }

    #[test]
    fn every_subtree_of_every_tree_is_proved_and_nothing_else() {
        let leaves: Vec<Hash> = (0_u8..34).map(|number| leaf_hash(&[number])).collect();
        let mut proved = 0;
        for size in 0..=leaves.len() {
            let leaves = &leaves[..size];
            let head = |root| TreeHead { size: TreeSize::new(size as u64).expect("a size"), root };
            let root = mth(leaves);
            for (start, end) in (0..=size).flat_map(|start| (0..=size).map(move |end| (start, end)))
            {
                let power = (1..).map(|bits| 1 << (bits - 1)).find(|power| *power + start >= end);
                let valid = start < end && start % power.expect("a power") == 0;
                assert_eq!(subtree(start, end).is_ok(), valid, "{start} {end}");
                let Ok(subtree) = subtree(start, end) else { continue };
                let hash = mth(&leaves[start..end]);
                let proof = subproof(start, end, leaves, true);
                let verify = |hash, root, proof: &[Hash]| subtree.verify(hash, head(root), proof);
                assert_eq!(verify(hash, root, &proof), Ok(()), "{subtree} of {size}");
                proved += 1;
                let wrong = Hash::EMPTY;
                assert!(verify(wrong, root, &proof).is_err(), "{subtree} of {size}");
                assert!(verify(hash, wrong, &proof).is_err(), "{subtree} of {size}");
                assert!(verify(hash, root, &[&proof[..], &[wrong]].concat()).is_err());
                for number in 0..proof.len() {
                    let mut changed = proof.clone();
                    changed[number] = wrong;
                    assert!(verify(hash, root, &changed).is_err(), "{subtree} of {size}: {number}");
                    assert!(verify(hash, root, &proof[..number]).is_err());
                }
            }
        }
        assert!(proved > 1000, "{proved}");
    }

    #[test]
    fn a_subtree_that_begins_with_the_first_leaf_is_an_older_tree() {
        let leaves: Vec<Hash> = (0_u8..30).map(|number| leaf_hash(&[number])).collect();
        let head = |size: usize| {
            let tree_size = TreeSize::new(size as u64).expect("a size");
            TreeHead { size: tree_size, root: mth(&leaves[..size]) }
        };
        for (old, new) in (1..=30).flat_map(|new| (1..=new).map(move |old| (old, new))) {
            let proof = subproof(0, old, &leaves[..new], true);
            let consistency = super::super::ConsistencyProof::new(proof);
            let verified = super::super::verify_consistency(head(old), head(new), &consistency);
            assert!(verified.is_ok(), "{old} {new}: {verified:?}");
        }
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let start = LeafIndex::new(1 << 62).expect("an index");
        let end = TreeSize::new((1 << 63) - 1).expect("a size");
        let subtree = Subtree::new(start, end).expect("a subtree");
        let head = TreeHead { size: end, root: Hash::EMPTY };
        for hashes in [0, 1, 2, 63, 64, 100] {
            assert!(subtree.verify(Hash::EMPTY, head, &vec![Hash::EMPTY; hashes]).is_err());
        }
        let small = TreeHead { size: TreeSize::ZERO, root: Hash::EMPTY };
        assert_eq!(
            subtree.verify(Hash::EMPTY, small, &[]),
            Err(SubtreeError::Beyond(subtree, TreeSize::ZERO))
        );
    }
}
