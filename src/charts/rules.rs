//! The rules that hold between definitions, after each has been read on its own.
//!
//! - a program has one file in `programs/`, and every chart's program has one;
//! - no counter of a program is collected twice, after groups are written out: counters and stacks
//!   share their names;
//! - `over` names a counter other than the chart's own, and not a stack;
//! - an `error` needs the `confidence` of `[sampling]`;
//! - a stack chart whose `packages` leave out the program itself, or that has none, is warned of;
//! - marginals are of programs and counters that are collected (`marginals`).
//!
//! Each takes time linear in the number of counters, and there is a limit to what these are when
//! groups are written out.

use super::definition::{At, Chart, ChartKind, Program, ProgramPath};
use super::diagnostic::{Diagnostic, Place, Severity};
use super::found::Found;
use super::marginals;
use super::parse::Parsed;
use super::table::source_offset;
use super::version::Version;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

/// The most bytes that the names of all counters of a folder have together, groups written out.
const MAX_NAMES: usize = 64 << 20;

/// The first chart that collects each name of each program.
pub(super) type Owners<'p> = HashMap<&'p ProgramPath, HashMap<String, &'p Chart>>;

/// Adds to `parsed.found` what breaks a rule.
pub fn check(parsed: &mut Parsed) {
    let mut found = Found::default();
    let programs = check_programs(parsed, &mut found);
    check_references(parsed, &programs, &mut found);
    check_sampling(parsed, &mut found);
    check_packages(parsed, &programs, &mut found);
    if check_size(parsed, &mut found) {
        let owners = check_names(parsed, &mut found);
        marginals::check(parsed, &owners, &mut found);
    }
    parsed.found.append(found);
}

/// Whether the names of all counters can be looked at one by one.
fn check_size(parsed: &Parsed, found: &mut Found) -> bool {
    let margins = parsed.marginals.iter().flat_map(marginals::counters);
    let charts = parsed.charts.iter().map(|chart| (&chart.counter.value, &chart.counter.place));
    let counters = charts.chain(margins);
    let mut size = 0_usize;
    for (counter, place) in counters {
        size = size.saturating_add(counter.expanded_len());
        if size > MAX_NAMES {
            let message = format!(
                "with this counter, the names of all counters have more than {MAX_NAMES} bytes, \
                 groups written out"
            );
            let help = "collect fewer counters, or give them shorter names";
            found.push(error(parsed, place, 0, message).with_help(help));
            return false;
        }
    }
    true
}

/// Finds programs with two files; the result leads from a program to its first file.
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
                    first.program.place.file
                );
                let help = "merge them into one";
                found.push(error(parsed, &program.program.place, 0, message).with_help(help));
            }
            None => {
                programs.insert(path, program);
            }
        }
    }
    programs
}

/// Finds charts whose program nobody described, and those for which no version counts.
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
        let at = &chart.program.place;
        match programs.get(&chart.program.value) {
            None if parsed.programs_complete => {
                let message = format!("there is no file for the program `{}`", chart.program.value);
                let help = "add one to programs/, or mend the name";
                found.push(error(parsed, at, 0, message).with_help(help));
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

/// The listed version to which no other is later.
fn newest(listed: &[At<Version>]) -> Option<&Version> {
    let versions = listed.iter().map(|version| &version.value);
    versions.reduce(|newest, version| if version.at_least(newest) { version } else { newest })
}

/// Warns of a chart that starts to count at a version which nobody has listed.
fn too_new(
    parsed: &Parsed,
    chart: &Chart,
    program: &Program,
    newest: &Version,
) -> Option<Diagnostic> {
    let first = chart.version.as_ref()?;
    // Padding adds versions to come, and `devel` is none.
    let devel = first.value == Version::Devel;
    if program.padding.is_some() && !devel || newest.at_least(first) {
        return None;
    }
    let message = match devel {
        true => "`devel` is no version that may report".to_owned(),
        false => format!("no version that may report is {} or later", first.value),
    };
    let file = &program.program.place.file;
    let help = match devel {
        true => format!("list \"devel\" in {file}, or name the first release that counts"),
        false => format!("list the version in {file}, or allow for it with [padding]"),
    };
    let warning =
        Diagnostic { severity: Severity::Warning, ..error(parsed, &first.place, 0, message) };
    Some(warning.with_help(help))
}

/// Finds counters that are collected twice for one program, and divisors that cannot divide.
fn check_names<'p>(parsed: &'p Parsed, found: &mut Found) -> Owners<'p> {
    let mut programs = Owners::new();
    for chart in &parsed.charts {
        // One message for each pair of charts, however many counters they share.
        let mut shared: BTreeMap<&Place, (&Chart, Vec<String>)> = BTreeMap::new();
        let owners = programs.entry(&chart.program.value).or_default();
        for name in chart.counter.names() {
            match owners.entry(name) {
                Entry::Vacant(entry) => {
                    entry.insert(chart);
                }
                Entry::Occupied(entry) => {
                    let first = *entry.get();
                    let names = shared.entry(&first.place).or_insert((first, Vec::new()));
                    names.1.push(entry.key().clone());
                }
            }
        }
        found
            .extend(shared.into_values().map(|(first, names)| twice(parsed, chart, first, &names)));
    }
    for chart in &parsed.charts {
        let Some(over) = chart.over() else { continue };
        let owner = programs.get(&chart.program.value).and_then(|names| names.get(over.as_str()));
        let (message, help) = match owner {
            Some(owner) if std::ptr::eq(*owner, chart) => (
                format!("the chart divides `{}` by itself", over.value),
                "name another counter to divide by",
            ),
            Some(owner) if matches!(owner.kind, ChartKind::Stack { .. }) => (
                format!("`{}` is a stack counter (see {})", over.value, owner.counter.place),
                "name a plain counter to divide by",
            ),
            _ => continue,
        };
        found.push(error(parsed, &over.place, 0, message).with_help(help));
    }
    programs
}

