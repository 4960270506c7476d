//! What changed between two configs: what is collected now and was not before, and the other way round.
//! `words` puts it into sentences.
//!
//! Only what a config *means* counts, as for [`Allowed`](super::Allowed): groups are expanded, of a name
//! that is listed twice the last one counts, and order does not matter. Two configs without a difference
//! accept the same reports.

mod words;

use super::config::{CollectionConfig, CounterConfig, ProgramConfig, Rate};
use super::expand::expand;
use crate::charts::counter::chart_of;
use std::collections::{HashMap, HashSet};

pub use words::Phrase;

/// Everything that changed: first environments and the sample rate, then program by program.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Difference {
    /// The changes.
    pub changes: Vec<Change>,
}

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Reports from more environments are accepted, or from fewer.
    Environments {
        /// The kind of environment.
        what: Environment,
        /// Whether they are accepted now.
        now: bool,
        /// Their names.
        names: Vec<String>,
    },
    /// The share of reports that are sent at all.
    SampleRate {
        /// The share before.
        from: Rate,
        /// The share now.
        to: Rate,
    },
    /// Something is collected from a program for the first time, or nothing any more.
    Program {
        /// The program.
        program: String,
        /// Whether something is collected now.
        now: bool,
    },
    /// Reports from more versions of a program are accepted, or from fewer.
    Versions {
        /// The program.
        program: String,
        /// Whether they are accepted now.
        now: bool,
        /// The versions.
        versions: Vec<String>,
    },
    /// Counters, or stacks, are collected.
    Collected {
        /// The program.
        program: String,
        /// What is collected.
        what: Counted,
        /// The names, groups expanded.
        names: Vec<String>,
        /// From which share of the reports.
        rate: Rate,
    },
    /// Counters, or stacks, are no longer collected.
    Dropped {
        /// The program.
        program: String,
        /// What was collected.
        what: Counted,
        /// The names, groups expanded.
        names: Vec<String>,
    },
    /// Counters, or stacks, are collected from another share of the reports.
    Rate {
        /// The program.
        program: String,
        /// What is collected.
        what: Counted,
        /// The names, groups expanded.
        names: Vec<String>,
        /// The share before.
        from: Rate,
        /// The share now.
        to: Rate,
    },
    /// Stacks are collected to another depth.
    Depth {
        /// The program.
        program: String,
        /// The stack counters.
        names: Vec<String>,
        /// The most frames before.
        from: u32,
        /// The most frames now.
        to: u32,
    },
}

/// What a report says about where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// An operating system.
    System,
    /// An architecture.
    Architecture,
    /// The toolchain that built the program.
    Toolchain,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counted {
    /// A counter.
    Counter,
    /// Call stacks.
    Stack {
        /// The most frames.
        depth: u32,
    },
}

/// The changes that lead from `old` to `new`.
pub fn difference(old: &CollectionConfig, new: &CollectionConfig) -> Difference {
    let mut changes = Vec::new();
    for (what, before, after) in [
        (Environment::System, &old.goos, &new.goos),
        (Environment::Architecture, &old.goarch, &new.goarch),
        (Environment::Toolchain, &old.go_version, &new.go_version),
    ] {
        compare_lists(before, after, |now, names| {
            changes.push(Change::Environments { what, now, names });
        });
    }
    if old.sample_rate != new.sample_rate {
        changes.push(Change::SampleRate { from: old.sample_rate, to: new.sample_rate });
    }
    let nothing = ProgramConfig::default();
    let (before, after) = (programs(old), programs(new));
    for name in unique(new.programs.iter().map(|program| program.name.as_str())) {
        let now = after.get(name).copied().unwrap_or(&nothing);
        match before.get(name) {
            Some(was) => compare_programs(name, was, now, &mut changes),
            None => {
                changes.push(Change::Program { program: name.to_owned(), now: true });
                compare_programs(name, &nothing, now, &mut changes);
            }
        }
    }
    for name in unique(old.programs.iter().map(|program| program.name.as_str())) {
        if !after.contains_key(name) {
            changes.push(Change::Program { program: name.to_owned(), now: false });
            let was = before.get(name).copied().unwrap_or(&nothing);
            compare_programs(name, was, &nothing, &mut changes);
        }
    }
    Difference { changes }
}

/// The programs by name; of two with the same name, the last.
fn programs(config: &CollectionConfig) -> HashMap<&str, &ProgramConfig> {
    config.programs.iter().map(|program| (program.name.as_str(), program)).collect()
}

fn compare_programs(
    name: &str,
    old: &ProgramConfig,
    new: &ProgramConfig,
    changes: &mut Vec<Change>,
) {
    let program = || name.to_owned();
    compare_lists(&old.versions, &new.versions, |now, versions| {
        changes.push(Change::Versions { program: program(), now, versions });
    });
    let same = same_charts(&old.counters, &new.counters);
    let counters = |config: &ProgramConfig| {
        let counters = config.counters.iter();
        let counters = counters.filter(|counter| !same.contains(chart_of(&counter.name)));
        Collected::new(counters.flat_map(|counter| {
            expand(&counter.name).map(|name| (name, Counted::Counter, counter.rate))
        }))
    };
    let stacks =
        |config: &ProgramConfig| {
            let stacks = config.stacks.iter();
            Collected::new(stacks.map(|stack| {
                (stack.name.clone(), Counted::Stack { depth: stack.depth }, stack.rate)
            }))
        };
    compare_collected(name, &counters(old), &counters(new), changes);
    compare_collected(name, &stacks(old), &stacks(new), changes);
}

