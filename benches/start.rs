//! What starting `candor serve` costs after 1, 3,000 and 100,000 versions of the config: the time until it answers
//! a request, and until it accepts reports; the processor's time and the memory by then; and the same of asking it
//! for old configs. Then the time of other verbs that open the deployment.
//!
//! `SIZES` names other sizes; `FOLDER` a folder in which the deployments are made, and kept for the next run;
//! `CANDOR` another build of `candor` to measure. The least of `TIMES` starts is printed. With `--json`, each size is a
//! line of JSON, which also says what publishing one more version costs.
//!
//! The first and the last version are published by the program. Those in between, 40 a day or more, are made through the
//! library, each with a zip of its own and an entry in the index of definitions, into a store that is not synced.

#[path = "../tests/support/measured.rs"]
mod measured;

use candor::charts::day_of;
use candor::gomod::{
    CommitTime, Module, ModuleVersion, ObjectId, Provenance, RepositoryPath, RepositoryUrl,
};
use candor::publish::{Deployment, zip_key};
use candor::store::{FileStore, Key, Store, Swap};
use candor::tlog::{Appended, Entry, Record};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const MODULE: &str = "telemetry.example.org/config";
const COLLECTION: &str = "module = 'telemetry.example.org/config'\ngoos = ['linux']\ngoarch = ['amd64']\n\
                          toolchains = ['rust1.95.0']\n";
const PROGRAM: &str =
    "program = 'example.org/p'\nmodule = 'example.org/p'\nversions = ['v1.0.0', 'v1.1.0']\n";
/// 2026-11-20.
const LAST: i64 = 1_795_132_800;
/// How many versions a day, and over how many days at most.
const A_DAY: u64 = 40;
const DAYS: u64 = 10_000;

fn succeed(program: &str, arguments: &[&str], folder: &Path) {
    let mut command = Command::new(program);
    command.current_dir(folder).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().expect("started").success(), "{program} {arguments:?}");
}

fn candor() -> PathBuf {
    std::env::var_os("CANDOR").map_or_else(|| env!("CARGO_BIN_EXE_candor").into(), PathBuf::from)
}

fn chart(number: usize) -> String {
    format!(
        "[[chart]]\ntitle = 'Chart {number}'\nissue = ['https://example.org/{number}']\n\
         type = 'partition'\nprogram = 'example.org/p'\n\
         counter = 'c{number}:{{a,b,c,d,e}}'\n\n"
    )
}

/// Commits definitions, and publishes them.
fn publish(folder: &Path, day: &str, counters: usize) {
    let charts = folder.join("charts/charts-config");
    for (name, text) in [
        ("collection.toml", COLLECTION.to_owned()),
        ("programs/p.toml", PROGRAM.to_owned()),
        ("charts/p.toml", (0..counters).map(chart).collect()),
    ] {
        let path = charts.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("created");
        fs::write(path, text).expect("written");
    }
    let repository = folder.join("charts");
    let user = ["-c", "user.name=A", "-c", "user.email=a@example.org"];
    succeed("git", &["init", "-q", "-b", "main"], &repository);
    succeed("git", &["add", "-A"], &repository);
    succeed("git", &[&user[..], &["commit", "-q", "-m", "A"]].concat(), &repository);
    let name = env!("CARGO_BIN_EXE_candor");
    succeed(name, &["publish", "--data", "data", "--charts", "charts", "--as-of", day], folder);
}

fn day(number: u64, size: u64) -> i64 {
    LAST - ((size - number) / A_DAY.max(size.div_ceil(DAYS))) as i64 * 86_400
}

/// A deployment with so many versions.
fn deploy(folder: &Path, size: u64) {
    let name = ["--name", "telemetry.example.org", "--module", MODULE];
    let init = [&["init", "--data", "data"][..], &name].concat();
    succeed(env!("CARGO_BIN_EXE_candor"), &init, folder);
    publish(folder, &day_of(day(1, size)).to_string(), 20);
    if size == 1 {
        return;
    }
    let data = folder.join("data");
    let store = FileStore::new(data.join("store"));
    let deployment = Deployment::open(&data).expect("a deployment");
    let config = newest_config(&deployment);
    let entries: Vec<Entry> = (2..size)
        .map(|number| {
            // Each config differs.
            let rate = 0.1 + number as f64 / 1e7;
            let config = config.replacen("\"Rate\": 1", &format!("\"Rate\": {rate}"), 1);
            entry(&store, number, day(number, size), config.into_bytes())
        })
        .collect();
    let log = deployment.log().expect("a log");
    let head = log.settle().expect("a head");
    assert!(matches!(log.append(head, &entries), Ok(Appended::Committed(_))));
    record_catalogues(&store, size);
    drop((log, deployment));
    publish(folder, &day_of(LAST).to_string(), 21);
}

