//! A chart's parts (by version, platform, toolchain) and its reweightings, as collapsible tables.

use super::address::{self, Form, Weeks};
use super::tables::{Limit, median_cell, more, name, none_of, quantile, small, value_cell};
use crate::aggregate::chart_csv::name_of;
use crate::aggregate::figure::{
    Breakdown, Dimension, Figure, Group, Kind, Rest, Reweighted, Row, SLICE_ROWS, SLICES,
};
use crate::web::draw;
use crate::web::numbers;
use crate::web::numbers::{counted, grouped};
use crate::web::pages::layout;
use crate::web::pages::words;
use maud::{Markup, html};

fn dimension(dimension: Dimension) -> (&'static str, &'static str) {
    match dimension {
        Dimension::Version => ("version", "Version"),
        Dimension::Platform => ("platform", "Platform"),
        Dimension::Toolchain => ("toolchain", "Toolchain"),
    }
}

/// A chart by version, by platform or by toolchain.
pub(super) fn breakdown(
    figure: &Figure,
    breakdown: &Breakdown,
    (week, confidence): (&str, f64),
    limit: Limit,
    whole: &str,
) -> Markup {
    let (by, heading) = dimension(breakdown.dimension);
    let rows = draw::in_reading_order(figure, &figure.rows);
    let columns: Vec<&Row> = rows.into_iter().take(limit.columns).collect();
    let (few, groups): (Vec<&Group>, Vec<&Group>) =
        breakdown.groups.iter().partition(|group| group.base.reports < draw::FEW);
    let few_reports = few.iter().map(|group| group.base.reports).sum::<u64>();
    // Those that are not stored have as few reports, unless only so many were kept.
    let rest = breakdown.rest.unwrap_or(Rest { values: 0, reports: 0 });
    let kept: usize = groups.iter().map(|group| group.rows.len()).sum();
    let is_full = breakdown.groups.len() >= SLICES || kept + figure.rows.len() > SLICE_ROWS;
    let (others, other_reports) = (few.len() as u64 + rest.values, few_reports + rest.reports);
    let which = match is_full && rest.values > 0 {
        true => "with fewer reports than these".to_owned(),
        false => format!("with under {} reports", draw::FEW),
    };
    let quotient = figure.kind == Kind::Ratio;
    let table = html! {
        table.chart {
            caption {
                (name(&figure.title)) " by " (by) ", " (week)
                @if quotient { ": medians" } @else { ": shares" } " with their intervals"
                @if others > 0 { "; those " (which) " are one row" }
            }
            thead {
                tr {
                    th scope="col" { (heading) }
                    th.number scope="col" { "Reports" }
                    @for (row, rank) in columns.iter().zip(1..) {
                        th.number scope="col" {
                            @if figure.kind == Kind::Stack && !draw::is_rare(figure, row) { (rank) ". " }
                            (name(&draw::label_of(figure, row)))
                        }
                    }
                }
            }
            tbody {
                @for group in groups.iter().take(limit.groups) {
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
                                (_, true) => (median_cell(median)),
                                (Some(row), false) => (value_cell(Some(&row.estimate.share), false)),
                                // Groups leave out rows without reports. Of how many reports that is,
                                // is only known where all of them could have it.
                                (None, false) if column.base.is_none() => {
                                    (value_cell(Some(&none_of(&group.base, confidence)), false))
                                }
                                (None, false) => (value_cell(None, false)),
                            }
                        }
                    }
                }
                @if others > 0 {
                    tr.apart {
                        th scope="row" { (counted(others, "group")) " " (which) }
                        td.number { (grouped(other_reports)) }
                        @for _ in &columns { td.number { "–" } }
                    }
                }
            }
        }
    };
    html! {
        (layout::wide(&draw::plain(&format!("Table: {} by {by}", figure.title)), &table))
        (more(limit.groups, groups.len(), whole))
        @if figure.rows.len() > limit.columns {
            p.note {
                "The first " (limit.columns) " of " (figure.rows.len()) " columns; all are in the "
                a href=(whole) { @if whole.ends_with(".csv") { "CSV file" } @else { "whole table" } } "."
            }
        }
    }
}

/// How a chart was reweighted to published marginals.
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
            "The reports were weighted so that their shares match the published ones. This corrects only the "
            "known skew, and costs precision: "
            (grouped(base.reports)) " reports are then worth "
            strong { (numbers::total(base.effective)) } " equally weighted ones." (small(base))
        }
        dl.facts {
            dt { "Published at" }
            dd {
                @for (index, source) in reweighted.source.iter().enumerate() {
                    @if index > 0 { ", " }
                    (words::link(source, &name(source)))
                }
            }
            dt { "Fitting" }
            dd {
                @if reweighted.converged { "converged" } @else { strong.warn { "did not converge" } }
                " in " (counted(u64::from(reweighted.iterations), "round"))
                "; the largest remaining difference is "
                @if reweighted.worst < 1e-4 { "under 0.01%" } @else { (numbers::percent(reweighted.worst)) }
            }
            dt { "Trimmed" }
            dd { (counted(reweighted.trimmed, "report")) " whose weight would have been too large" }
            @if empty > 0 {
                dt { "Empty" }
                dd {
                    (counted(empty as u64, "published part")) " without any report: their share was "
                    "distributed over the others proportionally"
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

/// The parts of a chart, each collapsible.
pub(super) fn folds(
    program: &str,
    figure: &Figure,
    week: (jiff::civil::Date, &str, f64),
    limit: Limit,
    open: bool,
) -> Markup {
    let (date, days, confidence) = week;
    let form = if open { Form::Csv } else { Form::Page };
    let whole = address::chart(program, Weeks::One(date), &figure.id, form);
    html! {
        @for part in &figure.by {
            details open[open] {
                summary { "By " (name_of(part.dimension)) }
                (breakdown(figure, part, (days, confidence), limit, &whole))
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
