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

/// Every string of the config compiled for a day, with the charts that need it.
pub fn needs(definitions: &Definitions, as_of: Date) -> BTreeMap<ConfigString, Vec<&Chart>> {
    let mut needs: BTreeMap<ConfigString, Vec<&Chart>> = BTreeMap::new();
    let collection = &definitions.collection;
    let everywhere: Vec<ConfigString> = [
        (&collection.goos, ConfigString::Goos as fn(String) -> ConfigString),
        (&collection.goarch, ConfigString::Goarch),
    ]
    .into_iter()
    .flat_map(|(values, string)| values.iter().map(move |value| string(value.value.clone())))
    .chain(allowed_toolchains(definitions).into_iter().map(ConfigString::Toolchain))
    .collect();
    let listed: HashMap<&str, &Program> =
        definitions.programs.iter().map(|program| (program.program.as_str(), program)).collect();
    for chart in definitions.live(as_of) {
        let Some(listed) = listed.get(chart.program.as_str()) else { continue };
        let strings = everywhere.iter().cloned().chain(strings_of(definitions, listed, chart));
        for string in strings {
            needs.entry(string).or_default().push(chart);
        }
    }
    needs
}

/// What one chart of a program needs, besides what every chart needs.
fn strings_of(
    definitions: &Definitions,
    program: &Program,
    chart: &Chart,
) -> impl Iterator<Item = ConfigString> {
    let path = || program.program.as_str().to_owned();
    let first = chart.version.as_deref();
    let versions = reporting_versions(definitions, program)
        .into_iter()
        .filter(move |version| first.is_none_or(|first| version.at_least(first)))
        .map(move |version| ConfigString::Version {
            program: path(),
            version: version.as_str().to_owned(),
        });
    let is_stack = matches!(chart.kind, ChartKind::Stack { .. });
    let names = chart.counter.names().map(move |name| match is_stack {
        true => ConfigString::Stack { program: path(), name },
        false => ConfigString::Counter { program: path(), name },
    });
    let over = chart
        .over()
        .map(|over| ConfigString::Counter { program: path(), name: over.as_str().to_owned() });
    [ConfigString::Program(path())].into_iter().chain(versions).chain(names).chain(over)
}
