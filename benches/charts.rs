//! What a request costs a server with 500 weeks of 200 programs, 50 charts each, and one program with 10,000
//! charts: the processor's time for the first answer, the time until it was there, and by how much the server's
//! memory grew for it at most.
//!
//! Of the 200 programs one has all its charts in all weeks, since a request reads nothing of the others but
//! their names; those have one, without slices. `WEEKS`, `PROGRAMS`, `CHARTS` and `LARGE` set other numbers.
//! `LARGE_WEEKS` is in how many weeks the program with 10,000 charts has any.
//! `FOLDER` names a folder in which the deployment is made, and kept for the next run, which measures it again;
//! `CANDOR` another build of `candor` to measure.
//!
//! The charts are stored by the code that stores them in a deployment, but into a store that syncs nothing: what
//! is measured is reading. What storing the newest week costs is in the first line.
//!
//! Each address is asked of `SERVERS` servers that have answered no other request for charts. The machine may be
//! busy, so the least of each figure is printed. Arguments choose addresses by a part of them. Addresses that take
//! more of the processor's time than [`MOST_MS`], on all threads together, or more memory than [`MOST_MIB`] are
//! marked; those whose answer itself grows with what is asked for
//! (a page of 10,000 charts, all weeks of them) are printed after them, without a limit.
//!
//! With `--json`, all of it is a line of JSON, which also says what a start costs, what publishing the newest config
//! cost, and what `merge` costs if there is nothing new. Arguments are whole addresses then.

#[path = "../tests/support/measured.rs"]
mod measured;

use candor::aggregate::PublicData;
use candor::aggregate::figure::{
    Base, Breakdown, ConfigUse, DefinitionsSource, Dimension, Estimate, FORMAT, Figure, Group,
    Interval, Kind, ProgramCharts, RateUse, Row, WeekCharts,
};
use candor::aggregate::index::{self, Dataset, Index, Week};
use candor::aggregate::stored_charts::NewCharts;
use candor::store::{FileStore, Key, Store, StoreError, Swap, checksum};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const NEWEST: Date = date(2026, 11, 15);
const COLLECTION: &str = "module = 'telemetry.example.org/config'\ngoos = ['linux']\ngoarch = ['amd64']\n\
                          toolchains = ['rust1.95.0']\n";
/// How many configs are published.
const CONFIGS: usize = 3;
/// How many definitions are in a file.
const IN_A_FILE: usize = 2_000;
/// How many milliseconds of the processor's time an answer may take.
const MOST_MS: f64 = 50.0;
/// How many MiB of memory.
const MOST_MIB: f64 = 20.0;

fn run(program: &str, arguments: &[&str], folder: &Path) {
    let mut command = Command::new(program);
    command.current_dir(folder).args(arguments).stdout(Stdio::null());
    assert!(command.status().expect("started").success(), "{program} {arguments:?}");
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join("charts/charts-config").join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("created");
    fs::write(path, text).expect("written");
}

/// The counter of a chart, with the buckets of its rows.
fn counter(number: usize, rows: usize) -> String {
    let buckets: Vec<String> = (0..rows).map(|row| format!("bucket-{row}")).collect();
    format!("c{number}:{{{}}}", buckets.join(","))
}

/// The definitions of a program with so many charts.
fn define(folder: &Path, program: &str, charts: usize, rows: usize) {
    let name = program.rsplit('/').next().unwrap_or_default();
    let text = format!("program = '{program}'\nmodule = '{program}'\nversions = ['v1.0.0']\n");
    write(folder, &format!("programs/{name}.toml"), &text);
    for from in (0..charts).step_by(IN_A_FILE) {
        let one = |number: usize| {
            format!(
                "[[chart]]\ntitle = 'Chart {number}'\nissue = ['https://example.org/{number}']\n\
                 type = 'partition'\nprogram = '{program}'\ncounter = '{}'\n\n",
                counter(number, rows)
            )
        };
        let text: String = (from..charts.min(from + IN_A_FILE)).map(one).collect();
        write(folder, &format!("charts/{name}-{from}.toml"), &text);
    }
}

