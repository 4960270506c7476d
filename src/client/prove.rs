//! Making a proof that stands alone, of an entry of a log on a server that is not trusted.
//!
//! What comes out verifies without the server and without a network ([`TlogProof::verify`]), and it is
//! verified here before it is returned.

use super::{RemoteError, RemoteLog};
use crate::tlog::{
    AcceptedCheckpoint, Entry, LeafIndex, NotProved, Policy, ProofError, TlogProof, prove_inclusion,
};

/// An entry of a log with its proof, which was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// The entry.
    pub entry: Entry,
    /// The proof that the log has it.
    pub proof: TlogProof,
    /// What the policy believes of the log's tree.
    pub believed: AcceptedCheckpoint,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The log on the server could not be read.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// What the server has proves nothing.
    #[error("what {url} serves is no proof: {source}")]
    NotProved {
        /// The log.
        url: String,
        /// What is wrong.
        source: NotProved,
    },
    /// The log's newest tree does not have the entry.
    #[error("the log at {url} has no entry {index}: it has {size} entries")]
    NoEntry {
        /// The log.
        url: String,
        /// The entry.
        index: LeafIndex,
        /// How many entries there are.
        size: u64,
    },
}

/// Proves an entry of a log, or its last where no index is given, in the tree that the server shows and
/// the policy believes.
///
/// # Errors
///
/// The log cannot be read, does not have the entry, or is not believed.
pub fn prove(
    log: RemoteLog<'_>,
    policy: &Policy,
    index: Option<LeafIndex>,
) -> Result<Proved, ProveError> {
    let url = || log.address().to_string();
    let not_proved = |source: NotProved| ProveError::NotProved { url: url(), source };
    let note = log.checkpoint()?;
    let head = policy.check(&note).map_err(|error| not_proved(error.into()))?.checkpoint.head();
    let wanted = index.or(head.size.last_index());
    let index = wanted.filter(|index| index.is_in(head.size)).ok_or_else(|| {
        let index = index.unwrap_or_else(|| head.size.next_index());
        ProveError::NoEntry { url: url(), index, size: head.size.get() }
    })?;
    let unproved = |error: ProofError| not_proved(error.into());
    let entry = log.entry(index, head.size)?;
    let inclusion = prove_inclusion(index, head.size, &log).map_err(unproved)?;
    // A note that a policy believes is UTF-8.
    let checkpoint = String::from_utf8_lossy(&note).into_owned();
    let proof = TlogProof { extra: None, index, inclusion, checkpoint };
    let believed = proof.verify(entry.leaf_hash(), policy).map_err(not_proved)?;
    Ok(Proved { entry, proof, believed })
}
