//! Proofs made from tiles alone, and their verifiers.
//!
//! An *inclusion proof* shows that a leaf is in the tree a head names; a *consistency proof*, that
//! a larger tree begins with all the leaves of a smaller one. Their hashes and order are those of
//! RFC 6962, 2.1.1 and 2.1.2 (<https://www.rfc-editor.org/rfc/rfc6962#section-2.1>); verification
//! follows RFC 9162, 2.1.3.2 and 2.1.4.2 (<https://www.rfc-editor.org/rfc/rfc9162#section-2.1>).
//!
//! Making a proof trusts nothing: wrong tiles give a wrong proof, which the verifier refuses. So a client
//! makes its own proofs from the tiles of a server that it does not trust, and verifies them against a
//! signed head; no tile has to be checked by itself.

use super::edge::read_hashes;
use super::hash::node_hash;
use super::tile::FULL;
use super::tile_nodes::TileNodes;
use super::{Hash, LeafIndex, Tile, TileError, TileReader, TreeHead, TreeSize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The hashes that lead from a leaf to a root, the lowest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof(Vec<Hash>);

/// The hashes that lead to an older and a newer root, the lowest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof(Vec<Hash>);

/// Why a proof could not be made, or proves nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// A tile could not be used.
    #[error(transparent)]
    Tile(#[from] TileError),
    /// The tree is too small to have the leaf.
    #[error("leaf {index} is not in a tree of {size} leaves")]
    NotInTree {
        /// The leaf asked for.
        index: LeafIndex,
        /// The size of the tree.
        size: TreeSize,
    },
    /// The tree that should be newer is smaller.
    #[error("a tree of {new} leaves cannot contain one of {old}: the log was rolled back")]
    Shrunk {
        /// The size of the tree that was seen first.
        old: TreeSize,
        /// The size of the tree that should contain it.
        new: TreeSize,
    },
    /// The proof has too few or too many hashes.
    #[error("the proof has {length} hashes, which is too {few_or_many} for these trees")]
    Length {
        /// How many it has.
        length: usize,
        /// `few` or `many`.
        few_or_many: &'static str,
    },
    /// An inclusion proof leads to another root.
    #[error(
        "leaf {index} is not what the tree of size {} holds: with it the root would be \
         {computed}, but the root is {}",
        .head.size, .head.root
    )]
    NotIncluded {
        /// The leaf.
        index: LeafIndex,
        /// The tree.
        head: TreeHead,
        /// Where the proof leads.
        computed: Hash,
    },
    /// The two trees differ in leaves that both have.
    #[error(
        "the log was forked: the tree of size {} and root {} does not begin with the tree of \
         size {} and root {}",
        .new.size, .new.root, .old.size, .old.root
    )]
    Inconsistent {
        /// The tree that was seen first.
        old: TreeHead,
        /// The tree that should contain it.
        new: TreeHead,
    },
}

impl InclusionProof {
    /// A proof received from elsewhere. What it proves, [`verify_inclusion`] says.
    pub fn new(hashes: Vec<Hash>) -> InclusionProof {
        InclusionProof(hashes)
    }

    /// The hashes, the lowest first.
    pub fn hashes(&self) -> &[Hash] {
        &self.0
    }
}

/// One step of verifying an inclusion proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProofStep {
    /// A hash of the proof.
    pub sibling: Hash,
    /// On which side of what was computed so far it goes.
    pub side: Side,
    /// The hash of both.
    pub computed: Hash,
}

impl InclusionProof {
    /// The path from a leaf to the root, step by step, for display; only [`verify_inclusion`] says
    /// whether it leads to the root.
    pub fn steps(&self, leaf: Hash, index: LeafIndex, size: TreeSize) -> Vec<ProofStep> {
        let last = size.last_index().map_or(0, LeafIndex::get);
        let mut climb = Climb { node: index.get(), last };
        let mut computed = leaf;
        let step = |sibling: &Hash| {
            let side = climb.step()?;
            computed = match side {
                Side::Left => node_hash(sibling, &computed),
                Side::Right => node_hash(&computed, sibling),
            };
            Some(ProofStep { sibling: *sibling, side, computed })
        };
        self.0.iter().map_while(step).collect()
    }
}

impl ConsistencyProof {
    /// A proof received from elsewhere. What it proves, [`verify_consistency`] says.
    pub fn new(hashes: Vec<Hash>) -> ConsistencyProof {
        ConsistencyProof(hashes)
    }

    /// The hashes, the lowest first.
    pub fn hashes(&self) -> &[Hash] {
        &self.0
    }
}

/// Makes the proof that leaf `index` is in the tree of `size` leaves (RFC 6962, 2.1.1).
///
/// Reads each tile it needs once: those above the leaf and those of the right edge.
pub fn prove_inclusion(
    index: LeafIndex,
    size: TreeSize,
    reader: &(impl TileReader + ?Sized),
) -> Result<InclusionProof, ProofError> {
    inclusion(index, size, &Hashed(reader))
}

