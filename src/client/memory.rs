//! The newest checkpoint seen on this machine, and evidence against the log.
//!
//! Every later checkpoint must be consistent with the newest one seen. The signed note is kept as it was
//! received, so that it is evidence if the log ever shows another history, and it is verified again
//! whenever it is read.
//!
//! | name in the store | content |
//! | --- | --- |
//! | `seen/NAME+ID` | pointer: the newest note signed with this key of the log |
//! | `evidence/NAME+ID-HASH.candor-evidence` | evidence of a fork, which `candor verify` confirms |
//!
//! Pointers in a [`Store`] are replaced atomically by compare-and-swap, so that two programs at once do
//! not overwrite what the other has seen. One store may hold the memory of many logs, and be shared by
//! all programs of a user. A log that changes its key has two keys for a while, and so two pointers;
//! a new checkpoint must be consistent with both.

use crate::hex::shortened;
use crate::store::{Key, KeyError, Store, StoreError, Swap};
use crate::tlog::{Evidence, VerifierKey};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// What this machine remembers of one log.
#[derive(Debug, Clone)]
pub struct Memory {
    store: Arc<dyn Store>,
    keys: Vec<VerifierKey>,
}

/// A checkpoint as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The key of the log that signed it.
    pub key: VerifierKey,
    /// The signed note.
    pub note: Vec<u8>,
}

impl Memory {
    /// The memory, kept in `store`, of the log that signs with these keys. Fails if a key's name has
    /// characters that a pointer's name cannot have; the name of a Candor log has none of them.
    pub fn new<'k>(
        store: Arc<dyn Store>,
        keys: impl Iterator<Item = &'k VerifierKey>,
    ) -> Result<Memory, KeyError> {
        let keys: Vec<VerifierKey> = keys.cloned().collect();
        keys.iter().try_for_each(|key| pointer(key).map(drop))?;
        Ok(Memory { store, keys })
    }

    /// The name of the pointer of one key, for messages.
    pub fn name(&self, key: &VerifierKey) -> String {
        format!("seen/{}+{}", key.name(), key.id())
    }

    /// The newest checkpoints seen, as they were received, at most one for each key.
    pub fn recall(&self) -> Result<Vec<Seen>, StoreError> {
        let mut seen = Vec::new();
        for key in &self.keys {
            let note = self.store.pointer(&pointer(key)?)?;
            seen.extend(note.map(|note| Seen { key: key.clone(), note }));
        }
        Ok(seen)
    }

    /// Whether anything was ever seen of the log.
    pub fn remembers(&self) -> Result<bool, StoreError> {
        Ok(!self.recall()?.is_empty())
    }

    /// Replaces `seen`, which [`Memory::recall`] returned, by a newer checkpoint signed with this key.
    pub fn remember(
        &self,
        key: &VerifierKey,
        seen: Option<&[u8]>,
        newer: &[u8],
    ) -> Result<Swap, StoreError> {
        self.store.swap(&pointer(key)?, seen, newer)
    }

    /// Keeps evidence against the log, and returns where it is.
    pub fn keep_evidence(
        &self,
        key: &VerifierKey,
        evidence: &Evidence,
    ) -> Result<String, StoreError> {
        let text = evidence.to_string();
        let hash = shortened(&Sha256::digest(&text), 8);
        let name =
            Key::new(format!("evidence/{}+{}-{hash}.candor-evidence", key.name(), key.id()))?;
        self.store.put(&[(name.clone(), text.into_bytes())])?;
        Ok(match self.store.file_of(&name) {
            Some(file) => file.display().to_string(),
            None => name.to_string(),
        })
    }
}

fn pointer(key: &VerifierKey) -> Result<Key, KeyError> {
    Key::new(format!("seen/{}+{}", key.name(), key.id()))
}
