//! The cost of auditing a log of a million entries: entries a second, compared with plain SHA-256 of the same
//! bytes, peak memory, and continuing after a kill.
//!
//! ```text
//! cargo bench --bench audit               a million entries
//! cargo bench --bench audit -- 70000      this many
//! cargo bench --bench audit -- 1000000 serve    and keep serving the log, for other programs
//! ```
//!
//! The log is served by our own server in this process; the auditor is the program itself, in another one.

#[path = "../tests/support/long_log.rs"]
#[allow(dead_code, reason = "publishing is another bench's")]
mod long_log;

use candor::gomod::ModulePath;
use candor::store::FileStore;
use candor::tlog::{Bundle, LogVerifiers, StoredTiles, TreeHead};
use candor::web::{Site, serve};
use sha2::{Digest, Sha256};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let size = arguments.first().map_or(1_000_000, |size| size.parse().expect("a number"));
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let store = FileStore::new(folder.path().join("store"));
    let log = long_log::LongLog::new(store, size);
    let keys = log.keys();
    let published = log.published();
    let url = served(&log, keys.clone());
    println!("{} entries at {url}/log, key {}", published.head().size, keys.log);

    let tiles = StoredTiles::new(log.store.clone());
    let (bytes, time) = raw_sha256(&tiles, published.head());
    println!(
        "raw SHA-256 of {} MB of entries: {:.2} s, {:.0} entries a second",
        bytes / 1_000_000,
        time.as_secs_f64(),
        published.head().size.get() as f64 / time.as_secs_f64()
    );

    let state = folder.path().join("state.json");
    let (time, memory) = audit(&url, &keys, &state);
    println!(
        "audit: {:.1} s, {:.0} entries a second, {} MB of memory at most",
        time.as_secs_f64(),
        published.head().size.get() as f64 / time.as_secs_f64(),
        memory / 1000
    );
    let (time, _) = audit(&url, &keys, &state);
    println!("the same again, with nothing new: {:.2} s", time.as_secs_f64());

    let state = folder.path().join("killed.json");
    let killed = kill_in_the_middle(&url, &keys, &state, size);
    let (time, _) = audit(&url, &keys, &state);
    println!("killed at entry {killed}, the rest took {:.1} s", time.as_secs_f64());
    if arguments.iter().any(|argument| argument == "serve") {
        println!("serving; stop with Ctrl-C");
        loop {
            std::thread::park();
        }
    }
}

fn served(log: &long_log::LongLog<FileStore>, keys: LogVerifiers) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    listener.set_nonblocking(true).expect("made ready");
    let store = log.store.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let path = ModulePath::new("telemetry.example.org/config").expect("a path");
            let site = Site::open(path, keys, store).await.expect("a site");
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            serve(listener, None, site, None, std::future::pending()).await;
        });
    });
    url
}

fn raw_sha256(tiles: &StoredTiles, head: TreeHead) -> (usize, Duration) {
    let bundles = (0..head.size.get().div_ceil(256)).filter_map(|i| Bundle::for_size(i, head.size));
    let read = |bundle| tiles.read_bundle(bundle).expect("a bundle");
    let entries: Vec<Vec<u8>> =
        bundles.flat_map(read).map(|entry| entry.as_bytes().to_vec()).collect();
    let start = Instant::now();
    let mut bytes = 0;
    for entry in &entries {
        std::hint::black_box(Sha256::digest(entry));
        bytes += entry.len();
    }
    (bytes, start.elapsed())
}

fn command(url: &str, keys: &LogVerifiers, state: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_candor"));
    command.args(["audit", &format!("{url}/log"), "--log-only", "--vkey", &keys.log.to_string()]);
    command.arg("--state").arg(state).stdout(Stdio::null());
    command
}

/// Audits, and returns the time it took and its peak memory in kB.
fn audit(url: &str, keys: &LogVerifiers, state: &std::path::Path) -> (Duration, u64) {
    let start = Instant::now();
    let mut child = command(url, keys, state).spawn().expect("started");
    let mut memory = 0;
    while child.try_wait().expect("its state").is_none() {
        memory = memory.max(peak(&child));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(child.wait().expect("its end").success(), "the audit found the log wrong");
    (start.elapsed(), memory)
}

/// The peak memory of a process, in kB.
fn peak(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
    let status = status.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Kills an audit once it has saved half of its progress, and returns how far that was.
fn kill_in_the_middle(url: &str, keys: &LogVerifiers, state: &std::path::Path, size: u64) -> u64 {
    let mut child = command(url, keys, state).spawn().expect("started");
    loop {
        let bytes = std::fs::read(state).unwrap_or_default();
        let state: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let read = state["reading"]["size"].as_u64().unwrap_or(0);
        if read >= size / 2 || child.try_wait().expect("its state").is_some() {
            child.kill().expect("killed");
            child.wait().expect("its end");
            return read;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
