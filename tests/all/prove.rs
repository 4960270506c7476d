//! Proofs that need nothing else: `candor prove` makes them, the site serves them, and `candor verify`
//! checks them without a network, as does another implementation.

#![cfg(feature = "server")]

use crate::support;
use candor::client::{ClientError, Wanted};
use candor::tlog::{
    Checkpoint, Cosigner, CosignerKind, Freshness, KeyName, Note, Seed, Signer, TlogProof,
    VerifierKey,
};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::peers::peer;
use support::witnessing::WitnessFolder;
use support::{Charts, Client, Deployment, HOST, MODULE, candor, json, run, succeed, text};
use tempfile::TempDir;

/// The year 9999, in seconds since 1970.
const FUTURE: u64 = 253_370_764_800;

/// A user's folder that has only zips and proofs: the deployment is gone.
struct Kept {
    folder: TempDir,
    key: String,
}

impl Kept {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), contents).expect("written");
        self.path(name)
    }

    fn proof(&self, version: &str) -> TlogProof {
        let bytes = std::fs::read(self.path(&format!("{version}.tlog-proof"))).expect("a proof");
        TlogProof::parse(&bytes).expect("parses")
    }

    /// `candor verify` of a proof for a zip, with the log's key.
    fn verify(&self, proof: &Path, zip: &str) -> Command {
        let mut command = candor();
        command.arg("verify").arg(proof).args(["--vkey", &self.key]);
        command.arg("--zip").arg(self.path(zip));
        command
    }

    /// What `candor verify` prints for these bytes as a proof of v0.2.0, which it must refuse.
    fn refused(&self, proof: impl AsRef<[u8]>) -> String {
        refused(&mut self.verify(&self.write("changed.tlog-proof", proof), "v0.2.0.zip"))
    }
}

fn refused(command: &mut Command) -> String {
    let output = run(command);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}{}", text(&output.stdout));
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
    said
}

/// A deployment with this many versions.
fn deployment(versions: usize) -> (Charts, Deployment) {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    deployment.publish(&charts);
    for number in 1..versions {
        charts.add_chart(&format!("chart{number}"));
        deployment.publish(&charts);
    }
    (charts, deployment)
}

/// What a user keeps from a deployment, whose server is then stopped.
fn kept(deployment: &Deployment, versions: &[&str]) -> Kept {
    let kept = Kept {
        folder: TempDir::new().expect("a temporary folder"),
        key: deployment.log_key.clone(),
    };
    let server = deployment.serve();
    for version in versions {
        let (status, zip) = server.get(&format!("/goproxy/{MODULE}/@v/{version}.zip"));
        assert_eq!(status, 200);
        kept.write(&format!("{version}.zip"), zip);
        let out = kept.path(&format!("{version}.tlog-proof"));
        let mut prove = candor();
        prove.args(["prove", &server.url, version, "--vkey", &kept.key, "--out"]).arg(out);
        succeed(&mut prove);
    }
    kept
}

#[test]
fn a_proof_is_verified_without_the_deployment() {
    let (_, deployment) = deployment(3);
    let kept = kept(&deployment, &["v0.1.0", "v0.2.0", "v0.3.0"]);
    drop(deployment);
    for (index, version) in ["v0.1.0", "v0.2.0", "v0.3.0"].iter().enumerate() {
        let (proof, zip) = (kept.path(&format!("{version}.tlog-proof")), format!("{version}.zip"));
        let said = succeed(&mut kept.verify(&proof, &zip));
        assert!(
            said.starts_with(&format!("verified: {MODULE} {version} is in the log\n")),
            "{said}"
        );
        assert!(said.contains("freshness: cannot be known"), "{said}");
        let verified: Value = json(kept.verify(&proof, &zip).arg("--json"));
        assert_eq!(verified["index"], index);
        assert_eq!(verified["size"], 3);
        assert_eq!(verified["log"], kept.key);
        assert_eq!(verified["fresh_at"], Value::Null);
    }
}

