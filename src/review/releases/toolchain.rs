//! Names of toolchains, in the order of their releases: `go1.24.1`, `rust1.95.0`.

use crate::charts::version::{GoVersion, SemanticVersion, Version};

/// The name of a toolchain, taken apart: its language, then its version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Toolchain {
    pub language: Language,
    pub version: Version,
}

/// Languages whose releases somebody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    Go,
    Rust,
}

impl Language {
    /// How the names of its toolchains begin.
    pub fn name(self) -> &'static str {
        match self {
            Language::Go => "go",
            Language::Rust => "rust",
        }
    }
}

impl Toolchain {
    /// Takes a name apart; `None` if it is of another language.
    pub fn parse(name: &str) -> Option<Toolchain> {
        if let Some(version) = name.strip_prefix("rust") {
            let version = SemanticVersion::parse(&format!("v{version}"))?;
            return Some(Toolchain {
                language: Language::Rust,
                version: Version::Semantic(version),
            });
        }
        let version = GoVersion::parse(name)?;
        Some(Toolchain { language: Language::Go, version: Version::Go(version) })
    }

    /// The two numbers of its series: those of `go1.24`.
    pub fn series(&self) -> Option<(u64, u64)> {
        match &self.version {
            Version::Semantic(version) => {
                let (major, minor, _) = version.numbers();
                Some((major, minor))
            }
            Version::Go(version) => Some(version.series()),
            Version::Devel => None,
        }
    }

    /// Whether this is a release, not a pre-release.
    pub fn is_release(&self) -> bool {
        match &self.version {
            Version::Semantic(version) => version.is_release(),
            // `go1.24rc1`: what is neither a digit nor a dot.
            Version::Go(version) => {
                let mut rest = version.as_str().trim_start_matches("go").chars();
                rest.all(|c| c.is_ascii_digit() || c == '.')
            }
            Version::Devel => false,
        }
    }
}

impl std::fmt::Display for Toolchain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.language {
            Language::Go => f.write_str(self.version.as_str()),
            Language::Rust => write!(f, "rust{}", self.version.as_str().trim_start_matches('v')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ordered_by_language_and_release() {
        let names = ["go1.20", "go1.24rc1", "go1.24.0", "go1.24.10", "rust1.9.0", "rust1.95.0"];
        let parsed: Vec<_> = names.iter().filter_map(|name| Toolchain::parse(name)).collect();
        assert!(parsed.is_sorted());
        let written: Vec<String> = parsed.iter().map(Toolchain::to_string).collect();
        assert_eq!(written, names);
        let releases = parsed.iter().filter(|one| one.is_release()).count();
        assert_eq!(releases, 5);
        assert_eq!(Toolchain::parse("python3.12.1"), None);
        assert_eq!(Toolchain::parse("devel"), None);
    }
}