/// Makes the proof that a leaf is in a tree, of nodes from anywhere.
pub(super) fn inclusion<N: NodeReader, E>(
    index: LeafIndex,
    size: TreeSize,
    reader: &N,
) -> Result<InclusionProof, E>
where
    E: From<ProofError> + From<N::Error>,
{
    if !index.is_in(size) {
        return Err(ProofError::NotInTree { index, size }.into());
    }
    let mut nodes = Nodes::new(size, reader);
    let mut proof = Vec::new();
    let (mut start, mut end) = (0, size.get());
    while end - start > 1 {
        let middle = start + split(end - start);
        if index.get() < middle {
            proof.push(nodes.root_of(middle, end)?);
            end = middle;
        } else {
            proof.push(nodes.root_of(start, middle)?);
            start = middle;
        }
    }
    proof.reverse();
    Ok(InclusionProof(proof))
}

/// Makes the proof that the tree of size `new` begins with the tree of size `old` (RFC 6962, 2.1.2). It
/// is empty if that needs no proof: `old` is zero or equal to `new`.
///
/// Reads each tile it needs once, as the tree of size `new` has it.
pub fn prove_consistency(
    old: TreeSize,
    new: TreeSize,
    reader: &(impl TileReader + ?Sized),
) -> Result<ConsistencyProof, ProofError> {
    if old > new {
        return Err(ProofError::Shrunk { old, new });
    }
    let reader = Hashed(reader);
    let mut nodes = Nodes::new(new, &reader);
    let mut proof = Vec::new();
    let (mut start, mut end) = (0, new.get());
    if old > TreeSize::ZERO {
        while old.get() < end {
            let middle = start + split(end - start);
            if old.get() <= middle {
                proof.push(nodes.root_of(middle, end)?);
                end = middle;
            } else {
                proof.push(nodes.root_of(start, middle)?);
                start = middle;
            }
        }
        // The largest subtree that both trees have. If it is the whole old tree, the verifier already has
        // its root.
        if start > 0 {
            proof.push(nodes.root_of(start, end)?);
        }
    }
    proof.reverse();
    Ok(ConsistencyProof(proof))
}

/// The root that the first `old` leaves of the tree of `new` leaves have, by its tiles.
///
/// This is how a fork is shown: if a proof from this root is valid and the log once signed another root
/// for that size, no fault of a disk or network explains it.
pub fn prefix_root(
    old: TreeSize,
    new: TreeSize,
    reader: &(impl TileReader + ?Sized),
) -> Result<Hash, ProofError> {
    if old > new {
        return Err(ProofError::Shrunk { old, new });
    }
    Ok(Nodes::new(new, &Hashed(reader)).root_of(0, old.get())?)
}

/// Verifies that the leaf of this hash is at `index` in the tree that `head` names (RFC 9162,
/// 2.1.3.2).
pub fn verify_inclusion(
    leaf: Hash,
    index: LeafIndex,
    head: TreeHead,
    proof: &InclusionProof,
) -> Result<(), ProofError> {
    let Some(last) = head.size.last_index().filter(|_| index.is_in(head.size)) else {
        return Err(ProofError::NotInTree { index, size: head.size });
    };
    let mut climb = Climb { node: index.get(), last: last.get() };
    let mut computed = leaf;
    for sibling in &proof.0 {
        computed = match climb.step().ok_or_else(|| wrong_length(&proof.0, "many"))? {
            Side::Left => node_hash(sibling, &computed),
            Side::Right => node_hash(&computed, sibling),
        };
    }
    if !climb.is_at_root() {
        return Err(wrong_length(&proof.0, "few"));
    }
    if computed == head.root {
        Ok(())
    } else {
        Err(ProofError::NotIncluded { index, head, computed })
    }
}

/// Verifies that the tree `new` begins with the tree `old` (RFC 9162, 2.1.4.2).
///
/// Two heads of one size are consistent only if they are equal; every tree begins with the empty
/// one. Both take an empty proof.
pub fn verify_consistency(
    old: TreeHead,
    new: TreeHead,
    proof: &ConsistencyProof,
) -> Result<(), ProofError> {
    if old.size > new.size {
        return Err(ProofError::Shrunk { old: old.size, new: new.size });
    }
    let inconsistent = || ProofError::Inconsistent { old, new };
    let Some(last_of_old) = old.size.last_index().filter(|_| old.size < new.size) else {
        let expected = if old.size == new.size { new.root } else { Hash::EMPTY };
        return match proof.0.as_slice() {
            _ if old.root != expected => Err(inconsistent()),
            [] => Ok(()),
            _ => Err(wrong_length(&proof.0, "many")),
        };
    };
    // A tree of 2^n leaves is one node of the larger tree, which the proof leaves out.
    let whole = old.size.get().is_power_of_two().then_some(&old.root);
    let mut hashes = whole.into_iter().chain(&proof.0);
    let first = hashes.next().ok_or_else(|| wrong_length(&proof.0, "few"))?;
    let mut climb = Climb { node: last_of_old.get(), last: new.size.get() - 1 };
    climb.skip(climb.node.trailing_ones());
    let (mut computed_old, mut computed_new) = (*first, *first);
    for sibling in hashes {
        match climb.step().ok_or_else(|| wrong_length(&proof.0, "many"))? {
            Side::Left => {
                computed_old = node_hash(sibling, &computed_old);
                computed_new = node_hash(sibling, &computed_new);
            }
            Side::Right => computed_new = node_hash(&computed_new, sibling),
        }
    }
    if !climb.is_at_root() {
        return Err(wrong_length(&proof.0, "few"));
    }
    if (computed_old, computed_new) == (old.root, new.root) { Ok(()) } else { Err(inconsistent()) }
}

