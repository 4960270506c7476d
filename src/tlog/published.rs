//! The published head: one tree head, signed for both protocols, in one pointer.
//!
//! Both notes change together, so no reader ever sees the protocols disagree. The pointer's bytes are
//! JSON: `{"sumdb":"<signed note>","log":"<signed note>"}`. The `log` note carries the cosignatures of
//! witnesses after the log's own signature.

use super::signer_lock::LastSigned;
use super::{
    Checkpoint, CheckpointError, LogError, LogKeys, LogVerifiers, Note, NoteError, Protocol,
};
use super::{NoteSignature, Signer, TreeHead};
use serde::{Deserialize, Serialize};

/// A tree head with its signed notes for both protocols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    head: TreeHead,
    notes: Notes,
}

/// The pointer's JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Notes {
    sumdb: String,
    log: String,
}

/// Why the bytes of the pointer are refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishedError {
    /// They are not the JSON that was written.
    #[error("it is not the expected JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// One of the notes is malformed or not signed with this log's key.
    #[error("its {protocol} note: {source}")]
    Checkpoint {
        /// `sumdb` or `log`.
        protocol: &'static str,
        /// What is wrong.
        source: CheckpointError,
    },
    /// The two notes show different trees.
    #[error("its two notes are of different trees")]
    Disagree,
}

impl Published {
    /// Signs a head for both protocols. Deterministic: signing again gives the same bytes.
    pub(super) fn sign(last: LastSigned, keys: &LogKeys) -> Result<Published, CheckpointError> {
        let head = last.head();
        #[cfg(test)]
        keys.note_signing(head);
        let sign = |protocol: Protocol, signer: fn(&LogKeys) -> &Signer| {
            let text = Checkpoint::new(protocol.origin(&keys.verifiers.host), head).to_string();
            let next = keys.next.as_deref().map(signer);
            let signers: Vec<&Signer> = [signer(keys)].into_iter().chain(next).collect();
            Ok::<_, CheckpointError>(Note::sign(text, &signers)?.to_string())
        };
        let sumdb = sign(Protocol::Sumdb, |keys| &keys.sumdb)?;
        let log = sign(Protocol::TlogTiles, |keys| &keys.log)?;
        Ok(Published { head, notes: Notes { sumdb, log } })
    }

    /// Whether it has the signatures of all of these keys.
    pub(super) fn is_signed_by(&self, keys: &LogKeys) -> bool {
        let all = [Some(keys), keys.next.as_deref()];
        all.into_iter().flatten().all(|keys| {
            let opened =
                serde_json::to_vec(&self.notes).ok().map(|b| Published::open(&b, &keys.verifiers));
            opened.is_some_and(|opened| opened.is_ok())
        })
    }

    /// Adds the signatures on the tlog-tiles note of `other`, for the same checkpoint, that this one
    /// lacks: those of witnesses.
    pub(super) fn with_cosignatures_of(self, other: &Published) -> Result<Published, LogError> {
        let ((note, _), (other, _)) = (self.log_note()?, other.log_note()?);
        let own = note.clone();
        let is_new = |line: &&NoteSignature| {
            !own.signatures().iter().any(|had| had.name() == line.name() && had.id() == line.id())
        };
        let note = other.signatures().iter().filter(is_new).cloned().fold(note, Note::with);
        Ok(self.with_log_note(&note))
    }

    /// Reads the pointer's bytes, checking both signatures.
    pub fn open(bytes: &[u8], keys: &LogVerifiers) -> Result<Published, PublishedError> {
        let notes: Notes = serde_json::from_slice(bytes)?;
        let open = |note: &str, protocol: Protocol, name, key| {
            Checkpoint::open(note.as_bytes(), key, &protocol.origin(&keys.host))
                .map(|checkpoint| checkpoint.head())
                .map_err(|source| PublishedError::Checkpoint { protocol: name, source })
        };
        let head = open(&notes.sumdb, Protocol::Sumdb, "sumdb", &keys.sumdb)?;
        if open(&notes.log, Protocol::TlogTiles, "log", &keys.log)? != head {
            return Err(PublishedError::Disagree);
        }
        Ok(Published { head, notes })
    }

    /// The tlog-tiles note, and the checkpoint in it.
    pub(super) fn log_note(&self) -> Result<(Note, Checkpoint), LogError> {
        let damaged = |e: CheckpointError| LogError::damaged(super::CHECKPOINT, e);
        let note = Note::parse(self.notes.log.as_bytes());
        let note = note.map_err(|e: NoteError| damaged(e.into()))?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(damaged)?;
        Ok((note, checkpoint))
    }

    /// The same with other signatures on the tlog-tiles note.
    pub(super) fn with_log_note(mut self, note: &Note) -> Published {
        self.notes.log = note.to_string();
        self
    }

    /// The pointer's bytes.
    pub(super) fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&self.notes)
    }

    /// The size and root.
    pub fn head(&self) -> TreeHead {
        self.head
    }

    /// The signed note of one protocol, as it is served.
    pub fn note(&self, protocol: Protocol) -> &str {
        match protocol {
            Protocol::Sumdb => &self.notes.sumdb,
            Protocol::TlogTiles => &self.notes.log,
        }
    }
}
