//! A year of reports of many programs: made by `candor simulate`, received, merged and charted. What each step took is
//! printed as a line of JSON.
//!
//! ```text
//! cargo bench --bench year                              52 weeks of 24,500 reports, of 200 programs
//! cargo bench --bench year -- --weeks 2 --programs 20 --reports 1000
//! cargo bench --bench year -- --folder FOLDER           the deployment is made in FOLDER, and stays there
//! ```
//!
//! Each installation uses one program and every fifth of the others, and a report has a row for each in the public
//! Parquet: 50 million rows in a year. Reports go through the receiver, at the time of their week; only HTTP is left
//! out.

#[path = "../tests/support/mod.rs"]
mod support;

use candor::event::Event;
use candor::ingest::{Answer, Buffer, Clock, ConfigSet, Limits, Receiver};
use candor::publish::Deployment;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use serde_json::json;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;
use support::measured::{Measured, bytes_in, measure_command, mib, milliseconds};
use support::{Charts, candor, succeed};
use tokio::task::JoinSet;

const HOST: &str = "telemetry.example.org";
const MODULE: &str = "telemetry.example.org/config";
/// How many reports are on their way at once.
const AT_ONCE: usize = 64;

/// A clock that stands on a day.
#[derive(Debug, Clone, Default)]
struct Then(Arc<AtomicI64>);

impl Then {
    fn set(&self, day: Date) {
        let noon = day.at(12, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).expect("a time");
        self.0.store(noon.timestamp().as_second(), Ordering::Relaxed);
    }
}

impl Clock for Then {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::Relaxed)).expect("a time")
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let option = |name: &str| -> Option<&String> {
        let at = arguments.iter().position(|argument| argument == name)?;
        Some(arguments.get(at + 1).expect("a value"))
    };
    let number = |name: &str, usual: i64| {
        option(name).map_or(usual, |value| value.parse().expect("a number"))
    };
    let weeks = number("--weeks", 52);
    let (programs, reports) = (number("--programs", 200), number("--reports", 24_500));
    let temporary = tempfile::TempDir::new().expect("a temporary folder");
    let folder = option("--folder").map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let folder = folder.join("deployment");

    let charts = definitions(programs);
    // All weeks are over.
    let today = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let last =
        today.saturating_sub((i64::from(today.weekday().to_sunday_zero_offset()) + 7).days());
    let ends: Vec<Date> =
        (0..weeks).rev().map(|before| last.saturating_sub(before.weeks())).collect();

    succeed(candor().args(["init", "--name", HOST, "--module", MODULE, "--data"]).arg(&folder));
    succeed(candor().args(["publish", "--data"]).arg(&folder).arg("--charts").arg(charts.path()));
    let began = Instant::now();
    let received = receive(&folder, &charts, &ends, reports);
    let receiving = began.elapsed();
    let received_bytes = bytes_in(&folder.join("reports"));
    let merge = run("merge", &folder);
    let chart = run("chart", &folder);
    let cost = |(time, memory): Measured| json!({"ms": milliseconds(time), "mib": mib(memory)});
    let found = json!({
        "bench": "year", "weeks": weeks, "programs": programs, "reports": received,
        "start": ends[0].saturating_sub(6.days()), "end": last,
        "received_s": receiving.as_secs_f64(), "received_bytes": received_bytes,
        "merge": cost(merge), "chart": cost(chart),
    });
    println!("{found}");
}

fn run(verb: &str, folder: &Path) -> Measured {
    let mut command = candor();
    command.args(["--json", verb, "--data"]).arg(folder).stdout(Stdio::null());
    measure_command(&mut command)
}

