//! DuckDB and pandas, which people use, read every format that a merge publishes, with equal counts.

#![cfg(feature = "server")]

use crate::support;
use candor::aggregate::PublicData;
use candor::aggregate::index::{Dataset, FileFormat};
use candor::store::FileStore;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use support::{Deployment, candor, json, python, refused, segments};
use tempfile::TempDir;

/// Reports, builds of programs, and the sums of all counters and stacks.
fn count(reports: &[String]) -> [u64; 4] {
    let mut counts = [reports.len() as u64, 0, 0, 0];
    for report in reports {
        let report: Value = serde_json::from_str(report).expect("JSON");
        for program in report["Programs"].as_array().into_iter().flatten() {
            let sum = |of: &str| {
                let counts = program[of].as_object().expect("counts").values();
                counts.map(|count| count.as_u64().expect("a count")).sum::<u64>()
            };
            counts[1] += 1;
            counts[2] += sum("Counters");
            counts[3] += sum("Stacks");
        }
    }
    counts
}

fn reports_of(day: &str, numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|number| segments::report(day, number)).collect()
}

/// Copies a dataset's files to their public names.
fn download(public: &PublicData, dataset: &Dataset, folder: &Path) {
    assert_eq!(dataset.files.len(), FileFormat::ALL.len());
    for file in &dataset.files {
        let mut from = public.open(file).expect("the file");
        let mut to = std::fs::File::create(folder.join(&file.name)).expect("create");
        assert_eq!(io::copy(&mut from, &mut to).expect("copied"), file.bytes);
    }
}

#[test]
fn duckdb_and_pandas_read_every_format_with_equal_counts() {
    let deployment = Deployment::new();
    let reports = deployment.path().join("reports");
    // Enough for a file with several pieces; a day with one report; a week with one day.
    let days = [
        ("2026-02-03", reports_of("2026-02-03", 0..12_000)),
        ("2026-02-05", reports_of("2026-02-05", 5..6)),
        ("2026-02-08", reports_of("2026-02-08", 0..3_000)),
        ("2026-02-10", reports_of("2026-02-10", 0..100)),
    ];
    let all: Vec<String> = days.iter().flat_map(|(_, reports)| reports.clone()).collect();
    for (number, some) in (1..).zip(all.chunks(4_000)) {
        segments::write(&reports, number, some);
    }
    let mut merge = candor();
    merge.args(["--json", "merge", "--data"]).arg(deployment.path());
    let merged = json(&mut merge);
    assert_eq!(merged["days"].as_array().map(Vec::len), Some(4));
    assert_eq!(json(&mut merge)["days"], Value::Array(Vec::new()), "nothing is new");

    let public = PublicData::new(Arc::new(FileStore::new(deployment.path().join("store"))));
    let index = public.index().expect("an index");
    let folder = TempDir::new().expect("a temporary folder");
    let mut expected = BTreeMap::new();
    for (day, reports) in &days {
        download(&public, &index.days[&day.parse().expect("a date")], folder.path());
        expected.insert((*day).to_owned(), count(reports));
    }
    for (week, reports) in [("2026-02-08", &all[..15_001]), ("2026-02-15", &all[15_001..])] {
        download(&public, &index.weeks[&week.parse().expect("a date")].data, folder.path());
        expected.insert(format!("week-{week}"), count(reports));
    }

    let mut command = python::script("read_public_data.py");
    let found = json(command.arg(folder.path()).args(expected.keys()));
    for (name, expected) in &expected {
        for (reader, counts) in found[name].as_object().expect("readers") {
            let counts: [u64; 4] = serde_json::from_value(counts.clone()).expect("counts");
            assert_eq!(&counts, expected, "{name}, {reader}");
        }
    }
}

#[test]
fn a_merge_reports_what_it_did_and_which_dates_are_wrong() {
    let deployment = Deployment::new();
    let command = |arguments: &[&str]| {
        let mut command = candor();
        command.arg("merge").args(arguments).arg("--data").arg(deployment.path());
        command
    };
    assert_eq!(support::succeed(&mut command(&[])), "nothing new to merge\n");
    let reports = deployment.path().join("reports");
    segments::write(&reports, 1, &reports_of("2026-02-08", 1..3));
    segments::write(&reports, 2, &reports_of("2026-02-01", 1..2));
    let damaged = segments::file_name(3);
    std::fs::write(reports.join(&damaged), "rubbish").expect("written");
    let output = support::run(&mut command(&[]));
    assert_eq!(output.status.code(), Some(1));
    let said = support::text(&output.stdout);
    // As long as reports may still be restored there is no last edition.
    assert!(
        said.starts_with("day 2026-02-01: edition 2, 1 report (1 new), 2 program builds\n"),
        "{said}"
    );
    assert!(said.contains("day 2026-02-08: edition 2, 2 reports (2 new), 4 "), "{said}");
    assert!(said.contains("  week-2026-02-08.parquet "), "{said}");
    let id = damaged.trim_end_matches(".sealed");
    assert!(
        said.ends_with(&format!(
            "not merged: reports/{damaged} is damaged from byte 0 to 7, so none of it is merged. \
             Restore the file from a copy and run `candor merge`; if there is no copy, `candor \
             merge --give-up {id}` merges what can be read of it and gives up the rest. Until then \
             no last edition is published\n"
        )),
        "{said}"
    );
    assert!(!said.contains(&*deployment.path().to_string_lossy()));
    support::succeed(&mut command(&["--give-up", id]));
    let public = PublicData::new(Arc::new(FileStore::new(deployment.path().join("store"))));
    let index = public.index().expect("an index");
    assert!(index.days.values().all(|data| data.complete), "{index:?}");

    // A lost file is made again from the others.
    let lost = index.days[&"2026-02-01".parse().expect("a date")].file(FileFormat::Parquet);
    let lost = deployment.path().join("store/public").join(&lost.expect("a file").sha256);
    std::fs::remove_file(&lost).expect("removed");
    let said = support::succeed(&mut command(&["--start", "2026-02-01", "--end", "2026-02-01"]));
    assert!(
        said.starts_with("day 2026-02-01: last edition, 1 report (0 new), 2 program builds\n"),
        "{said}"
    );
    assert!(lost.exists() && !said.contains("2026-02-08:"), "{said}");

    let wrong = refused(&mut command(&["--start", "2026-02-02", "--end", "2026-02-01"]), 2);
    assert!(wrong.contains("--start 2026-02-02 is after --end 2026-02-01"), "{wrong}");
    refused(&mut command(&["--start", "2026-02-02"]), 2);
    refused(&mut command(&["--week", "2026-02-02", "--start", "2026-02-02"]), 2);
    assert!(refused(&mut command(&["--week", "yesterday"]), 2).contains("2026-11-22"));
    let nowhere = TempDir::new().expect("a temporary folder");
    refused(candor().args(["merge", "--data"]).arg(nowhere.path()), 1);
}
