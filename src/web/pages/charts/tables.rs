//! A chart's numbers as tables: each row with its interval, and its reweighted share beside it.

use crate::aggregate::figure::{
    Base, Distribution, Figure, Interval, Kind, Quantile, Reweighted, Row,
};
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
pub(super) fn path(text: &str) -> Markup {
    let text = draw::plain(text);
    html! {
        bdi { @for part in text.split_inclusive('/') { (part) @if part.ends_with('/') { wbr; } } }
    }
}

/// What a chart's rows are.
fn rows_are(figure: &Figure) -> &'static str {
    match (figure.kind, figure.counter.is_some(), figure.id.as_str()) {
        (Kind::Stack, ..) => "Stack",
        (_, false, "program-versions") => "Version",
        (_, false, "platforms") => "Platform",
        (_, false, "toolchains") => "Toolchain",
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
        false => format!("{}–{}", numbers::quotient(low), numbers::quotient(high)),
    }
}

fn share(share: &Interval) -> Markup {
    html! {
        td.number { (numbers::percent(share.value)) }
        td.number { (numbers::percent_range(share.low, share.high)) }
    }
}

/// A note that not everything is shown.
pub(super) fn more(shown: usize, all: usize, what: &str, whole: &str) -> Markup {
    html! {
        @if all > shown {
            p.note {
                (grouped(shown as u64)) " of " (counted(all as u64, what)) ". "
                a href=(whole) { "All of them" }
            }
        }
    }
}

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
    let label = format!("Table: {}", figure.title);
    let table = match figure.kind {
        Kind::Ratio => ratios(figure, week, confidence, most),
        _ => shares(figure, week, confidence, most),
    };
    html! {
        (layout::wide(&draw::plain(&label), &table))
        (more(most, figure.rows.len(), "row", whole))
    }
}

fn shares(figure: &Figure, week: &str, confidence: f64, most: usize) -> Markup {
    let interval = format!("{} interval", numbers::confidence(confidence));
    let own_bases = figure.rows.iter().any(|row| row.base.is_some());
    let reweighted = |row: &Row| {
        let find = |reweighted: &Reweighted| {
            let same = |other: &&Row| other.label == row.label && other.frames == row.frames;
            reweighted.rows.iter().find(same).map(|row| row.estimate.share)
        };
        figure.reweighted.iter().map(find).collect::<Vec<_>>()
    };
    html! {
        table.full.chart {
            caption {
                (name(&figure.title)) ", " (week) ": reports that contained each, of "
                (grouped(figure.base.reports))
            }
            thead {
                tr {
                    th scope="col" { (rows_are(figure)) }
                    th.number scope="col" { "Reports" }
                    @if own_bases { th.number scope="col" { "Of" } }
                    th.number scope="col" { "Share" }
                    th.number scope="col" { (interval) }
                    th.number scope="col" { "Estimated installations" }
                    @for each in &figure.reweighted {
                        th.number.weighted scope="col" { "Reweighted to " (name(&each.title)) }
                        th.number scope="col" { (interval) " (reweighted)" }
                    }
                }
            }
            tbody {
                @for (row, rank) in figure.rows.iter().take(most).zip(1..) {
                    tr {
                        th scope="row" { (row_name(figure, row, rank)) }
                        td.number { (grouped(row.estimate.reports)) }
                        @if own_bases {
                            td.number { (grouped(row.base.unwrap_or(figure.base).reports)) }
                        }
                        (share(&row.estimate.share))
                        td.number { (numbers::total(row.estimate.total)) }
                        @for weighted in reweighted(row) {
                            @match weighted {
                                Some(weighted) => (share(&weighted)),
                                None => { td.number { "–" } td.number { "–" } }
                            }
                        }
                    }
                }
                @if let Some(none) = &figure.none {
                    tr.apart {
                        th scope="row" { (draw::NONE) }
                        td.number { (grouped(none.reports)) }
                        @if own_bases { td.number { (grouped(figure.base.reports)) } }
                        (share(&none.share))
                        td.number { (numbers::total(none.total)) }
                        @for _ in &figure.reweighted { td.number { "–" } td.number { "–" } }
                    }
                }
            }
        }
    }
}

fn row_name(figure: &Figure, row: &Row, rank: usize) -> Markup {
    html! {
        @if figure.kind == Kind::Stack {
            details {
                summary { (rank) ". " (name(&row.label)) }
                ol.frames { @for frame in &row.frames { li { code { (name(frame)) } } } }
            }
        } @else {
            (name(&row.label))
        }
        @if row.removed { " " span.mark { "no longer collected" } }
    }
}

fn ratios(figure: &Figure, week: &str, confidence: f64, most: usize) -> Markup {
    let interval = format!("Median’s {} interval", numbers::confidence(confidence));
    let cell = |row: &Row, at| {
        let found = row.distribution.as_ref().and_then(|found| quantile(found, at));
        found.map_or("–".to_owned(), |found| numbers::quotient(found.quotient.value))
    };
    html! {
        table.full.chart {
            caption {
                (name(&figure.title)) ", " (week) ": the quotient that this share of installations does "
                "not exceed"
            }
            thead {
                tr {
                    th scope="col" { (rows_are(figure)) }
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
                @for (row, rank) in figure.rows.iter().take(most).zip(1..) {
                    tr {
                        th scope="row" { (row_name(figure, row, rank)) }
                        td.number { (grouped(row.estimate.reports)) }
                        td.number { (cell(row, 0.05)) }
                        td.number { (cell(row, 0.25)) }
                        td.number { (cell(row, 0.5)) }
                        td.number {
                            (row.distribution.as_ref().and_then(|found| quantile(found, 0.5))
                                .map_or("–".to_owned(), bounds))
                        }
                        td.number { (cell(row, 0.75)) }
                        td.number { (cell(row, 0.95)) }
                    }
                }
            }
        }
    }
}

/// A value with its interval, in one cell.
pub(super) fn value_cell(value: Option<&Interval>, quotient: bool) -> Markup {
    html! {
        td.number {
            @match value {
                None => "–",
                Some(found) if quotient => {
                    (numbers::quotient(found.value)) " "
                    span.muted {
                        "(" (numbers::quotient(found.low)) "–" (numbers::quotient(found.high)) ")"
                    }
                }
                Some(found) => {
                    (numbers::percent(found.value)) " "
                    span.muted { "(" (numbers::percent_range(found.low, found.high)) ")" }
                }
            }
        }
    }
}

/// A mark on estimates that are based on few reports.
pub(super) fn small(base: &Base) -> Markup {
    html! { @if draw::is_small(base) { " " span.mark.warn { "small sample" } } }
}
