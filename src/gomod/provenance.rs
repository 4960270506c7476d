//! Which reviewed source a version was compiled from: `provenance.json` in the module zip.
//!
//! Its fields are enough for anyone to fetch the source and compile the same config again. All but one of
//! them come from the repository, not from the machine that published: the time is the commit's, and a
//! repository on a local disk has no address worth publishing. `as_of` is the day for which it was
//! compiled, since definitions expire.
//!
//! ```json
//! {
//!     "repository": "https://git.example.org/charts-config",
//!     "commit": "7a52...",
//!     "tree": "91cc...",
//!     "path": "charts-config",
//!     "as_of": "2026-02-04",
//!     "time": "2026-02-03T04:05:06Z",
//!     "program_version": "0.1.0"
//! }
//! ```

use super::CommitTime;
use crate::day::Day;
use crate::repository_url::RepositoryUrl;
use serde::{Deserialize, Serialize};

/// Which reviewed source a version was compiled from, and with what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Where the repository can be fetched; empty where it has no public address.
    pub repository: RepositoryUrl,
    /// The commit that was compiled.
    pub commit: ObjectId,
    /// The tree of the folder that was compiled.
    pub tree: ObjectId,
    /// The folder within the repository.
    pub path: RepositoryPath,
    /// The day, in UTC, for which the config was compiled: definitions that had expired by then are
    /// not in it.
    pub as_of: Day,
    /// When the commit was made.
    pub time: CommitTime,
    /// The version of Candor that compiled it.
    pub program_version: String,
}

/// Why a part of a provenance is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProvenanceError {
    /// Not a git object name.
    #[error("{0:?} is not a git object name of 40 or 64 lower-case hexadecimal digits")]
    ObjectId(String),
    /// Not a path within a repository.
    #[error("{0:?} is not a folder of a repository: use names between slashes, none of them '..'")]
    Path(String),
}

impl Provenance {
    /// The text of `provenance.json`: fields in order, indented by tabs, a newline at the end.
    pub fn to_json(&self) -> Vec<u8> {
        super::json::to_json(self, b"\t")
    }

    /// Reads `provenance.json`. Unknown fields are ignored.
    pub fn from_json(json: &[u8]) -> Result<Provenance, serde_json::Error> {
        serde_json::from_slice(json)
    }
}

/// The name of a git object: 40 hexadecimal digits (SHA-1) or 64 (SHA-256), in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectId(String);

impl ObjectId {
    /// Checks `name` and makes it an object name.
    pub fn new(name: impl Into<String>) -> Result<ObjectId, ProvenanceError> {
        let name = name.into();
        let hexadecimal = name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if hexadecimal && matches!(name.len(), 40 | 64) {
            Ok(ObjectId(name))
        } else {
            Err(ProvenanceError::ObjectId(name))
        }
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ObjectId {
    type Error = ProvenanceError;

    fn try_from(name: String) -> Result<ObjectId, ProvenanceError> {
        ObjectId::new(name)
    }
}

impl From<ObjectId> for String {
    fn from(id: ObjectId) -> String {
        id.0
    }
}

/// A folder within a repository: names between slashes; empty for the whole repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryPath(String);

impl RepositoryPath {
    /// Checks `path` and makes it a folder of a repository.
    pub fn new(path: impl Into<String>) -> Result<RepositoryPath, ProvenanceError> {
        let path = path.into();
        let good = |element: &str| {
            !matches!(element, "" | "." | "..") && !element.chars().any(char::is_control)
        };
        if path.is_empty() || path.split('/').all(good) {
            Ok(RepositoryPath(path))
        } else {
            Err(ProvenanceError::Path(path))
        }
    }

    /// The path, without slashes around it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RepositoryPath {
    type Error = ProvenanceError;

    fn try_from(path: String) -> Result<RepositoryPath, ProvenanceError> {
        RepositoryPath::new(path)
    }
}

impl From<RepositoryPath> for String {
    fn from(path: RepositoryPath) -> String {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_provenance_is_written_and_read_in_one_form() {
        let provenance = Provenance {
            repository: RepositoryUrl::public("https://git.example.org/charts"),
            commit: ObjectId::new("a".repeat(40)).expect("an object name"),
            tree: ObjectId::new("b".repeat(64)).expect("an object name"),
            path: RepositoryPath::new("sub/charts-config").expect("a path"),
            as_of: "2026-02-04".parse().expect("a day"),
            time: CommitTime::from_unix_seconds(1_770_091_506).expect("a time"),
            program_version: "0.1.0".into(),
        };
        let json = provenance.to_json();
        let (commit, tree) = ("a".repeat(40), "b".repeat(64));
        let expected = format!(
            "{{\n\t\"repository\": \"https://git.example.org/charts\",\n\t\"commit\": \
             \"{commit}\",\n\t\"tree\": \"{tree}\",\n\t\"path\": \
             \"sub/charts-config\",\n\t\"as_of\": \"2026-02-04\",\n\t\"time\": \"2026-02-03T04:05:06Z\",\n\t\"program_version\": \
             \"0.1.0\"\n}}\n"
        );
        assert_eq!(String::from_utf8(json.clone()).expect("text"), expected);
        assert_eq!(Provenance::from_json(&json).expect("JSON"), provenance);
        for (good, bad) in [
            ("https://git", "https://token@git"),
            ("\"aaaa", "\"AAAA"),
            ("\"sub/", "\"../"),
            ("T04:05:06Z", "T04:05:06+00:00"),
            ("02-03T", "02-30T"),
            ("02-04", "02-29"),
        ] {
            let json = expected.replacen(good, bad, 1);
            assert_ne!(json, expected, "{good}");
            assert!(Provenance::from_json(json.as_bytes()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = RepositoryPath::new(text.clone());
            let _ = ObjectId::new(text);
        }
    }
}
