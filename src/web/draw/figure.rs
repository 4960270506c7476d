//! The pictures of one week's figures: which rows are drawn, in which order, with which notes.

use super::picture::{Bar, BoxRow, Picture, Shown, chosen};
use crate::aggregate::figure::{self, Base, Figure, Interval, Kind, Row, SMALL};
use crate::web::numbers;
use crate::web::numbers::{counted, grouped};

/// The most bars of unordered buckets that are drawn; the rest is in the table.
pub(super) const BARS: usize = 25;
/// The most stacks that are drawn.
pub(super) const STACKS: usize = 10;
/// The most bars of a histogram: more would be thinner than their whiskers on a phone.
pub(super) const ADJOINING: usize = 100;

/// The label of the reports with none of a figure's buckets.
pub(in crate::web) const NONE: &str = "none of these";

/// Whether an estimate is based on so few reports that it is marked.
pub(in crate::web) fn is_small(base: &Base) -> bool {
    base.effective < SMALL
}

impl Picture {
    /// The picture of one week's figure, whose intervals have this confidence.
    pub(in crate::web) fn of_week(figure: &Figure, confidence: f64) -> Picture {
        let apart =
            figure.none.map(|none| Bar { label: NONE.to_owned(), share: none.share, beside: None });
        let mut picture =
            Picture::of_rows(figure.kind, &figure.base, &figure.rows, apart, confidence);
        if figure.left_out > 0 {
            let others = grouped(figure.left_out);
            picture.notes.push(format!("Rarer stacks that are not stored: {others}."));
        }
        picture
    }

    /// The same, reweighted to published marginals, with marks at the unweighted shares.
    pub(in crate::web) fn reweighted(
        figure: &Figure,
        reweighted: &figure::Reweighted,
        confidence: f64,
    ) -> Picture {
        let base = &reweighted.base;
        let mut picture = Picture::of_rows(figure.kind, base, &reweighted.rows, None, confidence);
        if let Shown::Bars { bars, .. } | Shown::Histogram { bars, .. } = &mut picture.shown {
            for bar in bars {
                let same = figure.rows.iter().find(|row| label_of(row) == bar.label);
                bar.beside = same.map(|row| row.estimate.share.value);
            }
            let worth = numbers::total(base.effective);
            picture.notes.push(format!(
                "Diamonds: unweighted. After weighting, these reports are worth {worth}."
            ));
        }
        picture
    }

    fn of_rows(
        kind: Kind,
        base: &Base,
        rows: &[Row],
        apart: Option<Bar>,
        confidence: f64,
    ) -> Picture {
        if base.reports == 0 {
            let why = "No report of this week could have contained what is counted here.";
            return Picture::nothing(why);
        }
        let reports = format!("n = {}", counted(base.reports, "report"));
        if rows.is_empty() && apart.is_none() {
            return Picture::nothing(&format!("Nothing was counted ({reports})."));
        }
        let hollow = is_small(base);
        let intervals = numbers::confidence(confidence);
        let mut notes = Vec::new();
        let (shown, most) = match kind {
            Kind::Ratio => {
                notes.push(format!(
                    "{reports} · thick stroke: median, bracket: its {intervals} interval · box: middle \
                     half · line: from 5% to 95% of installations"
                ));
                let (rows, _) = chosen(rows, BARS, |row| row.estimate.share.value);
                (
                    Shown::Boxes {
                        rows: rows.iter().filter_map(|row| box_of(row)).collect(),
                        hollow,
                    },
                    BARS,
                )
            }
            Kind::Histogram => {
                notes.push(format!("{reports} · whiskers: {intervals} intervals"));
                let bars = rows.iter().take(ADJOINING).map(bar_of).collect();
                (Shown::Histogram { bars, apart, hollow }, ADJOINING)
            }
            Kind::Stack => {
                notes.push(format!("{reports} · whiskers: {intervals} intervals"));
                // Ranks distinguish stacks with the same first frame.
                let ranked = rows.iter().take(STACKS).zip(1..);
                let bars = ranked.map(|(row, rank)| {
                    let bar = bar_of(row);
                    Bar { label: format!("{rank}. {}", bar.label), ..bar }
                });
                (Shown::Bars { bars: bars.collect(), apart, hollow }, STACKS)
            }
            Kind::Partition | Kind::Timeseries => {
                notes.push(format!("{reports} · whiskers: {intervals} intervals"));
                let (rows, _) = chosen(rows, BARS, |row| row.estimate.share.value);
                (Shown::Bars { bars: rows.into_iter().map(bar_of).collect(), apart, hollow }, BARS)
            }
        };
        if hollow {
            let worth = match numbers::quotient(base.effective).as_str() {
                "1" => "1 report".to_owned(),
                worth => format!("{worth} reports"),
            };
            notes.push(format!(
                "Hollow: a small sample, worth only {worth}. Read the intervals, not the bars."
            ));
        }
        if rows.iter().any(|row| row.removed) {
            notes.push("† is no longer collected.".to_owned());
        }
        if rows.iter().any(|row| row.base.is_some()) {
            notes.push(
                "Some rows were not collected from all these reports; the table says from how many."
                    .to_owned(),
            );
        }
        let left_out = rows.len().saturating_sub(most);
        if left_out > 0 {
            notes.push(format!("{} more in the table.", grouped(left_out as u64)));
        }
        let description = describe(kind, rows, base);
        Picture { shown, notes, description }
    }
}

fn label_of(row: &Row) -> String {
    if row.removed { format!("{} †", row.label) } else { row.label.clone() }
}

fn bar_of(row: &Row) -> Bar {
    Bar { label: label_of(row), share: row.estimate.share, beside: None }
}

/// The box of a distribution; `None` if quantiles are missing.
fn box_of(row: &Row) -> Option<BoxRow> {
    let quantile = |at: f64| {
        let all = &row.distribution.as_ref()?.quantiles;
        all.iter().find(|quantile| (quantile.at - at).abs() < 1e-9)
    };
    let median = quantile(0.5)?;
    Some(BoxRow {
        label: label_of(row),
        outer: (quantile(0.05)?.quotient.value, quantile(0.95)?.quotient.value),
        inner: (quantile(0.25)?.quotient.value, quantile(0.75)?.quotient.value),
        median: median.quotient,
        open: median.open,
    })
}

/// The picture in words: its kind, its largest values, and how many reports it is based on.
fn describe(kind: Kind, rows: &[Row], base: &Base) -> String {
    let what = match kind {
        Kind::Histogram => "Histogram",
        Kind::Ratio => "Box plot",
        _ => "Bar chart",
    };
    let mut text = format!("{what} of {}", counted(rows.len() as u64, "row"));
    let (largest, _) = chosen(rows, 3, |row| row.estimate.share.value);
    let mut largest: Vec<_> = largest;
    largest.sort_by(|a, b| b.estimate.share.value.total_cmp(&a.estimate.share.value));
    let values = largest.iter().map(|row| match row.distribution.as_ref().and(box_of(row)) {
        Some(distribution) => {
            format!("{}: median {}", row.label, numbers::quotient(distribution.median.value))
        }
        None => {
            let Interval { value, low, high } = row.estimate.share;
            let (value, range) = (numbers::percent(value), numbers::percent_range(low, high));
            format!("{} {value} ({range})", row.label)
        }
    });
    let values: Vec<_> = values.collect();
    if !values.is_empty() {
        text.push_str(if kind == Kind::Ratio { ". " } else { ". Largest: " });
        text.push_str(&values.join("; "));
    }
    text.push_str(&format!(
        ". From {}. The table has the numbers.",
        counted(base.reports, "report")
    ));
    text
}
