//! Shared by the tests of reporting: a machine, a project's server, and interruptions.

use super::draw;
use super::event::Summary;
use super::run::{RunOptions, run};
use super::{Destination, LocalReport, RandomnessError, ReportError, X};
use crate::client::folder::Folder;
use crate::client::mode::{Consent, Mode};
use crate::client::testing::{PROXY, Server};
use crate::client::upload::Answer;
use crate::client::{Request, Response, Transport, TransportError};
use crate::day::Day;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

#[allow(dead_code, reason = "tests from outside use more of it")]
#[path = "../../../tests/support/counter_file.rs"]
mod counter_file;

pub use counter_file::CounterFile;

thread_local! {
    static OPERATIONS_LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Ends the next run of this thread before the operation of this number, counted from 0.
pub fn interrupt_after(operations: usize) {
    OPERATIONS_LEFT.set(operations);
}

pub fn is_interrupted() -> bool {
    let left = OPERATIONS_LEFT.get();
    if left != usize::MAX {
        OPERATIONS_LEFT.set(left.saturating_sub(1));
    }
    left == 0
}

pub fn day(text: &str) -> Day {
    text.parse().expect("a day")
}

pub const CONFIG: &str = r#"{"GOOS":["linux"],"GOARCH":["amd64"],"GoVersion":["rust1.95.0"],
    "SampleRate":1,"Programs":[{"Name":"example.org/tool","Versions":["v1.0.0"],
    "Counters":[{"Name":"tool/verb:{build,run}","Rate":1}]}]}"#;

/// A counter file of the listed program.
pub const FILE: CounterFile<'static> = CounterFile {
    program: "example.org/tool",
    version: "v1.0.0",
    toolchain: "rust1.95.0",
    goos: "linux",
    goarch: "amd64",
    begin: "2026-11-03",
    end: "2026-11-08",
    counts: &[("tool/verb:build", 3), ("tool/secret", 1)],
};

/// A deployment: a server of configs, and a receiver of reports.
#[derive(Debug)]
pub struct Deployment {
    pub configs: Server,
    /// The bodies that arrived, by URL, including duplicates.
    pub arrived: Mutex<BTreeMap<String, Vec<String>>>,
    /// Its answer; with `None` it accepts the report and then breaks the connection.
    pub answer: Mutex<Option<Answer>>,
    /// How many checkpoints were requested, one a fetch.
    pub fetches: AtomicUsize,
    /// How many modules were downloaded.
    pub downloads: AtomicUsize,
    /// Whether there is a network.
    pub reachable: AtomicBool,
    /// Whether configs can be downloaded.
    pub has_configs: AtomicBool,
}

impl Deployment {
    pub fn new(config: &str) -> Deployment {
        let mut configs = Server::new();
        configs.publish(config);
        Deployment {
            configs,
            arrived: Mutex::default(),
            answer: Mutex::new(Some(Answer::Accepted)),
            fetches: AtomicUsize::new(0),
            downloads: AtomicUsize::new(0),
            reachable: true.into(),
            has_configs: true.into(),
        }
    }

    pub fn destination(&self) -> Destination {
        let upload = PROXY.replace("goproxy", "upload").parse().expect("an address");
        Destination { source: self.configs.source(), upload }
    }

    pub fn answers(&self, answer: Option<Answer>) {
        *self.answer.lock().expect("unpoisoned") = answer;
    }

    /// The different texts that arrived for a week.
    pub fn texts(&self, week: &str) -> Vec<String> {
        let arrived = self.arrived.lock().expect("unpoisoned");
        let url = format!("https://telemetry.example.org/upload/{week}");
        let mut texts = arrived.get(&url).cloned().unwrap_or_default();
        texts.sort();
        texts.dedup();
        texts
    }

    pub fn downloads(&self) -> usize {
        self.downloads.load(SeqCst)
    }

    pub fn fetches(&self) -> usize {
        self.fetches.load(SeqCst)
    }
}

impl Transport for Deployment {
    fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        if let Some(report) = request.body {
            return self.receive(request.url, report);
        }
        let url = request.url;
        if !self.reachable.load(SeqCst) || !self.has_configs.load(SeqCst) {
            return Err(TransportError::failed(url, "no network"));
        }
        if url.ends_with("/checkpoint") {
            self.fetches.fetch_add(1, SeqCst);
        }
        if url.ends_with(".zip") {
            self.downloads.fetch_add(1, SeqCst);
        }
        self.configs.send(request)
    }
}

