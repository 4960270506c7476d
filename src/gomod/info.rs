//! `.info`: what the module proxy protocol says about a version before it is downloaded.
//!
//! JSON as the `go` command reads and writes it (<https://go.dev/ref/mod#goproxy-protocol>; `RevInfo` and
//! `Origin` of cmd/go): capitalized names, empty fields left out. It is computed from the version and its
//! [`Provenance`], so it is never stored.

use super::{CommitTime, ModuleVersion, Provenance};
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
    /// The `.info` of `version`.
    pub fn new(version: ModuleVersion, provenance: &Provenance) -> Info {
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

/// JSON with a newline at the end, indented by `indent`, or on one line where that is empty.
pub(super) fn to_json(value: &impl Serialize, indent: &[u8]) -> Vec<u8> {
    let mut json = Vec::new();
    // Writing to memory cannot fail, and neither can serialising these fields, which are strings.
    let _ = if indent.is_empty() {
        serde_json::to_writer(&mut json, value)
    } else {
        let formatter = serde_json::ser::PrettyFormatter::with_indent(indent);
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut json, formatter))
    };
    json.push(b'\n');
    json
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
