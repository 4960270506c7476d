//! Everything that a report may contain under a config, in tables.

use super::{layout, words};
use crate::collection::config::{CollectionConfig, ProgramConfig};
use crate::collection::frame::OTHER_PACKAGES;
use crate::collection::{count_of, expand};
use crate::publish::{Catalogue, CatalogueChart};
use crate::web::numbers;
use maud::{Markup, html};

/// Who asked for counters, by the definitions of a catalogue, if there is one.
#[derive(Debug, Clone, Copy)]
pub(super) struct WhoAsked<'a>(pub(super) Option<&'a Catalogue>);

impl<'a> WhoAsked<'a> {
    fn charts(self, program: &str, names: &[String]) -> Vec<&'a CatalogueChart> {
        let names = || names.iter().map(String::as_str);
        self.0.map(|catalogue| catalogue.asked_by(program, names())).unwrap_or_default()
    }

    /// The charts that need these counters, linked to their definitions and to the discussions in which they were
    /// accepted, and the commits that introduced the counters.
    fn cell(self, program: &str, names: &[String], stacks: bool) -> Markup {
        let Some(catalogue) = self.0 else { return html! {} };
        let repository = catalogue.repository.as_str();
        let definition = |chart: &CatalogueChart| {
            words::file_address(repository, &catalogue.commit, &chart.file, chart.line)
        };
        let commits = catalogue.introduced_by(program, names.iter().map(String::as_str), stacks);
        html! {
            @for (index, chart) in self.charts(program, names).iter().enumerate() {
                @if index > 0 { br; }
                @match definition(chart) {
                    Some(address) => (words::link(&address, &html! { (chart.title) })),
                    None => (chart.title),
                }
                (words::discussions(&chart.issue))
            }
            @for commit in commits { br; span.note { (words::introduced(repository, commit)) } }
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
pub(super) fn programs(config: &CollectionConfig, who_asked: WhoAsked<'_>) -> Markup {
    let only = config.programs.len() == 1;
    html! { @for program in &config.programs { (self::program(program, who_asked, only)) } }
}

fn program(program: &ProgramConfig, who_asked: WhoAsked<'_>, open: bool) -> Markup {
    let asked = who_asked.0.is_some_and(|catalogue| !catalogue.charts.is_empty());
    let stack = |name: &str| [name.to_owned()];
    let label = format!("What {} may report", program.name);
    let table = html! {
        table.full.cells {
            caption {
                "How often a report includes each counter, if the program counted it at all."
            }
            thead { tr {
                th scope="col" { "Counter" }
                @if asked { th scope="col" { "For the chart" } }
                th.number scope="col" { "In reports" }
            } }
            tbody {
                @for counter in &program.counters {
                    @let names: Vec<String> = expand(&counter.name).collect();
                    tr {
                        th scope="row" { ul.names { @for name in &names { li { code { (name) } } } } }
                        @if asked {
                            td data-label="For the chart" { (who_asked.cell(&program.name, &names, false)) }
                        }
                        td.number data-label="In reports" { (counter.rate.percent()) }
                    }
                }
                @for entry in &program.stacks {
                    tr {
                        th scope="row" {
                            code { (entry.name) }
                            ", followed by a call stack of at most "
                            span.depth { (entry.depth) } @if entry.depth == 1 { " frame" } @else { " frames" }
                            ": names of functions and line numbers, never values"
                            (packages(&who_asked.charts(&program.name, &stack(&entry.name))))
                        }
                        @if asked {
                            td data-label="For the chart" {
                                (who_asked.cell(&program.name, &stack(&entry.name), true))
                            }
                        }
                        td.number data-label="In reports" { (entry.rate.percent()) }
                    }
                }
            }
        }
    };
    html! {
        h2 { code { (program.name) } }
        dl.facts { dt { "Versions" } dd { (names(&program.versions)) } }
        @if program.counters.is_empty() && program.stacks.is_empty() {
            p { "Only that it ran, and none of its counters." }
        } @else {
            @let counters = program.counters.iter().map(|counter| count_of(&counter.name) as u64);
            details open[open] {
                summary {
                    (numbers::counted(counters.sum(), "counter"))
                    @if !program.stacks.is_empty() {
                        " and " (numbers::counted(program.stacks.len() as u64, "stack counter"))
                    }
                }
                (layout::wide(&label, &table))
            }
        }
    }
}

/// The packages whose functions a stack may name, if its chart lists them.
fn packages(charts: &[&CatalogueChart]) -> Markup {
    let listed = charts.iter().find(|chart| !chart.packages.is_empty());
    html! {
        @if let Some(chart) = listed {
            ". Only functions of these packages are named; all others are stored as "
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
