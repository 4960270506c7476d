//! Anyone can recompute a chart from public files: DuckDB gets the served numbers from the week's
//! Parquet file, by the query that the chart's page shows.

#![cfg(feature = "server")]

use crate::support;
use candor::aggregate::figure::{Base, Dimension, Estimate, Figure, Kind, Row, SLICE_REPORTS};
use candor::aggregate::index::FileFormat;
use candor::aggregate::recompute::Query;
use candor::aggregate::{Unwatched, Weeks};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::PathBuf;
use support::charted::{Deployed, reports};
use support::{json, python};

#[track_caller]
fn near(found: &Value, expected: f64, what: &str) {
    let found = found.as_f64().unwrap_or_else(|| panic!("{what}: {found}"));
    assert!((found - expected).abs() <= 1e-9 * expected.max(1.0), "{what}: {found} {expected}");
}

/// Checks by which bucket each installation is counted. Returns 1 if any has several.
fn check_most(figure: &Figure, found: &Value, what: &str) -> usize {
    let several = figure.rows.iter().any(|row| row.most.is_some());
    let (mut reports, mut share) = (0, 0.0);
    let is_partition =
        figure.counter.is_some() && !matches!(figure.kind, Kind::Ratio | Kind::Stack);
    for row in figure.rows.iter().filter(|_| is_partition) {
        let counter = row.counter.as_deref().expect("a counter");
        let found = found.as_array().expect("rows").iter().find(|row| row["counter"] == counter);
        let found = found.unwrap_or_else(|| panic!("{what}: {counter} is missing"));
        let most = row.most.unwrap_or(row.estimate);
        let what = format!("{what}, {counter}, counted most");
        assert_eq!(row.most.is_some(), several, "{what}");
        assert_eq!(found["most_reports"], most.reports, "{what}");
        near(&found["most_installations"], most.total, &what);
        let Some(most) = row.most else { continue };
        assert!((most.share.value - most.total / figure.base.total).abs() < 1e-9, "{what}");
        assert!(most.share.low <= most.share.value && most.share.value <= most.share.high);
        assert!(most.reports <= row.estimate.reports, "{what}");
        (reports, share) = (reports + most.reports, share + most.share.value);
    }
    if several {
        let none = figure.none.expect("a partition");
        assert_eq!(reports + none.reports, figure.base.reports, "{what}");
        assert!((share + none.share.value - 1.0).abs() < 1e-9, "{what}: {share}");
    }
    usize::from(several)
}

/// Runs queries in DuckDB.
fn run(deployed: &Deployed, queries: &Map<String, Value>) -> Value {
    let file = deployed.folder.path().join("queries.json");
    std::fs::write(&file, serde_json::to_vec(queries).expect("JSON")).expect("write");
    let mut command = python::script("run_queries.py");
    json(command.arg(file))
}

/// The column of a dimension.
fn column(by: Dimension) -> &'static str {
    match by {
        Dimension::Version => "version",
        Dimension::Platform => "goos || '/' || goarch",
        Dimension::Toolchain => "toolchain",
    }
}

/// Checks the rows of a figure, or of a part of it, and returns how many numbers were compared.
fn check(
    figure: &Figure,
    (base, none): (&Base, Option<&Estimate>),
    rows: &[Row],
    found: &Value,
    what: &str,
) -> usize {
    let (mut last, mut all) = (None, BTreeMap::new());
    for row in found.as_array().expect("rows") {
        let key = ["counter", "stack", "value"].into_iter().find_map(|name| row.get(name));
        match key.expect("a name").as_str() {
            Some(name) => drop(all.insert(name.to_owned(), row)),
            None => last = Some(row),
        }
    }
    // Versions, platforms and toolchains have no last row.
    if let Some(last) = last {
        assert_eq!(last["of_reports"], base.reports, "{what}");
        if let Some(none) = none {
            assert_eq!(last["reports"], none.reports, "{what}");
            near(&last["installations"], none.total, what);
            near(&last["share"], none.share.value, what);
        }
        if figure.kind == Kind::Ratio {
            near(&last["installations"], base.total, what);
        }
    }
    for row in rows {
        let key = match (figure.kind, &row.counter) {
            (Kind::Stack, Some(counter)) => format!("{counter}\n{}", row.frames.join("\n")),
            (_, Some(counter)) => counter.clone(),
            (_, None) => row.label.clone(),
        };
        let what = format!("{what}, {key}");
        let found = all.remove(&key).unwrap_or_else(|| panic!("{what} is missing"));
        assert_eq!(found["reports"], row.estimate.reports, "{what}");
        near(&found["installations"], row.estimate.total, &what);
        assert_eq!(found["of_reports"], row.base.as_ref().unwrap_or(base).reports, "{what}");
        near(&found["share"], row.estimate.share.value, &what);
        let quantiles = row.distribution.iter().flat_map(|of| &of.quantiles);
        for (quantile, name) in quantiles.zip(["q05", "q25", "q50", "q75", "q95"]) {
            near(&found[name], quantile.quotient.value, &what);
        }
    }
    assert!(all.values().all(|row| row["reports"] == 0), "{what}: {all:?} are not served");
    rows.len()
}

