//! Why a log refused, and the way out of each refusal.

use super::TreeLimitError;
use super::layout::HEAD;
use super::{
    BundleError, EdgeError, ExamineError, LockError, SignerId, TileError, TreeHead, TreeSize,
};
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
        "the store has no log (no {HEAD}), but this deployment has one; restore the store, or mend \
         `store` in candor.toml where that is wrong"
    )]
    NoLog,
    /// The store has a log, and a new one was to be made.
    #[error("the store has a log already, with entries; a new log needs an empty store")]
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
        "the store's log has {} entries, but this signer has signed a log of {} (root {}): the \
         store was rolled back, or it is another one. Nothing was signed. Restore the newer store; \
         signing a second history would be seen by every client",
        .store.size, .signed.size, .signed.root
    )]
    RolledBack {
        /// The head that this signer signed last.
        signed: TreeHead,
        /// The head that the store has.
        store: TreeHead,
    },
    /// The store's history is not the one that was signed.
    #[error(
        "the store's log of {} entries (root {}) does not continue the {what} of {} entries (root \
         {}): {reason}. Nothing was signed. The store was edited or is another one; restore the \
         one that was signed",
        .store.size, .store.root, .earlier.size, .earlier.root
    )]
    Inconsistent {
        /// Which earlier head: `log signed`, `log published`, or where else it was seen.
        what: Box<str>,
        /// The earlier head.
        earlier: TreeHead,
        /// The head that the store has.
        store: TreeHead,
        /// What the verifier said.
        reason: String,
    },
    /// A committed head has entries that may not stand in the log.
    #[error(
        "the store's head of {} entries is not sound: {reason}. It was never signed, and nothing was \
         signed now: the log stays at {} entries. If an object was lost, put it back; otherwise \
         someone who may write to the store has set that head, and `candor signer discard` puts back \
         the one that was signed last",
        .head.size, .signed.size
    )]
    Unsound {
        /// The head.
        head: TreeHead,
        /// The head that was signed last.
        signed: TreeHead,
        /// What is wrong.
        reason: String,
    },
    /// Entries that were to be appended may not stand in the log.
    #[error("entry {index} cannot be appended: {reason}")]
    InvalidEntry {
        /// The index that it would have.
        index: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The store shows more than the signer remembers.
    #[error(
        "the store shows a signed log of {} entries, but the signer's lock {place} knows of {} \
         alone: it was restored from an older copy. Nothing was signed. Put back the newest copy of \
         it, or run `candor signer move`, which takes what is public",
        .published.size, .signed.size
    )]
    Behind {
        /// Where the lock is.
        place: String,
        /// What it holds.
        signed: TreeHead,
        /// What is published.
        published: TreeHead,
    },
    /// The store names another signer.
    #[error(
        "the store says that the log's signer is {}, and this one is {signer}: either the signer was \
         moved, or the store was put back to an older state. One log has one signer. If this is to \
         be it from now on, and the other one is to sign no more, run `candor signer move`",
        .registered.as_ref().map_or("nobody", SignerId::as_str)
    )]
    OtherSigner {
        /// Whom the store names.
        registered: Option<SignerId>,
        /// Who asked.
        signer: SignerId,
    },
    /// More was seen somewhere than the store has.
    #[error(
        "{what} shows a signed log of {} entries, and the store has {}: the store was rolled back, or \
         it is another one. Nothing was changed. Restore the newer store, then run this again",
        .seen.size, .store.size
    )]
    SeenMore {
        /// Where it was seen.
        what: String,
        /// What was seen.
        seen: TreeHead,
        /// What the store has.
        store: TreeHead,
    },
    /// An object that no signed head has is in the way of one that the log has to write.
    #[error(
        "{key} in the store is not what the log's entries make it, and no signed head has it: someone \
         who may write to the store has put it there. Remove it, and run the command again"
    )]
    InTheWay {
        /// The object.
        key: Key,
    },
    /// Everything after the last signed head is sound.
    #[error(
        "there is nothing to discard: what was committed after the {} signed entries is sound, and \
         the next `candor publish` signs it",
        .signed.size
    )]
    NothingToDiscard {
        /// The head that was signed last.
        signed: TreeHead,
    },
    /// Too few witnesses cosigned a head.
    #[error(
        "too few witnesses cosigned the log of {} entries: {reason}. What was published before stays as \
         it is, and nothing is lost: the next `candor publish` asks them again, and completes the work",
        .head.size
    )]
    NoQuorum {
        /// The head.
        head: TreeHead,
        /// What each witness said.
        reason: String,
    },
    /// A witness has cosigned a larger tree of this name.
    #[error(
        "ALARM: the witness {witness} says that it cosigned a log of this name of {size} entries, and \
         the store has {}. Either the store was rolled back, and the signer's lock with it, or there is \
         a second signer with this key. Nothing was published. Find that log (the witness shows it to \
         monitors) and restore the newer store; where that witness is wrong, take it out of candor.toml",
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
    /// A witness does not find a head consistent with what it cosigned.
    #[error(
        "ALARM: the witness {witness} does not accept that the log of {} entries (root {}) continues \
         the one of {size} entries that it cosigned: it has seen another history. Either the store and \
         the signer's lock were put back and written anew, or there is a second signer with this key. \
         Nothing was published. Compare the log with what the witness shows to monitors; where that \
         witness is wrong, take it out of candor.toml",
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
    /// Nothing was given to append.
    #[error("there is nothing to append")]
    Empty,
    /// The log has no room for so many entries.
    #[error(transparent)]
    Limit(#[from] TreeLimitError),
}

impl LogError {
    /// Whether trying again later may help: a disk or a witness may come back, an edited store does not.
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

    /// What is wrong with tiles: a disk that cannot be read now says nothing about what is on it.
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

    /// What is wrong with an edge to which `object` leads.
    pub(super) fn of_edge(object: impl ToString, error: EdgeError) -> LogError {
        match error {
            EdgeError::Tile(e) => LogError::of_tile(e, |e| LogError::damaged(object, e)),
            other => LogError::damaged(object, other),
        }
    }

    /// What is wrong with a log that was read as a whole.
    pub(super) fn of_examine(error: ExamineError) -> LogError {
        match error.store_failure() {
            Ok(store) => LogError::Store(store),
            Err(error) => LogError::damaged("the log", error),
        }
    }

    /// What is wrong with a bundle.
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
