//! A deployment with two configs, a server with its receiver, and reports for it.
//!
//! The server is `candor serve` itself, in a process that a test may kill and whose files it may read.

use candor::charts::{History, ObjectName, Revision, Sources};
use candor::gomod::{ModuleVersion, RepositoryUrl};
use candor::ingest::{ConfigSet, Limits, Receiver, SystemClock};
use candor::publish::{CompileDay, Deployment, Publisher, Versions};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// The charts of the first config, and of the second. Populations are small, so that
/// rates are high and many reports pass.
const CHARTS: [&[(&str, &str, &str)]; 2] = [
    &[("verbs", "hello", "type = \"partition\"\ncounter = \"hello/verb:{run,help,<&>}\"\n")],
    &[
        ("verbs", "hello", "type = \"partition\"\ncounter = \"hello/verb:{run,stop}\"\n"),
        ("rare", "hello", "type = \"partition\"\ncounter = \"hello/rare\"\nerror = 0.02\n"),
        ("crashes", "hello", "type = \"stack\"\ndepth = 5\ncounter = \"crash/panic\"\n"),
        ("tools", "tool", "type = \"partition\"\ncounter = \"tool/mode:{fast,slow}\"\n"),
        ("bugs", "tool", "type = \"stack\"\ndepth = 2\ncounter = \"tool/bug\"\nerror = 0.02\n"),
    ],
];

fn revision(charts: &[(&str, &str, &str)]) -> Revision {
    let mut files = vec![(
        "collection.toml".to_owned(),
        format!(
            "module = {:?}\ngoos = [\"linux\", \"windows\"]\ngoarch = [\"amd64\", \"arm64\"]\n\
             toolchains = [\"go1.26.8\", \"rust1.95.0\"]\n\n[sampling]\nconfidence = 0.99\nerror = 0.01\n",
            super::MODULE
        ),
    )];
    for (program, population) in [("hello", 18_000), ("tool", 20_000)] {
        files.push((
            format!("programs/{program}.toml"),
            format!(
                "program = \"example.org/{program}\"\nmodule = \"example.org/{program}\"\n\
                 versions = [\"v1.0.0\", \"v1.1.0\"]\npopulation = {population}\n"
            ),
        ));
    }
    for (name, program, rest) in charts {
        files.push((
            format!("charts/{name}.toml"),
            format!(
                "[[chart]]\ntitle = {name:?}\nissue = [\"https://example.org/issue/1\"]\n\
                 program = \"example.org/{program}\"\n{rest}"
            ),
        ));
    }
    let object = ObjectName::parse(&"0123456789".repeat(4)).expect("an object name");
    Revision {
        commit: object.clone(),
        tree: object,
        folder: "charts-config".to_owned(),
        time: 1_770_000_000,
        sources: Sources::from_files(
            files.into_iter().map(|(name, text)| (name, text.into_bytes())).collect(),
        ),
        history: History::none(),
    }
}

/// Makes a deployment that has published both configs.
pub fn deploy(folder: &Path) {
    deploy_charts(folder, &CHARTS);
}

/// Makes a deployment that has published a config for each list of charts: name, program (`hello`
/// or `tool`), and the rest of the definition.
pub fn deploy_charts(folder: &Path, configs: &[&[(&str, &str, &str)]]) {
    let deployment = Deployment::init(folder, super::HOST, super::MODULE).expect("a deployment");
    let log = deployment.log().expect("a log");
    let publisher = Publisher::new(deployment.module.clone(), deployment.store.clone(), log);
    // Today, so that reports under both are taken today.
    let day = CompileDay::at(Timestamp::now());
    for charts in configs {
        publisher.publish(&revision(charts), &RepositoryUrl::default(), day).expect("published");
    }
}

/// The folder of a deployment's reports.
pub fn reports_folder(deployment: &Path) -> PathBuf {
    deployment.join("reports")
}

