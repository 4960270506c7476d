//! The promise that witnesses of others cosign our checkpoints, and that we believe their
//! cosignatures.
//!
//! Both are unmodified, built from their public modules: Torchwood's litewitness, and omniwitness,
//! which signs with a key of each kind.

mod support;

use candor::tlog::{ConsistencyProof, Note, NoteSignature, Policy, TreeSize};
use candor::witness::AddCheckpoint;
use support::peers::PeerWitness;
use support::{Charts, Deployment, text};

/// What a witness answers when it is sent the newest checkpoint, with a proof from a size.
fn submit(
    witness: &PeerWitness,
    old: TreeSize,
    proof: Vec<candor::tlog::Hash>,
    note: &str,
) -> (u16, String) {
    let note = Note::parse(note.as_bytes()).expect("a note");
    let body = AddCheckpoint { old, proof: ConsistencyProof::new(proof), note }.to_string();
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let url = format!("{}/add-checkpoint", witness.url);
    let mut answer = agent.post(url).send(body).expect("an answer");
    (answer.status().as_u16(), answer.body_mut().read_to_string().expect("text"))
}

fn cosigned_by(start: impl Fn(&str) -> PeerWitness) {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    deployment.publish(&charts);
    let server = deployment.serve();
    let note = text(&server.get("/log/checkpoint").1);
    let witness = start(&deployment.log_key);
    let (status, lines) = submit(&witness, TreeSize::ZERO, Vec::new(), &note);
    assert_eq!(status, 200, "{lines}");
    let signatures = lines.lines().map(|line| NoteSignature::parse(line).expect(line));
    let cosigned = signatures
        .fold(Note::parse(note.as_bytes()).expect("a note"), |note, signature| {
            note.with(signature)
        });
    let mut policy = format!("log {}\n", deployment.log_key);
    for (number, key) in witness.keys.iter().enumerate() {
        policy += &format!("witness w{number} {key}\n");
    }
    let all: Vec<_> = (0..witness.keys.len()).map(|number| format!("w{number}")).collect();
    policy += &format!("group all all {}\nquorum all\n", all.join(" "));
    let policy = Policy::parse(policy.as_bytes()).expect("a policy");
    let believed = policy.check(cosigned.to_string().as_bytes()).expect("believed");
    assert_eq!(believed.cosigned.len(), witness.keys.len());
    assert!(believed.fresh_at.is_some());
    assert!(policy.check(note.as_bytes()).is_err(), "without them it is not");

    // The same again from a size that the witness does not have: it says which one it has.
    let (status, size) = submit(&witness, TreeSize::ZERO, Vec::new(), &note);
    assert_eq!((status, size.as_str()), (409, "1\n"));
}

#[test]
fn litewitness_cosigns_our_checkpoints() {
    cosigned_by(PeerWitness::litewitness);
}

#[test]
fn omniwitness_cosigns_our_checkpoints_with_both_kinds_of_keys() {
    cosigned_by(PeerWitness::omniwitness);
}
