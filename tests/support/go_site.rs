//! A deployment of the Go project's definitions, as they were over a year and a half, with some weeks of
//! simulated reports. The definitions are under `CANDOR_DATA`.

use super::{Deployment, candor, go_data, json, segments, succeed};
use candor::ingest::Report;
use jiff::civil::Date;
use jiff::{ToSpan, Zoned};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The Go project's module.
pub const MODULE: &str = "golang.org/x/telemetry/config";

/// The deployment, and what was published and reported when.
pub struct GoSite {
    pub deployment: Deployment,
    /// The weeks with reports, the oldest first.
    pub weeks: Vec<Date>,
    /// The day of each config's commit, the first config's first.
    pub published: Vec<Date>,
    /// Where each config was taken from, and its commit.
    pub configs: Vec<(PathBuf, String)>,
    repository: TempDir,
}

impl GoSite {
    /// A deployment with reports of this many weeks, the newest of which still get reports; `None`, with a
    /// note, if the definitions are not here.
    pub fn new(weeks: i64, reports: u32) -> Option<GoSite> {
        let data = go_data()?;
        let revisions = revisions(&data);
        // Late enough that the older weeks are complete, and the newer ones are not.
        let today = Zoned::now().date();
        let sunday =
            today.saturating_sub(i64::from(today.weekday().to_sunday_zero_offset()).days());
        let last = sunday.saturating_sub(3.weeks());
        let weeks: Vec<Date> =
            (0..weeks).rev().map(|ago| last.saturating_sub(ago.weeks())).collect();
        let first = weeks.first().copied().unwrap_or(last);
        let mut site = GoSite {
            deployment: Deployment::of_module(MODULE),
            weeks: Vec::new(),
            published: Vec::new(),
            configs: Vec::new(),
            repository: TempDir::new().expect("a temporary folder"),
        };
        site.git(&["init", "-q", "-b", "main"], first);
        // All but the two newest are from before the reports.
        let (before, after) = revisions.split_at(revisions.len().saturating_sub(2));
        let count = before.len() as i64;
        for (index, revision) in (0..).zip(before) {
            site.publish(revision, first.saturating_sub(((count - index) * 10).days()));
        }
        let mut after = after.iter();
        for week in weeks {
            site.report(week, reports);
            if let Some(revision) = after.next() {
                site.publish(revision, week.saturating_add(1.day()));
            }
        }
        // With fewer weeks than that, they are published afterwards.
        for (index, revision) in (1..).zip(after) {
            site.publish(revision, last.saturating_add(i64::from(index).days()));
        }
        for verb in ["merge", "chart"] {
            succeed(candor().args([verb, "--data"]).arg(site.deployment.path()));
        }
        Some(site)
    }

    /// The repository of the definitions.
    pub fn repository(&self) -> &Path {
        self.repository.path()
    }

    fn charts(&self) -> PathBuf {
        self.repository.path().join("charts-config")
    }

    /// The newest config's version.
    fn newest(&self) -> String {
        format!("v0.{}.0", self.published.len())
    }

    /// Imports the definitions of a revision, commits them on a day, and publishes them for that day.
    fn publish(&mut self, revision: &Path, day: Date) {
        if self.charts().exists() {
            std::fs::remove_dir_all(self.charts()).expect("remove the old definitions");
        }
        let mut import = candor();
        import.arg("import").arg(revision.join("config.txt"));
        import.arg("--upload-config").arg(revision.join("config.json"));
        succeed(import.arg("--out").arg(self.charts()));
        let settings = self.charts().join("collection.toml");
        let text = std::fs::read_to_string(&settings).expect("the settings");
        let project = "\n[project]\nname = \"Go\"\nopt_in = \"gotelemetry on\"\nopt_out = \"gotelemetry off\"\n";
        std::fs::write(&settings, text + project).expect("written");
        self.git(&["add", "-A"], day);
        if self.git(&["status", "--porcelain"], day).is_empty() {
            return;
        }
        self.git(&["commit", "-q", "-m", "Definitions"], day);
        let mut publish = candor();
        publish.args(["--json", "publish", "--data"]).arg(self.deployment.path());
        publish.arg("--charts").arg(self.repository.path());
        let published = json(publish.args(["--as-of", &day.to_string()]));
        let version = published["version"].as_str().expect("a version");
        // Definitions may change without the config.
        if version == format!("v0.{}.0", self.published.len() + 1) {
            self.published.push(day);
            let commit = self.git(&["rev-parse", "HEAD"], day).trim().to_owned();
            self.configs.push((revision.to_owned(), commit));
        }
    }

    fn git(&self, arguments: &[&str], day: Date) -> String {
        let when = format!("{day}T12:00:00Z");
        let mut git = Command::new("git");
        git.args(arguments).current_dir(self.repository.path());
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        for who in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{who}_NAME"), "Gopher");
            git.env(format!("GIT_{who}_EMAIL"), "gopher@example.org");
            git.env(format!("GIT_{who}_DATE"), &when);
        }
        succeed(&mut git)
    }

    /// Reports of a week, under the newest config.
    fn report(&mut self, week: Date, reports: u32) {
        let file = self.repository.path().join("simulated.ndjson");
        let number = self.weeks.len() as u64 + 1;
        let mut simulate = candor();
        simulate.arg("simulate").arg("--charts").arg(self.charts());
        simulate.args(["--reports", &reports.to_string(), "--config", &self.newest()]);
        simulate.args(["--seed", &number.to_string(), "--week", &week.to_string()]);
        succeed(simulate.arg("--out").arg(&file));
        let rates = self.rates();
        let simulated = std::fs::read_to_string(&file).expect("simulated reports");
        std::fs::remove_file(&file).expect("removed");
        let reports: Vec<String> = simulated.lines().map(|line| stored(line, &rates)).collect();
        segments::write(&self.deployment.path().join("reports"), number, &reports);
        self.weeks.push(week);
    }

    /// All rates of the newest config, the lowest first.
    fn rates(&self) -> Vec<f64> {
        let config = json(candor().arg("compile").arg(self.charts()));
        let programs = config["Programs"].as_array().expect("programs").iter();
        let entries = programs.flat_map(|program| [&program["Counters"], &program["Stacks"]]);
        let entries = entries.filter_map(Value::as_array).flatten().map(|entry| &entry["Rate"]);
        let rates = entries.chain([&config["SampleRate"]]);
        let mut rates: Vec<f64> = rates.map(|rate| rate.as_f64().expect("a rate")).collect();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        rates
    }
}

/// The folders with the definitions, the oldest first.
fn revisions(data: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(data.join("go-history")).expect("the history");
    let mut folders: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    folders.sort();
    folders.push(data.join("go"));
    folders
}

/// A report as the receiver stores it: its X is the lowest rate that is not below it.
pub fn stored(report: &str, rates: &[f64]) -> String {
    let report = Report::decode(report.as_bytes()).expect("a report");
    let text = String::from_utf8(report.encode()).expect("text");
    let (start, rest) = text.split_once("\"X\":").expect("an X");
    let (x, rest) = rest.split_once(',').expect("more after it");
    let x: f64 = x.parse().expect("a number");
    let rate = rates.iter().find(|rate| **rate >= x).expect("a rate");
    format!("{start}\"X\":{rate},{rest}")
}
