//! Two other implementations to check the log's tree against: a naive one of RFC 6962, and `rs_merkle`.
//!
//! For every tree of up to 300 leaves, the root, every inclusion proof and every consistency proof made
//! from tiles are those of the RFC's recursive definitions, and the proofs verify. `rs_merkle` has roots
//! and inclusion proofs; it agrees with both. It has no consistency proofs.

#![cfg(feature = "server")]

use candor::tlog::{
    Edge, Hash, LeafIndex, Tile, TileReadError, TileReader, TreeHead, TreeSize, leaf_hash,
    node_hash, prove_consistency, prove_inclusion, verify_consistency, verify_inclusion,
};
use rs_merkle::{Hasher, MerkleTree};
use std::collections::HashMap;

const LARGEST: u64 = 300;

/// RFC 6962, 2.1, word for word, except that no hash is computed twice.
struct Naive {
    leaves: Vec<Hash>,
    known: HashMap<(usize, usize), Hash>,
}

impl Naive {
    /// The largest power of two smaller than `n`.
    fn k(n: usize) -> usize {
        let mut k = 1;
        while k * 2 < n {
            k *= 2;
        }
        k
    }

    /// MTH(D[start:end])
    fn mth(&mut self, start: usize, end: usize) -> Hash {
        if let Some(hash) = self.known.get(&(start, end)) {
            return *hash;
        }
        let hash = match end - start {
            0 => Hash::EMPTY,
            1 => self.leaves[start],
            n => {
                let middle = start + Naive::k(n);
                node_hash(&self.mth(start, middle), &self.mth(middle, end))
            }
        };
        self.known.insert((start, end), hash);
        hash
    }

    /// PATH(m, D[start:end]), with m counted from `start`
    fn path(&mut self, m: usize, start: usize, end: usize) -> Vec<Hash> {
        if end - start == 1 {
            return vec![];
        }
        let k = Naive::k(end - start);
        if m < k {
            let mut path = self.path(m, start, start + k);
            path.push(self.mth(start + k, end));
            path
        } else {
            let mut path = self.path(m - k, start + k, end);
            path.push(self.mth(start, start + k));
            path
        }
    }

    /// SUBPROOF(m, D[start:end], whole)
    fn subproof(&mut self, m: usize, start: usize, end: usize, whole: bool) -> Vec<Hash> {
        if m == end - start {
            return if whole { vec![] } else { vec![self.mth(start, end)] };
        }
        let k = Naive::k(end - start);
        if m <= k {
            let mut proof = self.subproof(m, start, start + k, whole);
            proof.push(self.mth(start + k, end));
            proof
        } else {
            let mut proof = self.subproof(m - k, start + k, end, false);
            proof.push(self.mth(start, start + k));
            proof
        }
    }
}

/// Exactly the tiles of a log that was published at every size.
#[derive(Default)]
struct Published(HashMap<Tile, Vec<u8>>);

impl TileReader for Published {
    fn read_tile(&self, tile: Tile) -> Result<Vec<u8>, TileReadError> {
        self.0.get(&tile).cloned().ok_or_else(|| "never published".into())
    }
}

/// Test leaves, the tiles of every tree up to the largest, and each tree's head.
fn grow() -> (Naive, Published, Vec<TreeHead>) {
    let leaves: Vec<Hash> = (0..LARGEST).map(|leaf| leaf_hash(&leaf.to_be_bytes())).collect();
    let (mut edge, mut tiles) = (Edge::empty(), Published::default());
    let mut heads = vec![edge.head()];
    for leaf in &leaves {
        tiles.0.extend(edge.append(&[*leaf]).expect("room in the tree"));
        heads.push(edge.head());
    }
    (Naive { leaves, known: HashMap::new() }, tiles, heads)
}

#[test]
fn every_root_and_inclusion_proof_is_that_of_the_rfc() {
    let (mut naive, tiles, heads) = grow();
    for (size, head) in heads.iter().enumerate() {
        assert_eq!(head.root, naive.mth(0, size), "root of {size}");
        for leaf in 0..size {
            let index = LeafIndex::new(leaf as u64).expect("an index");
            let proof = prove_inclusion(index, head.size, &tiles).expect("a proof");
            assert_eq!(proof.hashes(), naive.path(leaf, 0, size), "{leaf} in {size}");
            verify_inclusion(naive.leaves[leaf], index, *head, &proof).expect("included");
        }
    }
}

