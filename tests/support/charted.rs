//! A deployment in memory whose reports are merged and charted: two programs with the same base name, charts
//! of every kind, and two configs between which a bucket was removed, another added, and a rate lowered.

use super::{Charts, HOST, MODULE, commit_day, segments};
use candor::aggregate::{
    ChartError, Charted, LoggedConfigs, Merged, Merging, Progress, PublicData, Unwatched, Weeks,
    chart, merge,
};
use candor::charts::Repository;
use candor::gomod::{ModulePath, RepositoryUrl};
use candor::publish::{Catalogues, Outcome, Publisher, Versions};
use candor::store::MemoryStore;
use candor::tlog::{Log, LogKeys, Seed, SignerLock};
use jiff::civil::Date;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// A day after all days of the reports.
pub const TODAY: Date = Date::constant(2026, 2, 12);

const PROGRAMS: [&str; 2] = ["example.org/hello", "other.example.org/hello"];

/// A deployment in memory.
pub struct Deployed {
    pub store: Arc<MemoryStore>,
    pub charts: Charts,
    pub folder: TempDir,
    seed: Seed,
    segments: u64,
}

/// The definitions of all charts, with these buckets of verbs, and more lines for two charts of each program.
pub fn definitions(verbs: &str, rest: &str) -> String {
    let chart = |program: &str, title: &str, rest: &str| {
        format!(
            "[[chart]]\ntitle = {title:?}\nissue = [\"https://example.org/1\"]\n\
             program = {program:?}\n{rest}\n"
        )
    };
    let of_program = |program: &str| {
        let verbs = format!("type = 'partition'\ncounter = 'verb:{verbs}'\n{rest}");
        let files = format!("type = 'histogram'\ncounter = 'files:{{1,10,100}}'\n{rest}");
        let days = "type = 'timeseries'\ncounter = 'started'";
        let failed = "type = 'ratio'\ncounter = 'failed:{net,disk}'\nover = 'started'";
        let crash = "type = 'stack'\ncounter = 'crash'\ndepth = 8";
        let charts = [
            ("Verbs", verbs.as_str()),
            ("Files", &files),
            ("Started", days),
            ("Failed", failed),
            ("Crashes", crash),
        ];
        charts.map(|(title, rest)| chart(program, title, rest)).concat()
    };
    PROGRAMS.map(of_program).concat()
}

impl Deployed {
    /// With two published configs, and no report.
    pub fn new() -> Deployed {
        let charts = Charts::new();
        let seed = Seed::generate().expect("a seed");
        let folder = TempDir::new().expect("a temporary folder");
        let store = Arc::new(MemoryStore::new());
        let deployed = Deployed { store, charts, folder, seed, segments: 0 };
        deployed.log().create().expect("a log");
        std::fs::remove_file(deployed.charts.path().join("charts-config/charts/verbs.toml"))
            .expect("remove");
        let write = |file: &str, text: &str| {
            deployed.charts.write(&format!("charts-config/{file}"), text);
        };
        write(
            "collection.toml",
            &format!(
                "module = {MODULE:?}\ngoos = ['linux', 'darwin']\ngoarch = ['amd64', 'arm64']\n\
                 toolchains = ['go1.26.8', 'rust1.95.0']\n\
                 [sampling]\nconfidence = 0.99\nerror = 0.01\n"
            ),
        );
        for (name, program) in ["hello", "other"].into_iter().zip(PROGRAMS) {
            write(
                &format!("programs/{name}.toml"),
                &format!(
                    "program = {program:?}\nmodule = {program:?}\n\
                     versions = ['v1.9.0', 'v1.10.0']\npopulation = 20000\n"
                ),
            );
        }
        write(
            "marginals/survey.toml",
            "title = 'Survey'\nsource = ['https://example.org/s']\nprogram = 'example.org/hello'\n\
             [[margin]]\nof = 'goos'\nshares = {linux = 0.7, darwin = 0.3}\n\
             [[margin]]\nof = 'verb:{run,help}'\nshares = {run = 0.9, help = 0.1}\n",
        );
        write("charts/all.toml", &definitions("{run,old,help}", ""));
        deployed.publish();
        write("charts/all.toml", &definitions("{other,run,help,new}", "error = 0.02"));
        deployed.publish();
        deployed
    }

    fn keys(&self) -> LogKeys {
        LogKeys::new(&HOST.parse().expect("a host"), &self.seed)
    }

    fn log(&self) -> Log {
        let signer = SignerLock::in_folder(self.folder.path()).expect("a signer");
        let path = ModulePath::new(MODULE).expect("a module path");
        let versions = Arc::new(Versions::new(path, self.store.clone()));
        Log::new(self.store.clone(), self.keys(), signer, versions)
    }

    /// Commits what was written, and publishes it.
    pub fn publish(&self) -> Outcome {
        self.charts.commit();
        let location = self.charts.path().display().to_string();
        let repository = Repository::open(&location, None, Path::new("/nonexistent"));
        let revision = repository.expect("a repository").read(None).expect("a commit");
        let path = ModulePath::new(MODULE).expect("a module path");
        let publisher = Publisher::new(path, self.store.clone(), self.log());
        publisher
            .publish(&revision, &RepositoryUrl::default(), commit_day(&revision))
            .expect("published")
    }

    /// The configs in the log.
    pub fn configs(&self) -> LoggedConfigs {
        let path = ModulePath::new(MODULE).expect("a module path");
        LoggedConfigs::new(path, self.keys().verifiers().clone(), self.store.clone())
    }

