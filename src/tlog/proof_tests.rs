//! Proofs of trees of every small size, made and verified.

use super::*;
use crate::tlog::leaf_hash;
use crate::tlog::testing::{Tiles, leaves};
use proptest::prelude::*;

fn size(leaves: u64) -> TreeSize {
    TreeSize::new(leaves).expect("a size")
}

fn index(leaf: u64) -> LeafIndex {
    LeafIndex::new(leaf).expect("an index")
}

#[test]
fn each_tile_is_read_once() {
    let tiles = Tiles::with(70_000);
    for leaf in [0, 255, 256, 65_535, 65_536, 69_999] {
        let proof = prove_inclusion(index(leaf), size(70_000), &tiles).expect("a proof");
        let hash = leaf_hash(leaf.to_string().as_bytes());
        verify_inclusion(hash, index(leaf), tiles.head(), &proof).expect("in the tree");
        let mut reads = tiles.take_reads();
        assert!(reads.len() <= 5, "{reads:?}");
        reads.sort();
        let count = reads.len();
        reads.dedup();
        assert_eq!(reads.len(), count);
    }
}

#[test]
fn trees_without_anything_to_prove() {
    let (empty, tiles) = (TreeHead::EMPTY, Tiles::with(9));
    let proof = prove_consistency(size(0), size(9), &tiles).expect("an empty proof");
    assert_eq!(proof.hashes(), []);
    verify_consistency(empty, tiles.head(), &proof).expect("everything begins with nothing");
    verify_consistency(tiles.head(), tiles.head(), &proof).expect("the same tree");
    let odd = TreeHead { size: size(0), root: leaf_hash(b"") };
    assert!(verify_consistency(odd, tiles.head(), &proof).is_err());
    let longer = ConsistencyProof::new(vec![Hash::EMPTY]);
    assert!(verify_consistency(empty, tiles.head(), &longer).is_err());
    assert!(verify_consistency(tiles.head(), tiles.head(), &longer).is_err());
    let one = Tiles::with(1);
    let proof = prove_inclusion(index(0), size(1), &one).expect("an empty proof");
    verify_inclusion(leaves(0..1)[0], index(0), one.head(), &proof).expect("the only leaf");
}

#[test]
fn what_is_not_in_the_tree_cannot_be_proved() {
    let tiles = Tiles::with(9);
    for (leaf, leaves) in [(9, 9), (0, 0)] {
        let made = prove_inclusion(index(leaf), size(leaves), &tiles);
        assert!(matches!(made, Err(ProofError::NotInTree { .. })));
        let head = TreeHead { size: size(leaves), ..tiles.head() };
        let proof = InclusionProof::new(vec![]);
        let verified = verify_inclusion(Hash::EMPTY, index(leaf), head, &proof);
        assert!(matches!(verified, Err(ProofError::NotInTree { .. })));
    }
    let shrunk = prove_consistency(size(9), size(8), &tiles);
    assert!(matches!(shrunk, Err(ProofError::Shrunk { .. })));
    let (small, proof) = (Tiles::with(8).head(), ConsistencyProof::new(vec![]));
    let rolled_back = verify_consistency(tiles.head(), small, &proof).expect_err("smaller");
    assert!(rolled_back.to_string().contains("rolled back"), "{rolled_back}");
}

#[test]
fn a_fork_is_named_with_both_heads() {
    let (ours, mut theirs) = (Tiles::with(5), Tiles::with(4));
    theirs.append(100..103);
    let proof = prove_consistency(size(5), size(7), &theirs).expect("a proof of something");
    let error = verify_consistency(ours.head(), theirs.head(), &proof).expect_err("forked");
    for root in [ours.head().root, theirs.head().root] {
        assert!(error.to_string().contains(&root.to_string()), "{error}");
    }
    let other = TreeHead { root: theirs.head().root, ..ours.head() };
    let same_size = verify_consistency(ours.head(), other, &ConsistencyProof::new(vec![]));
    assert!(matches!(same_size, Err(ProofError::Inconsistent { .. })));
}

/// To a verifier that does not count, a root would prove anything.
#[test]
fn a_proof_must_have_its_full_length() {
    let head = Tiles::with(9).head();
    let empty = verify_inclusion(head.root, index(0), head, &InclusionProof::new(vec![]));
    assert!(matches!(empty, Err(ProofError::Length { few_or_many: "few", .. })));
    let old = TreeHead { size: size(4), root: head.root };
    let empty = verify_consistency(old, head, &ConsistencyProof::new(vec![]));
    assert!(matches!(empty, Err(ProofError::Length { few_or_many: "few", .. })));
    let old = TreeHead { size: size(5), root: head.root };
    let one = verify_consistency(old, head, &ConsistencyProof::new(vec![head.root]));
    assert!(matches!(one, Err(ProofError::Length { few_or_many: "few", .. })));
}

