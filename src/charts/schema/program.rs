//! The keys of a file of `programs/`.

use super::value::{path, version_of, version_source};
use crate::charts::definition::{Padding, Program};
use crate::charts::location::At;
use crate::charts::table::{Key, Reader};
use crate::charts::version_source::VersionSource;
use std::num::NonZeroU64;
use toml::de::DeTable;

/// The most versions of each kind that padding may allow: it is meant for the next few months.
pub(super) const MAX_PADDING: u64 = 32;

const PROGRAM: &[Key] = &[
    Key::required("program", "program = \"golang.org/x/tools/gopls\""),
    Key::optional("module", "module = \"golang.org/x/tools/gopls\""),
    Key::optional("versions", "versions = [\"v0.15.0\", \"v0.16.0\"]"),
    Key::optional("population", "population = 250000"),
    Key::optional("padding", "[padding]"),
    Key::optional("versions_from", "versions_from = \"git\""),
];
const PADDING: &[Key] = &[
    Key::required("releases", "releases = 6"),
    Key::required("major", "major = 1"),
    Key::required("minor", "minor = 3"),
    Key::required("patch", "patch = 6"),
    Key::required("prerelease", "prerelease = 4"),
    Key::optional("series", "series = 2"),
];

/// Reads a file of `programs/`.
pub(in crate::charts) fn program(reader: &mut Reader, file: &DeTable) -> Option<Program> {
    let table = reader.open(file, 0, PROGRAM);
    let program = table.string(reader, "program", path);
    let module = table.string(reader, "module", path);
    let versions = match &program {
        // The program decides which kind of version is meant.
        None => None,
        Some(program) => table.strings(reader, "versions", version_of(program)),
    };
    let population = table.integer(reader, "population", 1, i64::MAX as u64);
    let padding_at = table.get("padding").map(|at| reader.text.location(at.span().start));
    let padding = table.subtable(reader, "padding", PADDING).map(|padding| {
        let mut count = |key| padding.integer(reader, key, 0, MAX_PADDING).map(|n| n.value);
        let counts = ["releases", "major", "minor", "patch", "prerelease"].map(&mut count);
        let [releases, major, minor, patch, prerelease] = counts;
        let series = match padding.get("series") {
            None => Some(1),
            Some(_) => padding.integer(reader, "series", 1, MAX_PADDING).map(|n| n.value),
        };
        Some(Padding {
            releases: releases?,
            major: major?,
            minor: minor?,
            patch: patch?,
            prerelease: prerelease?,
            series: series?,
        })
    });
    let listed = table.get("versions").is_some();
    let program = program?;
    match &module {
        Some(module) if !program.is_within(module) => {
            let message =
                format!("the module `{}` is not a prefix of the program's path", module.value);
            let help = format!("name the module that the package `{}` is in", program.value);
            reader.error_at(&module.location, message, help);
        }
        None if table.get("module").is_none() && !program.is_toolchain() => {
            let help = match VersionSource::of_module(program.as_str()) {
                Some(_) => "add the path of the Go module that the program is in, like \
                            `module = \"golang.org/x/tools/gopls\"`"
                    .to_owned(),
                None => format!(
                    "add `module = {:?}`: for a Rust program, it is the name of the crate",
                    program.as_str()
                ),
            };
            reader.error_at(&program.location, "there is no `module`", help);
        }
        _ => {}
    }
    if !program.is_toolchain() && !listed && table.get("padding").is_none() {
        let help = "add `versions = [\"v0.15.0\"]`, or `[padding]` for versions to come";
        reader.error_at(&program.location, "no version of this program may report", help);
    }
    if let (true, Some(padding)) = (program.is_toolchain(), table.get("padding")) {
        let help = "remove it: these are versions of the Go toolchain, listed in collection.toml";
        reader.error(padding.span().start, "a `cmd/...` program has no `[padding]`", help);
    }
    let versions_from = table.string(reader, "versions_from", version_source);
    if let (true, Some(from)) = (program.is_toolchain(), &versions_from) {
        let help = "remove it: the versions of a `cmd/...` program are those of the Go toolchain";
        reader.error_at(&from.location, "a `cmd/...` program has no `versions_from`", help);
    }
    let population = population
        .map(|At { value, location }| NonZeroU64::new(value).map(|value| At { value, location }));
    Some(Program {
        program,
        module,
        versions: if listed { Some(versions?) } else { None },
        population: population.flatten(),
        padding: padding.flatten().zip(padding_at).map(|(value, location)| At { value, location }),
        versions_from,
    })
}
