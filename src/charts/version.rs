//! Program versions: semantic versions, and the versions of the Go toolchain.
//!
//! A program's path decides which kind of versions it has (as in golang/telemetry): a `cmd/...` program
//! belongs to the Go toolchain and has its versions; every other has semantic versions. Either may also be
//! `devel`, as Go's and our clients call a build that is not a release: it comes after every version, and
//! is counted wherever any version is.
//!
//! - [`SemanticVersion`]: semver.org 2.0.0 with a leading `v` and all three numbers
//!   (golang.org/x/mod/semver's canonical form, build metadata allowed). Precedence as specified
//!   there; versions of equal precedence are ordered as text, as x/mod's `Sort` does.
//! - [`GoVersion`]: Go's [toolchain names](https://go.dev/doc/toolchain#version), such as
//!   `go1.26.8` and `go1.27rc1`, ordered as the package `go/version` does. Names that a module
//!   proxy lists but that package does not accept, such as `go1.9.2rc2`, are not versions.
//!
//! Numbers over 64 bits, which Go would take, are refused.

use std::cmp::Ordering;
use std::fmt;

/// The version of a program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// The version of a module.
    Semantic(SemanticVersion),
    /// The version of a Go toolchain.
    Go(GoVersion),
    /// `devel`, a build that is not a release.
    Devel,
}

impl Version {
    /// The version as it was written.
    pub fn as_str(&self) -> &str {
        match self {
            Version::Semantic(version) => version.as_str(),
            Version::Go(version) => version.as_str(),
            Version::Devel => "devel",
        }
    }

    /// Whether this version is `minimum` or later, by precedence alone.
    pub fn at_least(&self, minimum: &Version) -> bool {
        match (self, minimum) {
            (Version::Semantic(a), Version::Semantic(b)) => a.precedence(b).is_ge(),
            (Version::Go(a), Version::Go(b)) => a.key >= b.key,
            (Version::Devel, _) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A semantic version with a leading `v`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SemanticVersion {
    text: String,
    parsed: semver::Version,
}

impl SemanticVersion {
    /// Parses `vMAJOR.MINOR.PATCH[-PRERELEASE][+BUILD]`.
    pub fn parse(text: &str) -> Option<SemanticVersion> {
        let parsed = semver::Version::parse(text.strip_prefix('v')?).ok()?;
        Some(SemanticVersion { text: text.to_owned(), parsed })
    }

    /// `vMAJOR.MINOR.PATCH`, with `-prerelease` unless that is empty.
    pub(crate) fn new(
        major: u64,
        minor: u64,
        patch: u64,
        prerelease: &str,
    ) -> Option<SemanticVersion> {
        let dash = if prerelease.is_empty() { "" } else { "-" };
        SemanticVersion::parse(&format!("v{major}.{minor}.{patch}{dash}{prerelease}"))
    }

    /// The version as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The three numbers.
    pub fn numbers(&self) -> (u64, u64, u64) {
        (self.parsed.major, self.parsed.minor, self.parsed.patch)
    }

    /// Whether this is a release, not a pre-release.
    pub fn is_release(&self) -> bool {
        self.parsed.pre.is_empty()
    }

    /// Compares by the specification's precedence, which ignores build metadata.
    pub fn precedence(&self, other: &SemanticVersion) -> Ordering {
        self.parsed.cmp_precedence(&other.parsed)
    }
}

impl Ord for SemanticVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.precedence(other).then_with(|| self.text.cmp(&other.text))
    }
}

impl PartialOrd for SemanticVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The name of a Go toolchain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoVersion {
    // The order of the fields is the order of versions.
    key: GoKey,
    text: String,
}

/// What Go compares, in its order: an absent number is less than any, and the kinds of pre-release are
/// in alphabetical order (none, alpha, beta, rc).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct GoKey {
    major: u64,
    minor: u64,
    patch: Option<u64>,
    kind: String,
    pre: Option<u64>,
}

impl GoVersion {
    /// Parses `goMAJOR[.MINOR[.PATCH]]`, `goMAJOR.MINORrcN` and the like, each with an optional
    /// `-SUFFIX`, which is ignored.
    pub fn parse(text: &str) -> Option<GoVersion> {
        let version = text.strip_prefix("go")?.split('-').next()?;
        Some(GoVersion { key: GoKey::parse(version)?, text: text.to_owned() })
    }

    /// The version as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl GoVersion {
    /// The first two numbers: `go1.26` of `go1.26.8`.
    pub fn series(&self) -> (u64, u64) {
        (self.key.major, self.key.minor)
    }
}

