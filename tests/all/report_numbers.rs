//! `count(DISTINCT report)` counts reports, whatever Parquet files are read together: DuckDB, over
//! day files, over week files of several weeks, and over all of them.

#![cfg(feature = "server")]

use crate::support;
use candor::aggregate::PublicData;
use candor::aggregate::index::{Dataset, FileFormat};
use candor::store::FileStore;
use serde_json::{Value, json};
use std::sync::Arc;
use support::{Deployment, candor, json as run, python, segments};
use tempfile::TempDir;

#[test]
fn reports_are_counted_once_over_any_files() {
    let deployment = Deployment::new();
    let reports = deployment.path().join("reports");
    // Two weeks of several days each; a seventh of the reports, and all of the last day's, have no build.
    let all: Vec<String> = [("2026-02-03", 700), ("2026-02-07", 41), ("2026-02-10", 300)]
        .iter()
        .flat_map(|(day, reports)| (0..*reports).map(|number| segments::report(day, number)))
        .chain((1..6).map(|number| segments::report("2026-02-12", 7 * number)))
        .collect();
    segments::write(&reports, 1, &all);
    run(candor().args(["--json", "merge", "--data"]).arg(deployment.path()));

    let public = PublicData::new(Arc::new(FileStore::new(deployment.path().join("store"))));
    let index = public.index().expect("an index");
    assert_eq!((index.days.len(), index.weeks.len()), (4, 2));
    let folder = TempDir::new().expect("a temporary folder");
    let download = |dataset: &Dataset| {
        let file = dataset.file(FileFormat::Parquet).expect("a file");
        let mut to = std::fs::File::create(folder.path().join(&file.name)).expect("create");
        std::io::copy(&mut public.open(file).expect("the file"), &mut to).expect("copied");
    };
    index.days.values().for_each(download);
    index.weeks.values().for_each(|week| download(&week.data));

    let builds = |report: &String| {
        let report: Value = serde_json::from_str(report).expect("JSON");
        report["Programs"].as_array().map_or(0, Vec::len)
    };
    let (reports, builds) = (all.len(), all.iter().map(builds).sum::<usize>());
    let mut command = python::script("count_reports.py");
    let found = run(command.args(
        ["2*.parquet", "week-*.parquet", "2026-02-12.parquet", "*.parquet"]
            .map(|files| folder.path().join(files)),
    ));
    // Every build is in its day's file and in its week's.
    assert_eq!(found, json!([[reports, builds], [reports, builds], [5, 0], [reports, 2 * builds]]));
}
