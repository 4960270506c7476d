//! Who asked for each string of a config: the definitions that need it, where it is written, and the commit
//! that introduced it.
//!
//! A string is introduced by the oldest commit in the unbroken line of first parents whose definitions need
//! it, live or not: a chart that expired, and was renewed later, asked for it all the time.

use crate::charts::definition::{Chart, Program};
use crate::charts::location::{At, Location};
use crate::charts::{
    CommitDetails, Definitions, Introduction, RepositoryError, Revision, introduced, merged, parse,
};
use crate::collection::config::Rate;
use crate::collection::{ConfigString, compile, expand, needs};
use jiff::civil::Date;
use serde::{Serialize, Serializer};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The kinds of strings in a config.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StringKind {
    /// An operating system.
    Goos,
    /// An architecture.
    Goarch,
    /// A toolchain.
    Toolchain,
    /// A program.
    Program,
    /// A version of a program.
    Version,
    /// A counter of a program.
    Counter,
    /// A stack counter of a program.
    Stack,
}

/// A string of a config, and who asked for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// What the string is.
    pub kind: StringKind,
    /// The string.
    pub string: String,
    /// The program that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The share of the reports that hold it, of counters and stacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// The file, from the root of the repository.
    pub file: String,
    /// The line where it is written; of a version that is allowed in advance, where its program is.
    pub line: u32,
    /// Whether it is a version that is not listed, but allowed in advance by `[padding]`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub in_advance: bool,
    /// The commit that introduced it.
    pub introduced: CommitDetails,
    /// The commit of a merged branch that first had it, if the commit that introduced it is a merge. Only looked
    /// for where someone asks: see [`branches`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<CommitDetails>,
    /// The charts that need it, in the order of the definitions. Strings that the same charts need share the list:
    /// all charts of a program need each of its versions.
    #[serde(serialize_with = "each")]
    pub charts: Arc<[Arc<Asking>]>,
}

fn each<S: Serializer>(charts: &Arc<[Arc<Asking>]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(charts.iter().map(|chart| chart.as_ref()))
}

/// A chart that needs a string.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asking {
    /// Its heading.
    pub title: String,
    /// `partition`, `histogram`, `timeseries`, `ratio` or `stack`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The discussions in which it was accepted.
    pub issue: Vec<String>,
    /// The file, from the root of the repository.
    pub file: String,
    /// The line of its `[[chart]]`.
    pub line: u32,
    /// The last day on which it is collected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
}

/// Explains the strings of the config that a revision's definitions compile to on a day, in the order of
/// their kinds. Of all strings, those that `wanted` accepts. `known` may already know the answer for the strings
/// of an earlier commit, which ends the search for the ones that it has.
pub fn explain<E: From<RepositoryError>>(
    revision: &Revision,
    definitions: &Definitions,
    as_of: Date,
    wanted: impl Fn(&ConfigString) -> bool,
    mut known: impl FnMut(&str) -> Result<Option<HashMap<ConfigString, CommitDetails>>, E>,
) -> Result<Vec<Explanation>, E> {
    let mut needed = needs(definitions, as_of);
    needed.retain(|string, _| wanted(string));
    let mut commits: HashMap<String, CommitDetails> = HashMap::new();
    let introduced = introduced(
        needed.keys().cloned(),
        revision,
        // On the first day there is, every definition is live.
        |there| needs(there, Date::MIN).into_keys().collect::<HashSet<_>>(),
        |commit| {
            let Some(known) = known(commit)? else { return Ok(None) };
            let introductions = known.into_iter().map(|(string, details)| {
                let introduction = Introduction { commit: details.commit.clone(), on: details.on };
                commits.entry(details.commit.clone()).or_insert(details);
                (string, introduction)
            });
            Ok::<_, E>(Some(introductions.collect()))
        },
    )?;
    let unread: HashSet<&str> = introduced
        .values()
        .map(|found| found.commit.as_str())
        .filter(|commit| !commits.contains_key(*commit))
        .collect();
    let read = revision.history.details(unread)?;
    commits.extend(read);
    let rates = rates(definitions, as_of);
    let programs: HashMap<&str, &Program> =
        definitions.programs.iter().map(|program| (program.program.as_str(), program)).collect();
    let mut lists = Lists::default();
    let mut explanations = Vec::with_capacity(needed.len());
    for (string, charts) in needed {
        // Every string of a revision that comes from a repository has a commit.
        let commit = introduced.get(&string).and_then(|found| commits.get(&found.commit));
        let Some(details) = commit.cloned() else { continue };
        let Some((location, in_advance)) = written(definitions, &programs, &string, &charts) else {
            continue;
        };
        let (kind, program, text) = parts(&string);
        explanations.push(Explanation {
            kind,
            rate: rates.get(&string).copied(),
            string: text.to_owned(),
            program: program.map(str::to_owned),
            file: path(revision, &location),
            line: location.line,
            in_advance,
            introduced: details,
            written: None,
            charts: lists.of(charts, revision),
        });
    }
    Ok(explanations)
}

