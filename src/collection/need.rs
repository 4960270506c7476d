//! Who needs each string of a config: the answer to "why is this collected?".
//!
//! This is computed from the definitions alone, independently of [`compile`](super::compile()): tests
//! compare the two, and that is what "minimal" means. A version is needed by the charts that count from
//! it or from an earlier one.

use super::compile::reporting_versions;
use super::toolchains::allowed_toolchains;
use crate::charts::Definitions;
use crate::charts::definition::{Chart, ChartKind, Program};
use jiff::civil::Date;
use std::collections::{BTreeMap, HashMap};

/// A string of a config, with what it means there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigString {
    /// An operating system.
    Goos(String),
    /// An architecture.
    Goarch(String),
    /// A toolchain.
    Toolchain(String),
    /// A program.
    Program(String),
    /// A version of a program.
    Version {
        /// The program.
        program: String,
        /// The version.
        version: String,
    },
    /// One counter of a program.
    Counter {
        /// The program.
        program: String,
        /// The counter's name, groups expanded.
        name: String,
    },
    /// One stack counter of a program.
    Stack {
        /// The program.
        program: String,
        /// The counter's name.
        name: String,
    },
}

/// Every string of the config compiled for a day, with the charts that need it, in the order of the definitions.
///
/// What a program's charts share is only looked at once for each program: thousands of charts and hundreds of
/// versions are common.
pub fn needs(definitions: &Definitions, as_of: Date) -> BTreeMap<ConfigString, Vec<&Chart>> {
    let mut needs: BTreeMap<ConfigString, Vec<&Chart>> = BTreeMap::new();
    let listed: HashMap<&str, &Program> =
        definitions.programs.iter().map(|program| (program.program.as_str(), program)).collect();
    let is_listed = |chart: &&Chart| listed.contains_key(chart.program.as_str());
    let live: Vec<&Chart> = definitions.live(as_of).filter(is_listed).collect();
    if live.is_empty() {
        return needs;
    }
    let collection = &definitions.collection;
    let goos = collection.goos.iter().map(|one| ConfigString::Goos(one.value.clone()));
    let goarch = collection.goarch.iter().map(|one| ConfigString::Goarch(one.value.clone()));
    let toolchains = allowed_toolchains(definitions).into_iter().map(ConfigString::Toolchain);
    for string in goos.chain(goarch).chain(toolchains) {
        needs.insert(string, live.clone());
    }
    let mut by_program: BTreeMap<&str, Vec<&Chart>> = BTreeMap::new();
    for chart in live {
        by_program.entry(chart.program.as_str()).or_default().push(chart);
    }
    for (path, charts) in by_program {
        let Some(program) = listed.get(path) else { continue };
        add_program(definitions, program, charts, &mut needs);
    }
    needs
}

/// Adds what the charts of one program need, besides what every chart needs.
fn add_program<'d>(
    definitions: &Definitions,
    program: &Program,
    charts: Vec<&'d Chart>,
    needs: &mut BTreeMap<ConfigString, Vec<&'d Chart>>,
) {
    let path = || program.program.as_str().to_owned();
    for version in reporting_versions(definitions, program) {
        let counts =
            |chart: &&&Chart| chart.version.as_deref().is_none_or(|first| version.at_least(first));
        let counting: Vec<&Chart> = charts.iter().filter(counts).copied().collect();
        if !counting.is_empty() {
            let version = version.as_str().to_owned();
            needs.insert(ConfigString::Version { program: path(), version }, counting);
        }
    }
    for &chart in &charts {
        let is_stack = matches!(chart.kind, ChartKind::Stack { .. });
        let names = chart.counter.names().map(|name| match is_stack {
            true => ConfigString::Stack { program: path(), name },
            false => ConfigString::Counter { program: path(), name },
        });
        let over = chart.over().map(|over| over.as_str().to_owned());
        let over = over.map(|name| ConfigString::Counter { program: path(), name });
        for string in names.chain(over) {
            needs.entry(string).or_default().push(chart);
        }
    }
    needs.insert(ConfigString::Program(path()), charts);
}
