//! The cost of merging and charting a week: seconds, and the process's peak memory.
//!
//! ```text
//! cargo bench --bench aggregate                        100,000 reports of about 50 counters
//! cargo bench --bench aggregate -- --reports 1000000
//! PEER_WORKER=PROGRAM cargo bench --bench aggregate    and golang/telemetry's godev/cmd/worker on
//!                                                      the same reports
//! ```
//!
//! Both start with what their own server stored (ours: segment files; the peer: one file per report)
//! and end with charts. Ours also sorts the reports into an order that reveals nothing of their
//! arrival, hides rare stacks, writes three files for each day and week, removes their sources,
//! computes every interval and every breakdown, and syncs its output; the peer does none of this.

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use support::{Charts, Deployment, candor, succeed};

/// 40 counters that most count, and five groups of ten of which most count some: about 50 a report.
const SINGLE: usize = 40;
const GROUPS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == "--reports");
    let reports = at.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(100_000_u64);
    let week = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date()
        .saturating_sub(jiff::Span::new().days(3))
        .to_string();

    let charts = definitions();
    let deployment = Deployment::new();
    deployment.publish(&charts);
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let file = folder.path().join("reports.ndjson");
    store(&deployment, &charts, &file, reports, &week);

    println!("{reports} reports of about 50 counters");
    let mut ours = (Duration::ZERO, 0);
    for verb in ["merge", "chart"] {
        let mut command = candor();
        command.args(["--json", verb, "--data"]).arg(deployment.path()).stdout(Stdio::null());
        let measured = measure(command.spawn().expect("start candor"), |child| {
            assert!(child.wait().expect("wait").success(), "candor {verb} failed");
        });
        print("candor", verb, measured);
        ours = (ours.0 + measured.0, ours.1.max(measured.1));
    }
    print("candor", "both", ours);

    let Ok(worker) = std::env::var("PEER_WORKER") else {
        println!("no peer, for PEER_WORKER is not set");
        return;
    };
    let config = folder.path().join("config.json");
    succeed(
        candor().arg("compile").arg(charts.path().join("charts-config")).arg("--out").arg(&config),
    );
    let storage = folder.path().join("storage");
    spread(&file, &storage.join("local-telemetry-uploaded"), &week);
    let port = std::env::var("PEER_PORT").unwrap_or_else(|_| "8192".to_owned());
    let mut child = Command::new(worker)
        .env("PORT", &port)
        .env("GO_TELEMETRY_LOCAL_STORAGE", &storage)
        .env("GO_TELEMETRY_UPLOAD_CONFIG", &config)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("start the peer");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("a piped stdout");
    BufReader::new(stdout).read_line(&mut line).expect("the peer says that it listens");
    thread::sleep(Duration::from_millis(500));
    let get = |path: &str| {
        let url = format!("http://127.0.0.1:{port}/{path}/?date={week}");
        let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
        let mut answer = agent.get(url).call().expect("the peer answers");
        answer.body_mut().read_to_string().expect("text")
    };
    let mut theirs = (Duration::ZERO, 0);
    let mut said = String::new();
    for path in ["merge", "chart"] {
        let measured = measure_process(child.id(), || said = get(path));
        print("peer", path, measured);
        theirs = (theirs.0 + measured.0, theirs.1.max(measured.1));
    }
    let _ = child.kill();
    let _ = child.wait();
    print("peer", "both", theirs);
    println!("the peer said: {said}");
    println!(
        "candor is {:.1} times faster, in {:.3} of the memory",
        theirs.0.as_secs_f64() / ours.0.as_secs_f64(),
        ours.1 as f64 / theirs.1 as f64
    );
}

fn definitions() -> Charts {
    let charts = Charts::new();
    let mut text = String::new();
    for number in 0..SINGLE {
        text += &support::chart("One", &format!("feature/used-{number:02}:yes"));
    }
    for number in 0..GROUPS {
        let buckets: Vec<_> = (0..10).map(|bucket| format!("choice-{bucket}")).collect();
        text += &support::chart("Many", &format!("setting-{number}:{{{}}}", buckets.join(",")));
    }
    charts.write("charts-config/charts/features.toml", &text);
    charts.commit();
    charts
}

/// Has reports made, sent to a server, and stored; and written to a file for the peer.
fn store(deployment: &Deployment, charts: &Charts, file: &Path, reports: u64, week: &str) {
    // All come from this machine, so from one network; and nothing is merged before the measurement.
    let most = (reports * 10).to_string();
    let mut command = support::serve_command(deployment.path());
    command.args(["--no-charts", "--day-reports", &most, "--network-reports", &most]);
    command.args(["--day-bytes", &(reports << 16).to_string()]);
    let server = support::Server::start(&mut command);
    succeed(
        candor()
            .args(["simulate", "--connections", "64", "--week", week, "--url", &server.url])
            .args(["--reports", &reports.to_string(), "--charts"])
            .arg(charts.path().join("charts-config"))
            .arg("--out")
            .arg(file),
    );
    server.stop();
}

/// One file per report, as the peer's server stores them.
fn spread(file: &Path, folder: &Path, week: &str) {
    let day = folder.join(week);
    fs::create_dir_all(&day).expect("a folder");
    let lines = BufReader::new(fs::File::open(file).expect("the reports")).lines();
    for (number, line) in lines.enumerate() {
        fs::write(day.join(format!("{number}.json")), line.expect("a line")).expect("write");
    }
}

/// The duration, and the process's peak memory in bytes.
type Measured = (Duration, u64);

fn measure(mut child: Child, wait: impl FnOnce(&mut Child)) -> Measured {
    measure_process(child.id(), || wait(&mut child))
}

fn measure_process(process: u32, work: impl FnOnce()) -> Measured {
    let (done, most) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let watcher = thread::spawn({
        let (done, most) = (done.clone(), most.clone());
        move || {
            while !done.load(Ordering::Relaxed) {
                most.fetch_max(high_water_mark(process), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
        }
    });
    let began = Instant::now();
    work();
    let took = began.elapsed();
    most.fetch_max(high_water_mark(process), Ordering::Relaxed);
    done.store(true, Ordering::Relaxed);
    watcher.join().expect("the watcher ends");
    (took, most.load(Ordering::Relaxed))
}

/// `VmHWM` of a process: its peak resident set. 0 if it is gone.
fn high_water_mark(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
    kilobytes.unwrap_or(0_u64) * 1024
}

fn print(who: &str, what: &str, (took, memory): Measured) {
    println!("{who:>8} {what:<6} {:>8.2} s {:>8} MiB", took.as_secs_f64(), memory >> 20);
}
