//! A chart's numbers as tables: each row with its interval, and its reweighted share beside it.

use crate::aggregate::figure::{
    Base, Distribution, Figure, Interval, Kind, Quantile, Reweighted, Row,
};
use crate::aggregate::statistics::interval;
use crate::aggregate::statistics::sample::Weights;
use crate::web::draw;
use crate::web::numbers;
use crate::web::numbers::{counted, grouped};
use crate::web::pages::layout;
use maud::{Markup, html};

/// How much of a long table is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub(super) rows: usize,
    pub(super) stacks: usize,
    pub(super) groups: usize,
    pub(super) columns: usize,
}

/// On a page with all charts of a program.
pub(super) const EXCERPT: Limit = Limit { rows: 25, stacks: 10, groups: 12, columns: 8 };
/// On the page of one chart. More would be too much for a browser; the files have everything.
pub(super) const WHOLE: Limit = Limit { rows: 2_000, stacks: 1_000, groups: 200, columns: 30 };

/// A name from outside, isolated so that it cannot hide or reorder the text around it.
pub(super) fn name(text: &str) -> Markup {
    html! { bdi { (draw::plain(text)) } }
}

/// A program's path, with line breaks allowed after its slashes.
pub(in crate::web) fn path(text: &str) -> Markup {
    let text = draw::plain(text);
    html! {
        bdi { @for part in text.split_inclusive('/') { (part) @if part.ends_with('/') { wbr; } } }
    }
}

/// What a chart's rows are, as a heading.
fn heading(figure: &Figure) -> &'static str {
    match draw::rows_are(figure) {
        "stack" => "Stack",
        "version" => "Version",
        "platform" => "Platform",
        "toolchain" => "Toolchain",
        _ => "Bucket",
    }
}

pub(super) fn quantile(distribution: &Distribution, at: f64) -> Option<&Quantile> {
    distribution.quantiles.iter().find(|quantile| (quantile.at - at).abs() < 1e-9)
}

/// The bounds of a quantile; the upper one may be missing.
fn bounds(quantile: &Quantile) -> String {
    let Interval { low, high, .. } = quantile.quotient;
    match quantile.open {
        true => format!("from {}", numbers::quotient(low)),
        false => format!("{} to {}", numbers::quotient(low), numbers::quotient(high)),
    }
}

/// The share that something has of which there is no report among these: 0, with its interval.
///
/// The weights themselves are not in the figure. Of n numbers with a known sum and sum of squares, the
/// largest is at most this (Samuelson, "How Deviant Can You Be?", Journal of the American Statistical
/// Association 63, 1968); if all weights are the same, it is exactly their size.
pub(super) fn none_of(base: &Base, confidence: f64) -> Interval {
    let (reports, sum) = (base.reports.max(1) as f64, base.total);
    let squares = if base.effective > 0.0 { sum * sum / base.effective } else { 0.0 };
    let spread = (squares - sum * sum / reports).max(0.0) * (reports - 1.0) / reports;
    let largest = sum / reports + spread.sqrt();
    let all = Weights { reports: base.reports, sum, squares, largest };
    interval::share(&Weights::default(), &all, confidence)
}

/// A share of these reports, and its interval. Of no reports there is none.
fn share(share: &Interval, base: Base) -> Markup {
    html! {
        @if base.reports == 0 {
            td.number { "–" } td.number { "–" }
        } @else {
            td.number data-label="Share" { (numbers::percent(share.value)) }
            td.number data-label="Interval" { (numbers::percent_range(share.low, share.high)) }
        }
    }
}

/// A note that not everything is shown.
pub(super) fn more(shown: usize, all: usize, whole: &str) -> Markup {
    let rest = all.saturating_sub(shown) as u64;
    html! {
        @if rest > 0 {
            p.note {
                "The first " (grouped(shown as u64)) "; " (grouped(rest)) " more in the "
                a href=(whole) {
                    @if whole.ends_with(".csv") { "CSV file" } @else { "whole table" }
                }
                "."
            }
        }
    }
}

/// A table with more rows than this shows that many and has the others folded.
const FOLDED: usize = 25;