fn newest_config(deployment: &Deployment) -> String {
    let log = deployment.log().expect("a log");
    let versions =
        candor::publish::Versions::new(deployment.module.clone(), deployment.store.clone());
    let head = log.settle().expect("a head");
    let module = versions.module(head, ModuleVersion::new(1).expect("a version"));
    String::from_utf8(module.expect("a module").config().to_vec()).expect("text")
}

fn entry(store: &FileStore, number: u64, time: i64, config: Vec<u8>) -> Entry {
    let provenance = Provenance {
        repository: RepositoryUrl::default(),
        commit: ObjectId::new(format!("{number:040x}")).expect("a name"),
        tree: ObjectId::new("b".repeat(40)).expect("a name"),
        path: RepositoryPath::new("charts-config").expect("a path"),
        as_of: day_of(time).to_string().parse().expect("a day"),
        time: CommitTime::from_unix_seconds(time).expect("a time"),
        program_version: "0.1.0".to_owned(),
    };
    let version = ModuleVersion::new(number).expect("a version");
    let path = candor::gomod::ModulePath::new(MODULE).expect("a path");
    let module = Module::build(path, version, config, provenance).expect("a module");
    let file = store.file_of(&zip_key(&module.zip_hash()).expect("a key")).expect("a file");
    fs::create_dir_all(file.parent().expect("a folder")).expect("created");
    fs::write(file, module.zip()).expect("written");
    let (zip, go_mod) = (module.zip_hash(), module.go_mod_hash());
    let record = Record::new(MODULE, version.to_string(), zip, go_mod).expect("a record");
    record.entry().expect("an entry")
}

/// The index as it was before it had pages, which the next publication makes: each version has definitions, those of
/// the first.
fn record_catalogues(store: &FileStore, size: u64) {
    let key = Key::new("catalogue/index").expect("a key");
    let before = store.pointer(&key).expect("read").expect("an index");
    let index: serde_json::Value = serde_json::from_slice(&before).expect("JSON");
    let first = &index["catalogues"][0];
    let entries = (1..size).map(|number| {
        let mut entry = first.clone();
        entry["version"] = format!("v0.{number}.0").into();
        entry["as_of"] = day_of(day(number, size)).to_string().into();
        entry
    });
    let all = serde_json::json!({ "format": 1, "catalogues": entries.collect::<Vec<_>>() });
    let bytes = serde_json::to_vec(&all).expect("JSON");
    let swapped = store.swap(&key, Some(&before), &bytes).expect("swapped");
    assert_eq!(swapped, Swap::Won);
}

struct Server {
    child: Child,
    address: String,
    begun: Instant,
}

