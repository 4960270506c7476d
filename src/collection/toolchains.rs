//! Toolchains allowed in advance, so that a new compiler silences nobody.
//!
//! A toolchain is the name of its language and a version: `go1.24.1`, `rust1.95.0`. Of each language, `[padding]`
//! of `collection.toml` adds patch releases of the latest series (two, as Go supports them; an urgent fix may be of
//! the older one), and new series with their first patch releases. Release candidates are Go's: `go1.26rc1`.
//! Toolchains that are named otherwise stay as they are listed.

use crate::charts::Definitions;
use crate::charts::definition::ToolchainPadding;
use std::collections::{BTreeMap, HashSet};

/// The toolchains that programs may be built with: those listed, as they are listed, then those allowed in
/// advance, in order.
pub fn allowed_toolchains(definitions: &Definitions) -> Vec<String> {
    let collection = &definitions.collection;
    let listed: Vec<&str> = collection.toolchains.iter().map(|one| one.value.as_str()).collect();
    let mut allowed: Vec<String> = listed.iter().map(|name| (*name).to_owned()).collect();
    if let Some(padding) = &collection.padding {
        allowed.extend(pad_toolchains(&listed, padding.value));
    }
    allowed
}

/// What is known of a series, such as `go1.24`.
#[derive(Debug, Default)]
struct Series {
    /// The latest patch release.
    patch: Option<u64>,
    /// The latest release candidate.
    candidate: u64,
}

/// The toolchains that are added to those listed.
pub fn pad_toolchains(listed: &[&str], padding: ToolchainPadding) -> Vec<String> {
    let known: HashSet<&str> = listed.iter().copied().collect();
    let mut languages: BTreeMap<&str, BTreeMap<(u64, u64), Series>> = BTreeMap::new();
    for parts in listed.iter().filter_map(|name| Parts::of(name)) {
        let series = languages.entry(parts.language).or_default();
        let series = series.entry((parts.major, parts.minor)).or_default();
        series.patch = series.patch.max(parts.patch);
        series.candidate = series.candidate.max(parts.candidate);
    }
    let mut added = Vec::new();
    for (language, series) in languages {
        let released = || series.iter().filter_map(|(numbers, one)| Some((*numbers, one.patch?)));
        let Some(((major, latest), _)) = released().next_back() else { continue };
        let patched = usize::try_from(padding.series).unwrap_or(usize::MAX);
        let skipped = released().count().saturating_sub(patched);
        for ((major, minor), patch) in released().skip(skipped) {
            for by in 1..=padding.patch {
                if let Some(patch) = patch.checked_add(by) {
                    added.push(format!("{language}{major}.{minor}.{patch}"));
                }
            }
        }
        for minor in (1..=padding.minor).filter_map(|by| latest.checked_add(by)) {
            if language == "go" {
                let last = series.get(&(major, minor)).map_or(0, |known| known.candidate);
                let next = (1..=padding.prerelease).filter_map(|by| last.checked_add(by));
                added.extend(next.map(|number| format!("go{major}.{minor}rc{number}")));
            }
            added.extend(
                (0..=padding.patch).map(|patch| format!("{language}{major}.{minor}.{patch}")),
            );
        }
    }
    added.retain(|name| !known.contains(name.as_str()));
    added
}

/// The name of a toolchain, in parts.
struct Parts<'n> {
    language: &'n str,
    major: u64,
    minor: u64,
    /// Absent for a release candidate.
    patch: Option<u64>,
    /// The number of a release candidate, or zero.
    candidate: u64,
}

impl<'n> Parts<'n> {
    /// `LANGUAGE` and `1.2.3`, `1.2` or `1.2rc3`.
    fn of(name: &'n str) -> Option<Parts<'n>> {
        let (language, version) = name.split_at(name.find(|c: char| !c.is_ascii_alphabetic())?);
        let mut numbers = version.splitn(3, '.');
        let (major, minor, patch) = (numbers.next()?, numbers.next()?, numbers.next());
        let (minor, candidate) = match minor.split_once("rc") {
            Some((minor, candidate)) if patch.is_none() => (minor, Some(number(candidate)?)),
            _ => (minor, None),
        };
        let (major, minor) = (number(major)?, number(minor)?);
        let patch = match (patch, candidate) {
            (Some(patch), _) => Some(number(patch)?),
            (None, Some(_)) => None,
            // Before Go 1.21, the first release of a series had no patch number.
            (None, None) if language == "go" && (major, minor) >= (1, 21) => None,
            (None, None) => Some(0),
        };
        (!language.is_empty()).then_some(Parts {
            language,
            major,
            minor,
            patch,
            candidate: candidate.unwrap_or(0),
        })
    }
}

/// A number without leading zeros.
fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    (digits && (text == "0" || !text.starts_with('0'))).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pad(listed: &str, [minor, patch, prerelease, series]: [u64; 4]) -> String {
        let listed: Vec<&str> = listed.split_whitespace().collect();
        pad_toolchains(&listed, ToolchainPadding { minor, patch, prerelease, series }).join(" ")
    }

    #[test]
    fn the_next_compilers_of_each_language_are_allowed() {
        assert_eq!(
            pad("go1.23.7 go1.24.0 go1.24.1 rust1.95.0", [1, 2, 1, 2]),
            "go1.23.8 go1.23.9 go1.24.2 go1.24.3 go1.25rc1 go1.25.0 go1.25.1 go1.25.2 \
             rust1.95.1 rust1.95.2 rust1.96.0 rust1.96.1 rust1.96.2"
        );
    }

    #[test]
    fn release_candidates_follow_those_that_are_listed() {
        assert_eq!(pad("go1.24.0 go1.25rc2", [1, 0, 2, 1]), "go1.25rc3 go1.25rc4 go1.25.0");
        assert_eq!(pad("go1.25rc2", [1, 1, 1, 1]), "");
    }

    #[test]
    fn a_bound_of_zero_adds_nothing() {
        assert_eq!(pad("go1.24.0", [0, 0, 9, 9]), "");
        assert_eq!(pad("go1.24.0", [0, 1, 0, 0]), "");
        assert_eq!(pad("go1.24.0 go1.20", [0, 1, 0, 2]), "go1.20.1 go1.24.1");
    }

    #[test]
    fn other_names_stay_as_they_are() {
        for other in [
            "devel",
            "go1",
            "go1.24",
            "go1.9.2rc2",
            "go1.24.1-custom",
            "gccgo",
            "1.2.3",
            "go1.02.3",
            "go18446744073709551616.1.1",
        ] {
            assert_eq!(pad(other, [1, 1, 1, 1]), "", "{other}");
        }
        let most = format!("x{0}.{0}.{0}", u64::MAX);
        assert_eq!(pad(&most, [1, 1, 1, 1]), "");
    }
}
