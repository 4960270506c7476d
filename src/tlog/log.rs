//! The log in a store: append, commit, sign, publish; safe against crashes and against itself.
//!
//! # The life of an entry
//!
//! 1. *Stage.* The entries are stored under the root that they lead to. Nobody reads them yet.
//! 2. *Commit.* The unsigned head pointer is swapped from the head before to the new one. Of
//!    publishers that race, one wins; the others have changed nothing and start over from the
//!    winner's head. From here on the entries are in the log, whoever dies.
//! 3. *Integrate.* The tiles and bundles of the new head are derived from the staged entries and
//!    stored. Only a committed head gets here, so their names have one possible content.
//! 4. *Sign.* The new head is proved consistent with the head that this signer signed last, and
//!    with the one that is published, by the verifier that clients use. The signer's memory is
//!    synced; then the two faces are signed.
//! 5. *Publish.* The checkpoint pointer is swapped. Readers see the entries from here on.
//!
//! [`Log::settle`] does steps 3 to 5 for whatever head is committed. It is how an append ends and
//! how the next publisher begins, so recovering from a crash is the ordinary path.
//!
//! # Why no two heads of one size are ever signed
//!
//! Only the head pointer's value is signed, and it moves only by compare-and-swap from a head to
//! one that was grown from it. Should the store itself be put back to an older state, the memory,
//! which is not in the store, is ahead of it, and the signer refuses.

use super::layout::{CHECKPOINT, HEAD, StoredTiles, bundle_key, format_head, key, parse_head};
use super::layout::{staged_key, tile_key};
use super::signer_memory::{LockedMemory, MemoryError, SignerMemory};
use super::staged::Staged;
use super::tile::FULL;
use super::{Bundle, BundleError, Edge, Entry, LogKeys, append_to_bundles};
use super::{ProofError, Published, TreeHead, TreeLimitError, TreeSize};
use super::{examine, prove_consistency, verify_consistency};
use crate::store::{Key, Store, StoreError, Swap};
use std::sync::Arc;

/// A log that this process may append to and sign.
#[derive(Debug)]
pub struct Log {
    store: Arc<dyn Store>,
    keys: LogKeys,
    memory: SignerMemory,
}

/// What came of an [`Log::append`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a lost race appended nothing: start over from the new head"]
pub enum Appended {
    /// The entries are in the log, and a head that has them is published.
    Committed(TreeHead),
    /// Another publisher moved the head first. Nothing was changed.
    LostRace,
}

/// Why the log refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The signer's memory could not be used.
    #[error(transparent)]
    Memory(#[from] MemoryError),
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
        /// Which earlier head: `log signed` or `log published`.
        what: &'static str,
        /// The earlier head.
        earlier: TreeHead,
        /// The head that the store has.
        store: TreeHead,
        /// What the verifier said.
        reason: String,
    },
    /// Nothing was given to append.
    #[error("there is nothing to append")]
    Empty,
    /// The log has no room for so many entries.
    #[error(transparent)]
    Limit(#[from] TreeLimitError),
}

impl LogError {
    /// Whether trying again later may help: a disk may come back, an edited store does not.
    pub fn may_pass(&self) -> bool {
        matches!(self, LogError::Store(_) | LogError::Memory(MemoryError::Io { .. }))
    }
}

impl Log {
    /// The log in `store`, signed with `keys`. Reads nothing yet.
    pub fn new(store: Arc<dyn Store>, keys: LogKeys, memory: SignerMemory) -> Log {
        Log { store, keys, memory }
    }

    /// The tiles and bundles of this log.
    pub fn tiles(&self) -> StoredTiles {
        StoredTiles::new(self.store.clone())
    }

    /// Makes the log: commits, signs and publishes the empty tree. Refuses where there is one.
    /// An earlier attempt that stopped half-way is completed.
    pub fn create(&self) -> Result<(), LogError> {
        let mut memory = self.memory.lock()?;
        memory.expect_new()?;
        let empty = format_head(TreeHead::EMPTY);
        let swap = self.store.swap(&key(HEAD)?, None, empty.as_bytes())?;
        if swap == Swap::Lost && self.committed()? != TreeHead::EMPTY {
            return Err(LogError::Taken);
        }
        memory.remember(TreeHead::EMPTY)?;
        drop(memory);
        self.settle().map(drop)
    }

    /// Brings the log to rest and returns its head: what a publisher that died left undone is
    /// completed, and the store is held against what was signed before. See the module's page.
    pub fn settle(&self) -> Result<TreeHead, LogError> {
        // Each round either ends, or lost a swap to a publisher that thereby made progress.
        loop {
            let mut memory = self.memory.lock()?;
            let head = self.committed()?;
            let signed = memory.head()?;
            if signed.size > head.size {
                return Err(LogError::RolledBack { signed, store: head });
            }
            let published = self.published()?;
            if let Some((published, _)) = &published
                && published.head().size > head.size
            {
                let published = published.head();
                return Err(LogError::Damaged {
                    object: HEAD.to_owned(),
                    reason: format!(
                        "it has {} entries, and the published checkpoint {}",
                        head.size, published.size
                    ),
                });
            }
            let is_published = published.as_ref().is_some_and(|(p, _)| p.head() == head);
            if !is_published {
                self.integrate(head)?;
            }
            // The right edge must lead to the head's root before anything is said about it.
            self.edge(head)?;
            self.continues("log signed", signed, head)?;
            if let Some((published, _)) = &published {
                self.continues("log published", published.head(), head)?;
            }
            memory.remember(head)?;
            if is_published {
                return Ok(head);
            }
            let before = published.as_ref().map(|(_, bytes)| bytes.as_slice());
            if self.sign_and_publish(head, before, &memory)? == Swap::Won {
                return Ok(head);
            }
        }
    }

