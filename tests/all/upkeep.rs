//! A server keeps its site up to date by itself, and everything can also be run by hand.

#![cfg(feature = "server")]

use crate::support;
use serde_json::Value;
use std::time::Duration;
use support::{Charts, Deployment, Server, candor, json, segments, text};

/// A deployment with one published config and one report of a past week.
fn deployment() -> Deployment {
    let deployment = Deployment::new();
    deployment.publish(&Charts::new());
    let report = r#"{"Week":"2026-02-08","LastWeek":"","X":0.25,"Programs":[{"Program":"example.org/hello","Version":"v1.0.0","GoVersion":"rust1.95.0","GOOS":"linux","GOARCH":"amd64","Counters":{"hello/verb:run":3},"Stacks":{}}],"Config":"v0.1.0"}"#;
    segments::write(&deployment.path().join("reports"), 1, &[report.to_owned()]);
    deployment
}

/// Asks until there is an answer, unless the server's health says that there never will be.
fn eventually(server: &Server, mut ask: impl FnMut() -> Option<Value>) -> Value {
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        let (_, health) = server.health("/health");
        assert!(!health.contains("upkeep: not ok"), "{health}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_server_merges_and_charts_by_itself() {
    let deployment = deployment();
    let server = deployment.serve();
    let index = eventually(&server, || {
        let (_, index) = server.get("/data/index.json");
        let index: Value = serde_json::from_slice(&index).ok()?;
        index["weeks"]["2026-02-08"]["charts"].is_object().then_some(index)
    });
    assert_eq!(index["days"]["2026-02-08"]["reports"], 1);
    let charts = eventually(&server, || {
        let (status, charts) = server.get("/charts/example.org/hello/@2026-02-08/hello-verb.json");
        (status == 200).then(|| serde_json::from_slice(&charts).expect("JSON"))
    });
    assert!(charts.to_string().contains("hello/verb:run"), "{charts}");
    assert!(server.stop().success());
}

#[test]
fn by_hand_it_is_the_same() {
    let deployment = deployment();
    let merged = json(candor().args(["--json", "merge", "--data"]).arg(deployment.path()));
    assert_eq!(merged["weeks"][0]["reports"], 1, "{merged}");
    let charted = json(candor().args(["--json", "chart", "--data"]).arg(deployment.path()));
    assert_eq!(charted["weeks"][0]["week"], "2026-02-08", "{charted}");
    // Neither finds anything left to do.
    let merged = json(candor().args(["--json", "merge", "--data"]).arg(deployment.path()));
    assert_eq!(merged["days"], serde_json::json!([]));
    let charted = json(candor().args(["--json", "chart", "--data"]).arg(deployment.path()));
    assert_eq!(charted["weeks"], serde_json::json!([]));
    let server = deployment.serve();
    let (status, page) = server.get("/charts/example.org/hello/");
    assert_eq!(status, 200);
    assert!(text(&page).contains("Verbs"), "{}", text(&page));
}
