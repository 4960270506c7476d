//! Making charts: they follow from what is published, no matter who makes them, when, or how often the process
//! was killed; and errors are reported.

#![cfg(feature = "server")]

use crate::support;
use candor::aggregate::edition::Edition;
use candor::aggregate::figure::{Figure, WeekCharts};
use candor::aggregate::index::Week;
use candor::aggregate::{Phase, Progress, Unwatched, Weeks};
use candor::publish::Outcome;
use candor::store::{Fault, Snapshot};
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::sync::Mutex;
use support::charted::{Deployed, reports};
use support::{Charts, Deployment, candor, refused, succeed};

const WEEK: Date = Date::constant(2026, 2, 8);

fn with_reports(numbers: std::ops::Range<u32>) -> Deployed {
    let mut deployed = Deployed::new();
    deployed.upload(&reports("2026-02-03", numbers));
    deployed.merge();
    deployed
}

fn weeks(deployed: &Deployed) -> BTreeMap<Date, Week> {
    deployed.public().index().expect("an index").weeks
}

fn charts(deployed: &Deployed) -> WeekCharts {
    let public = deployed.public();
    let index = public.index().expect("an index");
    public.charts(&index, WEEK).expect("readable").expect("charts")
}

fn figure<'c>(charts: &'c WeekCharts, id: &str) -> &'c Figure {
    charts.programs[0].charts.iter().find(|figure| figure.id == id).expect("a figure")
}

fn charted(deployed: &Deployed, weeks: &Weeks) -> Vec<Date> {
    let charted = deployed.chart(weeks, &Unwatched).expect("charted");
    charted.weeks.into_iter().map(|week| week.week).collect()
}

fn charts_of(deployed: &Deployed, week: Date) -> WeekCharts {
    let public = deployed.public();
    public.charts(&public.index().expect("an index"), week).expect("charts").expect("charts")
}

/// Copies the marks from other charts.
fn unmark(charts: &mut WeekCharts, of: &WeekCharts) {
    (charts.expected, charts.jump) = (of.expected, of.jump);
    for (program, of) in charts.programs.iter_mut().zip(&of.programs) {
        (program.expected, program.jump) = (of.expected, of.jump);
        for (figure, of) in program.charts.iter_mut().zip(&of.charts) {
            (figure.expected, figure.jump) = (of.expected, of.jump);
        }
    }
}

#[test]
fn a_week_is_charted_again_only_when_its_inputs_change() {
    let mut deployed = with_reports(0..300);
    assert_eq!(charted(&deployed, &Weeks::Outdated), [WEEK]);
    let first = weeks(&deployed)[&WEEK].charts.clone().expect("charts");
    assert_eq!(charted(&deployed, &Weeks::Outdated), []);
    assert_eq!(charted(&deployed, &Weeks::Within(WEEK..=WEEK)), [WEEK], "asked for by name");
    assert_eq!(weeks(&deployed)[&WEEK].charts, Some(first.clone()), "with the same bytes");

    let definitions = deployed.charts.path().join("charts-config/charts/all.toml");
    let text = std::fs::read_to_string(&definitions).expect("read").replace("Verbs", "Which verbs");
    deployed.charts.write("charts-config/charts/all.toml", &text);
    assert!(matches!(deployed.publish(), Outcome::Unchanged(_)));
    assert_eq!(charted(&deployed, &Weeks::Outdated), [WEEK]);
    assert_eq!(figure(&charts(&deployed), "verb").title, "Which verbs");

    deployed.upload(&reports("2026-02-10", 0..5));
    deployed.merge();
    let next = Date::constant(2026, 2, 15);
    assert_eq!(charted(&deployed, &Weeks::Outdated), [next], "the other week is as it was");
    deployed.upload(&reports("2026-02-08", 300..301));
    deployed.merge();
    let before = charts_of(&deployed, next);
    let late = "a report came late, and the next week is compared with this one";
    assert_eq!(charted(&deployed, &Weeks::Outdated), [WEEK, next], "{late}");
    assert_eq!(charts(&deployed).reports, 301);
    let mut after = charts_of(&deployed, next);
    assert_ne!(after.expected, before.expected);
    assert_eq!(after.expected.map(|expected| expected.weeks), Some(1));
    unmark(&mut after, &before);
    assert_eq!(after, before, "nothing else is new");
    assert_eq!(charted(&deployed, &Weeks::Outdated), []);
}