    /// Appends entries, as one commit however many they are, to the tree with head `at`.
    ///
    /// Returns when a head that has them is published. `at` must come from [`Log::settle`].
    pub fn append(&self, at: TreeHead, entries: &[Entry]) -> Result<Appended, LogError> {
        if entries.is_empty() {
            return Err(LogError::Empty);
        }
        let mut edge = self.edge(at)?;
        let leaves: Vec<_> = entries.iter().map(Entry::leaf_hash).collect();
        edge.append(&leaves)?;
        let head = edge.head();
        self.store.put(&[(staged_key(head)?, Staged::encode(at, entries))])?;
        let (old, new) = (format_head(at), format_head(head));
        match self.store.swap(&key(HEAD)?, Some(old.as_bytes()), new.as_bytes())? {
            Swap::Lost => Ok(Appended::LostRace),
            Swap::Won => self.settle().map(Appended::Committed),
        }
    }

    /// The right edge of the tree with this head. Where it does not lead to the head's root, the
    /// whole log is read to find out which object is to blame.
    fn edge(&self, head: TreeHead) -> Result<Edge, LogError> {
        Edge::load(head, &self.tiles()).map_err(|e| match examine(&self.tiles(), head, |_, _| {}) {
            Err(found) => damaged("the log", found),
            Ok(()) => damaged("the log", e),
        })
    }

    /// The committed head.
    fn committed(&self) -> Result<TreeHead, LogError> {
        let bytes = self.store.pointer(&key(HEAD)?)?.ok_or(LogError::NoLog)?;
        parse_head(&bytes).ok_or_else(|| damaged(HEAD, "it is not one line `SIZE ROOT`"))
    }

    /// The published head, its two signatures checked, with the pointer's bytes.
    fn published(&self) -> Result<Option<(Published, Vec<u8>)>, LogError> {
        let Some(bytes) = self.store.pointer(&key(CHECKPOINT)?)? else { return Ok(None) };
        let published =
            Published::open(&bytes, self.keys.verifiers()).map_err(|e| damaged(CHECKPOINT, e))?;
        Ok(Some((published, bytes)))
    }

    /// Step 3: derives and stores the tiles and bundles of a committed head.
    fn integrate(&self, head: TreeHead) -> Result<(), LogError> {
        if head.size == TreeSize::ZERO {
            return Ok(());
        }
        let name = staged_key(head)?;
        let staged = self.store.get(&name)?.ok_or_else(|| {
            damaged(HEAD, format!("it names a tree to which nothing leads: there is no {name}"))
        })?;
        let staged =
            Staged::decode(&staged).ok_or_else(|| damaged(&name, "it holds no staged entries"))?;
        let mut edge = Edge::load(staged.before, &self.tiles()).map_err(|e| damaged(&name, e))?;
        let leaves: Vec<_> = staged.entries.iter().map(Entry::leaf_hash).collect();
        let tiles = edge.append(&leaves)?;
        if edge.head() != head {
            return Err(damaged(&name, "its entries do not lead to the committed head"));
        }
        let mut objects = self.bundles(staged.before.size, &staged.entries)?;
        for (tile, bytes) in tiles {
            objects.push((tile_key(tile)?, bytes));
        }
        Ok(self.store.put(&objects)?)
    }

    /// The bundles that change when `entries` are appended to a log of `size` entries.
    fn bundles(&self, size: TreeSize, entries: &[Entry]) -> Result<Vec<(Key, Vec<u8>)>, LogError> {
        let partial = match Bundle::for_size(size.get() / FULL, size) {
            Some(bundle) => self.tiles().read_bundle_bytes(bundle).map_err(|e| match e {
                BundleError::Store(e) => LogError::Store(e),
                other => damaged("an entry bundle", other),
            })?,
            None => Vec::new(),
        };
        append_to_bundles(size, &partial, entries)
            .map_err(|e| damaged("an entry bundle", e))?
            .into_iter()
            .map(|(bundle, bytes)| Ok((bundle_key(bundle)?, bytes)))
            .collect()
    }

    /// Proves, with the verifier that clients use, that `head` continues `earlier`.
    fn continues(
        &self,
        what: &'static str,
        earlier: TreeHead,
        head: TreeHead,
    ) -> Result<(), LogError> {
        let checked = prove_consistency(earlier.size, head.size, &self.tiles())
            .and_then(|proof| verify_consistency(earlier, head, &proof));
        checked.map_err(|reason: ProofError| LogError::Inconsistent {
            what,
            earlier,
            store: head,
            reason: reason.to_string(),
        })
    }

    /// Steps 4 and 5. The locked memory, which must hold `head`, is the licence to sign it.
    fn sign_and_publish(
        &self,
        head: TreeHead,
        before: Option<&[u8]>,
        memory: &LockedMemory,
    ) -> Result<Swap, LogError> {
        debug_assert_eq!(memory.head().ok(), Some(head));
        let bytes = Published::sign(head, &self.keys)
            .map_err(|e| damaged(CHECKPOINT, e))?
            .encode()
            .map_err(|e| damaged(CHECKPOINT, e))?;
        Ok(self.store.swap(&key(CHECKPOINT)?, before, &bytes)?)
    }
}

fn damaged(object: impl ToString, reason: impl ToString) -> LogError {
    LogError::Damaged { object: object.to_string(), reason: reason.to_string() }
}
