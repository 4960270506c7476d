//! `candor audit --log-only` of a log that takes more than one run: an audit that is killed resumes where
//! it stopped.

#![cfg(feature = "server")]

use crate::long_log::LongLog;
use crate::support;
use candor::store::MemoryStore;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};
use support::evil::Served;
use support::http::Meddler;
use support::{candor, json, run};
use tempfile::TempDir;

fn audit(url: &str, key: &str, state: &Path) -> Command {
    let mut command = candor();
    command.args(["--json", "audit", &format!("{url}/log"), "--log-only", "--vkey", key]);
    command.arg("--state").arg(state);
    command
}

fn sentence(said: &Value, id: &str) -> String {
    let verdicts = said["verdicts"].as_array().expect("verdicts").iter();
    let verdict = verdicts.into_iter().find(|verdict| verdict["id"] == id).expect("a verdict");
    assert_eq!(verdict["state"], "ok", "{said:#}");
    verdict["sentence"].as_str().expect("a sentence").to_owned()
}

#[test]
fn an_audit_that_was_killed_resumes_where_it_stopped() {
    let log = LongLog::new(MemoryStore::new(), 66_000);
    let served = Served::new(log.store.clone(), log.keys());
    let key = log.keys().log.to_string();
    let folder = TempDir::new().expect("a temporary folder");
    let state = folder.path().join("state.json");
    // Until this is dropped, requests for entries after the first 65,536 are never answered.
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let meddler = Meddler::new(&served.url, move |path, body| {
        if path.starts_with("/log/tile/entries/257") {
            let _ = held.lock().map(|held| held.recv());
        }
        body
    });
    let mut command = audit(&meddler.url, &key, &state);
    let mut child = command.stdout(Stdio::null()).spawn().expect("started");
    let read = loop {
        assert!(child.try_wait().expect("its state").is_none(), "it waits for an answer");
        let bytes = std::fs::read(&state).unwrap_or_default();
        let state: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if let Some(read) = state["reading"]["size"].as_u64() {
            break read;
        }
        std::thread::yield_now();
    };
    child.kill().expect("killed");
    child.wait().expect("its end");
    drop(hold);
    assert_eq!(read, 65_536);
    let said = json(&mut audit(&served.url, &key, &state));
    let root = sentence(&said, "root");
    assert!(root.contains("the 66001 entries hash to the root"), "{root}");
    assert!(root.contains("going on from entry 65536"), "{root}");
    sentence(&said, "tiles");

    log.publish();
    let grown = loop {
        let said = json(&mut audit(&served.url, &key, &state));
        if said["entries"] == 66_002 {
            break said;
        }
    };
    assert!(sentence(&grown, "root").contains("1 of them new"), "{grown:#}");
    sentence(&grown, "consistency");

    // What was right is read again once a day, and else only the newest of it. A day may begin meanwhile.
    let mut said = String::new();
    let read_little = (0..3).any(|_| {
        said = sentence(&json(&mut audit(&served.url, &key, &state)), "root");
        said.contains("65792 entries were found right in earlier runs and not read now")
    });
    assert!(read_little, "{said}");

    let other = folder.path().join("other.json");
    let refused = run(&mut audit(&served.url, &support::Deployment::new().log_key, &other));
    assert_eq!(refused.status.code(), Some(1));
    let other_log = run(&mut audit(&served.url, &support::Deployment::new().log_key, &state));
    let said = support::text(&other_log.stderr);
    assert!(said.contains("is the state of the log"), "{said}");
}
