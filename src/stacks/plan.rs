//! The issues to open and to comment on, as data, which people or other programs may read before anything is
//! written.
//!
//! Every unclaimed group of the week is an issue to open; posting it finds the issue that an earlier run opened.
//! An issue that is there gets a comment if the week has news of it: something that none of the weeks before
//! has.

use super::grouped::{Group, Member, group};
use super::news::{Known, News};
use super::observed::{Observed, ObservedProgram, Sampled, Sighting};
use super::planned::{
    Action, Counted, FORMAT, Part, Plan, PlannedIssue, PlannedProgram, PlannedStack, Tracker,
};
use super::wording;
use crate::aggregate::figure::Interval;
use crate::aggregate::statistics::interval::share;
use crate::charts::Definitions;
use crate::charts::claims::StackClaims;
use crate::charts::location::{At, Location};
use crate::charts::program_path::ProgramPath;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// The most stacks of a group that a plan has.
const STACKS: usize = 5;

/// What a plan is made with, besides stacks and claims.
pub struct Planning<'a> {
    /// For whom it is.
    pub tracker: Tracker,
    /// The address of the deployment's site, without a slash at its end.
    pub site: &'a str,
    /// The path, on that site, of the page of a stack: by program, counter and functions.
    pub page: &'a dyn Fn(&str, &str, &str) -> Option<String>,
    /// The one program that is wanted; without it, all.
    pub program: Option<&'a str>,
    /// The confidence of intervals, where the definitions have none.
    pub confidence: f64,
}

/// Plans what to write about the stacks of a week.
pub fn plan(observed: &Observed, definitions: &Definitions, planning: &Planning<'_>) -> Plan {
    let sampling = definitions.collection.sampling.as_ref();
    let confidence =
        sampling.map_or(planning.confidence, |sampling| sampling.confidence.value.get());
    let nothing = ObservedProgram::default();
    let mut names: BTreeSet<&str> = observed
        .programs
        .iter()
        .filter(|(_, program)| !program.stacks.is_empty() || program.hidden > 0)
        .map(|(name, _)| name.as_str())
        .collect();
    names.extend(definitions.stacks.iter().map(|claims| claims.program.value.as_str()));
    names.retain(|name| planning.program.is_none_or(|wanted| wanted == *name));
    let programs = names.into_iter().filter_map(|name| {
        let program = observed.programs.get(name).unwrap_or(&nothing);
        let claims = definitions.stacks.iter().find(|claims| claims.program.value.as_str() == name);
        let claims = match claims {
            Some(claims) => claims.clone(),
            None => unclaimed(name)?,
        };
        let about = About { observed, program, name, claims: &claims, planning, confidence };
        Some(about.program())
    });
    Plan {
        format: FORMAT,
        tracker: planning.tracker,
        site: planning.site.to_owned(),
        week: observed.week,
        complete: observed.complete,
        compared_from: observed.weeks.first().copied().unwrap_or(observed.week),
        compared_weeks: observed.weeks.len().saturating_sub(1) as u64,
        confidence,
        programs: programs.collect(),
    }
}

/// What holds for a program without a file of claims.
fn unclaimed(program: &str) -> Option<StackClaims> {
    let location = Location { file: "stacks".into(), line: 1, column: 1 };
    Some(StackClaims::of(At { value: ProgramPath::parse(program)?, location }))
}

/// What the issues of a program are made from.
struct About<'a> {
    observed: &'a Observed,
    program: &'a ObservedProgram,
    name: &'a str,
    claims: &'a StackClaims,
    planning: &'a Planning<'a>,
    confidence: f64,
}

