//! Why a log refused, and what to do about it.

use super::TreeLimitError;
use super::layout::HEAD;
use super::{
    BundleError, EdgeError, ExamineError, LockError, SignerId, TileError, TreeHead, TreeSize,
};
use crate::count::entries;
use crate::store::{Key, StoreError};

/// Why the log refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The signer's lock does not let this signer sign.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The store has no log.
    #[error(
        "the store has no log (no {HEAD}), but this deployment has one; restore the store, or \
         correct `store` in candor.toml"
    )]
    NoLog,
    /// A new log was to be created, but the store has one.
    #[error("the store already has a log with entries; a new log needs an empty store")]
    Taken,
    /// A pointer or object does not hold what it should.
    #[error("{object} in the store is damaged: {reason}; restore it from a copy of the store")]
    Damaged {
        /// Its name.
        object: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The store has fewer entries than this signer has signed.
    #[error(
        "the store's log has {}, but this signer has signed a log of {} (root {}): the \
         store was rolled back, or it is a different one. Nothing was signed. Restore the newer \
         store; every client would notice a second history",
        entries(.store.size), .signed.size, .signed.root
    )]
    RolledBack {
        /// The head that this signer signed last.
        signed: TreeHead,
        /// The head that the store has.
        store: TreeHead,
    },
    /// The store's history is not the one that was signed.
    #[error(
        "the store's log of {} (root {}) does not continue the {what} of {} \
         (root {}): {reason}. Nothing was signed. The store was edited or is a different one; \
         restore the one that was signed",
        entries(.store.size), .store.root, entries(.earlier.size), .earlier.root
    )]
    Inconsistent {
        /// Which earlier head: `log signed`, `log published`, or where it was seen.
        what: Box<str>,
        /// The earlier head.
        earlier: TreeHead,
        /// The head that the store has.
        store: TreeHead,
        /// What the verifier said.
        reason: String,
    },
    /// A committed head has entries that are not allowed in the log.
    #[error(
        "the store's head of {} is not sound: {reason}. It was never signed, and nothing \
         was signed now: the log stays at {}. If an object was lost, restore it; \
         otherwise someone with write access to the store has set that head, and `candor signer \
         discard` goes back to the last one that was signed",
        entries(.head.size), entries(.signed.size)
    )]
    Unsound {
        /// The head.
        head: TreeHead,
        /// The head that was signed last.
        signed: TreeHead,
        /// What is wrong.
        reason: String,
    },
    /// Entries to be appended are not allowed in the log.
    #[error("entry {index} cannot be appended: {reason}")]
    InvalidEntry {
        /// The index that it would have.
        index: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The store shows more than the signer remembers.
    #[error(
        "the store shows a signed log of {}, but the signer's lock {location} knows of \
         only {}: it was restored from an older copy. Nothing was signed. Restore its newest \
         copy, or run `candor signer move`, which starts from what is public",
        entries(.published.size), .signed.size
    )]
    Behind {
        /// Where the lock is.
        location: String,
        /// What it holds.
        signed: TreeHead,
        /// What is published.
        published: TreeHead,
    },
    /// The store has another signer registered.
    #[error(
        "the store says that the log's signer is {}, and this one is {signer}: either the signer \
         was moved, or the store was rolled back. A log has one signer. To make it this one, and \
         if the other will never sign again, run `candor signer move`",
        .registered.as_ref().map_or("nobody", SignerId::as_str)
    )]
    OtherSigner {
        /// The one registered in the store.
        registered: Option<SignerId>,
        /// The one that wanted to sign.
        signer: SignerId,
    },
    /// A larger log was seen somewhere than the store has.
    #[error(
        "{what} shows a signed log of {}, and the store has {}: the store was rolled \
         back, or it is a different one. Nothing was changed. Restore the newer store, then run \
         this again",
        entries(.seen.size), .store.size
    )]
    SeenMore {
        /// Where it was seen.
        what: String,
        /// What was seen.
        seen: TreeHead,
        /// What the store has.
        store: TreeHead,
    },
    /// An object that no signed head contains has a name that the log needs.
    #[error(
        "{key} in the store does not match the log's entries, and no signed head contains it: \
         someone with write access to the store has put it there. Remove it, and run the command \
         again"
    )]
    InTheWay {
        /// The object.
        key: Key,
    },
    /// Everything after the last signed head is sound.
    #[error(
        "there is nothing to discard: what was committed after the signed head of {} is sound, \
         and the next `candor publish` will sign it",
        entries(.signed.size)
    )]
    NothingToDiscard {
        /// The head that was signed last.
        signed: TreeHead,
    },
    /// Too few witnesses cosigned a head.
    #[error(
        "too few witnesses cosigned the log of {}: {reason}. What was published before \
         stays as it is, and nothing is lost: the next `candor publish` asks them again and \
         finishes the work",
        entries(.head.size)
    )]
    NoQuorum {
        /// The head.
        head: TreeHead,
        /// What each witness answered.
        reason: String,
    },
    /// A witness has cosigned a larger tree of this log.
    #[error(
        "ALARM: the witness {witness} says that it cosigned a log of this name with {size} \
         entries, but the store has {}. Either the store was rolled back together with the \
         signer's lock, or there is a second signer with this key. Nothing was published. Find \
         that log (the witness shows it to monitors) and restore the newer store; if the witness \
         is wrong, remove it from candor.toml",
        .head.size
    )]
    WitnessAhead {
        /// What the policy calls it.
        witness: String,
        /// The size that it has seen.
        size: TreeSize,
        /// The head that it was asked to cosign.
        head: TreeHead,
    },
    /// A witness finds a head inconsistent with what it cosigned.
    #[error(
        "ALARM: the witness {witness} does not accept that the log of {} entries (root {}) \
         continues the one of {size} entries that it cosigned: it has seen another history. \
         Either the store and the signer's lock were rolled back and then extended differently, \
         or there is a second signer with this key. Nothing was published. Compare the log with \
         what the witness shows to monitors; if the witness is wrong, remove it from candor.toml",
        .head.size, .head.root
    )]
    WitnessDiffers {
        /// What the policy calls it.
        witness: String,
        /// The size that it cosigned.
        size: TreeSize,
        /// The head that it was asked to cosign.
        head: TreeHead,
    },
    /// No entries were given.
    #[error("there is nothing to append")]
    Empty,
    /// The log cannot hold that many entries.
    #[error(transparent)]
    Limit(#[from] TreeLimitError),
}

