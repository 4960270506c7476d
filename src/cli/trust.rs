//! What a verb is told to believe: `--vkey KEY`, or `--policy FILE`.

use super::Failure;
use super::input::read_at_most;
use crate::tlog::{CosignerKey, EvidenceKeys, Policy, VerifierKey, VerifierKeyError};
use std::path::PathBuf;
use std::str::FromStr;

/// Which logs and witnesses to believe.
#[derive(Debug, clap::Args)]
#[group(id = "trust", multiple = false)]
pub(super) struct Trust {
    /// Believe the log with this verifier key, whether or not witnesses have seen it.
    #[arg(long, value_name = "KEY", group = "trust")]
    vkey: Option<Key>,
    /// Believe the logs of this policy (C2SP tlog-policy) where its quorum of witnesses has cosigned.
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
        // A key of a type that neither takes is refused in the words of logs, which are asked for.
        let of_log = text.parse().map(Key::Log);
        of_log.or_else(|error| text.parse().map(Key::Witness).map_err(|_| error))
    }
}

impl Trust {
    /// The policy; `None` where nothing was said.
    fn policy(&self) -> Result<Option<Policy>, Failure> {
        match &self.vkey {
            Some(Key::Log(key)) => return Ok(Some(Policy::from(key.clone()))),
            Some(Key::Witness(key)) => {
                return Err(Failure::usage(format!(
                    "--vkey {}: it is the key of a witness; the log's is needed here",
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

    /// The policy, without which the verb can judge nothing.
    pub(super) fn needed(&self) -> Result<Policy, Failure> {
        let none = "say whom to believe: --vkey KEY, the log's verifier key, or --policy FILE, a policy \
                    that names the log and its witnesses. Take them from someone you trust, and not from \
                    the server that is to be checked";
        self.policy()?.ok_or_else(|| Failure::usage(none))
    }

    /// Gives the keys that evidence is checked with, which may also be that of a witness alone.
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
