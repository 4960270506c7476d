//! What a verb trusts: `--vkey KEY`, or `--policy FILE`.

use super::Failure;
use super::input::read_at_most;
use crate::tlog::{CosignerKey, EvidenceKeys, Policy, VerifierKey, VerifierKeyError};
use std::path::PathBuf;
use std::str::FromStr;

/// Which logs and witnesses to trust.
#[derive(Debug, clap::Args)]
#[group(id = "trust", multiple = false)]
pub(super) struct Trust {
    /// Trust the log with this verifier key, whether or not witnesses have seen it.
    #[arg(long, value_name = "KEY", group = "trust")]
    vkey: Option<Key>,
    /// Trust the logs of this policy (C2SP tlog-policy) if its quorum of witnesses has cosigned.
    #[arg(long, value_name = "FILE", group = "trust")]
    policy: Option<PathBuf>,
}

/// A verifier key.
#[derive(Debug, Clone)]
enum Key {
    Log(VerifierKey),
    Witness(CosignerKey),
}

impl FromStr for Key {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<Key, VerifierKeyError> {
        // A key that neither accepts gets the error for logs, whose key is expected.
        let of_log = text.parse().map(Key::Log);
        of_log.or_else(|error| text.parse().map(Key::Witness).map_err(|_| error))
    }
}

impl Trust {
    /// The policy; `None` if neither option was given.
    fn policy(&self) -> Result<Option<Policy>, Failure> {
        match &self.vkey {
            Some(Key::Log(key)) => return Ok(Some(Policy::from(key.clone()))),
            Some(Key::Witness(key)) => {
                return Err(Failure::usage(format!(
                    "--vkey {}: this is the key of a witness; the log's is needed here",
                    key.name()
                )));
            }
            None => {}
        }
        let Some(file) = &self.policy else { return Ok(None) };
        let named = |what: String| Failure::usage(format!("--policy {}: {what}", file.display()));
        let bytes = read_at_most(file, Policy::MAXIMUM_LENGTH)
            .map_err(|error| named(format!("cannot read it: {error}")))?;
        Policy::parse(&bytes).map(Some).map_err(|error| named(error.to_string()))
    }

    /// The policy, without which the verb can check nothing.
    pub(super) fn needed(&self) -> Result<Policy, Failure> {
        let none = "say whom to trust: --vkey KEY, the log's verifier key, or --policy FILE, a policy \
                    that names the log and its witnesses. Get them from someone you trust, not from the \
                    server that is to be checked";
        self.policy()?.ok_or_else(|| Failure::usage(none))
    }

    /// Calls `check` with the keys for evidence, which may also be just the key of a witness.
    pub(super) fn with_keys<T>(
        &self,
        check: impl FnOnce(EvidenceKeys<'_>) -> T,
    ) -> Result<T, Failure> {
        if let Some(Key::Witness(key)) = &self.vkey {
            return Ok(check(EvidenceKeys { logs: &[], witnesses: std::slice::from_ref(key) }));
        }
        let policy = self.needed()?;
        let logs: Vec<VerifierKey> = policy.logs().iter().map(|log| log.key.clone()).collect();
        let witnesses: Vec<CosignerKey> =
            policy.witnesses().iter().map(|witness| witness.key.clone()).collect();
        Ok(check(EvidenceKeys { logs: &logs, witnesses: &witnesses }))
    }
}
