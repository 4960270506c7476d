//! `/charts/PROGRAM/@WEEK..WEEK/`: charts over weeks.

use super::address::{self, Form, Weeks};
use super::jump;
use super::program::range_form;
use super::programs::week_of;
use super::section::picture;
use super::tables::{self, name, value_cell};
use super::trend::OverWeeks;
use crate::web::draw::{self, Measure, Picture};
use crate::web::numbers;
use crate::web::numbers::{counted, grouped};
use crate::web::pages::layout;
use jiff::civil::Date;
use maud::{Markup, html};

/// The columns of a table on a page with several.
pub(super) const COLUMNS: usize = 8;
/// The columns of a table on a page of its own.
pub(super) const ALL_COLUMNS: usize = 60;

/// A chart over weeks, with its heading.
pub(super) struct Charted<'a> {
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    pub(super) over: OverWeeks<'a>,
    pub(super) picture: Picture,
}

/// A note that is on all pages with values of several weeks.
fn no_pooling() -> Markup {
    html! {
        p.note {
            "Each week is estimated separately, and weeks are not added up: an installation may report every "
            "week, so the reports of many weeks are not independent, and an interval based on all of them "
            "would be too narrow."
        }
    }
}

/// All charts of a program over weeks.
pub(super) fn program(
    program: &str,
    (from, to): (Date, Date),
    charts: &[Charted],
    confidence: f64,
    weeks: &[Date],
) -> Markup {
    let range = Weeks::Range(from, to);
    html! {
        h1 { (tables::path(program)) }
        p.lead { "From the week of " (week_of(from)) " to the week of " (week_of(to)) "." }
        (no_pooling())
        (jump::anyone_can_send())
        nav.pages aria-label="Weeks" {
            a href=(address::week(program, Weeks::One(to))) { "The last of these weeks" }
            a href=(address::program(program)) { "The newest week" }
        }
        @for (index, charted) in charts.iter().enumerate() {
            @let page = address::chart(program, range, charted.id, Form::Page);
            section.chart aria-labelledby={ "chart-" (index) } {
                h2 id={ "chart-" (index) } { a href=(page) { (name(charted.title)) } }
                (picture(&charted.picture, &format!("p{index}"), charted.title))
                details {
                    summary { "Table" }
                    (table(program, charted, confidence, COLUMNS, &page))
                }
                (files(program, range, charted.id))
            }
        }
        (range_form(program, weeks, to))
    }
}

/// One chart over weeks.
pub(super) fn chart(
    program: &str,
    (from, to): (Date, Date),
    charted: &Charted,
    confidence: f64,
) -> Markup {
    let range = Weeks::Range(from, to);
    html! {
        h1 { (name(charted.title)) }
        p.lead {
            (name(program)) ", from the week of " (week_of(from)) " to the week of " (week_of(to)) "."
        }
        (no_pooling())
        nav.pages aria-label="Weeks" {
            a href=(address::chart(program, Weeks::One(to), charted.id, Form::Page)) {
                "The last of these weeks"
            }
            a href=(address::week(program, range)) { "All charts of these weeks" }
        }
        (picture(&charted.picture, "p", charted.title))
        (jump::anyone_can_send())
        (files(program, range, charted.id))
        h2 { "Table" }
        @let csv = address::chart(program, range, charted.id, Form::Csv);
        (table(program, charted, confidence, ALL_COLUMNS, &csv))
    }
}

fn files(program: &str, range: Weeks, id: &str) -> Markup {
    html! {
        dl.facts.chart {
            dt { "Download" }
            dd.files {
                a href=(address::chart(program, range, id, Form::Csv)) download { "CSV" } " "
                a href=(address::chart(program, range, id, Form::Svg)) { "SVG" }
            }
        }
    }
}

fn table(program: &str, charted: &Charted, confidence: f64, columns: usize, whole: &str) -> Markup {
    let OverWeeks { weeks, figures, trend, jumps } = &charted.over;
    let (shown, left_out) = trend.largest(columns);
    let quotient = trend.measure == Measure::Quotient;
    let percent = numbers::confidence(confidence);
    let table = html! {
        table.chart {
            caption {
                (name(charted.title)) ": " @if quotient { "medians" } @else { "shares of reports" }
                " with their " (percent) " intervals, one row per week"
            }
            thead {
                tr {
                    th scope="col" { "Week" }
                    th.number scope="col" { "Reports" }
                    @for series in &shown { th.number scope="col" { (name(&series.label)) } }
                }
            }
            tbody {
                @for (index, (week, figure)) in weeks.iter().zip(figures).enumerate().rev() {
                    tr {
                        th.nowrap scope="row" {
                            @match figure {
                                None => (week_of(*week)),
                                Some(_) => {
                                    a href=(address::chart(program, Weeks::One(*week), charted.id, Form::Page)) {
                                        (week_of(*week))
                                    }
                                }
                            }
                        }
                        td.number {
                            @match figure { None => "–", Some(figure) => (grouped(figure.base.reports)) }
                            @if let Some(jump) = jumps.get(index).and_then(Option::as_ref) {
                                br; (jump::mark_beside(jump, figure.map(|figure| figure.base.reports)))
                            }
                        }
                        @for series in &shown {
                            (value_cell(series.points.get(index).and_then(Option::as_ref), quotient))
                        }
                    }
                }
            }
        }
    };
    html! {
        (layout::wide(&draw::plain(&format!("Table: {} over weeks", charted.title)), &table))
        p.note {
            "– : no charts of that week, nothing collected, or nothing counted."
            @if left_out > 0 {
                " " (counted(left_out as u64, "smaller row")) " more: " a href=(whole) { "all of them" } "."
            }
        }
    }
}
