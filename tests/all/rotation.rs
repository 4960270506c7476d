//! The promise that a log's key can be rotated with an overlap: during it, clients with the old key and
//! clients with the new one accept the same log. This holds for our client and for the unmodified go
//! command.

#![cfg(feature = "server")]

use crate::support;
use candor::client::Wanted;
use serde_json::Value;
use std::fs;
use std::process::Command;
use support::fake_witness::Served;
use support::{
    Charts, Client, Deployment, Go, MODULE, Server, candor, json, refused, run, succeed, text,
};

fn signer(verb: &str, deployment: &Deployment) -> Command {
    let mut command = candor();
    command.args(["--json", "signer", verb, "--data"]).arg(deployment.path());
    command
}

fn string(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}

/// The forms in which clients know a log's key.
struct Known {
    log_key: String,
    sumdb_key: String,
}

impl Known {
    fn of(printed: &Value) -> Known {
        Known { log_key: string(printed, "log_key"), sumdb_key: string(printed, "sumdb_key") }
    }

    fn client(&self, deployment: &Deployment, server: &Server) -> Client {
        Client::new(deployment, &server.url).believing(&self.log_key)
    }

    fn go(&self, deployment: &Deployment, server: &Server) -> Go {
        let mut go = Go::new(deployment, &server.url);
        self.point(&mut go, server);
        go
    }

    fn point(&self, go: &mut Go, server: &Server) {
        go.environment = vec![
            ("GOPROXY".to_owned(), format!("{}/goproxy", server.url)),
            ("GOSUMDB".to_owned(), format!("{} {}/sumdb", self.sumdb_key, server.url)),
        ];
    }
}

fn fetched(client: &Client) -> Result<String, String> {
    let config = client.fetch(Wanted::Latest);
    config.map(|config| config.version().to_string()).map_err(|error| error.to_string())
}

#[test]
fn both_keys_are_accepted_during_a_rotation() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    let old =
        Known { log_key: deployment.log_key.clone(), sumdb_key: deployment.sumdb_key.clone() };
    deployment.publish(&charts);

    let new = Known::of(&json(&mut signer("rotate", &deployment)));
    assert_ne!(new.log_key, old.log_key);
    let again = Known::of(&json(&mut signer("rotate", &deployment)));
    assert_eq!(again.log_key, new.log_key, "asked twice, one key is introduced");
    let shown = json(&mut signer("show", &deployment));
    assert_eq!(string(&shown["next"], "log_key"), new.log_key);

    // The head that was already there is signed with both.
    let server = deployment.serve();
    let note = text(&server.get("/log/checkpoint").1);
    assert_eq!(note.lines().filter(|line| line.starts_with("— ")).count(), 2, "{note}");
    let (of_old, of_new) = (old.client(&deployment, &server), new.client(&deployment, &server));
    let both = format!("log {}\nlog {}\nquorum none\n", old.log_key, new.log_key);
    let of_both = Client::new(&deployment, &server.url).believing(&both);
    let (go_old, mut go_changing) = (old.go(&deployment, &server), old.go(&deployment, &server));
    for client in [&of_old, &of_new, &of_both] {
        assert_eq!(fetched(client).as_deref(), Ok("v0.1.0"));
    }
    go_old.must_download(MODULE, "v0.1.0");
    new.go(&deployment, &server).must_download(MODULE, "v0.1.0");
    go_changing.must_download(MODULE, "v0.1.0");
    server.stop();

    // So is one that is published during the overlap.
    charts.add_chart("second");
    deployment.publish(&charts);
    let server = deployment.serve();
    let [of_old, of_new, of_both] = [of_old, of_new, of_both].map(|client| client.at(&server.url));
    for client in [&of_old, &of_new, &of_both] {
        assert_eq!(fetched(client).as_deref(), Ok("v0.2.0"));
    }
    // A user who changes to the new key keeps the remembered head.
    new.point(&mut go_changing, &server);
    go_changing.must_download(MODULE, "v0.2.0");
    server.stop();

    let retired = Known::of(&json(&mut signer("retire", &deployment)));
    assert_eq!(retired.log_key, new.log_key);
    assert!(!deployment.path().join("keys/log.next.seed").exists());
    let settings = fs::read_to_string(deployment.path().join("candor.toml")).expect("settings");
    assert!(!settings.contains(&old.log_key) && !settings.contains("[next]"), "{settings}");
    let message = refused(&mut signer("retire", &deployment), 1);
    assert!(message.contains("`candor signer rotate`"), "{message}");
    charts.add_chart("third");
    deployment.publish(&charts);
    let server = deployment.serve();
    let [of_old, of_new, of_both] = [of_old, of_new, of_both].map(|client| client.at(&server.url));
    for client in [&of_new, &of_both] {
        assert_eq!(fetched(client).as_deref(), Ok("v0.3.0"));
    }
    let message = fetched(&of_old).expect_err("the old key is no more");
    assert!(message.contains("nothing was used"), "{message}");
    new.point(&mut go_changing, &server);
    go_changing.must_download(MODULE, "v0.3.0");
    let (printed, said) = old.go(&deployment, &server).download(MODULE, "v0.3.0");
    let said = format!("{printed}{said}");
    assert!(said.contains("no verifiable signatures"), "{said}");
    let verified = run(candor().args(["verify-store", "--data"]).arg(deployment.path()));
    assert!(verified.status.success(), "{}", text(&verified.stderr));
}

