//! How fast reports are received: reports a second, and the 99th percentile of the latency, over
//! loopback with 1, 16 and 256 connections, each of which sends its next report when the last one was
//! acknowledged. Candor acknowledges after a sync, so the time of a sync on this disk is shown, too, and what the
//! rest of an upload takes over one connection: of a report that is stored already, and of one that a thread here
//! answers which only reads it.
//!
//! ```text
//! cargo bench --bench ingest                            candor serve
//! cargo bench --bench ingest -- --url ADDR --config F   another server, such as
//!                                                       127.0.0.1:8080, which has the config F
//! cargo bench --bench ingest -- --print-config          the config of the first form, for that
//! ```

#[path = "../tests/support/receiver.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod receiver;

use candor::collection::CollectionConfig;
use candor::ingest::{LoggedConfig, Report, check};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The origin of the deployment in `receiver`.
pub const MODULE: &str = "telemetry.example.org/config";
/// Likewise.
pub const HOST: &str = "telemetry.example.org";

const CONNECTIONS: [usize; 3] = [1, 16, 256];
const WARM_UP: Duration = Duration::from_millis(500);
const MEASURED: Duration = Duration::from_secs(4);
/// A placeholder for X, with as many digits as in a report.
const X: &str = "0.1000000000000001";

/// A config of a usual size: two programs with eleven charts and two stacks.
const CHARTS: [(&str, &str, &str); 13] = {
    const GROUP: &str =
        "type = \"histogram\"\ncounter = \"chart:{0,1,2,4,8,16,32,64,128,256,512,1024}\"\n";
    [
        (
            "a",
            "hello",
            "type = \"partition\"\ncounter = \"hello/client:{vscode,vim,emacs,other}\"\n",
        ),
        ("b", "hello", "type = \"partition\"\ncounter = \"hello/verb:{run,build,test,stop}\"\n"),
        ("c", "hello", "type = \"partition\"\ncounter = \"hello/mode:{fast,slow}\"\n"),
        ("d", "hello", "type = \"partition\"\ncounter = \"hello/exit:{0,1,2}\"\n"),
        ("e", "hello", "type = \"partition\"\ncounter = \"hello/flag:{json,quiet,verbose}\"\n"),
        ("f", "hello", GROUP),
        ("g", "hello", "type = \"stack\"\ndepth = 16\ncounter = \"crash/panic\"\n"),
        ("h", "tool", "type = \"partition\"\ncounter = \"tool/verb:{get,put,list}\"\n"),
        ("i", "tool", "type = \"partition\"\ncounter = \"tool/cache:{hit,miss}\"\n"),
        ("j", "tool", "type = \"partition\"\ncounter = \"tool/proxy:{on,off}\"\n"),
        ("k", "tool", "type = \"partition\"\ncounter = \"tool/vcs:{git,hg}\"\n"),
        ("l", "tool", GROUP),
        ("m", "tool", "type = \"stack\"\ndepth = 16\ncounter = \"tool/bug\"\n"),
    ]
};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let option = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let folder = TempDir::new().expect("a temporary folder");
    receiver::deploy_charts(folder.path(), &[&CHARTS]);
    let mut config = receiver::configs(folder.path()).remove(0);
    if arguments.iter().any(|argument| argument == "--print-config") {
        println!("{config:#}");
        return;
    }
    if let Some(address) = option("--url") {
        let file = option("--config").expect("--url needs --config FILE");
        let text = std::fs::read_to_string(&file).expect("read the config");
        config = serde_json::from_str(&text).expect("the config is JSON");
        drive(&address, &config);
        return;
    }
    let report = report(&config);
    measure_check(&config, &report);
    println!("one sync of {} bytes: {:?} (median)", report.len(), sync_time(folder.path()));
    // Everything comes from one address, and within a minute more than a day's budget.
    let budgets = ["--day-reports", "1000000000", "--network-reports", "1000000000"];
    let server = receiver::Server::start_with(folder.path(), "warn", Stdio::inherit(), &budgets);
    drive(&server.address, &config);
    parts(&server.address, &report);
}

/// A report with a third of the counters that each program of a config may report, and a stack.
/// Indented as Go's client sends it.
fn report(config: &Value) -> String {
    let first = |list: &Value| list.get(0).cloned().unwrap_or_default();
    let programs = config["Programs"].as_array().expect("programs").iter().map(|program| {
        let expressions = program["Counters"].as_array().into_iter().flatten();
        let names = expressions.flat_map(|counter| {
            let name = counter["Name"].as_str().expect("a name");
            candor::collection::expand(name).collect::<Vec<_>>()
        });
        let counters: Map<_, _> =
            (1..).zip(names).step_by(3).map(|(count, name)| (name, json!(count))).collect();
        let stacks = program["Stacks"].as_array().into_iter().flatten().take(1);
        let stacks: Map<_, _> = stacks
            .map(|stack| {
                let name = stack["Name"].as_str().expect("a name");
                let frames = "\nexample.org/hello/internal/run.(*Job).Step.func1:+12,+0x3f\
                              \nexample.org/hello/internal/run.(*Job).Run:+31,+0x1c4\
                              \nmain.main:+7,+0x55\nruntime.main:+147,+0x27c";
                (format!("{name}{frames}"), json!(1))
            })
            .collect();
        json!({
            "Program": program["Name"], "Version": first(&program["Versions"]),
            "GoVersion": first(&config["GoVersion"]), "GOOS": first(&config["GOOS"]),
            "GOARCH": first(&config["GOARCH"]), "Counters": counters, "Stacks": stacks,
        })
    });
    let value = json!({
        "Week": receiver::week().to_string(), "LastWeek": "", "X": 0, "Config": "v0.1.0",
        "Programs": programs.collect::<Vec<_>>(),
    });
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
    value.serialize(&mut serializer).expect("JSON");
    let text = String::from_utf8(text).expect("text");
    text.replace("\"X\": 0", &format!("\"X\": {X}"))
}

