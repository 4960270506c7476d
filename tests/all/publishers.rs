//! The promise that there is one history: two publishers at once never fork it, and if the store was
//! rolled back or edited, publishing refuses it before anything is signed.

#![cfg(feature = "server")]

use crate::support;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use support::{Charts, Deployment, candor, contents, copy_folder, refused, run, text};
use tempfile::TempDir;

#[test]
fn two_publishers_at_once_make_one_history() {
    let deployment = Deployment::new();
    let charts = [Charts::new(), Charts::new()];
    // The version and zip hash that each publication printed.
    let mut published = BTreeMap::new();
    for round in 0..50 {
        let children: Vec<_> = (0..2)
            .map(|who| {
                charts[who].add_chart(&format!("chart-{who}-{round}"));
                deployment
                    .publish_command(&charts[who])
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .expect("start candor publish")
            })
            .collect();
        for child in children {
            let output = child.wait_with_output().expect("wait");
            assert!(output.status.success(), "{}", text(&output.stderr));
            let done: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            assert_eq!(done["outcome"], "published", "{done}");
            let version = done["version"].as_str().expect("a version").to_owned();
            let previous = published.insert(version, done["sum"].clone());
            assert!(previous.is_none(), "used twice: {done}");
        }
    }
    assert_eq!(published.len(), 100);
    let server = deployment.serve();
    for number in 1..=100 {
        let version = format!("v0.{number}.0");
        let sum = published[&version].as_str().expect("a hash");
        let path = format!("/sumdb/lookup/{}@{version}", deployment.module);
        let (status, record) = server.get(&path);
        let wanted = format!("{}\n{} {version} {sum}\n", number - 1, deployment.module);
        assert!(status == 200 && text(&record).starts_with(&wanted), "{}", text(&record));
    }
    let unchanged = deployment.publish(&charts[0]);
    assert!(unchanged["tree_size"].as_u64() >= Some(100), "{unchanged}");
}

#[test]
fn an_unchanged_config_says_so_and_changes_nothing() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    deployment.publish(&charts);
    let before = contents(deployment.path());
    charts.write("README.md", "Another commit, the same config.");
    charts.commit();
    let outcome = deployment.publish(&charts);
    assert_eq!((&outcome["outcome"], &outcome["version"]), (&"unchanged".into(), &"v0.1.0".into()));
    assert_eq!(contents(deployment.path()), before);
}

#[test]
fn a_store_that_was_rolled_back_is_refused() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    deployment.publish(&charts);
    let store = deployment.path().join("store");
    let backup = TempDir::new().expect("a temporary folder");
    copy_folder(&store, backup.path());
    charts.add_chart("second");
    deployment.publish(&charts);

    std::fs::remove_dir_all(&store).expect("remove");
    copy_folder(backup.path(), &store);
    let before = contents(deployment.path());
    charts.add_chart("third");
    let message = refused(&mut deployment.publish_command(&charts), 1);
    assert!(
        message.contains("store's log has 1 entry")
            && message.contains("signed a log of 2")
            && message.contains("rolled back"),
        "{message}"
    );
    assert_eq!(contents(deployment.path()), before);

    // A missing store does not start a second history either.
    std::fs::remove_dir_all(&store).expect("remove");
    let message = refused(&mut deployment.publish_command(&charts), 1);
    assert!(message.contains("has no log"), "{message}");
}

#[test]
fn a_store_with_another_history_is_refused() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    deployment.publish(&charts);
    let twin = deployment.twin();
    let other = Charts::new();
    other.add_chart("other");
    twin.publish(&other);
    other.add_chart("more");
    twin.publish(&other);
    let store = deployment.path().join("store");
    std::fs::remove_dir_all(&store).expect("remove");
    copy_folder(&twin.path().join("store"), &store);
    let before = contents(deployment.path());
    let message = refused(&mut deployment.publish_command(&charts), 1);
    assert!(message.contains("does not continue the log signed of 1 entry"), "{message}");
    assert_eq!(contents(deployment.path()), before);
}

/// What `candor verify-store` finds wrong. It must change nothing.
fn problems(deployment: &Deployment) -> Vec<String> {
    let before = contents(deployment.path());
    let output = run(candor().args(["--json", "verify-store", "--data"]).arg(deployment.path()));
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let problems = found["problems"].as_array().expect("a list").iter();
    let problems: Vec<_> = problems.map(|p| p.as_str().expect("text").to_owned()).collect();
    assert_eq!(output.status.code(), Some(i32::from(!problems.is_empty())), "{found}");
    assert_eq!(contents(deployment.path()), before, "verify-store changes nothing");
    problems
}

/// A deployment with three versions, and definitions for the next.
fn three_versions() -> (Charts, Deployment) {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    deployment.publish(&charts);
    for name in ["second", "third"] {
        charts.add_chart(name);
        deployment.publish(&charts);
    }
    charts.add_chart("fourth");
    (charts, deployment)
}

