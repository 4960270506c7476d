//! The promise that publishing is all or nothing: if it is stopped at any store operation, either the old
//! or the new state is served, and publishing again completes the work. No version number is skipped or
//! used twice, and no two checkpoints of one size differ.

#![cfg(feature = "server")]

use crate::support;
use candor::charts::Revision;
use candor::gomod::{ModuleVersion, RepositoryUrl};
use candor::publish::{self, Outcome, Publisher, Versions};
use candor::store::{Fault, Key, MemoryStore, Store, StoreError, Swap};
use candor::tlog::Published;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use support::log_bench::{Bench, revision};
use support::moment::kill_after_changes;
use support::{Charts, Deployment, commit_day, json, run, text};
use tempfile::TempDir;

#[test]
fn a_power_cut_at_any_store_operation_leaves_the_old_state_or_the_new() {
    let bench = Bench::new();
    let (first, second) = (revision(&["one"]), revision(&["one", "two"]));
    for kind in [Fault::Fail, Fault::PowerCutBefore, Fault::PowerCutAfter] {
        let mut seen = BTreeMap::new();
        let mut completed_without = None;
        let mut outcomes = Outcomes::default();
        for operation in 0.. {
            let memory = TempDir::new().expect("a temporary folder");
            let store = Arc::new(MemoryStore::new());
            bench.log(&store, memory.path()).create().expect("a new log");
            bench.publish(&store, memory.path(), &first).expect("the first version");
            assert_eq!(bench.look(&store, &mut seen), 1);

            store.inject(kind(operation));
            let outcome = bench.publish(&store, memory.path(), &second);
            let operations = store.operations();
            store.restart();
            let size = bench.look(&store, &mut seen);
            if outcome.is_ok() {
                assert_eq!(size, 2, "success was reported at {:?}", kind(operation));
            } else {
                outcomes.note(size, 1);
            }

            let again = bench.publish(&store, memory.path(), &second).expect("the second try");
            let (Outcome::Published(done) | Outcome::Completed(done) | Outcome::Unchanged(done)) =
                again;
            assert_eq!((done.version.as_str(), done.tree_size), ("v0.2.0", 2));
            assert_eq!(bench.look(&store, &mut seen), 2);
            if operation >= operations {
                completed_without = Some(operation);
                break;
            }
        }
        // The loop reached the middle of a publication, and went past its end.
        assert!(completed_without.is_some_and(|operations| operations > 15));
        outcomes.assert_both(&format!("{:?}", kind(0)));
    }
}

/// How often the old state was found after a publisher was stopped, and how often the new.
#[derive(Debug, Default)]
struct Outcomes {
    old: u64,
    new: u64,
}

impl Outcomes {
    /// Counts the size of a log that had `old` entries when the publisher began.
    fn note(&mut self, size: u64, old: u64) {
        match size.checked_sub(old) {
            Some(0) => self.old += 1,
            Some(1) => self.new += 1,
            _ => panic!("neither the old state nor the new: {size} entries after {old}"),
        }
    }

    /// Both really occurred: publishers were stopped both before and after the commit.
    fn assert_both(&self, when: &str) {
        assert!(self.old > 0 && self.new > 0, "{when}: {self:?}");
    }
}

/// A store that kills its own process before or after the operation with this number.
#[derive(Debug)]
struct Killer {
    store: Arc<dyn Store>,
    operations: AtomicU64,
    at: u64,
    after: bool,
}

impl Killer {
    fn operate<T>(&self, operation: impl FnOnce() -> T) -> T {
        let number = self.operations.fetch_add(1, Ordering::SeqCst);
        if number == self.at && !self.after {
            support::die();
        }
        let result = operation();
        if number == self.at {
            support::die();
        }
        result
    }
}

impl Store for Killer {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.operate(|| self.store.get(key))
    }

    fn put(&self, objects: &[(Key, Vec<u8>)]) -> Result<(), StoreError> {
        // One by one, so that publishers are also stopped in the middle of a batch.
        objects
            .iter()
            .try_for_each(|object| self.operate(|| self.store.put(std::slice::from_ref(object))))
    }

    fn put_file(&self, key: &Key, scratch: &Path) -> Result<(), StoreError> {
        self.operate(|| self.store.put_file(key, scratch))
    }

    fn open(&self, key: &Key) -> Result<Option<File>, StoreError> {
        self.operate(|| self.store.open(key))
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.operate(|| self.store.remove(key))
    }

    fn list(&self, folder: &Key) -> Result<Vec<Key>, StoreError> {
        self.operate(|| self.store.list(folder))
    }

    fn pointer(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.operate(|| self.store.pointer(key))
    }

    fn swap(&self, key: &Key, expected: Option<&[u8]>, new: &[u8]) -> Result<Swap, StoreError> {
        self.operate(|| self.store.swap(key, expected, new))
    }
}

