//! Which commits introduced the counters and stacks of a config: what `candor explain` answers, recorded with the
//! definitions for pages, which have no repository to ask.

use super::catalogue::{Catalogue, CatalogueCommit};
use crate::charts::{CommitDetails, Definitions, RepositoryError, Revision};
use crate::collection::{ConfigString, contract, expand};
use crate::review::{StringKind, explain};
use jiff::civil::Date;
use std::collections::{BTreeMap, HashMap};

/// The commits that introduced what `definitions`, which are those of `revision`, collect on a day. `known` finds
/// the catalogue of an earlier commit, which ends the search for the strings that it has.
pub(super) fn introduced<E: From<RepositoryError>>(
    definitions: &Definitions,
    revision: &Revision,
    as_of: Date,
    mut known: impl FnMut(&str) -> Result<Option<Catalogue>, E>,
) -> Result<Vec<CatalogueCommit>, E> {
    let is_counted = |string: &ConfigString| {
        matches!(string, ConfigString::Counter { .. } | ConfigString::Stack { .. })
    };
    let known =
        |commit: &str| Ok::<_, E>(known(commit)?.and_then(|catalogue| known_of(&catalogue)));
    let explanations = explain(revision, definitions, as_of, is_counted, known)?;
    /// A stack counter or a counter, its program and its name.
    type Named = (bool, String, String);
    let mut commits: Vec<(CommitDetails, Vec<Named>)> = Vec::new();
    let mut positions: HashMap<String, usize> = HashMap::new();
    for explanation in explanations {
        let Some(program) = explanation.program else { continue };
        let details = explanation.introduced;
        let position = *positions.entry(details.commit.clone()).or_insert(commits.len());
        if position == commits.len() {
            commits.push((details, Vec::new()));
        }
        if let Some((_, strings)) = commits.get_mut(position) {
            strings.push((explanation.kind == StringKind::Stack, program, explanation.string));
        }
    }
    let described = commits.into_iter().map(|(details, strings)| {
        let of_kind = |stacks: bool| {
            let mut names: BTreeMap<String, Vec<&str>> = BTreeMap::new();
            for (_, program, name) in strings.iter().filter(|(is_stack, ..)| *is_stack == stacks) {
                names.entry(program.clone()).or_default().push(name);
            }
            names.into_iter().map(|(program, names)| (program, contract(names))).collect()
        };
        CatalogueCommit { counters: of_kind(false), stacks: of_kind(true), details }
    });
    Ok(described.collect())
}

/// What a catalogue says of its strings; `None` if it was recorded before catalogues said so.
fn known_of(catalogue: &Catalogue) -> Option<HashMap<ConfigString, CommitDetails>> {
    if catalogue.introduced.is_empty() {
        return None;
    }
    let mut known = HashMap::new();
    for commit in &catalogue.introduced {
        for (program, names) in &commit.counters {
            for name in names.iter().flat_map(|group| expand(group)) {
                let string = ConfigString::Counter { program: program.clone(), name };
                known.insert(string, commit.details.clone());
            }
        }
        for (program, names) in &commit.stacks {
            for name in names.iter().flat_map(|group| expand(group)) {
                let string = ConfigString::Stack { program: program.clone(), name };
                known.insert(string, commit.details.clone());
            }
        }
    }
    Some(known)
}
