//! `/counters/` and `/counters/PROGRAM/`: what programs may report, as an index.

use super::address;
use super::listed::{self, Group, Listed};
use super::paging::Page;
use crate::collection::CollectionConfig;
use crate::collection::config::ProgramConfig;
use crate::gomod::ModuleVersion;
use crate::publish::{Catalogue, CatalogueChart};
use crate::web::draw;
use crate::web::numbers::counted;
use crate::web::pages::charts::{self, ChartPages};
use crate::web::pages::layout;
use maud::{Markup, html};

/// More names than this are folded.
const UNFOLDED: usize = 24;

/// A name from outside.
pub(super) fn code(name: &str) -> Markup {
    html! { code { bdi { (draw::plain(name)) } } }
}

/// A counter's name, linked to its page if it has one.
pub(super) fn linked(program: &str, name: &str, shown: &str) -> Markup {
    match address::counter(program, name) {
        Some(page) => html! { a href=(page) { (code(shown)) } },
        None => code(shown),
    }
}

fn in_words((counters, stacks): (u64, u64)) -> Markup {
    html! {
        (counted(counters, "counter"))
        @if stacks > 0 { " and " (counted(stacks, "stack counter")) }
    }
}

/// The page of all programs.
pub(super) fn all(version: Option<ModuleVersion>, config: Option<&CollectionConfig>) -> Markup {
    html! {
        h1 { "Counters and stacks" }
        @match (version, config) {
            (Some(version), Some(config)) => {
                p.lead {
                    "What programs may report under the newest config, "
                    a href={ "/config/" (version) } { (version) }
                    ": each counter with its reason, who asked for it, and how many reports have it."
                }
                ul.cards {
                    @for program in &config.programs {
                        li.card {
                            h2 {
                                a href=(address::program(&program.name)) { (charts::path(&program.name)) }
                            }
                            p { (in_words(listed::numbers(program))) }
                        }
                    }
                }
                @if config.programs.is_empty() { p { "No program may report anything." } }
                p {
                    a href="/charts/@all" { "Find a counter by its name" }
                    ", or read the whole list on the " a href="/privacy" { "privacy page" } "."
                }
            }
            _ => p.lead { "Nothing is collected: no config has been published yet." },
        }
    }
}

/// The page of a program, or one of several. `pages` are those of its charts.
pub(super) fn one(
    version: ModuleVersion,
    program: &ProgramConfig,
    catalogue: Option<&Catalogue>,
    pages: &ChartPages,
    page: Page,
) -> Markup {
    let name = program.name.as_str();
    let part = page.of(program);
    let table = table(program, &part.groups, catalogue, pages);
    let links = page.links(&part, &address::program(name));
    html! {
        h1 { "What " (charts::path(name)) " may report" }
        p.lead {
            (in_words(listed::numbers(program))) ", under config " a href={ "/config/" (version) } { (version) }
            ". Each has a page with its reason, who asked for it, and how many reports have it."
        }
        nav.pages aria-label="This program" {
            @if pages.are_any() { a href=(charts::program(name)) { "Its charts" } }
            a href="/counters/" { "All programs" }
            a href={ (address::program(name)) "index.json" } { "This list as JSON" }
        }
        @if program.counters.is_empty() && program.stacks.is_empty() {
            p { "Only that it ran; none of its counters." }
        } @else {
            @if !part.is_all() { (find_form(name)) }
            (links)
            (table)
            (links)
        }
    }
}

/// A form to find a counter of a program by a part of its name.
fn find_form(program: &str) -> Markup {
    html! {
        form method="get" action="/charts/@all" role="search" {
            input type="hidden" name="program" value=(program);
            input type="hidden" name="type" value="counter";
            label { "Name" input type="search" name="q"; }
            button type="submit" { "Find" }
        }
    }
}

/// Some groups of counters as a table.
pub(super) fn table(
    program: &ProgramConfig,
    groups: &[Group],
    catalogue: Option<&Catalogue>,
    pages: &ChartPages,
) -> Markup {
    let name = program.name.as_str();
    let table = html! {
        table.full.counters.cells {
            caption { "Counters, the charts that they are for, and how often they are in reports" }
            thead {
                tr {
                    th scope="col" { "Counter" }
                    th scope="col" { "For the chart" }
                    th.number scope="col" { "In reports" }
                }
            }
            tbody {
                @for group in groups {
                    tr {
                        th scope="row" { (counters(name, group)) }
                        td data-label="For the chart" { (asked_by(catalogue, name, group, pages)) }
                        td.number data-label="In reports" { (rates(&group.counters)) }
                    }
                }
            }
        }
    };
    layout::wide("Table of counters", &table)
}

fn counters(program: &str, group: &Group) -> Markup {
    let names = html! {
        ul.names {
            @for counter in &group.counters {
                @let prefix = group.chart.len();
                @let bucket = counter.name.get(prefix..).and_then(|rest| rest.strip_prefix(':'));
                li { (linked(program, &counter.name, bucket.unwrap_or(&counter.name))) }
            }
        }
    };
    match group.counters.as_slice() {
        [one] => html! {
            (linked(program, &one.name, &one.name))
            @if one.depth.is_some() { " with the stack below it" }
        },
        several if several.len() > UNFOLDED => html! {
            details { summary { (code(&group.chart)) ": " (counted(several.len() as u64, "counter")) } (names) }
        },
        _ => html! { (linked(program, &group.chart, &group.chart)) ":" (names) },
    }
}

fn rates(counters: &[Listed]) -> Markup {
    let rates = counters.iter().map(|counter| counter.rate);
    let (first, last) = (rates.clone().next(), rates.clone().next_back());
    let are_equal = rates
        .clone()
        .zip(rates.skip(1))
        .all(|(one, next)| one == next || one.percent() == next.percent());
    html! {
        @match (first, last) {
            (Some(one), _) if are_equal => (one.percent()),
            (Some(first), Some(last)) => { (first.percent()) " … " (last.percent()) }
            _ => {}
        }
    }
}

/// The charts of a group's counters, each once.
pub(super) fn charts_of<'c>(
    catalogue: Option<&'c Catalogue>,
    program: &str,
    group: &Group,
) -> Vec<&'c CatalogueChart> {
    let names = group.counters.iter().map(|counter| counter.name.as_str());
    catalogue.map(|catalogue| catalogue.asked_by(program, names)).unwrap_or_default()
}

fn asked_by(
    catalogue: Option<&Catalogue>,
    program: &str,
    group: &Group,
    pages: &ChartPages,
) -> Markup {
    html! {
        @for (index, chart) in charts_of(catalogue, program, group).into_iter().enumerate() {
            @if index > 0 { br; }
            @match pages.of(&chart.id) {
                Some(page) => a href=(page) { bdi { (draw::plain(&chart.title)) } },
                None => bdi { (draw::plain(&chart.title)) },
            }
        }
    }
}