/// The published configs, version `v0.(i+1).0` at `i`.
pub fn configs(folder: &Path) -> Vec<Value> {
    let deployment = Deployment::open(folder).expect("a deployment");
    let head = deployment.log().expect("a log").settle().expect("a head");
    let versions = Versions::new(deployment.module.clone(), deployment.store.clone());
    (1..=head.size.get())
        .map(|number| {
            let version = ModuleVersion::new(number).expect("a version");
            let module = versions.module(head, version).expect("a module");
            serde_json::from_slice(module.config()).expect("JSON")
        })
        .collect()
}

/// The receiver of a deployment.
pub fn open(folder: &Path) -> Arc<Receiver> {
    let deployment = Deployment::open(folder).expect("a deployment");
    let (module, keys) = (deployment.module.clone(), deployment.verifiers().clone());
    let configs = ConfigSet::open(module, keys, deployment.store.clone()).expect("configs");
    let (reports, clock) = (reports_folder(folder), Box::new(SystemClock));
    Arc::new(Receiver::open(&reports, configs, clock, Limits::default()).expect("a receiver"))
}

/// Budgets that no test uses up, as all senders are in one network here.
const WIDE: [&str; 4] = ["--day-reports", "1000000", "--network-reports", "1000000"];

/// A server in a separate process; killed on drop.
pub struct Server {
    child: Child,
    /// The address that it listens on, such as `127.0.0.1:40000`.
    pub address: String,
}

impl Server {
    /// Starts the server of a deployment, which logs to `log` at this level.
    pub fn start(folder: &Path, level: &str, log: Stdio) -> Server {
        Server::start_with(folder, level, log, &WIDE)
    }

    /// Starts one that leaves what it receives in the buffer.
    pub fn start_without_merges(folder: &Path, level: &str, log: Stdio) -> Server {
        Server::start_with(folder, level, log, &[&WIDE[..], &["--no-charts"]].concat())
    }

    /// Starts one with additional arguments.
    pub fn start_with(folder: &Path, level: &str, log: Stdio, more: &[&str]) -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_candor"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder)
            .args(more)
            .env("CANDOR_LOG", level)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("start candor serve");
        let stdout = BufReader::new(child.stdout.take().expect("a piped stdout"));
        let address = stdout
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("listening on http://").map(str::to_owned));
        Server { child, address: address.expect("the server listens") }
    }

    /// Kills it with SIGKILL, and waits for it.
    pub fn kill(mut self) {
        self.child.kill().expect("kill the server");
        self.child.wait().expect("wait for the server");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A week whose reports are accepted during the whole test.
pub fn week() -> Date {
    let today = jiff::tz::TimeZone::UTC.to_datetime(Timestamp::now()).date();
    today.checked_sub(3.days()).expect("a day")
}

/// A report that the second config allows, different for each number.
pub fn report(number: u64) -> String {
    // Any number below 10^15 keeps its digits, and X is below every rate.
    let x = number as f64 / 1e15 + 0.1;
    format!(
        "{{\"Week\":\"{}\",\"LastWeek\":\"\",\"X\":{x},\"Programs\":[{{\"Program\":\
         \"example.org/hello\",\"Version\":\"v1.1.0\",\"GoVersion\":\"rust1.95.0\",\"GOOS\":\
         \"linux\",\"GOARCH\":\"arm64\",\"Counters\":{{\"hello/rare\":2,\"hello/verb:run\":{}}},\
         \"Stacks\":{{\"crash/panic\\nhello::main:=3\":1}}}}],\"Config\":\"v0.2.0\"}}",
        week(),
        number + 1
    )
}

/// The count of `hello/verb:run` in the report with this number, which identifies its public row.
pub fn number_of(row: &Value) -> u64 {
    row["Programs"][0]["Counters"]["hello/verb:run"].as_u64().expect("a count") - 1
}

/// The bytes of an upload.
pub fn request(headers: &str, report: &str) -> String {
    request_of(week(), headers, report)
}

/// The bytes of an upload of a report of another week.
pub fn request_of(week: Date, headers: &str, report: &str) -> String {
    format!(
        "POST /upload/{week} HTTP/1.1\r\nHost: telemetry.example.org\r\nContent-Type: \
         application/json\r\n{headers}Content-Length: {}\r\n\r\n{report}",
        report.len()
    )
}