#[test]
fn duckdb_finds_the_numbers_that_are_served() {
    let (rows, _, partitions) = compare(3000, 500);
    assert!(rows > 200, "{rows} rows were compared");
    assert!(partitions > 0, "no installation has several buckets of a chart");
}

#[test]
fn duckdb_finds_the_values_whose_few_reports_are_only_counted() {
    let (rows, rests, _) = compare(180, 20);
    assert!(rows > 200 && rests > 0, "{rows} rows and {rests} rests were compared");
}

/// Compares every number of a week with so many reports on two of its days. Returns how many rows, counted
/// rests and partitions there were.
fn compare(one_day: u32, another: u32) -> (usize, usize, usize) {
    let mut deployed = Deployed::new();
    deployed.upload(&reports("2026-02-03", 0..one_day));
    deployed.upload(&reports("2026-02-07", one_day..one_day + another));
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
    let mut configs = BTreeMap::new();
    for used in &charts.configs {
        let version = used.version.parse().expect("a version");
        configs.insert(used.version.clone(), deployed.configs().find(version).expect("a config"));
    }

    let parquet = at("week.parquet").display().to_string();
    let mut values = Map::new();
    for program in &charts.programs {
        for by in Dimension::ALL {
            let (path, column) = (&program.program, column(by));
            let query = format!(
                "SELECT DISTINCT {column} AS value FROM '{parquet}' WHERE program = '{path}'"
            );
            values.insert(format!("{path} {by:?}"), Value::String(query));
        }
    }
    let values = run(&deployed, &values);
    let values = |program: &str, by: Dimension| -> Vec<String> {
        let found = values[format!("{program} {by:?}")].as_array().expect("rows");
        found.iter().map(|row| row["value"].as_str().expect("text").to_owned()).collect()
    };

    // Of the charts, only what they count is known to the queries.
    let mut queries = Map::new();
    let mut ask =
        |name: String, program: &str, figure: &Figure, part: Option<(Dimension, &str)>| {
            let query = Query { parquet: &parquet, program, figure, configs: &configs, part };
            queries.insert(name, Value::String(query.sql()));
        };
    for program in &charts.programs {
        for figure in &program.charts {
            let what = format!("{} {}", program.program, figure.id);
            ask(what.clone(), &program.program, figure, None);
            for by in &figure.by {
                for value in values(&program.program, by.dimension) {
                    let name = format!("{what}, {:?} {value}", by.dimension);
                    ask(name, &program.program, figure, Some((by.dimension, &value)));
                }
            }
        }
    }
    let found = run(&deployed, &queries);

    let (mut rows, mut rests, mut partitions) = (0, 0, 0);
    for program in &charts.programs {
        for figure in &program.charts {
            let what = format!("{} {}", program.program, figure.id);
            rows += check(
                figure,
                (&figure.base, figure.none.as_ref()),
                &figure.rows,
                &found[&what],
                &what,
            );
            partitions += check_most(figure, &found[&what], &what);
            for by in &figure.by {
                let mut values = values(&program.program, by.dimension);
                for group in &by.groups {
                    let name = format!("{what}, {:?} {}", by.dimension, group.label);
                    rows += check(
                        figure,
                        (&group.base, group.none.as_ref()),
                        &group.rows,
                        &found[&name],
                        &name,
                    );
                    values.retain(|value| *value != group.label);
                }
                // The others have few reports, and are counted.
                let reports = values.iter().map(|value| {
                    let rows = found[format!("{what}, {:?} {value}", by.dimension)].as_array();
                    rows.and_then(|rows| rows.last()?["of_reports"].as_u64()).expect("a number")
                });
                let reports: Vec<u64> = reports.filter(|reports| *reports > 0).collect();
                assert!(
                    reports.iter().all(|reports| *reports < SLICE_REPORTS),
                    "{what} {values:?}"
                );
                let rest = by.rest.map_or((0, 0), |rest| (rest.values, rest.reports));
                assert_eq!(rest, (reports.len() as u64, reports.iter().sum()), "{what}");
                rests += usize::from(rest.0 > 0);
            }
        }
    }
    (rows, rests, partitions)
}
