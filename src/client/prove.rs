//! Makes an offline proof of an entry of a log on a server that is not trusted.
//!
//! The proof can be verified without the server or a network ([`TlogProof::verify`]), and is verified
//! here before it is returned.

use super::{RemoteError, RemoteLog};
use crate::tlog::{
    AcceptedCheckpoint, Entry, LeafIndex, NotProved, Policy, ProofError, TlogProof, prove_inclusion,
};

/// An entry of a log with its verified proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// The entry.
    pub entry: Entry,
    /// The proof that it is in the log.
    pub proof: TlogProof,
    /// The log's tree, as the policy believes it.
    pub believed: AcceptedCheckpoint,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The log on the server could not be read.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// What the server sent is not a proof.
    #[error("what {url} serves is not a proof: {source}")]
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

/// Proves that an entry, by default the last one, is in the tree that the server shows and the policy
/// believes.
///
/// # Errors
///
/// The log cannot be read, does not have the entry, or is not believed by the policy.
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
