//! Versions that can never match, and gaps between toolchains.

use super::catalog::Lint;
use super::finding::Finding;
use crate::charts::Definitions;
use crate::charts::definition::Program;
use crate::charts::location::At;
use crate::charts::unmatched::{Unmatched, unmatched};
use crate::charts::version::Version;
use crate::collection::reporting_versions;
use crate::review::releases::{Language, Toolchain};
use std::collections::{BTreeMap, BTreeSet};

/// So many gaps in a row are on purpose.
const MANY: usize = 4;

pub(super) fn check(definitions: &Definitions, found: &mut Vec<Finding>) {
    for program in &definitions.programs {
        check_versions(program, found);
        check_padding(definitions, program, found);
    }
    check_first_versions(definitions, found);
    check_toolchains(&definitions.collection.toolchains, found);
    check_series(&definitions.collection.toolchains, found);
}

fn check_versions(program: &Program, found: &mut Vec<Finding>) {
    let remove = "remove it: no program reports it";
    for version in program.versions.iter().flatten() {
        let Some(problem) = unmatched(program, &version.value) else { continue };
        let (problem, help) = match problem {
            Unmatched::Pseudo => {
                ("a pseudo-version, which clients report as `devel`".to_owned(), remove)
            }
            Unmatched::Build => {
                let problem = "not a version of this Go module: nothing follows a `+`, except `+incompatible`, which \
                               is for a major version from 2 on that the path does not say";
                (problem.to_owned(), remove)
            }
            Unmatched::OtherMajor(major) => {
                (format!("not a version of a module whose path ends in v{major}"), remove)
            }
            Unmatched::MajorNotInPath(number) => (
                format!("not a version of this Go module: its path would end in /v{number}"),
                "remove it, or correct `module`; if it is no Go module, say who knows its versions, as in \
                 versions_from = \"crates\"",
            ),
        };
        found.push(Finding {
            lint: Lint::UnmatchedVersion,
            location: version.location.clone(),
            message: format!("`{}` is {problem}", version.value),
            help: help.to_owned(),
        });
    }
}

/// Padding that allows versions that no build reports, such as v2 of a Go module whose path has no `/v2`. They are in
/// the config all the same: Go's own generator pads so, and its definitions have to compile to its bytes.
fn check_padding(definitions: &Definitions, program: &Program, found: &mut Vec<Finding>) {
    let Some(padding) = program.padding.as_ref().filter(|padding| padding.major > 0) else {
        return;
    };
    let listed: BTreeSet<&str> =
        program.versions.iter().flatten().map(|version| version.value.as_str()).collect();
    let reporting = reporting_versions(definitions, program);
    let padded = reporting.iter().filter(|version| !listed.contains(version.as_str()));
    let never: Vec<(&Version, Unmatched)> =
        padded.filter_map(|version| Some((version, unmatched(program, version)?))).collect();
    let Some((first, why)) = never.first() else { return };
    let why = match why {
        Unmatched::OtherMajor(major) => format!("a module whose path ends in v{major}"),
        Unmatched::MajorNotInPath(number) => {
            format!("this Go module: its path would end in /v{number}")
        }
        // Nothing is padded so.
        Unmatched::Pseudo | Unmatched::Build => return,
    };
    let which = match never.len() - 1 {
        0 => format!("`{first}`, which is not a version"),
        1 => format!("`{first}` and one more version, which are none"),
        more => format!("`{first}` and {more} more versions, which are none"),
    };
    found.push(Finding {
        lint: Lint::UnmatchedVersion,
        location: padding.location.clone(),
        message: format!("this allows {which} of {why}"),
        help: "write `major = 0`: a new major version of a Go module has another path, and a file of its own here; if it \
               is no Go module, say who knows its versions, as in versions_from = \"crates\""
            .to_owned(),
    });
}

