//! What a proposal means: the definitions of a branch compared with those that it would change.
//!
//! Both are compiled for the same day, and compared by what they collect ([`difference`]); then come the
//! charts that ask for it, and what sampling gives for them. `words` and `markdown` write it down.

use super::claims::{ClaimsProposal, claims};
use super::lints::AllowedHere;
use super::seen::{SeenPrograms, counts_since};
use crate::charts::Definitions;
use crate::charts::counter::chart_of;
use crate::charts::definition::{Chart, ChartKind, Program, Sampling};
use crate::charts::version::Version;
use crate::collection::config::Rate;
use crate::collection::difference::{Change, Difference, difference};
use crate::collection::{CollectionConfig, compile, error_of, reporting_versions};
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How many days ahead a proposal names what expires.
const AHEAD: i64 = 60;

/// What a proposal means.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proposal {
    /// What changes for all programs.
    pub everywhere: Vec<Change>,
    /// What changes for each program, in the order of their paths.
    pub programs: Vec<ProgramProposal>,
    /// The day for which both are compared.
    pub as_of: Date,
    /// Charts that are collected until a day within 60 days, or whose day has passed.
    pub expiring: Vec<ChartSummary>,
    /// Which claims of stacks change, by program. They say nothing about what is collected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<ClaimsProposal>,
    /// The probability that a share is within the stated accuracy; absent without `[sampling]`.
    pub confidence: Option<f64>,
    /// Why nothing could be compared, if the definitions that it would change have mistakes. Then everything is
    /// new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_compared: Option<NotCompared>,
    /// What the proposal itself allows that a lint would have named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<AllowedHere>,
}

/// Definitions with mistakes, with which nothing can be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotCompared {
    /// Their commit.
    pub commit: String,
    /// Where the first mistake is.
    pub place: String,
    /// The first mistake.
    pub mistake: String,
    /// How many more there are.
    pub more: usize,
}

/// What a proposal changes for a program.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProgramProposal {
    /// The program.
    pub program: String,
    /// What is collected, and no longer collected.
    pub changes: Vec<Change>,
    /// Charts that are new, or collect something else.
    pub added: Vec<ChartSummary>,
    /// Charts of which only the last day or the discussions change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<ChartSummary>,
    /// Charts that stay as they are, with another accuracy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resampled: Vec<ChartSummary>,
    /// Charts that are there no more.
    pub removed: Vec<ChartSummary>,
    /// Charts of which only the order of the buckets changes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reordered: Vec<ChartSummary>,
    /// Charts of which only the words change.
    pub reworded: Vec<ChartSummary>,
    /// What sampling gives; absent if nothing is collected from the program.
    pub sampling: Option<SamplingSummary>,
    /// How the number of installations changes that the definitions say; absent if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub population: Option<PopulationChange>,
}

/// How many installations report a program, as the definitions say, now and before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PopulationChange {
    /// The number, if it is said.
    pub now: Option<u64>,
    /// The number before, if it was said.
    pub before: Option<u64>,
}

/// A chart, for reviewers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChartSummary {
    /// Its heading.
    pub title: String,
    /// `partition`, `histogram`, `timeseries`, `ratio` or `stack`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The program.
    pub program: String,
    /// Its counter.
    pub counter: String,
    /// The discussions in which it was accepted.
    pub issue: Vec<String>,
    /// Where it is, in the charts folder.
    pub file: String,
    /// The line of its `[[chart]]`.
    pub line: u32,
    /// The last day on which it is collected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
    /// How many reports a week are expected to have it, and how accurate a share is then; absent if nobody
    /// says how many installations report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Accuracy>,
    /// The first version that counts, if an earlier one may report, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// How many of the installations have that version or a later one, if a deployment's charts say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted: Option<CountedShare>,
    /// What changes of its last day, its discussions and its accuracy; absent if nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<ChartBefore>,
}

/// What was true of a chart before, as far as it is different.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ChartBefore {
    /// The last day on which it was collected, or `null` if it had none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Option<Date>>,
    /// The discussions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issue: Option<Vec<String>>,
    /// How accurate it was, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Accuracy>,
}

