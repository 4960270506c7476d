//! The cost of auditing a log of a million entries: entries a second, compared with plain SHA-256 of the same
//! bytes, peak memory, and continuing after a kill.
//!
//! ```text
//! cargo bench --bench audit               a million entries
//! cargo bench --bench audit -- 70000      this many
//! cargo bench --bench audit -- 70000 --json     the cost as a line of JSON, and nothing else
//! cargo bench --bench audit -- 1000000 serve    and keep serving the log, for other programs
//! ```
//!
//! The log is served by our own server in this process; the auditor is the program itself, in another one.

#[path = "../tests/support/long_log.rs"]
#[allow(dead_code, reason = "counting operations is another bench's")]
mod long_log;
#[path = "../tests/support/measured.rs"]
#[allow(dead_code, reason = "another bench measures more")]
mod measured;

use candor::gomod::ModulePath;
use candor::store::FileStore;
use candor::tlog::{Bundle, LogVerifiers, StoredTiles, TreeHead};
use candor::web::{Site, serve};
use sha2::{Digest, Sha256};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often an audit of little is repeated; the least is printed.
const TIMES: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let size = arguments.first().map_or(1_000_000, |size| size.parse().expect("a number"));
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let store = FileStore::new(folder.path().join("store"));
    let log = long_log::LongLog::new(store, size);
    let keys = log.keys();
    let published = log.published();
    if std::env::args().any(|argument| argument == "--json") {
        println!("{}", point(&log, &keys, folder.path(), size));
        return;
    }
    let url = format!("http://{}", served(&log, keys.clone()));
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

/// What a first audit costs, and those after no and one more version: the time, the peak memory, and the bytes that
/// the server sent and the auditor keeps.
fn point(
    log: &long_log::LongLog<FileStore>,
    keys: &LogVerifiers,
    folder: &Path,
    size: u64,
) -> serde_json::Value {
    let (address, sent) = counting(served(log, keys.clone()));
    let url = format!("http://{address}");
    let audited = |state: &Path| {
        sent.store(0, Ordering::Relaxed);
        let (time, memory) = audit(&url, keys, state);
        let kept = std::fs::metadata(state).expect("a state").len();
        let bytes = sent.load(Ordering::Relaxed);
        let (ms, mib) = (measured::milliseconds(time), measured::mib(memory * 1024));
        serde_json::json!({ "ms": ms, "mib": mib, "bytes_sent": bytes, "bytes_kept": kept })
    };
    let state = folder.join("state.json");
    let first = audited(&state);
    let least = |all: Vec<serde_json::Value>| {
        let ms = |one: &serde_json::Value| one["ms"].as_f64().expect("a number");
        all.into_iter().min_by(|one, other| ms(one).total_cmp(&ms(other))).expect("some")
    };
    let nothing = least((0..TIMES).map(|_| audited(&state)).collect());
    let one = |_| {
        log.publish();
        let size = log.published().head().size.to_string();
        // The server keeps the head that it has for a moment.
        while checkpoint(&url).lines().nth(1) != Some(&size) {
            std::thread::sleep(Duration::from_millis(10));
        }
        audited(&state)
    };
    let one = least((0..TIMES).map(one).collect());
    serde_json::json!({
        "bench": "audit", "versions": size, "first": first, "nothing_new": nothing, "one_new": one,
    })
}

fn checkpoint(url: &str) -> String {
    let mut answer = ureq::get(format!("{url}/log/checkpoint")).call().expect("an answer");
    answer.body_mut().read_to_string().expect("text")
}

/// The address of a relay to another address, and how many bytes came back through it.
fn counting(to: SocketAddr) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let sent = Arc::new(AtomicU64::new(0));
    let count = sent.clone();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.expect("a connection");
            let server = TcpStream::connect(to).expect("a connection");
            let pairs = [(&client, &server, None), (&server, &client, Some(count.clone()))];
            for (from, to, count) in pairs {
                let from = from.try_clone().expect("a connection");
                let to = to.try_clone().expect("a connection");
                std::thread::spawn(move || relay(from, to, count));
            }
        }
    });
    (address, sent)
}

/// Copies until one of them ends.
fn relay(mut from: TcpStream, mut to: TcpStream, count: Option<Arc<AtomicU64>>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(bytes @ 1..) = from.read(&mut buffer) {
        if let Some(count) = &count {
            count.fetch_add(bytes as u64, Ordering::Relaxed);
        }
        if to.write_all(&buffer[..bytes]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

fn served(log: &long_log::LongLog<FileStore>, keys: LogVerifiers) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
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
    address
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
    let (time, memory) = measured::measure_command(&mut command(url, keys, state));
    (time, memory / 1024)
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
