//! Everything that a report may contain under a config, in tables.

use super::config_part::{OfProgram, Part};
use super::counters::address;
use super::{layout, words};
use crate::aggregate::charting::{sort_toolchains, sort_versions};
use crate::collection::config::{CollectionConfig, CounterConfig, ProgramConfig, StackConfig};
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
        let mut commits =
            catalogue.introduced_by(program, names.iter().map(String::as_str), stacks);
        commits.sort_by_key(|commit| commit.on);
        html! {
            @for (index, chart) in self.charts(program, names).iter().enumerate() {
                @if index > 0 { br; }
                @match definition(chart) {
                    Some(address) => (words::link(&address, &html! { (chart.title) })),
                    None => (chart.title),
                }
                (words::discussions(&chart.issue))
                @if let Some(version) = &chart.version { ", counted by version " code { (version) } " and later" }
            }
            @for commit in commits { br; span.note { (words::introduced(repository, commit)) } }
        }
    }
}

/// The operating systems, architectures and toolchains that reports may come from.
pub(super) fn environments(config: &CollectionConfig) -> Markup {
    html! {
        dl.facts {
            dt { "Operating systems" } dd { (names(&config.goos, None)) }
            dt { "Architectures" } dd { (names(&config.goarch, None)) }
            dt { "Toolchains" } dd { (names(&config.go_version, ranges(&toolchains(&config.go_version)))) }
        }
    }
}

/// The most counters that a page lists with who asked for them. Programs that have more than are left after those
/// before them have pages of their own, `/counters/PROGRAM/`.
const LISTED: usize = 4_000;

/// Which programs are listed, and which are not, because there are too many counters.
fn are_listed(config: &CollectionConfig) -> impl Iterator<Item = bool> + '_ {
    config.programs.iter().scan(LISTED, |left, program| {
        let count: usize = program.counters.iter().map(|one| count_of(&one.name)).sum();
        let rest = left.checked_sub(count + program.stacks.len());
        *left = rest.unwrap_or(*left);
        Some(rest.is_some())
    })
}

/// Whether [`who_asked`] leads to other pages for the counters of a program.
pub(super) fn has_more_pages(config: &CollectionConfig) -> bool {
    are_listed(config).any(|is_listed| !is_listed)
}

/// Every program with its versions, counters and stacks, under `h2` headings: as far as they are on a page.
pub(super) fn programs(config: &CollectionConfig, part: &Part<'_>) -> Markup {
    let only = config.programs.len() == 1;
    html! {
        @for of in &part.programs {
            @match of.begins() {
                true => (heading(of.program)),
                // The script expects the name again.
                false => h2 { code { (of.program.name) } ", continued" },
            }
            (list(of, WhoAsked(None), only || !of.is_whole()))
        }
    }
}

/// The same with who asked for each counter, here or on the pages of a program's counters.
pub(super) fn who_asked(config: &CollectionConfig, who_asked: WhoAsked<'_>) -> Markup {
    let only = config.programs.len() == 1;
    html! {
        @for (program, is_listed) in config.programs.iter().zip(are_listed(config)) {
            (heading(program))
            @match is_listed {
                true => (list(&OfProgram::whole(program), who_asked, only)),
                false => (elsewhere(program)),
            }
        }
    }
}

fn heading(program: &ProgramConfig) -> Markup {
    html! {
        h2 { code { (program.name) } }
        dl.facts { dt { "Versions" } dd { (names(&program.versions, ranges(&versions(program)))) } }
    }
}

/// How many counters and stack counters there are.
fn number(counters: &[CounterConfig], stacks: &[StackConfig]) -> Markup {
    let count = counters.iter().map(|counter| count_of(&counter.name) as u64).sum();
    html! {
        (numbers::counted(count, "counter"))
        @if !stacks.is_empty() {
            " and " (numbers::counted(stacks.len() as u64, "stack counter"))
        }
    }
}

fn elsewhere(program: &ProgramConfig) -> Markup {
    let page = address::program(&program.name);
    html! {
        p {
            (number(&program.counters, &program.stacks)) ", too many for this page: "
            a href=(page) { "all of them, with who asked for each" }
            ", on several pages, also " a href={ (page) "index.json" } { "as JSON" } "."
        }
    }
}

