//! The cost of merging and charting a week: seconds, and the process's peak memory.
//!
//! ```text
//! cargo bench --bench aggregate                        100,000 reports of about 50 counters
//! cargo bench --bench aggregate -- --reports 1000000
//! cargo bench --bench aggregate -- --charts 10         of about 10 counters
//! cargo bench --bench aggregate -- --installations 100000000
//!                                                      as many reports as these send, at the rate that shares
//!                                                      to within 1% at 99% confidence need
//! cargo bench --bench aggregate -- --json              as a line of JSON, which also says what an audit costs
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

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use support::measured::{Measured, bytes_in, measure_command, measure_process, mib, milliseconds};
use support::{Charts, Deployment, candor, succeed};

/// 40 counters that most count, and five groups of ten of which most count some: about 50 a report.
const SINGLE: u64 = 40;
const GROUPS: usize = 5;
/// A file of definitions has at most a mebibyte.
const CHARTS_A_FILE: usize = 1_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str| -> Option<u64> {
        let at = arguments.iter().position(|argument| argument == name)?;
        Some(arguments.get(at + 1).and_then(|value| value.parse().ok()).expect("a number"))
    };
    let json = arguments.iter().any(|argument| argument == "--json");
    let installations = number("--installations");
    let week = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date()
        .saturating_sub(jiff::Span::new().days(3))
        .to_string();

    let charts = definitions(number("--charts"), installations);
    let deployment = Deployment::new();
    deployment.publish(&charts);
    let rate = sample_rate(&charts);
    let reports = match installations {
        Some(installations) => (installations as f64 * rate).round() as u64,
        None => number("--reports").unwrap_or(100_000),
    };
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let file = folder.path().join("reports.ndjson");
    let peer = std::env::var("PEER_WORKER").ok();
    let out = peer.is_some().then_some(&*file);
    let began = Instant::now();
    let number_of_charts = number("--charts").unwrap_or(SINGLE);
    let simulated = store(&deployment, &charts, out, (reports, number_of_charts), &week);
    let receiving = began.elapsed();
    if json {
        let point = serde_json::json!({
            "bench": "aggregate", "reports": reports, "charts": number("--charts"), "rate": rate,
            "installations": simulated["installations"], "received_s": receiving.as_secs_f64(),
        });
        println!("{}", measured_point(point, &deployment, &charts));
        return;
    }

    println!("{reports} reports of about {} counters", number("--charts").unwrap_or(50));
    let mut ours = (Duration::ZERO, 0);
    for verb in ["merge", "chart"] {
        let measured = run(verb, &deployment);
        print("candor", verb, measured);
        ours = (ours.0 + measured.0, ours.1.max(measured.1));
    }
    print("candor", "both", ours);

    let Some(worker) = peer else {
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

fn run(verb: &str, deployment: &Deployment) -> Measured {
    let mut command = candor();
    command.args(["--json", verb, "--data"]).arg(deployment.path()).stdout(Stdio::null());
    measure_command(&mut command)
}

/// Merges, charts and audits what was received, and adds what that costs.
fn measured_point(mut point: Value, deployment: &Deployment, charts: &Charts) -> Value {
    let cost = |(time, memory): Measured| {
        let (ms, mib) = (milliseconds(time), mib(memory));
        serde_json::json!({ "ms": ms, "mib": mib })
    };
    point["received_bytes"] = bytes_in(&deployment.path().join("reports")).into();
    let store = deployment.path().join("store");
    let before = bytes_in(&store);
    point["merge"] = cost(run("merge", deployment));
    let merged = bytes_in(&store);
    point["merge"]["bytes_stored"] = merged.saturating_sub(before).into();
    point["chart"] = cost(run("chart", deployment));
    point["chart"]["bytes_stored"] = bytes_in(&store).saturating_sub(merged).into();
    point["merge_again"] = cost(run("merge", deployment));
    point["chart_again"] = cost(run("chart", deployment));

    let server =
        support::Server::start(support::serve_command(deployment.path()).arg("--no-charts"));
    let state = tempfile::TempDir::new().expect("a temporary folder");
    for name in ["audit", "audit_again"] {
        let mut audit = candor();
        audit.args(["audit", &server.url, "--vkey", &deployment.log_key, "--charts"]);
        audit.arg(charts.path()).arg("--state").arg(state.path().join("state.json"));
        point[name] = cost(measure_command(audit.stdout(Stdio::null())));
    }
    server.stop();
    point
}

/// Definitions of a number of charts that most count; without it, of the usual ones.
fn definitions(number: Option<u64>, installations: Option<u64>) -> Charts {
    let charts = Charts::new();
    let singles = (0..number.unwrap_or(SINGLE))
        .map(|number| support::chart("One", &format!("feature/used-{number:02}:yes")));
    let groups = (0..if number.is_some() { 0 } else { GROUPS }).map(|number| {
        let buckets: Vec<_> = (0..10).map(|bucket| format!("choice-{bucket}")).collect();
        support::chart("Many", &format!("setting-{number}:{{{}}}", buckets.join(",")))
    });
    let all: Vec<String> = singles.chain(groups).collect();
    for (file, some) in all.chunks(CHARTS_A_FILE).enumerate() {
        charts.write(&format!("charts-config/charts/features-{file}.toml"), &some.concat());
    }
    if let Some(installations) = installations {
        let add = |file: &str, line: &str| {
            let text = fs::read_to_string(charts.path().join(file)).expect("a file");
            charts.write(file, &format!("{text}{line}\n"));
        };
        add("charts-config/programs/hello.toml", &format!("population = {installations}"));
        add("charts-config/collection.toml", "[sampling]\nconfidence = 0.99\nerror = 0.01");
    }
    charts.commit();
    charts
}

/// The share of installations that the compiled config asks.
fn sample_rate(charts: &Charts) -> f64 {
    let config = succeed(candor().arg("compile").arg(charts.path().join("charts-config")));
    let config: Value = serde_json::from_str(&config).expect("JSON");
    config["SampleRate"].as_f64().expect("a rate")
}

/// Has reports made, sent to a server, and stored; and written to a file for the peer. Returns what is true of the
/// population.
fn store(
    deployment: &Deployment,
    charts: &Charts,
    file: Option<&Path>,
    (reports, number_of_charts): (u64, u64),
    week: &str,
) -> Value {
    // All come from this machine, so from one network; and nothing is merged before the measurement.
    // One of many counters uses as much of a network's budget as several.
    let most = (reports * (10 + number_of_charts)).to_string();
    let mut command = support::serve_command(deployment.path());
    command.args(["--no-charts", "--day-reports", &most, "--network-reports", &most]);
    // A counter takes a few dozen bytes; and one network may take only a part of it.
    let of_each = (1 << 16) + (number_of_charts << 10);
    command.args(["--day-bytes", &(reports * of_each).to_string()]);
    let server = support::Server::start(&mut command);
    let mut simulate = candor();
    simulate.args(["--json", "simulate", "--connections", "64", "--week", week]);
    simulate.args(["--url", &server.url, "--reports", &reports.to_string(), "--charts"]);
    simulate.arg(charts.path().join("charts-config"));
    if let Some(file) = file {
        simulate.arg("--out").arg(file);
    }
    let simulated = succeed(&mut simulate);
    server.stop();
    serde_json::from_str(&simulated).expect("JSON")
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

fn print(who: &str, what: &str, (took, memory): Measured) {
    println!("{who:>8} {what:<6} {:>8.2} s {:>8} MiB", took.as_secs_f64(), memory >> 20);
}
