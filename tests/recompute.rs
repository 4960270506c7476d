//! Anyone can recompute a chart from public files: DuckDB gets the served numbers from the week's
//! Parquet file and the configs.

#![cfg(feature = "server")]

mod support;

use candor::aggregate::figure::{Base, Figure, Kind, Row};
use candor::aggregate::index::FileFormat;
use candor::aggregate::{Unwatched, Weeks};
use serde_json::Value;
use std::path::PathBuf;
use support::charted::{Deployed, reports};
use support::{json, python};

#[track_caller]
fn near(found: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap_or_else(|| panic!("{what}: {expected}"));
    assert!((found - expected).abs() <= 1e-9 * expected.max(1.0), "{what}: {found} {expected}");
}

/// Checks the rows of a figure, or of a part of it, and returns how many numbers were compared.
fn check(figure: &Figure, base: &Base, rows: &[Row], found: &Value, what: &str) -> usize {
    assert_eq!(found["base"][0], base.reports, "{what}");
    near(base.total, &found["base"][1], what);
    let mut all = found["rows"].as_object().expect("rows").clone();
    for row in rows {
        let counter = row.counter.clone().expect("a counter");
        let key = match figure.kind {
            Kind::Stack => format!("{counter}\n{}", row.frames.join("\n")),
            _ => counter,
        };
        let what = format!("{what}, {key}");
        let found = all.remove(&key).unwrap_or_else(|| panic!("{what} is missing"));
        assert_eq!(found[0], row.estimate.reports, "{what}");
        near(row.estimate.total, &found[1], &what);
        assert_eq!(found[2], row.base.as_ref().unwrap_or(base).reports, "{what}");
        near(row.estimate.share.value, &found[3], &what);
        let quantiles = row.distribution.iter().flat_map(|of| &of.quantiles);
        for (number, quantile) in quantiles.enumerate() {
            near(quantile.quotient.value, &found[4][number], &what);
        }
    }
    assert!(all.values().all(|row| row[0] == 0), "{what}: {all:?} are not served");
    rows.len()
}

#[test]
fn duckdb_finds_the_numbers_that_are_served() {
    let mut deployed = Deployed::new();
    deployed.upload(&reports("2026-02-03", 0..3000));
    deployed.upload(&reports("2026-02-07", 3000..3500));
    deployed.merge();
    deployed.chart(&Weeks::Outdated, &Unwatched).expect("charted");
    let public = deployed.public();
    let index = public.index().expect("an index");
    let (week, entry) = index.weeks.iter().next().expect("a week");
    let charts = public.charts(&index, *week).expect("readable").expect("charts");

    let at = |name: &str| -> PathBuf { deployed.folder.path().join(name) };
    let parquet = entry.data.file(FileFormat::Parquet).expect("a file");
    let mut file = std::fs::File::create(at("week.parquet")).expect("create");
    std::io::copy(&mut public.open(parquet).expect("the file"), &mut file).expect("copied");
    std::fs::write(at("charts.json"), serde_json::to_vec(&charts).expect("JSON")).expect("write");
    let mut command = python::script("recompute_charts.py");
    command.arg(at("week.parquet")).arg(at("charts.json"));
    for used in &charts.configs {
        let version = used.version.parse().expect("a version");
        let config = deployed.configs().find(version).expect("a config");
        let path = at(&format!("{}.json", used.version));
        std::fs::write(&path, config.to_json()).expect("write");
        command.arg(path);
    }
    let found = json(&mut command);

    let mut rows = 0;
    for program in &charts.programs {
        for figure in program.charts.iter().filter(|figure| figure.counter.is_some()) {
            let what = format!("{} {}", program.program, figure.id);
            let mut parts = found[&what].as_object().expect("a figure").clone();
            let whole = parts.remove("").expect("the whole");
            rows += check(figure, &figure.base, &figure.rows, &whole, &what);
            for by in &figure.by {
                let dimension = serde_json::to_value(by.dimension).expect("JSON");
                for group in &by.groups {
                    let name = format!("{} {}", dimension.as_str().expect("text"), group.label);
                    let part = parts.remove(&name).unwrap_or_else(|| panic!("{what}, {name}"));
                    rows +=
                        check(figure, &group.base, &group.rows, &part, &format!("{what}, {name}"));
                }
            }
            assert!(parts.is_empty(), "{what}: {:?} are not served", parts.keys());
        }
    }
    assert!(rows > 200, "{rows} rows were compared");
}
