//! What a verb is told to believe: `--vkey KEY`, or `--policy FILE`.

use super::Failure;
use crate::tlog::{Policy, VerifierKey};
use std::fs;
use std::path::PathBuf;

/// Which logs and witnesses to believe.
#[derive(Debug, clap::Args)]
#[group(id = "trust", multiple = false)]
pub(super) struct Trust {
    /// Believe the log with this verifier key, whether or not witnesses have seen it.
    #[arg(long, value_name = "KEY", group = "trust")]
    vkey: Option<VerifierKey>,
    /// Believe the logs of this policy (C2SP tlog-policy) where its quorum of witnesses has cosigned.
    #[arg(long, value_name = "FILE", group = "trust")]
    policy: Option<PathBuf>,
}

impl Trust {
    /// The policy; `None` where nothing was said.
    pub(super) fn policy(&self) -> Result<Option<Policy>, Failure> {
        if let Some(key) = &self.vkey {
            return Ok(Some(Policy::from(key.clone())));
        }
        let Some(file) = &self.policy else { return Ok(None) };
        let named = |what: String| Failure::usage(format!("--policy {}: {what}", file.display()));
        let bytes = fs::read(file).map_err(|error| named(format!("cannot read it: {error}")))?;
        Policy::parse(&bytes).map(Some).map_err(|error| named(error.to_string()))
    }

    /// The policy, without which the verb can judge nothing.
    pub(super) fn needed(&self) -> Result<Policy, Failure> {
        let none = "say whom to believe: --vkey KEY, the log's verifier key, or --policy FILE, a policy \
                    that names the log and its witnesses. Take them from someone you trust, and not from \
                    the server that is to be checked";
        self.policy()?.ok_or_else(|| Failure::usage(none))
    }
}