#[test]
fn the_site_serves_the_proof_that_prove_makes() {
    let (_, deployment) = deployment(2);
    let kept = kept(&deployment, &["v0.2.0"]);
    let server = deployment.serve();
    let (status, served) = server.get(&format!("/goproxy/{MODULE}/@v/v0.2.0.tlog-proof"));
    assert_eq!(status, 200);
    assert_eq!(text(&served), kept.proof("v0.2.0").to_string());
    let (_, page) = server.get("/log/");
    let page = text(&page);
    let nobody = "This log has no witnesses: nobody else confirms that everyone sees the same log";
    assert!(page.contains(nobody) && page.contains("href=\"/log/policy\""), "{page}");
    let (_, page) = server.get("/config/v0.2.0");
    let link = format!("href=\"/goproxy/{MODULE}/@v/v0.2.0.tlog-proof\"");
    assert!(text(&page).contains(&link), "{}", text(&page));
    assert_eq!(server.get(&format!("/goproxy/{MODULE}/@v/v0.3.0.tlog-proof")).0, 404);
    // The newest, without saying its number.
    let out = kept.path("latest");
    let prove = |version: &str| {
        let mut prove = candor();
        prove.args(["prove", &server.url, version, "--vkey", &kept.key, "--out"]).arg(&out);
        prove
    };
    let said = succeed(&mut prove("latest"));
    assert_eq!(std::fs::read(&out).expect("written"), served);
    // It prints where the zip is, or saves it as well.
    let zip = format!("{}/goproxy/{MODULE}/@v/v0.2.0.zip", server.url);
    assert!(said.contains(&zip), "{said}");
    let saved = kept.path("saved.zip");
    succeed(prove("latest").arg("--zip").arg(&saved));
    succeed(&mut kept.verify(&out, "saved.zip"));
    // For a version that does not exist, the message speaks of versions.
    let said = refused(&mut prove("v0.9.0"));
    assert!(said.contains("has no v0.9.0: the newest is v0.2.0"), "{said}");
}

#[test]
fn forged_foreign_and_truncated_proofs_prove_nothing() {
    let (charts, deployment) = deployment(3);
    let kept = kept(&deployment, &["v0.1.0", "v0.2.0"]);
    let good = kept.proof("v0.2.0");
    let file = good.to_string();

    // Another version's proof, and a zip that was changed.
    let other = kept.path("v0.1.0.tlog-proof");
    assert!(refused(&mut kept.verify(&other, "v0.2.0.zip")).contains("not in the log"));
    let good_file = kept.path("v0.2.0.tlog-proof");
    assert!(refused(&mut kept.verify(&good_file, "v0.1.0.zip")).contains("not in the log"));
    let mut zip = std::fs::read(kept.path("v0.2.0.zip")).expect("a zip");
    let at = zip.windows(6).position(|bytes| bytes == b"\"GOOS\"").expect("the config");
    zip[at + 1] = b'X';
    kept.write("changed.zip", zip);
    refused(&mut kept.verify(&good_file, "changed.zip"));

    // Cut off at any point, or with one byte changed.
    for length in 0..file.len() {
        if length % 7 == 0 || length + 2 > file.len() {
            kept.refused(&file[..length]);
        }
    }
    for at in (0..file.len()).step_by(11) {
        let mut bytes = file.clone().into_bytes();
        bytes[at] ^= 1;
        kept.refused(bytes);
    }

    // Signed by another key under the log's name; of another log; of another tree of this log.
    let note = Note::parse(good.checkpoint.as_bytes()).expect("a note");
    let checkpoint = Checkpoint::parse(note.text()).expect("a checkpoint");
    let name = |text: &str| KeyName::new(text).expect("a name");
    let forger: Signer = Seed::from([9; 32]).signer(name(&format!("{HOST}/log")));
    let forged = checkpoint.sign(&forger).expect("signed").to_string();
    let said = kept.refused(TlogProof { checkpoint: forged, ..good.clone() }.to_string());
    assert!(said.contains("is not signed by"), "{said}");
    let stranger: Signer = Seed::from([9; 32]).signer(name("elsewhere.example/log"));
    let key: VerifierKey = stranger.verifier_key().clone();
    let mut foreign = candor();
    foreign.arg("verify").arg(&good_file).args(["--vkey", &key.to_string()]);
    let said = refused(foreign.arg("--zip").arg(kept.path("v0.2.0.zip")));
    assert!(said.contains("does not list the log"), "{said}");
    let twin = deployment.twin();
    charts.write("charts-config/charts/verbs.toml", &support::chart("Verbs", "hello/verb:{run}"));
    charts.commit();
    twin.publish(&charts);
    charts.add_chart("other");
    twin.publish(&charts);
    let theirs = self::kept(&twin, &["v0.2.0"]).proof("v0.2.0");
    let spliced = TlogProof { checkpoint: theirs.checkpoint, ..good };
    assert!(kept.refused(spliced.to_string()).contains("not in the log"));
}

