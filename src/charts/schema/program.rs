//! The keys of a file of `programs/`.

use super::value::{path, version_of, version_source};
use crate::charts::definition::{Padding, Program};
use crate::charts::location::At;
use crate::charts::table::{Key, Reader, Shape};
use crate::charts::version_source::VersionSource;
use std::num::NonZeroU64;
use toml::de::DeTable;

/// The most versions of each kind that padding may allow: it is meant for the next few months.
pub(super) const MAX_PADDING: u64 = 32;

pub(super) const PROGRAM: &[Key] = &[
    Key::required(
        "program",
        Shape::Text,
        "program = \"golang.org/x/tools/gopls\"",
        "The name under which the program counts: in Rust, that of `candor::program!`; in Go, the package path of its \
         main.",
    ),
    Key::optional(
        "module",
        Shape::Text,
        "module = \"golang.org/x/tools/gopls\"",
        "In Go, the module that the program is in. In Rust, the name of the crate, if that is what `program` is; \
         otherwise the same as `program`. Programs of the Go toolchain (cmd/...) have none.",
    ),
    Key::optional(
        "versions",
        Shape::Texts,
        "versions = [\"v0.15.0\", \"v0.16.0\"]",
        "The released versions, which may report; `devel` is for builds by developers. `candor versions` adds new ones.",
    ),
    Key::optional(
        "population",
        Shape::Whole(1, i64::MAX as u64),
        "population = 250000",
        "How many installations would report in a week if all that opted in were asked. Rates follow from it; without \
         it, all are asked. `candor rates` writes it.",
    ),
    Key::optional(
        "padding",
        Shape::Table(PADDING),
        "[padding]",
        "Versions that are allowed in advance, so that a release is counted from its first day.",
    ),
    Key::optional(
        "versions_from",
        Shape::Text,
        "versions_from = \"git\"",
        "Who knows the released versions: go, crates, crates:NAME, git, git:https://... or hand; after git, \
         `#gopls/v*` says what the tags look like.",
    ),
];
const PADDED: Shape = Shape::Whole(0, MAX_PADDING);
const PADDING: &[Key] = &[
    Key::required("releases", PADDED, "releases = 6", "At most so many releases after the latest."),
    Key::required("major", PADDED, "major = 1", "At most so many new major versions."),
    Key::required(
        "minor",
        PADDED,
        "minor = 3",
        "At most so many new major and minor versions together.",
    ),
    Key::required("patch", PADDED, "patch = 6", "At most so many new patch versions of each."),
    Key::required("prerelease", PADDED, "prerelease = 4", "So many pre-releases (-pre.1) of each."),
    Key::optional(
        "series",
        Shape::Whole(1, MAX_PADDING),
        "series = 2",
        "How many of the latest series (v1.2, v1.3) get new patch versions: 1 by default.",
    ),
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
    let population = table.integer(reader, "population");
    let padding_at = table.get("padding").map(|at| reader.text.location(at.span().start));
    let padding = table.subtable(reader, "padding").map(|padding| {
        let mut count = |key| padding.integer(reader, key).map(|n| n.value);
        let counts = ["releases", "major", "minor", "patch", "prerelease"].map(&mut count);
        let [releases, major, minor, patch, prerelease] = counts;
        let series = match padding.get("series") {
            None => Some(1),
            Some(_) => padding.integer(reader, "series").map(|n| n.value),
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