/// How many merges of merges are followed.
const DEPTH: usize = 16;

/// Finds who wrote what merged branches brought.
pub fn branches(
    explanations: &mut [Explanation],
    revision: &Revision,
) -> Result<(), RepositoryError> {
    let mut by_commit: HashMap<String, HashSet<ConfigString>> = HashMap::new();
    for explanation in explanations.iter() {
        let strings = by_commit.entry(explanation.introduced.commit.clone()).or_default();
        strings.insert(string_of(explanation));
    }
    let mut written: HashMap<ConfigString, String> = HashMap::new();
    for _ in 0..DEPTH {
        let mut deeper: HashMap<String, HashSet<ConfigString>> = HashMap::new();
        for (commit, mut strings) in by_commit {
            for branch in merged(revision, &commit)? {
                let Ok(definitions) = parse(&branch.sources) else { continue };
                let there: HashSet<ConfigString> =
                    needs(&definitions, Date::MIN).into_keys().collect();
                let brought: Vec<ConfigString> = strings.intersection(&there).cloned().collect();
                let found = introduced(
                    brought,
                    &branch,
                    |there| needs(there, Date::MIN).into_keys().collect(),
                    |_| Ok::<_, RepositoryError>(None),
                )?;
                for (string, introduction) in found {
                    strings.remove(&string);
                    let next = deeper.entry(introduction.commit.clone()).or_default();
                    next.insert(string.clone());
                    written.insert(string, introduction.commit);
                }
            }
        }
        if deeper.is_empty() {
            break;
        }
        by_commit = deeper;
    }
    let details = revision.history.details(written.values().map(String::as_str))?;
    for explanation in explanations {
        let commit = written.get(&string_of(explanation));
        explanation.written = commit.and_then(|commit| details.get(commit)).cloned();
    }
    Ok(())
}

/// The string that is explained.
fn string_of(explanation: &Explanation) -> ConfigString {
    let name = explanation.string.clone();
    let program = explanation.program.clone().unwrap_or_default();
    match explanation.kind {
        StringKind::Goos => ConfigString::Goos(name),
        StringKind::Goarch => ConfigString::Goarch(name),
        StringKind::Toolchain => ConfigString::Toolchain(name),
        StringKind::Program => ConfigString::Program(name),
        StringKind::Version => ConfigString::Version { program, version: name },
        StringKind::Counter => ConfigString::Counter { program, name },
        StringKind::Stack => ConfigString::Stack { program, name },
    }
}

/// The charts that need strings, each written down once, and so is each list of them.
#[derive(Default)]
struct Lists {
    /// By where it is in memory: the definitions stay where they are.
    charts: HashMap<*const Chart, Arc<Asking>>,
    lists: HashMap<Vec<*const Chart>, Arc<[Arc<Asking>]>>,
}