/// The rows of a chart. `week` says when they are from; `whole` is the address of the page or file with
/// everything.
pub(super) fn rows(
    figure: &Figure,
    week: &str,
    confidence: f64,
    limit: Limit,
    whole: &str,
) -> Markup {
    let most = if figure.kind == Kind::Stack { limit.stacks } else { limit.rows };
    let (few, all): (Vec<&Row>, Vec<&Row>) = draw::in_reading_order(figure, &figure.rows)
        .into_iter()
        .partition(|row| draw::is_folded(figure, row));
    let numbered: Vec<(usize, &Row)> = (1..).zip(all).collect();
    let shown: Vec<_> = numbered.iter().take(most).copied().collect();
    let (first, rest) = shown.split_at(shown.len().min(if most > FOLDED { FOLDED } else { most }));
    let table = |rows: &[(usize, &Row)], few: &[&Row], last: bool, label: &str| {
        let table = match figure.kind {
            Kind::Ratio => ratios(figure, week, confidence, rows),
            _ => shares(figure, week, confidence, rows, few, last),
        };
        layout::wide(&draw::plain(label), &table)
    };
    let label = format!("Table: {}", figure.title);
    html! {
        (table(first, &few, true, &label))
        @if !rest.is_empty() {
            details {
                summary { (counted(rest.len() as u64, "more row")) }
                (table(rest, &[], false, &format!("{label}, continued")))
            }
        }
        (more(most, numbered.len(), whole))
    }
}

fn shares(
    figure: &Figure,
    week: &str,
    confidence: f64,
    rows: &[(usize, &Row)],
    few: &[&Row],
    last: bool,
) -> Markup {
    let interval = format!("{} interval", numbers::confidence(confidence));
    let own_bases = figure.rows.iter().any(|row| row.base.is_some());
    let reweighted = |row: &Row| {
        let find = |reweighted: &Reweighted| {
            let same = |other: &&Row| other.label == row.label && other.frames == row.frames;
            reweighted.rows.iter().find(same).map(|row| row.estimate.share)
        };
        figure.reweighted.iter().map(find).collect::<Vec<_>>()
    };
    let few_reports = few.iter().map(|row| row.estimate.reports).sum::<u64>();
    let most = figure.rows.iter().any(|row| row.most.is_some());
    html! {
        table.full.chart.cells.inline {
            caption {
                (name(&figure.title)) ", " (week) ": reports that contained each, of "
                (grouped(figure.base.reports)) "; one report can be in several rows"
                @if !few.is_empty() {
                    ". Those with under " (draw::FEW) " reports are one row"
                }
            }
            thead {
                tr {
                    th scope="col" { (heading(figure)) }
                    th.number scope="col" { "Reports" }
                    @if own_bases { th.number scope="col" { "Of" } }
                    th.number scope="col" { "Share" }
                    th.number scope="col" { (interval) }
                    th.number scope="col" { "Estimated installations" }
                    @if most { th.number scope="col" { "Counted most" } }
                    @for each in &figure.reweighted {
                        th.number.weighted scope="col" { "Reweighted to " (name(&each.title)) }
                        th.number scope="col" { (interval) " (reweighted)" }
                    }
                }
            }
            tbody {
                @for (rank, row) in rows {
                    tr {
                        th scope="row" { (row_name(figure, row, *rank)) }
                        td.number data-label="Reports" { (grouped(row.estimate.reports)) }
                        @if own_bases {
                            td.number data-label="Of" { (grouped(row.base.unwrap_or(figure.base).reports)) }
                        }
                        (share(&row.estimate.share, row.base.unwrap_or(figure.base)))
                        td.number data-label="Installations" { (numbers::total(row.estimate.total)) }
                        @if most { (most_cell(row.most.map(|most| most.share).as_ref())) }
                        @for weighted in reweighted(row) {
                            @match weighted {
                                Some(weighted) => (share(&weighted, figure.base)),
                                None => { td.number { "–" } td.number { "–" } }
                            }
                        }
                    }
                }
                @if !few.is_empty() {
                    tr.apart {
                        th scope="row" {
                            (counted(few.len() as u64, draw::rows_are(figure))) " with under "
                            (draw::FEW) " reports"
                        }
                        td.number data-label="Reports" { (grouped(few_reports)) }
                        @if own_bases { td.number { "–" } }
                        td.number { "–" } td.number { "–" } td.number { "–" }
                        @if most { td.number { "–" } }
                        @for _ in &figure.reweighted { td.number { "–" } td.number { "–" } }
                    }
                }
                @if let Some(none) = figure.none.as_ref().filter(|_| last) {
                    tr.apart {
                        th scope="row" { (draw::NONE) }
                        td.number data-label="Reports" { (grouped(none.reports)) }
                        @if own_bases { td.number data-label="Of" { (grouped(figure.base.reports)) } }
                        (share(&none.share, figure.base))
                        td.number data-label="Installations" { (numbers::total(none.total)) }
                        @if most { (most_cell(Some(&none.share))) }
                        @for _ in &figure.reweighted { td.number { "–" } td.number { "–" } }
                    }
                }
            }
        }
    }
}

