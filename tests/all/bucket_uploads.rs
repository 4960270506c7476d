//! Uploads whose store is a bucket, over a network that loses, delays and repeats, with machines that die: each
//! acknowledged report is public once.
#![cfg(feature = "server")]

use crate::bucket_crash::{Dying, run_all, schedules};
use crate::support;
use candor::aggregate::index::FileFormat;
use candor::aggregate::{Merging, PublicData, Unwatched, merge};
use candor::collection::CollectionConfig;
use candor::gomod::ModuleVersion;
use candor::ingest::{
    Buffer, Journal, LargeBatches, Limits, LoggedConfig, Report, UPLOADS, check, combine_batches,
};
use candor::store::{Key, Store};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use support::fault_proxy::FaultProxy;
use support::s3::S3;
use tempfile::TempDir;

const CONFIG: &str = r#"{"GOOS":["linux"],"GOARCH":["amd64"],"GoVersion":["rust1.95.0"],"SampleRate":1,
    "Programs":[{"Name":"example.org/p","Versions":["v1.2.0"],"Counters":[{"Name":"runs","Rate":1}]}]}"#;
/// A merge on this day is of no last edition.
const SOON: Date = date(2026, 2, 11);
/// On this day every edition is the last one.
const LAST: Date = date(2026, 5, 1);
const ROUNDS: u64 = 3;
/// How many reports a machine gets in a round.
const REPORTS: u64 = 6;

/// Sends reports of these numbers to a machine of its own: those that were acknowledged.
fn send(store: Arc<dyn Store>, numbers: &[u64]) -> BTreeSet<u64> {
    let config = CollectionConfig::from_json(CONFIG.as_bytes()).expect("a config");
    let config = LoggedConfig::new(ModuleVersion::FIRST, &config);
    let now: Timestamp = "2026-02-10T12:00:00Z".parse().expect("a time");
    let Ok(journal) = Journal::in_store(store, Limits::default()) else { return BTreeSet::new() };
    let waiting = numbers.iter().map(|number| {
        let json = format!(
            r#"{{"Week":"2026-02-08","LastWeek":"","X":0.5,"Programs":[{{"Program":"example.org/p","Version":"v1.2.0","GoVersion":"rust1.95.0","GOOS":"linux","GOARCH":"amd64","Counters":{{"runs":{}}},"Stacks":{{}}}}],"Config":"v0.1.0"}}"#,
            number + 1
        );
        let report = Report::decode(json.as_bytes()).expect("a report");
        let checked = check(&report, report.week, &config, now).expect("allowed");
        (*number, journal.queue_permit().expect("a permit").store(checked))
    });
    let waiting: Vec<_> = waiting.collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let acknowledged = waiting
        .into_iter()
        .filter_map(|(number, answer)| runtime.block_on(answer).is_ok().then_some(number));
    acknowledged.collect()
}

fn merge_on(store: Arc<dyn Store>, scratch: &Path, today: Date) -> bool {
    let buffer = Buffer::Store(store.clone());
    let merged = merge(&Merging { buffer, store, scratch, today, stack_minimum: 1 }, &Unwatched);
    merged.is_ok_and(|merged| merged.problems.is_empty())
}

/// How often each report is public.
fn public(store: Arc<dyn Store>) -> BTreeMap<u64, u32> {
    let public = PublicData::new(store);
    let mut found = BTreeMap::new();
    for dataset in public.index().expect("an index").days.values() {
        let file = dataset.file(FileFormat::NdjsonZstd).expect("a file");
        let mut text = String::new();
        let mut decoder = zstd::Decoder::new(public.open(file).expect("whole")).expect("a decoder");
        decoder.read_to_string(&mut text).expect("text");
        for line in text.lines() {
            let row: Value = serde_json::from_str(line).expect("JSON");
            let runs = row["Programs"][0]["Counters"]["runs"].as_u64().expect("a number");
            *found.entry(runs - 1).or_default() += 1;
        }
    }
    found
}

/// Returns how often a machine died or could not do its work, and how many requests had a fault.
fn run(server: &S3, seed: u64) -> (u64, u64) {
    let scratch = TempDir::new().expect("a temporary folder");
    let proxy = FaultProxy::start(&server.endpoint, seed, 120);
    let prefix = format!("uploads/{seed}");
    let mut random = seed;
    let mut below = |end: u64| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % end
    };
    let machine = |left: i64| -> Arc<dyn Store> {
        let store = server.store_through(&prefix, &proxy.endpoint()).hurried();
        Arc::new(Dying::after(left, store))
    };
    let (mut acknowledged, mut failed) = (BTreeSet::new(), 0);
    for round in 0..ROUNDS {
        let first = 2 * REPORTS * round;
        let mut numbers: [Vec<u64>; 2] =
            [0, 1].map(|of| (first + REPORTS * of..first + REPORTS * (of + 1)).collect());
        // Some are sent to the other machine, too.
        numbers[0].extend([first + REPORTS, first + REPORTS + 1]);
        let dies = machine(below(8) as i64);
        let lives = machine(i64::MAX);
        let (merges, combines) = (machine(below(40) as i64), machine(below(12) as i64));
        let sent = std::thread::scope(|scope| {
            let [one, other] = [(dies, &numbers[0]), (lives, &numbers[1])]
                .map(|(store, numbers)| scope.spawn(move || send(store, numbers)));
            failed += u64::from(!merge_on(merges, scratch.path(), SOON));
            failed += u64::from(combine_batches(&combines, &mut LargeBatches::default()).is_err());
            [one, other].map(|sending| sending.join().expect("no panic"))
        });
        failed += u64::from(sent[0].len() < numbers[0].len());
        acknowledged.extend(sent.into_iter().flatten());
    }
    // What comes late has come.
    std::thread::sleep(Duration::from_millis(40));
    let direct: Arc<dyn Store> = Arc::new(server.store(&prefix));
    combine_batches(&direct, &mut LargeBatches::default()).expect("combined");
    for day in [SOON, LAST] {
        assert!(merge_on(direct.clone(), scratch.path(), day), "seed {seed}: it is not merged");
    }
    let found = public(direct.clone());
    assert!(found.values().all(|times| *times == 1), "seed {seed}: twice: {found:?}");
    let lost: Vec<_> = acknowledged.iter().filter(|number| !found.contains_key(number)).collect();
    assert!(lost.is_empty(), "seed {seed}: acknowledged and not public: {lost:?}");
    let left = direct.list(&Key::new(UPLOADS).expect("a key")).expect("listed");
    assert_eq!(left, [], "seed {seed}");
    (failed, proxy.faults())
}

#[test]
fn uploads_over_a_bad_network_are_public_once() {
    let (failed, faults) = run_all(run);
    println!("{} schedules, {failed} machines that died or failed, {faults} faults", schedules());
    assert!(failed >= schedules() && faults > 5 * schedules(), "{failed} failed, {faults} faults");
}
