//! How many of a deployment's files `candor serve` answers in a second, beside nginx with a static copy of them
//! (`candor static`): full tiles, bundles, zips and the checkpoint, over 1, 16 and 64 connections that stay open.
//!
//! Both answer the same requests of the same generator, in turns, `ROUNDS` (5) times for `SECONDS` (2); the median is
//! printed, with the share of requests that were answered within so many microseconds, and how much time of a
//! processor the server took for one request, which says more than the rate where others use the machine, too. nginx
//! has as many workers as there are processors, no access log, `sendfile`, and keeps open files.
//!
//! `PROFILE=N` only asks candor, over 16 connections for N seconds, so that it can be looked at from outside.

use candor::charts::{History, ObjectName, Revision, Sources};
use candor::gomod::RepositoryUrl;
use candor::publish::{CompileDay, Deployment, Publisher};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const HOST: &str = "telemetry.example.org";
const MODULE: &str = "telemetry.example.org/config";
/// More than a full tile.
const VERSIONS: u64 = 260;

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().expect("started");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn candor() -> Command {
    Command::new(env!("CARGO_BIN_EXE_candor"))
}

/// A commit whose config differs from that of every other number.
fn revision(number: u64) -> Revision {
    let counters: String = (0..20).map(|counter| format!("c{number}x{counter},")).collect();
    let files = [
        (
            "collection.toml",
            format!(
                "module = {MODULE:?}\ngoos = [\"linux\"]\ngoarch = [\"amd64\"]\n\
                 toolchains = [\"rust1.95.0\"]\n"
            ),
        ),
        (
            "programs/hello.toml",
            "program = \"example.org/hello\"\nmodule = \"example.org/hello\"\n\
             versions = [\"v1.0.0\"]\n"
                .to_owned(),
        ),
        (
            "charts/one.toml",
            format!(
                "[[chart]]\ntitle = \"One\"\nissue = [\"https://example.org/1\"]\n\
                 type = \"partition\"\nprogram = \"example.org/hello\"\n\
                 counter = \"hello/c:{{{}}}\"\n",
                counters.trim_end_matches(',')
            ),
        ),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), text.into_bytes())).to_vec();
    let object = ObjectName::parse(&format!("{number:040x}")).expect("a name");
    Revision {
        commit: object.clone(),
        tree: object,
        folder: "charts-config".to_owned(),
        time: 1_770_000_000 + number as i64,
        sources: Sources::from_files(files),
        history: History::none(),
    }
}

/// A deployment, and the addresses of its files.
fn publish(folder: &Path) -> Vec<String> {
    run(candor().args(["init", "--name", HOST, "--module", MODULE, "--data"]).arg(folder));
    let deployment = Deployment::open(folder).expect("a deployment");
    let (module, store) = (deployment.module.clone(), deployment.store.clone());
    let publisher = Publisher::new(module, store, deployment.log().expect("a log"));
    publisher.begin().expect("a good store");
    let day = CompileDay::Chosen("2026-02-02".parse().expect("a day"));
    for number in 1..=VERSIONS {
        publisher.publish(&revision(number), &RepositoryUrl::default(), day).expect("published");
    }
    let zips = (1..=16).map(|n| format!("/goproxy/{MODULE}/@v/v0.{}.0.zip", n * VERSIONS / 16));
    let tiles = ["/log/tile/0/000", "/log/tile/entries/000", "/tile/8/0/000", "/tile/8/data/000"];
    let pointers = ["/log/checkpoint", "/latest"];
    // As many of each kind.
    let many = |few: &[&str]| few.iter().map(|&one| one.to_owned()).cycle().take(16).collect();
    let (tiles, pointers): (Vec<String>, Vec<String>) = (many(&tiles), many(&pointers));
    zips.zip(tiles).zip(pointers).flat_map(|((zip, tile), pointer)| [zip, tile, pointer]).collect()
}

/// A server, until it is dropped.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        // nginx ends its workers when it is asked to end.
        run(Command::new("kill").arg(self.child.id().to_string()));
        let _ = self.child.wait();
    }
}

