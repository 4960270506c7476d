//! What `candor audit` says about promises over several weeks: jumps in the number of reports are marked, and
//! configs close.

#![cfg(feature = "server")]

use crate::support;
use serde_json::Value;
use std::collections::BTreeSet;
use support::charted::{Deployed, rounded_reports as reports};
use support::http::Meddler;
use support::{Deployment, candor, run, segments, succeed};
use tempfile::TempDir;

/// A deployment with two configs of one day, and these weeks of reports: the day and the number of reports.
fn deployment(source: &Deployed, weeks: &[(&str, u32)]) -> Deployment {
    let deployment = Deployment::new();
    for revision in ["HEAD~1", "HEAD"] {
        let mut command = deployment.publish_command(&source.charts);
        succeed(command.args(["--rev", revision, "--as-of", "2026-02-03"]));
    }
    let mut first = 0;
    let all = weeks.iter().flat_map(|(day, count)| {
        first += count;
        reports(day, first - count..first)
    });
    let all: Vec<String> = all.collect();
    segments::write(&deployment.path().join("reports"), 1, &all);
    for verb in ["merge", "chart"] {
        succeed(candor().args([verb, "--data"]).arg(deployment.path()));
    }
    deployment
}

fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

/// The result of a first audit of the deployment at an address.
fn audited(deployment: &Deployment, source: &Deployed, url: &str) -> Value {
    let folder = TempDir::new().expect("a temporary folder");
    let mut audit = candor();
    audit.args(["--json", "audit", url, "--vkey", &deployment.log_key]);
    audit.arg("--charts").arg(source.charts.path());
    audit.arg("--state").arg(folder.path().join("state"));
    parsed(&run(&mut audit).stdout)
}

fn verdicts(said: &Value) -> impl Iterator<Item = (&str, &str, &str)> {
    let verdicts = said["verdicts"].as_array().expect("verdicts").iter();
    verdicts.map(|verdict| {
        let text = |field: &str| verdict[field].as_str().expect("text");
        (text("id"), text("state"), text("sentence"))
    })
}

fn wrong(said: &Value) -> BTreeSet<&str> {
    verdicts(said).filter(|(_, state, _)| *state == "wrong").map(|(id, ..)| id).collect()
}

fn sentence<'v>(said: &'v Value, id: &str) -> &'v str {
    verdicts(said).find(|(found, ..)| *found == id).expect("a verdict").2
}

const WEEKS: [(&str, u32); 5] = [
    ("2026-02-03", 100),
    ("2026-02-10", 110),
    ("2026-02-17", 95),
    ("2026-02-24", 105),
    ("2026-03-03", 900),
];

#[test]
fn marks_follow_from_the_weeks_before() {
    let source = Deployed::new();
    let deployment = deployment(&source, &WEEKS);
    let server = deployment.serve();
    let path = "/charts/example.org/hello/@2026-03-08/charts.json";
    let (_, flooded) = server.get(path);
    let flooded = parsed(&flooded);
    assert_eq!(flooded["whole_week"]["jump"]["weeks"], 4, "{}", flooded["whole_week"]);
    assert!(flooded["jump"]["reports"].as_u64() > Some(700), "{}", flooded["jump"]);
    let honest = audited(&deployment, &source, &server.url);
    assert_eq!(wrong(&honest), BTreeSet::new(), "{honest:#}");
    let said = sentence(&honest, "jumps");
    assert!(!said.starts_with("0 marks"), "{said}");

    type Change = fn(&mut Value);
    let changes: [(&str, Change); 4] = [
        ("a mark of the week is hidden", |charts| {
            charts["whole_week"].as_object_mut().expect("an object").remove("jump");
        }),
        ("a mark of a chart is hidden", |charts| {
            charts["charts"][0].as_object_mut().expect("an object").remove("jump");
        }),
        ("more is said to be expected", |charts| {
            let more = charts["expected"]["reports"].as_f64().expect("a number") * 2.0;
            charts["expected"]["reports"] = more.into();
        }),
        ("the week is said to be a first one", |charts| charts["expected"] = Value::Null),
    ];
    for (what, change) in changes {
        let meddler = Meddler::new(&server.url, move |asked, body| {
            if asked != path {
                return body;
            }
            let mut charts = parsed(&body);
            change(&mut charts);
            serde_json::to_vec(&charts).expect("JSON")
        });
        let said = audited(&deployment, &source, &meddler.url);
        assert_eq!(wrong(&said), BTreeSet::from(["jumps"]), "{what}: {said:#}");
        assert!(sentence(&said, "jumps").contains("in the week to 2026-03-08"), "{what}: {said:#}");
    }
}

