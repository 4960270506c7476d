//! Files about very many charts are in parts, of which each links to the next.

use super::fixture::{Fixture, get};
use crate::aggregate::figure::{Dimension, WeekCharts};
use crate::charts_fixture::{self as charts, GOPLS, NEWEST};
use axum::Router;
use axum::http::StatusCode;
use serde_json::Value;

/// A week in which a program has so many copies of its charts.
fn week(copies: usize) -> WeekCharts {
    let mut week = charts::week(NEWEST);
    week.programs.retain(|program| program.program == GOPLS);
    for program in &mut week.programs {
        let one = std::mem::take(&mut program.charts);
        for number in 0..copies {
            program.charts.extend(one.iter().cloned().map(|mut figure| {
                figure.id = format!("{}-{number}", figure.id);
                figure
            }));
        }
    }
    week
}

async fn served(week: &WeekCharts) -> Router {
    let fixture = Fixture::with(1);
    charts::publish(&fixture.store, std::slice::from_ref(week));
    fixture.router().await
}

fn ids(part: &Value) -> Vec<String> {
    let charts = part["charts"].as_array().expect("charts");
    charts.iter().map(|chart| chart["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn the_parts_of_a_file_together_have_every_chart_once() {
    let week = week(150);
    let router = served(&week).await;
    let charts = &week.programs[0].charts;
    let all: Vec<String> = charts.iter().map(|one| one.id.clone()).collect();
    let sliced =
        charts.iter().filter(|one| one.by.iter().any(|by| by.dimension == Dimension::Version));
    let sliced: Vec<String> = sliced.map(|one| one.id.clone()).collect();
    assert!(!sliced.is_empty());
    for file in ["overview.json", "charts.json", "charts@version.json"] {
        let first = format!("/charts/{GOPLS}/@{NEWEST}/{file}");
        let (mut path, mut found, mut parts, mut head) = (first.clone(), Vec::new(), 0, None);
        loop {
            let answer = get(&router, &path).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            assert!(answer.body.len() < 1 << 20, "{path}: {}", answer.body.len());
            let mut part: Value = serde_json::from_slice(&answer.body).expect("JSON");
            found.extend(ids(&part));
            parts += 1;
            let fields = part.as_object_mut().expect("an object");
            let (next, _) = (fields.remove("next"), fields.remove("charts"));
            assert_eq!(head.get_or_insert(part.clone()), &part, "each describes the charts");
            let Some(next) = next else { break };
            path = next.as_str().expect("an address").to_owned();
            assert!(path.starts_with(&format!("{first}?from=")), "{path}");
        }
        assert!(parts > 1, "{file}: {parts}");
        let expected = if file == "charts@version.json" { &sliced } else { &all };
        assert_eq!(&found, expected, "{file}");
        let none = get(&router, &format!("{first}?from=there-is-none")).await;
        assert_eq!(none.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_file_of_few_charts_is_whole() {
    let week = week(1);
    let router = served(&week).await;
    let path = format!("/charts/{GOPLS}/@{NEWEST}/charts.json");
    let read = async |path: &str| -> Value {
        serde_json::from_slice(&get(&router, path).await.body).expect("JSON")
    };
    let whole = read(&path).await;
    assert_eq!(ids(&whole).len(), week.programs[0].charts.len());
    assert_eq!(whole.get("next"), None);
    let second = &ids(&whole)[1];
    assert_eq!(ids(&read(&format!("{path}?from={second}")).await), ids(&whole)[1..]);
    // What is not asked for is ignored.
    assert_eq!(read(&format!("{path}?page=2")).await, whole);
}

#[tokio::test]
async fn a_short_config_is_on_one_page() {
    let router = Fixture::with(2).router().await;
    let page = get(&router, "/config/v0.1.0").await;
    assert!(page.text().contains("id=\"collected\"") && !page.text().contains("data-rows"));
    assert_eq!(get(&router, "/config/v0.1.0?page=1").await.body, page.body);
    for (path, status) in [
        ("/config/v0.1.0?page=2", StatusCode::NOT_FOUND),
        ("/config/v0.3.0?page=2", StatusCode::NOT_FOUND),
        ("/counters/example.org/hello/index.json?page=2", StatusCode::NOT_FOUND),
        ("/counters/example.org/hello/index.json", StatusCode::OK),
    ] {
        assert_eq!(get(&router, path).await.status, status, "{path}");
    }
}