fn row_name(figure: &Figure, row: &Row, rank: usize) -> Markup {
    html! {
        @if draw::is_rare(figure, row) {
            (draw::RARE)
        } @else if figure.kind == Kind::Stack {
            details {
                summary { (rank) ". " (name(&row.label)) }
                ol.frames { @for frame in &row.frames { li { code { (name(frame)) } } } }
            }
        } @else {
            (name(&draw::label_of(figure, row)))
        }
        @if row.removed { " " span.mark { "no longer collected" } }
    }
}

fn ratios(figure: &Figure, week: &str, confidence: f64, rows: &[(usize, &Row)]) -> Markup {
    let interval = format!("Median’s {} interval", numbers::confidence(confidence));
    let cell = |row: &Row, at| {
        let found = row.distribution.as_ref().and_then(|found| quantile(found, at));
        found.map_or("–".to_owned(), |found| numbers::quotient(found.quotient.value))
    };
    html! {
        table.full.chart.cells.inline {
            caption {
                (name(&figure.title)) ", " (week) ": the quotient that this share of installations does "
                "not exceed"
            }
            thead {
                tr {
                    th scope="col" { (heading(figure)) }
                    th.number scope="col" { "Reports above 0" }
                    th.number scope="col" { "5%" }
                    th.number scope="col" { "25%" }
                    th.number scope="col" { "Median" }
                    th.number scope="col" { (interval) }
                    th.number scope="col" { "75%" }
                    th.number scope="col" { "95%" }
                }
            }
            tbody {
                @for (rank, row) in rows {
                    tr {
                        th scope="row" { (row_name(figure, row, *rank)) }
                        td.number data-label="Reports above 0" { (grouped(row.estimate.reports)) }
                        td.number data-label="5%" { (cell(row, 0.05)) }
                        td.number data-label="25%" { (cell(row, 0.25)) }
                        td.number data-label="Median" { (cell(row, 0.5)) }
                        td.number data-label="Its interval" {
                            (row.distribution.as_ref().and_then(|found| quantile(found, 0.5))
                                .map_or("–".to_owned(), bounds))
                        }
                        td.number data-label="75%" { (cell(row, 0.75)) }
                        td.number data-label="95%" { (cell(row, 0.95)) }
                    }
                }
            }
        }
    }
}

/// The share of installations that counted a row most.
fn most_cell(value: Option<&Interval>) -> Markup {
    html! { td.number data-label="Counted most" { (value_with_interval(value, false)) } }
}

/// A value with its interval, in one cell.
pub(super) fn value_cell(value: Option<&Interval>, quotient: bool) -> Markup {
    html! { td.number { (value_with_interval(value, quotient)) } }
}

/// A value with its interval, as text.
pub(super) fn value_with_interval(value: Option<&Interval>, quotient: bool) -> Markup {
    html! {
            @match value {
                None => "–",
                Some(found) if quotient => {
                    (numbers::quotient(found.value)) " "
                    span.muted {
                        "(" (numbers::quotient(found.low)) " to " (numbers::quotient(found.high)) ")"
                    }
                }
                Some(found) => {
                    (numbers::percent(found.value)) " "
                    span.muted { "(" (numbers::percent_range(found.low, found.high)) ")" }
                }
            }
    }
}

/// A median with its interval, whose upper bound may be missing.
pub(super) fn median_cell(median: Option<&Quantile>) -> Markup {
    html! {
        td.number {
            @match median {
                None => "–",
                Some(found) => {
                    (numbers::quotient(found.quotient.value)) " " span.muted { "(" (bounds(found)) ")" }
                }
            }
        }
    }
}

/// A mark on estimates that are based on few reports.
pub(super) fn small(base: &Base) -> Markup {
    html! { @if base.reports > 0 && draw::is_small(base) { " " span.mark.warn { "small sample" } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_of_a_few_reports_is_between_nothing_and_much() {
        let same = |reports: u64, weight: f64| {
            let total = reports as f64 * weight;
            none_of(&Base { reports, total, effective: reports as f64 }, 0.99)
        };
        let none = same(6, 2.0);
        assert_eq!((none.value, none.low), (0.0, 0.0));
        // Clopper and Pearson: 1 - 0.005^(1/6).
        assert!((none.high - (1.0 - 0.005f64.powf(1.0 / 6.0))).abs() < 1e-6, "{none:?}");
        let text = numbers::percent_range(none.low, none.high);
        assert_eq!((numbers::percent(none.value).as_str(), text.as_str()), ("0%", "0 to 58.6%"));
        // Unequal weights say less.
        let unequal = none_of(&Base { reports: 6, total: 12.0, effective: 3.0 }, 0.99);
        assert!(unequal.high > none.high, "{unequal:?}");
        let nobody = none_of(&Base { reports: 0, total: 0.0, effective: 0.0 }, 0.99);
        assert_eq!((nobody.low, nobody.high), (0.0, 1.0));
    }
}