/// How many installations have a version that a chart counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CountedShare {
    /// Their share of the program's installations.
    pub share: f64,
    /// The last day of the week in which it was so.
    pub week: Date,
}

/// What sampling gives for a chart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Accuracy {
    /// The expected number of reports a week.
    pub reports: f64,
    /// How far a share may be from the truth, at the stated confidence.
    pub error: f64,
    /// Whether there may be fewer reports, and a larger error: the chart counts some versions only, and nobody
    /// says how many installations have them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub at_best: bool,
}

/// What sampling gives for a program.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SamplingSummary {
    /// How many installations report in a week, as the definitions say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub population: Option<u64>,
    /// The share of the installations whose reports have anything of the program.
    pub rate: Rate,
    /// The same before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_before: Option<Rate>,
    /// The first version that is asked, if installations with an earlier one are not asked for anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// Compares a proposal's definitions with those that it would change, on a day; without any, everything is
/// new. `seen` are the versions of programs that a deployment's charts show; it may be empty.
pub fn propose(
    base: Option<&Definitions>,
    head: &Definitions,
    as_of: Date,
    seen: &SeenPrograms,
) -> Proposal {
    let old = base.map(|base| compile(base, as_of)).unwrap_or_default();
    let new = compile(head, as_of);
    let Difference { changes } = difference(&old, &new);
    let mut everywhere = Vec::new();
    let mut programs: BTreeMap<String, ProgramProposal> = BTreeMap::new();
    for change in changes {
        match program_of(&change) {
            None => everywhere.push(change),
            Some(program) => {
                entry(&mut programs, program).changes.push(change.clone());
            }
        }
    }
    for program in &head.programs {
        let path = program.program.as_str();
        let Some(was) = base.and_then(|base| listed(base, path)) else { continue };
        let number = |program: &Program| program.population.as_ref().map(|number| number.get());
        let change = PopulationChange { now: number(program), before: number(was) };
        if change.now != change.before {
            entry(&mut programs, path).population = Some(change);
        }
    }
    let before: BTreeMap<Key<'_>, &Chart> =
        live(base, as_of).map(|chart| (key(chart), chart)).collect();
    let after: BTreeMap<Key<'_>, &Chart> =
        head.live(as_of).map(|chart| (key(chart), chart)).collect();
    // An expired chart was there, too: it is renewed, and not new.
    let ever: BTreeMap<Key<'_>, &Chart> = base
        .into_iter()
        .flat_map(|base| &base.charts)
        .chain(before.values().copied())
        .map(|chart| (key(chart), chart))
        .collect();
    for chart in head.live(as_of) {
        let was = |chart: &Chart| {
            let (old_chart, base) = (*ever.get(&key(chart))?, base?);
            before_of(chart, old_chart, summary(old_chart, base, &old, seen).accuracy)
        };
        let summary = || {
            let mut summary = summary(chart, head, &new, seen);
            summary.before = was(chart).map(|before| ChartBefore {
                accuracy: before.accuracy.filter(|_| before.accuracy != summary.accuracy),
                ..before
            });
            summary.before = summary.before.filter(|before| *before != ChartBefore::default());
            summary
        };
        match before.get(&key(chart)) {
            None => entry(&mut programs, chart.program.as_str()).added.push(summary()),
            Some(old) if collects(old) != collects(chart) => {
                entry(&mut programs, chart.program.as_str()).added.push(summary());
            }
            Some(old) if asks(old) != asks(chart) => {
                entry(&mut programs, chart.program.as_str()).changed.push(summary());
            }
            Some(old) if old.counter.value != chart.counter.value => {
                entry(&mut programs, chart.program.as_str()).reordered.push(summary());
            }
            Some(old) if says(old) != says(chart) => {
                entry(&mut programs, chart.program.as_str()).reworded.push(summary());
            }
            // What is collected does not change with a population alone.
            Some(_) => {
                let Some(program) = programs.get_mut(chart.program.as_str()) else { continue };
                let summary = summary();
                let was = summary.before.as_ref().and_then(|before| before.accuracy);
                if was.is_some() && summary.accuracy.is_some() {
                    program.resampled.push(summary);
                }
            }
        }
    }
    for chart in live(base, as_of).filter(|chart| !after.contains_key(&key(chart))) {
        let summary = summary(chart, base.unwrap_or(head), &old, seen);
        entry(&mut programs, chart.program.as_str()).removed.push(summary);
    }
    for proposal in programs.values_mut() {
        let listed = listed(head, &proposal.program);
        let rate = |config: &CollectionConfig| {
            let found = config.programs.iter().find(|one| one.name == proposal.program)?;
            let counters = found.counters.iter().map(|counter| counter.rate);
            counters.chain(found.stacks.iter().map(|stack| stack.rate)).reduce(Rate::max)
        };
        proposal.sampling = rate(&new).map(|now| SamplingSummary {
            population: listed.and_then(|listed| listed.population.as_ref()).map(|p| p.get()),
            rate: now,
            rate_before: rate(&old).filter(|before| *before != now),
            since: listed.and_then(|listed| asked_since(listed, head, as_of)),
        });
    }
    let soon = as_of.checked_add(AHEAD.days()).unwrap_or(as_of);
    let ends = |chart: &&Chart| chart.expires.as_ref().is_some_and(|last| last.value <= soon);
    let expiring = head.charts.iter().filter(ends);
    Proposal {
        as_of,
        claims: claims(base, head),
        everywhere,
        programs: programs.into_values().collect(),
        expiring: expiring.map(|chart| summary(chart, head, &new, seen)).collect(),
        confidence: head.collection.sampling.as_ref().map(|sampling| sampling.confidence.get()),
        not_compared: None,
        allowed: Vec::new(),
    }
}

