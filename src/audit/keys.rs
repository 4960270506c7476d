//! What an auditor believes in: the log's key, and the witnesses of a policy.

use crate::tlog::{
    Checkpoint, EvidenceKeys, Face, LogVerifiers, NotBelieved, Note, Origin, Policy,
};
use crate::tlog::{CosignerKey, PolicyError, VerifierKey, VerifierKeyError};

/// The keys of an audit.
#[derive(Debug, Clone)]
pub struct AuditKeys {
    policy: Policy,
    /// Whether the policy was given, or made of a key alone.
    is_policy: bool,
    logs: Vec<VerifierKey>,
    witnesses: Vec<CosignerKey>,
}

/// Why there is no key to audit with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// The key is malformed.
    #[error(transparent)]
    Key(#[from] VerifierKeyError),
    /// The policy is malformed.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The policy names no log, or several.
    #[error("the policy names {0} logs, and one is audited at a time; keep one `log` line")]
    Logs(usize),
}

/// A signed checkpoint: the note as it was received, and what it says.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    pub note: String,
    pub checkpoint: Checkpoint,
}

impl AuditKeys {
    /// With the log's verifier key alone; of a deployment, that of either face.
    pub fn of_log(key: &str) -> Result<AuditKeys, KeysError> {
        let key: VerifierKey = key.parse()?;
        let key = match LogVerifiers::of(&key) {
            Some(faces) => faces.log,
            None => key,
        };
        let policy = Policy::parse(format!("log {key}\nquorum none\n").as_bytes())?;
        AuditKeys::new(policy, false)
    }

    /// With a policy, which names one log.
    pub fn of_policy(bytes: &[u8]) -> Result<AuditKeys, KeysError> {
        AuditKeys::new(Policy::parse(bytes)?, true)
    }

    fn new(policy: Policy, is_policy: bool) -> Result<AuditKeys, KeysError> {
        let logs: Vec<VerifierKey> = policy.logs().iter().map(|log| log.key.clone()).collect();
        if logs.len() != 1 {
            return Err(KeysError::Logs(logs.len()));
        }
        let witnesses = policy.witnesses().iter().map(|witness| witness.key.clone()).collect();
        Ok(AuditKeys { policy, is_policy, logs, witnesses })
    }

    /// The policy; without witnesses where only a key was given.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether a policy with witnesses was given.
    pub(super) fn asks_for_witnesses(&self) -> bool {
        self.is_policy && !self.policy.needs_no_witness()
    }

    /// The log's key.
    pub fn log(&self) -> Option<&VerifierKey> {
        self.logs.first()
    }

    /// The keys of both faces, where the log is one of a Candor deployment.
    pub(super) fn faces(&self) -> Option<LogVerifiers> {
        LogVerifiers::of(self.log()?)
    }

    /// What evidence is checked with.
    pub fn evidence(&self) -> EvidenceKeys<'_> {
        EvidenceKeys { logs: &self.logs, witnesses: &self.witnesses }
    }

    /// Opens a checkpoint that the log signed; witnesses are another matter.
    pub(super) fn open(&self, note: &[u8]) -> Result<Signed, NotBelieved> {
        let parsed = Note::parse(note)?;
        let checkpoint = Checkpoint::parse(parsed.text())?;
        let origin = checkpoint.origin().clone();
        let named = |key: &&VerifierKey| key.name().as_str() == origin.as_str();
        let key = self.logs.iter().find(named);
        let known = self.log().map(|key| key.name().to_string()).unwrap_or_default();
        let key = key.ok_or(NotBelieved::UnknownLog(origin, known))?;
        parsed.verify(std::slice::from_ref(key))?;
        Ok(Signed { note: parsed.to_string(), checkpoint })
    }

    /// Opens a signed tree of the checksum database.
    pub(super) fn open_sumdb(&self, note: &str) -> Result<Signed, NotBelieved> {
        let origin = Origin::go_sum_database();
        let Some(faces) = self.faces() else {
            return Err(NotBelieved::UnknownLog(origin, String::new()));
        };
        let opened =
            Checkpoint::open(note.as_bytes(), &faces.sumdb, &Face::Sumdb.origin(&faces.host))?;
        Ok(Signed { note: note.to_owned(), checkpoint: opened })
    }
}
