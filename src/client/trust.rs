//! Which log a program believes, and which witnesses must have cosigned its checkpoints.
//!
//! Written as a log's verifier key alone, or as a policy (<https://c2sp.org/tlog-policy>), which a
//! program can include from a file: `include_str!("telemetry.policy")`.

use crate::tlog::{Origin, Policy, PolicyError, VerifierKey, VerifierKeyError};
use std::fmt;
use std::str::FromStr;

/// One log, and the witnesses that are asked for.
///
/// A policy may name several keys of the log, old and new ones, while a key is being changed. All of
/// them have the log's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    policy: Policy,
    origin: Origin,
}

/// Why a text or a policy does not say which log to believe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// Not a verifier key.
    #[error(transparent)]
    Key(#[from] VerifierKeyError),
    /// Not a policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A policy without a log.
    #[error("the policy names no log: add the line `log VKEY`, with the verifier key of the log")]
    NoLog,
    /// A policy that names several logs, each of which could show another history.
    #[error(
        "the policy names two logs, {0} and {1}, but configs come from one log: remove the other"
    )]
    TwoLogs(String, String),
}

impl Trust {
    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The first line of the log's checkpoints.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The log's verifier keys.
    pub fn keys(&self) -> impl Iterator<Item = &VerifierKey> {
        self.policy.logs().iter().map(|log| &log.key)
    }
}

impl From<VerifierKey> for Trust {
    /// Believes the log with this key, without witnesses.
    fn from(key: VerifierKey) -> Trust {
        let origin = Origin::from(key.name().clone());
        Trust { policy: Policy::from(key), origin }
    }
}

impl TryFrom<Policy> for Trust {
    type Error = TrustError;

    fn try_from(policy: Policy) -> Result<Trust, TrustError> {
        let mut names = policy.logs().iter().map(|log| log.key.name());
        let first = names.next().ok_or(TrustError::NoLog)?.clone();
        if let Some(other) = names.find(|name| **name != first) {
            return Err(TrustError::TwoLogs(first.to_string(), other.to_string()));
        }
        Ok(Trust { origin: Origin::from(first), policy })
    }
}

impl FromStr for Trust {
    type Err = TrustError;

    /// A verifier key, which is one word, or the text of a policy.
    fn from_str(text: &str) -> Result<Trust, TrustError> {
        match text.trim() {
            key if !key.is_empty() && !key.contains(char::is_whitespace) => {
                Ok(Trust::from(key.parse::<VerifierKey>()?))
            }
            _ => Trust::try_from(Policy::parse(text.as_bytes())?),
        }
    }
}

impl fmt::Display for Trust {
    /// The text of the policy, or the key alone if that means the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.policy.logs() {
            [log] if self.policy == Policy::from(log.key.clone()) => log.key.fmt(f),
            _ => self.policy.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::{Cosigner, CosignerKind, KeyName, Seed};

    fn key(name: &str, seed: u8) -> VerifierKey {
        let name = KeyName::new(name).expect("a name");
        Seed::from([seed; 32]).signer(name).verifier_key().clone()
    }

    #[test]
    fn a_key_or_a_policy_says_which_log_to_believe() {
        let (old, new) = (key("example.org/log", 1), key("example.org/log", 2));
        let witness =
            Cosigner::new(KeyName::new("w").expect("a name"), CosignerKind::Ed25519, &[3; 32]);
        let witness = witness.verifier_key();
        for text in [
            old.to_string(),
            format!("log {old} https://example.org/log\nquorum none\n"),
            format!("log {old}\nlog {new}\nwitness w {witness}\nquorum w\n"),
        ] {
            let trust: Trust = text.parse().expect("good");
            assert_eq!(trust.to_string(), text);
            assert_eq!(trust.origin().as_str(), "example.org/log");
            assert_eq!(trust.keys().next(), Some(&old));
        }
        let spaced: Trust = format!("\n {old}\n").parse().expect("a key");
        assert_eq!(spaced, Trust::from(old.clone()));
        let alone: Trust = format!("log {old}\nquorum none\n").parse().expect("a policy");
        assert_eq!(alone, spaced);
    }

    #[test]
    fn what_names_no_log_or_two_is_refused() {
        let (one, other) = (key("example.org/log", 1), key("example.com/log", 2));
        let refused = |text: &str| text.parse::<Trust>().expect_err("refused");
        assert!(matches!(refused(""), TrustError::Policy(_)));
        assert!(matches!(refused("example.org/log+x"), TrustError::Key(_)));
        assert!(matches!(refused(&format!("log {one}")), TrustError::Policy(_)));
        assert_eq!(refused("quorum none\n"), TrustError::NoLog);
        let two = refused(&format!("log {one}\nlog {other}\nquorum none\n"));
        assert!(matches!(two, TrustError::TwoLogs(..)), "{two}");
    }
}
