//! From an upload to the public data, with real processes that are killed (SIGKILL): servers while they
//! receive uploads and seal, merges while they publish and remove. Each acknowledged report is in the
//! public data once, and none is left in the receiver's folder.
//!
//! `power_cut::forgetting`, a unit test, kills at every single sync.

#![cfg(feature = "server")]

use crate::support;
use candor::aggregate::index::FileFormat;
use candor::aggregate::{Merging, PublicData, Unwatched, merge};
use candor::ingest::listed_segments;
use candor::store::FileStore;
use jiff::ToSpan;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use support::candor;
use support::moment::kill_after_changes;
use support::receiver::{self, Server, number_of, report, reports_folder, week};
use tempfile::TempDir;

const ROUNDS: u32 = 40;
const SENDERS: u64 = 4;

fn merge_command(folder: &Path) -> Command {
    let mut command = candor();
    command.args(["merge", "--data"]).arg(folder).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// One upload: its status, or `None` if the server is gone.
fn upload(stream: &mut TcpStream, number: u64) -> Option<u16> {
    stream.write_all(receiver::request("", &report(number)).as_bytes()).ok()?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        answer.extend_from_slice(&byte);
    }
    std::str::from_utf8(&answer).ok()?.split(' ').nth(1)?.parse().ok()
}

/// What one sender knows.
#[derive(Default)]
struct Sender {
    acknowledged: BTreeSet<u64>,
    unanswered: Vec<u64>,
}

impl Sender {
    /// Uploads until it is asked to stop, with a new connection whenever one failed.
    fn send(&mut self, address: &str, next: &mut u64, stop: &AtomicBool, taken: &AtomicUsize) {
        let mut connection = None;
        while !stop.load(Ordering::SeqCst) {
            let Some(stream) = &mut connection else {
                std::thread::sleep(Duration::from_millis(2));
                connection = TcpStream::connect(address).ok();
                continue;
            };
            let number = self.unanswered.pop().unwrap_or_else(|| {
                *next += SENDERS;
                *next
            });
            match upload(stream, number) {
                Some(200) => {
                    self.acknowledged.insert(number);
                    taken.fetch_add(1, Ordering::SeqCst);
                }
                Some(503) | None => {
                    self.unanswered.push(number);
                    connection = None;
                }
                Some(status) => panic!("report {number} was answered {status}"),
            }
        }
    }
}

/// A merge on a day of the future.
fn merge_on(folder: &Path, today: Date) {
    let store = Arc::new(FileStore::new(folder.join("store")));
    let (reports, scratch) = (reports_folder(folder), folder.join("scratch"));
    let merging =
        Merging { buffer: (&reports).into(), store, scratch: &scratch, today, stack_minimum: 1 };
    let merged = merge(&merging, &Unwatched).expect("merged");
    assert_eq!(merged.problems, Vec::<String>::new());
}

/// How often each report occurs in the public data.
fn public(folder: &Path) -> BTreeMap<u64, u32> {
    let public = PublicData::new(Arc::new(FileStore::new(folder.join("store"))));
    let index = public.index().expect("an index");
    assert!(index.waiting.is_none(), "nothing waits");
    let file = index.days[&week()].file(FileFormat::NdjsonZstd).expect("a file");
    let mut text = String::new();
    let mut decoder = zstd::Decoder::new(public.open(file).expect("whole")).expect("a decoder");
    decoder.read_to_string(&mut text).expect("text");
    let mut found = BTreeMap::new();
    for line in text.lines() {
        let row = serde_json::from_str(line).expect("JSON");
        *found.entry(number_of(&row)).or_default() += 1;
    }
    found
}

#[test]
fn each_acknowledged_report_is_public_once_whoever_is_killed() {
    let folder = TempDir::new().expect("a temporary folder");
    receiver::deploy(folder.path());
    let mut senders: Vec<(Sender, u64)> = (0..SENDERS).map(|n| (Sender::default(), n)).collect();
    let mut killed_merges = 0;
    for round in 0..ROUNDS {
        let server = Server::start(folder.path(), "off", Stdio::null());
        let (stop, taken) = (AtomicBool::new(false), AtomicUsize::new(0));
        let address = server.address.clone();
        std::thread::scope(|scope| {
            for (sender, next) in &mut senders {
                let (address, stop, taken) = (&address, &stop, &taken);
                scope.spawn(move || sender.send(address, next, stop, taken));
            }
            while taken.load(Ordering::SeqCst) < 1 + (round * round % 23) as usize {
                std::thread::sleep(Duration::from_millis(1));
            }
            // A merge while the server runs, which asks it to seal; it may be killed before it ends.
            let mut merge = merge_command(folder.path());
            killed_merges +=
                u32::from(kill_after_changes(&mut merge, folder.path(), round % 13 * 2));
            server.kill();
            stop.store(true, Ordering::SeqCst);
        });
    }
    println!("{ROUNDS} servers and {killed_merges} merges were killed");
    assert!(killed_merges > 5, "only {killed_merges} merges were killed before their end");

    let acknowledged: BTreeSet<u64> =
        senders.iter().flat_map(|(sender, _)| sender.acknowledged.iter().copied()).collect();
    let unanswered: BTreeSet<u64> =
        senders.iter().flat_map(|(sender, _)| sender.unanswered.iter().copied()).collect();
    let last = week().checked_add(40.days()).expect("a day");
    for _ in 0..2 {
        merge_on(folder.path(), last);
    }
    let found = public(folder.path());
    assert!(found.values().all(|times| *times == 1), "each once");
    for number in &acknowledged {
        assert!(found.contains_key(number), "{number} was acknowledged and is not public");
    }
    assert!(found.keys().all(|n| acknowledged.contains(n) || unanswered.contains(n)));
    println!("{} acknowledged, {} public", acknowledged.len(), found.len());

    let reports = reports_folder(folder.path());
    let names = std::fs::read_dir(&reports).expect("a folder");
    let names = names.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().expect("text")).collect();
    names.sort();
    assert_eq!(names, [".lock", "merged", "seen", "segments"]);
    assert!(listed_segments(&reports).expect("a list").segments.is_empty());
}