#[test]
fn a_report_that_names_a_closed_config_is_found() {
    let source = Deployed::new();
    // The second config was published for 2026-02-03, so the first one closed on 2026-03-31.
    let good = deployment(&source, &[("2026-03-31", 20)]);
    let server = good.serve();
    let said = audited(&good, &source, &server.url);
    assert_eq!(wrong(&said), BTreeSet::new(), "{said:#}");
    let late = deployment(&source, &[("2026-04-01", 20)]);
    let server = late.serve();
    let said = audited(&late, &source, &server.url);
    assert_eq!(wrong(&said), BTreeSet::from(["open-configs"]), "{said:#}");
    let found = sentence(&said, "open-configs");
    assert!(
        found.contains("a report of 2026-04-01 names v0.1.0, which ended on 2026-03-31"),
        "{found}"
    );
}

/// A deployment whose index is changed on its way, and perhaps the content of a file.
fn with_index(
    server: &str,
    change: impl Fn(&mut Value) + Send + Sync + 'static,
    file: Option<(String, Vec<u8>)>,
) -> Meddler {
    Meddler::new(server, move |asked, body| match &file {
        Some((path, bytes)) if asked == path => bytes.clone(),
        _ if asked == "/data/index.json" => {
            let mut index = parsed(&body);
            change(&mut index);
            serde_json::to_vec(&index).expect("JSON")
        }
        _ => body,
    })
}

#[test]
fn a_parquet_file_with_other_reports_than_the_text_is_found() {
    let source = Deployed::new();
    let of = |first: u32| {
        let deployment = deployment(&source, &[]);
        let all = reports("2026-02-03", first..first + 40);
        segments::write(&deployment.path().join("reports"), 7, &all);
        for verb in ["merge", "chart"] {
            succeed(candor().args([verb, "--data"]).arg(deployment.path()));
        }
        deployment
    };
    let (honest, other) = (of(0), of(40));
    let (server, of_others) = (honest.serve(), other.serve());
    let path = "/data/weeks/week-2026-02-08.parquet";
    let (_, index) = of_others.get("/data/index.json");
    let named = |index: &Value| {
        let files = index["weeks"]["2026-02-08"]["data"]["files"].as_array().expect("files");
        files.iter().position(|file| file["format"] == "parquet").expect("a Parquet file")
    };
    let others = parsed(&index);
    let rows = others["weeks"]["2026-02-08"]["data"]["rows"].clone();
    let replaced = others["weeks"]["2026-02-08"]["data"]["files"][named(&others)].clone();
    let (_, bytes) = of_others.get(path);
    let change = move |index: &mut Value| {
        let place = named(index);
        index["weeks"]["2026-02-08"]["data"]["files"][place] = replaced.clone();
        // As many as the index says, so that nothing but the rows differs.
        index["weeks"]["2026-02-08"]["data"]["rows"] = rows.clone();
    };
    let meddler = with_index(&server.url, change, Some((path.to_owned(), bytes)));
    let said = audited(&honest, &source, &meddler.url);
    assert!(wrong(&said).contains("data-files"), "{said:#}");
    let found = sentence(&said, "data-files");
    assert!(found.contains("the Parquet file of weeks/2026-02-08 has other reports"), "{found}");
}

#[test]
fn a_complete_week_that_shows_a_stack_which_few_have_is_found() {
    let source = Deployed::new();
    let deployment = deployment(&source, &[("2026-02-03", 100)]);
    let server = deployment.serve();
    let (_, index) = server.get("/data/index.json");
    let week = &parsed(&index)["weeks"]["2026-02-08"]["data"];
    assert_eq!((&week["complete"], &week["stack_minimum"]), (&true.into(), &3.into()), "{week}");
    let said = audited(&deployment, &source, &server.url);
    assert_eq!(wrong(&said), BTreeSet::new(), "{said:#}");
    // The same rows, where fewer would have to be shown.
    let change = |index: &mut Value| {
        index["weeks"]["2026-02-08"]["data"]["stack_minimum"] = 1000.into();
    };
    let meddler = with_index(&server.url, change, None);
    let said = audited(&deployment, &source, &meddler.url);
    assert_eq!(wrong(&said), BTreeSet::from(["row-form"]), "{said:#}");
    let found = sentence(&said, "row-form");
    assert!(found.contains("in fewer than 1000 reports; report "), "{found}");
}