    /// Uploads reports.
    pub fn upload(&mut self, reports: &[String]) {
        self.segments += 1;
        let folder = self.folder.path().join("reports");
        segments::write(&folder, self.segments, reports);
    }

    /// Merges what was uploaded.
    pub fn merge(&self) -> Merged {
        let reports = self.folder.path().join("reports");
        let scratch = self.folder.path().join("scratch");
        let merging = Merging {
            buffer: (&reports).into(),
            store: self.store.clone(),
            scratch: &scratch,
            today: TODAY,
            stack_minimum: 1,
        };
        let merged = merge(&merging, &Unwatched);
        merged.expect("merged")
    }

    /// Makes charts.
    pub fn chart(&self, weeks: &Weeks, progress: &dyn Progress) -> Result<Charted, ChartError> {
        let catalogues = Catalogues::new(self.store.clone());
        chart(&self.public(), &self.configs(), &catalogues, weeks, progress)
    }

    /// The public data.
    pub fn public(&self) -> PublicData {
        PublicData::new(self.store.clone())
    }
}

/// Reports of a day in canonical form, as the configs of [`Deployed::new`] allow.
pub fn reports(day: &str, numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|number| report(day, number)).collect()
}

/// A repeatable pseudo-random choice of one of `many`, by a number.
fn one_of(number: u32, salt: u32, of: u32) -> u32 {
    // The finaliser of MurmurHash3, so that neighbouring numbers are unrelated.
    let mut mixed = number.wrapping_mul(31).wrapping_add(salt);
    for (shift, factor) in [(16, 0x85eb_ca6b_u32), (13, 0xc2b2_ae35)] {
        mixed = (mixed ^ (mixed >> shift)).wrapping_mul(factor);
    }
    (mixed ^ (mixed >> 16)) % of
}

fn report(day: &str, number: u32) -> String {
    let config = 1 + one_of(number, 1, 2);
    // 16,588 and 4,147 reports of 20,000.
    let (most, rough) = (0.8294, if config == 1 { 0.8294 } else { 0.20735 });
    let x = most * f64::from(1 + one_of(number, 2, 1 << 20)) / f64::from(1 << 20);
    let rough = x <= rough;
    let mut programs = Vec::new();
    for (salt, program) in (10..).zip(PROGRAMS) {
        for version in ["v1.10.0", "v1.9.0"] {
            let salt = salt * 100 + if version == "v1.9.0" { 50 } else { 0 };
            if one_of(number, salt, 3) == 0 {
                continue;
            }
            let pick = |offset: u32, of: u32| one_of(number, salt + offset, of);
            let mut counters = serde_json::Map::new();
            let mut add = |name: &str, chance: u32, most: u32| {
                if pick(chance, 100) < chance {
                    counters.insert(name.to_owned(), json!(1 + pick(chance + 1, most)));
                }
            };
            let verbs: &[(&str, u32)] = match config {
                1 => &[("run", 60), ("old", 30), ("help", 20)],
                _ => &[("other", 10), ("run", 60), ("help", 20), ("new", 31)],
            };
            if rough {
                verbs.iter().for_each(|(verb, chance)| add(&format!("verb:{verb}"), *chance, 9));
                ["1", "10", "100"].iter().zip([50, 25, 12]).for_each(|(files, chance)| {
                    add(&format!("files:{files}"), chance, 9);
                });
            }
            add("started", 90, 20);
            add("failed:net", 40, 5);
            add("failed:disk", 15, 3);
            counters.sort_keys();
            let stacks = match pick(7, 10) {
                0..3 => json!({
                    format!("crash\nmain.f{}:+{}\nmain.main:+1", pick(8, 4), pick(9, 5)): 1
                }),
                _ => json!({}),
            };
            programs.push(format!(
                "{{\"Program\":{program:?},\"Version\":{version:?},\"GoVersion\":{:?},\
                 \"GOOS\":{:?},\"GOARCH\":{:?},\"Counters\":{},\"Stacks\":{stacks}}}",
                ["go1.26.8", "rust1.95.0"][pick(3, 2) as usize],
                ["linux", "darwin"][usize::from(pick(4, 4) == 0)],
                ["amd64", "arm64"][pick(5, 2) as usize],
                serde_json::Value::Object(counters),
            ));
        }
    }
    let programs = match programs.as_slice() {
        [] => "null".to_owned(),
        some => format!("[{}]", some.join(",")),
    };
    format!(
        "{{\"Week\":\"{day}\",\"LastWeek\":\"\",\"X\":{x},\"Programs\":{programs},\
         \"Config\":\"v0.{config}.0\"}}"
    )
}

/// As [`reports`], with X rounded up to a rate of the config that a report names, as a receiver does it.
pub fn rounded_reports(day: &str, numbers: std::ops::Range<u32>) -> Vec<String> {
    let rounded = |report: String| {
        let mut json: serde_json::Value = serde_json::from_str(&report).expect("JSON");
        let x = json["X"].as_f64().expect("a number");
        let rough = if json["Config"] == "v0.2.0" { 0.20735 } else { 0.8294 };
        json["X"] = if x <= rough { rough } else { 0.8294 }.into();
        let json = json.to_string();
        let report = candor::ingest::Report::decode(json.as_bytes()).expect("a report");
        String::from_utf8(report.encode()).expect("text")
    };
    reports(day, numbers).into_iter().map(rounded).collect()
}