impl About<'_> {
    fn program(&self) -> PlannedProgram {
        let grouped = group(self.name, self.program, self.claims, self.observed.weeks.len());
        let values = |list: &[At<String>]| list.iter().map(|one| one.value.clone()).collect();
        PlannedProgram {
            program: self.name.to_owned(),
            repository: self.claims.repository.as_ref().map(|address| address.value.clone()),
            labels: values(&self.claims.labels),
            reports: self.program.reports,
            hidden: self.program.hidden,
            issues: grouped.groups.iter().map(|group| self.issue(group)).collect(),
            findings: grouped.findings,
        }
    }

    fn issue(&self, group: &Group<'_>) -> PlannedIssue {
        let known = Known::of(group, self.observed);
        let news = known.news(group, &self.claims.program.value);
        let action = match group.issue {
            None => Action::Open,
            Some(_) if news.is_empty() => Action::Nothing,
            Some(_) => Action::Comment,
        };
        let mut of_week: Vec<&Member<'_>> =
            group.stacks.iter().filter(|stack| !stack.history.now.is_empty()).collect();
        let is_new = |stack: &Member<'_>| known.is_new(stack);
        if group.issue.is_some() {
            // Whoever reads the issue knows the others.
            of_week.sort_by_key(|stack| !is_new(stack));
        }
        let shown = of_week.iter().take(STACKS);
        let shown = shown.map(|stack| self.stack(stack, is_new(stack))).collect();
        let part = |of: fn(&Sighting) -> &str| parts(&of_week, of);
        let mut issue = PlannedIssue {
            id: group.id.clone(),
            action,
            issue: group.issue.map(str::to_owned),
            blamed: group.blamed.clone(),
            counts: self.counts(&of_week),
            first_week: self.first_week(group),
            versions: part(|seen| &seen.version),
            platforms: part(|seen| &seen.platform),
            toolchains: part(|seen| &seen.toolchain),
            stacks: shown,
            more_stacks: of_week.len().saturating_sub(STACKS) as u64,
            reopen: news.iter().any(|news| matches!(news, News::NotFixed { .. })),
            news,
            claim: None,
            title: None,
            body: None,
            comment: None,
        };
        if issue.action == Action::Open {
            issue.claim = Some(wording::claim(self.claims, &issue));
        }
        if self.planning.tracker == Tracker::Github {
            self.word(&mut issue);
        }
        issue
    }

    fn word(&self, issue: &mut PlannedIssue) {
        let week = wording::Week {
            last: self.observed.week,
            complete: self.observed.complete,
            compared: self.observed.weeks.len().saturating_sub(1) as u64,
            from: self.observed.weeks.first().copied().unwrap_or(self.observed.week),
            confidence: self.confidence,
            site: self.planning.site,
        };
        if issue.action == Action::Open {
            issue.title = Some(wording::title(self.claims, issue));
            issue.body = Some(wording::body(&week, self.name, issue));
        }
        // Of a new group, the issue itself says everything.
        let is_new = issue.issue.is_none() && issue.news.contains(&News::Group);
        if !is_new && !issue.news.is_empty() {
            issue.comment = Some(wording::comment(&week, self.name, issue));
        }
    }

    fn first_week(&self, group: &Group<'_>) -> Date {
        let weeks = group.stacks.iter().map(|stack| stack.history.first);
        weeks.min().unwrap_or(self.observed.week)
    }

    fn stack(&self, stack: &Member<'_>, is_new: bool) -> PlannedStack {
        let counter = stack.name.counter.as_str();
        let page = (self.planning.page)(self.name, counter, &stack.functions());
        PlannedStack {
            counter: counter.to_owned(),
            frames: stack.name.frames.split('\n').map(str::to_owned).collect(),
            reports: stack.reports(),
            first_week: stack.history.first,
            is_new,
            page: page.map(|page| format!("{}{page}", self.planning.site)),
        }
    }

    /// The reports of the week that have some of these stacks, by counter.
    fn counts(&self, stacks: &[&Member<'_>]) -> Vec<Counted> {
        let counters: BTreeSet<&str> =
            stacks.iter().map(|stack| stack.name.counter.as_str()).collect();
        let mut counts: Vec<Counted> = counters
            .into_iter()
            .map(|counter| {
                let of_counter = stacks.iter().filter(|stack| stack.name.counter == counter);
                let seen = of_counter.flat_map(|stack| &stack.history.now);
                // A report counts once.
                let reports: BTreeMap<u64, _> =
                    seen.map(|seen| (seen.report, (seen.config, seen.weight))).collect();
                let mut hits = Sampled::default();
                reports.values().for_each(|(config, weight)| hits.add(*config, *weight));
                let hits = hits.weights();
                let base =
                    self.program.bases.get(counter).map(Sampled::weights).unwrap_or_default();
                let share = share(&hits, &base, self.confidence);
                let installations = Interval {
                    value: hits.sum,
                    low: share.low * base.sum,
                    high: share.high * base.sum,
                };
                Counted {
                    counter: counter.to_owned(),
                    reports: hits.reports,
                    installations,
                    share,
                    base: base.base(),
                }
            })
            .collect();
        counts.sort_by(|a, b| b.installations.value.total_cmp(&a.installations.value));
        counts
    }
}

/// Reports of the week by a property of their builds: those of most reports first, then by name.
fn parts(stacks: &[&Member<'_>], of: fn(&Sighting) -> &str) -> Vec<Part> {
    let seen = stacks.iter().flat_map(|stack| &stack.history.now);
    let mut reports: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for seen in seen {
        reports.entry(of(seen)).or_default().insert(seen.report);
    }
    let part = |(name, reports): (&str, BTreeSet<u64>)| Part {
        name: name.to_owned(),
        reports: reports.len() as u64,
    };
    let mut parts: Vec<Part> = reports.into_iter().map(part).collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.reports));
    parts
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
