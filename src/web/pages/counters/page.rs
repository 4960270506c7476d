//! `/counters/PROGRAM/NAME`: one counter: what it is for, who asked for it, and how many reports have it.

use super::address;
use super::definition;
use super::listed::{Group, Listed};
use super::program::{self, code, linked};
use super::since::Since;
use super::stacks;
use crate::aggregate::figure::Estimate;
use crate::charts::CommitDetails;
use crate::charts::counter::chart_of;
use crate::collection::config::ProgramConfig;
use crate::gomod::ModuleVersion;
use crate::publish::{Catalogue, CatalogueChart};
use crate::web::draw::{self, Measure};
use crate::web::numbers;
use crate::web::numbers::{counted, grouped};
use crate::web::pages::charts::{self, ChartPages, Counted, CountedIn, Shares};
use crate::web::pages::layout;
use crate::web::pages::words;
use maud::{Markup, html};

/// A counter with everything that is known of it.
#[derive(Debug)]
pub(super) struct Known<'a> {
    pub(super) program: &'a str,
    pub(super) name: &'a str,
    /// Its entries in the newest config, or in the last one that had it; seldom more than one.
    pub(super) listed: &'a [Listed],
    /// That config.
    pub(super) version: ModuleVersion,
    /// Whether it is no longer collected.
    pub(super) removed: bool,
    pub(super) since: Since,
    pub(super) catalogue: Option<&'a Catalogue>,
    /// The definitions that ask for it.
    pub(super) asked_by: &'a [&'a CatalogueChart],
    pub(super) counted: Option<&'a Counted>,
}

/// A name from outside.
fn text(text: &str) -> Markup {
    html! { bdi { (draw::plain(text)) } }
}

/// The page.
pub(super) fn body(known: &Known<'_>) -> Markup {
    let Known { program, name, listed, version, since, .. } = *known;
    let is_stack = listed.iter().any(|one| one.depth.is_some());
    html! {
        h1 { (code(name)) }
        p.lead {
            @match is_stack {
                true => "A stack counter of ",
                false => "A counter of ",
            }
            a href=(address::program(program)) { (charts::path(program)) }
            @if let [only] = known.asked_by { ", for “" (text(&only.title)) "”" }
            "."
        }
        @if known.removed {
            p { span.mark { "no longer collected" } " The last config that had it is " (config(version)) "." }
        }
        dl.facts {
            dt { "Collected since" }
            dd { "config " (config(since.version)) ", of " time datetime=(since.as_of) { (since.as_of) } }
            @for (repository, commit) in introduced(known, is_stack) {
                dt { "Introduced" }
                dd { (words::introduced(repository, commit)) }
            }
            @for one in listed {
                dt { "In reports" }
                dd {
                    (one.rate.percent()) " of those from installations that opted in"
                    @if let Some(depth) = one.depth {
                        ", with the stack below it: at most " (counted(u64::from(depth), "frame"))
                        ", which are names of functions and line numbers, never values"
                    }
                }
            }
            (in_newest_reports(known.counted))
        }
        @if known.asked_by.is_empty() && !known.removed {
            p { "Which definition asks for it is not recorded." }
        }
        @for chart in known.asked_by { (definition(known, chart)) }
        @if let Some(counted) = known.counted {
            @for chart in &counted.charts {
                // Charts whose definition is gone.
                @if !known.asked_by.iter().any(|asked| asked.id == chart.id) {
                    section.asked {
                        h2 { a href=(chart.address) { (text(&chart.title)) } }
                        (trend(counted, chart))
                    }
                }
            }
            (stacks::list(counted))
        }
        @if let Some(page) = address::counter(program, name) {
            p { a href={ (page) ".json" } { "This counter as JSON" } }
        }
    }
}

/// The commits that introduced it, with their repository.
fn introduced<'a>(known: &Known<'a>, is_stack: bool) -> Vec<(&'a str, &'a CommitDetails)> {
    let Some(catalogue) = known.catalogue else { return Vec::new() };
    let mut commits = catalogue.introduced_by(known.program, [known.name], is_stack);
    // What a definition below says of its only commit is not said twice.
    commits.retain(|commit| {
        let says =
            |chart: &&CatalogueChart| definition::is_only_commit(catalogue, chart, &commit.commit);
        !known.asked_by.iter().any(says)
    });
    commits.into_iter().map(|commit| (catalogue.repository.as_str(), commit)).collect()
}

