//! The keys that an auditor trusts: the log's, and those of the policy's witnesses.

use crate::tlog::{
    Checkpoint, CheckpointRefused, CosignerKey, EvidenceKeys, LogVerifiers, Note, NoteError,
    Origin, Policy, Protocol, VerifierKey,
};

/// The keys of an audit.
#[derive(Debug, Clone)]
pub struct AuditKeys {
    policy: Policy,
    logs: Vec<VerifierKey>,
    witnesses: Vec<CosignerKey>,
}

/// The policy names no log, or several.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the policy names {0} logs, and one is audited at a time; keep one `log` line")]
pub struct KeysError(usize);

/// A signed checkpoint: the note as it was received, and its contents.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    pub note: String,
    pub checkpoint: Checkpoint,
}

impl AuditKeys {
    /// The keys of a policy, which must name one log. If it names no witness, the key may be that of the
    /// log or of its checksum database.
    pub fn new(policy: Policy) -> Result<AuditKeys, KeysError> {
        let policy = match policy.logs() {
            [log] if policy.needs_no_witness() => match LogVerifiers::of(&log.key) {
                Some(faces) => Policy::from(faces.log),
                None => policy,
            },
            [_] => policy,
            logs => return Err(KeysError(logs.len())),
        };
        let logs = policy.logs().iter().map(|log| log.key.clone()).collect();
        let witnesses = policy.witnesses().iter().map(|witness| witness.key.clone()).collect();
        Ok(AuditKeys { policy, logs, witnesses })
    }

    /// The policy; without witnesses if only a key was given.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether a policy with witnesses was given.
    pub(super) fn asks_for_witnesses(&self) -> bool {
        !self.policy.needs_no_witness()
    }

    /// The log's key.
    pub fn log(&self) -> Option<&VerifierKey> {
        self.logs.first()
    }

    /// The keys of the log and its checksum database, if it is the log of a Candor deployment.
    pub(super) fn faces(&self) -> Option<LogVerifiers> {
        LogVerifiers::of(self.log()?)
    }

    /// The keys to check evidence with.
    pub fn evidence(&self) -> EvidenceKeys<'_> {
        EvidenceKeys { logs: &self.logs, witnesses: &self.witnesses }
    }

    /// Opens a checkpoint that the log signed, whether or not witnesses did.
    pub(super) fn open(&self, note: &[u8]) -> Result<Signed, CheckpointRefused> {
        let parsed = Note::parse(note)?;
        let checkpoint = Checkpoint::parse(parsed.text())?;
        let origin = checkpoint.origin().clone();
        let named = |key: &&VerifierKey| key.name().as_str() == origin.as_str();
        let key = self.logs.iter().find(named);
        let known = self.log().map(|key| key.name().to_string()).unwrap_or_default();
        let key = key.ok_or(CheckpointRefused::UnknownLog(origin, known))?;
        parsed.verify(std::slice::from_ref(key))?;
        Ok(Signed { note: parsed.to_string(), checkpoint })
    }

    /// Opens a signed tree of the checksum database.
    pub(super) fn open_sumdb(&self, note: &str) -> Result<Signed, CheckpointRefused> {
        let origin = Origin::go_sum_database();
        let Some(faces) = self.faces() else {
            return Err(CheckpointRefused::UnknownLog(origin, String::new()));
        };
        let opened =
            Checkpoint::open(note.as_bytes(), &faces.sumdb, &Protocol::Sumdb.origin(&faces.host))?;
        Ok(Signed { note: note.to_owned(), checkpoint: opened })
    }
}

/// Whether an answer is not a signed checkpoint at all.
pub(super) fn is_foreign(error: &CheckpointRefused) -> bool {
    matches!(
        error,
        CheckpointRefused::Note(NoteError::Malformed(_) | NoteError::SignatureLine { .. })
            | CheckpointRefused::Checkpoint(_)
    )
}

/// The message about such an answer.
pub(super) fn foreign(url: &str, error: &CheckpointRefused) -> String {
    format!(
        "{url}: {error}. Something else may have answered, such as the sign-in page of a network or a \
         proxy: open the address in a browser, and try again"
    )
}