impl Lists {
    fn of(&mut self, charts: Vec<&Chart>, revision: &Revision) -> Arc<[Arc<Asking>]> {
        let key = charts.iter().map(|chart| std::ptr::from_ref::<Chart>(chart)).collect();
        let list = || {
            let all = charts.into_iter().map(|chart| {
                let known = self.charts.entry(std::ptr::from_ref(chart));
                Arc::clone(known.or_insert_with(|| Arc::new(asking(chart, revision))))
            });
            all.collect()
        };
        Arc::clone(self.lists.entry(key).or_insert_with(list))
    }
}

fn asking(chart: &Chart, revision: &Revision) -> Asking {
    Asking {
        title: chart.title.value.clone(),
        kind: chart.kind.name(),
        issue: chart.issue.iter().map(|issue| issue.value.clone()).collect(),
        file: path(revision, &chart.location),
        line: chart.location.line,
        expires: chart.expires.as_ref().map(|day| day.value),
    }
}

/// A file's path from the root of the repository.
fn path(revision: &Revision, location: &Location) -> String {
    match revision.folder.as_str() {
        "" => location.file.to_string(),
        folder => format!("{folder}/{}", location.file),
    }
}

/// The kind of a string, its program, and the string itself.
fn parts(string: &ConfigString) -> (StringKind, Option<&str>, &str) {
    match string {
        ConfigString::Goos(name) => (StringKind::Goos, None, name),
        ConfigString::Goarch(name) => (StringKind::Goarch, None, name),
        ConfigString::Toolchain(name) => (StringKind::Toolchain, None, name),
        ConfigString::Program(program) => (StringKind::Program, None, program),
        ConfigString::Version { program, version } => (StringKind::Version, Some(program), version),
        ConfigString::Counter { program, name } => (StringKind::Counter, Some(program), name),
        ConfigString::Stack { program, name } => (StringKind::Stack, Some(program), name),
    }
}

/// Where a string is written, and whether it is only allowed in advance.
fn written(
    definitions: &Definitions,
    programs: &HashMap<&str, &Program>,
    string: &ConfigString,
    charts: &[&Chart],
) -> Option<(Location, bool)> {
    let collection = &definitions.collection;
    let in_list = |list: &[At<String>], name: &str| {
        list.iter().find(|value| value.value == name).map(|value| (value.location.clone(), false))
    };
    let program_of = |path: &str| programs.get(path).copied();
    let toolchain = |name: &str| {
        let in_advance = || collection.padding.as_ref().map(|one| (one.location.clone(), true));
        in_list(&collection.toolchains, name).or_else(in_advance)
    };
    match string {
        ConfigString::Goos(name) => in_list(&collection.goos, name),
        ConfigString::Goarch(name) => in_list(&collection.goarch, name),
        ConfigString::Toolchain(name) => toolchain(name),
        ConfigString::Program(program) => {
            Some((program_of(program)?.program.location.clone(), false))
        }
        ConfigString::Version { program, version } => {
            let listed = program_of(program)?;
            if listed.versions.is_none() && listed.program.is_toolchain() {
                // Such a program has those toolchains that are Go's.
                return toolchain(version);
            }
            let mut versions = listed.versions.iter().flatten();
            let found = versions.find(|listed| listed.value.as_str() == version);
            Some(match found {
                Some(found) => (found.location.clone(), false),
                None => (listed.program.location.clone(), true),
            })
        }
        ConfigString::Counter { name, .. } | ConfigString::Stack { name, .. } => {
            let own = charts.iter().find(|chart| chart.counter.has(name));
            let location = match own {
                Some(chart) => &chart.counter.location,
                None => &charts.iter().find_map(|chart| chart.over())?.location,
            };
            Some((location.clone(), false))
        }
    }
}

/// The rates of counters and stacks.
fn rates(definitions: &Definitions, as_of: Date) -> HashMap<ConfigString, Rate> {
    let mut rates = HashMap::new();
    for program in compile(definitions, as_of).programs {
        let path = || program.name.clone();
        for counter in &program.counters {
            for name in expand(&counter.name) {
                rates.insert(ConfigString::Counter { program: path(), name }, counter.rate);
            }
        }
        for stack in &program.stacks {
            let name = stack.name.clone();
            rates.insert(ConfigString::Stack { program: path(), name }, stack.rate);
        }
    }
    rates
}
