//! The promise that both ends read a config alike: whatever a client lets through, the receiver
//! takes, as it is.

#![cfg(feature = "server")]

use crate::support;
use candor::client::day::Day;
use candor::client::report::{Build, LocalReport, ProgramReport, X, filter};
use candor::collection::{Allowed, CollectionConfig};
use candor::gomod::ModuleVersion;
use candor::ingest::{LoggedConfig, check};
use jiff::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::SystemTime;
use support::counter_file::CounterFile;
use support::{Charts, Deployment, candor, json, succeed};
use tempfile::TempDir;

const CONFIG: &str = r#"{"GOOS":["linux","windows"],"GOARCH":["amd64"],"GoVersion":["go1.26.8"],
    "SampleRate":0.75,"Programs":[{"Name":"example.org/p","Versions":["v1.0.0","v1.1.0"],
    "Counters":[{"Name":"verb:{run,help}","Rate":0.75},{"Name":"rare","Rate":0.25}],
    "Stacks":[{"Name":"crash","Rate":0.5,"Depth":3}]}]}"#;

/// One of these, of which the first ones are allowed.
fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::sample::select(texts).prop_map(str::to_owned)
}

fn stacks() -> impl Strategy<Value = String> {
    let frame = one_of(&[
        "main.main:+12,+0x34",
        "runtime.goexit:=283",
        "tool::run:=3",
        "golang.org/x/tools/gopls.(*S).F:+1",
        "type:.eq.struct { A interface {}; B string }:+0,+0x17",
        ":=0,+0x0",
        ".memeqbody:+3,+0x1",
        "truncated",
        "trunc",
        "/home/alice/x.go:=1",
        "C:\\x",
        "a b",
        "",
        "\u{202e}:+1",
    ]);
    let name = one_of(&["crash", "crash", "other"]);
    let end = one_of(&["", "", "\ntruncated", "\nmain.ma\ntruncated\n"]);
    (name, proptest::collection::vec(frame, 1..5), end)
        .prop_map(|(name, frames, end)| format!("{name}\n{}{end}", frames.join("\n")))
}

fn program() -> impl Strategy<Value = ProgramReport> {
    let build = (
        one_of(&["example.org/p", "example.org/p", "example.org/q"]),
        one_of(&["v1.0.0", "v1.1.0", "devel"]),
        one_of(&["go1.26.8", "go1.26.8", "devel"]),
        one_of(&["linux", "windows", "plan9"]),
        one_of(&["amd64", "amd64", "arm64"]),
    );
    let build = build.prop_map(|(program, version, toolchain, goos, goarch)| Build {
        program,
        version,
        toolchain,
        goos,
        goarch,
    });
    let name = one_of(&["verb:run", "verb:help", "rare", "verb:other", "verb:{run,help}", "crash"]);
    let counters = proptest::collection::btree_map(name, -1..=i64::MAX, 0..6);
    let stacks = proptest::collection::btree_map(stacks(), 0..=i64::MAX, 0..6);
    (build, counters, stacks)
        .prop_map(|(build, counters, stacks)| ProgramReport::of(build, counters, stacks))
}

proptest! {
    #[test]
    fn whatever_a_client_lets_through_is_accepted(
        programs in proptest::collection::vec(program(), 0..5),
        bits: u64,
        last_week in proptest::option::of(Just("2026-02-01")),
    ) {
        let config = CollectionConfig::from_json(CONFIG.as_bytes()).expect("a config");
        let version = ModuleVersion::new(7).expect("a version");
        // Weeks hold each build once.
        let programs: BTreeMap<Build, ProgramReport> =
            programs.into_iter().map(|program| (program.build(), program)).collect();
        let local = LocalReport {
            week: "2026-02-08".parse().expect("a day"),
            last_week: None,
            programs: programs.into_values().collect(),
            draw: None,
        };
        let last_week = last_week.map(|day| day.parse().expect("a day"));
        let (x, allowed) = (X::from_bits(bits), Allowed::new(&config));
        let filtered = filter(&local, x, &allowed, &version.to_string(), last_week);
        if let Some(report) = filtered.report {
            let json = report.to_json();
            let decoded = candor::ingest::Report::decode(json.as_bytes()).expect("understood");
            let now: Timestamp = "2026-02-10T12:00:00Z".parse().expect("a time");
            let date = "2026-02-08".parse().expect("a day");
            let checked = check(&decoded, date, &LoggedConfig::new(version, &config), now);
            prop_assert!(checked.is_ok(), "{}: {}", checked.expect_err("refused"), json);
            let stored = String::from_utf8(checked.expect("taken").bytes().to_vec()).expect("text");
            let value = |json: &str| serde_json::from_str::<serde_json::Value>(json).expect("JSON");
            prop_assert_eq!(value(&stored), value(&json), "nothing is left out or changed");
        }
    }
}

#[test]
fn a_report_goes_from_a_counter_file_to_the_store_of_a_deployment() {
    let (deployment, charts) = (Deployment::new(), Charts::new());
    deployment.publish(&charts);
    let server = deployment.serve_and_keep();
    let machine = TempDir::new().expect("a temporary folder");
    let today = Day::of(SystemTime::now());
    let day_after = |day: Day, days| day.plus(days).to_string();
    let file = |begin: &str, end: &str| {
        CounterFile::hello(begin, end, &[("hello/verb:run", 3), ("hello/secret", 1)])
            .write(machine.path())
    };
    let start = today.minus(12);
    succeed(candor().args(["telemetry", "on", "--dir"]).arg(machine.path()));
    std::fs::write(machine.path().join("mode"), format!("on {start}")).expect("write");
    file(&day_after(start, 1), &day_after(start, 4));
    file(&day_after(start, 4), &day_after(start, 11));
    let mut upload = candor();
    upload.args(["--json", "telemetry", "upload", "--dir"]).arg(machine.path());
    upload.args(["--url", &server.url, "--module", support::MODULE, "--vkey"]);
    upload.arg(&deployment.log_key).env_remove("DO_NOT_TRACK");
    let told = json(&mut upload);
    assert_eq!(told["sent"], serde_json::json!([day_after(start, 4), day_after(start, 11)]));
    server.stop();
    let stored = support::segments::reports(&deployment.path().join("reports"));
    assert_eq!(stored.len(), 2);
    for report in &stored {
        let counters = &report["Programs"][0]["Counters"];
        assert_eq!(*counters, serde_json::json!({"hello/verb:run": 3}), "{report}");
    }
}
