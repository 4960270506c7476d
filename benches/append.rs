//! How fast a log on disk grows if every append is durable and published before it returns: staged entries, head,
//! tiles, the signer's lock and the checkpoint are all synced.
//!
//! 1, 16 and 256 clients each hand over one entry at a time and wait until a published checkpoint includes it. What
//! waits while one batch is appended is the next batch, of at most 256, as in Tessera; that is all that a sequencer
//! does here, in this bench, since nobody publishes that often. Beside it, in turns, the POSIX driver of Tessera
//! (`tests/go_peers/append`) with as many clients, in two ways: until an entry is published, for which it takes at
//! least 100 ms, its shortest interval; and until it is durable, whenever it is published.
//!
//! A round lasts `SECONDS` (3), and the median of `ROUNDS` (5) is printed. `--defaults` also measures Tessera with its
//! own settings: batches after 250 ms, and a checkpoint each 10 s.

use candor::store::FileStore;
use candor::tlog::{Appended, Entry, EntryValidator, InvalidEntry, LeafIndex, Log, LogKeys, Seed};
use candor::tlog::{SignerLock, TreeHead};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// The largest batch, as in Tessera.
const LARGEST: usize = 256;
/// How long a batch waits until it is as large as the one before it.
const AGE: Duration = Duration::from_millis(1);

/// Accepts every entry.
#[derive(Debug)]
struct Anything;

impl EntryValidator for Anything {
    fn validate(&self, _: LeafIndex, _: &Entry) -> Result<(), InvalidEntry> {
        Ok(())
    }
}

/// An entry, and whom to tell that it is published.
type Waiting = (Entry, SyncSender<()>);

/// What came of a round.
#[derive(serde::Deserialize)]
struct Round {
    per_second: f64,
    half_ms: f64,
    p99_ms: f64,
}

fn new_log(folder: &Path) -> Log {
    let host = "telemetry.example.org".parse().expect("a host");
    let keys = LogKeys::new(&host, &Seed::generate().expect("a seed"));
    let memory = folder.join("signer");
    std::fs::create_dir(&memory).expect("a folder");
    let store = Arc::new(FileStore::new(folder.join("store")));
    let signer = SignerLock::in_folder(&memory).expect("a signer");
    let log = Log::new(store, keys, signer, Arc::new(Anything));
    log.create().expect("a new log");
    log
}

/// Appends what waits, until nobody is left who could send more.
fn sequence(log: &Log, arriving: &Receiver<Waiting>) {
    let mut head = log.settle().expect("a head");
    let mut former = 1;
    while let Ok(first) = arriving.recv() {
        let mut batch = vec![first];
        let end = Instant::now() + AGE;
        while batch.len() < LARGEST {
            let next = match batch.len() < former {
                true => arriving.recv_timeout(end.saturating_duration_since(Instant::now())),
                false => arriving.try_recv().map_err(|_| RecvTimeoutError::Timeout),
            };
            match next {
                Ok(waiting) => batch.push(waiting),
                Err(_) => break,
            }
        }
        former = batch.len();
        head = append(log, head, &batch);
    }
}

fn append(log: &Log, head: TreeHead, batch: &[Waiting]) -> TreeHead {
    let entries: Vec<Entry> = batch.iter().map(|(entry, _)| entry.clone()).collect();
    let Appended::Committed(head) = log.append(head, &entries).expect("appended") else {
        panic!("nobody else appends")
    };
    batch.iter().for_each(|(_, published)| published.send(()).expect("a client waits"));
    head
}

/// As long as a checksum database record.
fn entry(client: usize, number: usize) -> Entry {
    Entry::new(format!("{client:0>100}{number:0>100}").as_bytes()).expect("an entry")
}

/// Adds one entry, and waits until it is published.
fn add(sequencer: &Sender<Waiting>, entry: Entry) {
    let (published, told) = sync_channel(1);
    sequencer.send((entry, published)).expect("a sequencer");
    told.recv().expect("published");
}

fn candor(clients: usize, seconds: f64) -> Round {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let log = &new_log(folder.path());
    let (sequencer, arriving) = channel();
    let mut waits: Vec<f64> = Vec::new();
    let took = thread::scope(|scope| {
        scope.spawn(move || sequence(log, &arriving));
        // The first entry makes folders, and is not measured.
        add(&sequencer, entry(clients, 0));
        let (start, (waited, all)) = (Instant::now(), mpsc::channel());
        for client in 0..clients {
            let (sequencer, waited) = (sequencer.clone(), waited.clone());
            scope.spawn(move || {
                let mut own = Vec::new();
                for number in 0.. {
                    if start.elapsed().as_secs_f64() >= seconds {
                        break;
                    }
                    let begun = Instant::now();
                    add(&sequencer, entry(client, number));
                    own.push(begun.elapsed().as_secs_f64() * 1e3);
                }
                waited.send(own).expect("counted");
            });
        }
        drop((sequencer, waited));
        all.iter().for_each(|mut own| waits.append(&mut own));
        start.elapsed().as_secs_f64()
    });
    waits.sort_by(f64::total_cmp);
    let at = |share: f64| waits[(share * (waits.len() - 1) as f64) as usize];
    Round { per_second: waits.len() as f64 / took, half_ms: at(0.5), p99_ms: at(0.99) }
}

fn tessera(clients: usize, seconds: f64, until: &str, [age, interval]: [&str; 2]) -> Round {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    let output = Command::new(target.join("peers/append"))
        .args([&clients.to_string(), &seconds.to_string(), until, age, interval])
        .stderr(Stdio::null())
        .output()
        .expect("scripts/setup test builds the peer");
    assert!(output.status.success(), "the peer failed");
    serde_json::from_slice(&output.stdout).expect("a line of JSON")
}

/// The round in the middle, by entries a second.
fn median(mut rounds: Vec<Round>) -> Round {
    rounds.sort_by(|one, other| one.per_second.total_cmp(&other.per_second));
    rounds.swap_remove(rounds.len() / 2)
}

fn print(who: &str, round: &Round, of: &Round) {
    println!(
        "  {who:<34} {:>9.1} {:>9.2} {:>9.2} {:>9.1}",
        round.per_second,
        round.half_ms,
        round.p99_ms,
        of.per_second / round.per_second
    );
}

fn main() {
    let variable = |name: &str, usual: f64| {
        std::env::var(name).map_or(usual, |value| value.parse().expect("a number"))
    };
    let (seconds, rounds) = (variable("SECONDS", 3.0), variable("ROUNDS", 5.0) as usize);
    let defaults = std::env::args().any(|argument| argument == "--defaults");
    println!("  {:<34} {:>9} {:>9} {:>9} {:>9}", "", "entries/s", "half ms", "p99 ms", "ratio");
    for clients in [1, 16, 256] {
        println!("{clients} clients");
        let (mut own, mut published, mut durable) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            own.push(candor(clients, seconds));
            published.push(tessera(clients, seconds, "published", ["1ms", "100ms"]));
            durable.push(tessera(clients, seconds, "durable", ["1ms", "100ms"]));
        }
        let own = median(own);
        print("candor, published", &own, &own);
        print("tessera, published", &median(published), &own);
        print("tessera, durable", &median(durable), &own);
        if defaults {
            let usual = tessera(clients, seconds.max(25.0), "published", ["250ms", "10s"]);
            print("tessera, published, its defaults", &usual, &own);
        }
    }
}