#[test]
fn a_policy_decides_which_witnesses_are_enough() {
    let (_, deployment) = deployment(2);
    let kept = kept(&deployment, &["v0.2.0"]);
    let good = kept.proof("v0.2.0");
    let note = Note::parse(good.checkpoint.as_bytes()).expect("a note");
    let checkpoint = Checkpoint::parse(note.text()).expect("a checkpoint");
    let witness = |number: u8, kind| {
        let name = format!("witness{number}.example/w");
        Cosigner::new(KeyName::new(name).expect("a name"), kind, &[number; 32])
    };
    let [first, second] = [witness(1, CosignerKind::Ed25519), witness(2, CosignerKind::MlDsa44)];
    let policy = kept.write(
        "policy",
        format!(
            "log {}\nwitness first {}\nwitness second {}\ngroup both all first second\nquorum both\n",
            kept.key,
            first.verifier_key(),
            second.verifier_key()
        ),
    );
    let cosign = |note: Note, by: &Cosigner, time| {
        let signature = by.cosign(note.text(), &checkpoint, time).expect("cosigned");
        note.with(signature)
    };
    let verify = |checkpoint: String| {
        let proof = TlogProof { checkpoint, ..good.clone() }.to_string();
        let mut command = candor();
        command.arg("verify").arg(kept.write("cosigned.tlog-proof", proof));
        command.arg("--policy").arg(&policy).arg("--zip").arg(kept.path("v0.2.0.zip"));
        command
    };
    let said = refused(&mut verify(note.to_string()));
    assert!(
        said.contains("too few of the policy's witnesses") && said.contains("first, second"),
        "{said}"
    );
    let one = cosign(note.clone(), &first, 1_790_000_000);
    let said = refused(&mut verify(one.to_string()));
    assert!(said.contains("cosigned: first; missing: second"), "{said}");
    let both = cosign(one.clone(), &second, 1_790_000_500).to_string();
    let said = succeed(&mut verify(both.clone()));
    assert!(said.contains("witness:   first, cosigned at 2026-09-21T14:13:20Z"), "{said}");
    assert!(said.contains("witness:   second, cosigned at 2026-09-21T14:21:40Z"), "{said}");
    assert!(
        said.contains("freshness: the newest tree of the log at 2026-09-21T14:13:20Z"),
        "{said}"
    );
    let verified: Value = json(verify(both).arg("--json"));
    assert_eq!(verified["fresh_at"], "2026-09-21T14:13:20Z");
    // A time in the future does not count as fresh, even if the quorum needs it.
    let future = cosign(cosign(note.clone(), &first, FUTURE), &second, FUTURE).to_string();
    let said = refused(&mut verify(future));
    assert!(said.contains("ahead of this machine's clock"), "{said}");
    assert!(said.contains("Either this clock is wrong"), "{said}");
    // A single witness with a time in the future does not decide the quorum's time.
    let one_ahead = cosign(one.clone(), &second, FUTURE).to_string();
    let said = succeed(&mut verify(one_ahead));
    assert!(
        said.contains("freshness: the newest tree of the log at 2026-09-21T14:13:20Z"),
        "{said}"
    );
    // A cosignature of another tree does not count for this one.
    let other = Checkpoint::new(
        checkpoint.origin().clone(),
        candor::tlog::TreeHead { root: candor::tlog::leaf_hash(b"x"), ..checkpoint.head() },
    );
    let elsewhere = second.cosign(note.text(), &other, 1_790_000_500).expect("cosigned");
    let said = refused(&mut verify(one.with(elsewhere).to_string()));
    assert!(said.contains("does not match the note"), "{said}");
}

