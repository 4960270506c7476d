//! Several machines on one bucket: servers, publishers and mergers, killed at random under load. Every acknowledged
//! report is public once in the end, and the log has one history.
//!
//! `scripts/machines-check` runs it for ten minutes; CANDOR_MACHINES_SECONDS says for how long.
#![cfg(feature = "server")]

use crate::support;

use candor::aggregate::index::FileFormat;
use candor::aggregate::{Merging, PublicData, Unwatched, merge};
use candor::ingest::{Buffer, UPLOADS};
use candor::store::{Key, Store};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::charts::Dice;
use support::peers::peer;
use support::s3::S3;
use support::{Charts, HOST, MODULE, Server, candor, json as run_json, run, succeed, text};
use tempfile::TempDir;

const SERVERS: usize = 3;
const SENDERS: u64 = 12;
const PUBLISHERS: usize = 2;

/// How long the machines are under load.
fn seconds() -> u64 {
    let wanted = std::env::var("CANDOR_MACHINES_SECONDS").ok();
    wanted.map_or(20, |number| number.parse().expect("a number"))
}

/// `candor`, with the credentials of a bucket's server.
pub fn candor_on(server: &S3) -> Command {
    let mut command = candor();
    for name in
        ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"]
    {
        command.env_remove(name);
    }
    command.envs(server.environment()).env("HOME", server.home());
    command
}

/// A bucket with a deployment, and the machines that use it.
struct World {
    bucket: S3,
    folder: TempDir,
    log_key: String,
}

impl World {
    fn new() -> World {
        let (bucket, folder) = (S3::versitygw(), TempDir::new().expect("a temporary folder"));
        let mut init = candor_on(&bucket);
        init.args(["--json", "init", "--name", HOST, "--module", MODULE]);
        init.args(["--store", &bucket.url("store"), "--data"]).arg(folder.path().join("first"));
        let made: Value = run_json(&mut init);
        let log_key = made["log_key"].as_str().expect("a key").to_owned();
        let world = World { bucket, folder, log_key };
        // Whoever publishes remembers what was signed in a place that all publishers have.
        let settings = world.machine("first").join("candor.toml");
        let mut text = std::fs::read_to_string(&settings).expect("the settings");
        text += &format!("\n[signer]\nlock = \"{}\"\n", world.bucket.url("lock"));
        std::fs::write(&settings, text).expect("written");
        let server = world.serve("first", &["--read-only"]);
        let mut moved = world.on("first", "signer");
        moved.args(["move", "--url", &server.url]);
        succeed(&mut moved);
        world
    }

    /// The folder of a machine.
    fn machine(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Another machine: all that it is given is the settings, and, if it publishes, the key.
    fn add_machine(&self, name: &str, publishes: bool) {
        let (first, own) = (self.machine("first"), self.machine(name));
        std::fs::create_dir(&own).expect("made");
        std::fs::copy(first.join("candor.toml"), own.join("candor.toml")).expect("copied");
        if publishes {
            support::copy_folder(&first.join("keys"), &own.join("keys"));
        }
    }

    /// A verb on a machine.
    fn on(&self, machine: &str, verb: &str) -> Command {
        let mut command = candor_on(&self.bucket);
        command.arg(verb);
        if verb != "signer" {
            command.arg("--data").arg(self.machine(machine));
        } else {
            command.env("CANDOR_DATA_DIR", self.machine(machine));
        }
        command
    }

    fn serve(&self, machine: &str, more: &[&str]) -> Server {
        let mut serve = self.on(machine, "serve");
        serve.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).args(more);
        Server::start(&mut serve)
    }

