//! A request to a witness to sign a subtree of a log.
//!
//! <https://c2sp.org/tlog-witness>, "sign-subtree":
//!
//! ```text
//! subtree 8 13                  the first leaf, and the one after the last BASE64
//! the subtree's hash BASE64                        the proof that the checkpoint's tree contains it: one
//! hash a line
//!
//! ORIGIN                        the note of a checkpoint that this witness has cosigned
//! ```
//!
//! This is only the format, as for checkpoints; but it includes that the leaves are a subtree, and within
//! the checkpoint's tree.

use super::AddCheckpointError;
use super::request::split;
use crate::tlog::{Checkpoint, CheckpointError, Hash, Note, NoteError, Subtree, SubtreeError};
use std::fmt;

/// The body of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignSubtree {
    /// Which leaves.
    pub subtree: Subtree,
    /// Their hash.
    pub hash: Hash,
    /// The proof that the checkpoint's tree contains them.
    pub proof: Vec<Hash>,
    /// The note of a cosigned checkpoint.
    pub note: Note,
    /// Its checkpoint.
    pub checkpoint: Checkpoint,
}

/// A malformed request, which is answered with 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignSubtreeError {
    /// A line is malformed.
    #[error(transparent)]
    Form(#[from] AddCheckpointError),
    /// The checkpoint is not a note.
    #[error("the checkpoint is malformed: {0}")]
    Note(#[from] NoteError),
    /// The note is not a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The leaves are not a subtree of that tree.
    #[error(transparent)]
    Subtree(#[from] SubtreeError),
}

impl SignSubtree {
    /// Reads the body of a request.
    pub fn parse(bytes: &[u8]) -> Result<SignSubtree, SignSubtreeError> {
        use AddCheckpointError::Malformed;
        let (head, note) = split(bytes)?;
        let mut lines = head.split('\n');
        let range = lines.next().and_then(|line| line.strip_prefix("subtree ")?.split_once(' '));
        let range = range.and_then(|(start, end)| Some((start.parse().ok()?, end.parse().ok()?)));
        let (start, end) = range.ok_or(Malformed("the first line is not `subtree START END`"))?;
        let hash = lines.next().and_then(|line| line.parse().ok());
        let hash = hash.ok_or(Malformed("the second line is not a hash"))?;
        let proof = super::request::hashes(lines)?;
        let note = Note::parse(note)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        let (subtree, size) = (Subtree::new(start, end)?, checkpoint.head().size);
        if end > size {
            return Err(SubtreeError::Beyond(subtree, size).into());
        }
        Ok(SignSubtree { subtree, hash, proof, note, checkpoint })
    }
}

impl fmt::Display for SignSubtree {
    /// The body of the request.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "subtree {} {}\n{}", self.subtree.start(), self.subtree.end(), self.hash)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.note)
    }
}