/// The charts that both have in one entry, the same one. Nothing of them differs, and they are most of a config, whose
/// names need not be compared one by one.
fn same_charts<'c>(old: &'c [CounterConfig], new: &'c [CounterConfig]) -> HashSet<&'c str> {
    // Names of a group are of its chart if the chart's name ends before the group.
    let is_plain = |counter: &CounterConfig| {
        counter.name.split_once('{').is_none_or(|(before, _)| before.contains(':'))
    };
    if !old.iter().chain(new).all(is_plain) {
        return HashSet::new();
    }
    let (old, new) = (sole_entries(old), sole_entries(new));
    let is_same = |(chart, entry): (&'c str, Option<&'c CounterConfig>)| {
        let other = new.get(chart).copied().flatten();
        (entry.is_some() && entry == other).then_some(chart)
    };
    old.into_iter().filter_map(is_same).collect()
}

/// By chart: its entry, unless there are several.
fn sole_entries(counters: &[CounterConfig]) -> HashMap<&str, Option<&CounterConfig>> {
    let mut by_chart = HashMap::with_capacity(counters.len());
    for counter in counters {
        by_chart
            .entry(chart_of(&counter.name))
            .and_modify(|entry| *entry = None)
            .or_insert(Some(counter));
    }
    by_chart
}

/// What a program counts, by name and in order.
struct Collected {
    names: Vec<String>,
    by_name: HashMap<String, (Counted, Rate)>,
}

impl Collected {
    fn new(items: impl Iterator<Item = (String, Counted, Rate)>) -> Collected {
        let (mut names, mut by_name) = (Vec::new(), HashMap::new());
        for (name, what, rate) in items {
            if by_name.insert(name.clone(), (what, rate)).is_none() {
                names.push(name);
            }
        }
        Collected { names, by_name }
    }

    fn iter(&self) -> impl Iterator<Item = (&str, Counted, Rate)> {
        self.names.iter().filter_map(|name| {
            let (what, rate) = self.by_name.get(name)?;
            Some((name.as_str(), *what, *rate))
        })
    }
}

fn compare_collected(name: &str, old: &Collected, new: &Collected, changes: &mut Vec<Change>) {
    let program = || name.to_owned();
    let mut gained = Groups::default();
    let (mut rates, mut depths) = (Groups::default(), Groups::default());
    for (name, what, rate) in new.iter() {
        match old.by_name.get(name) {
            None => gained.add((what, rate.get().to_bits()), (what, rate), name),
            Some((was, before)) => {
                if *before != rate {
                    let key = (before.get().to_bits(), rate.get().to_bits());
                    rates.add(key, (what, *before, rate), name);
                }
                if let (Counted::Stack { depth: from }, Counted::Stack { depth: to }) = (was, what)
                    && *from != to
                {
                    depths.add((*from, to), (*from, to), name);
                }
            }
        }
    }
    for ((what, rate), names) in gained.0 {
        changes.push(Change::Collected { program: program(), what, names, rate });
    }
    for ((what, from, to), names) in rates.0 {
        changes.push(Change::Rate { program: program(), what, names, from, to });
    }
    for ((from, to), names) in depths.0 {
        changes.push(Change::Depth { program: program(), names, from, to });
    }
    let mut lost = Groups::default();
    for (name, what, _) in old.iter().filter(|(name, ..)| !new.by_name.contains_key(*name)) {
        lost.add((), what, name);
    }
    for (what, names) in lost.0 {
        changes.push(Change::Dropped { program: program(), what, names });
    }
}

/// Names that changed in the same way, grouped; groups are in the order of their first names.
struct Groups<K, T>(Vec<(T, Vec<String>)>, HashMap<K, usize>);

impl<K, T> Default for Groups<K, T> {
    fn default() -> Groups<K, T> {
        Groups(Vec::new(), HashMap::new())
    }
}

impl<K: Eq + std::hash::Hash, T> Groups<K, T> {
    fn add(&mut self, key: K, what: T, name: &str) {
        let index = *self.1.entry(key).or_insert(self.0.len());
        match self.0.get_mut(index) {
            Some((_, names)) => names.push(name.to_owned()),
            None => self.0.push((what, vec![name.to_owned()])),
        }
    }
}

/// Reports what `new` has in addition (with `true`), and then what it lacks (with `false`).
fn compare_lists(old: &[String], new: &[String], mut report: impl FnMut(bool, Vec<String>)) {
    for (now, from, to) in [(true, old, new), (false, new, old)] {
        let known: HashSet<&str> = from.iter().map(String::as_str).collect();
        let others = to.iter().map(String::as_str).filter(|name| !known.contains(name));
        let names: Vec<String> = unique(others).map(str::to_owned).collect();
        if !names.is_empty() {
            report(now, names);
        }
    }
}

/// Each name once, in order.
fn unique<'a>(names: impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    let mut seen = HashSet::new();
    names.filter(move |name| seen.insert(*name))
}

impl Difference {
    /// Whether both configs mean the same.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

#[cfg(test)]
mod tests;
