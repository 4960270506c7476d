//! One chart over the weeks of a span: what trends, cards and ranges show.
//!
//! A series has the numbers of each week's figure: all rows of the whole, but no slices and no reweightings,
//! and of stacks only the [`STACKS`] most frequent. What describes the chart is that of the newest week.
//! Each row's name is stored once; [`WeekRow::row`] is its place among the names.

use crate::aggregate::figure::{
    Base, Distribution, Estimate, Expected, Figure, Interval, Jump, Kind, ProgramCharts, RateUse,
    Row,
};
use jiff::civil::Date;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The rows of a stack chart that a series keeps.
pub const STACKS: usize = 100;
/// The section before those of the charts: [`ProgramWeeks`]. No chart's id has an `@`.
pub const PROGRAM: &str = "@program";

/// A program in one week, without its charts.
#[derive(Debug, Clone, PartialEq)]
pub struct ProgramWeek {
    /// The last day of the week.
    pub week: Date,
    /// The program, without charts.
    pub program: ProgramCharts,
    /// The ids of its charts, in their order; shared with other weeks that have the same.
    pub charts: Arc<Vec<String>>,
}

/// A program in the weeks of a span, as it is stored: where a week has the charts of the one before, as most do, they
/// are not named again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProgramWeeks(pub Vec<ProgramWeek>);

/// A week of them; `charts` is absent where they are those of the week before.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredWeek<P, C> {
    pub week: Date,
    pub program: P,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charts: Option<C>,
}

impl Serialize for ProgramWeeks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut before: Option<&Vec<String>> = None;
        serializer.collect_seq(self.0.iter().map(|ProgramWeek { week, program, charts }| {
            let is_same = before.replace(charts) == Some(charts);
            StoredWeek { week: *week, program, charts: (!is_same).then_some(&**charts) }
        }))
    }
}

impl<'de> Deserialize<'de> for ProgramWeeks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ProgramWeeks, D::Error> {
        let stored = Vec::<StoredWeek<ProgramCharts, Vec<String>>>::deserialize(deserializer)?;
        let mut before = None;
        let weeks = stored.into_iter().map(|StoredWeek { week, program, charts }| {
            let charts = charts.map(Arc::new).or_else(|| before.clone());
            let charts =
                charts.ok_or_else(|| D::Error::custom("the first week names no charts"))?;
            before = Some(charts.clone());
            Ok(ProgramWeek { week, program, charts })
        });
        weeks.collect::<Result<_, _>>().map(ProgramWeeks)
    }
}

/// One chart over weeks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChartSeries {
    /// The chart in the newest week, without rows.
    pub chart: Figure,
    /// The names of its rows: those of the newest week in their order, then others.
    pub rows: Vec<RowName>,
    /// The weeks that have it, oldest first.
    pub weeks: Vec<ChartWeek>,
}

/// A row's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RowName {
    /// The bucket's name; for a stack, its first frame's function.
    pub label: String,
    /// The counter's full name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<String>,
    /// The functions of a stack's frames, the innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<String>,
}

/// A chart's numbers in one week: the members of [`Figure`] of these names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChartWeek {
    /// The last day of the week.
    pub week: Date,
    /// Whether it was collected.
    pub collected: bool,
    /// The sampling rates that were in force.
    pub rates: Vec<RateUse>,
    /// The reports that could have its counters.
    pub base: Base,
    /// The share of the program's installations that it covers.
    pub coverage: f64,
    /// How many reports the weeks before explain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
    /// Present where there are more or fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jump: Option<Jump>,
    /// How many stacks are not among the rows.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
    /// The reports with none of its counters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub none: Option<Estimate>,
    /// Its rows.
    pub rows: Vec<WeekRow>,
}

/// A row's numbers in one week.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeekRow {
    /// The place of its name in [`ChartSeries::rows`].
    pub row: u32,
    /// The reports that have it.
    pub reports: u64,
    /// The sum of their weights.
    pub total: f64,
    /// Their share of the base.
    pub share: Interval,
    /// The reports that could have it, if these are not all of the base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
    /// Whether only older configs collect it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    /// For a ratio: the distribution of its quotient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// The reports that count it most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<Estimate>,
}

