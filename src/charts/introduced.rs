//! Which commit introduced something that definitions have: the oldest in the unbroken line of first parents
//! that have it.
//!
//! A commit whose definitions have mistakes was never published, and is skipped. Where the line is cut off, as
//! in a shallow clone, nothing is said: the last commit that is there has not introduced what was there before
//! it.

use super::history::AncestorCharts;
use super::object_name::ObjectName;
use super::repository::Revision;
use super::repository_error::RepositoryError;
use super::{Definitions, parse};
use crate::day::date_of;
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::ops::ControlFlow;

/// The commit that introduced something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introduction {
    /// Its object name.
    pub commit: String,
    /// Its day, in UTC.
    pub on: Date,
}

impl Introduction {
    fn new(commit: &ObjectName, time: i64) -> Introduction {
        Introduction { commit: commit.to_string(), on: day_of(time) }
    }
}

/// The most parents of a merge that are looked at.
const MOST_PARENTS: usize = 16;

/// The commits that an earlier commit of a revision's history merged: its parents but the first, with their charts
/// folders, wherever those were then, as far as they can be read.
pub fn merged(revision: &Revision, commit: &str) -> Result<Vec<Revision>, RepositoryError> {
    let Some(mut commits) = revision.history.reader()? else { return Ok(Vec::new()) };
    let folder = commits.folder.clone();
    let mut merged = Vec::new();
    for number in 1..=MOST_PARENTS {
        let mut history = revision.history.clone();
        commits.folder.clone_from(&folder);
        let Ok(parent) = commits.commit(commit)?.parent_id(number) else { break };
        let parent = parent.to_string();
        let moved = commits.moved_before(&revision.tree, &revision.commit, &parent);
        if let Some(moved) = moved {
            history = history.in_folder(moved.clone());
            commits.folder = Some(moved);
        }
        let found = commits.commit(&parent)?;
        let name = ObjectName::parse(&parent);
        let (Some(name), Ok(charts)) = (name, commits.read(&found)) else { continue };
        merged.push(Revision {
            commit: name,
            tree: charts.tree,
            folder: charts.folder,
            time: found.time().seconds(),
            sources: charts.sources,
            history,
        });
    }
    Ok(merged)
}

/// The day, in UTC, of a time in seconds since 1970; the earliest day if the calendar has no such time,
/// which git allows.
pub fn day_of(time: i64) -> Date {
    Timestamp::from_second(time).map_or(Date::MIN, date_of)
}

/// The commit that introduced each of `items`, which are items of `revision`. `items_of` finds those of other
/// definitions. `known` may already know them for a commit, which ends the search for the ones that it has.
pub fn introduced<T: Clone + Eq + Hash, E: From<RepositoryError>>(
    items: impl IntoIterator<Item = T>,
    revision: &Revision,
    mut items_of: impl FnMut(&Definitions) -> HashSet<T>,
    mut known: impl FnMut(&str) -> Result<Option<HashMap<T, Introduction>>, E>,
) -> Result<HashMap<T, Introduction>, E> {
    let here = Introduction::new(&revision.commit, revision.time);
    let mut open: HashMap<T, Introduction> =
        items.into_iter().map(|item| (item, here.clone())).collect();
    let mut settled = HashMap::new();
    if let Some(known) = known(revision.commit.as_str())? {
        settle(known, &mut open, &mut settled);
    }
    if open.is_empty() {
        return Ok(settled);
    }
    let mut failure = None;
    // Whether the definitions of the commit before are known to be free of mistakes.
    let mut whole = true;
    revision.history.before(&revision.commit, |ancestor| {
        match known(ancestor.commit.as_str()) {
            Ok(Some(known)) => settle(known, &mut open, &mut settled),
            Ok(None) => {}
            Err(error) => {
                failure = Some(error);
                return ControlFlow::Break(());
            }
        }
        let there = match &ancestor.charts {
            AncestorCharts::Absent => return ControlFlow::Break(()),
            AncestorCharts::Same => None,
            AncestorCharts::Unreadable => {
                whole = false;
                None
            }
            AncestorCharts::Read(sources) => {
                let parsed = parse(sources);
                whole = parsed.is_ok();
                parsed.ok().map(|found| items_of(&found))
            }
        };
        if let Some(there) = there {
            let (kept, gone) = open.drain().partition(|(item, _)| there.contains(item));
            open = kept;
            settled.extend::<HashMap<_, _>>(gone);
        }
        if whole {
            for introduction in open.values_mut() {
                *introduction = Introduction::new(&ancestor.commit, ancestor.time);
            }
        }
        if open.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    settled.extend(open);
    failure.map_or(Ok(settled), Err)
}

/// Takes over what is known of open items.
fn settle<T: Eq + Hash>(
    known: HashMap<T, Introduction>,
    open: &mut HashMap<T, Introduction>,
    settled: &mut HashMap<T, Introduction>,
) {
    for (item, introduction) in known {
        if open.remove(&item).is_some() {
            settled.insert(item, introduction);
        }
    }
}
