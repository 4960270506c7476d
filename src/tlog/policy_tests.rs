//! Which policies are valid, and which checkpoints they accept.

use super::*;
use crate::tlog::{Cosigner, CosignerKind, Hash, KeyName, Seed, Signer, TreeHead, TreeSize};

fn name(text: &str) -> KeyName {
    KeyName::new(text).expect("a name")
}

fn log() -> Signer {
    Seed::from([1; 32]).signer(name("example.com/log"))
}

/// The witness of a number: the even ones sign by Ed25519, the odd ones by ML-DSA.
fn witness(number: u8) -> Cosigner {
    let kind = if number.is_multiple_of(2) { CosignerKind::Ed25519 } else { CosignerKind::MlDsa44 };
    Cosigner::new(name(&format!("witness.example/{number}")), kind, &[100 + number; 32])
}

fn checkpoint() -> Checkpoint {
    let size = TreeSize::new(3).expect("a size");
    Checkpoint::new(
        Origin::new("example.com/log").expect("an origin"),
        TreeHead { size, root: crate::tlog::leaf_hash(b"root") },
    )
}

/// The checkpoint, cosigned by each of these at its time.
fn cosigned(by: &[(u8, u64)]) -> Note {
    let checkpoint = checkpoint();
    let note = checkpoint.sign(&log()).expect("signed");
    by.iter().fold(note, |note, (number, time)| {
        let text = note.text().to_owned();
        note.with(witness(*number).cosign(&text, &checkpoint, *time).expect("cosigned"))
    })
}

/// A policy with the log, four witnesses called `w0` to `w3`, and these lines.
fn policy(lines: &str) -> Result<Policy, PolicyError> {
    let mut text = format!("log {} https://example.com/log/\n", log().verifier_key());
    for number in 0..4 {
        text += &format!("witness w{number} {}\n", witness(number).verifier_key());
    }
    Policy::parse((text + lines).as_bytes())
}

#[test]
fn the_fewest_witnesses_are_those_of_the_smallest_quorum() {
    for (lines, fewest) in [
        ("quorum none\n", 0),
        ("quorum w2\n", 1),
        ("group g any w0 w1\nquorum g\n", 1),
        ("group g all w0 w1 w2\nquorum g\n", 3),
        ("group a all w0 w1\ngroup g any a w2\nquorum g\n", 1),
        ("group a all w0 w1\ngroup b any w2\ngroup g 2 a b w3\nquorum g\n", 2),
    ] {
        let policy = policy(lines).expect("a policy");
        assert_eq!(policy.fewest_witnesses(), fewest, "{lines}");
        // As few are enough, and fewer never are.
        let sets = (0_u32..16).map(|set| (0..4).filter(move |at| set >> at & 1 == 1));
        let enough = sets.filter(|set| policy.is_quorum(&set.clone().collect()));
        assert_eq!(enough.map(Iterator::count).min(), Some(fewest), "{lines}");
    }
}

#[test]
fn groups_of_groups_reach_their_quorum() {
    let policy = policy(
        "group first 2 w0 w1\n  # a comment\n\t\ngroup second any\tw2   w3\n\
         group both all first second\nquorum both\n",
    )
    .expect("a policy");
    assert_eq!(policy.fewest_witnesses(), 3);
    for (by, enough) in [
        (vec![0, 1, 2], true),
        (vec![0, 1, 3], true),
        (vec![0, 1, 2, 3], true),
        (vec![0, 1], false),
        (vec![0, 2, 3], false),
        (vec![], false),
    ] {
        let by: Vec<(u8, u64)> = by.into_iter().map(|number| (number, 1000)).collect();
        let believed = policy.check(cosigned(&by).to_string().as_bytes());
        assert_eq!(believed.is_ok(), enough, "{by:?}: {believed:?}");
        if let Err(error) = believed {
            let said = error.to_string();
            assert!(said.starts_with("too few of the policy's witnesses cosigned"), "{said}");
        }
    }
}

#[test]
fn an_accepted_checkpoint_says_who_cosigned_and_when() {
    let policy = policy("group g 2 w0 w1 w2\nquorum g\n").expect("a policy");
    let note = cosigned(&[(0, 1000), (1, 3000), (2, 2000), (3, 9000), (2, 2500)]);
    let believed = policy.check(note.to_string().as_bytes()).expect("believed");
    assert_eq!(believed.checkpoint, checkpoint());
    assert_eq!(&believed.log, log().verifier_key());
    let times = |index: usize| believed.cosigned[&index].seconds();
    assert_eq!([0, 1, 2, 3].map(times), [Some(1000), Some(3000), Some(2500), Some(9000)]);
    // Two of the three had cosigned by then; w3, which did so later, does not count.
    assert_eq!(believed.fresh_at, Some(2500));
}

#[test]
fn without_witnesses_nothing_is_known_of_freshness() {
    let policy = policy("quorum none\n").expect("a policy");
    assert!(policy.needs_no_witness());
    let believed = policy.check(cosigned(&[(0, 1000)]).to_string().as_bytes()).expect("believed");
    assert_eq!((believed.fresh_at, believed.cosigned.len()), (None, 1));
}

