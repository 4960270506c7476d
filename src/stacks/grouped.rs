//! Stacks sorted into groups: those that a claim claims by its issue, the others by the functions to blame.

use super::observed::{History, ObservedProgram, StackName};
use crate::aggregate::charting::functions_of_stack;
use crate::charts::claims::{Claim, StackClaims};
use crate::charts::location::Location;
use crate::charts::version::Version;
use crate::collection::frame::function;
use crate::count::count;
use crate::hex::shortened;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// How many bytes of a hash name a group.
const ID_BYTES: usize = 8;

/// Stacks that belong together.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// Its name, which stays the same from week to week.
    pub id: String,
    /// The issue that claims it.
    pub issue: Option<&'a str>,
    /// The functions to blame, innermost first; of a claimed group, those of its most frequent stack.
    pub blamed: Vec<String>,
    /// Its stacks, those of most reports first, then in alphabetical order.
    pub stacks: Vec<Member<'a>>,
}

/// A stack of a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member<'a> {
    pub name: &'a StackName,
    pub history: &'a History,
    /// The first version in which it should not happen any more.
    pub fixed: Option<&'a Version>,
}

impl Member<'_> {
    /// How many reports of the week have it.
    pub(super) fn reports(&self) -> u64 {
        let reports: BTreeSet<u64> = self.history.now.iter().map(|seen| seen.report).collect();
        reports.len() as u64
    }

    /// Its functions: the same for stacks that differ only in lines.
    pub(super) fn functions(&self) -> String {
        functions_of_stack(&self.name.frames)
    }
}

/// What is wrong with the claims, judging by the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClaimFinding {
    /// The file, in the charts folder.
    pub file: String,
    /// The line of the claim.
    pub line: u32,
    /// What is wrong, in one sentence.
    pub message: String,
    /// Whether stacks are left out because of it.
    pub is_error: bool,
}

/// Stacks sorted into groups.
#[derive(Debug)]
pub(super) struct Grouped<'a> {
    /// The groups with a report in the week: most installations first.
    pub groups: Vec<Group<'a>>,
    pub findings: Vec<ClaimFinding>,
}

/// What a group is of.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Issue(&'a str),
    Functions { counter: &'a str, blamed: Vec<String> },
}

/// Sorts the stacks of a program. `weeks` is how many weeks were read.
pub(super) fn group<'a>(
    program: &str,
    observed: &'a ObservedProgram,
    claims: &'a StackClaims,
    weeks: usize,
) -> Grouped<'a> {
    let mut groups: BTreeMap<Key<'a>, Vec<Member<'a>>> = BTreeMap::new();
    let mut used: BTreeSet<&Location> = BTreeSet::new();
    let mut overlaps: BTreeMap<(&Location, &Location), (u64, &StackName)> = BTreeMap::new();
    for (name, history) in &observed.stacks {
        let frames: Vec<&str> = name.frames.split('\n').collect();
        let claiming: Vec<&Claim> = claims.claiming(&frames).collect();
        used.extend(claiming.iter().map(|claim| &claim.location));
        let first = claiming.first().copied();
        let other = first.and_then(|first| {
            claiming.iter().copied().find(|other| other.issue.value != first.issue.value)
        });
        if let (Some(first), Some(other)) = (first, other) {
            let known = overlaps.entry((&first.location, &other.location)).or_insert((0, name));
            known.0 += 1;
            continue;
        }
        let key = match first {
            Some(claim) => Key::Issue(claim.issue.value.as_str()),
            None => Key::Functions { counter: &name.counter, blamed: blamed(claims, &frames) },
        };
        // A stack that several claims claim is fixed when the last of them is.
        let fixed = claiming.iter().filter_map(|claim| claim.fixed.as_ref());
        let fixed = fixed.map(|fixed| &fixed.value);
        let fixed = fixed.reduce(|last, fixed| if fixed.at_least(last) { fixed } else { last });
        groups.entry(key).or_default().push(Member { name, history, fixed });
    }
    let mut findings: Vec<ClaimFinding> = overlaps
        .iter()
        .map(|((first, other), (stacks, name))| ClaimFinding {
            file: other.file.to_string(),
            line: other.line,
            message: format!(
                "{} claimed for another issue, too, in line {}, and left out until one of the claims excludes it: \
                 the one that begins with {}",
                if *stacks == 1 { "a stack is".to_owned() } else { format!("{stacks} stacks are") },
                first.line,
                name.frames.lines().next().unwrap_or_default()
            ),
            is_error: true,
        })
        .collect();
    // What is fixed should claim nothing.
    let unused = claims.claims.iter().filter(|claim| claim.fixed.is_none());
    let unused = unused.filter(|claim| !used.contains(&claim.location));
    findings.extend(unused.map(|claim| ClaimFinding {
        file: claim.location.file.to_string(),
        line: claim.location.line,
        message: format!(
            "the claim of {} claims no stack in {}: correct it, remove it, or say in which version it was `fixed`",
            claim.issue.value,
            count(weeks as u64, "week")
        ),
        is_error: false,
    }));
    findings.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    let groups = groups.into_iter().map(|(key, stacks)| finish(program, key, stacks, claims));
    let mut groups: Vec<Group<'a>> = groups
        .filter(|group| group.stacks.iter().any(|stack| !stack.history.now.is_empty()))
        .collect();
    let weight = |group: &Group<'_>| {
        let seen = group.stacks.iter().flat_map(|stack| &stack.history.now);
        let reports: BTreeMap<u64, f64> = seen.map(|seen| (seen.report, seen.weight)).collect();
        reports.values().sum::<f64>()
    };
    // The order of equal groups is that of their keys.
    groups.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    Grouped { groups, findings }
}

/// The functions to blame for a stack.
fn blamed(claims: &StackClaims, frames: &[&str]) -> Vec<String> {
    let blamed = claims.blamed(frames);
    let frames = blamed.iter().filter_map(|at| frames.get(*at));
    frames.map(|frame| function(frame).to_owned()).collect()
}

fn finish<'a>(
    program: &str,
    key: Key<'a>,
    mut stacks: Vec<Member<'a>>,
    claims: &StackClaims,
) -> Group<'a> {
    // The order of equal stacks is that of their names.
    stacks.sort_by_key(|stack| std::cmp::Reverse(stack.reports()));
    let (what, issue, blamed) = match key {
        Key::Issue(issue) => {
            let first = stacks.first().map_or("", |stack| stack.name.frames.as_str());
            let frames: Vec<&str> = first.split('\n').collect();
            (format!("issue\n{issue}"), Some(issue), blamed(claims, &frames))
        }
        Key::Functions { counter, blamed } => {
            (format!("functions\n{counter}\n{}", blamed.join("\n")), None, blamed)
        }
    };
    let id = shortened(&Sha256::digest(format!("{program}\n{what}")), ID_BYTES);
    Group { id, issue, blamed, stacks }
}
