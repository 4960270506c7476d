//! Shared by the tests of this module: a log in memory, a config, reports, a fixed clock.

use super::folder;
use super::framing::{Found, Records, SegmentKind};
use super::queue::Waiting;
use super::store_writer::StoreWriter;
use super::{
    Clock, ConfigSet, ConfigSetError, Limits, LoggedConfig, Receiver, Report, check,
    sealed_segments,
};
use crate::collection::CollectionConfig;
use crate::gomod::{
    CommitTime, Module, ModulePath, ModuleVersion, ObjectId, Provenance, RepositoryPath,
    RepositoryUrl,
};
use crate::publish::{Catalogues, Versions, zip_key};
use crate::store::{MemoryStore, Store, StoreError};
use crate::tlog::{self, Appended, LogKeys, LogVerifiers, Record, Seed, SignerLock};
use jiff::{SignedDuration, Timestamp};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::oneshot;

const MODULE: &str = "telemetry.example.org/config";

/// The time of these tests: midday of Tuesday, 2026-02-10.
pub(super) fn now() -> Timestamp {
    "2026-02-10T12:00:00Z".parse().expect("a time")
}

/// A fixed clock.
#[derive(Debug)]
pub(super) struct Stopped(pub(super) Timestamp);

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// The clock of these tests.
pub(super) fn clock() -> Box<dyn Clock> {
    Box::new(Stopped(now()))
}

/// A config with one program, this sample rate, and half of it for one of the counters.
pub(super) fn config(sample_rate: f64) -> CollectionConfig {
    let half = sample_rate / 2.0;
    let json = format!(
        r#"{{"GOOS":["linux"],"GOARCH":["amd64"],"GoVersion":["go1.26.8"],
        "SampleRate":{sample_rate},"Programs":[{{"Name":"example.org/p","Versions":["v1.2.0"],
        "Counters":[{{"Name":"verb:{{run,help}}","Rate":{sample_rate}}},
        {{"Name":"rare","Rate":{half}}}],
        "Stacks":[{{"Name":"crash","Rate":{sample_rate},"Depth":4}}]}}]}}"#
    );
    CollectionConfig::from_json(json.as_bytes()).expect("a config")
}

/// A report that [`config`] allows, with this X.
pub(super) fn report(x: f64) -> String {
    format!(
        r#"{{"Week":"2026-02-08","LastWeek":"2026-02-01","X":{x},"Programs":[{{"Program":"example.org/p","Version":"v1.2.0","GoVersion":"go1.26.8","GOOS":"linux","GOARCH":"amd64","Counters":{{"rare":2,"verb:run":3}},"Stacks":{{"crash\nmain.main:+12,+0x34\nruntime.main:=283":1}}}}],"Config":"v0.1.0"}}"#
    )
}

/// All public rows in a receiver's folder, sorted. Each report occurs once, and nothing is damaged
/// except the end of an open segment.
pub(super) fn stored_rows(folder: &Path) -> Vec<Vec<u8>> {
    let mut rows = Vec::new();
    let sealed = sealed_segments(folder).expect("a folder");
    for file in &sealed {
        let all = file.read().expect("what was sealed");
        rows.extend(all.iter().map(|found| found.row.to_vec()));
    }
    for id in folder::segments(folder, folder::OPEN).expect("a folder") {
        if sealed.iter().any(|file| file.id() == id) {
            continue;
        }
        let bytes = std::fs::read(folder::path(folder, id, folder::OPEN)).expect("a segment");
        rows.extend(Records::before_zeros(SegmentKind::Open, &bytes).filter_map(
            |found| match found {
                Found::Record(record) => Some(record.row.to_vec()),
                Found::Tail(_) => None,
                Found::Damage(range) => panic!("damaged: {range:?}"),
            },
        ));
    }
    rows.sort();
    rows
}

/// A machine that puts reports into a store that others use, too.
pub(crate) struct Machine(StoreWriter);

impl Machine {
    pub(crate) fn start(store: Arc<dyn Store>) -> Result<Machine, StoreError> {
        StoreWriter::open(store, Limits::default()).map(Machine)
    }

    /// Sends these reports, as one batch; each number is another report, with another public row. Says of each
    /// whether it was acknowledged.
    pub(crate) fn send(&mut self, numbers: &[u32]) -> Vec<bool> {
        let config = LoggedConfig::new(ModuleVersion::FIRST, &config(1.0));
        let (mut batch, mut answers) = (Vec::new(), Vec::new());
        for number in numbers {
            let json = report(0.25 + f64::from(*number) / 1e6);
            let json = json.replace("\"verb:run\":3", &format!("\"verb:run\":{}", number + 1));
            let report = Report::decode(json.as_bytes()).expect("a report");
            let day = report.week;
            let report = check(&report, day, &config, now()).expect("allowed");
            let (answer, answered) = oneshot::channel();
            batch.push(Waiting { report, answer });
            answers.push(answered);
        }
        self.0.commit(batch);
        answers.iter_mut().map(|answer| answer.try_recv().expect("an answer").is_ok()).collect()
    }
}

/// The numbers of the reports in these public rows, as [`Machine::send`] makes them.
pub(crate) fn numbers(rows: impl IntoIterator<Item = Vec<u8>>) -> Vec<u32> {
    let number = |row: Vec<u8>| {
        let report = Report::decode(&row).expect("a report");
        let counters = &report.programs[0].counters;
        let run = counters.iter().find(|(name, _)| *name == "verb:run").expect("a counter");
        u32::try_from(run.1.get()).expect("a number") - 1
    };
    let mut numbers: Vec<u32> = rows.into_iter().map(number).collect();
    numbers.sort_unstable();
    numbers
}