#[test]
fn every_consistency_proof_is_that_of_the_rfc() {
    let (mut naive, tiles, heads) = grow();
    for (new, new_head) in heads.iter().enumerate() {
        for (old, old_head) in heads[..=new].iter().enumerate() {
            let proof = prove_consistency(old_head.size, new_head.size, &tiles).expect("a proof");
            // The RFC defines proofs for 0 < m only: from size 0 there is nothing to prove.
            let expected = if old == 0 { vec![] } else { naive.subproof(old, 0, new, true) };
            assert_eq!(proof.hashes(), expected, "{old} to {new}");
            verify_consistency(*old_head, *new_head, &proof).expect("consistent");
        }
    }
}

/// RFC 6962's hashing for `rs_merkle`, whose own hashing has no prefixes.
#[derive(Clone)]
struct Rfc6962;

impl Hasher for Rfc6962 {
    type Hash = [u8; 32];

    fn hash(data: &[u8]) -> [u8; 32] {
        *leaf_hash(data).as_bytes()
    }

    fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
        match right {
            Some(right) => *node_hash(&Hash::from(*left), &Hash::from(*right)).as_bytes(),
            // A node without a sibling moves up unchanged, which has the same result as the RFC's splits.
            None => *left,
        }
    }
}

#[test]
fn rs_merkle_agrees_on_every_root_and_inclusion_proof() {
    let (naive, tiles, heads) = grow();
    let leaves: Vec<[u8; 32]> = naive.leaves.iter().map(|leaf| *leaf.as_bytes()).collect();
    for (size, head) in heads.iter().enumerate().skip(1) {
        let tree = MerkleTree::<Rfc6962>::from_leaves(&leaves[..size]);
        assert_eq!(tree.root().map(Hash::from), Some(head.root), "root of {size}");
        for leaf in 0..size {
            let index = LeafIndex::new(leaf as u64).expect("an index");
            let ours = prove_inclusion(index, head.size, &tiles).expect("a proof");
            let theirs = tree.proof(&[leaf]);
            let hashes: Vec<Hash> = theirs.proof_hashes().iter().copied().map(Hash::from).collect();
            assert_eq!(ours.hashes(), hashes, "{leaf} in {size}");
            assert!(theirs.verify(*head.root.as_bytes(), &[leaf], &leaves[leaf..=leaf], size));
        }
    }
}

#[test]
fn seventy_thousand_leaves_are_proved_from_the_tiles_of_one_batch() {
    const SIZE: u64 = 70_000;
    let leaves: Vec<Hash> = (0..SIZE).map(|leaf| leaf_hash(&leaf.to_be_bytes())).collect();
    let mut edge = Edge::empty();
    let tiles = Published(edge.append(&leaves).expect("room in the tree").into_iter().collect());
    let bytes: Vec<[u8; 32]> = leaves.iter().map(|leaf| *leaf.as_bytes()).collect();
    let root = MerkleTree::<Rfc6962>::from_leaves(&bytes).root().map(Hash::from);
    assert_eq!(Some(edge.root()), root);
    for leaf in [0, 254, 255, 256, 65_535, 65_536, SIZE - 1] {
        let index = LeafIndex::new(leaf).expect("an index");
        let proof = prove_inclusion(index, edge.size(), &tiles).expect("a proof");
        verify_inclusion(leaves[leaf as usize], index, edge.head(), &proof).expect("included");
    }
    for old in [1, 255, 256, 257, 65_535, 65_536, 65_537, SIZE - 1, SIZE] {
        let mut older = Edge::empty();
        older.append(&leaves[..old as usize]).expect("room in the tree");
        let size = TreeSize::new(old).expect("a size");
        let proof = prove_consistency(size, edge.size(), &tiles).expect("a proof");
        verify_consistency(older.head(), edge.head(), &proof).expect("consistent");
    }
}
