//! Any SQL engine can count: from the plan of weeks and their public files alone, the queries in `sql/` give
//! counts of which the same charts are made, byte for byte.

#![cfg(feature = "server")]

use crate::support;
use candor::aggregate::index::FileFormat;
use candor::aggregate::{
    ChartError, Charted, CountFiles, Unwatched, Weeks, chart_counts, plan_weeks,
};
use candor::publish::Catalogues;
use jiff::civil::Date;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use support::charted::{Deployed, definitions, reports};
use support::{python, succeed};
use tempfile::TempDir;

const ALL: Weeks = Weeks::Within(Date::constant(2026, 1, 1)..=Date::constant(2026, 2, 28));

/// Two weeks of reports under two configs, of a program with marginals, and charts of every type, of which some
/// count from a version on.
fn deployed() -> Deployed {
    let mut deployed = Deployed::new();
    let rest = "error = 0.02\nversion = 'v1.10.0'";
    deployed
        .charts
        .write("charts-config/charts/all.toml", &definitions("{other,run,help,new}", rest));
    deployed.publish();
    for (day, numbers) in
        [("2026-01-20", 0..700), ("2026-01-27", 700..1500), ("2026-01-28", 0..200)]
    {
        deployed.upload(&reports(day, numbers));
    }
    deployed.merge();
    deployed
}

/// A folder with what an engine needs.
fn prepare(deployed: &Deployed) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    let (plan, data) = (folder.path().join("plan"), folder.path().join("data"));
    for made in [&plan.join("sql"), &data] {
        fs::create_dir_all(made).expect("a folder");
    }
    for of in ["counts", "engine"] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql").join(of);
        for entry in fs::read_dir(from).expect("the queries") {
            let entry = entry.expect("a query");
            fs::copy(entry.path(), plan.join("sql").join(entry.file_name())).expect("copied");
        }
    }
    let public = deployed.public();
    let catalogues = Catalogues::new(deployed.store.clone());
    let (tables, weeks) =
        plan_weeks(&public, &deployed.configs(), &catalogues, &ALL).expect("a plan");
    assert_eq!(weeks.len(), 2);
    let create = |name: &str| Ok(File::create(plan.join(format!("{name}.parquet")))?);
    tables.files(create, |_, _| Ok(())).expect("written");
    let index = public.index().expect("an index");
    for (week, entry) in &index.weeks {
        let file = entry.data.file(FileFormat::Parquet).expect("a file");
        let mut from = public.open(file).expect("opened");
        let mut to = File::create(data.join(format!("week-{week}.parquet"))).expect("a file");
        std::io::copy(&mut from, &mut to).expect("copied");
    }
    folder
}

fn chart(deployed: &Deployed, counts: &[PathBuf]) -> Result<Charted, ChartError> {
    let catalogues = Catalogues::new(deployed.store.clone());
    let counts = CountFiles::open(counts)?;
    chart_counts(&deployed.public(), &deployed.configs(), &catalogues, &counts, &Unwatched)
}

#[test]
fn charts_of_an_engines_counts_are_the_same() {
    let deployed = deployed();
    let own = deployed.chart(&ALL, &Unwatched).expect("charted");
    assert_eq!(own.weeks.len(), 2);
    let folder = prepare(&deployed);
    for engine in ["duckdb", "datafusion"] {
        let mut count = python::script("count_with.py");
        succeed(count.args([engine, engine]).current_dir(folder.path()));
        let counted = folder.path().join(engine);
        assert_eq!(chart(&deployed, &[counted]).expect("charted"), own, "{engine}");
    }
    refused(&deployed, &folder.path().join("duckdb"), &own);
}

/// What is not the whole of the counts, or more, is refused, and the charts stay as they are.
fn refused(deployed: &Deployed, counted: &Path, own: &Charted) {
    let file = |name: &str| counted.join(format!("{name}.csv"));
    let all = ["builds", "buckets", "ratios", "stacks"].map(file);
    for (number, path) in all.iter().enumerate() {
        let others = all.iter().enumerate().filter(|(other, _)| *other != number);
        let others: Vec<PathBuf> = others.map(|(_, path)| path.clone()).collect();
        let error = chart(deployed, &others).expect_err("a query is missing").to_string();
        let name = path.file_stem().expect("a name").to_str().expect("text");
        assert!(error.starts_with(&format!("nothing of the query {name}.sql is in")), "{error}");
        let twice = [&all[..], std::slice::from_ref(path)].concat();
        let error = chart(deployed, &twice).expect_err("a query is twice").to_string();
        assert!(
            error.contains("is in the counts of the week until 2026-") && error.contains("twice"),
            "{error}"
        );
    }
    let text = fs::read_to_string(file("buckets")).expect("counts");
    let builds = fs::read_to_string(file("builds")).expect("counts");
    let with = |name: &str, text: &str, wanted: &str| {
        let path = counted.with_file_name("other.csv");
        fs::write(&path, text).expect("written");
        let files: Vec<PathBuf> =
            all.iter()
                .map(|known| {
                    if known.ends_with(format!("{name}.csv")) {
                        path.clone()
                    } else {
                        known.clone()
                    }
                })
                .collect();
        let error = chart(deployed, &files).expect_err(wanted).to_string();
        assert!(error.contains(wanted), "{wanted}: {error}");
    };
    with("buckets", &text.replacen(",reports", ",number", 1), "has no column `reports`");
    with("buckets", &text.replace("verb:run", "verb:walk"), "has no counter \"verb:walk\"");
    with("buckets", &text.replace(",base,", ",basis,"), "item is \"basis\"");
    with("buckets", &text.replace(",verb,base", ",noun,base"), "has no chart \"noun\"");
    with("buckets", &text.replace(",version,v1", ",edition,v1"), "dimension is \"edition\"");
    with("builds", &builds.replace("v0.2.0", "v0.9.0"), "names the config \"v0.9.0\"");
    with(
        "builds",
        &builds.replace("2026-01-25", "2026-03-01"),
        "of which there is no public data here",
    );
    let fewer = builds.lines().filter(|line| !(line.contains("v0.2.0") && line.contains(",sent,")));
    with("builds", &fewer.collect::<Vec<_>>().join("\n"), "and it has");
    let more = |line: &str| match line.rsplit_once(',') {
        Some((start, number)) if start.contains(",base,") && number != "0" => {
            format!("{start},9{number}")
        }
        _ => line.to_owned(),
    };
    with("buckets", &text.lines().map(more).collect::<Vec<_>>().join("\n"), "reports could have");
    assert_eq!(&chart(deployed, &all).expect("charted"), own);
}