/// Programs with a chart of each kind.
fn definitions(programs: i64) -> Charts {
    let charts = Charts::new();
    std::fs::remove_file(charts.path().join("charts-config/charts/verbs.toml")).expect("removed");
    std::fs::remove_file(charts.path().join("charts-config/programs/hello.toml")).expect("removed");
    for number in 0..programs {
        let program = format!("example.org/p{number:03}");
        let versions = r#"versions = ["v1.0.0", "v1.1.0", "v1.2.0"]"#;
        let file = format!("charts-config/programs/p{number:03}.toml");
        charts.write(&file, &format!("program = {program:?}\nmodule = {program:?}\n{versions}\n"));
        let chart = |kind: &str, counter: &str, more: &str| {
            format!(
                "[[chart]]\ntitle = {counter:?}\nissue = [\"https://example.org/issue/1\"]\ntype = {kind:?}\n\
                 program = {program:?}\ncounter = {counter:?}\n{more}\n"
            )
        };
        let text = chart("partition", "editor:{vim,emacs,code,other}", "")
            + &chart("histogram", "size:{1,2,4,8}", "")
            + &chart("ratio", "failed:{net,disk}", "over = \"runs\"")
            + &chart("stack", "crash/panic", "depth = 16");
        charts.write(&format!("charts-config/charts/p{number:03}.toml"), &text);
    }
    charts.commit();
    charts
}

/// Has the reports of each week made while those of the week before are received. Returns how many were stored.
fn receive(folder: &Path, charts: &Charts, ends: &[Date], reports: i64) -> u64 {
    let made = tempfile::TempDir::new().expect("a temporary folder");
    let file = |week: Date| made.path().join(week.to_string());
    let make = |week: Date| -> Child {
        let mut simulate: Command = candor();
        simulate.args(["--json", "simulate", "--reports", &reports.to_string()]);
        simulate.args(["--week", &week.to_string(), "--since", &ends[0].to_string(), "--charts"]);
        simulate.arg(charts.path().join("charts-config")).arg("--out").arg(file(week));
        simulate.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("started")
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let clock = Then::default();
    clock.set(ends[0]);
    let receiver = receiver(folder, clock.clone());
    let (mut stored, mut next) = (0, make(ends[0]));
    for (number, week) in ends.iter().enumerate() {
        assert!(next.wait().expect("waited for").success(), "reports of {week} were made");
        if let Some(after) = ends.get(number + 1) {
            next = make(*after);
        }
        clock.set(week.saturating_add(1.day()));
        let lines = BufReader::new(File::open(file(*week)).expect("the reports")).lines();
        stored +=
            runtime.block_on(accept(&receiver, *week, lines.map(|line| line.expect("a line"))));
        std::fs::remove_file(file(*week)).expect("removed");
        eprintln!("{stored} reports until {week}");
    }
    stored
}

fn receiver(folder: &Path, clock: Then) -> Arc<Receiver> {
    let deployment = Deployment::open(folder).expect("a deployment");
    let (module, keys) = (deployment.module.clone(), deployment.verifiers().clone());
    let configs = ConfigSet::open(module, keys, deployment.store.clone()).expect("configs");
    let (stop, buffer) = (Event::new(), Buffer::of(&deployment));
    let receiver = Receiver::open_in(&stop, &buffer, configs, Box::new(clock), Limits::default());
    Arc::new(receiver.expect("a receiver"))
}

async fn accept(
    receiver: &Arc<Receiver>,
    week: Date,
    reports: impl Iterator<Item = String>,
) -> u64 {
    let date: Arc<str> = week.to_string().into();
    let (mut reports, mut sent, mut stored) = (reports, JoinSet::new(), 0);
    loop {
        while sent.len() < AT_ONCE
            && let Some(report) = reports.next()
        {
            let permit = receiver.queue_permit().expect("room in the queue");
            let (receiver, date) = (receiver.clone(), date.clone());
            sent.spawn(async move { receiver.accept(permit, &date, report.as_bytes()).await });
        }
        match sent.join_next().await {
            None => return stored,
            Some(answer) => match answer.expect("answered") {
                Answer::Stored(_) => stored += 1,
                other => panic!("{other:?}"),
            },
        }
    }
}
