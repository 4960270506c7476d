//! A segment of uploads that is lost before it was merged is noticed by merges, by a server that
//! starts, and by its health; and what they advise helps.

#![cfg(feature = "server")]

use crate::support;
use candor::aggregate::PublicData;
use candor::ingest::{Answer, ConfigSet, Limits, Receiver, Stored, SystemClock};
use candor::publish::Deployment;
use candor::store::FileStore;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use support::receiver::{self, report, reports_folder, week};
use support::{Server, candor, refused, run, succeed, text};
use tempfile::TempDir;

/// A deployment with three sealed segments of one report each, and their files.
fn deployment() -> (TempDir, Vec<PathBuf>) {
    let folder = TempDir::new().expect("a temporary folder");
    receiver::deploy(folder.path());
    store(folder.path(), 0..3);
    let mut files: Vec<PathBuf> = std::fs::read_dir(reports_folder(folder.path()))
        .expect("list")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "sealed"))
        .collect();
    files.sort();
    assert_eq!(files.len(), 3);
    (folder, files)
}

/// Stores reports, each in its own sealed segment.
fn store(folder: &Path, numbers: std::ops::Range<u64>) {
    let deployment = Deployment::open(folder).expect("a deployment");
    let (module, keys) = (deployment.module.clone(), deployment.verifiers().clone());
    let configs = ConfigSet::open(module, keys, deployment.store.clone()).expect("configs");
    let limits = Limits { segment: 1, ..Limits::default() };
    let clock = Box::new(SystemClock);
    let receiver = Receiver::open(&deployment.reports(), configs, clock, limits);
    let receiver = receiver.expect("a receiver");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        for number in numbers {
            let permit = receiver.queue_permit().expect("a permit");
            let taken =
                receiver.accept(permit, &week().to_string(), report(number).as_bytes()).await;
            assert_eq!(taken, Answer::Stored(Stored::New));
        }
    });
}

fn merge(folder: &Path) -> Command {
    let mut command = candor();
    command.args(["--json", "merge", "--data"]).arg(folder);
    command
}

/// A merge's output; its status says whether something was not merged.
fn merged(command: &mut Command) -> Value {
    let output = run(command);
    let said: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", text(&output.stderr)));
    let expected = i32::from(!problems(&said).is_empty());
    assert_eq!(output.status.code(), Some(expected), "{said}");
    said
}

fn problems(merged: &Value) -> Vec<String> {
    let problems = merged["problems"].as_array().expect("a list");
    problems.iter().map(|problem| problem.as_str().expect("text").to_owned()).collect()
}

/// How many reports are merged, shown in an edition or not yet.
fn reports_merged(folder: &Path) -> u64 {
    let store = Arc::new(FileStore::new(folder.join("store")));
    let index = PublicData::new(store).index().expect("an index");
    let public = index.days.values().map(|day| day.reports);
    let waiting = index.waiting.iter().flat_map(|waiting| waiting.reports.values());
    public.sum::<u64>() + waiting.sum::<u64>()
}

/// The id of a segment's file.
fn id(file: &Path) -> String {
    file.file_stem().expect("a name").to_str().expect("text").to_owned()
}

/// The one segment that is open.
fn open_segment(folder: &Path) -> PathBuf {
    let entries = std::fs::read_dir(reports_folder(folder)).expect("list");
    let mut paths = entries.map(|entry| entry.expect("an entry").path());
    paths.find(|path| path.extension().is_some_and(|end| end == "open")).expect("an open segment")
}

