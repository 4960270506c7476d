//! `candor simulate`: the same seed gives the same reports, and a deployment accepts them all.

#![cfg(feature = "server")]

use crate::support;
use serde_json::Value;
use std::process::Command;
use support::{Charts, Deployment, candor, json, refused, run, segments, text};
use tempfile::TempDir;

fn simulate(charts: &Charts, seed: &str) -> Command {
    let mut command = candor();
    command.args(["--json", "simulate", "--reports", "200", "--seed", seed, "--charts"]);
    command.arg(charts.path());
    command
}

#[test]
fn the_same_seed_gives_the_same_reports() {
    let (charts, folder) = (Charts::new(), TempDir::new().expect("a temporary folder"));
    let made = |name: &str, seed: &str| {
        let file = folder.path().join(name);
        let mut command = simulate(&charts, seed);
        let truth = json(command.args(["--week", "2026-11-22", "--out"]).arg(&file));
        (truth, std::fs::read_to_string(file).expect("reports"))
    };
    let (first, again, other) = (made("a", "1"), made("b", "1"), made("c", "2"));
    assert_eq!(first, again);
    assert_ne!(first, other);
    let (truth, reports) = first;
    assert_eq!(truth["reports"], 200);
    let reports: Vec<Value> =
        reports.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(reports.len(), 200);
    // Here everyone is in the sample, so the reports are the truth.
    let with = |counter: &str| {
        let counted = |report: &&Value| report["Programs"][0]["Counters"][counter].is_u64();
        reports.iter().filter(counted).count()
    };
    for counter in ["hello/verb:run", "hello/verb:help"] {
        let true_count = &truth["programs"]["example.org/hello"]["counters"][counter];
        assert_eq!(true_count["installations"], with(counter), "{counter}");
    }
    assert_eq!(with("simulate/unlisted"), 0);
}

#[test]
fn a_deployment_accepts_all_of_them() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    deployment.publish(&charts);
    let server = deployment.serve_and_keep();
    let mut simulate = simulate(&charts, "3");
    let simulated = run(simulate.args(["--url", &server.url, "--connections", "3"]));
    let said = text(&simulated.stderr);
    assert!(simulated.status.success(), "{said}");
    assert!(said.contains("published and charted when") && said.contains("--week"), "{said}");
    let truth: Value = serde_json::from_slice(&simulated.stdout).expect("JSON");
    let mut told = candor();
    told.args(["simulate", "--reports", "1", "--charts"]).arg(charts.path());
    let told = support::succeed(&mut told);
    assert!(told.contains("simulate/unlisted (made up: everybody counts it"), "{told}");
    server.stop();
    let stored = segments::reports(&deployment.path().join("reports"));
    assert_eq!(stored.len(), 200);
    assert!(stored.iter().all(|report| report["Week"] == truth["week"]));
}

#[test]
fn without_a_version_the_newest_of_the_deployment_is_obeyed() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    deployment.publish(&charts);
    charts.add_chart("another");
    assert_eq!(deployment.publish(&charts)["version"], "v0.2.0");
    let server = deployment.serve_and_keep();
    json(simulate(&charts, "3").args(["--url", &server.url]));
    server.stop();
    let stored = segments::reports(&deployment.path().join("reports"));
    assert_eq!(stored.len(), 200);
    assert!(stored.iter().all(|report| report["Config"] == "v0.2.0"));
    let nobody = simulate(&charts, "3").args(["--url", "http://127.0.0.1:1"]).output();
    let said = text(&nobody.expect("started").stderr);
    assert!(said.contains("cannot reach http://127.0.0.1:1/config/index.json"), "{said}");
}

#[test]
fn a_refusal_by_the_deployment_ends_it() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    deployment.publish(&charts);
    let server = deployment.serve();
    let message =
        refused(simulate(&charts, "3").args(["--url", &server.url, "--config", "v0.900.0"]), 1);
    assert!(message.contains("refused a report") && message.contains("v0.900.0"), "{message}");
    let nothing = TempDir::new().expect("a temporary folder");
    let config = nothing.path().join("config.json");
    let json = r#"{"GOOS":[],"GOARCH":[],"GoVersion":[],"SampleRate":0,"Programs":[]}"#;
    std::fs::write(&config, json).expect("write");
    let mut command = candor();
    command.args(["simulate", "--reports", "1", "--charts"]).arg(&config);
    assert!(refused(&mut command, 1).contains("asks for nothing"));
}
