//! A chart's numbers as tables: every row with its interval, its parts, and what weighting did.

use super::address::{self, Form, Weeks};
use super::csv::name_of;
use crate::aggregate::figure::{
    Base, Breakdown, Dimension, Distribution, Figure, Interval, Kind, Quantile, Reweighted, Row,
};
use crate::web::draw::{self, words as numbers};
use crate::web::pages::layout;
use crate::web::pages::words::{self, counted, grouped};
use maud::{Markup, html};

/// How much of a long table is shown where it is one of many.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub(super) rows: usize,
    pub(super) stacks: usize,
    pub(super) groups: usize,
    pub(super) columns: usize,
}

/// On a page with all charts of a program.
pub(super) const EXCERPT: Limit = Limit { rows: 25, stacks: 10, groups: 12, columns: 8 };
/// On the page of one chart. Beyond this a browser is no help; the files have everything.
pub(super) const WHOLE: Limit = Limit { rows: 2_000, stacks: 1_000, groups: 200, columns: 30 };

/// A name from outside: unable to turn what is around it, and to hide.
pub(super) fn name(text: &str) -> Markup {
    html! { bdi { (draw::plain(text)) } }
}

/// A program's path, which may be broken after its slashes.
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

fn quantile(distribution: &Distribution, at: f64) -> Option<&Quantile> {
    distribution.quantiles.iter().find(|quantile| (quantile.at - at).abs() < 1e-9)
}

/// The bounds of a quantile, of which the upper one may be missing.
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

/// Says that there is more than is shown.
fn more(shown: usize, all: usize, what: &str, whole: &str) -> Markup {
    html! {
        @if all > shown {
            p.note {
                (grouped(shown as u64)) " of " (counted(all as u64, what)) ". "
                a href=(whole) { "All of them" }
            }
        }
    }
}