impl Proposal {
    /// Whether the same is collected, and the same is said of it.
    pub fn changes_nothing(&self) -> bool {
        let changes = |program: &ProgramProposal| {
            let charts = [
                &program.added,
                &program.changed,
                &program.removed,
                &program.reordered,
                &program.reworded,
            ];
            !program.changes.is_empty() || charts.iter().any(|charts| !charts.is_empty())
        };
        self.everywhere.is_empty() && !self.programs.iter().any(changes)
    }
}

fn live(definitions: Option<&Definitions>, as_of: Date) -> impl Iterator<Item = &Chart> {
    definitions.into_iter().flat_map(move |definitions| definitions.live(as_of))
}

fn entry<'p>(
    programs: &'p mut BTreeMap<String, ProgramProposal>,
    program: &str,
) -> &'p mut ProgramProposal {
    programs.entry(program.to_owned()).or_insert_with(|| ProgramProposal {
        program: program.to_owned(),
        changes: Vec::new(),
        added: Vec::new(),
        changed: Vec::new(),
        resampled: Vec::new(),
        removed: Vec::new(),
        reordered: Vec::new(),
        reworded: Vec::new(),
        sampling: None,
        population: None,
    })
}

/// What makes it the same chart before and after.
type Key<'c> = (&'c str, &'static str, &'c str);

fn key(chart: &Chart) -> Key<'_> {
    (chart.program.as_str(), chart.kind.name(), chart_of(chart.counter.as_str()))
}

/// What a chart collects.
fn collects(chart: &Chart) -> impl PartialEq + '_ {
    let over = chart.over().map(|over| over.as_str());
    let depth = match &chart.kind {
        ChartKind::Stack { depth, .. } => Some(depth.value),
        _ => None,
    };
    let error = chart.error.as_ref().map(|error| error.get().to_bits());
    let since = chart.version.as_deref().map(|version| version.as_str());
    let names: BTreeSet<String> = chart.counter.names().collect();
    (names, over, depth, error, since)
}

/// Who asked for a chart, and until when.
fn asks(chart: &Chart) -> (Option<Date>, Vec<&str>) {
    let issue = chart.issue.iter().map(|issue| issue.value.as_str()).collect();
    (chart.expires.as_ref().map(|day| day.value), issue)
}