#[test]
fn an_interrupted_rotation_is_completed() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    deployment.publish(&charts);
    let settings = deployment.path().join("candor.toml");
    let (before, seed) =
        (fs::read(&settings).expect("settings"), deployment.path().join("keys/log.seed"));
    let old_seed = fs::read(&seed).expect("a seed");
    let new = Known::of(&json(&mut signer("rotate", &deployment)));

    // The key was saved, and candor.toml did not name it yet.
    fs::write(&settings, before).expect("written");
    assert_eq!(Known::of(&json(&mut signer("rotate", &deployment))).log_key, new.log_key);

    // candor.toml was written, and the key not renamed.
    let next = deployment.path().join("keys/log.next.seed");
    let new_seed = fs::read(&next).expect("a seed");
    succeed(&mut signer("retire", &deployment));
    succeed(Command::new("cp").arg("-p").arg(&seed).arg(&next));
    fs::write(&seed, old_seed).expect("written");
    charts.add_chart("second");
    assert_eq!(deployment.publish(&charts)["version"], "v0.2.0", "it publishes all the same");
    assert_eq!(Known::of(&json(&mut signer("retire", &deployment))).log_key, new.log_key);
    assert!(!next.exists());
    assert_eq!(fs::read(&seed).expect("a seed"), new_seed);
    let message = refused(&mut signer("retire", &deployment), 1);
    assert!(message.contains("there is no next key"), "{message}");
}

#[test]
fn a_rotation_keeps_a_shared_lock_and_the_witnesses() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    let lock = tempfile::TempDir::new().expect("a folder");
    let witness = Served::new("witness.example", candor::tlog::CosignerKind::Ed25519);
    let settings = deployment.path().join("candor.toml");
    let own = fs::read_to_string(&settings).expect("settings");
    let text_of = format!(
        "quorum = \"all\"\n{own}\n[signer]\nlock = \"file://{}\"\n{}",
        lock.path().display(),
        witness.table("one")
    );
    fs::write(&settings, text_of).expect("written");
    succeed(signer("move", &deployment).arg("--not-served"));
    deployment.publish(&charts);
    json(&mut signer("rotate", &deployment));
    let server = deployment.serve();
    let note = text(&server.get("/log/checkpoint").1);
    let names: Vec<&str> = note
        .lines()
        .filter(|line| line.starts_with("— "))
        .filter_map(|l| l.split(' ').nth(1))
        .collect();
    let log = "telemetry.example.org/log";
    assert_eq!(names, [log, log, "witness.example"], "{note}");
    server.stop();
    json(&mut signer("retire", &deployment));
    charts.add_chart("second");
    assert_eq!(deployment.publish(&charts)["version"], "v0.2.0");
    let settings = fs::read_to_string(&settings).expect("settings");
    assert!(settings.contains("[[witness]]") && settings.contains("[signer]"), "{settings}");
}