impl GoKey {
    fn parse(text: &str) -> Option<GoKey> {
        let (major, rest) = number(text)?;
        let release = |minor, patch| GoKey { major, minor, patch, kind: String::new(), pre: None };
        if rest.is_empty() {
            return Some(release(0, Some(0)));
        }
        let (minor, rest) = number(rest.strip_prefix('.')?)?;
        if rest.is_empty() {
            // Before Go 1.21 the first release of a language version had no patch number; since
            // then the bare language version comes before its release candidates.
            return Some(release(minor, (minor < 21).then_some(0)));
        }
        if let Some(patch) = rest.strip_prefix('.') {
            let (patch, rest) = number(patch)?;
            return rest.is_empty().then(|| release(minor, Some(patch)));
        }
        let digits = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (kind, pre) = rest.split_at(digits);
        if kind.is_empty() || !kind.bytes().all(|b| b.is_ascii_lowercase()) {
            return None;
        }
        let pre = match number(pre) {
            None if pre.is_empty() => None,
            Some((pre, "")) => Some(pre),
            _ => return None,
        };
        Some(GoKey { major, minor, patch: None, kind: kind.to_owned(), pre })
    }
}

/// The decimal number at the start, without leading zeros, and the rest.
fn number(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(digits);
    if number.len() > 1 && number.starts_with('0') {
        return None;
    }
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_versions_are_ordered_as_go_orders_them() {
        let sorted = [
            "go1",
            "go1.2.2",
            "go1.6beta1",
            "go1.6",
            "go1.6.1",
            "go1.9rc1",
            "go1.9",
            "go1.20",
            "go1.21",
            "go1.21rc1",
            "go1.21.0",
            "go1.21.0-custom",
            "go1.21.1",
            "go1.27rc2",
            "go1.27.0",
            "go2",
        ];
        // `go1.6beta1` comes before `go1.6` although its patch is absent, and so on.
        let parse = |text: &str| GoVersion::parse(text).unwrap_or_else(|| panic!("{text}"));
        for pair in sorted.windows(2) {
            assert!(parse(pair[0]) < parse(pair[1]), "{pair:?}");
        }
        assert_eq!(parse("go1.20").key, parse("go1.20.0").key);
        assert_ne!(parse("go1.21").key, parse("go1.21.0").key);
        assert_eq!(parse("go1.21.0").key, parse("go1.21.0-custom").key);
    }

    #[test]
    fn what_go_does_not_accept_is_not_a_go_version() {
        let bad = [
            "",
            "go",
            "1.21",
            "go1.",
            "go1.21.",
            "go01.2",
            "go1.02",
            "go1.9.2rc2",
            "go1.21rc",
            "go1.21RC1",
            "go1.21rc1x",
            "go1.21.0.0",
            "rust1.95.0",
            "go-1",
            "go1.21é",
        ];
        for text in bad {
            // A pre-release without a number is accepted by Go.
            assert_eq!(GoVersion::parse(text).is_some(), text == "go1.21rc", "{text}");
        }
    }

    #[test]
    fn semantic_versions_need_a_v_and_three_numbers() {
        for good in ["v0.0.0", "v1.2.3", "v1.2.3-pre.1", "v2.0.0+incompatible", "v1.0.0-0.a-b+c"] {
            assert_eq!(SemanticVersion::parse(good).expect(good).as_str(), good);
        }
        for bad in [
            "",
            "v",
            "1.2.3",
            "v1",
            "v1.2",
            "v1.2.3.4",
            "v01.2.3",
            "v1.2.3-01",
            "v1.2.3-",
            "V1.2.3",
        ] {
            assert_eq!(SemanticVersion::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn semantic_versions_sort_by_precedence_then_as_text() {
        let sorted = [
            "v0.9.9",
            "v1.0.0-1",
            "v1.0.0-2",
            "v1.0.0-10",
            "v1.0.0-alpha",
            "v1.0.0-alpha.1",
            "v1.0.0-beta",
            "v1.0.0",
            "v1.0.0+a",
            "v1.0.0+b",
            "v1.2.0",
            "v1.10.0",
        ];
        let parse = |text: &str| SemanticVersion::parse(text).expect("a version");
        for pair in sorted.windows(2) {
            assert!(parse(pair[0]) < parse(pair[1]), "{pair:?}");
        }
        let same = |a, b| Version::Semantic(parse(a)).at_least(&Version::Semantic(parse(b)));
        assert!(same("v1.0.0+a", "v1.0.0+b") && same("v1.0.0", "v1.0.0+b"));
    }
}
