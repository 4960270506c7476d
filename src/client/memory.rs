//! The newest checkpoint seen on this machine.
//!
//! It is what a log is held to: whatever this machine sees later must contain it. The signed note
//! is kept as it was received, so that it is evidence if the log ever shows another history, and
//! it is verified again whenever it is read.
//!
//! It is a pointer in a [`Store`], so it is replaced whole or not at all, and of two programs that
//! bring news at once neither overwrites what it has not seen. One store may hold the memory of
//! many logs, and be shared by all programs of a user.

use crate::store::{Key, KeyError, Store, StoreError, Swap};
use crate::tlog::VerifierKey;
use std::sync::Arc;

/// What this machine remembers of one log.
#[derive(Debug, Clone)]
pub struct Memory {
    store: Arc<dyn Store>,
    key: Key,
}

impl Memory {
    /// The memory, kept in `store`, of the log that signs with `log`. Fails where the key's name
    /// has characters that the name of a pointer cannot have; the name of a Candor log has none.
    pub fn new(store: Arc<dyn Store>, log: &VerifierKey) -> Result<Memory, KeyError> {
        let key = Key::new(format!("seen/{}+{}", log.name(), log.id()))?;
        Ok(Memory { store, key })
    }

    /// The name of the pointer, for messages.
    pub fn name(&self) -> &str {
        self.key.as_str()
    }

    /// The checkpoint seen last, as it was received; `None` on a machine that saw none.
    pub fn recall(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.pointer(&self.key)
    }

    /// Puts a newer checkpoint in the place of `seen`, which is what [`Memory::recall`] returned.
    pub fn remember(&self, seen: Option<&[u8]>, newer: &[u8]) -> Result<Swap, StoreError> {
        self.store.swap(&self.key, seen, newer)
    }
}