impl Server {
    fn start(folder: &Path) -> Server {
        let begun = Instant::now();
        let mut serve = Command::new(candor());
        serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder.join("data"));
        let mut child =
            serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("started");
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().expect("a pipe"));
        while !line.contains("http://") {
            line.clear();
            assert!(said.read_line(&mut line).expect("a line") > 0, "the server ended");
        }
        let (_, address) = line.trim().split_once("http://").expect("an address");
        Server { child, address: address.trim_end_matches('/').to_owned(), begun }
    }

    /// The status, and the bytes of the answer.
    fn ask(&self, method: &str, path: &str, body: &str) -> (String, usize) {
        let mut stream = TcpStream::connect(&self.address).expect("connected");
        let length = body.len();
        let asked = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(asked.as_bytes()).expect("asked");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("answered");
        let status = String::from_utf8_lossy(answer.get(9..12).unwrap_or_default()).into_owned();
        (status, answer.len())
    }

    fn milliseconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64() * 1e3
    }

    fn cpu(&self) -> Duration {
        let process = Pid::from_raw(self.child.id().try_into().expect("a process"));
        let clock = clock_getcpuclockid(process).expect("a clock");
        Duration::from(clock_gettime(clock).expect("a time"))
    }

    /// The memory at most so far, in MiB.
    fn peak(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line");
        line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What one start costs: milliseconds until it answers, and until it accepts reports; those of the processor, and the
/// memory by then.
fn start(folder: &Path) -> [f64; 4] {
    let server = Server::start(folder);
    assert_eq!(server.ask("GET", "/log/checkpoint", "").0, "200");
    let answers = server.milliseconds();
    // Malformed, once there is a receiver.
    while server.ask("POST", "/upload/2026-11-15", "{}").0 == "503" {
        std::thread::sleep(Duration::from_millis(1));
    }
    [answers, server.milliseconds(), server.cpu().as_secs_f64() * 1e3, server.peak()]
}

/// What publishing one more version costs: the least milliseconds of some, and the most MiB.
fn one_more(folder: &Path, times: usize) -> (f64, f64) {
    let repository = folder.join("charts");
    let charts = repository.join("charts-config/charts/p.toml");
    let user = ["-c", "user.name=A", "-c", "user.email=a@example.org"];
    let (mut ms, mut mib) = (f64::MAX, 0_f64);
    for _ in 0..times {
        let text = fs::read_to_string(&charts).expect("charts");
        let number = text.matches("[[chart]]").count();
        fs::write(&charts, format!("{text}{}", chart(number))).expect("written");
        succeed("git", &[&user[..], &["commit", "-q", "-a", "-m", "A"]].concat(), &repository);
        let mut command = Command::new(candor());
        let day = day_of(LAST).to_string();
        command.args(["publish", "--data", "data", "--charts", "charts", "--as-of", &day]);
        command.current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
        let (time, memory) = measured::measure_command(&mut command);
        ms = ms.min(measured::milliseconds(time));
        mib = mib.max(measured::mib(memory));
    }
    (ms, mib)
}

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let temporary = tempfile::TempDir::new().expect("a temporary folder");
    let kept = std::env::var_os("FOLDER").map(PathBuf::from);
    let sizes = std::env::var("SIZES").unwrap_or("1 3000 100000".to_owned());
    let times = std::env::var("TIMES").ok().and_then(|times| times.parse().ok()).unwrap_or(5);
    for size in sizes.split_whitespace().map(|size| size.parse::<u64>().expect("a size")) {
        let folder = kept.as_deref().unwrap_or(temporary.path()).join(size.to_string());
        if !folder.join("made").exists() {
            fs::create_dir_all(&folder).expect("created");
            deploy(&folder, size);
            fs::write(folder.join("made"), "").expect("written");
        }
        let least = (0..times).map(|_| start(&folder)).reduce(|one, other| {
            let mut least = one;
            least.iter_mut().zip(other).for_each(|(one, other)| *one = one.min(other));
            least
        });
        let [answers, accepts, cpu, peak] = least.expect("a start");
        let say = |line: String| {
            if !json {
                println!("{line}");
            }
        };
        say(format!(
            "{size} versions: answers after {answers:.1} ms, accepts reports after {accepts:.1} ms, \
             {cpu:.1} ms of the processor's time, {peak:.1} MiB at most"
        ));
        let (mut pages, mut verbs) = (Vec::new(), serde_json::Map::new());
        let server = Server::start(&folder);
        server.ask("GET", "/log/", "");
        std::thread::sleep(Duration::from_secs(if size > 10_000 { 12 } else { 1 }));
        let (old, middle) = (size.min(2), size.div_ceil(2));
        for path in [
            format!("/config/v0.{old}.0"),
            format!("/config/v0.{middle}.0"),
            format!("/config/v0.{middle}.0.json"),
            format!("/config/?before=v0.{middle}.0"),
            "/config/".to_owned(),
            format!("/config/index.json?before=v0.{middle}.0"),
            format!("/goproxy/{MODULE}/@v/list"),
            format!("/goproxy/{MODULE}/@v/v0.{middle}.0.zip"),
            format!("/goproxy/{MODULE}/@v/v0.{old}.0.info"),
        ] {
            let (cpu, begun) = (server.cpu(), Instant::now());
            let (status, bytes) = server.ask("GET", &path, "");
            let (ms, cpu) = (begun.elapsed().as_secs_f64() * 1e3, server.cpu() - cpu);
            let cpu = cpu.as_secs_f64() * 1e3;
            say(format!("  {cpu:6.1} ms of CPU, {ms:6.1} ms  {status}  {path}"));
            assert!(!json || status == "200", "{status}: {path}");
            pages
                .push(serde_json::json!({ "path": path, "ms": ms, "cpu_ms": cpu, "bytes": bytes }));
        }
        let served = server.peak();
        say(format!("  {served:.1} MiB at most"));
        drop(server);
        for verb in [&["publish", "--charts", "charts"][..], &["merge"], &["chart"], &["env"]] {
            let run = || {
                let begun = Instant::now();
                let mut command = Command::new(candor());
                command.current_dir(&folder).args(verb).args(["--data", "data"]);
                command.stdout(Stdio::null()).stderr(Stdio::null());
                let status = command.status().expect("started");
                assert!(!json || status.success(), "candor {}: {status}", verb[0]);
                (begun.elapsed().as_secs_f64() * 1e3, status)
            };
            let (mut ms, status) = run();
            if json {
                ms = (1..times).map(|_| run().0).fold(ms, f64::min);
            }
            say(format!("  {ms:6.1} ms  candor {} ({status})", verb[0]));
            verbs.insert(verb[0].to_owned(), ms.into());
        }
        if json {
            let (publish, memory) = one_more(&folder, times);
            let point = serde_json::json!({
                "bench": "start", "versions": size, "answers_ms": answers, "accepts_ms": accepts,
                "cpu_ms": cpu, "mib": peak, "pages": pages, "served_mib": served, "verbs_ms": verbs,
                "publish_ms": publish, "publish_mib": memory,
                "stored_bytes": measured::bytes_in(&folder.join("data/store")),
            });
            println!("{point}");
        }
    }
}
