//! The rules that hold between definitions, after each has been read on its own.
//!
//! - a program has one file in `programs/`, and every chart's program has one;
//! - no counter of a program is collected twice, after groups are expanded; counters and stacks
//!   share one namespace;
//! - `over` names a counter other than the chart's own, and not a stack;
//! - an `error` needs the `confidence` of `[sampling]`;
//! - a stack chart without `packages`, or whose `packages` leave out the program itself, gets a warning;
//! - marginals are about programs and counters that are collected;
//! - claims of stacks claim their own examples, and no others'.
//!
//! Each takes time linear in the number of counters, whose total length is limited.
//!
//! | file | one idea |
//! | --- | --- |
//! | `counters` | which chart collects which counter, and that none is collected twice |
//! | `marginals` | what marginals may say of the other definitions |
//! | `stacks` | what claims of stacks may say |

mod counters;
mod marginals;
mod stacks;

use super::definition::{Chart, ChartKind, Program};
use super::diagnostic::{Diagnostic, STACK_PACKAGES, UNMATCHED_VERSION};
use super::found::Found;
use super::location::At;
use super::parsed::Parsed;
use super::program_path::ProgramPath;
use super::version::Version;
use std::collections::HashMap;

/// Adds every broken rule to `parsed.found`.
pub fn check(parsed: &mut Parsed) {
    let mut found = Found::default();
    let programs = check_programs(parsed, &mut found);
    check_references(parsed, &programs, &mut found);
    check_sampling(parsed, &mut found);
    check_packages(parsed, &programs, &mut found);
    if counters::check_size(parsed, &mut found) {
        let owners = counters::check_names(parsed, &mut found);
        marginals::check(parsed, &owners, &mut found);
    }
    stacks::check(parsed, &mut found);
    parsed.found.append(found);
}

/// Finds programs with two files. Returns the first file of each program.
fn check_programs<'p>(
    parsed: &'p Parsed,
    found: &mut Found,
) -> HashMap<&'p ProgramPath, &'p Program> {
    let mut programs: HashMap<&ProgramPath, &Program> = HashMap::new();
    for program in &parsed.programs {
        let path = &program.program.value;
        match programs.get(path) {
            Some(first) => {
                let message = format!(
                    "the program `{path}` has two files: this and {}",
                    first.program.location.file
                );
                let help = "merge them into one";
                found.push(parsed.error(&program.program.location, 0, message).with_help(help));
            }
            None => {
                programs.insert(path, program);
            }
        }
    }
    programs
}

/// Finds charts whose program has no file, and those that count no version.
fn check_references(
    parsed: &Parsed,
    programs: &HashMap<&ProgramPath, &Program>,
    found: &mut Found,
) {
    let newest: HashMap<&ProgramPath, &Version> = programs
        .iter()
        .filter_map(|(path, program)| Some((*path, newest(program.versions.as_ref()?)?)))
        .collect();
    for chart in &parsed.charts {
        let at = &chart.program.location;
        match programs.get(&chart.program.value) {
            None if parsed.programs_complete => {
                let message = format!("there is no file for the program `{}`", chart.program.value);
                let help = "add one to programs/, or correct the name";
                found.push(parsed.error(at, 0, message).with_help(help));
            }
            Some(program) => {
                if let Some(newest) = newest.get(&chart.program.value) {
                    found.extend(too_new(parsed, chart, program, newest));
                }
            }
            None => {}
        }
    }
}

/// The latest of the listed versions.
fn newest(listed: &[At<Version>]) -> Option<&Version> {
    let versions = listed.iter().map(|version| &version.value);
    versions.reduce(|newest, version| if version.at_least(newest) { version } else { newest })
}

/// Warns about a chart that starts at a version that nobody has listed.
fn too_new(
    parsed: &Parsed,
    chart: &Chart,
    program: &Program,
    newest: &Version,
) -> Option<Diagnostic> {
    let first = chart.version.as_ref()?;
    // Padding allows future versions, but never `devel`.
    let devel = first.value == Version::Devel;
    if program.padding.is_some() && !devel || newest.at_least(first) {
        return None;
    }
    let message = match devel {
        true => "`devel` is not a version that may report".to_owned(),
        false => format!("no version that may report is {} or later", first.value),
    };
    let file = &program.program.location.file;
    let help = match devel {
        true => format!("list \"devel\" in {file}, or name the first release that counts"),
        false => format!("list the version in {file}, or allow for it with [padding]"),
    };
    Some(parsed.warning(&first.location, message).with_code(UNMATCHED_VERSION).with_help(help))
}

/// Finds target errors without a confidence.
fn check_sampling(parsed: &Parsed, found: &mut Found) {
    let Some(collection) = &parsed.collection else { return };
    if collection.sampling.is_some() {
        return;
    }
    for aim in parsed.charts.iter().filter_map(|chart| chart.error.as_ref()) {
        let message = "an `error` means nothing without a confidence".to_owned();
        let help = "add [sampling] with confidence and error to collection.toml";
        found.push(parsed.error(&aim.location, 0, message).with_help(help));
    }
}

/// Warns about stack charts that may name any function, and those that may not name the program's own.
fn check_packages(parsed: &Parsed, programs: &HashMap<&ProgramPath, &Program>, found: &mut Found) {
    for chart in &parsed.charts {
        let ChartKind::Stack { depth, packages } = &chart.kind else { continue };
        let Some(first) = packages.first() else {
            let message = "the chart has no `packages`, so functions of any package are shown, and \
                           anyone can send words that look like functions";
            let help = "add `packages = [...]`; `candor check --packages-from` proposes it from a go.sum \
                        or Cargo.lock";
            let warning = parsed.warning(&depth.location, message.to_owned());
            found.push(warning.with_code(STACK_PACKAGES).with_help(help));
            continue;
        };
        let Some(program) = programs.get(&chart.program.value) else { continue };
        let own = program.module.as_ref().unwrap_or(&program.program);
        // A crate's name has one element; a longer path that ends in it is something else.
        let is_crate = |package: &ProgramPath| {
            !package.as_str().contains('/') && package.crate_name() == own.crate_name()
        };
        let is_own = |package: &ProgramPath| own.is_within(package) || is_crate(package);
        if !packages.iter().any(|package| is_own(&package.value)) {
            let message = format!("`packages` does not cover `{}`, the program's own", own.value);
            let help =
                format!("add {:?}, or the program's own functions are never named", own.as_str());
            found.push(parsed.warning(&first.location, message).with_help(help));
        }
    }
}