fn list(of: &OfProgram<'_>, who_asked: WhoAsked<'_>, open: bool) -> Markup {
    let (program, counters, stacks) = (of.program, of.counters(), of.stacks());
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
                @for counter in counters {
                    @let names: Vec<String> = expand(&counter.name).collect();
                    tr {
                        th scope="row" { ul.names { @for name in &names { li { code { (name) } } } } }
                        @if asked {
                            td data-label="For the chart" { (who_asked.cell(&program.name, &names, false)) }
                        }
                        td.number data-label="In reports" { (counter.rate.percent()) }
                    }
                }
                @for entry in stacks {
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
        @if program.counters.is_empty() && program.stacks.is_empty() {
            p { "Only that it ran, and none of its counters." }
        } @else if !(counters.is_empty() && stacks.is_empty()) {
            details open[open] {
                summary {
                    (number(counters, stacks))
                    @if !of.is_whole() { " of " (number(&program.counters, &program.stacks)) }
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
            code { (OTHER_PACKAGES) } ": " (names(&chart.packages, None))
        }
    }
}

/// A program's versions, the newest first.
fn versions(program: &ProgramConfig) -> Vec<String> {
    let mut versions = program.versions.clone();
    sort_versions(&program.name, &mut versions);
    versions
}

/// Toolchains by name, the newest of each first.
fn toolchains(toolchains: &[String]) -> Vec<String> {
    let mut toolchains = toolchains.to_vec();
    sort_toolchains(&mut toolchains);
    toolchains
}

/// From the oldest to the newest of names that have an order, for each beginning, such as `go` and `rust`. The names
/// are sorted, the newest first; those without a number have no place in it. `None` if there is nothing to say.
fn ranges(sorted: &[String]) -> Option<Markup> {
    let beginning = |name: &String| {
        let at = name.find(|c: char| c.is_ascii_digit())?;
        name.get(..at).map(str::to_owned)
    };
    let mut ranges: Vec<(String, &String, &String)> = Vec::new();
    for name in sorted {
        let Some(beginning) = beginning(name) else { continue };
        match ranges.iter_mut().find(|(known, ..)| *known == beginning) {
            Some((_, oldest, _)) => *oldest = name,
            None => ranges.push((beginning, name, name)),
        }
    }
    let shown = html! {
        @for (index, (_, oldest, newest)) in ranges.iter().enumerate() {
            @if index > 0 { ", and " }
            "from " code { (oldest) } " to " code { (newest) }
        }
    };
    (!ranges.is_empty()).then_some(shown)
}

/// A list of names, collapsed if it is long. `range` says from which to which they go, if they have an order of their
/// own.
fn names(names: &[String], range: Option<Markup>) -> Markup {
    let all = html! { ul.names { @for name in names { li { code { (name) } } } } };
    match names {
        [] => html! { "none" },
        [first, .., last] if names.len() > 24 => html! {
            details {
                summary {
                    (numbers::grouped(names.len() as u64)) ", "
                    @match &range {
                        Some(range) => (range),
                        None => { "from " code { (first) } " to " code { (last) } }
                    }
                }
                (all)
            }
        },
        _ => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_long_list_goes_from_its_oldest_to_its_newest_name() {
        let said = |sorted: Vec<String>| ranges(&sorted).map(Markup::into_string);
        let found = said(toolchains(&named(&[
            "go1.10",
            "go1.2.2",
            "go1.27.0",
            "go1.9.2rc2",
            "rust1.100.0",
            "rust1.95.0",
            "gcc",
        ])));
        let expected = "from <code>go1.2.2</code> to <code>go1.27.0</code>, and from <code>rust1.95.0</code> to \
                        <code>rust1.100.0</code>";
        assert_eq!(found.as_deref(), Some(expected));
        let program: ProgramConfig = serde_json::from_value(serde_json::json!({
            "Name": "cmd/go", "Versions": ["devel", "go1.10", "go1.2.2", "go1.9.2rc2"],
        }))
        .expect("a program");
        let found = said(versions(&program));
        assert_eq!(found.as_deref(), Some("from <code>go1.2.2</code> to <code>go1.10</code>"));
        assert_eq!(said(named(&["devel"])), None);
    }
}
