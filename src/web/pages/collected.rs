//! Everything that a report may contain under a config, in tables.

use super::{layout, words};
use crate::collection::config::{CollectionConfig, ProgramConfig};
use crate::collection::expand;
use crate::collection::frame::OTHER_PACKAGES;
use crate::publish::{Catalogue, CatalogueChart};
use crate::web::numbers;
use maud::{Markup, html};
use std::collections::HashMap;

/// The charts of a catalogue, by the counters that they use.
#[derive(Debug, Default)]
pub(super) struct ChartsByCounter<'a> {
    /// The repository and commit of the definitions.
    defined: Option<(&'a str, &'a str)>,
    charts: HashMap<(&'a str, String), Vec<&'a CatalogueChart>>,
}

impl<'a> ChartsByCounter<'a> {
    /// The charts of a catalogue, if there is one.
    pub(super) fn new(catalogue: Option<&'a Catalogue>) -> ChartsByCounter<'a> {
        let mut charts: HashMap<_, Vec<_>> = HashMap::new();
        for chart in catalogue.into_iter().flat_map(|catalogue| &catalogue.charts) {
            for name in expand(&chart.counter).chain(chart.over.clone()) {
                charts.entry((chart.program.as_str(), name)).or_default().push(chart);
            }
        }
        let defined = catalogue.map(|c| (c.repository.as_str(), c.commit.as_str()));
        ChartsByCounter { defined, charts }
    }

    /// The charts that use any of these counters of a program, each once.
    fn of(&self, program: &'a str, names: impl Iterator<Item = String>) -> Vec<&'a CatalogueChart> {
        let mut charts: Vec<&CatalogueChart> = Vec::new();
        for chart in names.filter_map(|name| self.charts.get(&(program, name))).flatten() {
            if !charts.iter().any(|known| std::ptr::eq(*known, *chart)) {
                charts.push(chart);
            }
        }
        charts
    }

    /// Titles of charts, linked to their definitions and to the discussions in which they were accepted.
    fn titles(&self, charts: &[&CatalogueChart]) -> Markup {
        let definition = |chart: &CatalogueChart| {
            let (repository, commit) = self.defined?;
            words::file_address(repository, commit, &chart.file, chart.line)
        };
        html! {
            @for (index, chart) in charts.iter().enumerate() {
                @if index > 0 { br; }
                @match definition(chart) {
                    Some(address) => (words::link(&address, &html! { (chart.title) })),
                    None => (chart.title),
                }
                @for (index, issue) in chart.issue.iter().enumerate() {
                    @if index == 0 { " (" } @else { ", " }
                    (words::link(issue, &html! {
                        "discussion" @if chart.issue.len() > 1 { " " (index + 1) }
                    }))
                    @if index + 1 == chart.issue.len() { ")" }
                }
            }
        }
    }
}

/// The operating systems, architectures and toolchains that reports may come from.
pub(super) fn environments(config: &CollectionConfig) -> Markup {
    html! {
        dl.facts {
            dt { "Operating systems" } dd { (names(&config.goos)) }
            dt { "Architectures" } dd { (names(&config.goarch)) }
            dt { "Toolchains" } dd { (names(&config.go_version)) }
        }
    }
}

/// Every program with its versions, counters and stacks, under `h2` headings.
pub(super) fn programs(
    config: &CollectionConfig,
    charts_by_counter: &ChartsByCounter<'_>,
) -> Markup {
    html! { @for program in &config.programs { (self::program(program, charts_by_counter)) } }
}

fn program(program: &ProgramConfig, charts_by_counter: &ChartsByCounter<'_>) -> Markup {
    let asked = !charts_by_counter.charts.is_empty();
    let label = format!("What {} may report", program.name);
    let table = html! {
        table.full {
            caption {
                "How often each counter is included in a report, if the program counted it at all."
            }
            thead { tr {
                th scope="col" { "Counter" }
                @if asked { th scope="col" { "Asked for by" } }
                th.number scope="col" { "In reports" }
            } }
            tbody {
                @for counter in &program.counters {
                    tr {
                        th scope="row" { ul.names {
                            @for name in expand(&counter.name) { li { code { (name) } } }
                        } }
                        @if asked { td { (charts_by_counter.titles(&charts_by_counter.of(&program.name, expand(&counter.name)))) } }
                        td.number { (counter.rate.percent()) }
                    }
                }
                @for stack in &program.stacks {
                    tr {
                        th scope="row" {
                            code { (stack.name) }
                            " with the stack below it, at most "
                            span.depth { (stack.depth) } @if stack.depth == 1 { " frame" } @else { " frames" }
                            ": names of functions and "
                            "line numbers, never values"
                            (packages(&charts_by_counter.of(&program.name, std::iter::once(stack.name.clone()))))
                        }
                        @if asked {
                            td { (charts_by_counter.titles(&charts_by_counter.of(&program.name, std::iter::once(stack.name.clone())))) }
                        }
                        td.number { (stack.rate.percent()) }
                    }
                }
            }
        }
    };
    html! {
        h2 { code { (program.name) } }
        dl.facts { dt { "Versions" } dd { (names(&program.versions)) } }
        @if program.counters.is_empty() && program.stacks.is_empty() {
            p { "Only that it ran; none of its counters." }
        } @else {
            (layout::wide(&label, &table))
        }
    }
}

/// The packages whose functions a stack may name, if its chart lists them.
fn packages(charts: &[&CatalogueChart]) -> Markup {
    let listed = charts.iter().find(|chart| !chart.packages.is_empty());
    html! {
        @if let Some(chart) = listed {
            ". Only functions of these packages are named; others are stored as "
            code { (OTHER_PACKAGES) } ": " (names(&chart.packages))
        }
    }
}

/// A list of names, collapsed if it is long.
fn names(names: &[String]) -> Markup {
    let all = html! { ul.names { @for name in names { li { code { (name) } } } } };
    match names {
        [] => html! { "none" },
        [first, .., last] if names.len() > 24 => html! {
            details {
                summary {
                    (numbers::grouped(names.len() as u64)) ", from " code { (first) } " to " code { (last) }
                }
                (all)
            }
        },
        _ => all,
    }
}