/// The rows of a chart. `week` says of when they are; `whole` is the address of the page or file
/// with everything.
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
                (name(&figure.title)) ", " (week) ": reports that held each, of "
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
                (name(&figure.title)) ", " (week) ": the quotient that this share of installations stays "
                "under or reaches"
            }
            thead {
                tr {
                    th scope="col" { (rows_are(figure)) }
                    th.number scope="col" { "Reports over 0" }
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

fn dimension(dimension: Dimension) -> (&'static str, &'static str) {
    match dimension {
        Dimension::Version => ("version", "Version"),
        Dimension::Platform => ("platform", "Platform"),
        Dimension::Toolchain => ("toolchain", "Toolchain"),
    }
}

/// A mark on what only few reports are behind.
pub(super) fn small(base: &Base) -> Markup {
    html! { @if draw::is_small(base) { " " span.mark.warn { "small sample" } } }
}

/// A chart by version, by platform or by toolchain.
pub(super) fn breakdown(
    figure: &Figure,
    breakdown: &Breakdown,
    week: &str,
    limit: Limit,
    whole: &str,
) -> Markup {
    let (by, heading) = dimension(breakdown.dimension);
    let columns: Vec<&Row> = figure.rows.iter().take(limit.columns).collect();
    let quotient = figure.kind == Kind::Ratio;
    let table = html! {
        table.chart {
            caption {
                (name(&figure.title)) " by " (by) ", " (week)
                @if quotient { ": medians" } @else { ": shares" } " with their intervals"
            }
            thead {
                tr {
                    th scope="col" { (heading) }
                    th.number scope="col" { "Reports" }
                    @for (row, rank) in columns.iter().zip(1..) {
                        th.number scope="col" {
                            @if figure.kind == Kind::Stack { (rank) "." } @else { (name(&row.label)) }
                        }
                    }
                }
            }
            tbody {
                @for group in breakdown.groups.iter().take(limit.groups) {
                    tr {
                        th.nowrap scope="row" { (name(&group.label)) (small(&group.base)) }
                        td.number { (grouped(group.base.reports)) }
                        @for column in &columns {
                            @let same = |row: &&Row| {
                                row.label == column.label && row.frames == column.frames
                            };
                            @let found = group.rows.iter().find(same);
                            @let median = found.and_then(|row| row.distribution.as_ref())
                                .and_then(|found| quantile(found, 0.5));
                            @match (found, quotient) {
                                (Some(_), true) => {
                                    (value_cell(median.map(|median| &median.quotient), true))
                                }
                                (Some(row), false) => (value_cell(Some(&row.estimate.share), false)),
                                // Rows without a report are left out of groups.
                                (None, _) => td.number { "0" },
                            }
                        }
                    }
                }
            }
        }
    };
    html! {
        (layout::wide(&draw::plain(&format!("Table: {} by {by}", figure.title)), &table))
        (more(limit.groups, breakdown.groups.len(), by, whole))
        (more(limit.columns, figure.rows.len(), "row", whole))
    }
}

/// How a chart was weighted to published marginals.
pub(super) fn reweighted(reweighted: &Reweighted) -> Markup {
    let Reweighted { base, .. } = reweighted;
    let empty = reweighted
        .margins
        .iter()
        .flat_map(|margin| margin.categories.iter())
        .filter(|category| category.reports == 0)
        .count();
    html! {
        p {
            "The reports were weighted until their shares were those that were published. That mends "
            "what is known to be skewed, and nothing else; it costs precision: "
            (grouped(base.reports)) " reports then tell as much as "
            strong { (numbers::total(base.effective)) } " equally weighted ones." (small(base))
        }
        dl.facts {
            dt { "Published at" }
            dd {
                @for (place, source) in reweighted.source.iter().enumerate() {
                    @if place > 0 { ", " }
                    (words::link(source, &name(source)))
                }
            }
            dt { "Fitting" }
            dd {
                @if reweighted.converged { "converged" } @else { strong.warn { "did not converge" } }
                " in " (counted(u64::from(reweighted.iterations), "round"))
                "; the largest difference that is left is "
                @if reweighted.worst < 1e-4 { "under 0.01%" } @else { (numbers::percent(reweighted.worst)) }
            }
            dt { "Trimmed" }
            dd { (counted(reweighted.trimmed, "report")) " whose weight would have been too large" }
            @if empty > 0 {
                dt { "Empty" }
                dd {
                    (counted(empty as u64, "published part")) " of which no report came: that share went "
                    "to the others in their proportions"
                }
            }
        }
        @for margin in &reweighted.margins {
            @let table = html! {
                table.chart {
                    caption { "Shares of " code { (name(&margin.of)) } }
                    thead {
                        tr {
                            th scope="col" { "Category" }
                            th.number scope="col" { "Reports" }
                            th.number scope="col" { "Before" }
                            th.number scope="col" { "Published" }
                            th.number scope="col" { "After" }
                        }
                    }
                    tbody {
                        @for category in &margin.categories {
                            tr {
                                th scope="row" {
                                    (name(&category.label))
                                    @if category.reports == 0 { " " span.mark.warn { "empty" } }
                                }
                                td.number { (grouped(category.reports)) }
                                td.number { (numbers::percent(category.before)) }
                                td.number { (numbers::percent(category.wanted)) }
                                td.number { (numbers::percent(category.after)) }
                            }
                        }
                    }
                }
            };
            (layout::wide(&draw::plain(&format!("Table: shares of {}", margin.of)), &table))
        }
    }
}

/// The parts of a chart, each in a fold of its own.
pub(super) fn folds(
    program: &str,
    figure: &Figure,
    week: (jiff::civil::Date, &str),
    limit: Limit,
    open: bool,
) -> Markup {
    let (date, days) = week;
    let form = if open { Form::Csv } else { Form::Page };
    let whole = address::chart(program, Weeks::One(date), &figure.id, form);
    html! {
        @for part in &figure.by {
            details open[open] {
                summary { "By " (name_of(part.dimension)) }
                (breakdown(figure, part, days, limit, &whole))
            }
        }
        @for each in &figure.reweighted {
            details open[open] {
                summary { "How it was reweighted: " (name(&each.title)) }
                (reweighted(each))
            }
        }
    }
}
