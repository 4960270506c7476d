//! Moving the signer, and seeing where it is.
//!
//! A folder that is not the registered signer's may hold a lock that has missed what was signed since.
//! So the new signer begins with the newest head that anything shows which may be looked at: the
//! store's checkpoint and committed head, the lock, and whatever else the operator names (what the
//! deployment's own address serves, say). All of them must be of one history, of which the store has
//! the whole; otherwise nothing is changed.
//!
//! Then, in this order: the new signer is registered in the store, which stops the old one; the lock is
//! swapped to name it. Whoever dies in between leaves a log that nobody may sign, and the signer can
//! be moved again. That the folder says so too comes last, and is its owner's work.

use super::layout::{CHECKPOINT, HEAD, SIGNER, format_head, key, parse_head};
use super::log::{registered, registration};
use super::sound::load_edge;
use super::{LockBackend, LockRecord, Log, LogError, LogVerifiers, Published, SignerId, TreeHead};
use crate::store::{Store, Swap};

/// A signed head that was seen somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Where, for messages.
    pub what: String,
    /// The head.
    pub head: TreeHead,
}

/// What a store and a lock say about the log's signer. Nothing in it is checked but signatures.
#[derive(Debug, Clone)]
pub struct Standing {
    /// What the lock holds.
    pub lock: Option<LockRecord>,
    /// Whom the store names.
    pub registered: Option<SignerId>,
    /// The published head.
    pub published: Option<TreeHead>,
    /// The committed head.
    pub committed: Option<TreeHead>,
}

impl Standing {
    /// Reads it.
    pub fn read(
        store: &dyn Store,
        keys: &LogVerifiers,
        lock: &dyn LockBackend,
    ) -> Result<Standing, LogError> {
        let published = store.pointer(&key(CHECKPOINT)?)?;
        let published = published.map(|bytes| Published::open(&bytes, keys)).transpose();
        let published = published.map_err(|e| LogError::damaged(CHECKPOINT, e))?;
        let committed = store.pointer(&key(HEAD)?)?;
        Ok(Standing {
            lock: LockRecord::read(lock)?,
            registered: registered(store)?,
            published: published.map(|published| published.head()),
            committed: committed.and_then(|bytes| parse_head(&bytes)),
        })
    }
}

impl Log {
    /// Makes this log's signer the one signer. `seen` is what was looked at besides the store and
    /// the lock. Returns the head from which it goes on, which may not be signed yet: call
    /// [`Log::settle`].
    pub fn take_over(&self, seen: &[Seen]) -> Result<TreeHead, LogError> {
        // Each round either ends, or lost a swap to another signer or publisher.
        loop {
            let registered = self.store.pointer(&key(SIGNER)?)?;
            let published = self.published()?;
            let record = self.signer.record()?;
            let head = self.committed()?;
            let Some((published, _)) = published else {
                let reason = "it is not there, so nothing public says what this key has signed";
                return Err(LogError::damaged(CHECKPOINT, reason));
            };
            let mut newest = Seen { what: "log published".to_owned(), head: published.head() };
            let lock = record.as_ref().map(|(record, _)| Seen {
                what: format!("log in the signer's lock {}", self.signer.backend().place()),
                head: record.head,
            });
            let all: Vec<_> = seen.iter().cloned().chain(lock).chain([newest.clone()]).collect();
            for seen in &all {
                if seen.head.size > head.size {
                    let Seen { what, head: seen } = seen.clone();
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

    /// Puts the committed head back to the one that was signed last, if what was committed after it
    /// is not sound. Returns the head that is committed now.
    ///
    /// Nothing that any reader ever saw is lost by it, and no publisher's work: what a publisher
    /// commits is sound.
    pub fn discard(&self) -> Result<TreeHead, LogError> {
        loop {
            let (published, last) = self.look()?;
            let signed = last.head();
            let bytes = self.store.pointer(&key(HEAD)?)?.ok_or(LogError::NoLog)?;
            // What is no head at all is held against the signed one alone.
            let head = parse_head(&bytes);
            self.hold_against(published.as_ref(), last, head.unwrap_or(signed))?;
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
