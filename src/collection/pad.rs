//! Versions allowed in advance, so that a release is counted from its first day, and not only once
//! somebody has listed it.
//!
//! The rules are golang/telemetry's (`internal/configgen`, `padVersions`): every version is added that a
//! few releases after the latest could reach, within the limits of [`Padding`], and a few pre-releases
//! before each. A new major version also counts as a new minor one, and each step is a release: v1.4.0
//! with two releases gives v1.4.2, v1.5.1, v2.0.1, ..., but not v1.5.2. If pre-releases of a version are
//! listed already, those after the last of them are added.
//!
//! Beyond these rules, more than the latest series may get new patch versions, where [`Padding::series`] says so:
//! an urgent fix of v1.3 may come out after v1.4.

use crate::charts::definition::Padding;
use crate::charts::version::SemanticVersion;
use std::collections::{BTreeMap, HashSet};

/// The listed versions and those allowed in advance, sorted.
///
/// `prereleases` are the names of pre-releases, in order (`pre.1`, `pre.2`, ...).
pub fn pad_versions(
    listed: &[SemanticVersion],
    prereleases: &[String],
    padding: Padding,
) -> Vec<SemanticVersion> {
    let known: HashSet<&str> = listed.iter().map(without_build).collect();
    let (latest_major, latest_minor, latest_patch) = listed
        .iter()
        .filter(|version| version.is_release())
        .max_by(|a, b| a.precedence(b))
        .map_or((0, 0, 0), SemanticVersion::numbers);
    let mut padded = listed.to_vec();
    for major in 0..=padding.major {
        // A new major version starts from zero, and uses up one of the minor steps.
        let first_minor = if major == 0 { latest_minor } else { 0 };
        let Some(minors) = padding.minor.checked_sub(major) else { break };
        for minor in 0..=minors {
            let first_patch = if major == 0 && minor == 0 { latest_patch } else { 0 };
            for patch in 0..=padding.patch {
                let releases = major + minor + patch;
                if releases == 0 || releases > padding.releases {
                    continue;
                }
                let next = [(latest_major, major), (first_minor, minor), (first_patch, patch)];
                if let [Some(a), Some(b), Some(c)] = next.map(|(from, by)| from.checked_add(by)) {
                    add_release(&mut padded, &known, (a, b, c), prereleases, padding.prerelease);
                }
            }
        }
    }
    add_earlier_series(&mut padded, &known, listed, prereleases, padding);
    padded.sort();
    padded
}

/// Adds patch versions of series before the latest.
fn add_earlier_series(
    padded: &mut Vec<SemanticVersion>,
    known: &HashSet<&str>,
    listed: &[SemanticVersion],
    prereleases: &[String],
    padding: Padding,
) {
    let mut latest: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    for version in listed.iter().filter(|version| version.is_release()) {
        let (major, minor, patch) = version.numbers();
        let most = latest.entry((major, minor)).or_default();
        *most = patch.max(*most);
    }
    let earlier = padding.series.saturating_sub(1);
    let earlier = latest.iter().rev().skip(1).take(usize::try_from(earlier).unwrap_or(usize::MAX));
    for ((major, minor), latest) in earlier {
        for by in 1..=padding.patch.min(padding.releases) {
            if let Some(patch) = latest.checked_add(by) {
                let numbers = (*major, *minor, patch);
                add_release(padded, known, numbers, prereleases, padding.prerelease);
            }
        }
    }
}

/// Adds one release, unless it is listed, and the pre-releases that may come before it.
fn add_release(
    padded: &mut Vec<SemanticVersion>,
    known: &HashSet<&str>,
    (major, minor, patch): (u64, u64, u64),
    prereleases: &[String],
    most: u64,
) {
    let Some(release) = SemanticVersion::new(major, minor, patch, "") else { return };
    if known.contains(release.as_str()) {
        return;
    }
    let candidates: Vec<SemanticVersion> = prereleases
        .iter()
        .filter_map(|name| SemanticVersion::new(major, minor, patch, name))
        .collect();
    let next = candidates.iter().rposition(|one| known.contains(one.as_str())).map_or(0, |i| i + 1);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    padded.push(release);
    padded.extend(candidates.into_iter().take(most).skip(next));
}

