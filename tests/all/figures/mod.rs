//! The estimates are right: they are compared with a naive computation from the reports' JSON, for random
//! definitions, configs (with changing rates and counters), and reports (with several builds of a program,
//! under several configs).

#![cfg(feature = "server")]

mod naive;
mod reweighting;
mod rounded;
mod world;

use candor::aggregate::charting::week::{RowGroups, WeekOf};
use candor::aggregate::edition::Edition;
use candor::aggregate::figure::{
    Base, Dimension, Estimate, Figure, Kind, ProgramCharts, Row, SLICE_REPORTS, WeekCharts,
};
use candor::aggregate::parquet::columns::Columns;
use candor::aggregate::statistics::interval::estimate;
use candor::aggregate::statistics::sample::Weights;
use naive::{Builds, Chart, quantile};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::num::NonZeroUsize;
use world::{PROGRAMS, Random, World, row_groups};

struct Groups(Vec<Columns>);

impl RowGroups for Groups {
    type Error = Infallible;

    fn row_groups(&self) -> usize {
        self.0.len()
    }

    fn read(&self, group: usize) -> Result<Columns, Infallible> {
        Ok(self.0[group].clone())
    }
}

fn charts(world: &World, groups: Vec<Columns>, threads: usize) -> WeekCharts {
    let week = WeekOf {
        week: "2026-02-08".parse().expect("a date"),
        edition: Edition::Last,
        complete: true,
        reports: world.reports.len() as u64,
        catalogue: &world.catalogue,
        configs: &world.configs,
    };
    let threads = NonZeroUsize::new(threads).expect("threads");
    week.charts(&Groups(groups), threads, &|_| ()).unwrap_or_else(|never| match never {})
}

/// Reports with builds of a program, and the weight of each in a chart.
type Views<'a> = Vec<(&'a Value, Builds<'a>, f64)>;

fn views<'a>(
    world: &'a World,
    program: &str,
    weight: impl Fn(&Value) -> Option<f64>,
    wanted: impl Fn(&Value) -> bool,
) -> Views<'a> {
    let view = |report: &'a Value| {
        let builds = report["Programs"].as_array().expect("programs").iter();
        let builds: Builds<'a> =
            builds.filter(|build| build["Program"] == program && wanted(build)).collect();
        (!builds.is_empty()).then_some(())?;
        Some((report, builds, weight(report)?))
    };
    world.reports.iter().filter_map(view).collect()
}

fn label(build: &Value, dimension: Dimension) -> String {
    let text = |field: &str| build[field].as_str().expect("a text").to_owned();
    match dimension {
        Dimension::Version => text("Version"),
        Dimension::Platform => format!("{}/{}", text("GOOS"), text("GOARCH")),
        Dimension::Toolchain => text("GoVersion"),
    }
}

#[track_caller]
fn near(found: f64, expected: f64, what: &str) {
    let allowed = 1e-9 * expected.abs().max(1.0);
    assert!((found - expected).abs() <= allowed, "{what}: {found} is not {expected}");
}

#[track_caller]
fn same_base(found: Base, expected: &Weights, what: &str) {
    assert_eq!(found.reports, expected.reports, "{what}");
    near(found.total, expected.sum, what);
    near(found.effective, expected.effective(), what);
}

#[track_caller]
fn same_estimate(found: &Estimate, hits: &Weights, base: &Weights, what: &str) {
    let expected = estimate(hits, base, 0.95);
    assert_eq!(found.reports, expected.reports, "{what}");
    near(found.total, expected.total, what);
    near(found.share.value, expected.share.value, what);
    near(found.share.low, expected.share.low, what);
    near(found.share.high, expected.share.high, what);
}