// serde requires this signature.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The part of a figure that a series has.
pub fn reduced(mut figure: Figure) -> Figure {
    figure.by = Vec::new();
    figure.reweighted = Vec::new();
    if figure.kind == Kind::Stack && figure.rows.len() > STACKS {
        figure.left_out += (figure.rows.len() - STACKS) as u64;
        figure.rows.truncate(STACKS);
    }
    figure
}

impl ChartSeries {
    /// The series of one chart, whose figures are [`reduced`]; `None` if there is no week.
    pub fn new(figures: BTreeMap<Date, Figure>) -> Option<ChartSeries> {
        let (mut names, mut places) = (Vec::new(), HashMap::new());
        let (mut chart, mut weeks) = (None, Vec::new());
        for (week, figure) in figures.into_iter().rev() {
            let row = |row: Row| {
                let Row { label, counter, frames, .. } = row;
                let name = RowName { label, counter, frames };
                let place = *places.entry(name.clone()).or_insert_with(|| {
                    names.push(name);
                    u32::try_from(names.len() - 1).unwrap_or(u32::MAX)
                });
                let Estimate { reports, total, share } = row.estimate;
                let Row { base, removed, distribution, most, .. } = row;
                WeekRow { row: place, reports, total, share, base, removed, distribution, most }
            };
            let mut about = figure;
            let rows = std::mem::take(&mut about.rows).into_iter().map(row).collect();
            weeks.push(ChartWeek {
                week,
                collected: about.collected,
                rates: std::mem::take(&mut about.rates),
                base: std::mem::take(&mut about.base),
                coverage: std::mem::take(&mut about.coverage),
                expected: about.expected.take(),
                jump: about.jump.take(),
                left_out: std::mem::take(&mut about.left_out),
                none: about.none.take(),
                rows,
            });
            chart.get_or_insert(about);
        }
        weeks.reverse();
        Some(ChartSeries { chart: chart?, rows: names, weeks })
    }

    /// The chart in one of its weeks, as it was there, except for what describes it.
    pub fn figure(&self, week: &ChartWeek) -> Figure {
        let row = |row: &WeekRow| {
            let name = self.rows.get(row.row as usize)?;
            let RowName { label, counter, frames } = name.clone();
            let WeekRow { reports, total, share, base, removed, ref distribution, most, .. } = *row;
            let estimate = Estimate { reports, total, share };
            let distribution = distribution.clone();
            Some(Row { label, counter, frames, estimate, base, removed, distribution, most })
        };
        Figure {
            collected: week.collected,
            rates: week.rates.clone(),
            base: week.base,
            coverage: week.coverage,
            expected: week.expected,
            jump: week.jump,
            left_out: week.left_out,
            none: week.none,
            rows: week.rows.iter().filter_map(row).collect(),
            ..self.chart.clone()
        }
    }

    /// For each row, the first of these weeks that has it. Of a stack that is the first week in which it was
    /// among the [`STACKS`] most frequent.
    pub fn first_weeks(&self) -> Vec<Option<Date>> {
        let mut first = vec![None; self.rows.len()];
        for week in &self.weeks {
            for row in week.rows.iter().filter(|row| row.reports > 0) {
                if let Some(known) = first.get_mut(row.row as usize) {
                    known.get_or_insert(week.week);
                }
            }
        }
        first
    }

    /// The chart in all its weeks.
    pub fn figures(&self) -> impl Iterator<Item = (Date, Figure)> {
        self.weeks.iter().map(|week| (week.week, self.figure(week)))
    }

    /// Joins the series of one chart in different spans, in any order. Its rows are named as [`ChartSeries::new`]
    /// names them, each name looked up once a span.
    pub fn joined(parts: impl IntoIterator<Item = ChartSeries>) -> Option<ChartSeries> {
        let mut parts: Vec<ChartSeries> =
            parts.into_iter().filter(|part| !part.weeks.is_empty()).collect();
        parts.sort_by_key(|part| std::cmp::Reverse(part.weeks.last().map(|week| week.week)));
        let (mut names, mut places) = (Vec::new(), HashMap::new());
        let (mut chart, mut weeks) = (None, Vec::new());
        for ChartSeries { chart: about, rows, weeks: of_part } in parts {
            let mut known: Vec<Option<u32>> = vec![None; rows.len()];
            let mut place = |row: u32| -> Option<u32> {
                let known = known.get_mut(row as usize)?;
                if known.is_none() {
                    let name = rows.get(row as usize)?;
                    *known = Some(*places.entry(name.clone()).or_insert_with(|| {
                        names.push(name.clone());
                        u32::try_from(names.len() - 1).unwrap_or(u32::MAX)
                    }));
                }
                *known
            };
            let mut collected = None;
            for mut week in of_part.into_iter().rev() {
                week.rows.retain_mut(|row| match place(row.row) {
                    Some(place) => {
                        row.row = place;
                        true
                    }
                    None => false,
                });
                collected.get_or_insert(week.collected);
                weeks.push(week);
            }
            let collected = collected.unwrap_or_default();
            chart.get_or_insert(Figure { collected, ..about });
        }
        weeks.reverse();
        Some(ChartSeries { chart: chart?, rows: names, weeks })
    }
}