#[test]
fn a_bad_cosignature_of_a_known_witness_refuses_the_note() {
    let policy = policy("quorum none\n").expect("a policy");
    for number in [0, 1] {
        let other = Checkpoint::new(
            checkpoint().origin().clone(),
            TreeHead { size: TreeSize::new(3).expect("a size"), root: Hash::EMPTY },
        );
        let text = other.to_string();
        let elsewhere = witness(number).cosign(&text, &other, 1000).expect("cosigned");
        let note = cosigned(&[]).with(elsewhere);
        let refused = policy.check(note.to_string().as_bytes());
        assert!(
            matches!(refused, Err(CheckpointRefused::Note(NoteError::Forged { .. }))),
            "{refused:?}"
        );
    }
    // One by a witness that the policy does not list is ignored.
    let stranger = Cosigner::new(name("witness.example/0"), CosignerKind::Ed25519, &[7; 32]);
    let note = cosigned(&[]);
    let text = note.text().to_owned();
    let note = note.with(stranger.cosign(&text, &checkpoint(), 1).expect("cosigned"));
    assert_eq!(policy.check(note.to_string().as_bytes()).expect("believed").cosigned.len(), 0);
}

#[test]
fn only_logs_of_the_policy_are_accepted() {
    let policy = policy("quorum none\n").expect("a policy");
    let stranger = Seed::from([2; 32]).signer(name("example.com/log"));
    let note = checkpoint().sign(&stranger).expect("signed");
    let refused = policy.check(note.to_string().as_bytes());
    assert!(
        matches!(refused, Err(CheckpointRefused::Note(NoteError::NotSigned { .. }))),
        "{refused:?}"
    );
    // A log's key under the origin of another log.
    let elsewhere =
        Checkpoint::new(Origin::new("example.com/b").expect("one"), checkpoint().head());
    let note = elsewhere.sign(&log()).expect("signed");
    let refused = policy.check(note.to_string().as_bytes());
    assert!(matches!(refused, Err(CheckpointRefused::UnknownLog(..))), "{refused:?}");
}

#[test]
fn mistakes_are_named_with_their_line() {
    let fault = |lines: &str| policy(lines).expect_err("refused");
    let twice = format!("witness again {}\nquorum none\n", witness(1).verifier_key());
    let renamed = Cosigner::new(name("other.example/x"), CosignerKind::Ed25519, &[100; 32]);
    let renamed = format!("witness again {}\nquorum none\n", renamed.verifier_key());
    let log_key = format!("witness again {}\nquorum none\n", log().verifier_key());
    let witness_key = format!("log {}\nquorum none\n", witness(0).verifier_key());
    let second_log = format!("log {}\nquorum none\n", log().verifier_key());
    for (lines, line, said) in [
        ("", 5, "there is no quorum"),
        ("quorum\n", 6, "write it like `quorum NAME|none`"),
        ("quorum w9\n", 6, "no earlier line defines \"w9\""),
        ("quorum none\nquorum none\n", 7, "there is already a quorum on line 6"),
        ("quorum none extra\n", 6, "write it like"),
        ("group g 2 w0 w1 w0\n", 6, "\"w0\" is already a member of a group"),
        ("group g all w0\ngroup h all w0 w1\n", 7, "\"w0\" is already a member of a group"),
        ("group g all later\n", 6, "no earlier line defines \"later\""),
        ("group g all g\n", 6, "no earlier line defines \"g\""),
        ("group none all w0\n", 6, "the name \"none\" is taken"),
        ("group w1 all w0\n", 6, "the name \"w1\" is taken"),
        ("group g all none\n", 6, "no earlier line defines \"none\""),
        ("group g all\n", 6, "write it like `group"),
        ("group g 0 w0\n", 6, "a number from 1 to 1"),
        ("group g 3 w0 w1\n", 6, "a number from 1 to 2"),
        ("group g 01 w0 w1\n", 6, "a number from 1 to 2"),
        ("group g +1 w0 w1\n", 6, "a number from 1 to 2"),
        ("Quorum none\n", 6, "no line begins with \"Quorum\""),
        ("quorum none\r\n", 6, "the control character 0x0d"),
        ("quorum\x0bnone\n", 6, "the control character 0x0b"),
        ("quorum none\x7f\n", 6, "the control character 0x7f"),
        ("witness x y\n", 6, "is not a verifier key"),
        (&twice, 6, "its public key is already on line 3"),
        (&renamed, 6, "its public key is already on line 2"),
        (&second_log, 6, "its public key is already on line 1"),
        (&log_key, 6, "type 0x01"),
        (&witness_key, 6, "type 0x04"),
    ] {
        let error = fault(lines);
        assert_eq!(error.line, line, "{lines:?}: {error}");
        assert!(error.to_string().contains(said), "{lines:?}: {error}");
    }
}