impl LogError {
    /// Whether trying again later may help: a disk or a witness may come back, but an edited store stays
    /// edited.
    pub fn may_pass(&self) -> bool {
        use LogError::{Lock, NoQuorum, Store};
        matches!(self, Store(_) | Lock(LockError::Store(_)) | NoQuorum { .. })
    }

    /// Whether a witness says that there is, or was, another history than the store's.
    pub fn is_alarm(&self) -> bool {
        matches!(self, LogError::WitnessAhead { .. } | LogError::WitnessDiffers { .. })
    }

    pub(super) fn damaged(object: impl ToString, reason: impl ToString) -> LogError {
        LogError::Damaged { object: object.to_string(), reason: reason.to_string() }
    }

    /// The error for a tile. A disk that cannot be read right now says nothing about what is on it.
    pub(super) fn of_tile(
        error: TileError,
        otherwise: impl FnOnce(TileError) -> LogError,
    ) -> LogError {
        match error {
            TileError::Read { tile, source } => match source.downcast::<StoreError>() {
                Ok(store) => LogError::Store(*store),
                Err(source) => otherwise(TileError::Read { tile, source }),
            },
            other => otherwise(other),
        }
    }

    /// The error for an edge that `object` leads to.
    pub(super) fn of_edge(object: impl ToString, error: EdgeError) -> LogError {
        match error {
            EdgeError::Tile(e) => LogError::of_tile(e, |e| LogError::damaged(object, e)),
            other => LogError::damaged(object, other),
        }
    }

    /// The error for a log that was read from end to end.
    pub(super) fn of_examine(error: ExamineError) -> LogError {
        match error.store_failure() {
            Ok(store) => LogError::Store(store),
            Err(error) => LogError::damaged("the log", error),
        }
    }

    /// The error for a bundle.
    pub(super) fn of_bundle(
        error: BundleError,
        otherwise: impl FnOnce(BundleError) -> LogError,
    ) -> LogError {
        match error {
            BundleError::Store(e) => LogError::Store(e),
            other => otherwise(other),
        }
    }
}