fn config(version: ModuleVersion) -> Markup {
    html! { a href={ "/config/" (version) } { (version) } }
}

/// In how many reports of the newest week it was.
fn in_newest_reports(counted: Option<&Counted>) -> Markup {
    let charts = counted.map_or(&[][..], |counted| &counted.charts);
    // All charts of a counter have the same reports, but for those of the rarest of their counters.
    let found = charts.iter().find_map(|chart| Some((chart, chart.estimate?)));
    html! {
        @if let Some((CountedIn { base, .. }, Estimate { reports, total, share })) = found {
            dt { "In the newest reports" }
            dd {
                (grouped(reports)) " of " (grouped(base.reports)) " that could have it: "
                (numbers::percent(share.value)) " (" (numbers::percent_range(share.low, share.high)) ") of "
                "installations, an estimated " (numbers::total(total))
                @if let Some(counted) = counted {
                    ". Week of " (counted.days)
                    @if !counted.complete { ", " span.mark.warn { "provisional" } }
                }
            }
        }
    }
}

/// Why it is collected: the definition of a chart that has it.
fn definition(known: &Known<'_>, chart: &CatalogueChart) -> Markup {
    let in_charts = known.counted.and_then(|of| {
        let found = of.charts.iter().find(|found| found.id == chart.id)?;
        Some((of, found))
    });
    html! {
        section.asked {
            (introduction(chart, in_charts.map(|(_, found)| found.address.as_str())))
            @if let Some((of, found)) = in_charts { (trend(of, found)) }
            dl.facts {
                (asked(known.catalogue, chart))
                dt { "Drawn as" }
                dd {
                    (kind(&chart.kind))
                    @if let Some(over) = &chart.over {
                        @if over == known.name { ", as the divisor" }
                        @else { ", over " (linked(known.program, over, over)) }
                    }
                }
                (definition::limits(chart))
                @let others = others(known, chart);
                @if !others.is_empty() {
                    dt { "Others" }
                    dd {
                        "one of " (counted(others.len() as u64 + 1, "counter")) " of "
                        (linked(known.program, chart_of(known.name), chart_of(known.name)))
                    }
                }
            }
        }
    }
}

/// The title of a definition, linked to the page of its chart if it has one, and what it shows.
fn introduction(chart: &CatalogueChart, page: Option<&str>) -> Markup {
    html! {
        h2 {
            @match page {
                Some(page) => a href=(page) { (text(&chart.title)) },
                None => (text(&chart.title)),
            }
        }
        @if let Some(description) = &chart.description { p { (text(description)) } }
    }
}

/// Where it was asked for and is defined, and by whom: terms and descriptions.
fn asked(catalogue: Option<&Catalogue>, chart: &CatalogueChart) -> Markup {
    html! {
        dt { "Asked for in" }
        dd {
            @for (index, issue) in chart.issue.iter().enumerate() {
                @if index > 0 { br; }
                (words::link(issue, &text(issue)))
            }
        }
        (defined(catalogue, chart))
        @if let Some(catalogue) = catalogue { (definition::who(catalogue, chart)) }
    }
}

/// The other counters of a chart.
fn others(known: &Known<'_>, chart: &CatalogueChart) -> Vec<String> {
    let all = crate::collection::expand(&chart.counter);
    let mut others: Vec<String> = all.filter(|name| name != known.name).collect();
    // A divisor is not one of them, and neither are counters of other charts with the same beginning.
    if chart.over.as_deref() == Some(known.name) {
        others.clear();
    }
    others
}

fn defined(catalogue: Option<&Catalogue>, chart: &CatalogueChart) -> Markup {
    let Some(catalogue) = catalogue else { return html! {} };
    let (repository, commit) = (catalogue.repository.as_str(), catalogue.commit.as_str());
    html! {
        dt { "Defined in" }
        dd { (words::place(repository, commit, &chart.file, chart.line)) }
        @if !definition::is_asked_in(catalogue, chart, &chart.added) {
            dt { "Added" }
            dd {
                time datetime=(chart.added_on) { (chart.added_on) } ", by commit "
                (words::commit(repository, &chart.added))
            }
        }
    }
}

fn kind(kind: &str) -> &'static str {
    match kind {
        "histogram" => "a histogram: the share of installations with each bucket, in order",
        "timeseries" => "a time series: the share of installations with each bucket, week by week",
        "ratio" => "a ratio: one count divided by another, and how that varies over installations",
        "stack" => "a list of call stacks, the most frequent first",
        _ => "a partition: the share of installations with each bucket",
    }
}

