//! Sound before signed: the check of a committed head before the signer may remember it.
//!
//! Anyone with write access to the store can set the head pointer to whatever they like, without any key.
//! So nothing about a committed head is trusted: every entry between the last signed head and the new one
//! is read, passed to the log's [`EntryValidator`], and appended to the signed tree. Only if that leads
//! to the new head's root is there a [`SoundHead`]. The signer's lock takes nothing else, so the check
//! cannot be forgotten.
//!
//! What makes an entry valid is up to whoever opens the log: for the log of a module, it must be the
//! record of its own version, whose zip is stored (`publish::Versions`).

use super::examine::examine;
use super::layout::{StoredTiles, bundle_key, staged_key};
use super::staged::Staged;
use super::{Bundle, Edge, Entry, LeafIndex, LogError, TreeHead, TreeSize, encode_entries};
use crate::store::{Store, StoreError};
use std::fmt::Debug;
use std::sync::Arc;

/// Decides which entries are allowed in a log.
pub trait EntryValidator: Debug + Send + Sync {
    /// Checks that `entry` is allowed at `index`, and that whatever it refers to is stored.
    ///
    /// It must always give the same answer for the same entry, as long as nothing is removed: what was
    /// signed cannot be taken back.
    fn validate(&self, index: LeafIndex, entry: &Entry) -> Result<(), InvalidEntry>;
}

/// Why an entry is not allowed in the log, or could not be checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEntry {
    /// It is not allowed there.
    #[error("{0}")]
    Refused(String),
    /// The store failed; trying again may help.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A head whose entries were all checked, from the last signed head on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SoundHead {
    from: TreeHead,
    head: TreeHead,
}

impl SoundHead {
    /// Checks that `head` extends `from`, which was signed, by valid entries only.
    pub(super) fn check(
        store: &Arc<dyn Store>,
        from: TreeHead,
        head: TreeHead,
        validator: &dyn EntryValidator,
    ) -> Result<SoundHead, LogError> {
        let unsound = |reason: String| LogError::Unsound { head, signed: from, reason };
        if head.size < from.size {
            return Err(LogError::RolledBack { signed: from, store: head });
        }
        let tiles = StoredTiles::new(store.clone());
        if head == from {
            return Ok(SoundHead { from, head });
        }
        if head.size == from.size {
            // Either only the pointer was changed, or the whole store has another history.
            load_edge(&tiles, from).map_err(|e| match e {
                LogError::Store(e) => LogError::Store(e),
                _ => LogError::Inconsistent {
                    what: SIGNED.into(),
                    earlier: from,
                    store: head,
                    reason: "the roots differ".to_owned(),
                },
            })?;
            let reason =
                format!("log/head says root {}, and the log has root {}", head.root, from.root);
            return Err(unsound(reason));
        }
        let staged = match Staged::load(store.as_ref(), head) {
            Ok(Some(staged)) => staged,
            // They were pruned once the head was published, so all of it is in the bundles.
            Ok(None) if is_integrated(&tiles, head)? => {
                Staged { before: head, entries: Vec::new() }
            }
            Ok(None) => {
                let name = staged_key(head)?;
                return Err(unsound(format!(
                    "nothing leads to it: there is no {name} in the store"
                )));
            }
            Err(LogError::Damaged { object, reason }) => {
                return Err(unsound(format!("{object} leads to it, but {reason}")));
            }
            Err(other) => return Err(other),
        };
        let mut edge = load_edge(&tiles, from)?;
        let mut check = |entries: &[Entry]| -> Result<TreeSize, LogError> {
            let first = edge.size().get();
            for (index, entry) in (first..).zip(entries) {
                validator.validate(LeafIndex::new(index)?, entry).map_err(|e| match e {
                    InvalidEntry::Store(e) => LogError::Store(e),
                    InvalidEntry::Refused(reason) => unsound(format!("entry {index}: {reason}")),
                })?;
            }
            edge.append(&entries.iter().map(Entry::leaf_hash).collect::<Vec<_>>())?;
            Ok(edge.size())
        };
        // Entries that were committed and integrated before the staged ones, but never signed.
        let mut size = from.size;
        while let Some((bundle, place)) = Bundle::of_leaf(size.next_index(), staged.before.size) {
            let entries = tiles
                .read_bundle(bundle)
                .map_err(|e| LogError::of_bundle(e, |e| unsound(e.to_string())))?;
            size = check(entries.get(place..).unwrap_or_default())?;
        }
        // Or the staged ones begin before what was signed: the signed ones are not new.
        let known = size.get().saturating_sub(staged.before.size.get());
        let new = usize::try_from(known).ok().and_then(|known| staged.entries.get(known..));
        check(new.unwrap_or_default())?;
        match edge.head() == head {
            true => Ok(SoundHead { from, head }),
            false => Err(unsound("its entries do not lead to it from the signed head".to_owned())),
        }
    }

    /// The head from which it was checked.
    pub(super) fn from(&self) -> TreeHead {
        self.from
    }

    /// The head.
    pub(super) fn head(&self) -> TreeHead {
        self.head
    }
}

/// What messages call the last signed head.
pub(super) const SIGNED: &str = "log signed";

/// Whether the tiles of a head are all there.
pub(super) fn is_integrated(tiles: &StoredTiles, head: TreeHead) -> Result<bool, LogError> {
    match Edge::load(head, tiles).map_err(|e| LogError::of_edge("the log", e)) {
        Ok(_) => Ok(true),
        Err(LogError::Store(e)) => Err(e.into()),
        Err(_) => Ok(false),
    }
}

/// The right edge of the tree with this head. If it does not lead to the head's root, the whole log is
/// read to find out which object is damaged.
pub(super) fn load_edge(tiles: &StoredTiles, head: TreeHead) -> Result<Edge, LogError> {
    Edge::load(head, tiles).map_err(|e| match LogError::of_edge("the log", e) {
        LogError::Store(e) => LogError::Store(e),
        damaged => examine(tiles, head).map_or_else(LogError::of_examine, |()| damaged),
    })
}

/// The bytes of the partial bundle at the end of a tree whose edge was checked: its entries must hash to
/// the tree's leaves before more are appended.
pub(super) fn checked_bundle(
    tiles: &StoredTiles,
    bundle: Bundle,
    leaves: &[super::Hash],
) -> Result<Vec<u8>, LogError> {
    let key = bundle_key(bundle)?;
    let entries = tiles
        .read_bundle(bundle)
        .map_err(|e| LogError::of_bundle(e, |e| LogError::damaged(&key, e)))?;
    if entries.iter().map(Entry::leaf_hash).eq(leaves.iter().copied()) {
        Ok(encode_entries(&entries))
    } else {
        Err(LogError::damaged(key, "its entries are not those that the log's tiles hash"))
    }
}
