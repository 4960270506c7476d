//! Merging and charting that are killed again and again, at random moments, give the same result as
//! undisturbed ones.

#![cfg(feature = "server")]

use crate::support;
use candor::aggregate::PublicData;
use candor::aggregate::index::Index;
use candor::store::FileStore;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use support::moment::kill_after_changes;
use support::{Charts, Deployment, candor, segments, succeed};

/// How often the merge is killed.
const KILLS: u32 = 40;

fn merge(folder: &Path) -> Command {
    verb("merge", folder)
}

fn verb(name: &str, folder: &Path) -> Command {
    let mut command = candor();
    command.args([name, "--data"]).arg(folder).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn public(folder: &Path) -> PublicData {
    PublicData::new(Arc::new(FileStore::new(folder.join("store"))))
}

fn index(folder: &Path) -> Index {
    public(folder).index().expect("an index")
}

/// Checks that every named file exists and is intact.
fn check_files(folder: &Path) {
    let index = index(folder);
    for dataset in index.days.values().chain(index.weeks.values().map(|week| &week.data)) {
        for file in &dataset.files {
            public(folder).open(file).expect("every file is there, whole");
        }
    }
}

/// Adds the uploads between two kills. Each round has its own days: they are so long ago that a day's
/// first edition is its last one.
fn upload(folder: &Path, round: u32) {
    let reports: Vec<String> = [3, 8, 9]
        .map(|day| format!("20{:02}-02-{day:02}", 10 + round))
        .iter()
        .flat_map(|day| (0..700).map(|n| segments::report(day, round * 600 + n)))
        .collect();
    segments::write(&folder.join("reports"), u64::from(round) + 1, &reports);
}

#[test]
fn a_merge_that_is_killed_at_any_moment_is_finished_by_the_next() {
    let (killed, undisturbed) = (Deployment::new(), Deployment::new());
    let mut unfinished = 0;
    for round in 0..KILLS {
        if round % 4 == 0 {
            upload(killed.path(), round / 4);
            upload(undisturbed.path(), round / 4);
            succeed(&mut merge(undisturbed.path()));
        }
        let changes = 1 + round % 10 * 3;
        let hit = kill_after_changes(&mut merge(killed.path()), killed.path(), changes);
        unfinished += u32::from(hit);
        check_files(killed.path());
    }
    println!("{unfinished} of {KILLS} merges were killed before their end");
    assert!(unfinished > 3, "only {unfinished} merges were killed before their end");
    succeed(&mut merge(killed.path()));
    let (found, expected) = (index(killed.path()), index(undisturbed.path()));
    assert_eq!(found.problems, Vec::<String>::new());
    assert_eq!((found.days, found.weeks), (expected.days, expected.weeks));
    assert_eq!(segments::sealed(&killed.path().join("reports")), Vec::<String>::new());
    check_files(killed.path());

    // Nothing that a killed merge had started to publish is left behind.
    succeed(&mut merge(killed.path()));
    let index = index(killed.path());
    let known = index.current();
    let objects = killed.path().join("store/public");
    for entry in std::fs::read_dir(objects).expect("list") {
        let name = entry.expect("an entry").file_name();
        let name = format!("public/{}", name.to_str().expect("text"));
        let is_pointer = ["public/index", "public/begun"].contains(&&*name);
        assert!(is_pointer || known.contains(&name), "{name}");
    }
    let private = std::fs::read_dir(killed.path().join("store/buffer")).into_iter().flatten();
    assert_eq!(private.count(), 0, "no row waits");
    let left = std::fs::read_dir(killed.path().join("scratch")).expect("list");
    let left: Vec<_> = left.map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(left, [".lock"]);
}

#[test]
fn charting_that_is_killed_at_any_moment_is_finished_by_the_next() {
    let charts = Charts::new();
    let (killed, undisturbed) = (Deployment::new(), Deployment::new());
    let mut unfinished = 0;
    for round in 0..KILLS {
        if round % 4 == 0 {
            for deployment in [&killed, &undisturbed] {
                if round == 0 {
                    deployment.publish(&charts);
                }
                upload(deployment.path(), round / 4);
                succeed(&mut merge(deployment.path()));
            }
            succeed(&mut verb("chart", undisturbed.path()));
        }
        let (mut chart, changes) = (verb("chart", killed.path()), round % 8);
        unfinished += u32::from(kill_after_changes(&mut chart, killed.path(), changes));
    }
    println!("{unfinished} of {KILLS} were killed before their end");
    assert!(unfinished > 3, "only {unfinished} were killed before their end");
    succeed(&mut verb("chart", killed.path()));
    let (found, expected) = (index(killed.path()), index(undisturbed.path()));
    assert_eq!(found.weeks, expected.weeks);
    for (week, named) in &found.weeks {
        assert!(named.charts.is_some(), "{week}");
        let read = |folder| public(folder).charts(&found, *week).expect("charts").expect("charts");
        assert_eq!(read(killed.path()), read(undisturbed.path()));
    }
}