#[test]
fn input_that_cannot_be_checked_is_wrong_usage() {
    let (_, deployment) = deployment(1);
    let kept = kept(&deployment, &["v0.1.0"]);
    let (proof, zip) = (kept.path("v0.1.0.tlog-proof"), kept.path("v0.1.0.zip"));
    let empty = kept.write("empty-policy", "");
    let usage = |arguments: &[&str]| {
        let output = run(candor().arg("verify").args(arguments));
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
        text(&output.stderr)
    };
    let [proof_file, zip_file, empty] =
        [&proof, &zip, &empty].map(|path| path.to_str().expect("UTF-8"));
    let key = kept.key.as_str();
    let said = usage(&[proof_file, "--zip", zip_file]);
    assert!(said.contains("say whom to trust"), "{said}");
    let said = usage(&[proof_file, "--vkey", key]);
    assert!(said.contains("--zip FILE"), "{said}");
    let said = usage(&["nothing-here", "--vkey", key, "--zip", zip_file]);
    assert!(said.contains("cannot read"), "{said}");
    let said = usage(&[proof_file, "--vkey", "x", "--zip", zip_file]);
    assert!(said.contains("verifier key"), "{said}");
    let said = usage(&[proof_file, "--policy", empty, "--zip", zip_file]);
    assert!(said.contains("quorum"), "{said}");
    let said = usage(&[proof_file, "--policy", empty, "--vkey", key]);
    assert!(said.contains("cannot be used with"), "{said}");
    for verb in [
        vec!["audit", "https://example.org"],
        vec!["prove", "https://example.org", "latest", "--out", "x"],
    ] {
        let said = support::refused(candor().args(verb), 2);
        assert!(said.contains("--vkey KEY") && said.contains("--policy FILE"), "{said}");
    }
    // What is read has limits.
    let entry = ["--entry", "/dev/zero"];
    for arguments in [
        &["/dev/zero", "--vkey", key, "--zip", zip_file][..],
        &[proof_file, "--vkey", key, "--zip", "/dev/zero"],
        &[proof_file, "--policy", "/dev/zero", "--zip", zip_file],
        &[&[proof_file, "--vkey", key][..], &entry].concat(),
    ] {
        let said = usage(arguments);
        assert!(said.contains("it has more than"), "{said}");
    }
    let mut neither = candor();
    neither.arg("verify").arg(&zip).args(["--vkey", &kept.key]).arg("--zip").arg(&zip);
    assert!(refused(&mut neither).contains("is neither a proof nor evidence"));
}

#[test]
fn torchwood_verifies_our_proofs_and_we_verify_theirs() {
    let (_, deployment) = deployment(3);
    let kept = kept(&deployment, &["v0.2.0"]);
    let policy = kept.write("policy", format!("log {}\nquorum none\n", kept.key));
    let record = kept.path("record");
    let server = deployment.serve();
    let made = kept.path("theirs.tlog-proof");
    let mut theirs = peer("proof");
    theirs.arg("make").arg(format!("{}/log", server.url)).arg(&policy).arg("1");
    succeed(theirs.arg(&record).arg(&made));
    let said = succeed(&mut kept.verify(&made, "v0.2.0.zip"));
    assert!(said.contains("entry:     1 of 3"), "{said}");
    // Their entry is, byte for byte, the record of our zip.
    let mut entry = candor();
    entry.arg("verify").arg(&made).arg("--policy").arg(&policy).arg("--entry").arg(&record);
    assert_eq!(succeed(&mut entry), said);
    let check = |proof: &Path| run(peer("proof").arg("check").arg(&policy).arg(&record).arg(proof));
    let ours = check(&kept.path("v0.2.0.tlog-proof"));
    assert!(ours.status.success(), "{}", text(&ours.stderr));
    let changed = kept.proof("v0.2.0").to_string().replace("index 1", "index 2");
    let forged = check(&kept.write("forged.tlog-proof", changed));
    assert!(!forged.status.success());
}

