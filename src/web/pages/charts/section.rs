//! One chart on a page: its picture, table, origin and files.

use super::address::{self, Form, Weeks};
use super::tables::{self, name};
use super::{jump, parts};
use crate::aggregate::figure::{
    Base, Definition, DefinitionsSource, Figure, Kind, ProgramCharts, WeekCharts,
};
use crate::charts::counter::chart_of;
use crate::web::draw::{self, Picture};
use crate::web::numbers;
use crate::web::numbers::counted;
use crate::web::pages::counters::address as counter_address;
use crate::web::pages::words;
use maud::{Markup, html};

/// A table with up to this many rows is expanded initially.
const OPEN: usize = 12;

/// The days of a week in words.
pub(super) fn days(week: &WeekCharts) -> String {
    numbers::week(week.first_day, week.week)
}

/// Whether a week's figures may still change.
pub(super) fn completeness(complete: bool) -> Markup {
    html! {
        @match complete {
            true => span.mark.good { "final" },
            false => span.mark.warn title="Reports of this week may still arrive" { "provisional" },
        }
    }
}

/// The picture of a chart, with an id that is unique on the page.
pub(super) fn picture(picture: &Picture, id: &str, title: &str) -> Markup {
    html! { figure.drawing { (draw::inline(picture, id, title)) } }
}

/// A chart on a page with several. `drawn` is its picture.
pub(super) fn section(
    week: &WeekCharts,
    charts: &ProgramCharts,
    figure: &Figure,
    drawn: &Picture,
    index: usize,
) -> Markup {
    let program = charts.program.as_str();
    let weeks = Weeks::One(week.week);
    let page = address::chart(program, weeks, &figure.id, Form::Page);
    let days = days(week);
    html! {
        section.chart aria-labelledby={ "chart-" (index) } {
            h2 id={ "chart-" (index) } { a href=(page) { (name(&figure.title)) } }
            (jump::sentence(figure.jump.map(|jump| (jump::Of::Chart, jump))))
            (remarks(figure))
            (picture(drawn, &format!("p{index}"), &figure.title))
            @if figure.base.reports > 0 {
                details open[figure.rows.len() <= OPEN] {
                    summary { "Table" }
                    (tables::rows(figure, &days, week.confidence, tables::EXCERPT, &page))
                }
            }
            (parts::folds(program, figure, (week.week, &days, week.confidence), tables::EXCERPT, false))
            (facts(week, program, figure))
        }
    }
}

/// Remarks above a chart's picture.
pub(super) fn remarks(figure: &Figure) -> Markup {
    html! {
        @if let Some(description) = &figure.description { p { (name(description)) } }
        @if !figure.collected || (figure.base.reports > 0 && draw::is_small(&figure.base)) {
            p {
                @if !figure.collected { span.mark { "no longer collected" } " " }
                (tables::small(&figure.base))
            }
        }
        @if figure.kind == Kind::Timeseries {
            p.note { "The picture shows the weeks up to this one; the table is only about this week." }
        }
    }
}

/// The numbers behind a chart, where it is defined, and its files.
pub(super) fn facts(week: &WeekCharts, program: &str, figure: &Figure) -> Markup {
    let weeks = Weeks::One(week.week);
    let file = |form| address::chart(program, weeks, &figure.id, form);
    html! {
        dl.facts.chart {
            (origins(week, program, figure))
            dt { "Download" }
            dd.files {
                a href=(file(Form::Csv)) download { "CSV" } " "
                a href=(file(Form::Json)) { "JSON" } " "
                a href=(file(Form::Svg)) { "SVG" } " "
                a href=(file(Form::Png)) { "PNG" }
            }
        }
    }
}

/// Whether every installation was asked for its report, so that each report stands for one.
pub(super) fn all_asked(base: &Base) -> bool {
    base.reports > 0 && (base.total - base.reports as f64).abs() < 1e-6 * base.total
}

/// How many reports a chart is based on, and for how many installations they stand.
pub(super) fn basis(base: &Base) -> Markup {
    html! {
        (counted(base.reports, "report"))
        @if all_asked(base) {
            ": every installation was asked"
        } @else if base.reports > 0 {
            ", for an estimated " (numbers::installations(base.total))
        }
    }
}

/// The numbers behind a chart, and where it is defined.
pub(super) fn origins(week: &WeekCharts, program: &str, figure: &Figure) -> Markup {
    html! {
        dt { "Based on" }
        dd {
            (basis(&figure.base))
            @if (figure.base.effective - figure.base.reports as f64).abs() >= 0.5 {
                "; they are worth " (numbers::total(figure.base.effective))
                " equally weighted ones"
            }
        }
        @if let Some(counter) = &figure.counter {
            dt { "Counter" }
            dd {
                (counter_link(program, counter, figure.collected))
                @if let Some(over) = &figure.over { ", over " (counter_link(program, over, figure.collected)) }
            }
        }
        @if !figure.rates.is_empty() {
            dt { "Sampling rate" }
            dd {
                @for (index, rate) in figure.rates.iter().enumerate() {
                    @if index > 0 { "; " }
                    (numbers::rate(rate.rate)) " under " (config(&rate.config))
                    " (" (counted(rate.reports, "report")) ")"
                }
            }
        }
        @if let Some(definition) = &figure.definition {
            dt { "Definition" }
            dd { (defined(&week.definitions, definition)) }
        }
        @if !figure.issue.is_empty() {
            dt { "Discussion" }
            dd {
                @for (index, issue) in figure.issue.iter().enumerate() {
                    @if index > 0 { ", " }
                    (words::link(issue, &name(issue)))
                }
            }
        }
    }
}

/// A config, with a link to its page.
fn config(version: &str) -> Markup {
    let is_version = version.parse::<crate::gomod::ModuleVersion>().is_ok();
    html! {
        "config "
        @match is_version {
            true => a href={ "/config/" (version) } { (version) },
            false => (name(version)),
        }
    }
}

/// A counter expression, with a link to the page of its counters.
fn counter_link(program: &str, expression: &str, has_page: bool) -> Markup {
    let named = match expression.contains('{') {
        true => chart_of(expression),
        false => expression,
    };
    let address = counter_address::counter(program, named).filter(|_| has_page);
    html! {
        @match address {
            Some(address) => a href=(address) { code { (name(expression)) } },
            None => code { (name(expression)) },
        }
    }
}

fn defined(source: &DefinitionsSource, definition: &Definition) -> Markup {
    let Definition { file, line, added, added_on } = definition;
    html! {
        (words::place(&source.repository, &source.commit, file, *line))
        ", added on " time datetime=(added_on) { (added_on) } " by "
        (words::commit(&source.repository, added))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_called_an_estimate_where_every_installation_was_asked() {
        let of = |reports: u64, total: f64| {
            basis(&Base { reports, total, effective: reports as f64 }).into_string()
        };
        assert_eq!(of(1_016, 1_016.0), "1,016 reports: every installation was asked");
        assert_eq!(of(10, 100.0), "10 reports, for an estimated 100 installations");
        assert_eq!(of(0, 0.0), "0 reports");
    }
}
