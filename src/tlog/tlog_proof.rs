//! Proofs that can be checked offline: an entry is in a log, and enough witnesses saw that tree.
//!
//! <https://c2sp.org/tlog-proof>, files that end in `.tlog-proof`:
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra BASE64                   anything the application needs; nobody vouches for it
//! index 73894
//! BASE64                         the inclusion proof: a hash a line, the leaf's sibling first
//!
//! ORIGIN                         the checkpoint with its signatures, as the log gave it
//! ```
//!
//! What the entry is must be known from elsewhere: a proof is verified against its leaf hash.

use super::{
    AcceptedCheckpoint, CheckpointRefused, Hash, InclusionProof, LeafIndex, Policy, ProofError,
};
use super::{TreeLimitError, verify_inclusion};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::fmt;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// The longest inclusion proof there is: a tree has less than 2^63 leaves.
const MOST_HASHES: usize = 63;

/// A proof as it is kept in a file. Nothing is known about its truth: see [`TlogProof::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// What the application added. Not authenticated.
    pub extra: Option<Vec<u8>>,
    /// The entry's index in the log.
    pub index: LeafIndex,
    /// The inclusion proof, from the entry to the checkpoint's root.
    pub inclusion: InclusionProof,
    /// The signed note of the checkpoint, with its cosignatures.
    pub checkpoint: String,
}

/// Bytes that are not a proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not a tlog-proof: {0}")]
pub struct TlogProofError(&'static str);

/// Why a proof proves nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotProved {
    /// The policy does not accept the checkpoint.
    #[error("its checkpoint is not accepted: {0}")]
    Checkpoint(#[from] CheckpointRefused),
    /// The checkpoint's tree does not have the entry at that index.
    #[error("the entry is not in the log: {0}")]
    Inclusion(#[from] ProofError),
}

impl From<TreeLimitError> for TlogProofError {
    fn from(_: TreeLimitError) -> TlogProofError {
        TlogProofError("its index is beyond what a log can hold")
    }
}

impl TlogProof {
    /// The longest proof in bytes: a note, and as much again for all the rest.
    pub(crate) const MAXIMUM_LENGTH: usize = 2_000_000;

    /// Reads the file of a proof.
    pub fn parse(bytes: &[u8]) -> Result<TlogProof, TlogProofError> {
        if bytes.len() > TlogProof::MAXIMUM_LENGTH {
            return Err(TlogProofError("it is longer than 2,000,000 bytes"));
        }
        let whole = str::from_utf8(bytes).map_err(|_| TlogProofError("it is not UTF-8"))?;
        let split = whole.split_once("\n\n");
        let (head, checkpoint) = split.ok_or(TlogProofError("it has no checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(TlogProofError("its first line is not c2sp.org/tlog-proof@v1"));
        }
        let base64 = |text: &str| STANDARD.decode(text).ok();
        let extra = match lines.peek().and_then(|line| line.strip_prefix("extra ")) {
            None => None,
            Some(extra) => {
                lines.next();
                Some(base64(extra).ok_or(TlogProofError("its extra data is not base64"))?)
            }
        };
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(decimal);
        let index = LeafIndex::new(index.ok_or(TlogProofError("it has no index"))?)?;
        let mut hashes = Vec::new();
        for line in lines {
            if hashes.len() == MOST_HASHES {
                return Err(TlogProofError("its inclusion proof has more hashes than any tree"));
            }
            let hash = line.parse::<Hash>();
            hashes.push(hash.map_err(|_| {
                TlogProofError(
                    "its inclusion proof has a line that is \
                                                         not a hash",
                )
            })?);
        }
        let inclusion = InclusionProof::new(hashes);
        Ok(TlogProof { extra, index, inclusion, checkpoint: checkpoint.to_owned() })
    }

    /// Verifies that the log has a leaf with this hash, in a tree that the policy accepts.
    pub fn verify(&self, leaf: Hash, policy: &Policy) -> Result<AcceptedCheckpoint, NotProved> {
        let believed = policy.check(self.checkpoint.as_bytes())?;
        verify_inclusion(leaf, self.index, believed.checkpoint.head(), &self.inclusion)?;
        Ok(believed)
    }
}

impl fmt::Display for TlogProof {
    /// The text of the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.inclusion.hashes().iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

/// A decimal number without leading zeroes.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = digits && (text == "0" || !text.starts_with('0'));
    canonical.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
#[path = "tlog_proof_tests.rs"]
mod tests;
