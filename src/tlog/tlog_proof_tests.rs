//! Proofs are read, written, and prove what they say.

use super::*;
use crate::tlog::prove_inclusion;
use crate::tlog::testing::{Tiles, leaves};
use crate::tlog::{Checkpoint, Cosigner, CosignerKind, KeyName, Origin, Seed, Signer, TreeSize};
use proptest::prelude::*;

fn name(text: &str) -> KeyName {
    KeyName::new(text).expect("a name")
}

fn log() -> Signer {
    Seed::from([1; 32]).signer(name("example.com/log"))
}

fn policy() -> Policy {
    let witness = Cosigner::new(name("w.example"), CosignerKind::MlDsa44, &[3; 32]);
    let text =
        format!("log {}\nwitness w {}\nquorum w\n", log().verifier_key(), witness.verifier_key());
    Policy::parse(text.as_bytes()).expect("a policy")
}

/// A proof of a leaf in a log of this size.
fn proof(index: u64, size: u64, extra: Option<&[u8]>) -> TlogProof {
    let tiles = Tiles::with(size);
    let head = tiles.head();
    let checkpoint = Checkpoint::new(Origin::new("example.com/log").expect("an origin"), head);
    let note = checkpoint.sign(&log()).expect("signed");
    let witness = Cosigner::new(name("w.example"), CosignerKind::MlDsa44, &[3; 32]);
    let cosignature = witness.cosign(note.text(), &checkpoint, 7).expect("cosigned");
    let index = LeafIndex::new(index).expect("an index");
    let size = TreeSize::new(size).expect("a size");
    TlogProof {
        extra: extra.map(<[u8]>::to_vec),
        index,
        inclusion: prove_inclusion(index, size, &tiles).expect("a proof"),
        checkpoint: note.with(cosignature).to_string(),
    }
}

#[test]
fn a_proof_proves_its_entry_and_no_other() {
    for size in [1, 2, 3, 255, 256, 257, 300] {
        for index in [0, size / 2, size - 1] {
            let proof = proof(index, size, None);
            let read = TlogProof::parse(proof.to_string().as_bytes()).expect("reads");
            assert_eq!(read, proof);
            let leaf = leaves(index..index + 1)[0];
            let believed = read.verify(leaf, &policy()).expect("proved");
            assert_eq!((believed.checkpoint.head().size.get(), believed.fresh_at), (size, Some(7)));
            let other = leaves(index + 1..index + 2)[0];
            let refused = read.verify(other, &policy());
            assert!(matches!(refused, Err(NotProved::Inclusion(_))), "{refused:?}");
            if size > 1 {
                let elsewhere = LeafIndex::new((index + 1) % size).expect("an index");
                let moved = TlogProof { index: elsewhere, ..read.clone() };
                assert!(moved.verify(leaf, &policy()).is_err(), "{index} of {size}");
            }
        }
    }
}

#[test]
fn a_checkpoint_without_its_witness_proves_nothing() {
    let whole = proof(1, 9, None);
    let note = crate::tlog::Note::parse(whole.checkpoint.as_bytes()).expect("a note");
    let lone = Checkpoint::parse(note.text()).expect("one").sign(&log()).expect("signed");
    let lone = TlogProof { checkpoint: lone.to_string(), ..whole };
    let refused = lone.verify(leaves(1..2)[0], &policy());
    let quorum = CheckpointRefused::Quorum { cosigned: "none".into(), missing: "w".into() };
    assert!(matches!(refused, Err(NotProved::Checkpoint(why)) if why == quorum));
}

#[test]
fn malformed_proofs_are_refused() {
    let good = proof(2, 5, Some(b"extra")).to_string();
    assert!(good.starts_with("c2sp.org/tlog-proof@v1\nextra ZXh0cmE=\nindex 2\n"), "{good}");
    for (from, to) in [
        ("c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2"),
        ("c2sp.org/tlog-proof@v1\n", "c2sp.org/tlog-proof@v1\n\n"),
        ("extra ZXh0cmE=", "extra ZXh0cmE"),
        ("extra ZXh0cmE=", "extra !"),
        ("index 2", "index 02"),
        ("index 2", "index +2"),
        ("index 2", "index "),
        ("index 2", "index 9223372036854775808"),
        ("index 2", "index 99999999999999999999"),
        ("index 2", "Index 2"),
        ("index 2\n", ""),
        ("\n\n", "\n"),
        ("\n\n", "=\n\n"),
        ("\n\n", "\nAAAA\n\n"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from:?}");
        assert!(TlogProof::parse(bad.as_bytes()).is_err(), "{from:?} to {to:?}");
    }
    let long =
        good.replacen("\n\n", &format!("{}\n\n", format!("\n{}", Hash::EMPTY).repeat(64)), 1);
    assert!(TlogProof::parse(long.as_bytes()).is_err());
    assert!(TlogProof::parse(&vec![b'a'; TlogProof::MAXIMUM_LENGTH + 1]).is_err());
    assert!(TlogProof::parse(b"\xff").is_err());
}

proptest! {
    // Each case verifies signatures.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_flipped_bit_is_noticed(at: prop::sample::Index, bit in 0..8) {
        let good = proof(3, 7, None).to_string();
        // Base64 is canonical, and the time of a cosignature is covered.
        let mut bytes = good.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        let leaf = leaves(3..4)[0];
        let proved = TlogProof::parse(&bytes).is_ok_and(|proof| proof.verify(leaf, &policy()).is_ok());
        prop_assert!(!proved, "byte {at}");
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = TlogProof::parse(&bytes);
        let _ = Policy::parse(&bytes);
    }
}