fn trend(counted: &Counted, chart: &CountedIn) -> Markup {
    let name = format!("{}, share of installations", draw::plain(&chart.title));
    html! {
        @if chart.points.iter().flatten().count() > 1 {
            p.trend {
                (draw::sparkline(&chart.points, Measure::Share, &name, !counted.complete))
                span.note {
                    "Share of installations"
                    @if let Some(from) = counted.weeks.first() { " since the week that ended on " (from) }
                    ". "
                    a href=(chart.address) { "The chart" }
                }
            }
        }
    }
}

/// The page of all counters with the same name before the colon: what each of their definitions says, and how
/// many reports have each.
pub(super) fn group(
    program: &ProgramConfig,
    (chart, version): (&str, ModuleVersion),
    groups: &[Group],
    catalogue: Option<&Catalogue>,
    (pages, shares): (&ChartPages, Option<&Shares>),
) -> Markup {
    let name = program.name.as_str();
    let mut asked: Vec<&CatalogueChart> = Vec::new();
    for chart in groups.iter().flat_map(|group| program::charts_of(catalogue, name, group)) {
        if !asked.iter().any(|known| known.id == chart.id) {
            asked.push(chart);
        }
    }
    html! {
        h1 { (code(chart)) }
        p.lead {
            "Counters of " a href=(address::program(name)) { (charts::path(name)) }
            " with this name before the colon, under config " (config(version)) "."
        }
        @for definition in asked { (group_definition(catalogue, definition, pages)) }
        h2 { "The counters" }
        (program::table(program, groups, catalogue, pages))
        @if let Some(shares) = shares { (in_reports(name, groups, shares)) }
    }
}

/// A definition that asks for a group.
fn group_definition(
    catalogue: Option<&Catalogue>,
    chart: &CatalogueChart,
    pages: &ChartPages,
) -> Markup {
    html! {
        section.asked {
            (introduction(chart, pages.of(&chart.id).as_deref()))
            dl.facts {
                (asked(catalogue, chart))
                dt { "Drawn as" }
                dd { (kind(&chart.kind)) }
                (definition::limits(chart))
            }
        }
    }
}

/// How many reports of the newest week have each counter of some groups.
fn in_reports(program: &str, groups: &[Group], shares: &Shares) -> Markup {
    let counters = groups.iter().flat_map(|group| &group.counters);
    let found = counters.filter_map(|one| Some((one, shares.of.get(&one.name)?)));
    let mut found: Vec<_> = found.collect();
    found.sort_by(|(_, a), (_, b)| b.share.value.total_cmp(&a.share.value));
    let table = html! {
        table.full.cells {
            caption { "Reports of the week of " (shares.days) " that could have them" }
            thead {
                tr {
                    th scope="col" { "Counter" }
                    th.number scope="col" { "Reports" }
                    th.number scope="col" { "Share of installations" }
                }
            }
            tbody {
                @for (counter, Estimate { reports, share, .. }) in found {
                    tr {
                        th scope="row" { (linked(program, &counter.name, &counter.name)) }
                        td.number data-label="Reports" { (grouped(*reports)) }
                        td.number data-label="Share of installations" {
                            (numbers::percent(share.value)) " (" (numbers::percent_range(share.low, share.high)) ")"
                        }
                    }
                }
            }
        }
    };
    html! {
        @if !shares.of.is_empty() {
            h2 {
                "In the newest reports"
                @if !shares.complete { " " span.mark.warn { "provisional" } }
            }
            (layout::wide("Table of shares", &table))
        }
    }
}

/// What is said if there is no such counter. `near` are names that resemble it.
pub(super) fn missing(program: Option<&str>, name: &str, near: &[(String, String)]) -> Markup {
    html! {
        h1 { "Not found" }
        p.lead {
            @match program {
                Some(program) => { "No config of the last ones has a counter " (code(name)) " of " (text(program)) "." }
                None => { "No program of the newest config has the address " (code(name)) "." }
            }
        }
        ul {
            @for (program, name) in near { li { (linked(program, name, name)) } }
            @if let Some(program) = program {
                li { a href=(address::program(program)) { "Everything that " (text(program)) " may report" } }
            }
            li { a href=(charts::search(name)) { "Find it among all programs" } }
            li { a href="/counters/" { "All programs" } }
        }
    }
}