fn wrong_length(hashes: &[Hash], few_or_many: &'static str) -> ProofError {
    ProofError::Length { length: hashes.len(), few_or_many }
}

/// The largest power of two below `leaves`, which must be over one: where RFC 6962 splits a tree.
fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// A verifier's way up the tree: the RFC's `fn` and `sn`.
struct Climb {
    /// The index of the node in its level.
    node: u64,
    /// The index of the level's last node.
    last: u64,
}

/// On which side of a node its sibling is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// It is hashed before the node.
    Left,
    /// It is hashed after the node.
    Right,
}

impl Climb {
    /// Goes up to the next node that has a sibling, and says on which side that is; `None` at the
    /// root.
    fn step(&mut self) -> Option<Side> {
        if self.is_at_root() {
            return None;
        }
        if self.node % 2 == 1 {
            self.skip(1);
            return Some(Side::Left);
        }
        if self.node < self.last {
            self.skip(1);
            return Some(Side::Right);
        }
        // The last node of a level with no sibling is its own parent, until it is a right child.
        self.skip(self.node.trailing_zeros() + 1);
        Some(Side::Left)
    }

    fn skip(&mut self, levels: u32) {
        self.node >>= levels;
        self.last >>= levels;
    }

    fn is_at_root(&self) -> bool {
        self.last == 0
    }
}

/// Where proofs take the nodes of tiles from.
pub(super) trait NodeReader {
    /// Why there are none.
    type Error;

    /// The nodes of a tile, as wide as it is named or wider.
    fn nodes(&self, tile: Tile) -> Result<Arc<TileNodes>, Self::Error>;
}

/// Hashes each tile when it is asked for.
struct Hashed<'r, R: ?Sized>(&'r R);

impl<R: TileReader + ?Sized> NodeReader for Hashed<'_, R> {
    type Error = TileError;

    fn nodes(&self, tile: Tile) -> Result<Arc<TileNodes>, TileError> {
        read_hashes(self.0, tile).map(|hashes| Arc::new(TileNodes::new(hashes)))
    }
}

/// The nodes of a tree, from tiles that are each asked for once.
struct Nodes<'r, N> {
    size: TreeSize,
    reader: &'r N,
    tiles: BTreeMap<(u8, u64), Arc<TileNodes>>,
}

impl<'r, N: NodeReader> Nodes<'r, N> {
    fn new(size: TreeSize, reader: &'r N) -> Nodes<'r, N> {
        Nodes { size, reader, tiles: BTreeMap::new() }
    }

    /// The Merkle tree hash of the leaves from `start` up to `end`, a subtree that the RFC's
    /// splitting leads to, or the first leaves. It is made of perfect trees, the largest first.
    fn root_of(&mut self, start: u64, end: u64) -> Result<Hash, N::Error> {
        let mut right: Option<Hash> = None;
        let mut end = end;
        while end > start {
            let height = (end - start).trailing_zeros();
            let begin = end - (1 << height);
            let left = self.perfect_root_at(height, begin)?;
            right = Some(right.map_or(left, |right| node_hash(&left, &right)));
            end = begin;
        }
        Ok(right.unwrap_or(Hash::EMPTY))
    }

    /// The root of the perfect tree of `2^height` leaves that begins at leaf `begin`.
    fn perfect_root_at(&mut self, height: u32, begin: u64) -> Result<Hash, N::Error> {
        let level = (height / 8) as u8;
        let first = begin >> (8 * u32::from(level));
        let (index, offset) = (first / FULL, (first % FULL) as usize);
        let tile = Tile::for_size(level, index, self.size)
            .expect("the callers keep to leaves of the tree, and its levels end with its size");
        let nodes = match self.tiles.entry((level, index)) {
            std::collections::btree_map::Entry::Occupied(read) => read.into_mut(),
            std::collections::btree_map::Entry::Vacant(unread) => {
                unread.insert(self.reader.nodes(tile)?)
            }
        };
        // A perfect tree that ends within the tree ends within the tile, too.
        Ok(nodes.root(height % 8, offset >> (height % 8)))
    }
}

#[cfg(test)]
#[path = "proof_tests.rs"]
mod tests;