impl Deployment {
    fn receive(&self, url: &str, report: &str) -> Result<Response, TransportError> {
        if !self.reachable.load(SeqCst) {
            return Err(TransportError::failed(url, "no network"));
        }
        let answer = self.answer.lock().expect("unpoisoned").clone();
        if matches!(answer, None | Some(Answer::Accepted)) {
            let mut arrived = self.arrived.lock().expect("unpoisoned");
            arrived.entry(url.to_owned()).or_default().push(report.to_owned());
        }
        let (status, body) = match answer {
            None => return Err(TransportError::failed(url, "the connection broke")),
            Some(Answer::Accepted) => (200, String::new()),
            Some(Answer::Refused(text)) => (400, text),
            Some(Answer::Retry(text)) => (503, text),
        };
        let content_type = Some("text/plain".to_owned());
        Ok(Response { status, content_type, body: body.into_bytes() })
    }
}

/// A machine with a telemetry folder.
pub struct Machine {
    pub folder: Folder,
    _temporary: tempfile::TempDir,
}

impl Machine {
    /// A machine whose user opted in on this day.
    pub fn opted_in(since: &str) -> Machine {
        let machine = Machine::new();
        machine.choose(Mode::On, since);
        machine
    }

    /// A machine whose user has not chosen.
    pub fn new() -> Machine {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::at(temporary.path().join("telemetry"));
        Machine { folder, _temporary: temporary }
    }

    pub fn choose(&self, mode: Mode, since: &str) {
        mode.store(&self.folder, day(since)).expect("stored");
    }

    pub fn count(&self, file: CounterFile) {
        file.write(self.folder.path());
    }

    pub fn run(&self, to: &Deployment, today: &str) -> Result<Summary, ReportError> {
        self.run_as(to, today, false)
    }

    pub fn run_as(
        &self,
        to: &Deployment,
        today: &str,
        asked_by_user: bool,
    ) -> Result<Summary, ReportError> {
        let options = RunOptions { asked_by_user, ..self.options(Some(to.destination()), today) };
        self.run_with(to, &options, &draw)
    }

    /// A run that draws this X.
    pub fn run_drawing(
        &self,
        to: &Deployment,
        today: &str,
        x: f64,
    ) -> Result<Summary, ReportError> {
        let options = self.options(Some(to.destination()), today);
        self.run_with(to, &options, &|| Ok(X::try_from(x).expect("an X")))
    }

    /// A run that must not draw an X.
    pub fn run_without_drawing(
        &self,
        to: &Deployment,
        today: &str,
    ) -> Result<Summary, ReportError> {
        let options = self.options(Some(to.destination()), today);
        self.run_with(to, &options, &|| panic!("X was drawn"))
    }

    /// A run without a destination: nothing is fetched or sent.
    pub fn run_offline(&self, to: &Deployment, today: &str) -> Result<Summary, ReportError> {
        self.run_with(to, &self.options(None, today), &draw)
    }

    fn options(&self, destination: Option<Destination>, today: &str) -> RunOptions {
        RunOptions {
            folder: self.folder.clone(),
            destination,
            now: day(today).start() + std::time::Duration::from_secs(3600),
            asked_by_user: false,
        }
    }

    fn run_with(
        &self,
        to: &Deployment,
        options: &RunOptions,
        draw: &dyn Fn() -> Result<X, RandomnessError>,
    ) -> Result<Summary, ReportError> {
        run(options, &to, &|| Consent::read(&self.folder, None), draw)
    }

    /// The local report of a week.
    pub fn local(&self, week: &str) -> LocalReport {
        let path = self.folder.local().join(format!("local.{week}.json"));
        LocalReport::from_json(&std::fs::read(path).expect("there")).expect("a report")
    }

    /// The names of the files in `local` and `upload`.
    pub fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        for folder in ["local", "upload"] {
            for entry in std::fs::read_dir(self.folder.path().join(folder)).into_iter().flatten() {
                let name = entry.expect("an entry").file_name();
                files.push(format!("{folder}/{}", name.to_string_lossy()));
            }
        }
        files.sort();
        files
    }
}
