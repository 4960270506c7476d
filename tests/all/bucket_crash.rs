//! The promises of `crash`, in a bucket: publishers that die, over a network that loses, delays and repeats.
#![cfg(feature = "server")]

use crate::support;
use candor::publish::Outcome;
use candor::store::{BucketStore, Key, Store, StoreError, Swap};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use support::fault_proxy::FaultProxy;
use support::log_bench::{Bench, revision};
use support::s3::S3;
use tempfile::TempDir;

/// A store of a process that dies: from some operation on, nothing is done any more. That operation may still be
/// under way.
#[derive(Debug)]
pub struct Dying {
    store: BucketStore,
    left: AtomicI64,
}

impl Dying {
    /// The store of a process that dies at this operation, counted from 1.
    pub fn after(left: i64, store: BucketStore) -> Dying {
        Dying { store, left: AtomicI64::new(left) }
    }

    fn operate<T>(
        &self,
        operation: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self.left.fetch_sub(1, Ordering::SeqCst) {
            2.. => operation(),
            // It happens, and nobody knows.
            1 => operation().and(Err(StoreError::Injected { operation: 1 })),
            _ => Err(StoreError::Injected { operation: 0 }),
        }
    }
}

impl Store for Dying {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.operate(|| self.store.get(key))
    }

    fn put(&self, objects: &[(Key, Vec<u8>)]) -> Result<(), StoreError> {
        // One by one, so that publishers also die in the middle of a batch.
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

/// How many schedules are run; more by hand.
pub fn schedules() -> u64 {
    let wanted = std::env::var("CANDOR_FAULT_SCHEDULES").ok();
    wanted.map_or(24, |number| number.parse().expect("a number"))
}

/// Runs all schedules over a server of their own, some at a time; adds up what each of them counts.
pub fn run_all(run: impl Fn(&S3, u64) -> (u64, u64) + Sync) -> (u64, u64) {
    let server = S3::versitygw();
    let [next, one, other] = [const { AtomicU64::new(0) }; 3];
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= schedules() {
                        return;
                    }
                    let counted = run(&server, seed);
                    one.fetch_add(counted.0, Ordering::Relaxed);
                    other.fetch_add(counted.1, Ordering::Relaxed);
                }
            });
        }
    });
    (one.into_inner(), other.into_inner())
}

#[test]
fn publishers_that_die_over_a_bad_network_leave_one_history() {
    let (died, faults) = run_all(run);
    println!("{} schedules, {died} deaths, {faults} faults", schedules());
    assert!(died >= schedules() && faults > 5 * schedules(), "{died} deaths, {faults} faults");
}

/// Publishes some versions; each publisher dies once, and is followed by another one. Returns how many died, and
/// how many requests had a fault.
fn run(server: &S3, seed: u64) -> (u64, u64) {
    const NAMES: [&str; 3] = ["one", "two", "three"];
    let (bench, memory) = (Bench::new(), TempDir::new().expect("a temporary folder"));
    let proxy = FaultProxy::start(&server.endpoint, seed, 60);
    let prefix = format!("crash/{seed}");
    let direct = Arc::new(server.store(&prefix));
    let opened = |left: i64| {
        let store = server.store_through(&prefix, &proxy.endpoint()).hurried();
        Arc::new(Dying::after(left, store))
    };
    let alive = i64::MAX;
    let until_done = |what: &str, work: &dyn Fn() -> bool| {
        let done = (0..50).any(|_| work());
        assert!(done, "seed {seed}: {what} never came through");
    };
    until_done("creating the log", &|| bench.log(&opened(alive), memory.path()).create().is_ok());
    let (mut seen, mut died, mut random) = (BTreeMap::new(), 0, seed);
    for count in 1..=NAMES.len() {
        let wanted = revision(&NAMES[..count]);
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Somewhere in the publication, which takes about 60 operations.
        let left = (random >> 33) % 60;
        let outcome = bench.publish(&opened(left as i64), memory.path(), &wanted);
        died += u64::from(outcome.is_err());
        // What the dead one has sent may still arrive.
        std::thread::sleep(Duration::from_millis(random >> 59));
        let before = bench.look(&direct, &mut seen);
        assert!(
            [count - 1, count].contains(&(before as usize)),
            "seed {seed}: {before} of {count}"
        );
        if outcome.is_ok() {
            assert_eq!(before, count as u64, "seed {seed}: success was reported");
        }
        until_done("publishing", &|| {
            let Ok(done) = bench.publish(&opened(alive), memory.path(), &wanted) else {
                return false;
            };
            let (Outcome::Published(done) | Outcome::Completed(done) | Outcome::Unchanged(done)) =
                done;
            assert_eq!(done.version, format!("v0.{count}.0"), "seed {seed}");
            assert_eq!(done.tree_size, count as u64, "seed {seed}");
            true
        });
        assert_eq!(bench.look(&direct, &mut seen), count as u64, "seed {seed}");
    }
    // What comes late has come, and changes nothing.
    std::thread::sleep(Duration::from_millis(40));
    assert_eq!(bench.look(&direct, &mut seen), NAMES.len() as u64, "seed {seed}");
    (died, proxy.faults())
}