#[test]
fn a_figure_has_everything_that_is_known_about_it() {
    let deployed = with_reports(0..2000);
    charted(&deployed, &Weeks::Outdated);
    let charts = charts(&deployed);
    assert_eq!((charts.reports, charts.configs.len(), charts.complete), (2000, 2, false));
    assert_eq!(charts.edition, Edition::First, "the week is over, and not a week ago");
    assert_eq!(charts.first_day, Date::constant(2026, 2, 2));
    let programs: Vec<&str> = charts.programs.iter().map(|p| p.program.as_str()).collect();
    assert_eq!(programs, ["example.org/hello", "other.example.org/hello"]);
    let ids: Vec<&str> = charts.programs[0].charts.iter().map(|f| f.id.as_str()).collect();
    let known = ["program-versions", "platforms", "toolchains"];
    assert_eq!(ids[..3], known);
    assert_eq!(ids[3..], ["verb", "files", "started", "failed", "crash"]);

    let verb = figure(&charts, "verb");
    let rows: Vec<(&str, bool, bool)> =
        verb.rows.iter().map(|r| (r.label.as_str(), r.removed, r.base.is_some())).collect();
    let expected = [
        ("run", false, false),
        ("help", false, false),
        ("new", false, true),
        ("other", false, true),
        ("old", true, true),
    ];
    assert_eq!(rows, expected, "left over last, then what is collected no more");
    let rates: Vec<f64> = verb.rates.iter().map(|used| used.rate).collect();
    assert_eq!(rates, [0.8294, 0.20735]);
    assert!(verb.collected && verb.definition.is_some());
    assert_eq!(verb.by.len(), 3);
    assert_eq!(verb.by[0].groups[0].label, "v1.10.0", "the newest version first");
    assert_eq!(verb.reweighted.len(), 1);
    assert!(
        verb.reweighted[0].converged && verb.reweighted[0].base.effective < verb.base.effective
    );
    let other = &charts.programs[1].charts;
    assert!(other.iter().all(|figure| figure.reweighted.is_empty()), "a survey of one program");

    let crash = figure(&charts, "crash");
    assert_eq!(crash.rows.len(), 4, "positions do not tell stacks apart");
    let totals: Vec<f64> = crash.rows.iter().map(|row| row.estimate.total).collect();
    assert!(totals.is_sorted_by(|a, b| a >= b), "{totals:?}");
    assert_eq!(crash.rows[0].frames[1], "main.main");
    assert_eq!(crash.rows[0].label, crash.rows[0].frames[0]);
    let failed = figure(&charts, "failed");
    assert_eq!(failed.over.as_deref(), Some("started"));
    let quantiles = &failed.rows[0].distribution.as_ref().expect("a distribution").quantiles;
    assert!(quantiles.iter().map(|q| q.quotient.value).is_sorted());
}

/// The current index, without what only merges need, and the charts.
fn current(snapshot: &Snapshot, deployed: &Deployed) -> (BTreeMap<Date, Week>, Vec<Vec<u8>>) {
    let weeks = weeks(deployed);
    let charts = weeks.values().filter_map(|week| week.charts.as_ref());
    let objects = charts.map(|charts| {
        let object =
            snapshot.objects.iter().find(|(key, _)| key.as_str().ends_with(&charts.sha256));
        object.expect("the object is there").1.clone()
    });
    let objects = objects.collect();
    (weeks, objects)
}

#[test]
fn the_next_run_recovers_from_a_power_cut_at_any_store_operation() {
    let mut deployed = with_reports(0..40);
    deployed.upload(&reports("2026-02-10", 0..5));
    deployed.merge();
    let start = deployed.store.snapshot();
    charted(&deployed, &Weeks::Outdated);
    let undisturbed = current(&deployed.store.snapshot(), &deployed);
    assert_eq!(undisturbed.1.len(), 2);
    for kind in [Fault::Fail, Fault::PowerCutBefore, Fault::PowerCutAfter] {
        for operation in 0.. {
            deployed.store.restore(&start);
            deployed.store.inject(kind(operation));
            let cut = deployed.chart(&Weeks::Outdated, &Unwatched);
            let operations = deployed.store.operations();
            deployed.store.restart();
            for week in weeks(&deployed).keys() {
                let index = deployed.public().index().expect("an index");
                deployed.public().charts(&index, *week).expect("old or new, never half");
            }
            deployed.chart(&Weeks::Outdated, &Unwatched).expect("the next run");
            let mended = current(&deployed.store.snapshot(), &deployed);
            assert!(mended == undisturbed, "{:?}", kind(operation));
            if operation >= operations {
                cut.expect("nothing was disturbed");
                break;
            }
        }
    }
}

