//! The picture of a chart over weeks: its series, and which of them are drawn.

use super::canvas::SERIES;
use super::picture::{Measure, Picture, Series, Shown, chosen};
use crate::aggregate::figure::Jump;
use crate::web::numbers;
use crate::web::numbers::grouped;
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
    /// Values over weeks.
    pub(in crate::web) fn over_weeks(trend: &Trend, confidence: f64) -> Picture {
        let (series, left_out) = trend.largest(SERIES);
        if series.is_empty() {
            return Picture::nothing(
                "No report of these weeks could have contained what is counted here.",
            );
        }
        let intervals = numbers::confidence(confidence);
        let mut notes = Vec::new();
        if let Some((first, last)) = trend.reports {
            let (first, last) = (grouped(first), grouped(last));
            notes.push(format!(
                "n = {first} reports in the first week, {last} in the last · bands: {intervals} intervals"
            ));
        }
        let marked = trend.weeks.iter().zip(&trend.jumps);
        let marked: Vec<_> =
            marked.filter_map(|(week, jump)| Some((*week, jump.as_ref()?))).collect();
        if !marked.is_empty() {
            notes.push(
                "▲ more, ▼ fewer reports in that week than the weeks before explain; the table says \
                 how many."
                    .to_owned(),
            );
        }
        if left_out > 0 {
            notes.push(format!("{} more in the table.", grouped(left_out as u64)));
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
        let series = series.into_iter().cloned().collect();
        let jumps = trend.jumps.iter().map(|jump| jump.as_ref().map(Jump::is_up)).collect();
        let (weeks, measure) = (trend.weeks.clone(), trend.measure);
        let shown = Shown::Lines { weeks, series, measure, jumps };
        Picture { shown, notes, description }
    }
}
