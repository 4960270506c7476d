//! Charts as JSON: `aggregate::figure` inside an object that describes the week and the program.

use super::loaded::Series;
use crate::aggregate::edition::Edition;
use crate::aggregate::figure::{
    Base, Breakdown, ConfigUse, DefinitionsSource, Dimension, Expected, FORMAT, Figure, Jump, Kind,
    ProgramCharts, WeekCharts,
};
use crate::aggregate::stored_charts::outline::WeekOutline;
use crate::aggregate::stored_charts::series::ChartSeries;
use jiff::civil::Date;
use serde::Serialize;

/// The week and the program of the charts.
#[derive(Debug, Serialize)]
struct Head<'a, T> {
    format: u32,
    week: Date,
    first_day: Date,
    edition: Edition,
    complete: bool,
    confidence: f64,
    configs: &'a [ConfigUse],
    definitions: &'a DefinitionsSource,
    /// The same of all programs together.
    whole_week: WholeWeek,
    program: &'a str,
    /// The reports that contain the program.
    reports: u64,
    coverage: f64,
    expected: Option<Expected>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jump: Option<Jump>,
    #[serde(flatten)]
    charts: T,
    /// The address of the next part, if these are not all charts.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The number of reports of a week, of all programs together.
#[derive(Debug, Serialize)]
struct WholeWeek {
    reports: u64,
    expected: Option<Expected>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jump: Option<Jump>,
}

#[derive(Debug, Serialize)]
struct One<'a> {
    chart: &'a Figure,
}

#[derive(Debug, Serialize)]
struct All<'a> {
    charts: &'a [Figure],
}

/// The programs of a week.
#[derive(Debug, Serialize)]
struct Programs<'a> {
    format: u32,
    /// All weeks that have charts, newest first.
    weeks: &'a [Date],
    /// The week of these programs, without programs; `null` without charts.
    week: Option<Week<'a>>,
    programs: Vec<ProgramInList<'a>>,
}

/// A week.
#[derive(Debug, Serialize)]
struct Week<'a> {
    week: Date,
    first_day: Date,
    edition: Edition,
    complete: bool,
    confidence: f64,
    reports: u64,
    configs: &'a [ConfigUse],
    #[serde(skip_serializing_if = "Option::is_none")]
    jump: Option<Jump>,
}

impl<'a> Week<'a> {
    fn of(week: &'a WeekCharts) -> Week<'a> {
        Week {
            week: week.week,
            first_day: week.first_day,
            edition: week.edition,
            complete: week.complete,
            confidence: week.confidence,
            reports: week.reports,
            configs: &week.configs,
            jump: week.jump,
        }
    }
}

#[derive(Debug, Serialize)]
struct ProgramInList<'a> {
    program: &'a str,
    reports: u64,
    coverage: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    jump: Option<Jump>,
    charts: u64,
}

/// A chart without its rows.
#[derive(Debug, Serialize)]
struct ChartInList<'a> {
    id: &'a str,
    title: &'a str,
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    counter: Option<&'a str>,
    collected: bool,
    base: Base,
    coverage: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    jump: Option<Jump>,
    /// How many rows it has.
    rows: usize,
}

#[derive(Debug, Serialize)]
struct Overview<'a> {
    charts: Vec<ChartInList<'a>>,
}

/// The slices of a chart.
#[derive(Debug, Serialize)]
struct Slices<'a> {
    id: &'a str,
    /// `null` if there is nothing to show.
    by: Option<&'a Breakdown>,
}

#[derive(Debug, Serialize)]
struct AllSlices<'a> {
    dimension: Dimension,
    charts: Vec<Slices<'a>>,
}

/// A chart over weeks.
#[derive(Debug, Serialize)]
struct OverWeeks<'a> {
    format: u32,
    program: &'a str,
    /// All weeks of the range that have charts, whether or not the program is in them.
    weeks: Vec<Week<'a>>,
    series: &'a ChartSeries,
    /// For each row of the series, the first of its weeks with reports of it.
    first_weeks: Vec<Option<Date>>,
}

fn line<T: Serialize>(json: &T) -> String {
    // These types have string keys and finite numbers only.
    serde_json::to_string(json).map(|json| json + "\n").unwrap_or_default()
}

/// The programs of a week. `weeks` are all weeks that have charts, newest first.
pub(super) fn programs(outline: Option<&WeekOutline>, weeks: &[Date]) -> String {
    let programs = outline.map_or(&[][..], |outline| &outline.programs);
    let in_list = programs.iter().map(|of| ProgramInList {
        program: &of.program.program,
        reports: of.program.reports,
        coverage: of.program.coverage,
        jump: of.program.jump,
        charts: of.charts,
    });
    let week = outline.map(|outline| Week::of(&outline.week));
    line(&Programs { format: FORMAT, weeks, week, programs: in_list.collect() })
}

/// What charts a program has.
pub(super) fn overview(week: &WeekCharts, program: &ProgramCharts, next: Option<String>) -> String {
    fn chart(figure: &Figure) -> ChartInList<'_> {
        let Figure { id, title, kind, counter, collected, base, coverage, jump, rows, .. } = figure;
        ChartInList {
            id,
            title,
            kind: *kind,
            counter: counter.as_deref(),
            collected: *collected,
            base: *base,
            coverage: *coverage,
            jump: *jump,
            rows: rows.len(),
        }
    }
    let charts = program.charts.iter().map(chart).collect();
    written(week, program, Overview { charts }, next)
}

/// The slices of the chart with this id, or of charts that have any, with the address of the next part.
pub(super) fn slices(
    week: &WeekCharts,
    program: &ProgramCharts,
    id: Option<&str>,
    dimension: Dimension,
    (found, next): (&[(String, Breakdown)], Option<String>),
) -> String {
    match id {
        Some(id) => {
            let by = found.first().map(|(_, by)| by);
            written(week, program, Slices { id, by }, next)
        }
        None => {
            let charts = found.iter().map(|(id, by)| Slices { id, by: Some(by) }).collect();
            written(week, program, AllSlices { dimension, charts }, next)
        }
    }
}

/// A chart over weeks.
pub(super) fn series(program: &str, all: &Series, series: &ChartSeries) -> String {
    let weeks = all.weeks.values().map(Week::of).collect();
    let first_weeks = series.first_weeks();
    line(&OverWeeks { format: FORMAT, program, weeks, series, first_weeks })
}

fn written<T: Serialize>(
    week: &WeekCharts,
    program: &ProgramCharts,
    charts: T,
    next: Option<String>,
) -> String {
    let head = Head {
        format: week.format,
        week: week.week,
        first_day: week.first_day,
        edition: week.edition,
        complete: week.complete,
        confidence: week.confidence,
        configs: &week.configs,
        definitions: &week.definitions,
        whole_week: WholeWeek {
            reports: week.configs.iter().map(|config| config.reports).sum(),
            expected: week.expected,
            jump: week.jump,
        },
        program: &program.program,
        reports: program.reports,
        coverage: program.coverage,
        expected: program.expected,
        jump: program.jump,
        charts,
        next,
    };
    line(&head)
}

/// One chart of a program.
pub(super) fn one(week: &WeekCharts, program: &ProgramCharts, figure: &Figure) -> String {
    written(week, program, One { chart: figure }, None)
}

/// Charts of a program, and the address of the next part.
pub(super) fn all(week: &WeekCharts, program: &ProgramCharts, next: Option<String>) -> String {
    written(week, program, All { charts: &program.charts }, next)
}