#[cfg(all(test, feature = "server"))]
mod tests {
    use super::*;
    use crate::charts_fixture as fixture;
    use jiff::ToSpan;
    use jiff::civil::date;

    /// Each chart of a program with its figures by week.
    fn all(program: &str) -> Vec<BTreeMap<Date, Figure>> {
        let mut all: BTreeMap<String, BTreeMap<Date, Figure>> = BTreeMap::new();
        for (ago, week) in fixture::weeks(20).into_iter().enumerate() {
            let found = fixture::week(week).programs.into_iter().find(|one| one.program == program);
            for mut figure in found.map(|found| found.charts).unwrap_or_default() {
                // A row that only the newest weeks have, and one that is first in every other.
                if ago > 3 {
                    figure.rows.truncate(2);
                }
                if ago % 2 == 0 {
                    figure.rows.reverse();
                }
                all.entry(figure.id.clone()).or_default().insert(week, reduced(figure));
            }
        }
        all.into_values().collect()
    }

    #[test]
    fn parts_are_joined_as_if_they_had_never_been_apart() {
        let charts = all(fixture::GOPLS);
        assert!(charts.len() > 4);
        for figures in charts {
            let whole = ChartSeries::new(figures.clone());
            for split in [0, 1, 7, 13] {
                let at = figures.keys().nth(split).copied().expect("a week");
                let mut before = figures.clone();
                let after = before.split_off(&at);
                let parts = || [&after, &before].map(|part| ChartSeries::new(part.clone()));
                assert_eq!(ChartSeries::joined(parts().into_iter().flatten()), whole, "{split}");
                let reversed = parts().into_iter().rev().flatten();
                assert_eq!(ChartSeries::joined(reversed), whole, "{split}");
            }
            // Names that no week has are left out.
            let mut part = whole.clone().expect("weeks");
            part.weeks.truncate(4);
            let first = figures.into_iter().take(4).collect();
            let joined = ChartSeries::joined([part]).expect("weeks");
            let expected = ChartSeries::new(first).expect("weeks");
            assert_eq!((joined.rows, joined.weeks), (expected.rows, expected.weeks));
        }
        assert_eq!(ChartSeries::joined([]), None);
    }

    #[test]
    fn weeks_in_a_row_with_the_same_charts_name_them_once() {
        let week = |number: i64, charts: &[&str]| ProgramWeek {
            week: date(2026, 11, 1) + number.weeks(),
            program: ProgramCharts {
                charts: Vec::new(),
                ..fixture::week(fixture::NEWEST).programs.remove(0)
            },
            charts: Arc::new(charts.iter().map(|&id| id.to_owned()).collect()),
        };
        let lists: [&[&str]; 6] =
            [&["first", "x"], &["first", "x"], &["x", "first"], &[], &[], &["first", "x"]];
        let weeks = (0..).zip(lists).map(|(number, charts)| week(number, charts));
        let weeks = ProgramWeeks(weeks.collect());
        let json = serde_json::to_string(&weeks).expect("JSON");
        // One list is empty, and so are the charts of each of the six programs.
        assert_eq!((json.matches("first").count(), json.matches("\"charts\":[]").count()), (3, 7));
        let read: ProgramWeeks = serde_json::from_str(&json).expect("weeks");
        assert_eq!(read, weeks);
        assert!(Arc::ptr_eq(&read.0[0].charts, &read.0[1].charts));
        let without = json.replacen(",\"charts\":[\"first\",\"x\"]", "", 1);
        assert!(serde_json::from_str::<ProgramWeeks>(&without).is_err(), "{without}");
    }
}
