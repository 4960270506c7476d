//! `/counters/` and `/counters/PROGRAM/`: what programs may report, as an index.

use super::address;
use super::listed::{self, Group, Listed};
use crate::collection::CollectionConfig;
use crate::collection::config::ProgramConfig;
use crate::gomod::ModuleVersion;
use crate::publish::{Catalogue, CatalogueChart};
use crate::web::draw;
use crate::web::numbers::counted;
use crate::web::pages::{charts, layout};
use maud::{Markup, html};
use std::collections::HashMap;

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

/// How many counters and stack counters there are.
fn numbers_of(program: &ProgramConfig) -> (u64, u64) {
    let stacks = program.stacks.len();
    ((listed::all(program).count() - stacks) as u64, stacks as u64)
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
                            p { (in_words(numbers_of(program))) }
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

/// The page of a program. `pages` are the addresses of its charts by ID.
pub(super) fn one(
    version: ModuleVersion,
    program: &ProgramConfig,
    catalogue: Option<&Catalogue>,
    pages: &HashMap<String, String>,
) -> Markup {
    let name = program.name.as_str();
    let table = table(program, listed::groups(program).as_slice(), catalogue, pages);
    html! {
        h1 { "What " (charts::path(name)) " may report" }
        p.lead {
            (in_words(numbers_of(program))) ", under config " a href={ "/config/" (version) } { (version) }
            ". Each has a page with its reason, who asked for it, and how many reports have it."
        }
        nav.pages aria-label="This program" {
            @if !pages.is_empty() { a href=(charts::program(name)) { "Its charts" } }
            a href="/counters/" { "All programs" }
            a href={ (address::program(name)) "index.json" } { "This list as JSON" }
        }
        @if program.counters.is_empty() && program.stacks.is_empty() {
            p { "Only that it ran; none of its counters." }
        } @else {
            (table)
        }
    }
}

/// Some groups of counters as a table.
pub(super) fn table(
    program: &ProgramConfig,
    groups: &[Group],
    catalogue: Option<&Catalogue>,
    pages: &HashMap<String, String>,
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
    let mut rates: Vec<&str> = counters.iter().map(|counter| counter.percent.as_str()).collect();
    rates.dedup();
    match rates.as_slice() {
        [one] => html! { (one) },
        [first, .., last] => html! { (first) " … " (last) },
        [] => html! {},
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
    pages: &HashMap<String, String>,
) -> Markup {
    html! {
        @for (index, chart) in charts_of(catalogue, program, group).into_iter().enumerate() {
            @if index > 0 { br; }
            @match pages.get(&chart.id) {
                Some(page) => a href=(page) { bdi { (draw::plain(&chart.title)) } },
                None => bdi { (draw::plain(&chart.title)) },
            }
        }
    }
}