#[test]
fn an_edited_object_is_named_by_verify_store_and_refused_where_publishing_builds_on_it() {
    let (charts, deployment) = three_versions();
    assert_eq!(problems(&deployment), [""; 0]);
    let (mut refused_by_publish, mut older) = (0, 0);
    for (path, bytes) in contents(&deployment.path().join("store")) {
        let name = path.strip_prefix(deployment.path()).expect("inside").display().to_string();
        let mut changed = bytes.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        std::fs::write(&path, &changed).expect("edit");
        let object = name.trim_start_matches("store/log/").trim_start_matches("store/");
        let found = problems(&deployment);
        // Only the signer knows its own name, so another valid name is noticed only when it publishes.
        let is_named = found.iter().any(|problem| problem.contains(object));
        assert!(is_named || name.ends_with("log/signer"), "{name}: {found:#?}");
        // Nothing builds on an older one, so a version is published; that is undone then.
        let before = contents(deployment.path());
        let output = run(&mut deployment.publish_command(&charts));
        if output.status.success() {
            assert!(name.contains("module/") || name.contains("catalogue/"), "{name}");
            older += 1;
            restore(deployment.path(), &before);
        } else {
            let message = text(&output.stderr);
            assert!(message.contains(object), "{name}: {message}");
            refused_by_publish += 1;
        }
        assert!(contents(deployment.path()) == before, "{name}: something was changed");
        std::fs::write(&path, &bytes).expect("restore");
    }
    // Two zips and two catalogues of older versions. The rest: head, checkpoint, signer, tile, bundle,
    // newest zip, index and newest catalogue.
    assert_eq!((older, refused_by_publish), (4, 8));
    assert_eq!(deployment.publish(&charts)["version"], "v0.4.0");
    assert_eq!(problems(&deployment), [""; 0]);
}

/// Restores what a folder held, writing into the existing files, because the signer recognizes its own.
fn restore(folder: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) {
    let now = contents(folder);
    for path in now.keys().filter(|path| !files.contains_key(*path)) {
        std::fs::remove_file(path).expect("remove");
    }
    for (path, bytes) in files.iter().filter(|(path, bytes)| now.get(*path) != Some(bytes)) {
        std::fs::write(path, bytes).expect("restore");
    }
}

#[test]
fn verify_store_reports_everything_that_is_wrong() {
    let (_, deployment) = three_versions();
    let store = deployment.path().join("store");
    let zips: Vec<_> = contents(&store.join("module")).into_keys().collect();
    std::fs::remove_file(&zips[0]).expect("remove");
    std::fs::write(&zips[1], b"no zip").expect("edit");
    std::fs::write(store.join("log/signer"), b"nobody\n").expect("edit");
    std::fs::remove_file(store.join("catalogue/index")).expect("remove");
    let found = problems(&deployment);
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(found.iter().all(|problem| problem.contains("estore it")), "{found:#?}");
    let text = run(candor().args(["verify-store", "--data"]).arg(deployment.path()));
    assert_eq!(text.status.code(), Some(1));
    assert_eq!(support::text(&text.stdout).lines().count(), 4);
}

#[test]
fn after_an_unclean_end_everything_is_read_before_anything_is_published() {
    let (charts, deployment) = three_versions();
    let store = deployment.path().join("store");
    let checkpoint = std::fs::read(store.join("log/checkpoint")).expect("a checkpoint");
    deployment.publish(&charts);
    // As if it had died before publishing what it had committed; and an old version is damaged.
    std::fs::write(store.join("log/checkpoint"), checkpoint).expect("edit");
    let zips = contents(&store.join("module"));
    let first = zips.iter().find(|(_, zip)| is_of_version(zip, "v0.1.0")).expect("the first");
    std::fs::write(first.0, b"no zip").expect("edit");
    charts.add_chart("fifth");
    let message = refused(&mut deployment.publish_command(&charts), 1);
    let name = first.0.file_name().expect("a name").to_string_lossy();
    assert!(message.contains(&*name) && message.contains("Nothing was published"), "{message}");
    std::fs::write(first.0, first.1).expect("restore");
    assert_eq!(deployment.publish(&charts)["version"], "v0.5.0");
}

fn is_of_version(zip: &[u8], version: &str) -> bool {
    let name = format!("@{version}/");
    zip.windows(name.len()).any(|part| part == name.as_bytes())
}

#[test]
fn the_key_of_another_log_is_refused() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    deployment.publish(&charts);
    let other = Deployment::new();
    let seed = "keys/log.seed";
    std::fs::copy(other.path().join(seed), deployment.path().join(seed)).expect("copy");
    let message = refused(&mut deployment.publish_command(&charts), 1);
    assert!(message.contains("not the key of this deployment"), "{message}");
}
