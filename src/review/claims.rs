//! What a proposal changes of the claims of stacks, which say which stacks are known and under which issue.

use crate::charts::Definitions;
use crate::charts::claims::{Claim, StackClaims};
use crate::charts::location::At;
use serde::Serialize;
use std::collections::BTreeMap;

/// What changes of the claims of a program.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ClaimsProposal {
    /// The program.
    pub program: String,
    /// Claims that are new, or claim something else.
    pub added: Vec<ClaimSummary>,
    /// Claims that are there no more.
    pub removed: Vec<ClaimSummary>,
    /// Of how many claims only the examples change.
    pub examples: usize,
    /// Whether it changes how stacks are grouped, or where and how their issues are opened.
    pub settings: bool,
}

/// A claim, for reviewers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ClaimSummary {
    /// The address of the issue.
    pub issue: String,
    /// Which stacks it claims.
    pub when: String,
    /// The first version in which it should not happen any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed: Option<String>,
}

type Examples<'c> = Vec<&'c str>;

/// The changes, in the order of the programs' paths.
pub fn claims(base: Option<&Definitions>, head: &Definitions) -> Vec<ClaimsProposal> {
    let of = |definitions: Option<&Definitions>| -> BTreeMap<String, StackClaims> {
        let files = definitions.into_iter().flat_map(|definitions| &definitions.stacks);
        files.map(|file| (file.program.value.to_string(), file.clone())).collect()
    };
    let (before, after) = (of(base), of(Some(head)));
    let mut programs: Vec<&String> = before.keys().chain(after.keys()).collect();
    programs.sort_unstable();
    programs.dedup();
    let nothing: BTreeMap<ClaimSummary, Examples<'_>> = BTreeMap::new();
    let changes = programs.into_iter().filter_map(|program| {
        let (old, new) = (before.get(program), after.get(program));
        let known = old.map(by_summary).unwrap_or_else(|| nothing.clone());
        let now = new.map(by_summary).unwrap_or_else(|| nothing.clone());
        let missing = |these: &BTreeMap<ClaimSummary, Examples<'_>>,
                       those: &BTreeMap<ClaimSummary, Examples<'_>>| {
            these.keys().filter(|claim| !those.contains_key(*claim)).cloned().collect::<Vec<_>>()
        };
        let changed = now
            .iter()
            .filter(|(claim, stacks)| known.get(*claim).is_some_and(|before| before != *stacks));
        let found = ClaimsProposal {
            program: program.clone(),
            added: missing(&now, &known),
            removed: missing(&known, &now),
            examples: changed.count(),
            settings: old.is_some() && new.is_some() && old.map(settings) != new.map(settings),
        };
        let is_nothing = ClaimsProposal { program: program.clone(), ..ClaimsProposal::default() };
        (found != is_nothing).then_some(found)
    });
    changes.collect()
}

fn by_summary(file: &StackClaims) -> BTreeMap<ClaimSummary, Examples<'_>> {
    let summary = |claim: &Claim| ClaimSummary {
        issue: claim.issue.value.clone(),
        when: claim.when.value.to_string(),
        fixed: claim.fixed.as_deref().map(ToString::to_string),
    };
    let mut known: BTreeMap<ClaimSummary, Examples<'_>> = BTreeMap::new();
    for claim in &file.claims {
        known.insert(
            summary(claim),
            claim.stacks.iter().map(|stack| stack.value.as_str()).collect(),
        );
    }
    known
}

/// What a file says beside its claims.
fn settings(file: &StackClaims) -> impl PartialEq + use<> {
    let texts = |list: &[At<String>]| -> Vec<String> {
        list.iter().map(|text| text.value.clone()).collect()
    };
    let text = |one: &Option<At<String>>| one.as_ref().map(|text| text.value.clone());
    (text(&file.repository), texts(&file.labels), text(&file.title), texts(&file.skip), file.top)
}