fn serve(folder: &Path) -> Server {
    let mut child = candor()
        .args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data"])
        .arg(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    let lines = BufReader::new(child.stdout.take().expect("output")).lines();
    let mut lines = lines.map(|line| line.expect("text"));
    let address = lines
        .find_map(|line| line.strip_prefix("listening on http://").map(|address| address.parse()));
    std::thread::spawn(move || lines.for_each(drop));
    Server { child, address: address.expect("a line").expect("an address") }
}

fn nginx(folder: &Path, www: &Path) -> Server {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let (temporary, root) = (folder.display(), www.display());
    let config = format!(
        "daemon off; worker_processes auto; pid {temporary}/pid; error_log {temporary}/error;
         events {{ worker_connections 1024; multi_accept on; }}
         http {{
           access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
           open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s;
           client_body_temp_path {temporary}/b; proxy_temp_path {temporary}/p;
           fastcgi_temp_path {temporary}/f; uwsgi_temp_path {temporary}/u; scgi_temp_path {temporary}/s;
           server {{ listen {address}; location / {{ root {root}; }} }}
         }}"
    );
    let path = folder.join("nginx.conf");
    fs::write(&path, config).expect("written");
    let program = ["/usr/sbin/nginx", "nginx"].into_iter().find(|name| Path::new(name).exists());
    let mut command = Command::new(program.unwrap_or("nginx"));
    let child = command.arg("-c").arg(&path).stderr(Stdio::null()).spawn().expect("nginx");
    let server = Server { child, address };
    while std::net::TcpStream::connect(address).is_err() {
        std::thread::sleep(Duration::from_millis(20));
    }
    server
}

/// The processor time that a process and its children have taken, in seconds.
fn processor_time(process: u32) -> f64 {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let children = children.unwrap_or_default();
    let own = || {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let mut ticks = || fields.next()?.parse::<f64>().ok();
        // There are 100 ticks in a second.
        Some((ticks()? + ticks()?) / 100.0)
    };
    let below = children.split_whitespace().filter_map(|child| child.parse().ok());
    own().unwrap_or_default() + below.map(processor_time).sum::<f64>()
}

/// Asks over one connection for one file after the other until the end; how long each answer took, in microseconds.
async fn ask(
    address: SocketAddr,
    requests: Arc<Vec<Vec<u8>>>,
    first: usize,
    end: Instant,
) -> Vec<u32> {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    stream.set_nodelay(true).expect("set");
    let (mut buffer, mut times) = (vec![0; 256 << 10], Vec::new());
    for request in requests.iter().cycle().skip(first) {
        let begun = Instant::now();
        if begun >= end {
            break;
        }
        stream.write_all(request).await.expect("sent");
        let (mut read, mut length) = (0, None);
        while length.is_none_or(|length| read < length) {
            let count = stream.read(&mut buffer[read..]).await.expect("an answer");
            assert!(count > 0, "the server has closed a connection");
            read += count;
            length = length.or_else(|| whole(&buffer[..read]));
        }
        assert_eq!(Some(read), length, "more than was asked for");
        times.push(begun.elapsed().as_micros() as u32);
    }
    times
}

/// The length of an answer, once its head is there.
fn whole(read: &[u8]) -> Option<usize> {
    let head = read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&read[..head]).expect("a head").to_ascii_lowercase();
    assert!(text.starts_with("http/1.1 200 "), "{text}");
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    Some(head + length.expect("a length").trim().parse::<usize>().expect("a number"))
}

/// What came of a round.
struct Round {
    per_second: f64,
    half: f64,
    p99: f64,
    processor: f64,
}

fn measure(server: &Server, paths: &[String], connections: usize, seconds: f64) -> Round {
    let request =
        |path: &String| format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n").into_bytes();
    let requests: Arc<Vec<Vec<u8>>> = Arc::new(paths.iter().map(request).collect());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let begun = processor_time(server.child.id());
    let start = Instant::now();
    let end = start + Duration::from_secs_f64(seconds);
    let mut times = runtime.expect("a runtime").block_on(async {
        let asking: Vec<_> = (0..connections)
            .map(|first| tokio::spawn(ask(server.address, requests.clone(), first * 7, end)))
            .collect();
        let mut times = Vec::new();
        for one in asking {
            times.append(&mut one.await.expect("no panic"));
        }
        times
    });
    let (took, count) = (start.elapsed().as_secs_f64(), times.len() as f64);
    let processor = (processor_time(server.child.id()) - begun) / count * 1e6;
    times.sort_unstable();
    let at = |share: f64| f64::from(times[(share * (count - 1.0)) as usize]);
    Round { per_second: count / took, half: at(0.5), p99: at(0.99), processor }
}

fn median(mut rounds: Vec<Round>) -> Round {
    rounds.sort_by(|one, other| one.per_second.total_cmp(&other.per_second));
    rounds.swap_remove(rounds.len() / 2)
}

fn main() {
    let variable = |name: &str| -> Option<f64> {
        std::env::var(name).ok().map(|value| value.parse().expect("a number"))
    };
    let temporary = tempfile::TempDir::new().expect("a temporary folder");
    let (data, www) = (temporary.path().join("data"), temporary.path().join("www"));
    let paths = publish(&data);
    let ours = serve(&data);
    if let Some(seconds) = variable("PROFILE") {
        println!("candor is process {}", ours.child.id());
        let round = measure(&ours, &paths, 16, seconds);
        println!(
            "{:.0} requests/s, {:.1} us of a processor each",
            round.per_second, round.processor
        );
        return;
    }
    let to = format!("file://{}", www.display());
    run(candor().args(["static", "--to", &to, "--data"]).arg(&data));
    // Workers of another user could not read it.
    run(Command::new("chmod").arg("-R").arg("a+rX").arg(temporary.path()));
    let theirs = nginx(temporary.path(), &www);
    let seconds = variable("SECONDS").unwrap_or(2.0);
    let rounds = variable("ROUNDS").unwrap_or(5.0) as usize;
    println!("                          requests/s   half us    p99 us   CPU us each");
    for connections in [1, 16, 64] {
        let (mut own, mut other) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            own.push(measure(&ours, &paths, connections, seconds));
            other.push(measure(&theirs, &paths, connections, seconds));
        }
        let (own, other) = (median(own), median(other));
        for (who, round) in [("candor", &own), ("nginx", &other)] {
            println!(
                "{connections:>3} connections  {who:<8} {:>10.0} {:>9.0} {:>9.0} {:>13.1}",
                round.per_second, round.half, round.p99, round.processor
            );
        }
        println!(
            "                 ratio    {:>10.2} {:>9.2} {:>9.2} {:>13.2}",
            own.per_second / other.per_second,
            own.half / other.half,
            own.p99 / other.p99,
            own.processor / other.processor
        );
    }
}