/// What a chart says.
fn says(chart: &Chart) -> impl PartialEq + '_ {
    let description = chart.description.as_ref().map(|text| text.value.as_str());
    (chart.title.value.as_str(), description)
}

/// What is different of a chart that was there before.
fn before_of(now: &Chart, was: &Chart, accuracy: Option<Accuracy>) -> Option<ChartBefore> {
    let ((last, issue), (old_last, old_issue)) = (asks(now), asks(was));
    let issue_before = || old_issue.iter().map(|issue| (*issue).to_owned()).collect();
    Some(ChartBefore {
        expires: (last != old_last).then_some(old_last),
        issue: (issue != old_issue).then(issue_before),
        accuracy,
    })
}

fn program_of(change: &Change) -> Option<&str> {
    match change {
        Change::Environments { .. } | Change::SampleRate { .. } => None,
        Change::Program { program, .. }
        | Change::Versions { program, .. }
        | Change::Collected { program, .. }
        | Change::Dropped { program, .. }
        | Change::Rate { program, .. }
        | Change::Depth { program, .. } => Some(program),
    }
}

fn listed<'d>(definitions: &'d Definitions, program: &str) -> Option<&'d Program> {
    definitions.programs.iter().find(|listed| listed.program.as_str() == program)
}

/// The rate of a chart in a config that collects it.
pub fn rate_of(chart: &Chart, config: &CollectionConfig) -> Option<Rate> {
    let found = config.programs.iter().find(|one| one.name == chart.program.as_str())?;
    let name = chart.counter.as_str();
    let counter = found.counters.iter().find(|counter| counter.name == name);
    let stack = || {
        let first = chart.counter.names().next()?;
        found.stacks.iter().find(|stack| stack.name == first).map(|stack| stack.rate)
    };
    counter.map(|counter| counter.rate).or_else(stack)
}

/// The first version that any live chart of a program counts, if an earlier one may report, too.
fn asked_since(program: &Program, definitions: &Definitions, as_of: Date) -> Option<String> {
    let charts =
        definitions.live(as_of).filter(|chart| chart.program.value == program.program.value);
    let firsts: Option<Vec<&Version>> = charts.map(|chart| chart.version.as_deref()).collect();
    let first = firsts?.into_iter().min()?;
    let mut reporting = reporting_versions(definitions, program).into_iter();
    reporting.any(|version| !version.at_least(first)).then(|| first.to_string())
}

fn summary(
    chart: &Chart,
    definitions: &Definitions,
    config: &CollectionConfig,
    seen: &SeenPrograms,
) -> ChartSummary {
    let program = chart.program.as_str();
    let population = listed(definitions, program).and_then(|listed| listed.population.as_ref());
    let sampling = definitions.collection.sampling.as_ref();
    let rate = rate_of(chart, config);
    let since = counts_since(chart, definitions);
    let counted = since.and_then(|first| {
        let seen = seen.get(program)?;
        let share = seen.share_since(&chart.program.value, first)?;
        Some(CountedShare { share, week: seen.week })
    });
    let accuracy = match (population, sampling, rate) {
        (Some(population), Some(Sampling { confidence, .. }), Some(rate)) => {
            let share = counted.map_or(1.0, |counted| counted.share);
            let reports = population.get() as f64 * share * rate.get();
            let at_best = since.is_some() && counted.is_none();
            Some(Accuracy { reports, error: error_of(reports, confidence.value), at_best })
        }
        _ => None,
    };
    ChartSummary {
        title: chart.title.value.clone(),
        kind: chart.kind.name(),
        program: program.to_owned(),
        counter: chart.counter.as_str().to_owned(),
        issue: chart.issue.iter().map(|issue| issue.value.clone()).collect(),
        file: chart.location.file.to_string(),
        line: chart.location.line,
        expires: chart.expires.as_ref().map(|day| day.value),
        accuracy,
        since: since.map(Version::to_string),
        counted,
        before: None,
    }
}
