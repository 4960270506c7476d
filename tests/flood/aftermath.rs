//! The public data of a flooded week, once it is merged and charted together with honest weeks.

use crate::senders::{HOSTILE, honest_report};
use crate::support::{Server, candor, segments, serve_command, succeed};
use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

/// By how many percent the weeks before had more or fewer reports, the newest first.
const BEFORE: [i64; 8] = [2, -3, 1, -2, 3, 0, -1, 2];

/// What anyone can see of the flooded week.
#[derive(Debug)]
pub struct Public {
    /// Reports of the week, and those of them that are the flood's.
    pub reports: u64,
    pub flood: u64,
    /// What the chart shows of the counter that the flood wants to make nothing of, in percent.
    pub share: f64,
    /// The reports that the weeks before explain, and the most that get no mark.
    pub expected: f64,
    pub high: f64,
    /// Whether week, program and chart are marked; with the numbers that the mark must have.
    pub marked: bool,
}

/// The last Sunday before today: its week is over, and its reports are accepted at any time of a test.
pub fn last_sunday() -> Date {
    let today = jiff::Timestamp::now().to_zoned(TimeZone::UTC).date();
    today.nth_weekday(-1, Weekday::Sunday).expect("a Sunday")
}

/// Makes the weeks before about as large as the honest part of this one.
pub fn write_weeks_before(deployment: &Path, sunday: Date, honest: u64) {
    for (ago, percent) in (1_i64..).zip(BEFORE) {
        let day = sunday.checked_sub((7 * ago).days()).expect("a day");
        let count = honest.checked_add_signed(honest as i64 * percent / 100).expect("a number");
        let rows: Vec<String> = (0..count).map(|number| row(&honest_report(day, number))).collect();
        segments::write(&deployment.join("reports"), ago.unsigned_abs(), &rows);
    }
}

/// A report with the rate for X, as it is stored.
fn row(report: &str) -> String {
    let (before, after) = report.split_once("\"X\":").expect("X");
    let (_, after) = after.split_once(',').expect("what comes after it");
    format!("{before}\"X\":1,{after}")
}

/// Merges and charts a deployment, and reads what is public of a week.
pub fn public(deployment: &Path, sunday: Date) -> Public {
    for verb in ["merge", "chart"] {
        succeed(candor().args([verb, "--data"]).arg(deployment));
    }
    let server = Server::start(serve_command(deployment).arg("--read-only"));
    let json = |path: &str| -> Value {
        let (status, body) = server.get(path);
        assert_eq!(status, 200, "{path}");
        serde_json::from_slice(&body).expect("JSON")
    };
    let charts = json(&format!("/charts/example.org/hello/@{sunday}/charts.json"));
    let chart = charts["charts"].as_array().expect("charts").iter();
    let chart = chart.clone().find(|chart| chart["title"] == "Verbs").expect("the chart");
    let run = chart["rows"].as_array().expect("rows").iter().find(|row| row["label"] == "run");
    let share = run.expect("the counter")["share"]["value"].as_f64().expect("a share");

    let index = json("/data/index.json");
    let files = &index["weeks"][sunday.to_string()]["data"]["files"];
    let names = files.as_array().expect("files").iter().filter_map(|file| file["name"].as_str());
    let name = names.clone().find(|name| name.ends_with(".ndjson.gz")).expect("rows as text");
    let (_, bytes) = server.get(&format!("/data/weeks/{name}"));
    let lines = BufReader::new(flate2::read::MultiGzDecoder::new(bytes.as_slice())).lines();
    let (mut reports, mut flood) = (0, 0);
    for line in lines {
        let row: Value = serde_json::from_str(&line.expect("a line")).expect("a report");
        reports += 1;
        flood += u64::from(row["Programs"][0]["Counters"]["hello/verb:help"] == HOSTILE);
    }

    let week = &charts["whole_week"];
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{charts:#}"));
    let (expected, high) =
        (number(&week["expected"]["reports"]), number(&week["expected"]["high"]));
    assert_eq!(week["expected"]["weeks"], BEFORE.len(), "{week}");
    let marked = reports as f64 > high;
    for of in [week, &charts, chart] {
        match of.get("jump") {
            None => assert!(!marked, "{reports} of {expected}, and no mark: {of:#}"),
            Some(jump) => {
                assert!(marked, "{reports} of {expected}, and a mark: {jump}");
                assert_eq!(jump["reports"], reports, "{jump}");
                assert_eq!(jump["expected"], of["expected"]["reports"], "{jump}");
            }
        }
    }
    let (status, page) = server.get(&format!("/charts/example.org/hello/@{sunday}/"));
    assert_eq!(status, 200);
    let page = String::from_utf8(page).expect("text");
    assert_eq!(page.contains(" expected</span>"), marked, "{page}");
    server.stop();
    Public { reports, flood, share: 100.0 * share, expected, high, marked }
}
