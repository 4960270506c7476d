//! Moving the signer to another folder, and its status.
//!
//! The lock in a folder that is not the registered signer's may have missed what was signed since. So the
//! new signer starts from the newest head found anywhere: the store's checkpoint and committed head, the
//! lock, and whatever else the operator names (such as what the deployment's own address serves). All of
//! them must belong to one history, and the store must have all of it; otherwise nothing is changed.
//!
//! Then the new signer is registered in the store, which stops the old one, and the lock is swapped to
//! name it. A crash in between leaves a log that nobody may sign, and the signer can be moved again.
//! Writing the folder's own identity comes last, and is left to its owner.

use super::layout::{CHECKPOINT, HEAD, SIGNER, format_head, key, parse_head};
use super::log::{registered, registration};
use super::sound::load_edge;
use super::{LockBackend, LockRecord, Log, LogError, LogVerifiers, Published, SignerId, TreeHead};
use crate::store::{Store, Swap};

/// A signed head that was seen somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenHead {
    /// Where, for messages.
    pub what: String,
    /// The head.
    pub head: TreeHead,
}

/// What a store and a lock say about the log's signer. Only signatures are checked.
#[derive(Debug, Clone)]
pub struct SignerStatus {
    /// What the lock holds.
    pub lock: Option<LockRecord>,
    /// The signer registered in the store.
    pub registered: Option<SignerId>,
    /// The published head.
    pub published: Option<TreeHead>,
    /// The committed head.
    pub committed: Option<TreeHead>,
}

impl SignerStatus {
    /// Reads it.
    pub fn read(
        store: &dyn Store,
        keys: &LogVerifiers,
        lock: &dyn LockBackend,
    ) -> Result<SignerStatus, LogError> {
        let published = store.pointer(&key(CHECKPOINT)?)?;
        let published = published.map(|bytes| Published::open(&bytes, keys)).transpose();
        let published = published.map_err(|e| LogError::damaged(CHECKPOINT, e))?;
        let committed = store.pointer(&key(HEAD)?)?;
        Ok(SignerStatus {
            lock: LockRecord::read(lock)?,
            registered: registered(store)?,
            published: published.map(|published| published.head()),
            committed: committed.and_then(|bytes| parse_head(&bytes)),
        })
    }
}

impl Log {
    /// Makes this log's signer the one signer. `seen` are heads from elsewhere than the store and the
    /// lock. Returns the head to continue from, which may not be signed yet: call [`Log::settle`].
    pub fn take_over(&self, seen: &[SeenHead]) -> Result<TreeHead, LogError> {
        // Each round either returns, or lost a swap to another signer or publisher.
        loop {
            let registered = self.store.pointer(&key(SIGNER)?)?;
            let published = self.published()?;
            let record = self.signer.record()?;
            let head = self.committed()?;
            let Some((published, _)) = published else {
                let reason = "it is not there, so nothing public says what this key has signed";
                return Err(LogError::damaged(CHECKPOINT, reason));
            };
            let mut newest = SeenHead { what: "log published".to_owned(), head: published.head() };
            let lock = record.as_ref().map(|(record, _)| SeenHead {
                what: format!("log in the signer's lock {}", self.signer.backend().location()),
                head: record.head,
            });
            let all: Vec<_> = seen.iter().cloned().chain(lock).chain([newest.clone()]).collect();
            for seen in &all {
                if seen.head.size > head.size {
                    let SeenHead { what, head: seen } = seen.clone();
                    return Err(LogError::SeenMore { what, seen, store: head });
                }
                if seen.head.size > newest.head.size {
                    newest = seen.clone();
                }
            }
            for seen in &all {
                self.continues(&seen.what, seen.head, newest.head)?;
            }
            let sound = self.check(newest.head, head)?;
            if published.head() != head {
                self.integrate(sound)?;
            }
            self.prove(&newest.what, sound)?;
            let me = registration(self.signer.signer());
            if self.store.swap(&key(SIGNER)?, registered.as_deref(), &me)? == Swap::Lost {
                continue;
            }
            let found = record.as_ref().map(|(_, bytes)| bytes.as_slice());
            if self.signer.take_over(found, sound)?.is_some() {
                return Ok(head);
            }
        }
    }

    /// Resets the committed head to the last signed one, if what was committed after it is not sound.
    /// Returns the head that is now committed.
    ///
    /// Nothing that a reader ever saw is lost, nor any publisher's work: what a publisher commits is
    /// sound.
    pub fn discard(&self) -> Result<TreeHead, LogError> {
        loop {
            let (published, last) = self.read_heads()?;
            let signed = last.head();
            let bytes = self.store.pointer(&key(HEAD)?)?.ok_or(LogError::NoLog)?;
            // What is not a head at all is compared with the signed one only.
            let head = parse_head(&bytes);
            self.check_heads(published.as_ref(), last, head.unwrap_or(signed))?;
            if let Some(head) = head {
                use LogError::{Damaged, Inconsistent, Unsound};
                match self.check(signed, head) {
                    Ok(_) => return Err(LogError::NothingToDiscard { signed }),
                    Err(Unsound { .. } | Inconsistent { .. } | Damaged { .. }) => {}
                    Err(other) => return Err(other),
                }
            }
            load_edge(&self.tiles(), signed)?;
            let back = format_head(signed);
            if self.store.swap(&key(HEAD)?, Some(&bytes), back.as_bytes())? == Swap::Won {
                return Ok(signed);
            }
        }
    }
}
