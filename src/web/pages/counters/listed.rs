//! What a program may report under a config, counter by counter, and the definitions that ask for it.

use crate::charts::counter::chart_of;
use crate::collection::config::{ProgramConfig, Rate};
use crate::collection::{CollectionConfig, count_of, expand, stands_for};
use crate::publish::{Catalogue, CatalogueChart};

/// A counter or a stack counter of a config.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) rate: Rate,
    /// Of a stack counter, the most frames that are reported.
    pub(super) depth: Option<u32>,
}

/// The counters that are written together, then those of the next chart; stack counters last.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    /// What is before the colon, or the whole name.
    pub(super) chart: String,
    pub(super) counters: Vec<Listed>,
}

/// A program's part of a config. If it is there twice, the last counts, as for clients.
pub(super) fn program<'c>(config: &'c CollectionConfig, name: &str) -> Option<&'c ProgramConfig> {
    config.programs.iter().rfind(|program| program.name == name)
}

/// Every counter and stack counter of a program, in the config's order.
pub(super) fn all(program: &ProgramConfig) -> impl Iterator<Item = Listed> + '_ {
    let counters = program.counters.iter().flat_map(|entry| {
        expand(&entry.name).map(|name| Listed { name, rate: entry.rate, depth: None })
    });
    counters.chain(program.stacks.iter().map(|entry| Listed {
        name: entry.name.clone(),
        rate: entry.rate,
        depth: Some(entry.depth),
    }))
}

/// How many counters and stack counters a program has.
pub(super) fn numbers(program: &ProgramConfig) -> (u64, u64) {
    let counters = program.counters.iter().map(|entry| count_of(&entry.name) as u64);
    (counters.sum(), program.stacks.len() as u64)
}

/// The same by what is before the colon.
pub(super) fn groups(program: &ProgramConfig) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for counter in all(program) {
        match groups.last_mut() {
            Some(group) if group.goes_on_with(&counter) => group.counters.push(counter),
            _ => groups.push(Group::of(counter)),
        }
    }
    groups
}

impl Group {
    fn of(counter: Listed) -> Group {
        Group { chart: chart_of(&counter.name).to_owned(), counters: vec![counter] }
    }

    /// Whether a counter is of the same group: each stack counter is a group of its own.
    fn goes_on_with(&self, counter: &Listed) -> bool {
        // All of a group are of one kind.
        let has_stack = self.counters.first().is_some_and(|first| first.depth.is_some());
        !has_stack && counter.depth.is_none() && self.chart == chart_of(&counter.name)
    }
}

/// The counters with this name: usually one, two if a stack counter is called the same.
pub(super) fn named(program: &ProgramConfig, name: &str) -> Vec<Listed> {
    let counters = program.counters.iter().filter(|entry| stands_for(&entry.name, name));
    let counters = counters.map(|entry| (entry.rate, None));
    let stacks = program.stacks.iter().filter(|entry| entry.name == name);
    let all = counters.chain(stacks.map(|entry| (entry.rate, Some(entry.depth))));
    all.map(|(rate, depth)| Listed { name: name.to_owned(), rate, depth }).collect()
}

/// The definitions that ask for a counter of a program.
pub(super) fn asked_by<'c>(
    catalogue: Option<&'c Catalogue>,
    program: &str,
    name: &str,
) -> Vec<&'c CatalogueChart> {
    catalogue.map(|catalogue| catalogue.asked_by(program, [name])).unwrap_or_default()
}