#[test]
fn names_are_octets() {
    // A letter K, and the Kelvin sign, which some normalisations equate with it; bytes that are not
    // UTF-8.
    let mut bytes = format!("log {}\n", log().verifier_key()).into_bytes();
    for (number, name) in [(0, &b"K"[..]), (1, b"\xe2\x84\xaa"), (2, b"\xff\xfe"), (3, b"#x")] {
        bytes.extend_from_slice(b"witness ");
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(format!(" {}\n", witness(number).verifier_key()).as_bytes());
    }
    bytes.extend_from_slice(b"# \xff\ngroup g all K \xe2\x84\xaa \xff\xfe #x\nquorum g");
    let policy = Policy::parse(&bytes).expect("a policy");
    assert_eq!(policy.witnesses()[2].name.as_bytes(), b"\xff\xfe");
    assert!(policy.is_quorum(&(0..4).collect()));
    assert!(!policy.is_quorum(&(0..3).collect()));
}

#[test]
fn a_policy_may_have_32_of_everything_and_more() {
    let mut text = String::new();
    for number in 0..40_u8 {
        let log = Seed::from([number; 32]).signer(name(&format!("log.example/{number}")));
        text += &format!("log {}\n", log.verifier_key());
        text += &format!("witness w{number} {}\n", witness(number).verifier_key());
    }
    for number in 0..40 {
        text += &format!("group g{number} all w{number}\n");
    }
    let groups: String = (0..40).map(|number| format!(" g{number}")).collect();
    text += &format!("group all-of-them 33{groups}\nquorum all-of-them\n");
    let policy = Policy::parse(text.as_bytes()).expect("a policy");
    assert_eq!((policy.logs().len(), policy.witnesses().len()), (40, 40));
    assert!(policy.is_quorum(&(0..33).collect()));
    assert!(!policy.is_quorum(&(0..32).collect()));
}

#[test]
fn keys_are_written_as_they_were_read() {
    for number in 0..2 {
        let cosigner = witness(number);
        let key = cosigner.verifier_key();
        assert_eq!(&key.to_string().parse::<CosignerKey>().expect("a key"), key);
        let other = Cosigner::new(name("other.example/x"), kind(number), &[100 + number; 32]);
        assert!(key.is_same_key(other.verifier_key()));
        assert_ne!(key, other.verifier_key());
        assert!(!format!("{cosigner:?}").contains("100"), "no secret is shown");
    }
}

fn kind(number: u8) -> CosignerKind {
    if number == 0 { CosignerKind::Ed25519 } else { CosignerKind::MlDsa44 }
}

#[test]
fn times_that_no_cosignature_can_have_are_refused() {
    let (text, head) = (checkpoint().to_string(), checkpoint());
    for number in 0..2 {
        for time in [0, 1 << 63, u64::MAX] {
            let refused = witness(number).cosign(&text, &head, time);
            assert_eq!(refused, Err(super::super::CosignError::Time(time)));
        }
        let latest = i64::MAX as u64;
        let note = checkpoint().sign(&log()).expect("signed");
        let note = note.with(witness(number).cosign(&text, &head, latest).expect("cosigned"));
        let time = witness(number).verifier_key().verify(&note, &head).expect("good");
        assert_eq!(time.and_then(CosignatureTime::seconds), Some(latest));
    }
}

#[test]
fn extensions_are_covered_by_ed25519_alone() {
    let text = format!("{}extension\n", checkpoint());
    let extended = Checkpoint::parse(&text).expect("a checkpoint");
    let note = Note::sign(text.clone(), &[&log()]).expect("signed");
    for (number, covered) in [(0, true), (1, false)] {
        // Made for the text without the extension.
        let plain = witness(number).cosign(&checkpoint().to_string(), &checkpoint(), 5);
        let note = note.clone().with(plain.expect("cosigned"));
        let verified = witness(number).verifier_key().verify(&note, &extended);
        assert_eq!(verified.is_err(), covered, "{verified:?}");
    }
}

#[test]
fn a_policy_is_written_as_it_is_read() {
    for lines in [
        "quorum none\n",
        "quorum w2\n",
        "group first 2 w0 w1\n  # a comment\n\t\ngroup second any\tw2   w3\n\
         group both all first second\nquorum both\n",
    ] {
        let policy = policy(lines).expect("a policy");
        let written = policy.to_string();
        assert_eq!(Policy::parse(written.as_bytes()), Ok(policy), "{written}");
    }
}

#[test]
fn a_key_alone_is_a_policy_without_witnesses() {
    let key = log().verifier_key().clone();
    let policy = Policy::from(key.clone());
    let written = format!("log {key}\nquorum none\n");
    assert_eq!(policy.to_string(), written);
    assert_eq!(Policy::parse(written.as_bytes()), Ok(policy.clone()));
    let note = cosigned(&[]).to_string();
    let believed = policy.check(note.as_bytes()).expect("believed");
    assert_eq!((believed.log, believed.fresh_at), (key, None));
}
