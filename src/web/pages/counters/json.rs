//! `/counters/PROGRAM/index.json`: what a program may report, and who asked for it, a long list on several pages;
//! and the same of one counter, with how many reports have it.

use super::page::Known;
use super::paging::{Page, Part};
use super::{address, listed};
use crate::aggregate::figure::{Base, Estimate, Interval};
use crate::collection::config::ProgramConfig;
use crate::publish::{Catalogue, CatalogueChart};
use crate::web::pages::charts::{Counted, CountedIn};
use jiff::civil::Date;
use serde::Serialize;

#[derive(Debug, Serialize)]
struct Index<'a> {
    format: u32,
    program: &'a str,
    /// The config that clients obey.
    config: String,
    counters: Vec<Counter<'a>>,
}

#[derive(Debug, Serialize)]
struct Counter<'a> {
    name: String,
    /// `counter` or `stack`.
    kind: &'static str,
    /// It is in a report only if the report's X is at most this.
    rate: f64,
    /// The most frames of a stack.
    #[serde(skip_serializing_if = "Option::is_none")]
    depth: Option<u32>,
    /// Its page.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<String>,
    /// The definitions that ask for it, by the ID of their chart.
    charts: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    index: Index<'a>,
    /// The definitions that ask for these counters.
    charts: Vec<&'a CatalogueChart>,
    repository: &'a str,
    commit: &'a str,
    /// The address of the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

fn kind(depth: Option<u32>) -> &'static str {
    if depth.is_some() { "stack" } else { "counter" }
}

/// A page of the file of a program.
pub(super) fn written(
    program: &ProgramConfig,
    config: impl std::fmt::Display,
    catalogue: Option<&Catalogue>,
    page: Page,
) -> String {
    let (name, part) = (program.name.as_str(), page.of_file(program));
    let next = part.has_next();
    let next = next.then(|| format!("{}index.json{}", address::program(name), page.next().query()));
    let charts = charts_of(&part, name, catalogue);
    let counters =
        part.groups.into_iter().flat_map(|group| group.counters).map(|counter| Counter {
            kind: kind(counter.depth),
            page: address::counter(name, &counter.name),
            charts: listed::asked_by(catalogue, name, &counter.name)
                .into_iter()
                .map(|chart| chart.id.as_str())
                .collect(),
            rate: counter.rate.get(),
            depth: counter.depth,
            name: counter.name,
        });
    let whole = Whole {
        index: Index {
            format: 1,
            program: name,
            config: config.to_string(),
            counters: counters.collect(),
        },
        charts,
        repository: catalogue.map_or("", |catalogue| &catalogue.repository),
        commit: catalogue.map_or("", |catalogue| &catalogue.commit),
        next,
    };
    // None of these types can fail to serialise.
    serde_json::to_string_pretty(&whole).unwrap_or_default() + "\n"
}

/// The definitions that ask for what is on a page.
fn charts_of<'c>(
    part: &Part,
    program: &str,
    catalogue: Option<&'c Catalogue>,
) -> Vec<&'c CatalogueChart> {
    let Some(catalogue) = catalogue else { return Vec::new() };
    match part.is_all() {
        true => catalogue.charts.iter().filter(|chart| chart.program == program).collect(),
        false => {
            let counters = part.groups.iter().flat_map(|group| &group.counters);
            catalogue.asked_by(program, counters.map(|counter| counter.name.as_str()))
        }
    }
}

/// One counter.
#[derive(Debug, Serialize)]
struct One<'a> {
    format: u32,
    program: &'a str,
    name: &'a str,
    /// Whether the newest config has it.
    collected: bool,
    /// The newest config, or the last one that had it.
    config: String,
    /// The config that brought it, and the day for which that was compiled.
    since: String,
    since_day: Date,
    /// Usually one; two if a stack counter is called the same.
    entries: Vec<Entry>,
    /// The definitions that ask for it.
    definitions: &'a [&'a CatalogueChart],
    repository: &'a str,
    commit: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reported: Option<Reported<'a>>,
}

#[derive(Debug, Serialize)]
struct Entry {
    kind: &'static str,
    rate: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    depth: Option<u32>,
}

/// What the newest week with charts of the program says.
#[derive(Debug, Serialize)]
struct Reported<'a> {
    week: Option<Date>,
    complete: bool,
    charts: Vec<InChart<'a>>,
}

#[derive(Debug, Serialize)]
struct InChart<'a> {
    id: &'a str,
    title: &'a str,
    page: &'a str,
    base: Base,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimate: Option<Estimate>,
    /// The share by week, the oldest first.
    trend: Vec<Point>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stacks: Vec<OneStack<'a>>,
    /// How many stacks there are besides.
    more_stacks: u64,
}

#[derive(Debug, Serialize)]
struct Point {
    week: Date,
    #[serde(flatten)]
    share: Interval,
}

#[derive(Debug, Serialize)]
struct OneStack<'a> {
    /// The innermost first.
    frames: &'a [String],
    estimate: Estimate,
    /// The first week that has it; absent if it was there before the trend begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_week: Option<Date>,
}

/// The file of one counter.
pub(super) fn of_one(known: &Known<'_>) -> String {
    let entries = known.listed.iter().map(|one| Entry {
        kind: kind(one.depth),
        rate: one.rate.get(),
        depth: one.depth,
    });
    let one = One {
        format: 1,
        program: known.program,
        name: known.name,
        collected: !known.removed,
        config: known.version.to_string(),
        since: known.since.version.to_string(),
        since_day: known.since.as_of,
        entries: entries.collect(),
        definitions: known.asked_by,
        repository: known.catalogue.map_or("", |catalogue| &catalogue.repository),
        commit: known.catalogue.map_or("", |catalogue| &catalogue.commit),
        reported: known.counted.map(reported),
    };
    // None of these types can fail to serialise.
    serde_json::to_string_pretty(&one).unwrap_or_default() + "\n"
}

fn reported(counted: &Counted) -> Reported<'_> {
    let charts = counted.charts.iter().map(|chart| in_chart(&counted.weeks, chart));
    Reported {
        week: counted.weeks.last().copied(),
        complete: counted.complete,
        charts: charts.collect(),
    }
}

fn in_chart<'a>(weeks: &[Date], chart: &'a CountedIn) -> InChart<'a> {
    let points = weeks.iter().zip(&chart.points);
    let points = points.filter_map(|(week, share)| Some(Point { week: *week, share: (*share)? }));
    let trend = points.collect();
    let stacks = chart.stacks.iter().map(|stack| OneStack {
        frames: &stack.frames,
        estimate: stack.estimate,
        first_week: stack.first,
    });
    InChart {
        id: &chart.id,
        title: &chart.title,
        page: &chart.address,
        base: chart.base,
        estimate: chart.estimate,
        trend,
        stacks: stacks.collect(),
        more_stacks: chart.more,
    }
}
