//! Which releases belong in a list, and whether the list still holds.

use super::toolchain::Toolchain;
use crate::charts::Definitions;
use crate::charts::definition::{Chart, Padding, Program, ToolchainPadding};
use crate::charts::unmatched::unmatched;
use crate::charts::version::Version;
use crate::collection::{allowed_toolchains, pad_toolchains, padded_versions, reporting_versions};
use std::collections::{BTreeSet, HashSet};

/// The longest version that is listed, in bytes.
const LONGEST: usize = 100;

/// What was released that is not listed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unlisted {
    /// In order.
    pub names: Vec<String>,
    /// Whether the list holds without them.
    pub holds: bool,
}

/// The released versions of a program that are not listed.
pub fn versions(definitions: &Definitions, program: &Program, released: Vec<Version>) -> Unlisted {
    let mut listed = definitions.versions(program);
    if program.versions.is_none() {
        listed.clear();
    }
    let known: HashSet<&str> = listed.iter().map(Version::as_str).collect();
    let first = first_version(definitions, program, &listed);
    let prereleases = listed.iter().any(|version| !is_release(version))
        || program.padding.as_ref().is_some_and(|padding| padding.prerelease > 0);
    let new: BTreeSet<Version> = released
        .into_iter()
        .filter(|version| {
            !known.contains(version.as_str())
                && version.as_str().len() <= LONGEST
                && unmatched(program, version).is_none()
                && (prereleases || is_release(version))
                && first.as_ref().is_none_or(|first| version.at_least(first))
        })
        .collect();
    let names: Vec<String> = new.iter().map(|version| version.as_str().to_owned()).collect();
    let allowed = reporting_versions(definitions, program);
    let allowed: HashSet<&str> = allowed.iter().map(Version::as_str).collect();
    let holds = match &program.padding {
        _ if names.is_empty() => true,
        None => false,
        Some(padding) => {
            let then = listed.iter().cloned().chain(new).collect();
            let needed = padded_versions(then, half(padding.value));
            needed.iter().all(|version| allowed.contains(version.as_str()))
        }
    };
    Unlisted { names, holds }
}

/// The version with which a program's list begins; `None` if any version counts.
fn first_version(
    definitions: &Definitions,
    program: &Program,
    listed: &[Version],
) -> Option<Version> {
    if let Some(first) = listed.iter().find(|version| **version != Version::Devel) {
        return Some(first.clone());
    }
    let of_program = |chart: &&Chart| chart.program.value == program.program.value;
    let charts = definitions.charts.iter().filter(of_program);
    let versions: Option<Vec<&Version>> = charts.map(|chart| chart.version.as_deref()).collect();
    versions?.into_iter().min().cloned()
}

fn is_release(version: &Version) -> bool {
    match version {
        Version::Semantic(version) => version.is_release(),
        Version::Go(version) => {
            Toolchain::parse(version.as_str()).is_some_and(|toolchain| toolchain.is_release())
        }
        Version::Devel => true,
    }
}

/// Half of what padding allows: as long as so much is left, a list is not edited.
fn half(padding: Padding) -> Padding {
    let Padding { releases, major, minor, patch, prerelease, series } = padding;
    let [releases, major, minor, patch, prerelease] =
        [releases, major, minor, patch, prerelease].map(|most| most.div_ceil(2));
    Padding { releases, major, minor, patch, prerelease, series }
}

/// The released toolchains that are not listed, of the languages that are.
pub fn toolchains(definitions: &Definitions, released: Vec<Toolchain>) -> Unlisted {
    let collection = &definitions.collection;
    let listed: Vec<&str> = collection.toolchains.iter().map(|one| one.value.as_str()).collect();
    let known: Vec<Toolchain> = listed.iter().filter_map(|name| Toolchain::parse(name)).collect();
    let padding = collection.padding.as_ref().map(|padding| padding.value);
    let prereleases = known.iter().any(|one| !one.is_release())
        || padding.is_some_and(|padding| padding.prerelease > 0);
    let belongs = |toolchain: &Toolchain| {
        let first = known.iter().filter(|one| one.language == toolchain.language).min();
        first.is_some_and(|first| toolchain > first)
            && (prereleases || toolchain.is_release())
            && !known.contains(toolchain)
    };
    let new: BTreeSet<Toolchain> = released.into_iter().filter(belongs).collect();
    let names: Vec<String> = new.iter().map(Toolchain::to_string).collect();
    let allowed: HashSet<String> = allowed_toolchains(definitions).into_iter().collect();
    let holds = match padding {
        _ if names.is_empty() => true,
        None => false,
        Some(ToolchainPadding { minor, patch, prerelease, series }) => {
            let [minor, patch, prerelease] =
                [minor, patch, prerelease].map(|most| most.div_ceil(2));
            let half = ToolchainPadding { minor, patch, prerelease, series };
            let then: Vec<&str> =
                listed.iter().copied().chain(names.iter().map(String::as_str)).collect();
            let needed = pad_toolchains(&then, half);
            names.iter().chain(&needed).all(|name| allowed.contains(name))
        }
    };
    Unlisted { names, holds }
}