/// A log of configs in a store in memory.
pub(super) struct Log {
    pub(super) store: Arc<MemoryStore>,
    log: tlog::Log,
    keys: LogVerifiers,
    _memory: TempDir,
}

impl Log {
    pub(super) fn new() -> Log {
        let store = Arc::new(MemoryStore::new());
        let host = "telemetry.example.org".parse().expect("a host");
        let keys = LogKeys::new(&host, &Seed::generate().expect("a seed"));
        let verifiers = keys.verifiers().clone();
        let memory = TempDir::new().expect("a temporary folder");
        let signer = SignerLock::in_folder(memory.path()).expect("a signer");
        let path = ModulePath::new(MODULE).expect("a module path");
        let versions = Arc::new(Versions::new(path, store.clone()));
        let log = tlog::Log::new(store.clone(), keys, signer, versions);
        log.create().expect("a new log");
        Log { store, log, keys: verifiers, _memory: memory }
    }

    /// Publishes a config as the next version, with its definitions: charts of its stacks that may name
    /// any function.
    pub(super) fn append(&self, config: &CollectionConfig) {
        self.append_on("2026-02-04", config);
    }

    /// Like [`Log::append_with`], for this day.
    pub(super) fn append_on(&self, day: &str, config: &CollectionConfig) {
        let version = self.append_alone(day, config);
        self.record(version, day, config, &[], &[]);
    }

    /// Records the definitions behind the config of a version, which revoke others, and in whose stacks
    /// these packages may be named, any where there are none.
    pub(super) fn record(
        &self,
        version: ModuleVersion,
        day: &str,
        config: &CollectionConfig,
        packages: &[&str],
        revoked: &[&str],
    ) {
        let stacks = config.programs.iter().flat_map(|program| {
            program.stacks.iter().map(move |stack| {
                serde_json::json!({
                    "id": "stack", "title": "Stack", "issue": [], "kind": "stack",
                    "program": program.name, "counter": stack.name, "depth": stack.depth,
                    "packages": packages, "file": "charts/stack.toml", "line": 1,
                    "added": "a".repeat(40), "added_on": "2026-02-04",
                })
            })
        });
        let catalogue = serde_json::json!({
            "format": 1, "repository": "", "commit": format!("{version} {packages:?} {revoked:?}"),
            "time": 1_770_091_506, "as_of": day, "path": "", "confidence": 0.99,
            "retention": {"stack_minimum": 3, "revoked": revoked},
            "programs": [], "charts": stacks.collect::<Vec<_>>(),
        });
        let catalogue = serde_json::from_value(catalogue).expect("a catalogue");
        Catalogues::new(self.store.clone()).record(&catalogue, version).expect("recorded");
    }

    /// Publishes a config for a day without recording its definitions, like a publisher that is killed
    /// in between.
    pub(super) fn append_alone(&self, day: &str, config: &CollectionConfig) -> ModuleVersion {
        // In the night before, at 04:05:06.
        let committed = format!("{day}T04:05:06Z").parse::<Timestamp>().expect("a time");
        let committed = committed - SignedDuration::from_hours(24);
        let head = self.log.settle().expect("a head");
        let version = ModuleVersion::new(head.size.get() + 1).expect("a version");
        let provenance = Provenance {
            repository: RepositoryUrl::default(),
            commit: ObjectId::new("a".repeat(40)).expect("an object name"),
            tree: ObjectId::new("b".repeat(40)).expect("an object name"),
            path: RepositoryPath::new("charts-config").expect("a path"),
            as_of: day.parse().expect("a day"),
            time: CommitTime::from_unix_seconds(committed.as_second()).expect("a time"),
            program_version: "0.1.0".into(),
        };
        let path = ModulePath::new(MODULE).expect("a module path");
        let module = Module::build(path, version, config.to_json().into_bytes(), provenance);
        let module = module.expect("a module");
        let key = zip_key(&module.zip_hash()).expect("a key");
        self.store.put(&[(key, module.zip().to_vec())]).expect("stored");
        let (zip, go_mod) = (module.zip_hash(), module.go_mod_hash());
        let record = Record::new(MODULE, version.to_string(), zip, go_mod).expect("a record");
        let appended = self.log.append(head, &[record.entry().expect("an entry")]);
        assert!(matches!(appended.expect("appended"), Appended::Committed(_)));
        version
    }

    pub(super) fn configs(&self) -> ConfigSet {
        self.try_configs().expect("configs")
    }

    pub(super) fn try_configs(&self) -> Result<ConfigSet, ConfigSetError> {
        let path = ModulePath::new(MODULE).expect("a module path");
        ConfigSet::open(path, self.keys.clone(), self.store.clone())
    }

    /// A receiver with its reports in a folder, at [`now`].
    pub(super) fn receiver(&self, folder: &Path, limits: Limits) -> Arc<Receiver> {
        self.receiver_with(folder, limits, now())
    }

    /// A receiver at another time.
    pub(super) fn receiver_at(&self, folder: &Path, limits: Limits, now: &str) -> Arc<Receiver> {
        self.receiver_with(folder, limits, now.parse().expect("a time"))
    }

    fn receiver_with(&self, folder: &Path, limits: Limits, now: Timestamp) -> Arc<Receiver> {
        let clock = Box::new(Stopped(now));
        Arc::new(Receiver::open(folder, self.configs(), clock, limits).expect("a receiver"))
    }
}