/// Checks the rows of a figure, or of a part of it, and that none is missing.
fn check_rows(
    chart: &Chart<'_>,
    base: Base,
    rows: &[Row],
    views: &Views<'_>,
    part: bool,
    what: &str,
) {
    same_base(base, &chart.base(views, None), what);
    let mut missing: BTreeSet<(String, Vec<String>)> = match chart.is_stack() {
        true => chart.stacks(views),
        false => chart.names.iter().map(|name| (name.clone(), Vec::new())).collect(),
    };
    missing.retain(|(name, functions)| !part || chart.with(views, name, functions).reports > 0);
    for row in rows {
        let name = row.counter.clone().expect("a counter");
        let what = format!("{what}, {name} {:?}", row.frames);
        assert!(missing.remove(&(name.clone(), row.frames.clone())), "{what}: once, and no other");
        let own = chart.base(views, Some(&name));
        same_estimate(&row.estimate, &chart.with(views, &name, &row.frames), &own, &what);
        same_base(row.base.unwrap_or(base), &own, &what);
        assert!(row.base != Some(base), "{what}: only where it differs");
        if chart.is_ratio() {
            let quotients = chart.quotients(views, &name);
            let found = row.distribution.as_ref().map(|d| d.quantiles.as_slice());
            assert_eq!(found.is_none(), quotients.is_empty(), "{what}");
            for q in found.unwrap_or_default() {
                near(q.quotient.value, quantile(quotients.clone(), q.at), &what);
                assert!(q.quotient.low <= q.quotient.value && q.quotient.value <= q.quotient.high);
            }
        } else {
            assert_eq!(row.distribution, None, "{what}");
        }
    }
    assert_eq!(missing, BTreeSet::new(), "{what}: rows are missing");
}

fn check_figure(world: &World, program: &str, chart: &Chart<'_>, figure: &Figure) {
    let what = format!("{program} {}", figure.id);
    assert!(chart.is(figure), "{what}");
    let weight = |report: &Value| {
        chart.rate(report["Config"].as_str().expect("a config")).map(|rate| 1.0 / rate)
    };
    let all = views(world, program, weight, |_| true);
    check_rows(chart, figure.base, &figure.rows, &all, false, &what);
    match &figure.none {
        Some(none) => same_estimate(none, &chart.none(&all), &chart.base(&all, None), &what),
        None => assert!(chart.is_ratio(), "{what}"),
    }
    let rates: Vec<(String, f64)> =
        figure.rates.iter().map(|used| (used.config.clone(), used.rate)).collect();
    let versions = world.configs.iter().map(|under| under.version.to_string());
    let expected: Vec<(String, f64)> =
        versions.filter_map(|config| Some((config.clone(), chart.rate(&config)?))).collect();
    assert_eq!(rates, expected, "{what}");
    let used: u64 = figure.rates.iter().map(|used| used.reports).sum();
    assert_eq!(used, figure.base.reports, "{what}");
    for dimension in [Dimension::Version, Dimension::Platform, Dimension::Toolchain] {
        let builds = world.reports.iter().flat_map(|r| r["Programs"].as_array().expect("programs"));
        let mut labels: BTreeSet<String> = builds
            .filter(|build| build["Program"] == program)
            .map(|build| label(build, dimension))
            .collect();
        let groups = figure.by.iter().filter(|by| by.dimension == dimension);
        for group in groups.flat_map(|by| &by.groups) {
            assert!(labels.remove(&group.label), "{what}: {}", group.label);
            let of = views(world, program, weight, |build| label(build, dimension) == group.label);
            let what = format!("{what}, {}", group.label);
            check_rows(chart, group.base, &group.rows, &of, true, &what);
        }
        let left: Vec<u64> = labels
            .into_iter()
            .map(|left| {
                let of = views(world, program, weight, |b| label(b, dimension) == left);
                chart.base(&of, None).reports
            })
            .filter(|reports| *reports > 0)
            .collect();
        assert!(left.iter().all(|reports| *reports < SLICE_REPORTS), "{what}: {left:?}");
        let rest = figure.by.iter().find(|by| by.dimension == dimension).and_then(|by| by.rest);
        let rest = rest.map_or((0, 0), |rest| (rest.values, rest.reports));
        assert_eq!(rest, (left.len() as u64, left.iter().sum()), "{what}");
    }
    reweighting::check(world, program, chart, figure, &all);
}