    /// A server of its own that takes uploads, from as many senders as there are.
    fn receive(&self, machine: &str) -> Server {
        let wide = ["--day-reports", "100000000", "--network-reports", "100000000"];
        self.serve(machine, &[&wide[..], &["--no-charts"]].concat())
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.bucket.store("store"))
    }

    /// How often each report is in the public data, after a merge on a day of the future.
    fn public(&self) -> BTreeMap<u64, u32> {
        let (store, scratch) = (self.store(), self.folder.path().join("scratch"));
        let today = today().checked_add(40.days()).expect("a day");
        let buffer = Buffer::Store(store.clone());
        let merging =
            Merging { buffer, store: store.clone(), scratch: &scratch, today, stack_minimum: 1 };
        let merged = merge(&merging, &Unwatched).expect("merged");
        assert_eq!(merged.problems, Vec::<String>::new());
        let public = PublicData::new(store);
        let index = public.index().expect("an index");
        assert!(index.waiting.is_none(), "nothing waits");
        let mut found = BTreeMap::new();
        for dataset in index.days.values() {
            let file = dataset.file(FileFormat::NdjsonZstd).expect("a file");
            let mut lines = String::new();
            let mut decoder =
                zstd::Decoder::new(public.open(file).expect("whole")).expect("a decoder");
            decoder.read_to_string(&mut lines).expect("text");
            for line in lines.lines() {
                let row: Value = serde_json::from_str(line).expect("JSON");
                let number = row["Programs"][0]["Counters"]["hello/verb:run"].as_u64();
                *found.entry(number.expect("a number")).or_default() += 1;
            }
        }
        found
    }

    /// The batches in the store.
    fn batches(&self) -> Vec<Key> {
        self.store().list(&Key::new(UPLOADS).expect("a key")).expect("listed")
    }
}

fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

/// A report with this number, which is also in its public row.
fn report(number: u64) -> (String, String) {
    let week = today().checked_sub(3.days()).expect("a day").to_string();
    let report = json!({
        "Week": week,
        "LastWeek": "",
        "X": 0.000_01,
        "Programs": [{
            "Program": "example.org/hello",
            "Version": "v1.0.0",
            "GoVersion": "rust1.95.0",
            "GOOS": "linux",
            "GOARCH": "amd64",
            "Counters": { "hello/verb:run": number },
            "Stacks": {},
        }],
        "Config": "v0.1.0",
    });
    (week, report.to_string())
}

/// Sends a report: whether it was acknowledged. No answer is none.
pub fn upload(url: &str, number: u64) -> bool {
    let (week, report) = report(number);
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(10)))
        .build()
        .into();
    let request = agent.post(format!("{url}/upload/{week}"));
    let answer = request.header("Content-Type", "application/json").send(&report);
    let Ok(mut answer) = answer else { return false };
    match answer.status().as_u16() {
        200 => true,
        503 => false,
        status => {
            let said = answer.body_mut().read_to_string().unwrap_or_default();
            panic!("report {number} was answered {status}: {said}")
        }
    }
}

