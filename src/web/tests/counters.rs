//! `/counters/`: every counter has a page that says why it is collected and how many reports have it.

use super::fixture::{Answer, Fixture, HOSTILE, ask, get};
use crate::aggregate::figure::{Breakdown, Dimension, Figure, Group, Kind, Row, WeekCharts};
use crate::charts_fixture::{self as charts, base, estimate, figure, row};
use axum::Router;
use axum::http::{Method, StatusCode};
use std::collections::BTreeSet;

const HELLO: &str = "example.org/hello";

async fn page(router: &Router, path: &str) -> Answer {
    ask(router, Method::GET, path, &[("accept", "text/html")]).await
}

fn links(html: &str) -> Vec<String> {
    let links = html.split(" href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    links.map(|link| link.replace("&quot;", "\"").replace("&amp;", "&")).collect()
}

/// Charts of a week with a partition and stacks of a program; `ago` is how many weeks it is old.
fn week(mut week: WeekCharts, ago: usize) -> WeekCharts {
    let all = base(1_000, 0.5);
    let share = 0.4 - 0.05 * ago as f64;
    let verbs = figure("verb", "Verbs", Kind::Partition, all, &[("run", share), ("help", 0.1)]);
    let mut crashes = figure("crash-panic", "Crashes", Kind::Stack, all, &[]);
    let stack = |frames: &[&str], share: f64, base| Row {
        frames: frames.iter().map(|frame| (*frame).to_owned()).collect(),
        counter: Some("crash/panic".to_owned()),
        ..row(frames[0], share, base)
    };
    crashes.counter = Some("crash/panic".to_owned());
    crashes.none = Some(estimate(0.9, &all));
    crashes.rows = vec![stack(&["main.old<b>", "main.main"], 0.05, &all)];
    if ago == 0 {
        crashes.rows.insert(0, stack(&["main.new", "main.main"], 0.06, &all));
    }
    let part = base(400, 0.5);
    let of_version = |label: &str, frames: &[&str]| Group {
        label: label.to_owned(),
        base: part,
        rows: vec![stack(frames, 0.1, &part)],
        none: None,
    };
    let groups = vec![
        of_version("v2", &["main.new", "main.main"]),
        of_version("v1", &["main.old<b>", "main.main"]),
    ];
    crashes.by = vec![breakdown(groups)];
    let program = &mut week.programs[0];
    program.program = HELLO.to_owned();
    program.charts = vec![verbs, crashes];
    week
}

fn breakdown(groups: Vec<Group>) -> Breakdown {
    let mut parts: Vec<Breakdown> = Vec::new();
    // Any chart's, with other groups: what else a breakdown has does not matter here.
    for program in charts::week(charts::NEWEST).programs {
        parts.extend(program.charts.into_iter().flat_map(|figure: Figure| figure.by));
    }
    let mut part =
        parts.into_iter().find(|part| part.dimension == Dimension::Version).expect("one");
    part.groups = groups;
    part
}

async fn counted(weeks: u32) -> Router {
    counted_but(weeks, &[]).await
}

/// The same without charts of some weeks, the newest of which is 0.
async fn counted_but(weeks: u32, without: &[usize]) -> Router {
    let fixture = Fixture::with(3);
    let weeks = charts::weeks(weeks).into_iter().map(charts::week).enumerate();
    let weeks = weeks.filter(|(ago, _)| !without.contains(ago));
    let weeks: Vec<_> = weeks.map(|(ago, charts)| week(charts, ago)).collect();
    charts::publish(&fixture.store, &weeks);
    fixture.router().await
}