/// The version without its build metadata, which does not count.
fn without_build(version: &SemanticVersion) -> &str {
    version.as_str().split('+').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pad(listed: &str, prereleases: usize, padding: [u64; 5]) -> String {
        let parse = |text| SemanticVersion::parse(text).expect("a version");
        let listed: Vec<_> = listed.split_whitespace().map(parse).collect();
        let prereleases: Vec<_> = (1..=prereleases).map(|number| format!("pre.{number}")).collect();
        let [releases, major, minor, patch, prerelease] = padding;
        let padding = Padding { releases, major, minor, patch, prerelease, series: 1 };
        let padded = pad_versions(&listed, &prereleases, padding);
        padded.iter().map(SemanticVersion::as_str).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn versions_are_padded_as_go_pads_them() {
        // The cases of golang/telemetry's own tests.
        assert_eq!(
            pad("", 1, [1, 1, 1, 1, 2]),
            "v0.0.1-pre.1 v0.0.1 v0.1.0-pre.1 v0.1.0 v1.0.0-pre.1 v1.0.0"
        );
        assert_eq!(
            pad(
                "v0.8.3 v0.9.1 v0.9.2 v1.0.0 v1.0.1 v1.0.2-pre.1 v1.0.2-pre.2 v1.0.2-pre.3",
                4,
                [2, 1, 2, 2, 2]
            ),
            "v0.8.3 v0.9.1 v0.9.2 v1.0.0 v1.0.1 v1.0.2-pre.1 v1.0.2-pre.2 v1.0.2-pre.3 v1.0.2 \
             v1.0.3-pre.1 v1.0.3-pre.2 v1.0.3 v1.1.0-pre.1 v1.1.0-pre.2 v1.1.0 v1.1.1-pre.1 \
             v1.1.1-pre.2 v1.1.1 v1.2.0-pre.1 v1.2.0-pre.2 v1.2.0 v2.0.0-pre.1 v2.0.0-pre.2 \
             v2.0.0 v2.0.1-pre.1 v2.0.1-pre.2 v2.0.1 v2.1.0-pre.1 v2.1.0-pre.2 v2.1.0"
        );
        assert_eq!(
            pad("v0.14.0 v0.15.0-pre.1 v0.15.0", 8, [2, 1, 1, 2, 2]),
            "v0.14.0 v0.15.0-pre.1 v0.15.0 v0.15.1-pre.1 v0.15.1-pre.2 v0.15.1 v0.15.2-pre.1 \
             v0.15.2-pre.2 v0.15.2 v0.16.0-pre.1 v0.16.0-pre.2 v0.16.0 v0.16.1-pre.1 \
             v0.16.1-pre.2 v0.16.1 v1.0.0-pre.1 v1.0.0-pre.2 v1.0.0 v1.0.1-pre.1 v1.0.1-pre.2 \
             v1.0.1"
        );
    }

    #[test]
    fn an_earlier_series_may_get_an_urgent_fix() {
        let parse = |text| SemanticVersion::parse(text).expect("a version");
        let listed: Vec<_> = ["v0.9.0", "v1.3.2", "v1.4.0", "v1.5.0-pre.1"].map(parse).into();
        let padding =
            Padding { releases: 2, major: 0, minor: 0, patch: 3, prerelease: 0, series: 2 };
        let padded = pad_versions(&listed, &[], padding);
        let added = padded.iter().filter(|version| !listed.contains(version));
        let added: Vec<_> = added.map(SemanticVersion::as_str).collect();
        assert_eq!(added, ["v1.3.3", "v1.3.4", "v1.4.1", "v1.4.2"]);
    }

    #[test]
    fn a_bound_of_zero_adds_nothing() {
        assert_eq!(pad("v1.0.0", 8, [0, 9, 9, 9, 9]), "v1.0.0");
        assert_eq!(pad("v1.0.0", 8, [9, 0, 0, 0, 9]), "v1.0.0");
        assert_eq!(pad("v1.0.0", 8, [9, 1, 0, 0, 9]), "v1.0.0");
        assert_eq!(pad("v1.0.0", 8, [1, 0, 0, 1, 0]), "v1.0.0 v1.0.1");
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let most = "v18446744073709551615.18446744073709551615.18446744073709551615";
        assert!(pad(most, 1, [2, 1, 1, 1, 1]).contains(most));
    }
}
