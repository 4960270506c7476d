//! What a program may report under a config, counter by counter, and the definitions that ask for it.

use crate::charts::counter::chart_of;
use crate::collection::config::ProgramConfig;
use crate::collection::{CollectionConfig, expand};
use crate::publish::{Catalogue, CatalogueChart};

/// A counter or a stack counter of a config.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) rate: f64,
    /// In words.
    pub(super) percent: String,
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
        expand(&entry.name).map(|name| Listed {
            name,
            rate: entry.rate.get(),
            percent: entry.rate.percent(),
            depth: None,
        })
    });
    counters.chain(program.stacks.iter().map(|entry| Listed {
        name: entry.name.clone(),
        rate: entry.rate.get(),
        percent: entry.rate.percent(),
        depth: Some(entry.depth),
    }))
}

/// The same by what is before the colon.
pub(super) fn groups(program: &ProgramConfig) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for counter in all(program) {
        let chart = chart_of(&counter.name);
        match groups.last_mut() {
            Some(group)
                if group.chart == chart
                    && group.counters.iter().all(|one| one.depth.is_none())
                    && counter.depth.is_none() =>
            {
                group.counters.push(counter);
            }
            _ => groups.push(Group { chart: chart.to_owned(), counters: vec![counter] }),
        }
    }
    groups
}

/// The counters with this name: usually one, two if a stack counter is called the same.
pub(super) fn named(program: &ProgramConfig, name: &str) -> Vec<Listed> {
    all(program).filter(|counter| counter.name == name).collect()
}

/// The definitions that ask for a counter of a program.
pub(super) fn asked_by<'c>(
    catalogue: Option<&'c Catalogue>,
    program: &str,
    name: &str,
) -> Vec<&'c CatalogueChart> {
    catalogue.map(|catalogue| catalogue.asked_by(program, [name])).unwrap_or_default()
}
