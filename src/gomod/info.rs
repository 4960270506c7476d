//! `.info`: what the module proxy protocol says about a version before it is downloaded.
//!
//! JSON as the `go` command reads and writes it (<https://go.dev/ref/mod#goproxy-protocol>; `RevInfo` and
//! `Origin` of cmd/go): capitalized names, empty fields left out. It is computed from the version and its
//! [`Provenance`], so it is never stored.

use super::json::to_json;
use super::{CommitTime, Module, ModuleVersion, Provenance};
use serde::Serialize;

/// A version's name, time and origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Info {
    /// The version, `v0.N.0`.
    pub version: String,
    /// When its source was committed.
    pub time: CommitTime,
    /// Where its source is.
    pub origin: Origin,
}

/// Where the source of a version is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The version control system: always `git`.
    #[serde(rename = "VCS")]
    pub vcs: &'static str,
    /// The repository, if it has a public address.
    #[serde(rename = "URL", skip_serializing_if = "str::is_empty")]
    pub url: String,
    /// The folder within the repository, if it is not the whole.
    #[serde(rename = "Subdir", skip_serializing_if = "str::is_empty")]
    pub subdir: String,
    /// The commit. There is no `Ref`: branches move, a version does not.
    #[serde(rename = "Hash")]
    pub hash: String,
}

impl Info {
    /// What the proxy protocol serves as `.info` of a module.
    pub fn of(module: &Module) -> Info {
        Info::new(module.version(), module.provenance())
    }

    fn new(version: ModuleVersion, provenance: &Provenance) -> Info {
        Info {
            version: version.to_string(),
            time: provenance.time,
            origin: Origin {
                vcs: "git",
                url: provenance.repository.as_str().to_string(),
                subdir: provenance.path.as_str().to_string(),
                hash: provenance.commit.as_str().to_string(),
            },
        }
    }

    /// The JSON text, on one line.
    pub fn to_json(&self) -> Vec<u8> {
        to_json(self, b"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gomod::{ObjectId, RepositoryPath, RepositoryUrl};

    #[test]
    fn empty_fields_are_left_out() {
        let mut provenance = Provenance {
            repository: RepositoryUrl::public("https://git.example.org/charts"),
            commit: ObjectId::new("a".repeat(40)).expect("an object name"),
            tree: ObjectId::new("b".repeat(40)).expect("an object name"),
            path: RepositoryPath::new("charts-config").expect("a path"),
            as_of: "2026-02-04".parse().expect("a day"),
            time: CommitTime::from_unix_seconds(0).expect("a time"),
            program_version: "0.1.0".into(),
        };
        let json = |provenance: &Provenance| {
            String::from_utf8(Info::new(ModuleVersion::FIRST, provenance).to_json()).expect("text")
        };
        let commit = "a".repeat(40);
        assert_eq!(
            json(&provenance),
            format!(
                r#"{{"Version":"v0.1.0","Time":"1970-01-01T00:00:00Z","Origin":{{"VCS":"git","URL":"https://git.example.org/charts","Subdir":"charts-config","Hash":"{commit}"}}}}"#
            ) + "\n"
        );
        provenance.repository = RepositoryUrl::default();
        provenance.path = RepositoryPath::default();
        assert!(json(&provenance).contains(&format!(r#"{{"VCS":"git","Hash":"{commit}"}}"#)));
    }
}