/// Merges new reports while charts are being made.
struct Meanwhile<'d>(Mutex<Option<&'d Deployed>>);

impl Progress for Meanwhile<'_> {
    fn advance(&self, _: Phase, _: u64, _: u64) {
        if let Some(deployed) = self.0.lock().expect("not poisoned").take() {
            deployed.merge();
        }
    }
}

#[test]
fn charts_use_the_newest_data_even_if_it_came_while_they_were_made() {
    let mut deployed = with_reports(0..50);
    deployed.upload(&reports("2026-02-04", 50..80));
    let meanwhile = Meanwhile(Mutex::new(Some(&deployed)));
    deployed.chart(&Weeks::Outdated, &meanwhile).expect("charted");
    assert_eq!(charts(&deployed).reports, 80);
    assert_eq!(charted(&deployed, &Weeks::Outdated), [], "and they are up to date");
}

#[test]
fn few_or_no_reports_give_figures_with_finite_numbers() {
    for numbers in [0..0, 0..1, 1..2, 2..3, 9..10] {
        let deployed = with_reports(numbers.clone());
        let expected: &[Date] = if numbers.is_empty() { &[] } else { &[WEEK] };
        assert_eq!(charted(&deployed, &Weeks::Outdated), expected);
        assert_eq!(charted(&deployed, &Weeks::Within(WEEK..=WEEK)), expected);
        for charts in expected.iter().map(|_| charts(&deployed)) {
            let json = serde_json::to_string(&charts).expect("JSON");
            // There is no week before, so nothing is expected.
            let json = json.replace("\"expected\":null,", "");
            assert!(!json.contains("null") && !json.contains("NaN"), "{json}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_named_with_advice() {
    let deployed = with_reports(0..10);
    let whole = deployed.store.snapshot();
    let refusal = |change: &dyn Fn(&mut Snapshot)| {
        let mut snapshot = whole.clone();
        change(&mut snapshot);
        deployed.store.restore(&snapshot);
        deployed.chart(&Weeks::Outdated, &Unwatched).expect_err("refused").to_string()
    };
    let message = refusal(&|s| s.pointers.retain(|key, _| !key.as_str().starts_with("catalogue")));
    assert!(message.contains("Run `candor publish` once more"), "{message}");
    let message = refusal(&|s| s.objects.retain(|key, _| !key.as_str().starts_with("catalogue")));
    assert!(message.contains("is missing from the store"), "{message}");
    let message = refusal(&|s| s.objects.retain(|key, _| !key.as_str().ends_with(".zip")));
    assert!(message.contains("the config v0.") && message.contains("missing"), "{message}");
    let message = refusal(&|s| {
        let public = s.objects.iter_mut().filter(|(key, _)| key.as_str().starts_with("public/"));
        public.for_each(|(_, bytes)| bytes.push(0));
    });
    assert!(message.contains("is damaged") && message.contains("candor merge --week"), "{message}");
}

#[test]
fn the_command_says_what_it_did() {
    let deployment = Deployment::new();
    let mut chart = candor();
    chart.args(["chart", "--data"]).arg(deployment.path());
    assert!(succeed(&mut chart).starts_with("nothing to chart"));
    let reports = reports("2026-02-03", 1..3);
    support::segments::write(&deployment.path().join("reports"), 1, &reports);
    succeed(candor().args(["merge", "--data"]).arg(deployment.path()));
    let message = refused(&mut chart, 1);
    assert!(message.contains("Run `candor publish` once more"), "{message}");

    let charts = Charts::new();
    let publish = || {
        succeed(deployment.publish_command(&charts).args(["--as-of", "2026-02-03"]));
    };
    publish();
    charts.add_chart("second");
    publish();
    let said = succeed(&mut chart);
    assert_eq!(said, "week until 2026-02-08: 2 reports, 1 program, 5 figures\n");
    let mut again = candor();
    again.args(["--json", "chart", "--week", "2026-02-03", "--data"]).arg(deployment.path());
    let told = support::json(&mut again);
    assert_eq!(told["weeks"][0]["week"], "2026-02-08");
    refused(chart.args(["--start", "2026-02-03"]), 2);
}