/// Charts that begin with a version that nothing reports, and that padding does not allow in advance.
fn check_first_versions(definitions: &Definitions, found: &mut Vec<Finding>) {
    for chart in &definitions.charts {
        let Some(first) = &chart.version else { continue };
        let mut programs = definitions.programs.iter();
        let program = programs.find(|program| program.program.value == chart.program.value);
        // Without padding it is a warning of the definitions' own.
        let Some(program) = program.filter(|one| one.padding.is_some() || one.versions.is_none())
        else {
            continue;
        };
        let mut reporting = reporting_versions(definitions, program);
        reporting.retain(|version| *version != Version::Devel);
        if first.value == Version::Devel || reporting.iter().any(|one| one.at_least(first)) {
            continue;
        }
        let latest = reporting.iter().max().map(|one| format!(": the latest one is {one}"));
        found.push(Finding {
            lint: Lint::UnmatchedVersion,
            location: first.location.clone(),
            message: format!(
                "no version that may report is {} or later{}",
                first.value,
                latest.unwrap_or_default()
            ),
            help: "correct the version, or list it once it is released".to_owned(),
        });
    }
}

/// Series between two listed ones were released, so they should be listed, too.
fn check_series(toolchains: &[At<String>], found: &mut Vec<Finding>) {
    let mut languages: BTreeMap<(Language, u64), BTreeMap<u64, &At<String>>> = BTreeMap::new();
    for toolchain in toolchains {
        let Some(parsed) = Toolchain::parse(&toolchain.value).filter(Toolchain::is_release) else {
            continue;
        };
        let Some((major, minor)) = parsed.series() else { continue };
        let series = languages.entry((parsed.language, major)).or_default();
        series.entry(minor).or_insert(toolchain);
    }
    for ((language, major), series) in languages {
        for ((before, _), (after, next)) in series.iter().zip(series.iter().skip(1)) {
            // More than a few were left out on purpose.
            let missing: Vec<String> = (before + 1..*after)
                .take(MANY)
                .map(|minor| format!("{}{major}.{minor}", language.name()))
                .collect();
            if !missing.is_empty() && missing.len() < MANY {
                found.push(Finding {
                    lint: Lint::MissingToolchain,
                    location: next.location.clone(),
                    message: format!(
                        "`{}` is listed, and no release of {}",
                        next.value,
                        missing.join(" or ")
                    ),
                    help: "list every release of it, too".to_owned(),
                });
            }
        }
    }
}

/// Releases between two listed ones of a series exist, so they should be listed, too.
fn check_toolchains(toolchains: &[At<String>], found: &mut Vec<Finding>) {
    let mut series: BTreeMap<(&str, &str), BTreeMap<u64, &At<String>>> = BTreeMap::new();
    let listed: BTreeSet<&str> = toolchains.iter().map(|one| one.value.as_str()).collect();
    for toolchain in toolchains {
        let name = toolchain.value.as_str();
        let Some(digits) = name.find(|c: char| c.is_ascii_digit()) else { continue };
        let Some((language, numbers)) = name.split_at_checked(digits) else { continue };
        let mut parts = numbers.splitn(3, '.');
        let (Some(_), Some(_), Some(patch)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let Ok(patch) = patch.parse() else { continue };
        let minor = numbers.rsplit_once('.').map_or(numbers, |(minor, _)| minor);
        series.entry((language, minor)).or_default().insert(patch, toolchain);
    }
    for ((language, minor), patches) in series {
        let (Some((least, _)), Some((most, last))) =
            (patches.first_key_value(), patches.last_key_value())
        else {
            continue;
        };
        // More than a few are a series that someone chose from.
        let missing: Vec<String> = (*least..*most)
            .filter(|patch| !patches.contains_key(patch))
            .map(|patch| format!("{language}{minor}.{patch}"))
            .filter(|name| !listed.contains(name.as_str()))
            .take(MANY)
            .collect();
        if !missing.is_empty() && missing.len() < MANY {
            found.push(Finding {
                lint: Lint::MissingToolchain,
                location: last.location.clone(),
                message: format!("`{}` is listed, and {} is not", last.value, missing.join(", ")),
                help: "list every release of a series".to_owned(),
            });
        }
    }
}
