//! Evidence is read and written, and proves what it says and nothing else.

use super::*;
use crate::gomod::hash_go_mod;
use crate::tlog::{
    Cosigner, CosignerKind, Edge, Host, LogKeys, Seed, Signer, Tile, TileReadError, TileReader,
    TreeSize, prefix_root, prove_consistency, prove_inclusion,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

const HOST: &str = "telemetry.example.org";

fn host() -> Host {
    HOST.parse().expect("a host")
}

fn signer(seed: u8, protocol: Protocol) -> Signer {
    Seed::from([seed; 32]).signer(protocol.key_name(&host()))
}

fn log_key(seed: u8) -> VerifierKey {
    LogKeys::new(&host(), &Seed::from([seed; 32])).verifiers().log.clone()
}

fn witness(name: &str) -> Cosigner {
    Cosigner::new(KeyName::new(name).expect("a name"), CosignerKind::Ed25519, &[9; 32])
}

/// A log of entries in memory.
struct Tree {
    entries: Vec<Entry>,
    edge: Edge,
    tiles: BTreeMap<Tile, Vec<u8>>,
}

impl TileReader for Tree {
    fn read_tile(&self, tile: Tile) -> Result<Vec<u8>, TileReadError> {
        self.tiles.get(&tile).cloned().ok_or_else(|| "no such tile".into())
    }
}

impl Tree {
    /// The records of versions, in this order; `salt` makes other records of the same versions.
    fn new(versions: &[u64], salt: &dyn Fn(usize) -> u8) -> Tree {
        let record = |(at, version): (usize, &u64)| {
            let hash = hash_go_mod(&[salt(at)]);
            let version = format!("v0.{version}.0");
            let record = Record::new(format!("{HOST}/config"), version, hash, hash);
            record.expect("a record").entry().expect("short")
        };
        let entries: Vec<Entry> = versions.iter().enumerate().map(record).collect();
        let hashes: Vec<Hash> = entries.iter().map(Entry::leaf_hash).collect();
        let mut edge = Edge::empty();
        let tiles = edge.append(&hashes).expect("room").into_iter().collect();
        Tree { entries, edge, tiles }
    }

    fn to(size: u64) -> Tree {
        Tree::new(&(1..=size).collect::<Vec<_>>(), &|_| 0)
    }

    /// Other records from entry `at` on.
    fn forked(size: u64, at: usize) -> Tree {
        Tree::new(&(1..=size).collect::<Vec<_>>(), &|index| u8::from(index >= at))
    }

    fn head(&self) -> TreeHead {
        self.edge.head()
    }

    fn note(&self, protocol: Protocol) -> Note {
        let checkpoint = Checkpoint::new(protocol.origin(&host()), self.head());
        checkpoint.sign(&signer(1, protocol)).expect("signed")
    }

    fn cosigned(&self, by: &Cosigner, time: u64) -> String {
        let checkpoint = Checkpoint::new(Protocol::TlogTiles.origin(&host()), self.head());
        let note = self.note(Protocol::TlogTiles);
        let cosignature = by.cosign(note.text(), &checkpoint, time).expect("cosigned");
        note.with(cosignature).to_string()
    }

    fn proved(&self, index: u64) -> ProvedEntry {
        let at = LeafIndex::new(index).expect("an index");
        ProvedEntry {
            note: self.note(Protocol::TlogTiles).to_string(),
            entry: self.entries[usize::try_from(index).expect("small")].clone(),
            proof: prove_inclusion(at, self.head().size, self).expect("a proof"),
        }
    }
}

fn twice_cosigned(tree: &Tree, one: &Cosigner, other: &Cosigner) -> String {
    let line = |by: &Cosigner| {
        let checkpoint = Checkpoint::new(Protocol::TlogTiles.origin(&host()), tree.head());
        by.cosign(&checkpoint.to_string(), &checkpoint, 10).expect("cosigned")
    };
    tree.note(Protocol::TlogTiles).with(line(one)).with(line(other)).to_string()
}

fn log_note(tree: &Tree) -> String {
    tree.note(Protocol::TlogTiles).to_string()
}

fn not_contained_by(older: &Tree, newer: &Tree) -> Contradiction {
    let [old, new] = [older, newer].map(|tree| tree.head().size);
    Contradiction::NotContained {
        older: log_note(older),
        newer: log_note(newer),
        prefix_root: prefix_root(old, new, newer).expect("a root"),
        proof: prove_consistency(old, new, newer).expect("a proof"),
    }
}

fn index(at: u64) -> LeafIndex {
    LeafIndex::new(at).expect("an index")
}

/// Writes and reads it, and checks it with the log's key and these witnesses' keys.
fn check(shows: Contradiction, witnesses: &[CosignerKey]) -> Result<Proved, NotEvidence> {
    let evidence = Evidence::new(shows).remark("seen at https://example.org/\r\n> log");
    let text = evidence.to_string();
    assert!(Evidence::is_evidence(text.as_bytes()));
    let read = Evidence::parse(text.as_bytes()).expect("what was written is read");
    assert_eq!(read, evidence);
    let of_sumdb = signer(1, Protocol::Sumdb).verifier_key().clone();
    let result = read.check(EvidenceKeys { logs: &[log_key(1)], witnesses });
    // The key as the go command knows it works as well, and another log's does not.
    let again = read.check(EvidenceKeys { logs: &[log_key(7), of_sumdb], witnesses });
    assert_eq!(again.is_ok(), result.is_ok(), "{again:?}");
    if read.shows.kind() != "witness-went-back" {
        let stranger = read.check(EvidenceKeys { logs: &[log_key(7)], witnesses });
        assert!(stranger.is_err(), "{stranger:?}");
        let nobody = read.check(EvidenceKeys { logs: &[], witnesses });
        assert!(matches!(nobody, Err(NotEvidence::UnknownLog { .. })), "{nobody:?}");
    }
    result
}

fn refusal(shows: Contradiction) -> String {
    check(shows, &[]).expect_err("no contradiction").to_string()
}

#[test]
fn two_trees_of_one_size_are_proved_within_one_protocol_and_across_both() {
    let (tree, fork) = (Tree::to(3), Tree::forked(3, 2));
    for (one, other) in [
        (Protocol::TlogTiles, Protocol::TlogTiles),
        (Protocol::TlogTiles, Protocol::Sumdb),
        (Protocol::Sumdb, Protocol::TlogTiles),
    ] {
        let shows = |one: Note, other: Note| Contradiction::TwoRoots {
            first: one.to_string(),
            second: other.to_string(),
        };
        let proved = check(shows(tree.note(one), fork.note(other)), &[]).expect("proved");
        let said = proved.to_string();
        assert!(said.contains("signed two different trees of size 3"), "{said}");
        assert!(refusal(shows(tree.note(one), tree.note(other))).contains("are the same"));
        let larger = Tree::to(4).note(other);
        assert!(refusal(shows(tree.note(one), larger)).contains("different sizes"));
    }
}

#[test]
fn a_witness_that_cosigned_both_is_named() {
    let (w, other) = (witness("w.example"), witness("other.example"));
    let shows = Contradiction::TwoRoots {
        first: twice_cosigned(&Tree::to(3), &w, &other),
        second: Tree::forked(3, 1).cosigned(&w, 11),
    };
    let keys = [w.verifier_key().clone(), other.verifier_key().clone()];
    let proved = check(shows, &keys).expect("proved");
    assert_eq!(proved.witnesses, [KeyName::new("w.example").expect("a name")]);
    assert!(proved.to_string().ends_with("; cosigned by w.example"), "{proved}");
}

#[test]
fn a_tree_that_does_not_continue_an_older_one_is_proved() {
    for (old, new) in [(1, 2), (3, 4), (3, 7), (4, 8), (5, 300), (256, 257)] {
        let fork = Tree::forked(new, usize::try_from(old).expect("small") - 1);
        let proved = check(not_contained_by(&Tree::to(old), &fork), &[]).expect("proved");
        assert!(proved.sentence.contains("does not begin with"), "{proved}");
        let honest = refusal(not_contained_by(&Tree::to(old), &Tree::to(new)));
        assert!(honest.contains("begins with the older one"), "{honest}");
    }
    // A made-up root has no proof.
    let (old, new) = (Tree::to(3), Tree::to(7));
    let Contradiction::NotContained { older, newer, proof, .. } = not_contained_by(&old, &new)
    else {
        panic!("another kind");
    };
    let prefix_root = Hash::EMPTY;
    let made_up = Contradiction::NotContained { older, newer, prefix_root, proof };
    assert!(refusal(made_up).contains("does not belong to its statements"));
}

#[test]
fn two_entries_at_one_index_are_proved() {
    let (tree, fork) = (Tree::to(5), Tree::forked(9, 2));
    let shows =
        |at: u64, first, second| Contradiction::TwoEntries { index: index(at), first, second };
    let proved = check(shows(3, tree.proved(3), fork.proved(3)), &[]).expect("proved");
    assert!(proved.sentence.ends_with("have different entries at index 3"), "{proved}");
    assert!(refusal(shows(1, tree.proved(1), fork.proved(1))).contains("same entry"));
    let elsewhere = refusal(shows(3, tree.proved(3), fork.proved(4)));
    assert!(elsewhere.contains("does not belong"), "{elsewhere}");
}

#[test]
fn a_record_at_the_wrong_index_is_proved() {
    let twice = Tree::new(&[1, 2, 2, 4], &|_| 0);
    let shows =
        |tree: &Tree, at| Contradiction::WrongRecord { index: index(at), entry: tree.proved(at) };
    let proved = check(shows(&twice, 2), &[]).expect("proved");
    let expected = "whose entry 2 is not the record of v0.3.0, but that of \
                    telemetry.example.org/config v0.2.0";
    assert!(proved.sentence.ends_with(expected), "{proved}");
    assert!(refusal(shows(&twice, 3)).contains("is the record for its index"));
}

#[test]
fn a_witness_that_went_back_is_proved_by_its_own_times() {
    let (w, stranger) = (witness("w.example"), witness("stranger.example"));
    let keys = [w.verifier_key().clone()];
    let shows = |larger: u64, smaller: u64| Contradiction::WitnessWentBack {
        larger: Tree::to(5).cosigned(&w, larger),
        smaller: Tree::to(3).cosigned(&w, smaller),
    };
    let proved = check(shows(100, 101), &keys).expect("proved");
    assert!(proved.sentence.starts_with("the witness w.example said at 101"), "{proved}");
    for smaller in [99, 100] {
        let refused = check(shows(100, smaller), &keys).expect_err("in order").to_string();
        assert!(refused.contains("was not cosigned later"), "{refused}");
    }
    let unknown = check(shows(100, 101), &[stranger.verifier_key().clone()]);
    assert!(matches!(unknown, Err(NotEvidence::UnknownWitness)), "{unknown:?}");
    let larger = Tree::to(3).cosigned(&w, 1);
    let smaller = Tree::to(5).cosigned(&w, 2);
    let in_order = Contradiction::WitnessWentBack { larger, smaller };
    assert!(matches!(check(in_order, &keys), Err(NotEvidence::NoContradiction(_))));
}

#[test]
fn statements_of_different_logs_contradict_nothing() {
    let checkpoint =
        Checkpoint::new(Protocol::TlogTiles.origin(&host()), Tree::forked(3, 0).head());
    let other = checkpoint.sign(&signer(2, Protocol::TlogTiles)).expect("signed").to_string();
    let shows = Contradiction::TwoRoots { first: log_note(&Tree::to(3)), second: other };
    let keys = [log_key(1), log_key(2)];
    let refused = Evidence::new(shows).check(EvidenceKeys { logs: &keys, witnesses: &[] });
    assert!(matches!(refused, Err(NotEvidence::TwoLogs)), "{refused:?}");
}

#[test]
fn only_whole_files_of_evidence_are_read() {
    let whole = Evidence::new(not_contained_by(&Tree::to(3), &Tree::forked(7, 1))).to_string();
    assert!(Evidence::parse(whole.as_bytes()).is_ok());
    for end in 0..whole.len() {
        let cut = &whole.as_bytes()[..end];
        if let Ok(read) = Evidence::parse(cut) {
            // Cut between two hashes it is still a file, but proves nothing.
            let keys = EvidenceKeys { logs: &[log_key(1)], witnesses: &[] };
            assert!(read.check(keys).is_err(), "{end}");
        }
    }
    for (from, to) in [
        ("candor-evidence/v1", "candor-evidence/v2"),
        ("not-contained", "not-known"),
        ("\n\nroot ", "\nroot "),
        ("> 3\n", ">3\n"),
        ("\n>\n", "\n> \n"),
        ("root ", "root: "),
    ] {
        let bad = whole.replacen(from, to, 1);
        assert_ne!(bad, whole, "{from}");
        assert!(Evidence::parse(bad.as_bytes()).is_err(), "{from:?} -> {to:?}");
    }
    assert!(Evidence::parse(format!("{whole}\nmore\n").as_bytes()).is_err());
}

proptest! {
    #[test]
    fn no_changed_character_of_a_statement_goes_unnoticed(at: prop::sample::Index, bit in 0..7) {
        let shows = not_contained_by(&Tree::to(3), &Tree::forked(6, 1));
        let text = Evidence::new(shows).to_string();
        let mut bytes = text.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        let keys = EvidenceKeys { logs: &[log_key(1)], witnesses: &[] };
        let proved = Evidence::parse(&bytes).ok().and_then(|read| read.check(keys).ok());
        prop_assert!(proved.is_none(), "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_bytes_are_refused_or_written_the_same(
        kind in "two-roots|two-entries\nindex [0-9]|wrong-record\nindex 1|not-contained|[a-z-]{0,9}",
        lines in "((\n|> ?[ -~]{0,9}\n|# a\n|entry [A-D]{4}\n|root [A-D=]{44}\n|[A-D]{43}=\n){0,12})",
    ) {
        let text = format!("{EVIDENCE}\n{kind}\n{lines}");
        if let Ok(read) = Evidence::parse(text.as_bytes()) {
            prop_assert_eq!(read.to_string(), text);
        }
    }
}

#[test]
fn a_log_of_any_name_can_be_caught() {
    // A log that is not named after a host is a log like any other.
    let name = KeyName::new("a.example/some/where").expect("a name");
    let key = Seed::from([3; 32]).signer(name.clone());
    let sign = |size: u64, root: &[u8]| {
        let head = TreeHead {
            size: TreeSize::new(size).expect("a size"),
            root: crate::tlog::leaf_hash(root),
        };
        let checkpoint = Checkpoint::new(Origin::from(name.clone()), head);
        checkpoint.sign(&key).expect("signed").to_string()
    };
    let shows = Contradiction::TwoRoots { first: sign(2, b"a"), second: sign(2, b"b") };
    let keys = [key.verifier_key().clone()];
    let proved = Evidence::new(shows).check(EvidenceKeys { logs: &keys, witnesses: &[] });
    assert!(proved.is_ok(), "{proved:?}");
}
