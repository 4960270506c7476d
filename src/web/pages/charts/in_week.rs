//! One chart in one week, as a figure or as a part of its series: what trends read of it, without a copy.

use super::loaded::Series;
use super::trend::all_weeks;
use crate::aggregate::figure::{Distribution, Estimate, Figure, Interval, Quantile};
use crate::aggregate::stored_charts::series::{ChartSeries, ChartWeek, WeekRow};
use crate::web::chart_cache::LoadedWeek;
use jiff::civil::Date;
use std::sync::Arc;

/// A chart in a week.
#[derive(Debug, Clone, Copy)]
pub(super) enum InWeek<'a> {
    /// All of it.
    Figure(&'a Figure),
    /// A week of a series.
    Part(&'a ChartSeries, &'a ChartWeek),
}

impl<'a> InWeek<'a> {
    /// The reports that could have its counters.
    pub(super) fn reports(self) -> u64 {
        match self {
            InWeek::Figure(figure) => figure.base.reports,
            InWeek::Part(_, week) => week.base.reports,
        }
    }

    /// The reports with none of its counters.
    pub(super) fn none(self) -> Option<Estimate> {
        match self {
            InWeek::Figure(figure) => figure.none,
            InWeek::Part(_, week) => week.none,
        }
    }

    /// The share of a row.
    pub(super) fn share(self, label: &str) -> Option<Interval> {
        match self {
            InWeek::Figure(figure) => {
                let row = figure.rows.iter().find(|row| row.label == label)?;
                Some(row.estimate.share)
            }
            InWeek::Part(series, week) => Some(row(series, week, label)?.share),
        }
    }

    /// The median of a row.
    pub(super) fn median(self, label: &str) -> Option<&'a Quantile> {
        let distribution: &Distribution = match self {
            InWeek::Figure(figure) => {
                figure.rows.iter().find(|row| row.label == label)?.distribution.as_ref()?
            }
            InWeek::Part(series, week) => row(series, week, label)?.distribution.as_ref()?,
        };
        distribution.quantiles.iter().find(|found| (found.at - 0.5).abs() < 1e-9)
    }

    /// The largest share of a row; of a chart that is still collected, of a row that is, too.
    pub(super) fn first_share(self) -> Option<Interval> {
        // The first of equal ones.
        let larger = |a: Interval, b: Interval| {
            if b.value.total_cmp(&a.value).is_gt() { b } else { a }
        };
        match self {
            InWeek::Figure(figure) => {
                let rows = figure.rows.iter().filter(|row| !row.removed || !figure.collected);
                rows.map(|row| row.estimate.share).reduce(larger)
            }
            InWeek::Part(_, week) => {
                let rows = week.rows.iter().filter(|row| !row.removed || !week.collected);
                rows.map(|row| row.share).reduce(larger)
            }
        }
    }
}

fn row<'a>(series: &ChartSeries, week: &'a ChartWeek, label: &str) -> Option<&'a WeekRow> {
    let named =
        |row: &&WeekRow| series.rows.get(row.row as usize).is_some_and(|name| name.label == label);
    week.rows.iter().find(named)
}

/// A chart in each week before a week, the oldest first, as far as a series has them: from the first week of all
/// of these charts.
pub(super) fn before<'a>(all: &'a Series, figure: &Figure, week: Date) -> Vec<Option<InWeek<'a>>> {
    let first = all.weeks.keys().next().copied().unwrap_or(week);
    let same =
        |series: &&ChartSeries| series.chart.id == figure.id && series.chart.kind == figure.kind;
    let found = all.charts.iter().find(same);
    let dates = all_weeks(first, week).into_iter().filter(|date| *date < week);
    let of = |date: Date| {
        let series = found?;
        let place = series.weeks.binary_search_by_key(&date, |week| week.week).ok()?;
        Some(InWeek::Part(series, series.weeks.get(place)?))
    };
    dates.map(of).collect()
}

/// The same of weeks that were read as figures.
pub(super) fn before_in<'a>(
    weeks: &'a [Arc<LoadedWeek>],
    program: &str,
    figure: &Figure,
    week: Date,
) -> Vec<Option<InWeek<'a>>> {
    let first = weeks.first().map_or(week, |first| first.charts().week);
    let dates = all_weeks(first, week).into_iter().filter(|date| *date < week);
    let of = |date: Date| {
        let loaded = weeks.iter().find(|loaded| loaded.charts().week == date)?;
        let charts = &loaded.program(program)?.charts;
        let same = |found: &&Figure| found.id == figure.id && found.kind == figure.kind;
        charts.iter().find(same).map(InWeek::Figure)
    };
    dates.map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::figure::{ProgramCharts, WeekCharts};
    use crate::aggregate::stored_charts::series::ProgramWeek;
    use crate::charts_fixture as charts;
    use crate::web::pages::charts::headline::{APART, Headline};
    use crate::web::pages::charts::loaded;
    use std::collections::BTreeMap;

    /// A program over weeks as it is stored, and as figures.
    fn both(program: &str) -> (Series, Vec<Arc<LoadedWeek>>) {
        let mut all = Series::default();
        let mut figures: BTreeMap<String, BTreeMap<Date, Figure>> = BTreeMap::new();
        for week in charts::weeks(8).into_iter().map(charts::week) {
            let last = week.week;
            let found = week.programs.iter().find(|one| one.program == program).expect("it");
            for figure in &found.charts {
                figures.entry(figure.id.clone()).or_default().insert(last, figure.clone());
            }
            let charts = found.charts.iter().map(|figure| figure.id.clone());
            let charts = Arc::new(charts.collect());
            let program = ProgramCharts { charts: Vec::new(), ..found.clone() };
            all.program.insert(last, ProgramWeek { week: last, program, charts });
            all.weeks.insert(last, WeekCharts { programs: Vec::new(), ..week });
        }
        all.charts = figures.into_values().filter_map(ChartSeries::new).collect();
        let loaded = loaded::over_weeks(all.clone());
        (all, loaded)
    }

    #[test]
    fn a_series_says_the_same_as_its_figures() {
        let mut compared = 0;
        for program in [charts::GOPLS, charts::AWKWARD] {
            let (series, weeks) = both(program);
            for week in [weeks.len() - 1, weeks.len() - 3] {
                let loaded = weeks[week].charts();
                let found = weeks[week].program(program).expect("it");
                assert_eq!(series.in_week(loaded.week).as_ref(), Some(found));
                for figure in &found.charts {
                    let parts = before(&series, figure, loaded.week);
                    let figures = before_in(&weeks, program, figure, loaded.week);
                    assert_eq!(parts.len(), figures.len());
                    let headline = |earlier: &[_]| Headline::new(figure, earlier, APART);
                    assert_eq!(headline(&parts), headline(&figures), "{}", figure.id);
                    compared += parts.iter().flatten().count();
                    let shares = |all: &[Option<InWeek<'_>>]| -> Vec<_> {
                        all.iter().map(|week| week.and_then(InWeek::first_share)).collect()
                    };
                    assert_eq!(shares(&parts), shares(&figures), "{}", figure.id);
                }
            }
        }
        assert!(compared > 50, "{compared}");
    }
}