#[test]
fn a_segment_that_is_lost_before_a_merge_is_noticed_and_restoring_it_helps() {
    let (folder, files) = deployment();
    let (lost, copy) = (&files[1], folder.path().join("copy"));
    std::fs::rename(lost, &copy).expect("renamed");
    for _ in 0..2 {
        let found = problems(&merged(&mut merge(folder.path())));
        let [problem] = &found[..] else { panic!("{found:?}") };
        let name = lost.file_name().expect("a name").to_str().expect("text");
        assert!(problem.contains(name) && problem.contains("is missing"), "{problem}");
        assert!(problem.contains(&format!("--give-up {}", id(lost))), "{problem}");
    }
    assert_eq!(reports_merged(folder.path()), 2);
    // A server that starts says it, and so does its health.
    let server = support::serve(folder.path());
    let health = server.health("/health");
    assert_eq!(health.0, 503);
    let expected = format!("reports: not ok\n  reports/{}.sealed is missing", id(lost));
    assert!(health.1.contains(&expected), "{}", health.1);
    assert!(server.stop().success());
    // The advice: restore it and merge.
    std::fs::rename(&copy, lost).expect("renamed");
    assert_eq!(problems(&merged(&mut merge(folder.path()))), Vec::<String>::new());
    assert_eq!(reports_merged(folder.path()), 3);
}

#[test]
fn a_loss_is_given_up_when_the_operator_says_so_and_not_otherwise() {
    let (folder, files) = deployment();
    let lost = id(&files[1]);
    let said = refused(merge(folder.path()).args(["--give-up", &lost]), 1);
    assert!(said.contains("is not lost"), "{said}");
    std::fs::remove_file(&files[1]).expect("removed");
    assert_eq!(problems(&merged(&mut merge(folder.path()))).len(), 1);
    store(folder.path(), 3..4);
    let given_up = merged(merge(folder.path()).args(["--give-up", &lost]));
    assert_eq!(problems(&given_up), Vec::<String>::new());
    assert_eq!(problems(&merged(&mut merge(folder.path()))), Vec::<String>::new());
    assert_eq!(reports_merged(folder.path()), 3);
}

#[test]
fn a_truncated_sealed_segment_is_noticed_too() {
    let (folder, files) = deployment();
    let bytes = std::fs::read(&files[0]).expect("read");
    for length in [0, 16, bytes.len() - 32, bytes.len() - 1] {
        std::fs::write(&files[0], &bytes[..length]).expect("written");
        let found = problems(&merged(&mut merge(folder.path())));
        let [problem] = &found[..] else { panic!("{found:?}") };
        assert!(problem.contains("is damaged from byte"), "{length}: {problem}");
    }
    std::fs::write(&files[0], &bytes).expect("written");
    assert_eq!(problems(&merged(&mut merge(folder.path()))), Vec::<String>::new());
    assert_eq!(reports_merged(folder.path()), 3);
}

#[test]
fn merged_segments_are_removed_and_not_reported_as_lost() {
    let (folder, files) = deployment();
    succeed(&mut merge(folder.path()));
    assert!(files.iter().all(|file| !file.exists()));
    for _ in 0..2 {
        assert_eq!(problems(&merged(&mut merge(folder.path()))), Vec::<String>::new());
    }
    for list in ["reports/segments", "reports.segments"] {
        assert_eq!(
            std::fs::read_to_string(folder.path().join(list)).expect("a list"),
            "",
            "{list}"
        );
    }
    store(folder.path(), 3..4);
    assert_eq!(problems(&merged(&mut merge(folder.path()))), Vec::<String>::new());
    assert_eq!(reports_merged(folder.path()), 4);
}

/// A server of a deployment without segments, that takes reports and does not merge.
fn receiving(folder: &Path) -> Server {
    let server = Server::start(support::serve_command(folder).arg("--no-charts"));
    while server.health("/health/uploads").0 != 200 {}
    server
}