/// Not a test of its own: the process that `sigkill_at_any_store_operation...` kills.
#[test]
#[ignore = "run by another test, in a process of its own"]
fn child_that_publishes_and_is_killed() {
    let variable = |name| std::env::var(name).expect(name);
    let folder = variable("TEST_DEPLOYMENT");
    let mut deployment = publish::Deployment::open(Path::new(&folder)).expect("a deployment");
    deployment.store = Arc::new(Killer {
        store: deployment.store.clone(),
        operations: AtomicU64::new(0),
        at: variable("TEST_OPERATION").parse().expect("a number"),
        after: variable("TEST_AFTER") == "true",
    });
    let log = deployment.log().expect("a log");
    let publisher = Publisher::new(deployment.module.clone(), deployment.store.clone(), log);
    publisher.begin().expect("a good store");
    let second = revision(&["one", "two"]);
    publisher.publish(&second, &RepositoryUrl::default(), commit_day(&second)).expect("published");
}

/// The published checkpoint of a deployment on disk, and its size, as a reader sees them.
fn look_on_disk(folder: &Path) -> (u64, Vec<u8>) {
    let deployment = publish::Deployment::open(folder).expect("a deployment");
    let name = Key::new("log/checkpoint").expect("a key");
    let bytes = deployment.store.pointer(&name).expect("read").expect("a checkpoint");
    let head = Published::open(&bytes, deployment.verifiers()).expect("signed").head();
    let versions = Versions::new(deployment.module.clone(), deployment.store.clone());
    for number in 1..=head.size.get() {
        let version = ModuleVersion::new(number).expect("a version");
        versions.module(head, version).expect("every version is there");
    }
    (head.size.get(), bytes)
}

/// Publishes a revision to a deployment on disk, undisturbed.
fn publish_on_disk(folder: &Path, revision: &Revision) -> Outcome {
    let deployment = publish::Deployment::open(folder).expect("a deployment");
    let log = deployment.log().expect("a log");
    let publisher = Publisher::new(deployment.module.clone(), deployment.store.clone(), log);
    publisher.begin().expect("a good store");
    publisher.publish(revision, &RepositoryUrl::default(), commit_day(revision)).expect("published")
}

#[test]
fn sigkill_at_any_store_operation_leaves_the_old_state_or_the_new() {
    let original = Deployment::new();
    publish_on_disk(original.path(), &revision(&["one"]));
    let mut seen = BTreeMap::new();
    for after in [false, true] {
        let mut outcomes = Outcomes::default();
        for operation in 0.. {
            let folder = TempDir::new().expect("a temporary folder");
            support::copy_folder(original.path(), folder.path());
            // A copy signs nothing until the signer is moved there.
            let deployment = publish::Deployment::open(folder.path()).expect("a deployment");
            deployment.log().expect_err("a copy");
            deployment.move_signer(Vec::new()).expect("moved");
            let child = run(Command::new(std::env::current_exe().expect("this program"))
                .args(["--exact", "crash::child_that_publishes_and_is_killed", "--include-ignored"])
                .env("TEST_DEPLOYMENT", folder.path())
                .env("TEST_OPERATION", operation.to_string())
                .env("TEST_AFTER", after.to_string()));
            let killed = child.status.signal() == Some(9);
            assert!(killed || child.status.success(), "{}", text(&child.stdout));

            let (size, bytes) = look_on_disk(folder.path());
            if killed {
                outcomes.note(size, 1);
            } else {
                assert_eq!(size, 2);
            }
            assert_eq!(seen.entry(size).or_insert_with(|| bytes.clone()), &bytes);
            let (Outcome::Published(done) | Outcome::Completed(done) | Outcome::Unchanged(done)) =
                publish_on_disk(folder.path(), &revision(&["one", "two"]));
            assert_eq!((done.version.as_str(), done.tree_size), ("v0.2.0", 2));
            let (size, bytes) = look_on_disk(folder.path());
            assert_eq!(size, 2);
            assert_eq!(seen.entry(size).or_insert_with(|| bytes.clone()), &bytes);
            if !killed {
                assert!(operation > 15, "the publication had only {operation} operations");
                break;
            }
        }
        outcomes.assert_both(if after { "after" } else { "before" });
    }
}

/// The least number of times that a program is to be killed before the commit, and after it.
const WANTED: u64 = 5;

#[test]
fn the_program_killed_at_arbitrary_moments_loses_and_repeats_nothing() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    let mut seen: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    let mut newest = 0;
    // What was found after a publisher was really killed. One that had finished by then does not count.
    let mut outcomes = Outcomes::default();
    for round in 0.. {
        assert!(round < 200, "{outcomes:?}");
        charts.add_chart(&format!("chart{round}"));
        let mut publish = deployment.publish_command(&charts);
        let killed = kill_after_changes(&mut publish, deployment.path(), round % 15);
        let (size, bytes) = look_on_disk(deployment.path());
        assert_eq!(seen.entry(size).or_insert_with(|| bytes.clone()), &bytes);
        if killed {
            outcomes.note(size, newest);
        }

        let done = json(&mut deployment.publish_command(&charts));
        newest += 1;
        assert_eq!(done["version"], format!("v0.{newest}.0"));
        let (size, bytes) = look_on_disk(deployment.path());
        assert_eq!(size, newest);
        assert_eq!(seen.entry(size).or_insert_with(|| bytes.clone()), &bytes);
        if outcomes.old >= WANTED && outcomes.new >= WANTED {
            break;
        }
    }
    outcomes.assert_both("arbitrary moments");
}