#[test]
fn a_client_leaves_evidence_of_a_fork_which_anyone_can_confirm() {
    let (charts, deployment) = deployment(2);
    let server = deployment.serve();
    let client = Client::new(&deployment, &server.url);
    client.fetch(Wanted::Latest).expect("verified");
    let twin = deployment.twin();
    for number in 0..3 {
        charts.write(
            "charts-config/charts/other.toml",
            &support::chart("Other", &format!("hello/{number}:{{a,b}}")),
        );
        charts.commit();
        twin.publish(&charts);
    }
    let lying = twin.serve();
    let client = client.at(&lying.url);
    let error = client.fetch(Wanted::Latest).expect_err("forked");
    let ClientError::Forked { kept: Some(kept), .. } = &error else { panic!("{error}") };
    assert!(error.to_string().contains(kept), "{error}");
    // If the fork is seen again, the evidence is the same file.
    let again = client.fetch(Wanted::Latest).expect_err("still forked");
    let ClientError::Forked { kept: again, .. } = &again else { panic!("{again}") };
    assert_eq!(again.as_ref(), Some(kept));
    drop((deployment, server, twin, lying));

    let verify = |file: &str, key: &str| {
        let mut command = candor();
        command.args(["verify", file, "--vkey", key]);
        command
    };
    let key = client.trust();
    let said = succeed(&mut verify(kept, key));
    let confirmed =
        format!("confirmed: {HOST}/log signed a tree of size 3 that does not begin with");
    assert!(said.starts_with(&confirmed), "{said}");
    let confirmed: Value = json(verify(kept, key).arg("--json"));
    assert_eq!(confirmed["kind"], "not-contained");
    let other: Signer =
        Seed::from([9; 32]).signer(KeyName::new(format!("{HOST}/log")).expect("a name"));
    refused(&mut verify(kept, &other.verifier_key().to_string()));
    let text = std::fs::read_to_string(kept).expect("text");
    let folder = TempDir::new().expect("a temporary folder");
    let changed = folder.path().join("changed");
    for change in [text.replace("> 3", "> 4"), text[..text.len() / 2].to_owned()] {
        std::fs::write(&changed, change).expect("written");
        refused(&mut verify(changed.to_str().expect("UTF-8"), key));
    }
}

#[test]
fn a_cosigned_log_is_proved_and_accepted_with_its_time() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    let witness = WitnessFolder::new();
    witness.add_log(&deployment.log_key);
    let watching = witness.serve();
    let settings = deployment.path().join("candor.toml");
    let text = std::fs::read_to_string(&settings).expect("settings");
    let mut text = text.replacen("name =", "quorum = \"all\"\nname =", 1);
    for (number, key) in witness.keys.iter().enumerate() {
        text += &format!(
            "\n[[witness]]\nname = \"w{number}\"\nkey = \"{key}\"\nurl = \"{}/\"\n",
            watching.url
        );
    }
    std::fs::write(&settings, text).expect("written");
    deployment.publish(&charts);
    let server = deployment.serve();
    let (status, policy) = server.get("/log/policy");
    assert_eq!(status, 200);
    let policy = String::from_utf8(policy).expect("text");

    // The page of the log says so, and links to the policy.
    let (_, page) = server.get("/log/");
    let page = support::text(&page);
    for word in [
        "<strong>w0</strong> has cosigned it, at <time",
        "<strong>w1</strong> has cosigned it, at <time",
        "These are as many as the policy requires, since <time",
        "href=\"/log/policy\"",
    ] {
        assert!(page.contains(word), "{word} is not in {page}");
    }
    assert!(!page.contains("This log has no witnesses"), "{page}");

    // A program that has the policy built in knows how fresh its config is.
    let client = Client::new(&deployment, &server.url).believing(&policy);
    let config = client.fetch(Wanted::Latest).expect("verified");
    assert!(matches!(config.freshness(), Freshness::At(_)), "{:?}", config.freshness());
    let trusting = Client::new(&deployment, &server.url);
    assert_eq!(trusting.fetch(Wanted::Latest).expect("verified").freshness(), Freshness::Unknown);

    // Proofs carry the cosignatures, whether made here or served.
    let kept = kept(&deployment, &["v0.1.0"]);
    let policy_file = kept.write("policy", &policy);
    let (_, served) = server.get(&format!("/goproxy/{MODULE}/@v/v0.1.0.tlog-proof"));
    for proof in [kept.path("v0.1.0.tlog-proof"), kept.write("served", served)] {
        let mut verify = candor();
        verify.args(["--json", "verify"]).arg(proof).arg("--policy").arg(&policy_file);
        let verified = json(verify.arg("--zip").arg(kept.path("v0.1.0.zip")));
        let witnesses = verified["witnesses"].as_array().expect("a list");
        assert_eq!(witnesses.len(), witness.keys.len());
        assert!(witnesses.iter().all(|one| one["cosigned"] == true), "{verified}");
        assert!(verified["fresh_at"].is_string(), "{verified}");
    }

    // The instructions for clients say where the policy is.
    let output = run(candor().args(["env", "--url", &server.url, "--data"]).arg(deployment.path()));
    let said = support::text(&output.stderr);
    assert!(said.contains(&format!("{}/log/policy", server.url)), "{said}");
    assert!(support::text(&output.stdout).starts_with("GOPROXY="));
}