/// A deployment without public data. Returns what publishing the newest config cost.
fn deploy(folder: &Path) -> measured::Measured {
    write(folder, "collection.toml", COLLECTION);
    define(folder, "example.org/p000", number("CHARTS", 50), 10);
    let charts = folder.join("charts");
    let user = ["-c", "user.name=A", "-c", "user.email=a@example.org"];
    run("git", &["init", "-q", "-b", "main"], &charts);
    let candor = env!("CARGO_BIN_EXE_candor");
    let name = ["--name", "telemetry.example.org", "--module", "telemetry.example.org/config"];
    run(candor, &[&["init", "--data", "data"][..], &name].concat(), folder);
    // Three configs, each with a few more charts.
    let large = number("LARGE", 10_000);
    let step = (large / 10).clamp(1, 30);
    let mut took = measured::Measured::default();
    for missing in (0..CONFIGS).rev() {
        define(folder, "example.org/large", large.saturating_sub(missing * step).max(1), 5);
        run("git", &["add", "-A"], &charts);
        run("git", &[&user[..], &["commit", "-q", "-m", "A"]].concat(), &charts);
        let mut publish = Command::new(candor);
        publish.args(["publish", "--data", "data", "--charts", "charts"]).current_dir(folder);
        took = measured::measure_command(publish.stdout(Stdio::null()));
    }
    took
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn base(reports: u64) -> Base {
    Base { reports, total: reports as f64 / 0.132_704, effective: reports as f64 * 0.987_654_321 }
}

fn row(number: usize, label: usize, week: usize) -> Row {
    let value = (((label + number) * 7 + week) % 97) as f64 / 97.0;
    let share = Interval { value, low: value * 0.912_345, high: value * 1.087_654 };
    let reports = (value * 20_000.0) as u64;
    Row {
        label: format!("bucket-{label}"),
        counter: Some(format!("c{number}:bucket-{label}")),
        frames: Vec::new(),
        estimate: Estimate { reports, total: reports as f64 / 0.132_704, share },
        base: None,
        removed: false,
        distribution: None,
        most: None,
    }
}

fn figure(number: usize, rows: usize, slices: usize, week: usize) -> Figure {
    let counter = counter(number, rows);
    let rows = || (0..rows).map(|label| row(number, label, week)).collect::<Vec<_>>();
    let group = |slice: usize| Group {
        label: format!("v1.{slice}.0"),
        base: base(500),
        rows: rows(),
        none: None,
    };
    let by = |dimension| {
        let groups = (0..slices).map(group).collect();
        Breakdown { dimension, groups, rest: None }
    };
    Figure {
        id: format!("c{number}"),
        title: format!("How often is the thing with number {number} done?"),
        description: Some("What it shows, in a sentence or two, as people write them.".to_owned()),
        kind: Kind::Partition,
        counter: Some(counter),
        over: None,
        issue: vec!["https://example.org/issues/12".to_owned()],
        definition: None,
        collected: true,
        rates: vec![RateUse { config: "v0.3.0".to_owned(), rate: 0.132_704, reports: 20_000 }],
        base: base(20_000),
        coverage: 1.0,
        expected: None,
        jump: None,
        rows: rows(),
        left_out: 0,
        none: Some(Estimate::default()),
        by: if slices > 0 { Dimension::ALL.map(by).to_vec() } else { Vec::new() },
        reweighted: Vec::new(),
    }
}

fn program(name: String, charts: Vec<Figure>) -> ProgramCharts {
    let (reports, coverage) = (20_000, 1.0);
    ProgramCharts { program: name, reports, coverage, expected: None, jump: None, charts }
}

fn week(last: Date) -> WeekCharts {
    WeekCharts {
        format: FORMAT,
        week: last,
        first_day: last - 6.days(),
        edition: candor::aggregate::edition::Edition::Last,
        complete: true,
        confidence: 0.99,
        reports: 20_000,
        expected: None,
        jump: None,
        configs: vec![ConfigUse {
            version: "v0.3.0".to_owned(),
            reports: 20_000,
            sample_rate: 0.132_704,
        }],
        definitions: DefinitionsSource {
            repository: "https://github.com/example/charts".to_owned(),
            commit: "0c9d8b7a6f5e4d3c2b4d1f0c35a8d2be2b2f4a7e".to_owned(),
            path: "charts-config".to_owned(),
        },
        programs: Vec::new(),
    }
}

/// A store in a folder that syncs nothing, and that nothing else writes to.
#[derive(Debug)]
struct Unsynced(FileStore);

impl Unsynced {
    fn write(&self, key: &Key, bytes: &[u8]) {
        let path = self.0.file_of(key).expect("a file");
        fs::create_dir_all(path.parent().expect("a folder")).expect("created");
        fs::write(path, bytes).expect("written");
    }
}

impl Store for Unsynced {
    fn file_of(&self, key: &Key) -> Option<PathBuf> {
        self.0.file_of(key)
    }

    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(key)
    }

    fn put(&self, objects: &[(Key, Vec<u8>)]) -> Result<(), StoreError> {
        for (key, bytes) in objects {
            self.write(key, bytes);
        }
        Ok(())
    }

    fn put_file(&self, key: &Key, scratch: &Path) -> Result<(), StoreError> {
        self.0.put_file(key, scratch)
    }

    fn open(&self, key: &Key) -> Result<Option<File>, StoreError> {
        self.0.open(key)
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.0.remove(key)
    }

    fn list(&self, folder: &Key) -> Result<Vec<Key>, StoreError> {
        self.0.list(folder)
    }

    fn pointer(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.pointer(key)
    }

    fn swap(&self, key: &Key, _: Option<&[u8]>, new: &[u8]) -> Result<Swap, StoreError> {
        self.write(key, new);
        Ok(Swap::Won)
    }
}

