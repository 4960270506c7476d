//! A witness's checks of a submitted checkpoint, in the specification's order.
//!
//! <https://c2sp.org/tlog-witness>, "add-checkpoint":
//!
//! | check, in this order | refused with |
//! | --- | --- |
//! | the body is well-formed | 400 |
//! | the log is known | 404 |
//! | one of its keys signed, and no signature under the name and ID of one of them is bad | 403 |
//! | the old size is not larger than the new | 400 |
//! | the old size is that of the last cosigned checkpoint, or 0 before the first | 409, with its size |
//! | an empty tree has the empty tree's root | 422 |
//! | the proof leads from the old root to the new; between equal sizes and from 0 it is empty | 422 |
//!
//! Extension lines are cosigned as they are (by Ed25519; ML-DSA does not cover them) and not checked: by
//! the specification a cosignature says nothing about them.

use super::known_logs::KnownLog;
use super::{AddCheckpoint, AddCheckpointError, SignSubtreeError};
use crate::tlog::{
    Checkpoint, CheckpointError, Hash, Note, NoteError, NoteSignature, Origin, ProofError,
    SubtreeError, TreeHead, TreeSize, verify_consistency,
};
use std::time::Duration;

/// Why a witness does not cosign.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The body is malformed.
    #[error(transparent)]
    Malformed(#[from] AddCheckpointError),
    /// The body of a request to sign a subtree is malformed.
    #[error(transparent)]
    MalformedSubtree(#[from] SignSubtreeError),
    /// No key of this witness has cosigned the checkpoint, or a signature that claims so is bad.
    #[error("this witness has not cosigned the checkpoint by a key that is in force")]
    NotCosigned,
    /// No key in force signs subtrees.
    #[error("this witness signs no subtrees: none of its keys in force is of the kind ML-DSA-44")]
    NoSubtrees,
    /// The checkpoint's tree is not proved to contain the subtree.
    #[error(transparent)]
    NotContained(SubtreeError),
    /// The submission is not a checkpoint.
    #[error(transparent)]
    NoCheckpoint(CheckpointError),
    /// The log is not on any of the witness's lists.
    #[error("this witness does not know the log \"{0}\": ask its operator")]
    UnknownLog(Origin),
    /// The log did not sign it.
    #[error("{0}")]
    NotSigned(NoteError),
    /// The old tree is larger than the new one.
    #[error("the old size {old} is larger than the checkpoint's size {size}")]
    OldIsLarger {
        /// The size of the older tree.
        old: TreeSize,
        /// The checkpoint's size.
        size: TreeSize,
    },
    /// The witness cosigned another tree last: of this size.
    #[error("the last cosigned checkpoint has size {0}")]
    Conflict(TreeSize),
    /// The tree is empty, and its root is not the empty tree's.
    #[error("the tree is empty, but its root is not that of an empty tree")]
    EmptyRoot,
    /// The tree is not proved to continue the last cosigned one.
    #[error("{0}")]
    Inconsistent(ProofError),
    /// The log submits more than its list allows.
    #[error("the log submits more checkpoints than its entry in the list of logs allows")]
    TooMany {
        /// How long to wait before the next one.
        wait: Duration,
    },
    /// The witness cannot answer now. Only its operator learns why.
    #[error("the witness cannot cosign at the moment; its operator has been notified")]
    Unavailable,
}

/// A submitted checkpoint that the log has signed.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) request: AddCheckpoint,
    pub(super) checkpoint: Checkpoint,
    /// The log's own signatures, one of each key.
    pub(super) by_log: Vec<NoteSignature>,
}

/// Reads the checkpoint of a request; whether its log is known is checked next.
pub(super) fn checkpoint_of(request: &AddCheckpoint) -> Result<Checkpoint, Refusal> {
    Checkpoint::parse_any_root(request.note.text()).map_err(Refusal::NoCheckpoint)
}

/// Checks that a known log has signed.
pub(super) fn check_signed(
    request: AddCheckpoint,
    checkpoint: Checkpoint,
    log: &KnownLog,
) -> Result<Signed, Refusal> {
    let mut by_log = Vec::new();
    for key in &log.keys {
        let signature = key.signature(&request.note, &checkpoint).map_err(Refusal::NotSigned)?;
        by_log.extend(signature.cloned());
    }
    if by_log.is_empty() {
        return Err(Refusal::NotSigned(not_signed(&request.note, log)));
    }
    Ok(Signed { request, checkpoint, by_log })
}

fn not_signed(note: &Note, log: &KnownLog) -> NoteError {
    let few =
        |names: &mut dyn Iterator<Item = String>| names.take(4).collect::<Vec<_>>().join(", ");
    let wanted = few(&mut log.keys.iter().map(|key| format!("{}+{}", key.name(), key.id())));
    let found = note.signatures().iter().map(|line| format!("{}+{}", line.name(), line.id()));
    NoteError::NotSigned { wanted, found: few(&mut { found }) }
}

/// Checks that a signed checkpoint continues the last cosigned tree.
pub(super) fn check_continues(signed: &Signed, last: TreeHead) -> Result<(), Refusal> {
    let Signed { request: AddCheckpoint { old, proof, .. }, checkpoint, .. } = signed;
    let new = checkpoint.head();
    if *old > new.size {
        return Err(Refusal::OldIsLarger { old: *old, size: new.size });
    }
    if *old != last.size {
        return Err(Refusal::Conflict(last.size));
    }
    if new.size == TreeSize::ZERO && new.root != Hash::EMPTY {
        return Err(Refusal::EmptyRoot);
    }
    verify_consistency(last, new, proof).map_err(Refusal::Inconsistent)
}
