//! The published head: one tree head, signed under both faces, in one pointer.
//!
//! Both notes move together, so no reader ever sees the faces disagree. The pointer's bytes are
//! JSON: `{"sumdb":"<signed note>","log":"<signed note>"}`. The `log` note carries the cosignatures of
//! witnesses after the log's own signature.

use super::signer_lock::LastSigned;
use super::{Checkpoint, CheckpointError, Face, Host, LogError, Note, NoteError, Seed};
use super::{NoteSignature, Signer};
use super::{TreeHead, VerifierKey};
use serde::{Deserialize, Serialize};

/// The two signers of one log: one seed under two names. While its key is being changed, four: the next
/// key signs beside the present one, so that whoever knows either of them believes what is published.
#[derive(Debug)]
pub struct LogKeys {
    sumdb: Signer,
    log: Signer,
    verifiers: LogVerifiers,
    next: Option<Box<LogKeys>>,
    /// Every head that was signed with these keys, in order.
    #[cfg(test)]
    signed: std::sync::Arc<std::sync::Mutex<Vec<TreeHead>>>,
}

/// The public half of [`LogKeys`]: all that is needed to serve and check a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogVerifiers {
    /// The host after which both faces are named.
    pub host: Host,
    /// The verifier key of the checksum database face, for `GOSUMDB`.
    pub sumdb: VerifierKey,
    /// The verifier key of the tlog-tiles face.
    pub log: VerifierKey,
}

impl LogKeys {
    /// The signers of the log at `host` whose secret is `seed`.
    pub fn new(host: &Host, seed: &Seed) -> LogKeys {
        let [sumdb, log] = Face::ALL.map(|face| seed.signer(face.key_name(host)));
        let verifiers = LogVerifiers {
            host: host.clone(),
            sumdb: sumdb.verifier_key().clone(),
            log: log.verifier_key().clone(),
        };
        LogKeys {
            sumdb,
            log,
            verifiers,
            next: None,
            #[cfg(test)]
            signed: std::sync::Arc::default(),
        }
    }

    /// These keys, and beside them the next ones of the same log, which sign everything, too.
    pub fn with_next(self, next: LogKeys) -> LogKeys {
        LogKeys { next: Some(Box::new(next)), ..self }
    }

    /// As these keys, but what is signed is also noted in `signed`.
    #[cfg(test)]
    pub(super) fn noting(self, signed: std::sync::Arc<std::sync::Mutex<Vec<TreeHead>>>) -> LogKeys {
        LogKeys { signed, ..self }
    }

    #[cfg(test)]
    fn note_signing(&self, head: TreeHead) {
        self.signed.lock().expect("no test panicked").push(head);
    }

    /// The public half.
    pub fn verifiers(&self) -> &LogVerifiers {
        &self.verifiers
    }

    /// The keys of the tlog-tiles face that sign: the present one, and the next where there is one.
    pub(super) fn log_keys(&self) -> Vec<VerifierKey> {
        let all = [Some(self), self.next.as_deref()];
        all.into_iter().flatten().map(|keys| keys.verifiers.log.clone()).collect()
    }
}

impl LogVerifiers {
    /// The keys of both faces of the log whose key of one face this is: `HOST` or `HOST/log`. `None`
    /// where the name is of neither form.
    pub fn of(key: &VerifierKey) -> Option<LogVerifiers> {
        let name = key.name().as_str();
        let host: Host = name.strip_suffix("/log").unwrap_or(name).parse().ok()?;
        let [sumdb, log] = Face::ALL.map(|face| key.named(face.key_name(&host)));
        Some(LogVerifiers { host, sumdb, log })
    }

    /// The policy that believes this log without any witness, as C2SP tlog-policy writes one.
    pub fn policy(&self) -> String {
        format!("log {}\nquorum none\n", self.log)
    }
}

/// A tree head with its signed notes under both faces.
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

/// Why the bytes of the pointer are not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishedError {
    /// They are not the JSON that was written.
    #[error("it is not the expected JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// One of the notes is malformed or not signed with this log's key.
    #[error("its {face} note: {source}")]
    Checkpoint {
        /// `sumdb` or `log`.
        face: &'static str,
        /// What is wrong.
        source: CheckpointError,
    },
    /// The two faces show two trees.
    #[error("its two notes are of different trees")]
    Disagree,
}

impl Published {
    /// Signs a head under both faces. Deterministic: signing again gives the same bytes.
    pub(super) fn sign(last: LastSigned, keys: &LogKeys) -> Result<Published, CheckpointError> {
        let head = last.head();
        #[cfg(test)]
        keys.note_signing(head);
        let sign = |face: Face, signer: fn(&LogKeys) -> &Signer| {
            let text = Checkpoint::new(face.origin(&keys.verifiers.host), head).to_string();
            let next = keys.next.as_deref().map(signer);
            let signers: Vec<&Signer> = [signer(keys)].into_iter().chain(next).collect();
            Ok::<_, CheckpointError>(Note::sign(text, &signers)?.to_string())
        };
        let sumdb = sign(Face::Sumdb, |keys| &keys.sumdb)?;
        let log = sign(Face::Log, |keys| &keys.log)?;
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

    /// Adds the signatures that another note of the same checkpoint has on the tlog-tiles face, and this
    /// one has not: those of witnesses.
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
        let open = |note: &str, face: Face, name, key| {
            Checkpoint::open(note.as_bytes(), key, &face.origin(&keys.host))
                .map(|checkpoint| checkpoint.head())
                .map_err(|source| PublishedError::Checkpoint { face: name, source })
        };
        let head = open(&notes.sumdb, Face::Sumdb, "sumdb", &keys.sumdb)?;
        if open(&notes.log, Face::Log, "log", &keys.log)? != head {
            return Err(PublishedError::Disagree);
        }
        Ok(Published { head, notes })
    }

    /// The note of the tlog-tiles face, and the checkpoint in it.
    pub(super) fn log_note(&self) -> Result<(Note, Checkpoint), LogError> {
        let damaged = |e: CheckpointError| LogError::damaged(super::CHECKPOINT, e);
        let note = Note::parse(self.notes.log.as_bytes());
        let note = note.map_err(|e: NoteError| damaged(e.into()))?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(damaged)?;
        Ok((note, checkpoint))
    }

    /// The same with other signatures on the note of the tlog-tiles face.
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

    /// The signed note of one face, as it is served.
    pub fn note(&self, face: Face) -> &str {
        match face {
            Face::Sumdb => &self.notes.sumdb,
            Face::Log => &self.notes.log,
        }
    }
}
