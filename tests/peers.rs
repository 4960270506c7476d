//! The promise that witnesses of others cosign our checkpoints, that we believe their
//! cosignatures, and that our witness cosigns the logs of others.
//!
//! All are unmodified, built from their public modules: Torchwood's litewitness; omniwitness, which
//! signs with a key of each kind; and a log that Tessera's POSIX driver writes.

mod support;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use candor::tlog::{ConsistencyProof, KeyName, Note, NoteSignature, Policy, Seed, TreeSize};
use candor::witness::AddCheckpoint;
use sha2::{Digest as _, Sha256};
use support::peers::{PeerWitness, peer};
use support::{Charts, Deployment, Server, candor, json, succeed, text};
use tempfile::TempDir;

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
    let policy = policy_of(&deployment.log_key, &witness.keys);
    let believed = policy.check(cosigned.to_string().as_bytes()).expect("believed");
    assert_eq!(believed.cosigned.len(), witness.keys.len());
    assert!(believed.fresh_at.is_some());
    assert!(policy.check(note.as_bytes()).is_err(), "without them it is not");

    // The same again from a size that the witness does not have: it says which one it has.
    let (status, size) = submit(&witness, TreeSize::ZERO, Vec::new(), &note);
    assert_eq!((status, size.as_str()), (409, "1\n"));
}

/// A policy of this log that wants all of these keys.
fn policy_of(log_key: &str, keys: &[String]) -> Policy {
    let mut policy = format!("log {log_key}\n");
    for (number, key) in keys.iter().enumerate() {
        policy += &format!("witness w{number} {key}\n");
    }
    let all: Vec<_> = (0..keys.len()).map(|number| format!("w{number}")).collect();
    policy += &format!("group all all {}\nquorum all\n", all.join(" "));
    Policy::parse(policy.as_bytes()).expect("a policy")
}

/// Publishes twice through the witnesses: the first time they know nothing of the log, the second time
/// they want a proof that it only grew.
fn published_through(witnesses: &[PeerWitness], deployment: &Deployment) {
    let settings = deployment.path().join("candor.toml");
    let mut text = std::fs::read_to_string(&settings).expect("settings");
    let keys: Vec<String> = witnesses.iter().flat_map(|witness| witness.keys.clone()).collect();
    let urls = witnesses.iter().flat_map(|each| each.keys.iter().map(|_| &each.url));
    text = text.replacen("name =", "quorum = \"all\"\nname =", 1);
    for (number, (key, url)) in keys.iter().zip(urls).enumerate() {
        text += &format!("\n[[witness]]\nname = \"w{number}\"\nkey = \"{key}\"\nurl = \"{url}\"\n");
    }
    std::fs::write(&settings, text).expect("written");
    let charts = Charts::new();
    let policy = policy_of(&deployment.log_key, &keys);
    for size in 1..=3 {
        charts.add_chart(&format!("chart{size}"));
        deployment.publish(&charts);
        let server = deployment.serve();
        let served = server.get("/log/checkpoint").1;
        let believed = policy.check(&served).expect("cosigned by all");
        assert_eq!(believed.checkpoint.head().size.get(), size);
        assert!(believed.fresh_at.is_some());
    }
}

#[test]
fn litewitness_cosigns_our_checkpoints() {
    cosigned_by(PeerWitness::litewitness);
}

#[test]
fn omniwitness_cosigns_our_checkpoints_with_both_kinds_of_keys() {
    cosigned_by(PeerWitness::omniwitness);
}

#[test]
fn we_publish_through_both_of_them() {
    let deployment = Deployment::new();
    let witnesses = [
        PeerWitness::litewitness(&deployment.log_key),
        PeerWitness::omniwitness(&deployment.log_key),
    ];
    published_through(&witnesses, &deployment);
}

/// `candor witness`, which knows this log.
struct OurWitness {
    server: Server,
    keys: Vec<String>,
    _folder: TempDir,
}

impl OurWitness {
    fn new(log_key: &str) -> OurWitness {
        let folder = TempDir::new().expect("a temporary folder");
        let verb = |arguments: &[&str]| {
            let mut command = candor();
            command.args(["--json", "witness"]).args(arguments).arg("--data").arg(folder.path());
            json(&mut command)
        };
        let made = verb(&["init", "--name", "witness.example"]);
        let keys = made["keys"].as_array().expect("keys").iter();
        let keys = keys.map(|key| key["vkey"].as_str().expect("a key").to_owned()).collect();
        verb(&["add-log", log_key]);
        let mut command = candor();
        command.args(["witness", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path());
        OurWitness { server: Server::start(&mut command), keys, _folder: folder }
    }

    fn key(&self, kind: u8) -> &str {
        let of_kind = |key: &&String| {
            let public = STANDARD.decode(key.splitn(3, '+').nth(2).expect("three parts"));
            public.expect("base64").first() == Some(&kind)
        };
        self.keys.iter().find(of_kind).expect("a key of that kind")
    }
}

#[test]
fn our_witness_cosigns_a_log_that_tessera_writes() {
    let folder = TempDir::new().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let name = KeyName::new("tessera.example/log").expect("a name");
    let log_key = Seed::from([7; 32]).signer(name).verifier_key().to_string();
    let id = log_key.split('+').nth(1).expect("an ID");
    let secret = STANDARD.encode([&[1][..], &[7; 32]].concat());
    let secret = format!("PRIVATE+KEY+tessera.example/log+{id}+{secret}");
    std::fs::write(at("secret"), secret).expect("written");
    let witness = OurWitness::new(&log_key);
    // Tessera takes witnesses with keys of the older kind.
    let line = format!("witness ours {} {}/\n", witness.key(0x04), witness.server.url);
    std::fs::write(at("policy"), format!("{line}quorum ours\n")).expect("written");
    let policy = format!("log {log_key}\n{line}quorum ours\n");
    let policy = Policy::parse(policy.as_bytes()).expect("a policy");

    std::fs::create_dir(at("entries")).expect("created");
    // One checkpoint, and one that continues it beyond the first tile.
    for (round, entries) in [(1, 3), (2, 300)] {
        for number in 0..entries {
            let entry = at("entries").join(format!("{round}-{number}"));
            std::fs::write(entry, format!("entry {number} of round {round}")).expect("written");
        }
        let mut tessera = peer("posix-oneshot");
        tessera.arg("--storage_dir").arg(at("log")).arg("--private_key").arg(at("secret"));
        tessera.arg("--entries").arg(at("entries").join(format!("{round}-*")));
        tessera.arg("--witness_policy_file").arg(at("policy"));
        succeed(&mut tessera);
        let checkpoint = std::fs::read(at("log/checkpoint")).expect("a checkpoint");
        let believed = policy.check(&checkpoint).expect("cosigned");
        let size = if round == 1 { 3 } else { 303 };
        assert_eq!(believed.checkpoint.head().size.get(), size);
    }
    // What the witness shows to monitors is cosigned with both of its keys.
    let origin = candor::tlog::Origin::new("tessera.example/log").expect("an origin");
    let hash: String =
        Sha256::digest(origin.as_str()).iter().map(|byte| format!("{byte:02x}")).collect();
    let (status, shown) = witness.server.get(&format!("/{hash}/checkpoint"));
    assert_eq!(status, 200);
    let both = format!(
        "log {log_key}\nwitness a {}\nwitness b {}\ngroup both all a b\nquorum both\n",
        witness.key(0x04),
        witness.key(0x06)
    );
    let both = Policy::parse(both.as_bytes()).expect("a policy");
    assert_eq!(both.check(&shown).expect("cosigned").checkpoint.head().size.get(), 303);
}
