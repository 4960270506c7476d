//! Which programs have charts in a week, or series in a span of weeks, and where these are stored.

use super::sections::SectionsFile;
use crate::aggregate::figure::{ProgramCharts, WeekCharts};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many weeks a span has: a quarter.
pub const SPAN: i32 = 13;
/// The last day of the first week of some span; all others follow from it.
const FIRST: Date = date(2024, 1, 7);

/// A week's charts without the charts themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeekOutline {
    /// The week, without programs.
    pub week: WeekCharts,
    /// Its programs, ordered by path.
    pub programs: Vec<ProgramOutline>,
}

/// A program's charts of a week without the charts themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProgramOutline {
    /// The program, without charts.
    pub program: ProgramCharts,
    /// How many charts it has.
    pub charts: u64,
    /// Its figures, without slices: a section for each chart, named by its id.
    pub figures: SectionsFile,
    /// Their slices: sections named `ID@DIMENSION`.
    pub slices: SectionsFile,
}

/// The series of a span of weeks without the series themselves.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SpanOutline {
    /// Its weeks that have charts, without programs.
    pub weeks: BTreeMap<Date, WeekCharts>,
    /// Its programs, by path.
    pub programs: BTreeMap<String, ProgramSpan>,
}

/// The series of a program in a span of weeks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProgramSpan {
    /// The weeks in which it has charts.
    pub weeks: Vec<Date>,
    /// Its series: a section for each chart, named by its id; and before them
    /// [`PROGRAM`](super::series::PROGRAM).
    pub series: SectionsFile,
}

impl WeekOutline {
    /// A program.
    pub fn program(&self, program: &str) -> Option<&ProgramOutline> {
        self.programs.iter().find(|one| one.program.program == program)
    }
}

/// The last day of the first week of the span that a week is in.
pub fn span_of(week: Date) -> Date {
    let days = FIRST.until(week).map_or(0, |span| span.get_days());
    let inside = days.rem_euclid(SPAN * 7);
    week.checked_sub(inside.days()).unwrap_or(Date::MIN)
}

/// The last day of the last week of a span.
pub fn last_of(span: Date) -> Date {
    span.saturating_add((SPAN - 1).weeks())
}

/// The spans that have weeks from one to another, oldest first.
pub fn spans(from: Date, to: Date) -> impl Iterator<Item = Date> {
    let next = |span: &Date| span.checked_add(SPAN.weeks()).ok();
    std::iter::successors(Some(span_of(from)), next).take_while(move |span| *span <= to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_week_is_in_one_span_of_thirteen() {
        let mut week = date(2023, 1, 1);
        for _ in 0..200 {
            let span = span_of(week);
            assert!(span <= week && week <= last_of(span), "{week}: {span}");
            assert_eq!(span_of(span), span);
            assert_eq!(span_of(last_of(span)), span);
            assert_eq!(span_of(last_of(span) + 1.week()), last_of(span) + 1.week());
            week += 1.week();
        }
        let all: Vec<Date> = spans(date(2024, 1, 14), date(2024, 7, 7)).collect();
        assert_eq!(all, [date(2024, 1, 7), date(2024, 4, 7), date(2024, 7, 7)]);
    }
}
