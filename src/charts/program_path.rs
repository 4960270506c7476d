//! The paths of programs, modules and packages.

use super::version::{GoVersion, SemanticVersion, Version};
use crate::import_path;
use std::fmt;

/// The path of a program, module or package: elements separated by `/`, of the characters that Go allows
/// in import paths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProgramPath(String);

impl ProgramPath {
    /// Parses a path.
    pub fn parse(text: &str) -> Option<ProgramPath> {
        let good = |element: &str| {
            !element.is_empty()
                && !element.starts_with('.')
                && !element.ends_with('.')
                && element.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+".contains(&b))
        };
        text.split('/').all(good).then(|| ProgramPath(text.to_owned()))
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the program belongs to the Go toolchain and so has Go's versions.
    pub fn is_toolchain(&self) -> bool {
        self.0.starts_with("cmd/")
    }

    /// Whether this path is `other` or lies below it, element by element.
    pub fn is_within(&self, other: &ProgramPath) -> bool {
        import_path::is_within(&self.0, &other.0)
    }

    /// The name that a Rust crate of this path has in code: the last element, with `_` for `-`.
    pub fn crate_name(&self) -> String {
        self.0.rsplit('/').next().unwrap_or(&self.0).replace('-', "_")
    }

    /// Parses a version of the kind that this program has, or `devel`.
    pub fn parse_version(&self, text: &str) -> Option<Version> {
        if text == "devel" {
            Some(Version::Devel)
        } else if self.is_toolchain() {
            GoVersion::parse(text).map(Version::Go)
        } else {
            SemanticVersion::parse(text).map(Version::Semantic)
        }
    }
}

impl fmt::Display for ProgramPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_lies_within_another_element_by_element() {
        let within = |a, b| {
            let path = |text| ProgramPath::parse(text).expect("a path");
            path(a).is_within(&path(b))
        };
        assert!(within("a/b", "a/b") && within("a/b/c", "a/b"));
        assert!(!within("a/bc", "a/b") && !within("a", "a/b"));
    }

    #[test]
    fn paths_have_plain_elements() {
        for good in ["candor", "golang.org/x/tools/gopls", "cmd/go", "a.b/c~d/e_f-g+h"] {
            assert!(ProgramPath::parse(good).is_some(), "{good}");
        }
        for bad in ["", "/a", "a/", "a//b", "a/../b", "a/.b", "a./b", "a b", "ü", "a\\b", "a:b"] {
            assert_eq!(ProgramPath::parse(bad), None, "{bad}");
        }
    }
}
