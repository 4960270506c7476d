//! The reports of honest senders, and the result of each.
//!
//! They are those of `candor simulate`, with their number as the count of one counter: so each can be
//! recognised in the public data, whatever happens to X there.

use crate::support::{Charts, candor, succeed};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The counter whose count is the report's number.
const NUMBER: &str = "soak/number";
/// How many days ago the weeks ended that are reported: all can be merged, and by a server whose
/// clock goes past midnight too.
const DAYS_AGO: [i32; 3] = [3, 8, 11];

/// The definitions of the config: two programs with charts of several kinds, all sampled.
pub fn charts() -> Charts {
    let charts = Charts::new();
    let definition = |program: &str, kind: &str, counter: &str| {
        format!(
            "[[chart]]\ntitle = {counter:?}\nissue = [\"https://example.org/issue/1\"]\n\
             type = {kind:?}\nprogram = \"example.org/{program}\"\ncounter = {counter:?}\n\n"
        )
    };
    let mut all = String::new();
    for program in ["hello", "tool"] {
        charts.write(
            &format!("charts-config/programs/{program}.toml"),
            &format!(
                "program = \"example.org/{program}\"\nmodule = \"example.org/{program}\"\n\
                 versions = [\"v1.0.0\", \"v1.1.0\", \"v1.2.0\"]\n"
            ),
        );
        for (kind, counter) in [
            ("partition", NUMBER.to_owned()),
            ("partition", format!("{program}/verb:{{run,help,build,test}}")),
            ("histogram", format!("{program}/files:{{1,2,4,8,16,32,64,128,256}}")),
            ("timeseries", format!("{program}/started")),
        ] {
            all.push_str(&definition(program, kind, &counter));
        }
        all.push_str(&definition(program, "stack", &format!("{program}/crash")));
        all.push_str("depth = 8\n\n");
    }
    std::fs::remove_file(charts.path().join("charts-config/charts/verbs.toml")).expect("removed");
    charts.write("charts-config/charts/all.toml", &all.replace("\n\ndepth", "\ndepth"));
    charts.commit();
    charts
}

/// A report, and what its sender knows of it.
#[derive(Debug)]
pub struct Sent {
    day: String,
    text: String,
    acknowledged: AtomicBool,
    refused: OnceLock<String>,
}

impl Sent {
    pub fn day(&self) -> &str {
        &self.day
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn acknowledge(&self) {
        self.acknowledged.store(true, Relaxed);
    }

    pub fn refuse(&self, why: String) {
        // The first one is enough.
        let _ = self.refused.set(why);
    }

    pub fn is_acknowledged(&self) -> bool {
        self.acknowledged.load(Relaxed)
    }

    pub fn refused(&self) -> Option<&str> {
        self.refused.get().map(String::as_str)
    }
}

/// All reports of a soak, by their numbers.
#[derive(Debug)]
pub struct Reports(Vec<Sent>);

impl Reports {
    /// At most this many, made by a population under `charts`.
    pub fn make(charts: &Charts, count: u64, folder: &Path) -> Reports {
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let mut reports = Vec::new();
        for (seed, days) in (1..).zip(DAYS_AGO) {
            let day: Date = today.checked_sub(days.days()).expect("a day");
            let file = folder.join("reports.ndjson");
            succeed(
                candor()
                    .args(["--json", "simulate", "--config", "v0.1.0", "--week", &day.to_string()])
                    .args(["--seed", &format!("{seed}"), "--charts"])
                    .arg(charts.path())
                    .args(["--reports", &count.div_ceil(3).to_string(), "--out"])
                    .arg(&file),
            );
            let lines = std::fs::read_to_string(&file).expect("reports");
            let made = lines.lines().map(|line| serde_json::from_str(line).expect("JSON"));
            reports.extend(made.filter(|report: &Value| report["Programs"][0].is_object()));
            std::fs::remove_file(&file).expect("removed");
        }
        // The days in turn, and in the same order whenever they are made again.
        let per_day = reports.len().div_ceil(3);
        let mut order: Vec<usize> = (0..reports.len()).collect();
        order.sort_by_key(|place| (place % per_day, place / per_day));
        let sent = (0..).zip(order).map(|(number, place): (u64, usize)| {
            let mut report = reports[place].take();
            for program in report["Programs"].as_array_mut().expect("programs") {
                program["Counters"].as_object_mut().expect("counters").remove(NUMBER);
            }
            report["Programs"][0]["Counters"][NUMBER] = json!(number + 1);
            Sent {
                day: report["Week"].as_str().expect("a week").to_owned(),
                text: report.to_string(),
                acknowledged: AtomicBool::new(false),
                refused: OnceLock::new(),
            }
        });
        Reports(sent.collect())
    }

    pub fn len(&self) -> u64 {
        self.0.len() as u64
    }

    pub fn get(&self, number: u64) -> &Sent {
        &self.0[usize::try_from(number).expect("a number of a report")]
    }

    /// Identifies a public report: its number, and whether its content is what was sent.
    pub fn find(&self, public: &Value) -> Option<(u64, bool)> {
        let mut numbers = public["Programs"].as_array()?.iter().map(|p| &p["Counters"][NUMBER]);
        let number = numbers.find_map(Value::as_u64)?.checked_sub(1)?;
        if number >= self.len() {
            return None;
        }
        let sent: Value = serde_json::from_str(self.get(number).text()).expect("JSON");
        let x = |report: &Value| report["X"].as_f64();
        Some((number, x(public) >= x(&sent) && content(public) == content(&sent)))
    }
}

/// What must be in the public data as it was sent: all but LastWeek, which is not made public; X,
/// which may be rounded up there; and stacks, of which rare ones may be left out.
fn content(report: &Value) -> Value {
    let programs = report["Programs"].as_array().into_iter().flatten().map(|program| {
        let mut program = program.clone();
        if let Some(fields) = program.as_object_mut() {
            fields.remove("Stacks");
        }
        program.to_string()
    });
    let mut programs: Vec<_> = programs.collect();
    programs.sort();
    json!([report["Week"], report["Config"], programs])
}
