//! A deployment below a path of its host: what programs do there works as at a root. Its pages are looked at in
//! `browser.rs`.

#![cfg(feature = "server")]

use crate::support;
use candor::client::Wanted;
use std::fs;
use support::{Client, Deployment, Go, MODULE, Server, candor, receiver, run, succeed, text};
use tempfile::TempDir;

#[test]
fn go_auditors_senders_and_verifiers_need_no_more_than_the_address() {
    let folder = TempDir::new().expect("a temporary folder");
    receiver::deploy(folder.path());
    let (module, none) = (MODULE.to_owned(), String::new);
    let deployment = Deployment { folder, module, log_key: none(), sumdb_key: none() };
    let mut command = support::serve_command(deployment.path());
    let server = Server::start(command.args(["--base-path", "/a/telemetry/"]));
    assert!(server.url.ends_with("/a/telemetry"), "{}", server.url);
    while server.health("/health/uploads").0 != 200 {}

    let go = Go::new(&deployment, &server.url);
    assert_eq!(go.must_download(MODULE, "latest")["Version"], "v0.2.0");
    let client = Client::new(&deployment, &server.url);
    let (policy, proof) = (deployment.path().join("policy"), deployment.path().join("proof"));
    let served = text(&server.get("/log/policy").1);
    fs::write(&policy, &served).expect("written");
    client.believing(&served).fetch(Wanted::Latest).expect("verified");
    // Without the repository it cannot rebuild a config.
    let audited = run(candor().args(["audit", &server.url, "--policy"]).arg(&policy));
    let found = text(&audited.stdout);
    assert!(found.contains("nothing is wrong, but not everything could be checked"), "{found}");
    succeed(candor().args(["diff", "v0.1.0", "latest", "--url", &server.url]));
    let mut prove = candor();
    prove.args(["prove", &server.url, "v0.1.0", "--policy"]).arg(&policy).arg("--out").arg(&proof);
    succeed(&mut prove);
    // With slashes to spare, as after an address that ends in one.
    assert_eq!(server.upload(&receiver::report(1)), 200);
    assert_eq!(server.get("//upload/2026-11-22").0, 405);
    let host = server.url.trim_end_matches("/a/telemetry");
    assert_eq!(support::get(&format!("{host}/log/checkpoint")).0, 404);
    assert_eq!(support::get(&format!("{host}/a/telemetry/log/checkpoint")).0, 200);
}