fn twice(parsed: &Parsed, chart: &Chart, first: &Chart, names: &[String]) -> Diagnostic {
    let name = names.first().map_or("", String::as_str);
    let more = match names.len() {
        0 | 1 => String::new(),
        more => format!(" (and {} more)", more - 1),
    };
    let message = format!(
        "the counter `{name}`{more} of `{}` is collected twice: here and at {}",
        chart.program.value, first.counter.place
    );
    error(parsed, &chart.counter.place, chart.counter.offset_of(name), message)
        .with_help("remove it from one of the two charts")
}

/// Finds errors to aim at where nobody said how surely.
fn check_sampling(parsed: &Parsed, found: &mut Found) {
    let Some(collection) = &parsed.collection else { return };
    if collection.sampling.is_some() {
        return;
    }
    for aim in parsed.charts.iter().filter_map(|chart| chart.error.as_ref()) {
        let message = "an `error` has no meaning without a confidence".to_owned();
        let help = "add [sampling] with confidence and error to collection.toml";
        found.push(error(parsed, &aim.place, 0, message).with_help(help));
    }
}

/// Warns of stacks in which anything may be named, and of those in which the program itself may not.
fn check_packages(parsed: &Parsed, programs: &HashMap<&ProgramPath, &Program>, found: &mut Found) {
    for chart in &parsed.charts {
        let ChartKind::Stack { depth, packages } = &chart.kind else { continue };
        let warning = |place, message| Diagnostic {
            severity: Severity::Warning,
            ..error(parsed, place, 0, message)
        };
        let Some(first) = packages.first() else {
            let message = "the chart has no `packages`, so functions of any package are shown, and \
                           whoever opted in can send words that look like one";
            let help = "add `packages = [...]`; `candor check --packages-from` proposes it from a go.sum \
                        or Cargo.lock";
            found.push(warning(&depth.place, message.to_owned()).with_help(help));
            continue;
        };
        let Some(program) = programs.get(&chart.program.value) else { continue };
        let own = program.module.as_ref().unwrap_or(&program.program);
        // A crate's name is one element; a path that ends alike is something else.
        let is_crate = |package: &ProgramPath| {
            !package.as_str().contains('/') && package.crate_name() == own.crate_name()
        };
        let is_own = |package: &ProgramPath| own.is_within(package) || is_crate(package);
        if !packages.iter().any(|package| is_own(&package.value)) {
            let message = format!("`packages` does not cover `{}`, the program's own", own.value);
            let help =
                format!("add {:?}, or none of the program's own functions is named", own.as_str());
            found.push(warning(&first.place, message).with_help(help));
        }
    }
}

/// An error at byte `offset` of the string (or at the value, for 0) that stands at a place.
fn error(parsed: &Parsed, at: &Place, offset: usize, message: String) -> Diagnostic {
    let Some(text) = parsed.texts.get(&at.file) else {
        return Diagnostic::place(Severity::Error, at, message);
    };
    match offset {
        0 => text.diagnostic_at(Severity::Error, at, message),
        _ => {
            let start = text.offset(at);
            let offset = start + source_offset(text, start, offset);
            text.diagnostic(Severity::Error, offset, message)
        }
    }
}