/// Publishes the charts of all weeks, oldest first. Returns the time for the newest.
fn publish(store: &Arc<Unsynced>) -> Duration {
    let [weeks, programs, charts, large] = [
        number("WEEKS", 500),
        number("PROGRAMS", 200),
        number("CHARTS", 50),
        number("LARGE", 10_000),
    ];
    let lasts: Vec<Date> =
        (0..weeks).rev().map(|ago| NEWEST.saturating_sub((ago as i64).weeks())).collect();
    let mut all = Index { format: index::FORMAT, ..Index::default() };
    for last in &lasts {
        let data = Dataset { reports: 20_000, complete: true, ..Dataset::default() };
        all.weeks.insert(*last, Week { data, charts: None });
    }
    let bytes = checksum::add(serde_json::to_vec(&all).expect("JSON"));
    let key = Key::new("public/index").expect("a key");
    let before = store.pointer(&key).expect("read");
    let _ = store.swap(&key, before.as_deref(), &bytes).expect("swapped");
    let data = PublicData::new(store.clone());
    let mut took = Duration::ZERO;
    for (at, last) in lasts.iter().enumerate() {
        let begun = Instant::now();
        let index = data.index().expect("an index");
        let mut new = NewCharts::begin(&data, &index, week(*last)).expect("begun");
        let large_weeks = (number("LARGE_WEEKS", 4) as i64).weeks();
        if NEWEST.saturating_sub(large_weeks) < *last && large > 0 {
            let figures = (0..large).map(|number| figure(number, 5, 0, at)).collect();
            new.add(program("example.org/large".to_owned(), figures), None).expect("stored");
        }
        for number in 0..programs {
            let count = if number == 0 { charts } else { 1 };
            let (rows, slices) = if number == 0 { (10, 20) } else { (1, 0) };
            let figures = (0..count).map(|number| figure(number, rows, slices, at)).collect();
            new.add(program(format!("example.org/p{number:03}"), figures), None).expect("stored");
        }
        assert!(new.publish("bench", |_| true).expect("published").is_some());
        took = begun.elapsed();
        // As the next merge does.
        let merged = data.update(|index| {
            index.superseded.clear();
            Ok::<_, candor::aggregate::PublicError>(())
        });
        merged.expect("updated");
    }
    took
}

