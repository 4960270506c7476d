//! Charts as JSON: `aggregate::figure` inside an object that describes the week and the program.

use crate::aggregate::edition::Edition;
use crate::aggregate::figure::{
    ConfigUse, DefinitionsSource, Expected, Figure, Jump, ProgramCharts, WeekCharts,
};
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

fn written<T: Serialize>(week: &WeekCharts, program: &ProgramCharts, charts: T) -> String {
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
    };
    // These types have string keys and finite numbers only.
    serde_json::to_string(&head).map(|json| json + "\n").unwrap_or_default()
}

/// One chart of a program.
pub(super) fn one(week: &WeekCharts, program: &ProgramCharts, figure: &Figure) -> String {
    written(week, program, One { chart: figure })
}

/// All charts of a program.
pub(super) fn all(week: &WeekCharts, program: &ProgramCharts) -> String {
    written(week, program, All { charts: &program.charts })
}
