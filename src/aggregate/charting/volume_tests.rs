//! Marks on weeks, programs and charts.

use super::*;
use crate::charts_fixture::{self as fixture, GOPLS, NEWEST};
use jiff::ToSpan;

/// A week of one program with this many reports in each figure, at a rate.
fn week(weeks_ago: i64, reports: u64, rate: f64) -> WeekCharts {
    let last = NEWEST.saturating_sub(weeks_ago.weeks());
    let mut charts = fixture::week(last);
    charts.complete = true;
    charts.programs.retain(|program| program.program == GOPLS);
    charts.configs.truncate(1);
    for config in &mut charts.configs {
        (config.reports, config.sample_rate) = (reports, rate);
    }
    charts.reports = reports;
    for program in &mut charts.programs {
        program.reports = reports;
        for figure in &mut program.charts {
            figure.base = fixture::base(reports, rate);
        }
    }
    charts
}

fn marked(mut charts: WeekCharts, before: &[WeekCharts]) -> WeekCharts {
    let volumes: Vec<WeekVolume> = before.iter().map(WeekCharts::volumes).collect();
    mark(&mut charts, &volumes);
    charts
}

/// The marks of the week, of the program, and of its charts.
fn jumps(charts: &WeekCharts) -> (Option<Jump>, Option<Jump>, Vec<Option<Jump>>) {
    let program = &charts.programs[0];
    (charts.jump, program.jump, program.charts.iter().map(|figure| figure.jump).collect())
}

fn ordinary() -> Vec<WeekCharts> {
    (1..=8).map(|ago| week(ago, 1_000, 0.1)).collect()
}

#[test]
fn a_first_week_has_nothing_to_compare_with() {
    let first = marked(week(0, 1_000_000, 0.1), &[]);
    assert_eq!((first.expected, first.jump), (None, None));
    let json = serde_json::to_value(&first).expect("JSON");
    for place in ["", "/programs/0", "/programs/0/charts/3"] {
        let of = json.pointer(place).expect("there").as_object().expect("an object");
        assert!(of.get("expected").is_some_and(serde_json::Value::is_null), "{place}");
        assert!(!of.contains_key("jump"), "{place}");
    }
    // Nor with a week that is too long ago.
    let later = marked(week(0, 1_000_000, 0.1), &[week(9, 1_000, 0.1)]);
    assert_eq!((later.expected, later.jump), (None, None));
}

#[test]
fn a_flood_is_marked_on_the_week_the_program_and_every_chart_with_both_numbers() {
    let (whole, program, figures) = jumps(&marked(week(0, 2_300, 0.1), &ordinary()));
    for jump in [whole, program].into_iter().chain(figures) {
        let jump = jump.expect("marked");
        assert_eq!((jump.reports, jump.weeks), (2_300, 8));
        assert!((jump.expected - 1_000.0).abs() < 2.0, "{jump:?}");
        assert!(jump.high < 2_300.0 && jump.low > 400.0, "{jump:?}");
    }
}

#[test]
fn what_sampling_explains_is_no_jump() {
    // The rate was multiplied by five, and with it the number of reports.
    let charts = marked(week(0, 5_000, 0.5), &ordinary());
    assert_eq!(jumps(&charts).0, None);
    assert!((charts.expected.expect("judged").reports - 5_000.0).abs() < 9.0);
    // The same number of reports at a fifth of the rate means five times the installations.
    assert!(jumps(&marked(week(0, 1_000, 0.02), &ordinary())).0.is_some());
}

#[test]
fn a_chart_whose_config_is_still_spreading_is_no_jump() {
    let mut before: Vec<_> = ordinary();
    for (charts, share) in before.iter_mut().zip([0.6, 0.2]) {
        let figure = &mut charts.programs[0].charts[4];
        figure.base = fixture::base((1_000.0 * share) as u64, 0.1);
        figure.coverage = share;
    }
    before.iter_mut().skip(2).for_each(|charts| drop(charts.programs[0].charts.remove(4)));
    let now = marked(week(0, 1_000, 0.1), &before);
    let figure = &now.programs[0].charts[4];
    assert_eq!((figure.jump, figure.expected.map(|expected| expected.weeks)), (None, Some(2)));
    // If everyone had been asked all along, it would be one.
    for charts in before.iter_mut().take(2) {
        charts.programs[0].charts[4].coverage = 1.0;
        charts.programs[0].charts[4].base = fixture::base(100, 0.1);
    }
    assert!(marked(week(0, 1_000, 0.1), &before).programs[0].charts[4].jump.is_some());
}

#[test]
fn a_collapse_is_marked_once_no_report_can_arrive_any_more() {
    let mut charts = marked(week(0, 300, 0.1), &ordinary());
    assert_eq!(charts.jump.map(|jump| jump.reports), Some(300));
    charts.complete = false;
    charts = marked(charts, &ordinary());
    assert_eq!((charts.jump, charts.expected.map(|expected| expected.low)), (None, Some(0.0)));
    // None at all is too few.
    let charts = marked(week(0, 0, 0.1), &ordinary());
    assert_eq!(jumps(&charts).1.map(|jump| jump.reports), Some(0));
}

#[test]
fn one_chart_alone_can_jump() {
    let mut now = week(0, 1_000, 0.1);
    now.programs[0].charts[5].base = fixture::base(2_500, 0.1);
    let (whole, program, figures) = jumps(&marked(now, &ordinary()));
    assert_eq!((whole, program), (None, None));
    let marked: Vec<usize> =
        figures.iter().enumerate().filter_map(|(at, jump)| jump.map(|_| at)).collect();
    assert_eq!(marked, [5]);
}

#[test]
fn what_is_served_of_a_program_compares_as_what_is_stored() {
    let before: Vec<_> = ordinary();
    let served = |charts: &WeekCharts| {
        let mut json = serde_json::to_value(charts).expect("JSON");
        let program = json["programs"][0].take();
        let fields = json.as_object_mut().expect("an object");
        fields.extend(program.as_object().expect("an object").clone());
        WeekVolume::of_program(json).expect("volumes")
    };
    let volumes: Vec<_> = before.iter().map(served).collect();
    let mut charts = week(0, 2_300, 0.1);
    mark(&mut charts, &volumes);
    assert_eq!(charts, marked(week(0, 2_300, 0.1), &before));
}