struct Server(Child, String);

impl Server {
    fn start(folder: &Path) -> Server {
        let candor = std::env::var_os("CANDOR");
        let mut serve = Command::new(candor.unwrap_or_else(|| env!("CARGO_BIN_EXE_candor").into()));
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
        Server(child, address.trim_end_matches('/').to_owned())
    }

    fn get(&self, path: &str) -> (String, usize) {
        let mut stream = TcpStream::connect(&self.1).expect("connected");
        let asked = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(asked.as_bytes()).expect("asked");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("answered");
        let status = String::from_utf8_lossy(answer.get(9..12).unwrap_or_default()).into_owned();
        (status, answer.len())
    }

    /// A line of the process's status, in kB.
    fn memory(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).expect("status");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// The time that processors spent on the process, its ended threads too.
    fn cpu(&self) -> Duration {
        let process = Pid::from_raw(self.0.id().try_into().expect("a process"));
        let clock = clock_getcpuclockid(process).expect("a clock");
        Duration::from(clock_gettime(clock).expect("a time"))
    }

    /// Forgets the peak of the process's memory.
    fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.0.id()), "5").expect("cleared");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn main() {
    let temporary = tempfile::TempDir::new().expect("a temporary folder");
    let kept = std::env::var_os("FOLDER").map(PathBuf::from);
    let folder = kept.as_deref().unwrap_or(temporary.path());
    let store = Arc::new(Unsynced(FileStore::new(folder.join("data/store"))));
    let json = std::env::args().any(|argument| argument == "--json");
    let mut published = measured::Measured::default();
    let took = match folder.join("published").exists() {
        true => Duration::ZERO,
        false => {
            published = deploy(folder);
            let took = publish(&store);
            fs::write(folder.join("published"), "").expect("written");
            took
        }
    };
    let pointer = store.pointer(&Key::new("public/index").expect("a key")).expect("read");
    let index = pointer.map_or(0, |bytes| bytes.len());
    let asked: Vec<String> =
        std::env::args().skip(1).filter(|asked| !asked.starts_with('-')).collect();
    let is_asked = |path: &String| asked.is_empty() || asked.iter().any(|part| path.contains(part));
    if json {
        let pages = asked.iter().map(|path| Cost::of(folder, path).json(path)).collect();
        println!("{}", point(folder, index, published, took, pages));
        return;
    }
    println!(
        "the index has {} KiB; storing the newest week took {} ms",
        index / 1024,
        took.as_millis()
    );
    println!("CPU ms     ms  MiB at most     KiB  status  address");
    for path in limited().iter().filter(|path| is_asked(path)) {
        let cost = Cost::of(folder, path);
        let is_within = cost.status == "200" && cost.cpu <= MOST_MS && cost.mib <= MOST_MIB;
        println!("{cost}  {path}{}", if is_within { "" } else { "  OVER" });
    }
    println!("as large as what is asked for:");
    for path in growing().iter().filter(|path| is_asked(path)) {
        println!("{}  {path}", Cost::of(folder, path));
    }
}

