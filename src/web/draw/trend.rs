//! The picture of a chart over weeks: its series, and which of them are drawn.

use super::figure::NONE;
use super::picture::{Lines, Measure, Picture, Series, Shown, chosen};
use super::scene::SERIES;
use super::sparkline::runs;
use crate::aggregate::figure::Jump;
use crate::web::numbers::{self, grouped};
use jiff::civil::Date;

/// Values over weeks.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::web) struct Trend {
    /// The last day of each week from the first to the last.
    pub(in crate::web) weeks: Vec<Date>,
    /// All series; which of them are drawn is decided here.
    pub(in crate::web) series: Vec<Series>,
    /// What their values are.
    pub(in crate::web) measure: Measure,
    /// The number of reports in the first and in the last week that has any.
    pub(in crate::web) reports: Option<(u64, u64)>,
    /// By week: the mark on its number of reports.
    pub(in crate::web) jumps: Vec<Option<Jump>>,
}

impl Trend {
    /// The series with the largest values, in their order, and the number of the others. Series without
    /// values are not counted.
    pub(in crate::web) fn largest(&self, most: usize) -> (Vec<&Series>, usize) {
        let mean = |series: &&Series| {
            let (count, sum) = series
                .points
                .iter()
                .flatten()
                .fold((0.0, 0.0), |(count, sum), point| (count + 1.0, sum + point.value));
            sum / f64::max(count, 1.0)
        };
        let valued = self.series.iter().filter(|s| s.points.iter().any(Option::is_some));
        let valued: Vec<&Series> = valued.collect();
        let (largest, left_out) = chosen(&valued, most, mean);
        (largest.into_iter().copied().collect(), left_out)
    }
}

impl Picture {
    /// Numbers over weeks that are not shares, each with its interval. The note is below the picture.
    pub(in crate::web) fn numbers_over_weeks(
        weeks: Vec<Date>,
        series: Vec<Series>,
        axis: &str,
        note: Option<String>,
    ) -> Picture {
        let labels: Vec<_> = series.iter().map(|series| series.label.as_str()).collect();
        let description = format!("Line chart over weeks: {}.", labels.join(", "));
        let shown = Shown::Lines(Lines {
            jumps: vec![None; weeks.len()],
            weeks,
            series: series.into_iter().enumerate().collect(),
            measure: Measure::Quotient,
            reports: Vec::new(),
            events: Vec::new(),
            may_change: 0,
        });
        let mut picture = Picture::nothing(&description);
        (picture.shown, picture.axis) = (shown, axis.to_owned());
        picture.with_note(note)
    }

    /// Values over weeks.
    pub(in crate::web) fn over_weeks(trend: &Trend, confidence: f64) -> Picture {
        let (mut series, mut left_out) = trend.largest(SERIES);
        // The share of reports with none of the buckets stands last, and is drawn only if it does not
        // decide how far the axis reaches.
        let is_none = |series: &&Series| series.label == NONE;
        let none = series.iter().position(is_none).map(|index| series.remove(index));
        let high = |series: &Series| {
            series.points.iter().flatten().map(|point| point.high).fold(0.0, f64::max)
        };
        let reach = series.iter().map(|series| high(series)).fold(0.0, f64::max);
        let beyond = none.filter(|none| !series.is_empty() && high(none) > reach);
        series.extend(none.filter(|_| beyond.is_none()));
        if series.is_empty() {
            return Picture::nothing(
                "No report of these weeks could have contained what is counted here.",
            );
        }
        let intervals = numbers::confidence(confidence);
        let sample = trend.reports.map(|(first, last)| {
            let (first, last) = (numbers::counted(first, "report"), grouped(last));
            format!("n = {first} in the first week, {last} in the last")
        });
        let mut notes = Vec::new();
        let runs = || series.iter().flat_map(|series| runs(&series.points));
        let (bands, single) = (runs().any(|run| run.len() > 1), runs().any(|run| run.len() == 1));
        notes.push(match (bands, single) {
            (true, true) => format!("Bands, and whiskers of single weeks: {intervals} intervals."),
            (true, false) => format!("Bands: {intervals} intervals."),
            (false, _) => format!("Whiskers: {intervals} intervals."),
        });
        let marked = trend.weeks.iter().zip(&trend.jumps);
        let marked: Vec<_> =
            marked.filter_map(|(week, jump)| Some((*week, jump.as_ref()?))).collect();
        let (up, down) = (
            marked.iter().any(|(_, jump)| jump.is_up()),
            marked.iter().any(|(_, jump)| !jump.is_up()),
        );
        let signs = match (up, down) {
            (true, true) => Some("▲ more, ▼ fewer"),
            (true, false) => Some("▲ more"),
            (false, true) => Some("▼ fewer"),
            (false, false) => None,
        };
        if let Some(signs) = signs {
            notes.push(format!(
                "{signs} reports in that week than expected from the weeks before; the table says how many."
            ));
        }
        if let Some(none) = beyond {
            let last = none.points.iter().rev().find_map(|point| *point);
            let last =
                last.map(|point| format!(" ({} in its last week)", numbers::percent(point.value)));
            notes.push(format!("“{NONE}”{} is only in the table.", last.unwrap_or_default()));
        }
        // Further rows, apart from the one that is spoken of already.
        if none.is_none() {
            let is_left_out = trend
                .series
                .iter()
                .any(|series| series.label == NONE && series.points.iter().any(Option::is_some));
            left_out = left_out.saturating_sub(usize::from(is_left_out));
            if is_left_out {
                notes.push(format!("“{NONE}” is only in the table."));
            }
        }
        if left_out > 0 {
            let shown = series.iter().filter(|series| series.label != NONE).count() as u64;
            let more = grouped(left_out as u64);
            notes.push(format!("The {} largest; {more} more in the table.", grouped(shown)));
        }
        let (first, last) = (trend.weeks.first(), trend.weeks.last());
        let mut description = "Line chart over weeks".to_owned();
        if let (Some(first), Some(last)) = (first, last) {
            description.push_str(&format!(" from {first} to {last}"));
        }
        description.push_str(": ");
        let labels: Vec<_> = series.iter().map(|series| series.label.as_str()).collect();
        description.push_str(&labels.join(", "));
        description.push('.');
        for (week, jump) in marked {
            let what = if jump.is_up() { "more" } else { "fewer" };
            let (reports, expected) =
                (grouped(jump.reports), grouped(jump.expected.round() as u64));
            description.push_str(&format!(
                " {week} has {what} reports than expected: {reports} instead of {expected}."
            ));
        }
        description.push_str(" The table has the numbers.");
        let axis = match trend.measure {
            Measure::Share => {
                "Share of installations that had it at least once in the week; several are possible"
            }
            Measure::Quotient => "Median over installations, in the week",
        };
        let shown = Shown::Lines(Lines {
            weeks: trend.weeks.clone(),
            series: series.into_iter().cloned().enumerate().collect(),
            measure: trend.measure,
            jumps: trend.jumps.iter().map(|jump| jump.as_ref().map(Jump::is_up)).collect(),
            reports: Vec::new(),
            events: Vec::new(),
            may_change: 0,
        });
        Picture {
            shown,
            axis: format!("{axis}; weeks are named by their last day"),
            sample,
            notes,
            description,
            hollow: false,
            provisional: false,
            reach: None,
            confidence,
        }
    }
}
