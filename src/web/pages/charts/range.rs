//! `/charts/PROGRAM/@WEEK..WEEK/@all` and one chart of it: charts over weeks.

use super::address::{self, Form, Weeks};
use super::jump;
use super::paging::Page;
use super::program::range_form;
use super::programs::week_of;
use super::section::picture;
use super::tables::{self, name, value_cell};
use super::trend::OverWeeks;
use crate::web::chart_cache::LoadedWeek;
use crate::web::draw::{self, Measure, Picture};
use crate::web::numbers;
use crate::web::numbers::{counted, grouped};
use crate::web::pages::layout;
use jiff::civil::Date;
use maud::{Markup, html};
use std::sync::Arc;

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

impl<'a> Charted<'a> {
    /// A chart over these weeks, drawn.
    pub(super) fn new(
        days: &[Date],
        weeks: &'a [Arc<LoadedWeek>],
        program: &str,
        id: &'a str,
        title: &'a str,
    ) -> Charted<'a> {
        let over = OverWeeks::new(days, weeks, program, id);
        let confidence = weeks.last().map_or(0.99, |week| week.charts().confidence);
        let picture = over.picture(confidence);
        Charted { id, title, over, picture }
    }
}

/// Some of a program's charts over weeks.
pub(super) struct Many<'a> {
    /// Those of a page.
    pub(super) charts: &'a [Charted<'a>],
    /// The last of the weeks in which the program has charts.
    pub(super) last: Option<Date>,
    /// The page.
    pub(super) page: Page,
    /// How many charts there are on all pages.
    pub(super) all: usize,
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

/// The title of a page about some weeks.
pub(super) fn title(program: &str, chart: Option<&str>, (from, to): (Date, Date)) -> String {
    let days = format!("{} to {}", week_of(from), week_of(to));
    match chart {
        Some(chart) => format!("{chart} over weeks · {program}, {days}"),
        None => format!("All charts over weeks · {program}, {days}"),
    }
}

/// The last of some weeks that has charts, of those that have.
fn last_of(over: &OverWeeks<'_>) -> Option<Date> {
    let mut charted = over.weeks.iter().zip(&over.figures).filter(|(_, figure)| figure.is_some());
    charted.next_back().map(|(week, _)| *week)
}

/// A note on weeks that may still change. `provisional` are all of them, newest first.
fn may_change(provisional: &[Date], (from, to): (Date, Date)) -> Markup {
    let within: Vec<Date> =
        provisional.iter().copied().filter(|week| (from..=to).contains(week)).collect();
    html! {
        @if let Some(first) = within.last() {
            p.note {
                span.mark.warn { "provisional" } " "
                @match within.len() {
                    1 => { "The week of " (week_of(*first)) " is" }
                    _ => { "The weeks from " (week_of(*first)) " on are" }
                }
                " provisional: reports may still arrive and change the figures."
            }
        }
    }
}

/// All charts of a program over weeks, or a page of them.
pub(super) fn program(
    program: &str,
    (from, to): (Date, Date),
    Many { charts, last, page, all }: &Many<'_>,
    confidence: f64,
    weeks: &[Date],
    provisional: &[Date],
) -> Markup {
    let range = Weeks::Range(from, to);
    let links = page.links(*all, &format!("{}@all", address::week(program, range)));
    html! {
        h1 { (tables::path(program)) }
        p.lead { "From the week of " (week_of(from)) " to the week of " (week_of(to)) "." }
        (may_change(provisional, (from, to)))
        (no_pooling())
        (jump::anyone_can_send())
        nav.pages aria-label="Weeks" {
            @if let Some(last) = last {
                a href=(address::week(program, Weeks::One(*last))) {
                    "The last of these weeks: " (week_of(*last))
                }
            }
            a href=(address::program(program)) { "The newest week" }
        }
        (links)
        @for (index, charted) in charts.iter().enumerate() {
            @let page = address::chart(program, range, charted.id, Form::Page);
            section.chart aria-labelledby={ "chart-" (index) } {
                h2 id={ "chart-" (index) } { a href=(page) { (name(charted.title)) } }
                (picture(&charted.picture, &format!("p{index}"), charted.title))
                details {
                    summary { "Table" }
                    (table(program, charted, confidence, COLUMNS, &page, provisional))
                }
                (files(program, range, charted.id))
            }
        }
        (links)
        (range_form(program, weeks, to))
    }
}

/// One chart over weeks.
pub(super) fn chart(
    program: &str,
    (from, to): (Date, Date),
    charted: &Charted,
    confidence: f64,
    provisional: &[Date],
) -> Markup {
    let range = Weeks::Range(from, to);
    html! {
        p.over { a href=(address::program(program)) { (tables::path(program)) } }
        h1 { (name(charted.title)) }
        p.lead { "From the week of " (week_of(from)) " to the week of " (week_of(to)) "." }
        (may_change(provisional, (from, to)))
        nav.pages aria-label="Weeks" {
            @if let Some(last) = last_of(&charted.over) {
                a href=(address::chart(program, Weeks::One(last), charted.id, Form::Page)) {
                    "The last of these weeks: " (week_of(last))
                }
            }
            a href=(address::week(program, range)) { "All charts of these weeks" }
        }
        (picture(&charted.picture, "p", charted.title))
        (jump::anyone_can_send())
        (files(program, range, charted.id))
        h2 { "Table" }
        @let csv = address::chart(program, range, charted.id, Form::Csv);
        (table(program, charted, confidence, ALL_COLUMNS, &csv, provisional))
        (no_pooling())
    }
}

fn files(program: &str, range: Weeks, id: &str) -> Markup {
    html! {
        dl.facts.chart {
            dt { "Download" }
            dd.files {
                a href=(address::chart(program, range, id, Form::Csv)) download { "CSV" } " "
                a href=(address::chart(program, range, id, Form::Json)) { "JSON" } " "
                a href=(address::chart(program, range, id, Form::Svg)) { "SVG" } " "
                a href=(address::chart(program, range, id, Form::Png)) { "PNG" }
            }
        }
    }
}

fn table(
    program: &str,
    charted: &Charted,
    confidence: f64,
    columns: usize,
    whole: &str,
    provisional: &[Date],
) -> Markup {
    let OverWeeks { weeks, figures, trend, jumps, .. } = &charted.over;
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
                            @if figure.is_some() && provisional.contains(week) {
                                br; span.mark.warn { "provisional" }
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
