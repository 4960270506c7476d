//! The order in which versions and toolchains are shown: newest first.

use crate::charts::program_path::ProgramPath;
use crate::charts::version::{GoVersion, SemanticVersion, Version};
use std::cmp::{Ordering, Reverse};

/// Sorts versions of a program, newest first. Malformed versions come last, by name.
pub fn sort_versions(program: &str, versions: &mut [String]) {
    let path = ProgramPath::parse(program);
    let key = |version: &String| {
        let parsed = path.as_ref().and_then(|path| path.parse_version(version));
        let parsed = parsed.filter(|version| *version != Version::Devel);
        let go = match parsed {
            None => go_order(version),
            Some(_) => None,
        };
        // Versions of a program are either all Go's or none; a pre-release of a patch is beside its release.
        match (parsed, go) {
            (Some(Version::Go(version)), _) => {
                (Reverse(None), Reverse(Some((version, true))), String::new())
            }
            (None, Some(go)) if program.starts_with("cmd/") => {
                (Reverse(None), Reverse(Some(go)), version.clone())
            }
            (parsed, _) => (Reverse(parsed), Reverse(None), version.clone()),
        }
    };
    versions.sort_by_cached_key(key);
}

/// Sorts toolchains by name (`go`, `rust`), then newest first: Go's by its own order, others by semantic
/// versions where they have them.
pub fn sort_toolchains(toolchains: &mut [String]) {
    toolchains.sort_by_cached_key(|toolchain| {
        let at = toolchain.find(|c: char| c.is_ascii_digit()).unwrap_or(toolchain.len());
        let (name, version) = toolchain.split_at(at);
        let semantic = match name {
            "go" => None,
            _ => SemanticVersion::parse(&format!("v{version}")),
        };
        let go = go_order(&format!("go{version}"));
        (name.to_owned(), Reverse(semantic), Reverse(go), version.to_owned())
    });
}

/// Where a Go version stands. Names that Go does not accept, such as `go1.9.2rc2`, stand just below the
/// version that they begin with (and have `false`).
fn go_order(text: &str) -> Option<(GoVersion, bool)> {
    if let Some(version) = GoVersion::parse(text) {
        return Some((version, true));
    }
    let version = text.strip_prefix("go")?;
    let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    let (version, _) = version.split_at(end);
    Some((GoVersion::parse(&format!("go{version}"))?, false))
}

/// Platforms: most reports first, then by name.
pub fn by_reports(a: (u64, &str), b: (u64, &str)) -> Ordering {
    b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(mut labels: Vec<&str>, sort: impl Fn(&mut [String])) -> Vec<String> {
        labels.reverse();
        let mut labels: Vec<String> = labels.into_iter().map(str::to_owned).collect();
        sort(&mut labels);
        labels
    }

    #[test]
    fn versions_and_toolchains_are_newest_first() {
        let versions = ["v1.10.0", "v1.9.1", "v1.9.0", "v1.9.0-pre.10", "v1.9.0-pre.2", "devel"];
        let found = sorted(versions.to_vec(), |labels| sort_versions("example.org/p", labels));
        assert_eq!(found, versions);
        let versions = [
            "go1.21.0",
            "go1.21rc2",
            "go1.20.11",
            "go1.9.2",
            "go1.9.2rc2",
            "go1.9.1",
            "go1.9",
            "go1.2.2",
            "devel",
            "v1.9.0",
        ];
        let found = sorted(versions.to_vec(), |labels| sort_versions("cmd/go", labels));
        assert_eq!(found, versions);
        let toolchains = [
            "gcc",
            "go1.26.8",
            "go1.9.2",
            "go1.9.2rc2",
            "go1.2.2",
            "rust1.100.0",
            "rust1.95.0",
            "rust1.95.0-nightly",
            "rust1.95.0-beta.10",
            "rust1.95.0-beta.2",
            "rust1.9.0",
            "rust1.8",
        ];
        assert_eq!(sorted(toolchains.to_vec(), sort_toolchains), toolchains);
    }
}
