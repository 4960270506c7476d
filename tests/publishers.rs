//! The promise that there is one history: two publishers at once never fork it, and a store that
//! was rolled back or edited is refused before anything is signed.

mod support;

use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Stdio;
use support::{Charts, Deployment, contents, copy_folder, refused, text};
use tempfile::TempDir;

#[test]
fn two_publishers_at_once_make_one_history() {
    let deployment = Deployment::new();
    let charts = [Charts::new(), Charts::new()];
    // What each publication said: version, and the hash of its zip.
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
        message.contains("store's log has 1 entries")
            && message.contains("signed a log of 2")
            && message.contains("rolled back"),
        "{message}"
    );
    assert_eq!(contents(deployment.path()), before);

    // A store that is not there at all is no reason to start a second history either.
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
    assert!(message.contains("does not continue the log signed of 1 entries"), "{message}");
    assert_eq!(contents(deployment.path()), before);
}

#[test]
fn an_edited_object_is_refused_by_name() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    deployment.publish(&charts);
    charts.add_chart("second");
    deployment.publish(&charts);
    charts.add_chart("third");
    let mut edited = 0;
    for (path, bytes) in contents(&deployment.path().join("store")) {
        let name = path.strip_prefix(deployment.path()).expect("inside").display().to_string();
        // Nothing reads these again: the way to a head that is long published, and the narrower
        // forms of tiles that have grown since.
        if name.contains("/staged/") || name.contains(".p/1") {
            continue;
        }
        let mut changed = bytes.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        std::fs::write(&path, &changed).expect("edit");
        let before = contents(deployment.path());
        let message = refused(&mut deployment.publish_command(&charts), 1);
        let object = name.trim_start_matches("store/log/").trim_start_matches("store/");
        assert!(message.contains(object), "{name}: {message}");
        assert_eq!(contents(deployment.path()), before, "{name}");
        std::fs::write(&path, &bytes).expect("restore");
        edited += 1;
    }
    assert!(edited >= 6, "head, checkpoint, tile, bundle, two zips; only {edited} were edited");
    assert_eq!(deployment.publish(&charts)["version"], "v0.3.0");
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
