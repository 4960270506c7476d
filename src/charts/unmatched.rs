//! Versions that no build of a program reports, by the rules of Go modules (<https://go.dev/ref/mod#versions>):
//!
//! - A pseudo-version is reported as `devel`, and so is a build with local changes (`+dirty`).
//! - From major version 2 on, the path of a module ends in it: `/v2`, and at gopkg.in `.v2`, there from 0 on.
//! - After a `+` there is nothing, except `+incompatible`, for a major version from 2 on that the path does not say.

use super::definition::Program;
use super::version::{SemanticVersion, Version};
use super::version_source::VersionSource;

/// Why no build of a program reports a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmatched {
    /// It is a pseudo-version.
    Pseudo,
    /// There is something after a `+` that no Go module has there.
    Build,
    /// The path of the module ends in this other major version.
    OtherMajor(u64),
    /// The path of the module would end in this major version.
    MajorNotInPath(u64),
}

/// Why no build of the program reports this version, if none does.
pub fn unmatched(program: &Program, version: &Version) -> Option<Unmatched> {
    let Version::Semantic(version) = version else { return None };
    let (release, build) = version.as_str().split_once('+').unwrap_or((version.as_str(), ""));
    if is_pseudo(release) {
        return Some(Unmatched::Pseudo);
    }
    let module = program.module.as_ref().map(|module| module.as_str());
    let major = module.and_then(major_of);
    let is_go = program.version_source() == Some(VersionSource::Go);
    unmatched_build(version, major, is_go, build).or_else(|| {
        let (number, ..) = version.numbers();
        match major {
            Some(major) if major >= 2 => (number != major).then_some(Unmatched::OtherMajor(major)),
            Some(major) => (number >= 2).then_some(Unmatched::OtherMajor(major)),
            None => {
                let fits = number < 2 || build == "incompatible" || !is_go;
                (!fits).then_some(Unmatched::MajorNotInPath(number))
            }
        }
    })
}

fn unmatched_build(
    version: &SemanticVersion,
    major: Option<u64>,
    is_go: bool,
    build: &str,
) -> Option<Unmatched> {
    let (number, ..) = version.numbers();
    let fits = match build {
        "" => true,
        "incompatible" => number >= 2 && major.is_none(),
        _ => false,
    };
    (is_go && !fits).then_some(Unmatched::Build)
}

/// The major version at the end of a Go module's path: from 2 on, and at gopkg.in any.
pub fn major_of(module: &str) -> Option<u64> {
    if module.starts_with("gopkg.in/") {
        let (_, last) = module.rsplit_once('.')?;
        return last.strip_prefix('v')?.parse().ok();
    }
    let last = module.rsplit('/').next()?;
    last.strip_prefix('v')?.parse().ok().filter(|major| *major >= 2)
}

/// Whether a version ends as the go command writes pseudo-versions: a time of 14 digits and 12 hex digits.
fn is_pseudo(release: &str) -> bool {
    let Some((before, commit)) = release.rsplit_once('-') else { return false };
    let time = before.rsplit(['-', '.']).next().unwrap_or_default();
    commit.len() == 12
        && commit.chars().all(|c| c.is_ascii_hexdigit())
        && time.len() == 14
        && time.chars().all(|c| c.is_ascii_digit())
}