/// What was measured, beside the pages.
fn point(
    folder: &Path,
    index: usize,
    published: measured::Measured,
    took: Duration,
    pages: Vec<serde_json::Value>,
) -> serde_json::Value {
    let least = |measure: &dyn Fn() -> measured::Measured| {
        let all = (0..number("SERVERS", 3)).map(|_| measure());
        let least = all.reduce(|one, other| (one.0.min(other.0), one.1.min(other.1)));
        json(least.expect("some"))
    };
    let merge = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_candor"));
        command.args(["merge", "--data", "data"]).current_dir(folder).stderr(Stdio::null());
        measured::measure_command(command.stdout(Stdio::null()))
    };
    let start = || {
        let begun = Instant::now();
        let server = Server::start(folder);
        assert_eq!(server.get("/log/checkpoint").0, "200");
        (begun.elapsed(), measured::high_water_mark(server.0.id()))
    };
    serde_json::json!({
        "bench": "charts",
        "weeks": number("WEEKS", 500),
        "programs": number("PROGRAMS", 200),
        "charts": number("CHARTS", 50),
        "large": number("LARGE", 10_000),
        "index_bytes": index,
        "publish": json(published),
        "store_week_ms": measured::milliseconds(took),
        "stored_bytes": measured::bytes_in(&folder.join("data/store")),
        "start": least(&start),
        "merge": least(&merge),
        "pages": pages,
    })
}

fn json((time, memory): measured::Measured) -> serde_json::Value {
    let (ms, mib) = (measured::milliseconds(time), measured::mib(memory));
    serde_json::json!({ "ms": ms, "mib": mib })
}

const OWN: &str = "/charts/example.org/p000";
const LARGE: &str = "/charts/example.org/large";

fn range(weeks: i64) -> String {
    format!("@{}..{NEWEST}", NEWEST.saturating_sub((weeks - 1).weeks()))
}

/// Addresses whose answers are within the limits, however many charts and weeks there are.
fn limited() -> Vec<String> {
    let (old, last) = (NEWEST.saturating_sub(400.weeks()), number("LARGE", 10_000) - 1);
    let before = NEWEST.saturating_sub(1.weeks());
    let year = range(52);
    let most = range(105);
    vec![
        "/".to_owned(),
        "/charts/".to_owned(),
        "/charts/programs.json".to_owned(),
        format!("/charts/@{old}/"),
        "/charts/@all".to_owned(),
        "/charts/@all?q=chart+99".to_owned(),
        "/charts/@all?program=example.org/large&type=counter&page=100".to_owned(),
        "/charts/@all.json?q=bucket-3".to_owned(),
        "/charts/atom.xml".to_owned(),
        "/charts/new.xml".to_owned(),
        format!("{OWN}/"),
        format!("{OWN}/@{NEWEST}/overview.json"),
        format!("{OWN}/@{NEWEST}/charts.json"),
        format!("{OWN}/@{NEWEST}/charts@version.json"),
        format!("{OWN}/@{NEWEST}/@all"),
        format!("{OWN}/@{NEWEST}/c7"),
        format!("{OWN}/@{old}/c7"),
        format!("{OWN}/@{NEWEST}/c7?by=version"),
        format!("{OWN}/@{NEWEST}/c7?by=version&compare=v1.18.0&with=v1.19.0"),
        format!("{OWN}/@{NEWEST}/c7?compare={before}"),
        format!("{OWN}/@{NEWEST}/c7.json"),
        format!("{OWN}/@{NEWEST}/c7.csv"),
        format!("{OWN}/@{NEWEST}/c7.svg"),
        format!("{OWN}/@{NEWEST}/c7.card.png"),
        format!("{OWN}/@{NEWEST}/c7.badge.svg"),
        format!("{OWN}/@{NEWEST}/c7@platform.json"),
        format!("{OWN}/{year}/"),
        format!("{OWN}/{most}/"),
        format!("{OWN}/{most}/@all"),
        format!("{OWN}/{most}/c7"),
        format!("{OWN}/{most}/c7.json"),
        format!("{OWN}/{most}/c7.csv"),
        format!("{LARGE}/"),
        format!("{LARGE}/@{NEWEST}/@all"),
        format!("{LARGE}/{most}/"),
        format!("{LARGE}/{most}/@all"),
        format!("{LARGE}/@{NEWEST}/c{last}"),
        format!("{LARGE}/@{NEWEST}/c{last}.json"),
        format!("{LARGE}/@{NEWEST}/overview.json"),
        format!("{LARGE}/@{NEWEST}/charts.json"),
        format!("{LARGE}/@{NEWEST}/charts.json?from=c{}", last / 2),
        format!("{LARGE}/{most}/c{last}"),
        "/counters/".to_owned(),
        "/counters/example.org/p000/".to_owned(),
        "/counters/example.org/p000/c7".to_owned(),
        "/counters/example.org/p000/c7:bucket-3".to_owned(),
        format!("/counters/example.org/large/c{last}:bucket-3"),
        format!("/counters/example.org/large/c{last}:bucket-3.json"),
        "/data/".to_owned(),
        format!("/data/?weeks-before={old}"),
        "/data/index.json".to_owned(),
        "/data/weeks/SHA256SUMS".to_owned(),
        "/counters/example.org/large/".to_owned(),
        "/counters/example.org/large/?page=100".to_owned(),
        "/counters/example.org/large/index.json".to_owned(),
        "/counters/example.org/large/index.json?page=9".to_owned(),
        "/config/".to_owned(),
        "/config/v0.1.0".to_owned(),
        "/config/v0.1.0?page=9".to_owned(),
        "/config/v0.2.0".to_owned(),
        "/config/v0.1.0...v0.3.0".to_owned(),
        "/config/v0.1.0.json".to_owned(),
        "/config/atom.xml".to_owned(),
        "/log/".to_owned(),
        "/check".to_owned(),
        "/robots.txt".to_owned(),
    ]
}

