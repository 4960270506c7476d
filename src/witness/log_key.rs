//! The key of a log, of any kind that a checkpoint may be signed with.
//!
//! <https://c2sp.org/tlog-checkpoint>: plain Ed25519 (0x01), which is what the public witness network
//! asks for, or a cosignature by the log itself (0x06, and 0x04), which the specification recommends.

use crate::tlog::{Checkpoint, CosignerKey, Note, NoteError, NoteSignature};
use crate::tlog::{KeyId, KeyName, VerifierKey, VerifierKeyError};
use std::fmt;
use std::str::FromStr;

/// What the signatures of a log are verified with. Written as a *vkey*.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogKey {
    /// Type 0x01.
    Plain(VerifierKey),
    /// Type 0x04 or 0x06.
    Cosigning(CosignerKey),
}

impl LogKey {
    /// The key's name.
    pub fn name(&self) -> &KeyName {
        match self {
            LogKey::Plain(key) => key.name(),
            LogKey::Cosigning(key) => key.name(),
        }
    }

    /// The key's ID.
    pub fn id(&self) -> KeyId {
        match self {
            LogKey::Plain(key) => key.id(),
            LogKey::Cosigning(key) => key.id(),
        }
    }

    /// The first signature by this key on a note, `None` if there is none. One that claims to be by this
    /// key but is not is an error, whatever else is there.
    pub fn signature<'n>(
        &self,
        note: &'n Note,
        checkpoint: &Checkpoint,
    ) -> Result<Option<&'n NoteSignature>, NoteError> {
        let by_this = |line: &&NoteSignature| line.name() == self.name() && line.id() == self.id();
        let mut lines = note.signatures().iter().filter(by_this);
        match self {
            LogKey::Plain(key) => {
                let forged =
                    |line: &NoteSignature| !key.verifies(note.text().as_bytes(), line.bytes());
                if lines.clone().any(forged) {
                    let (name, id) = (self.name().clone(), self.id());
                    return Err(NoteError::Forged { name, id });
                }
            }
            LogKey::Cosigning(key) => _ = key.verify(note, checkpoint)?,
        }
        Ok(lines.next())
    }
}

impl FromStr for LogKey {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<LogKey, VerifierKeyError> {
        match text.parse() {
            Ok(key) => Ok(LogKey::Plain(key)),
            // One of the other kinds, or invalid.
            Err(VerifierKeyError::Type { found: 0x04 | 0x06, .. }) => {
                text.parse().map(LogKey::Cosigning)
            }
            Err(error) => Err(error),
        }
    }
}

impl fmt::Display for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogKey::Plain(key) => key.fmt(f),
            LogKey::Cosigning(key) => key.fmt(f),
        }
    }
}
