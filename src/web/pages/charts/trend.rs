//! One chart over weeks: which values form a line.
//!
//! A row is identified by its name (a stack by all its frames). Weeks are not pooled: an installation that
//! reports every week would count several times, and the intervals would be too narrow.

use super::jump::{self, Of};
use crate::aggregate::figure::{Figure, Interval, Jump, Kind, Row};
use crate::web::chart_cache::LoadedWeek;
use crate::web::draw::{self, Measure, NONE, Picture, Series, Trend};
use jiff::civil::Date;
use std::collections::HashMap;
use std::sync::Arc;

/// The most weeks that are shown at once: two years.
pub(super) const MOST_WEEKS: usize = 105;
/// The weeks that a time series shows on the page of one week.
pub(super) const TIME_SERIES: i64 = 26;

/// A chart in each week that has it.
pub(super) struct OverWeeks<'a> {
    /// The weeks from the first to the last, including those without charts.
    pub(super) weeks: Vec<Date>,
    /// The chart in each week.
    pub(super) figures: Vec<Option<&'a Figure>>,
    /// Its values.
    pub(super) trend: Trend,
    /// The jump in each week, and what it is about.
    pub(super) jumps: Vec<Option<(Of, Jump)>>,
    /// How many weeks at the end are provisional.
    pub(super) may_change: usize,
}

/// The last days of all weeks from one to another.
pub(super) fn all_weeks(from: Date, to: Date) -> Vec<Date> {
    let next = |week: &Date| week.checked_add(jiff::Span::new().weeks(1)).ok();
    std::iter::successors(Some(from), next)
        .take_while(|week| *week <= to)
        .take(MOST_WEEKS)
        .collect()
}

fn key(row: &Row) -> String {
    if row.frames.is_empty() { row.label.clone() } else { row.frames.join("\n") }
}

/// The value of a line: a share, or the median of a quotient.
fn value(row: &Row) -> Option<Interval> {
    match &row.distribution {
        None => Some(row.estimate.share),
        Some(distribution) => {
            let median = distribution.quantiles.iter().find(|q| (q.at - 0.5).abs() < 1e-9);
            median.map(|quantile| quantile.quotient)
        }
    }
}

/// The name of all stacks together.
pub(super) const ANY: &str = "any stack";

/// The share of the installations that have any of a chart's counters, if it is known.
pub(super) fn any(figure: &Figure) -> Option<Interval> {
    let none = figure.none.filter(|_| figure.base.reports > 0)?;
    let Interval { value, low, high } = none.share;
    Some(Interval { value: 1.0 - value, low: 1.0 - high, high: 1.0 - low })
}

impl<'a> OverWeeks<'a> {
    /// Its picture; the last weeks may be provisional.
    pub(super) fn picture(&self, confidence: f64) -> Picture {
        let picture = Picture::over_weeks(&self.trend, confidence);
        picture.with_reports(self.reports()).provisional_weeks(self.may_change)
    }

    /// A program's chart with this id, in these weeks.
    pub(super) fn new(
        weeks: &[Date],
        charts: &'a [Arc<LoadedWeek>],
        program: &str,
        id: &str,
    ) -> OverWeeks<'a> {
        type Found<'a> = (&'a Figure, Option<(Of, Jump)>);
        let by_week: HashMap<Date, Found<'_>> = charts
            .iter()
            .filter_map(|week| {
                let charts = week.program(program)?;
                let figure = charts.charts.iter().find(|chart| chart.id == id)?;
                let jump = jump::of_chart(week.charts(), charts, figure);
                Some((week.charts().week, (figure, jump)))
            })
            .collect();
        let found = |week: &Date| by_week.get(week).copied();
        let figures: Vec<_> = weeks.iter().map(|week| found(week).map(|(one, _)| one)).collect();
        let jumps: Vec<_> =
            weeks.iter().map(|week| found(week).and_then(|(_, jump)| jump)).collect();
        // Lines are in the order of the newest week, followed by those that only older weeks have.
        let mut lines: HashMap<String, usize> = HashMap::new();
        let mut series: Vec<Series> = Vec::new();
        let empty = || vec![None; weeks.len()];
        let mut ratio = false;
        // Of stacks, first how many installations have any.
        let stacks = figures.iter().flatten().any(|figure| figure.kind == Kind::Stack);
        if stacks {
            let points = figures.iter().map(|figure| figure.and_then(any)).collect();
            series.push(Series { label: ANY.to_owned(), points });
        }
        for (index, figure) in figures.iter().enumerate().rev() {
            let Some(figure) = figure.filter(|figure| figure.base.reports > 0) else { continue };
            ratio |= figure.kind == Kind::Ratio;
            for row in &figure.rows {
                let line = *lines.entry(key(row)).or_insert_with(|| {
                    let label = match draw::is_rare(figure, row) {
                        true => draw::RARE.to_owned(),
                        false => row.label.clone(),
                    };
                    series.push(Series { label, points: empty() });
                    series.len() - 1
                });
                let point = series.get_mut(line).and_then(|series| series.points.get_mut(index));
                if let Some(point) = point {
                    *point = value(row);
                }
            }
        }
        // Stable: the others stay in their order.
        series.sort_by_key(|series| series.label == draw::RARE);
        let none = figures.iter().map(|figure| {
            let figure = figure.filter(|figure| figure.base.reports > 0 && !stacks)?;
            figure.none.map(|none| none.share)
        });
        let none: Vec<_> = none.collect();
        if none.iter().any(Option::is_some) {
            series.push(Series { label: NONE.to_owned(), points: none });
        }
        let bases = || figures.iter().flatten().map(|figure| figure.base.reports);
        let mut counted = bases().filter(|reports| *reports > 0);
        let first = counted.next();
        let last = bases().rfind(|reports| *reports > 0);
        let measure = if ratio { Measure::Quotient } else { Measure::Share };
        let weeks = weeks.to_vec();
        let trend = Trend {
            weeks: weeks.clone(),
            series,
            measure,
            reports: first.zip(last),
            jumps: jumps.iter().map(|jump| jump.map(|(_, jump)| jump)).collect(),
        };
        let complete: HashMap<Date, bool> =
            charts.iter().map(|week| (week.charts().week, week.charts().complete)).collect();
        // A week without charts among them is neither.
        let known = weeks
            .iter()
            .rev()
            .zip(1..)
            .filter_map(|(week, back)| complete.get(week).map(|complete| (*complete, back)));
        let provisional = known.take_while(|(complete, _)| !complete);
        let may_change = provisional.last().map_or(0, |(_, back)| back);
        OverWeeks { weeks, figures, trend, jumps, may_change }
    }

    /// By week: its number of reports, if it has the chart.
    pub(super) fn reports(&self) -> Vec<Option<u64>> {
        self.figures.iter().map(|figure| figure.map(|figure| figure.base.reports)).collect()
    }
}