/// Addresses whose answers are as large as what is asked for.
fn growing() -> Vec<String> {
    vec!["/privacy".to_owned(), "/sitemap.xml".to_owned(), "/sitemap/1.xml".to_owned()]
}

/// What an answer cost.
struct Cost {
    cpu: f64,
    ms: f64,
    mib: f64,
    bytes: usize,
    status: String,
}

impl Cost {
    /// The least of some servers, each of which has answered only a request that is not about charts.
    fn of(folder: &Path, path: &str) -> Cost {
        let (cpu, ms, mib) = (f64::MAX, f64::MAX, f64::MAX);
        let mut least = Cost { cpu, ms, mib, bytes: 0, status: String::new() };
        for _ in 0..number("SERVERS", 3) {
            let server = Server::start(folder);
            server.get("/log/");
            // What it does at its start is over then.
            std::thread::sleep(Duration::from_millis(300));
            let before = server.memory("VmRSS:");
            server.forget_peak();
            let (begun, cpu) = (Instant::now(), server.cpu());
            let (status, bytes) = server.get(path);
            let ms = begun.elapsed().as_secs_f64() * 1e3;
            let cpu = (server.cpu() - cpu).as_secs_f64() * 1e3;
            let mib = server.memory("VmHWM:").saturating_sub(before) as f64 / 1024.0;
            let (cpu, ms, mib) = (least.cpu.min(cpu), least.ms.min(ms), least.mib.min(mib));
            least = Cost { cpu, ms, mib, bytes, status };
        }
        least
    }

    fn json(&self, path: &str) -> serde_json::Value {
        let Cost { cpu, ms, mib, bytes, status } = self;
        assert_eq!(status, "200", "{path}");
        serde_json::json!({ "path": path, "cpu_ms": cpu, "ms": ms, "mib": mib, "bytes": bytes })
    }
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Cost { cpu, ms, mib, bytes, status } = self;
        write!(f, "{cpu:6.1}  {ms:5.1}  {mib:11.1}  {:6}  {status}   ", bytes / 1024)
    }
}