#[test]
fn no_report_is_acknowledged_into_a_removed_folder_or_file() {
    for whole_folder in [true, false] {
        let folder = TempDir::new().expect("a temporary folder");
        receiver::deploy(folder.path());
        let server = receiving(folder.path());
        assert_eq!(server.upload(&report(0)), 200);
        let open = open_segment(folder.path());
        match whole_folder {
            true => std::fs::remove_dir_all(reports_folder(folder.path())),
            false => std::fs::remove_file(&open),
        }
        .expect("removed");
        // Neither a new report nor a stored one.
        assert_eq!(server.upload(&report(1)), 503);
        assert_eq!(server.health("/health").0, 503);
        // It starts a new segment, and stores new reports there.
        let mut taken = 503;
        while taken == 503 {
            taken = server.upload(&report(2));
        }
        assert_eq!(taken, 200);
        let (status, said) = server.health("/health");
        assert_eq!(status, 503);
        let expected = format!("reports: not ok\n  reports/{}.sealed is missing", id(&open));
        assert!(said.contains(&expected), "{said}");
        assert!(server.stop().success());
        let said = merged(&mut merge(folder.path()));
        assert_eq!(problems(&said).len(), 1, "{said}");
        let given_up = merged(merge(folder.path()).args(["--give-up", &id(&open)]));
        assert_eq!(problems(&given_up), Vec::<String>::new());
        assert_eq!(reports_merged(folder.path()), 1);
    }
}

/// Like someone who restores a backup while the server runs: same name, same bytes, another file.
#[test]
fn replacing_the_open_segment_by_a_copy_is_noticed() {
    let folder = TempDir::new().expect("a temporary folder");
    receiver::deploy(folder.path());
    let server = receiving(folder.path());
    assert_eq!(server.upload(&report(0)), 200);
    let path = open_segment(folder.path());
    let copy = path.with_extension("copy");
    std::fs::copy(&path, &copy).expect("copied");
    std::fs::rename(&copy, &path).expect("in its place");
    // The file that the server writes to is in no folder any more.
    assert_eq!(server.upload(&report(1)), 503);
    let mut taken = 503;
    while taken == 503 {
        taken = server.upload(&report(1));
    }
    assert_eq!(taken, 200);
    assert!(server.stop().success());
    merged(&mut merge(folder.path()));
    assert_eq!(reports_merged(folder.path()), 2);
}

#[test]
fn a_folder_that_is_lost_with_its_list_is_noticed() {
    for merged_before in [false, true] {
        let (folder, _) = deployment();
        if merged_before {
            merged(&mut merge(folder.path()));
            store(folder.path(), 3..4);
        }
        std::fs::remove_dir_all(reports_folder(folder.path())).expect("removed");
        let found = problems(&merged(&mut merge(folder.path())));
        assert!(found.iter().all(|problem| problem.contains("is missing")), "{found:?}");
        assert_eq!(found.len(), if merged_before { 1 } else { 3 }, "{found:?}");
        let server = support::serve(folder.path());
        assert_eq!(server.health("/health").0, 503);
        assert!(server.stop().success());
    }
}

#[test]
fn merge_and_health_report_damage_until_it_is_given_up() {
    let (folder, files) = deployment();
    let mut bytes = std::fs::read(&files[1]).expect("read");
    bytes[100] ^= 1;
    std::fs::write(&files[1], &bytes).expect("written");
    for _ in 0..2 {
        let found = problems(&merged(&mut merge(folder.path())));
        let [problem] = &found[..] else { panic!("{found:?}") };
        assert!(problem.contains("is damaged from byte 16 to"), "{problem}");
        assert!(problem.contains(&format!("--give-up {}", id(&files[1]))), "{problem}");
    }
    let server = support::serve(folder.path());
    let (status, said) = server.health("/health");
    assert_eq!(status, 503);
    let expected = format!("reports: not ok\n  reports/{}.sealed is damaged", id(&files[1]));
    assert!(said.contains(&expected), "{said}");
    let metrics = server.health("/metrics").1;
    assert!(metrics.contains("\ncandor_damaged_segments 1\n"), "{metrics}");
    assert!(server.stop().success());
    let given_up = merged(merge(folder.path()).args(["--give-up", &id(&files[1])]));
    assert_eq!(problems(&given_up), Vec::<String>::new());
    assert_eq!(problems(&merged(&mut merge(folder.path()))), Vec::<String>::new());
    assert_eq!(reports_merged(folder.path()), 2);
}