#[tokio::test]
async fn every_counter_of_the_config_has_a_page() {
    let router = counted(3).await;
    let mut seen = BTreeSet::from(["/counters/".to_owned()]);
    let mut next = vec!["/counters/".to_owned()];
    while let Some(path) = next.pop() {
        let answer = page(&router, &path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        if !answer.header("content-type").starts_with("text/html") {
            continue;
        }
        assert_eq!(answer.text().matches("<h1>").count(), 1, "{path}");
        assert!(!answer.text().contains("<script") && !answer.text().contains(" style="), "{path}");
        for link in links(answer.text()) {
            if link.starts_with("/counters/") && seen.insert(link.clone()) {
                next.push(link);
            }
        }
    }
    for path in ["verb:run", "verb:help", "crash/panic", "verb", "index.json"] {
        assert!(seen.contains(&format!("/counters/{HELLO}/{path}")), "{path}");
    }
    // A name with a slash after `<` can be in an address.
    let hostile = seen.iter().find(|path| path.contains("odd:")).expect("a page");
    let answer = page(&router, hostile).await;
    assert!(answer.text().contains("<h1><code><bdi>odd:&lt;script&gt;alert"), "{}", answer.text());
    assert!(HOSTILE.contains("<script>"));
    assert_eq!(
        seen.iter().filter(|path| path.contains("/many/") && !path.ends_with(".json")).count(),
        40
    );
}

#[tokio::test]
async fn a_group_says_how_often_each_counter_is_reported() {
    let router = counted(3).await;
    let answer = page(&router, &format!("/counters/{HELLO}/verb")).await;
    let text = answer.text();
    for said in ["under config <a href=\"/config/", "In the newest reports", "40.0% (", "10.0% ("] {
        assert!(text.contains(said), "{said}: {text}");
    }
    // And its chart leads here.
    let chart = page(&router, &format!("/charts/{HELLO}/@2026-11-15/verb")).await;
    assert!(links(chart.text()).contains(&format!("/counters/{HELLO}/verb")));
}

#[tokio::test]
async fn a_counter_s_page_says_how_often_it_is_reported() {
    let router = counted(5).await;
    let answer = page(&router, &format!("/counters/{HELLO}/verb:run")).await;
    for said in [
        "<dd>config <a href=\"/config/v0.1.0\">v0.1.0</a>, of <time datetime=\"2026-02-04\">",
        "6.64% of those",
        "400 of 1,000 that could have it: 40.0% (",
        "an estimated 800",
        "provisional",
        "<svg class=\"sparkline\"",
        &format!("href=\"/charts/{HELLO}/@2026-11-15/verb\""),
    ] {
        assert!(answer.text().contains(said), "{said}: {}", answer.text());
    }
    let group = page(&router, &format!("/counters/{HELLO}/verb:%7Brun,help%7D")).await;
    assert_eq!(group.status, StatusCode::OK);
    assert!(group.text().contains(&format!("href=\"/counters/{HELLO}/verb:help\"")));
    // Without charts, the rest is there.
    let bare = page(&Fixture::with(1).router().await, &format!("/counters/{HELLO}/verb:run")).await;
    assert_eq!(bare.status, StatusCode::OK);
    assert!(bare.text().contains("6.64% of those") && !bare.text().contains("that could have it"));
}

#[tokio::test]
async fn stacks_are_ranked_with_their_first_week_and_versions() {
    let router = counted(3).await;
    let answer = page(&router, &format!("/counters/{HELLO}/crash/panic")).await;
    let text = answer.text();
    let stacks: Vec<&str> = text.split("<li id=\"stack-").skip(1).collect();
    assert_eq!(stacks.len(), 2, "{text}");
    assert!(stacks[0].contains("main.new") && stacks[1].contains("main.old&lt;b&gt;"));
    assert!(stacks[0].contains("in the week to <time datetime=\"2026-11-15\">"), "{}", stacks[0]);
    assert!(stacks[1].contains("or before"), "{}", stacks[1]);
    assert!(stacks[0].contains("<bdi>v2</bdi> (40)") && stacks[1].contains("<bdi>v1</bdi> (40)"));
    assert!(stacks[0].contains("2 frames") && text.contains("at most 16 frames"));
    assert!(text.contains("100 of 1,000 that could have it"), "with any stack: {text}");
    assert!(!text.contains("<b>"));
}

#[tokio::test]
async fn unknown_names_are_refused_with_help() {
    let router = counted(2).await;
    for (path, help) in [
        (format!("/counters/{HELLO}/verb:walk"), format!("/counters/{HELLO}/verb:run")),
        (format!("/counters/{HELLO}/nothing"), format!("/counters/{HELLO}/")),
        ("/counters/nobody/x".to_owned(), "/counters/".to_owned()),
        (format!("/counters/{HELLO}/%3Cb%3E"), "/charts/@all?q=%3Cb%3E".to_owned()),
    ] {
        let answer = page(&router, &path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(links(answer.text()).contains(&help), "{path}: {:?}", links(answer.text()));
        assert!(!answer.text().contains("<b>"), "{path}");
        let plain = get(&router, &path).await;
        assert_eq!(plain.status, StatusCode::NOT_FOUND, "{path}");
        assert!(plain.text().starts_with("not found: no config has a counter"), "{path}");
        assert_eq!(plain.header("cache-control"), "no-store");
    }
    let answer = page(&router, &format!("/counters/{HELLO}")).await;
    assert_eq!(answer.status, StatusCode::PERMANENT_REDIRECT);
    assert_eq!(answer.header("location"), format!("/counters/{HELLO}/"));
    let empty = page(&Fixture::new().router().await, "/counters/").await;
    assert!(empty.text().contains("Nothing is collected"));
}

#[tokio::test]
async fn the_index_is_there_for_machines() {
    let router = counted(1).await;
    let answer = get(&router, &format!("/counters/{HELLO}/index.json")).await;
    assert_eq!(answer.header("content-type"), "application/json");
    let json: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!((&json["program"], &json["config"]), (&HELLO.into(), &"v0.3.0".into()));
    let counters = json["counters"].as_array().expect("counters");
    let names: Vec<&str> = counters.iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["verb:run", "verb:help", HOSTILE, "crash/panic"]);
    assert_eq!(counters[0]["rate"], 0.06636);
    assert_eq!((&counters[3]["kind"], &counters[3]["depth"]), (&"stack".into(), &16.into()));
    for counter in counters {
        let page = counter["page"].as_str().expect("a page");
        assert_eq!(get(&router, page).await.status, StatusCode::OK, "{page}");
    }
}

#[tokio::test]
async fn a_counter_is_there_for_machines() {
    let router = counted(3).await;
    let read = async |path: &str| -> serde_json::Value {
        let answer = get(&router, path).await;
        assert_eq!(answer.header("content-type"), "application/json", "{path}");
        serde_json::from_slice(&answer.body).expect("JSON")
    };
    let run = read(&format!("/counters/{HELLO}/verb:run.json")).await;
    assert_eq!((&run["name"], &run["collected"]), (&"verb:run".into(), &true.into()));
    assert_eq!((&run["since"], &run["since_day"]), (&"v0.1.0".into(), &"2026-02-04".into()));
    assert_eq!(run["entries"], serde_json::json!([{ "kind": "counter", "rate": 0.06636 }]));
    let chart = &run["reported"]["charts"][0];
    assert_eq!(
        (&chart["estimate"]["reports"], &chart["base"]["reports"]),
        (&400.into(), &1000.into())
    );
    let weeks: Vec<&str> = chart["trend"]
        .as_array()
        .expect("a trend")
        .iter()
        .filter_map(|p| p["week"].as_str())
        .collect();
    assert_eq!(weeks, ["2026-11-01", "2026-11-08", "2026-11-15"]);
    let crash = read(&format!("/counters/{HELLO}/crash/panic.json")).await;
    assert_eq!(crash["entries"][0]["depth"], 16);
    let stacks = crash["reported"]["charts"][0]["stacks"].as_array().expect("stacks");
    assert_eq!((stacks.len(), &stacks[0]["first_week"]), (2, &"2026-11-15".into()));
    // A week without charts moves no other.
    let gap = counted_but(3, &[1]).await;
    let answer = get(&gap, &format!("/counters/{HELLO}/verb:run.json")).await;
    let run: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    let trend = run["reported"]["charts"][0]["trend"].as_array().expect("a trend").clone();
    let weeks: Vec<&str> = trend.iter().filter_map(|point| point["week"].as_str()).collect();
    assert_eq!(weeks, ["2026-11-01", "2026-11-15"]);
    let missing = get(&router, &format!("/counters/{HELLO}/verb:walk.json")).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    let found = read("/charts/@all.json?q=verb:run").await;
    assert_eq!(found["found"], 1);
    assert_eq!(found["rows"][0]["page"], format!("/counters/{HELLO}/verb:run"));
}
