//! A server's checkpoint, verified.
//!
//! 1. The policy believes it: it is signed by the log, and cosigned by a quorum of witnesses.
//! 2. It is consistent with the newest checkpoint seen on this machine: not smaller, and a consistency
//!    proof, made from the server's tiles, shows that it begins with the same entries. From here on,
//!    this machine remembers it.
//! 3. It is fresh: a quorum of witnesses cosigned it within the limit. This is checked last, because a
//!    fork must be detected however old the trees are.

use super::RemoteLog;
use super::error::ClientError;
use super::memory::{Memory, Seen};
use super::source::ConfigSource;
use crate::store::Swap;
use crate::tlog::{
    Checkpoint, Contradiction, Evidence, Freshness, ProofError, TileError, TreeHead, VerifierKey,
    prefix_root, prove_consistency, verify_consistency,
};
use std::time::{SystemTime, UNIX_EPOCH};

/// A log's tree, shown by a server and believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Its size and root.
    pub head: TreeHead,
    /// The key of the log that signed it.
    pub log: VerifierKey,
    /// How fresh it is.
    pub freshness: Freshness,
}

/// A verified checkpoint, and its signed note.
struct Signed {
    head: TreeHead,
    note: String,
}

/// Downloads the server's checkpoint, verifies it and remembers it.
pub fn view(
    source: &ConfigSource,
    remote: RemoteLog<'_>,
    memory: &Memory,
    now: SystemTime,
) -> Result<View, ClientError> {
    // Repeats only if another program has remembered something newer meanwhile.
    loop {
        let seen = memory.recall()?;
        let note = remote.checkpoint()?;
        if let Some(view) = view_of(source, remote, memory, now, &seen, &note)? {
            return Ok(view);
        }
    }
}

/// Verifies a checkpoint, however it came here, against `seen`, which this machine recalled before it was
/// downloaded, and remembers it. `None` if another program has remembered something newer meanwhile.
pub fn view_of(
    source: &ConfigSource,
    remote: RemoteLog<'_>,
    memory: &Memory,
    now: SystemTime,
    seen: &[Seen],
    note: &[u8],
) -> Result<Option<View>, ClientError> {
    let url = || source.log.join("checkpoint");
    let believed = source.trust.policy().check(note);
    let believed = believed.map_err(|source| ClientError::Checkpoint { url: url(), source })?;
    let head = believed.checkpoint.head();
    // A note that a policy believes is UTF-8.
    let served = Signed { head, note: String::from_utf8_lossy(note).into_owned() };
    for seen in seen {
        let seen = open(source, memory, seen)?;
        if seen.head != head {
            check_continues(source, remote, memory, &seen, &served)?;
        }
    }
    let by_this_key = seen.iter().find(|seen| seen.key == believed.log);
    let is_remembered = match by_this_key {
        Some(seen) => open(source, memory, seen)?.head == head,
        None => false,
    };
    let before = by_this_key.map(|seen| seen.note.as_slice());
    if !is_remembered && memory.remember(&believed.log, before, note)? == Swap::Lost {
        return Ok(None);
    }
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let freshness = believed.freshness(seconds, source.fresh_for);
    let freshness = freshness.map_err(|source| ClientError::NotFresh { url: url(), source })?;
    Ok(Some(View { head, log: believed.log, freshness }))
}

/// Opens what this machine remembers. Its cosignatures no longer matter.
fn open(source: &ConfigSource, memory: &Memory, seen: &Seen) -> Result<Signed, ClientError> {
    let opened = Checkpoint::open(&seen.note, &seen.key, source.trust.origin());
    let checkpoint = opened
        .map_err(|source| ClientError::Remembered { name: memory.name(&seen.key), source })?;
    let note = String::from_utf8_lossy(&seen.note).into_owned();
    Ok(Signed { head: checkpoint.head(), note })
}

/// Checks, with tiles from the server, that the served tree begins with the one seen before.
fn check_continues(
    source: &ConfigSource,
    remote: RemoteLog<'_>,
    memory: &Memory,
    seen: &Signed,
    served: &Signed,
) -> Result<(), ClientError> {
    let (old, new) = (seen.head, served.head);
    if new.size < old.size {
        let url = source.log.join("checkpoint");
        return Err(ClientError::RolledBack { url, seen: old, served: new });
    }
    if new.size == old.size {
        // Two different signed trees of one size are proof enough.
        let (first, second) = (seen.note.clone(), served.note.clone());
        return Err(forked(source, memory, Contradiction::TwoRoots { first, second }));
    }
    let unproved = |error| unproved(source, error);
    let proof = prove_consistency(old.size, new.size, &remote).map_err(unproved)?;
    if verify_consistency(old, new, &proof).is_ok() {
        return Ok(());
    }
    // Either the tiles are damaged, which happens, or the log was forked, which must never be claimed
    // without proof: that the served tree begins with another tree of the size seen.
    let prefix_root = prefix_root(old.size, new.size, &remote).map_err(unproved)?;
    let prefix = TreeHead { size: old.size, root: prefix_root };
    verify_consistency(prefix, new, &proof).map_err(unproved)?;
    let (older, newer) = (seen.note.clone(), served.note.clone());
    let shows = Contradiction::NotContained { older, newer, prefix_root, proof };
    Err(forked(source, memory, shows))
}

/// The error for a fork. Its evidence is kept in this machine's memory.
fn forked(source: &ConfigSource, memory: &Memory, shows: Contradiction) -> ClientError {
    let url = source.log.to_string();
    let evidence = Evidence::new(shows)
        .remark("The first statement was seen on a user's machine before the second.")
        .remark(format!("The second was served at {url}."));
    // If it cannot be written, the error includes it.
    let kept = source.trust.keys().next().and_then(|key| memory.keep_evidence(key, &evidence).ok());
    ClientError::Forked { url, evidence: Box::new(evidence), kept }
}

/// The error for a proof that could not be made or verified: the fault of the network or the server.
pub fn unproved(source: &ConfigSource, error: ProofError) -> ClientError {
    match error {
        ProofError::Tile(error @ TileError::Read { .. }) => ClientError::Tile(error),
        error => ClientError::Proof { url: source.log.to_string(), source: error },
    }
}
