//! Which charts retired with a config, and which will next.

use super::charts;
use super::layout;
use super::words;
use crate::gomod::ModuleVersion;
use crate::publish::{Catalogue, CatalogueChart, Retirement, Retirements};
use crate::web::draw;
use jiff::civil::Date;
use maud::{Markup, html};

/// A warning, if it is not known what retired.
pub(super) fn warning(retired: &Retirements) -> Markup {
    html! {
        @if retired.incomplete { p.warn { "Which charts retired cannot be read at the moment." } }
    }
}

/// What retired with a version, as a list; nothing if nothing did.
pub(super) fn list(retired: &Retirements, version: ModuleVersion) -> Markup {
    let own = || retired.charts.iter().filter(|one| one.version == version);
    html! {
        @if own().next().is_some() {
            ul.changes { @for one in own() { li { (sentence(one)) } } }
        }
    }
}

fn sentence(retirement: &Retirement) -> Markup {
    let Retirement { since, chart, .. } = retirement;
    html! {
        "“" (text(&chart.title)) "” of " code { (chart.program) } " retired on " (day(*since))
        @match retirement.last_day() {
            Some(last) => { ": its last day was " (day(last)) },
            None => ": its definition was removed",
        }
        (words::discussions(&chart.issue))
    }
}

/// Whether any chart has a last day.
pub(super) fn any_retires(catalogue: &Catalogue) -> bool {
    catalogue.charts.iter().any(|chart| chart.expires.is_some())
}

/// The charts that have a last day, the first to retire first.
pub(super) fn next(catalogue: &Catalogue) -> Markup {
    let mut charts: Vec<(Date, &CatalogueChart)> =
        catalogue.charts.iter().filter_map(|chart| Some((chart.expires?, chart))).collect();
    charts.sort_by_key(|(last, _)| *last);
    let table = html! {
        table {
            caption { "The charts that have a last day" }
            thead { tr {
                th scope="col" { "Last day" } th scope="col" { "Chart" } th scope="col" { "Program" }
            } }
            tbody {
                @for (last, chart) in &charts {
                    tr {
                        th scope="row" { (day(*last)) }
                        td { (text(&chart.title)) (words::discussions(&chart.issue)) }
                        td { (charts::path(&chart.program)) }
                    }
                }
            }
        }
    };
    html! {
        h2 id="retires" { "What retires next" }
        @if charts.is_empty() {
            p { "No chart has a last day: each is collected until its definition is removed." }
        } @else {
            p {
                "After its last day, what only this chart needs leaves the config by itself. Charts that are not here "
                "are collected until their definition is removed."
            }
            (layout::wide("The charts that have a last day", &table))
        }
    }
}

fn text(text: &str) -> Markup {
    html! { bdi { (draw::plain(text)) } }
}

fn day(day: Date) -> Markup {
    html! { time datetime=(day) { (day) } }
}
