//! The promise that our witness cosigns other people's logs: here one that Tessera's unmodified POSIX
//! driver writes and submits. (`feeding` tests that other people's witnesses cosign ours.)

#![cfg(feature = "server")]

use crate::support;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use candor::tlog::{KeyName, Policy, Seed};
use sha2::{Digest as _, Sha256};
use support::peers::peer;
use support::succeed;
use support::witnessing::WitnessFolder;
use tempfile::TempDir;

/// The witness's key of this type.
fn key(witness: &WitnessFolder, kind: u8) -> String {
    let texts = witness.keys.iter().map(ToString::to_string);
    let mut of_kind = texts.filter(|key| {
        let public = STANDARD.decode(key.splitn(3, '+').nth(2).expect("three parts"));
        public.expect("base64").first() == Some(&kind)
    });
    of_kind.next().expect("a key of that type")
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
    let witness = WitnessFolder::new();
    witness.add_log(&log_key);
    let server = witness.serve();
    // Tessera supports only witnesses with keys of the older kind.
    let line = format!("witness ours {} {}/\n", key(&witness, 0x04), server.url);
    std::fs::write(at("policy"), format!("{line}quorum ours\n")).expect("written");
    let policy = format!("log {log_key}\n{line}quorum ours\n");
    let policy = Policy::parse(policy.as_bytes()).expect("a policy");

    std::fs::create_dir(at("entries")).expect("created");
    // One checkpoint, then one that extends it beyond the first tile.
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
    let (status, shown) = server.get(&format!("/{hash}/checkpoint"));
    assert_eq!(status, 200);
    let both = format!(
        "log {log_key}\nwitness a {}\nwitness b {}\ngroup both all a b\nquorum both\n",
        key(&witness, 0x04),
        key(&witness, 0x06)
    );
    let both = Policy::parse(both.as_bytes()).expect("a policy");
    assert_eq!(both.check(&shown).expect("cosigned").checkpoint.head().size.get(), 303);
}