/// Runs a command, and kills it after this long or when all is over, if it still runs then: whether it was.
fn run_or_kill(command: &mut Command, after: Option<Duration>, over: impl Fn() -> bool) -> bool {
    let mut said = tempfile::tempfile().expect("a file");
    let errors = said.try_clone().expect("the file");
    let mut child = command.stdout(Stdio::null()).stderr(errors).spawn().expect("started");
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("its state") {
            let mut text = String::new();
            said.rewind().expect("rewound");
            said.read_to_string(&mut text).expect("text");
            assert!(status.success(), "{command:?} failed: {text}");
            return false;
        }
        if over() || after.is_some_and(|after| begun.elapsed() >= after) {
            child.kill().expect("killed");
            child.wait().expect("its end");
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_machine_that_has_the_settings_alone_serves_and_receives() {
    let world = World::new();
    let charts = Charts::new();
    let mut publish = world.on("first", "publish");
    succeed(publish.arg("--charts").arg(charts.path()));
    world.add_machine("second", false);
    let server = world.receive("second");
    while !upload(&server.url, 1) {
        std::thread::sleep(Duration::from_millis(20));
    }
    // It dies with all that it has; the report is in the store, and of this machine nothing is.
    server.kill();
    let left = left_behind(&world.machine("second"));
    assert_eq!(left, ["candor.toml"], "nothing that was received is on the machine");
    assert_eq!(world.batches().len(), 1);
    world.add_machine("third", false);
    let third = world.receive("third");
    while !upload(&third.url, 1) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(world.batches().len(), 2, "the other machine does not know the report");
    assert_eq!(world.public(), BTreeMap::from([(1, 1)]), "and the merge takes it once");
    assert_eq!(world.batches(), []);
    // One that only answers readers writes nothing, here or there.
    world.add_machine("reader", false);
    let before = support::contents(&world.bucket.files());
    let reader = world.serve("reader", &["--read-only"]);
    for path in ["/", "/data/index.json", "/log/newest", "/charts/", "/config/v0.1.0"] {
        assert_eq!(reader.get(path).0, 200, "{path}");
    }
    assert_eq!(reader.get("/data/index.json"), third.get("/data/index.json"));
    assert!(!upload(&reader.url, 2));
    drop(reader);
    assert!(support::contents(&world.bucket.files()) == before);
    assert_eq!(left_behind(&world.machine("reader")), ["candor.toml"]);
}

/// The files on a machine that say anything.
fn left_behind(folder: &Path) -> Vec<String> {
    let files = support::contents(folder).into_iter().filter(|(_, bytes)| !bytes.is_empty());
    files
        .map(|(path, _)| path.strip_prefix(folder).expect("inside").display().to_string())
        .collect()
}

#[test]
fn whoever_is_killed_there_is_one_history_and_each_report_once() {
    let world = World::new();
    let charts: Vec<Charts> = (0..PUBLISHERS).map(|_| Charts::new()).collect();
    let mut publish = world.on("first", "publish");
    succeed(publish.arg("--charts").arg(charts[0].path()));
    (0..SERVERS).for_each(|number| world.add_machine(&format!("server-{number}"), false));
    (0..PUBLISHERS).for_each(|number| world.add_machine(&format!("publisher-{number}"), true));
    world.add_machine("merger", false);
    let servers: Vec<Mutex<Option<Server>>> = (0..SERVERS)
        .map(|number| Mutex::new(Some(world.receive(&format!("server-{number}")))))
        .collect();
    let urls: Vec<Mutex<String>> = servers
        .iter()
        .map(|server| {
            let server = server.lock().expect("not poisoned");
            Mutex::new(server.as_ref().expect("a server").url.clone())
        })
        .collect();
    let stop = &AtomicBool::new(false);
    let acknowledged = Mutex::new(BTreeSet::new());
    let [sent, killed_servers, killed_publishers, killed_mergers, published, merged] =
        [const { AtomicU64::new(0) }; 6];
    let over = move || stop.load(Ordering::SeqCst);
    let add = |count: &AtomicU64, one: bool| count.fetch_add(u64::from(one), Ordering::SeqCst);
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (urls, acknowledged, sent) = (&urls, &acknowledged, &sent);
            scope.spawn(move || {
                let mut dice = Dice::new(100 + sender);
                let mut number = sender;
                let mut again = None;
                while !over() {
                    let number = again.take().unwrap_or_else(|| {
                        number += SENDERS;
                        number
                    });
                    let to = (dice.roll() * SERVERS as f64) as usize;
                    let url = urls[to].lock().expect("not poisoned").clone();
                    add(sent, true);
                    if upload(&url, number) {
                        acknowledged.lock().expect("not poisoned").insert(number);
                        // Some are sent again, as by a client that never saw the answer.
                        again = (dice.roll() < 0.05).then_some(number);
                    } else {
                        again = Some(number);
                        std::thread::sleep(Duration::from_millis(20));
                    }
                }
            });
        }
        for (number, charts) in charts.iter().enumerate() {
            let (world, killed, published) = (&world, &killed_publishers, &published);
            scope.spawn(move || {
                let mut dice = Dice::new(200 + number as u64);
                for round in 0.. {
                    if over() {
                        return;
                    }
                    charts.add_chart(&format!("chart-{number}-{round}"));
                    let mut publish = world.on(&format!("publisher-{number}"), "publish");
                    publish.arg("--charts").arg(charts.path());
                    let after = (dice.roll() < 0.4)
                        .then(|| Duration::from_millis((dice.roll() * 400.0) as u64));
                    let was_killed = run_or_kill(&mut publish, after, over);
                    add(killed, was_killed);
                    add(published, !was_killed);
                    std::thread::sleep(Duration::from_millis(200));
                }
            });
        }
        let (of_merger, killed, done) = (&world, &killed_mergers, &merged);
        scope.spawn(move || {
            let mut dice = Dice::new(300);
            for round in 0.. {
                // One that is killed while it merges is taken over after a minute.
                let kill = round > 3 && dice.roll() < 0.3;
                let after = kill.then(|| Duration::from_millis((dice.roll() * 300.0) as u64));
                for verb in ["merge", "chart"] {
                    if over() {
                        return;
                    }
                    let was_killed = run_or_kill(&mut of_merger.on("merger", verb), after, over);
                    add(killed, was_killed);
                    add(done, !was_killed);
                }
            }
        });
        let (of_killer, servers, urls, killed) = (&world, &servers, &urls, &killed_servers);
        scope.spawn(move || {
            let mut dice = Dice::new(400);
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(seconds()) {
                std::thread::sleep(Duration::from_millis(500 + (dice.roll() * 1000.0) as u64));
                let which = (dice.roll() * SERVERS as f64) as usize;
                let mut server = servers[which].lock().expect("not poisoned");
                server.take().expect("a server").kill();
                add(killed, true);
                let new = of_killer.receive(&format!("server-{which}"));
                *urls[which].lock().expect("not poisoned") = new.url.clone();
                *server = Some(new);
            }
            stop.store(true, Ordering::SeqCst);
        });
    });
    let acknowledged = acknowledged.into_inner().expect("not poisoned");
    let count = |count: &AtomicU64| count.load(Ordering::SeqCst);
    println!(
        "{} uploads, {} acknowledged; killed: {} servers, {} publishers, {} mergers; done: {} publications, {} merges \
         and charts",
        count(&sent),
        acknowledged.len(),
        count(&killed_servers),
        count(&killed_publishers),
        count(&killed_mergers),
        count(&published),
        count(&merged)
    );
    let public = world.public();
    let twice: Vec<_> = public.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "public more than once: {twice:?}");
    let lost: Vec<_> = acknowledged.iter().filter(|number| !public.contains_key(number)).collect();
    assert!(lost.is_empty(), "acknowledged and not public: {lost:?}");
    assert_eq!(world.batches(), []);
    assert!(acknowledged.len() > 100 && count(&killed_servers) > 5, "it was under load");
    assert!(count(&published) > 2 && count(&merged) > 2, "there was work");

    // One history, as another implementation of the log sees it, and as our audit does.
    drop(servers);
    let server = world.serve("server-0", &["--read-only"]);
    let mut audit = candor();
    audit.args(["--json", "audit", &server.url, "--vkey", &world.log_key]);
    let audited: Value = serde_json::from_slice(&run(&mut audit).stdout).expect("JSON");
    let verdicts = audited["verdicts"].as_array().expect("a list");
    for id in [
        "signature",
        "consistency",
        "root",
        "tiles",
        "faces",
        "versions",
        "zips",
        "data-files",
        "data-rows",
    ] {
        let verdict = verdicts.iter().find(|verdict| verdict["id"] == id).expect("a verdict");
        assert_eq!(verdict["state"], "ok", "{verdict}");
    }
    succeed(&mut world.on("publisher-0", "verify-store"));
    let key = world.folder.path().join("log.key");
    std::fs::write(&key, &world.log_key).expect("written");
    let mut fsck = peer("fsck");
    let url = format!("{}/log/", server.url);
    fsck.args(["--ui=false", "--storage_url", &url, "--public_key"]).arg(&key);
    let said = text(&run(&mut fsck).stderr);
    assert!(said.contains("Successfully fsck'd log with size"), "{said}");
}