fn flip(hash: Hash, bit: usize) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    Hash::from(bytes)
}

/// Every way to change one thing in a list of hashes.
fn tamper(hashes: &[Hash], at: usize, bit: usize) -> Vec<Vec<Hash>> {
    let changed = |change: &dyn Fn(&mut Vec<Hash>)| {
        let mut hashes = hashes.to_vec();
        change(&mut hashes);
        hashes
    };
    let mut all = vec![changed(&|hashes| hashes.push(leaf_hash(b"more")))];
    if !hashes.is_empty() {
        let at = at % hashes.len();
        all.push(changed(&|hashes| hashes[at] = flip(hashes[at], bit)));
        all.push(changed(&|hashes| hashes.truncate(hashes.len() - 1)));
        all.push(changed(&|hashes| hashes.insert(at, hashes[at])));
    }
    if hashes.len() > 1 {
        all.push(changed(&|hashes| hashes.rotate_left(1)));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn anything_changed_is_refused(old in 1..2000_u64, more in 1..2000_u64, at: usize, bit in 0..256_usize) {
        let mut tiles = Tiles::with(old);
        let old_head = tiles.head();
        tiles.append(old..old + more);
        let new_head = tiles.head();
        let leaf = at as u64 % (old + more);
        let hash = leaf_hash(leaf.to_string().as_bytes());
        let included = prove_inclusion(index(leaf), new_head.size, &tiles).expect("a proof");
        let consistent = prove_consistency(old_head.size, new_head.size, &tiles).expect("a proof");
        let prefix = prefix_root(old_head.size, new_head.size, &tiles);
        prop_assert_eq!(prefix.ok(), Some(old_head.root));
        prop_assert!(verify_inclusion(hash, index(leaf), new_head, &included).is_ok());
        prop_assert!(verify_consistency(old_head, new_head, &consistent).is_ok());

        for hashes in tamper(included.hashes(), at, bit) {
            let proof = InclusionProof::new(hashes);
            prop_assert!(verify_inclusion(hash, index(leaf), new_head, &proof).is_err());
        }
        for hashes in tamper(consistent.hashes(), at, bit) {
            let proof = ConsistencyProof::new(hashes);
            prop_assert!(verify_consistency(old_head, new_head, &proof).is_err());
        }
        let wrong = |head: TreeHead| TreeHead { root: flip(head.root, bit), ..head };
        prop_assert!(verify_inclusion(flip(hash, bit), index(leaf), new_head, &included).is_err());
        prop_assert!(verify_inclusion(hash, index(leaf), wrong(new_head), &included).is_err());
        prop_assert!(verify_inclusion(hash, index(leaf + 1), new_head, &included).is_err());
        prop_assert!(verify_consistency(wrong(old_head), new_head, &consistent).is_err());
        prop_assert!(verify_consistency(old_head, wrong(new_head), &consistent).is_err());
        let smaller = TreeHead { size: size(old - 1), ..old_head };
        prop_assert!(verify_consistency(smaller, new_head, &consistent).is_err());
    }

    #[test]
    fn proofs_from_a_changed_tile_are_refused(leaves in 1..1500_u64, at: prop::sample::Index, bit in 0..8) {
        let mut tiles = Tiles::with(leaves);
        let head = tiles.head();
        let (leaf, place) = (at.index(leaves as usize) as u64, at.index(32));
        // The leaf's own hash in its tile: the proof of its neighbour needs it.
        let tile = Tile::for_size(0, leaf / FULL, head.size).expect("its tile");
        tiles.edit(tile, |bytes| bytes[(leaf % FULL) as usize * 32 + place] ^= 1_u8 << bit);
        let neighbour = leaf ^ 1;
        if neighbour < leaves {
            let hash = leaf_hash(neighbour.to_string().as_bytes());
            let proof = prove_inclusion(index(neighbour), head.size, &tiles).expect("a proof");
            prop_assert!(verify_inclusion(hash, index(neighbour), head, &proof).is_err());
        }
    }
}

#[test]
fn the_steps_of_a_proof_end_at_the_root() {
    for leaves in 1..40 {
        let tiles = Tiles::with(leaves);
        for leaf in 0..leaves {
            let proof = prove_inclusion(index(leaf), size(leaves), &tiles).expect("a proof");
            let hash = leaf_hash(leaf.to_string().as_bytes());
            let steps = proof.steps(hash, index(leaf), size(leaves));
            assert_eq!(steps.len(), proof.hashes().len());
            let root = steps.last().map_or(hash, |step| step.computed);
            assert_eq!(root, tiles.head().root, "{leaf} of {leaves}");
        }
    }
}