/// The time of parsing, checking and encoding, without network and disk.
fn measure_check(config: &Value, report: &str) {
    let config = CollectionConfig::from_json(config.to_string().as_bytes()).expect("a config");
    let version = "v0.1.0".parse().expect("a version");
    let config = LoggedConfig::new(version, &config);
    let now = jiff::Timestamp::now();
    let began = Instant::now();
    let mut times = 0_u32;
    while began.elapsed() < Duration::from_secs(1) {
        for _ in 0..100 {
            let decoded =
                Report::decode(std::hint::black_box(report.as_bytes())).expect("a report");
            let checked = check(&decoded, decoded.week, &config, now).expect("allowed");
            std::hint::black_box(checked);
        }
        times += 100;
    }
    println!(
        "a report of {} bytes read, checked and written anew: {:?}, one thread",
        report.len(),
        began.elapsed() / times
    );
}

/// The median time of a sync after a small append, on the disk that the reports are on.
fn sync_time(folder: &Path) -> Duration {
    let path = folder.join("sync");
    let mut file = OpenOptions::new().create(true).append(true).open(path).expect("a file");
    let mut times: Vec<_> = (0..101)
        .map(|_| {
            file.write_all(&[b'x'; 1500]).expect("written");
            let began = Instant::now();
            file.sync_data().expect("synced");
            began.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

/// Measures a server at each number of connections.
fn drive(address: &str, config: &Value) {
    let report = report(config);
    println!("{:>11} {:>10} {:>10} {:>10}", "connections", "reports/s", "p50", "p99");
    // Clients have one thread; a server may have the others.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for connections in CONNECTIONS {
        let start = Instant::now() + WARM_UP;
        let clients = (0..connections).map(|number| {
            let (address, request) = (address.to_owned(), receiver::request("", &report));
            upload(address, request, Some(number), start)
        });
        let mut times: Vec<Duration> = runtime.block_on(async {
            let clients: Vec<_> = clients.map(tokio::spawn).collect();
            let mut times = Vec::new();
            for client in clients {
                times.extend(client.await.expect("no panic"));
            }
            times
        });
        times.sort();
        let part = |percent: usize| times[times.len() * percent / 100];
        let rate = times.len() as f64 / MEASURED.as_secs_f64();
        println!("{connections:>11} {rate:>10.0} {:>10.2?} {:>10.2?}", part(50), part(99));
    }
}

/// Shows what an upload takes over one connection without a sync, and without a server.
fn parts(address: &str, report: &str) {
    let request = receiver::request("", report);
    let reads = reader(request.len());
    let whats = [("stored already, so not synced", address), ("read by a thread, no more", &reads)];
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for (what, address) in whats {
        let start = Instant::now() + WARM_UP;
        let same = upload(address.to_owned(), request.clone(), None, start);
        let mut times = runtime.block_on(same);
        times.sort();
        println!("a report over one connection, {what}: {:.2?} (median)", times[times.len() / 2]);
    }
}

/// A thread that answers one connection: 200 whenever so many bytes have come. Its address.
fn reader(bytes: usize) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        let mut request = vec![0; bytes];
        while stream.read_exact(&mut request).is_ok() {
            // With as many bytes as Candor's.
            let padding = "x".repeat(150);
            let answer = format!("HTTP/1.1 200 OK\r\nx: {padding}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).expect("answered");
        }
    });
    address
}

/// Uploads over one connection until the time is over; returns how long each took after `start`. Each report is
/// another one if the connection has a number, and the same otherwise.
async fn upload(
    address: String,
    request: String,
    number: Option<usize>,
    start: Instant,
) -> Vec<Duration> {
    let mut request = request.into_bytes();
    let x = request.windows(X.len()).position(|window| window == X.as_bytes()).expect("X");
    let mut stream = TcpStream::connect(address).await.expect("connected");
    stream.set_nodelay(true).expect("no delay");
    let mut times = Vec::new();
    let mut answer = vec![0; 16 << 10];
    // Different in every run, since a server remembers its reports.
    let seed = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_micros() as u64;
    for count in 0_u64.. {
        let began = Instant::now();
        if began > start + MEASURED {
            break;
        }
        // Sixteen digits after "0."; the first stays 1, and the last is not 0.
        if let Some(number) = number {
            let digits = (seed % 1_000_000 * 1_000 + number as u64) * 100_000 + count % 100_000;
            write!(&mut request[x + 3..x + X.len()], "{:014}1", digits % 100_000_000_000_000)
                .expect("it fits");
        }
        stream.write_all(&request).await.expect("sent");
        let status = read_answer(&mut stream, &mut answer).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        if began >= start {
            times.push(began.elapsed());
        }
    }
    times
}

/// Reads one answer with its body; the status. `answer` is large enough for any.
async fn read_answer(stream: &mut TcpStream, answer: &mut [u8]) -> u16 {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut answer[filled..]).await.expect("an answer");
        assert!(read > 0, "the server closed the connection");
        filled += read;
        if let Some((status, length)) = head(&answer[..filled])
            && filled >= length
        {
            return status;
        }
    }
}

/// The status of an answer whose head has arrived, and its length with its body.
fn head(answer: &[u8]) -> Option<(u16, usize)> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&answer[..end]).expect("a head");
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then_some(value)
    });
    let length: usize = length.map_or(0, |length| length.trim().parse().expect("a length"));
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    Some((status.expect("a status"), end + 4 + length))
}