/// Checks what every program has.
fn check_known(world: &World, charts: &ProgramCharts) {
    let sample_rate = |report: &Value| {
        let config =
            world.configs.iter().find(|under| report["Config"] == under.version.to_string());
        Some(1.0 / config.expect("known").config.sample_rate.get())
    };
    let sum = |views: &Views<'_>| {
        let mut weights = Weights::default();
        views.iter().for_each(|(_, _, weight)| weights.add(*weight));
        weights
    };
    let base = sum(&views(world, &charts.program, sample_rate, |_| true));
    assert_eq!(charts.reports, base.reports);
    let dimensions = [Dimension::Version, Dimension::Platform, Dimension::Toolchain];
    let ids = ["program-versions", "platforms", "toolchains"];
    for ((figure, dimension), id) in charts.charts.iter().zip(dimensions).zip(ids) {
        assert_eq!((figure.id.as_str(), figure.by.len()), (id, 0));
        same_base(figure.base, &base, id);
        for row in &figure.rows {
            let of =
                views(world, &charts.program, sample_rate, |b| label(b, dimension) == row.label);
            assert!(!of.is_empty());
            same_estimate(&row.estimate, &sum(&of), &base, id);
        }
        let labels: BTreeSet<&str> = figure.rows.iter().map(|row| row.label.as_str()).collect();
        assert_eq!(labels.len(), figure.rows.len());
    }
}

fn check_week(world: &World, found: &WeekCharts) {
    let programs: Vec<&str> = found.programs.iter().map(|p| p.program.as_str()).collect();
    // Rarely there is one that no live chart asks for; then it is there only if it reported.
    let expected = PROGRAMS.into_iter().filter(|program| {
        let asked = world.catalogue.charts.iter().any(|chart| chart.program == *program);
        asked || !views(world, program, |_| Some(1.0), |_| true).is_empty()
    });
    assert_eq!(programs, expected.collect::<Vec<_>>(), "each path is a program of its own");
    for under in &found.configs {
        let named = world.reports.iter().filter(|r| r["Config"] == under.version.as_str());
        assert_eq!(named.count() as u64, under.reports);
    }
    for program in &found.programs {
        check_known(world, program);
        let mut expected = Chart::all(world, &program.program);
        for figure in program.charts.iter().skip(3) {
            let counter = figure.counter.clone().expect("a counter");
            let chart = counter.split([':', '{']).next().expect("a chart").to_owned();
            let chart = expected.remove(&(figure.kind == Kind::Stack, chart)).expect("once");
            check_figure(world, &program.program, &chart, figure);
        }
        assert!(expected.is_empty(), "{:?} are missing", expected.keys());
        let ids: BTreeSet<&str> = program.charts.iter().map(|f| f.id.as_str()).collect();
        assert_eq!(ids.len(), program.charts.len(), "names in addresses are unique");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_number_equals_that_of_a_naive_computation(
        seed in 1..u64::MAX,
        reports in prop_oneof![Just(0usize), Just(1), 2..80usize],
    ) {
        let mut random = Random(seed);
        let world = World::new(&mut random, reports);
        let groups = row_groups(&mut random, &world.reports);
        let found = charts(&world, groups, 1 + random.below(3));
        check_week(&world, &found);
        let json = serde_json::to_string(&found).expect("JSON");
        let back: WeekCharts = serde_json::from_str(&json).expect("readable");
        // There is no week before, so nothing is expected.
        let json = json.replace("\"expected\":null,", "");
        let numbers = json.contains("NaN") || json.contains("inf") || json.contains("null");
        prop_assert!(!numbers, "every number is one");
        prop_assert_eq!(back, found);
    }

    #[test]
    fn the_same_reports_give_the_same_bytes_however_they_are_split(
        seed in 1..u64::MAX,
    ) {
        let mut random = Random(seed);
        let world = World::new(&mut random, 120);
        let bytes = |threads: usize, random: &mut Random| {
            let groups = row_groups(random, &world.reports);
            serde_json::to_vec(&charts(&world, groups, threads)).expect("JSON")
        };
        let first = bytes(1, &mut random);
        for threads in 1..5 {
            prop_assert_eq!(&bytes(threads, &mut random), &first);
        }
    }
}
