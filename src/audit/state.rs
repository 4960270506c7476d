//! What an auditor remembers of one log: the file that `--state` names.
//!
//! The deployment is held to it later, so it is written durably, and replaced as a whole. It has the newest
//! head that was seen, how far the entries were read, and what has to be checked again. Without it, an audit
//! starts as on the first run, and says so.

use super::second_opinion::SecondOpinion;
use crate::durable;
use crate::hex::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::{fs, io};

const FORMAT: u32 = 1;

/// The state of one audit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditState {
    /// 1.
    pub format: u32,
    /// The log's verifier key.
    pub log: String,
    /// The signed note of the newest head that was seen, as it was received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
    /// The number of different heads that were seen.
    #[serde(default)]
    pub heads: u64,
    /// How far the entries were read and found to lead to a signed root.
    #[serde(default)]
    pub verified: SecondOpinion,
    /// How far they were read by a run that was interrupted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<SecondOpinion>,
    /// The module in the log's first record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Entries that are not the record that their index requires, and why. This cannot change.
    #[serde(default)]
    pub wrong_entries: BTreeMap<u64, String>,
    /// Versions that were not found right, with their records: they are checked again every time.
    #[serde(default)]
    pub again: BTreeMap<u64, String>,
    /// Public files whose bytes and rows were found right, by SHA-256.
    #[serde(default)]
    pub files: BTreeSet<String>,
    /// Weeks whose charts were computed again, with a digest of the served charts and their inputs.
    #[serde(default)]
    pub charts: BTreeMap<String, String>,
    /// The day on which a thirtieth of what was right was last read again, and nothing was out of reach: days since
    /// 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_read: Option<u64>,
    /// The same of an audit of the log alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of_log_read: Option<u64>,
    /// The editions of days.
    #[serde(default)]
    pub editions: BTreeMap<String, SeenDay>,
    /// The SHA-256 of the rest of the state, so that damage to the file is not mistaken for a finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<String>,
}

/// A day as it was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenDay {
    pub(super) edition: u32,
    #[serde(rename = "final")]
    pub(super) is_final: bool,
    pub(super) reports: u64,
    /// The SHA-256 of its files.
    pub(super) files: Vec<String>,
    /// Hashes of its first rows without hidden stacks; empty for a final edition, which is known by its files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) rows: Vec<u64>,
}

/// Why a state cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The file cannot be read or written.
    #[error("cannot {what} {}: {source}", .path.display())]
    Io {
        /// `read` or `write`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file is not a state.
    #[error(
        "the state file {} cannot be used: {reason}. This says nothing of the deployment. Name another file with --state, or remove this \
         one if you want to trust the log's history anew",
        .path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The state is of another log.
    #[error(
        "{} is the state of the log {found}, not of {wanted}; name another file with --state",
        .path.display()
    )]
    OtherLog {
        /// The file.
        path: PathBuf,
        /// The log that was to be audited.
        wanted: String,
        /// The log that it is of.
        found: String,
    },
}

impl AuditState {
    /// Reads the state from a file; a new one if there is no file.
    pub fn read(path: &Path, log: &str) -> Result<AuditState, StateError> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let log = log.to_owned();
                return Ok(AuditState { format: FORMAT, log, ..AuditState::default() });
            }
            Err(source) => return Err(failed("read", path, source)),
        };
        let malformed = |reason: String| StateError::Malformed { path: path.to_owned(), reason };
        let mut state: AuditState =
            serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
        if state.format != FORMAT {
            return Err(malformed(format!("its format is {}, not {FORMAT}", state.format)));
        }
        if let Some(digest) = state.digest.take()
            && state.digested().map_err(|error| malformed(error.to_string()))? != digest
        {
            return Err(malformed("it was changed or damaged after it was written".to_owned()));
        }
        if state.log != log {
            let (wanted, found) = (log.to_owned(), state.log);
            return Err(StateError::OtherLog { path: path.to_owned(), wanted, found });
        }
        Ok(state)
    }

    /// The digest of everything in its file besides the digest itself.
    fn digested(&self) -> Result<String, serde_json::Error> {
        let json = serde_json::to_vec(&AuditState { digest: None, ..self.clone() })?;
        Ok(hex(&Sha256::digest(json)))
    }

    /// Replaces the file durably.
    pub fn write(&self, path: &Path) -> Result<(), StateError> {
        let json = || {
            let digest = Some(self.digested()?);
            serde_json::to_vec(&AuditState { digest, ..self.clone() })
        };
        let json = json().map_err(|error| StateError::Malformed {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        let write = || {
            durable::make_folders(durable::folder_of(path))?;
            let mut temporary = path.as_os_str().to_owned();
            temporary.push(".tmp");
            durable::replace(path, Path::new(&temporary), &json, durable::private_file)
        };
        write().map_err(|source| failed("write", path, source))
    }
}

fn failed(what: &'static str, path: &Path, source: io::Error) -> StateError {
    StateError::Io { what, path: path.to_owned(), source }
}
