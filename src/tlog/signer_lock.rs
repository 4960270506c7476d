//! One log, one signer: the last head that was signed, and who signs.
//!
//! The record lies in a [`LockBackend`], apart from the store, and is swapped before a signature is
//! made. It moves only from a head to one that was proved to continue it ([`SoundHead`]), and only
//! while it names this signer; and only a head that it has, or had, is ever signed ([`LastSigned`]
//! is the licence). So a head that was signed is one of a single chain, in which each size occurs
//! once.
//!
//! ```text
//! SIZE ROOT\n     the last head signed
//! signer ID\n     who may sign the next one
//! ```
//!
//! Who the signer is, and whether this process is it, is left to
//! [`SignerIdentity`].

use super::layout::{format_head, parse_head};
use super::sound::SoundHead;
use super::{LockBackend, Machine, SignerId, SignerIdentity, StoreLock, TreeHead};
use crate::store::{StoreError, Swap};
use std::path::Path;
use std::sync::Arc;

/// The right of one signer to sign for a log, as far as the lock grants it.
#[derive(Debug, Clone)]
pub struct SignerLock {
    backend: Arc<dyn LockBackend>,
    signer: SignerId,
}

/// What a lock holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockRecord {
    /// The last head that was signed.
    pub head: TreeHead,
    /// The signer. `None` where it was written before signers were registered.
    pub signer: Option<SignerId>,
}

/// Why the lock does not let this signer sign.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// It could not be read or written.
    #[error("the signer's lock: {0}")]
    Store(#[from] StoreError),
    /// There is no record, and making one up would forget what was signed.
    #[error(
        "the signer's lock {place} is missing, so nothing here says what this key has signed; put \
         back the newest copy of it, or run `candor signer move`, which takes what is public"
    )]
    Missing {
        /// Where it should be.
        place: String,
    },
    /// Something was signed already, and a new log was to be made.
    #[error("the signer's lock {place} says that this key has signed a log already")]
    Exists {
        /// Where it is.
        place: String,
    },
    /// It holds something else.
    #[error(
        "the signer's lock {place} does not hold the two lines `SIZE ROOT` and `signer ID`; put \
         back the newest copy of it, or remove it and run `candor signer move`"
    )]
    Malformed {
        /// Where it is.
        place: String,
    },
    /// Another signer is registered.
    #[error(
        "the signer's lock {place} names another signer ({}) than this one ({signer}): one log has \
         one signer. If this is to be it from now on, run `candor signer move`",
        .registered.as_ref().map_or("none", SignerId::as_str)
    )]
    OtherSigner {
        /// Where it is.
        place: String,
        /// Who is registered.
        registered: Option<SignerId>,
        /// Who asked.
        signer: SignerId,
    },
}

/// A head that this signer may sign: it is, or was, what the lock holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LastSigned(TreeHead);

impl LastSigned {
    pub(super) fn head(self) -> TreeHead {
        self.0
    }
}

impl LockRecord {
    /// The record's bytes.
    fn encode(head: TreeHead, signer: &SignerId) -> Vec<u8> {
        format!("{}signer {signer}\n", format_head(head)).into_bytes()
    }

    /// What a backend holds now.
    pub fn read(backend: &dyn LockBackend) -> Result<Option<LockRecord>, LockError> {
        Ok(LockRecord::read_bytes(backend)?.map(|(record, _)| record))
    }

    fn read_bytes(backend: &dyn LockBackend) -> Result<Option<(LockRecord, Vec<u8>)>, LockError> {
        let Some(bytes) = backend.fetch()? else { return Ok(None) };
        let record = LockRecord::decode(&bytes);
        let record = record.ok_or_else(|| LockError::Malformed { place: backend.place() })?;
        Ok(Some((record, bytes)))
    }

    fn decode(bytes: &[u8]) -> Option<LockRecord> {
        let end = bytes.iter().position(|byte| *byte == b'\n')? + 1;
        let (head, rest) = bytes.split_at_checked(end)?;
        let head = parse_head(head)?;
        if rest.is_empty() {
            return Some(LockRecord { head, signer: None });
        }
        let id = rest.strip_prefix(b"signer ")?.strip_suffix(b"\n")?;
        let signer = Some(str::from_utf8(id).ok()?.parse().ok()?);
        Some(LockRecord { head, signer })
    }
}

impl SignerLock {
    /// The lock in `backend`, asked by `signer`.
    pub fn new(backend: Arc<dyn LockBackend>, signer: SignerId) -> SignerLock {
        SignerLock { backend, signer }
    }

    /// The signer of a folder on this machine, with a lock in that folder; a new signer where there
    /// was none.
    #[cfg(any(test, feature = "testing"))]
    pub fn in_folder(
        folder: &Path,
    ) -> Result<SignerLock, Box<dyn std::error::Error + Send + Sync>> {
        let signer = SignerIdentity::new(folder, Machine::this()).read_or_register()?;
        let lock =
            StoreLock::of_signer(folder).map_err(StoreError::from).map_err(LockError::from)?;
        Ok(SignerLock::new(Arc::new(lock), signer))
    }

    /// Who asks.
    pub fn signer(&self) -> &SignerId {
        &self.signer
    }

    /// Where the record is.
    pub fn backend(&self) -> &dyn LockBackend {
        self.backend.as_ref()
    }

    /// The last head signed, if this signer is the one that signed it.
    pub(super) fn last_signed(&self) -> Result<LastSigned, LockError> {
        let place = || self.backend.place();
        let record = LockRecord::read(self.backend.as_ref())?;
        let record = record.ok_or_else(|| LockError::Missing { place: place() })?;
        if record.signer.as_ref() != Some(&self.signer) {
            let (registered, signer) = (record.signer, self.signer.clone());
            return Err(LockError::OtherSigner { place: place(), registered, signer });
        }
        Ok(LastSigned(record.head))
    }

    /// Moves the record on, durably. `None` where it has changed meanwhile: read it again.
    pub(super) fn advance(&self, sound: SoundHead) -> Result<Option<LastSigned>, LockError> {
        let old = LockRecord::encode(sound.from(), &self.signer);
        self.replace(Some(&old), sound.head())
    }

    /// Makes the record of a new log. Refuses where something was signed.
    pub(super) fn begin(&self) -> Result<(), LockError> {
        let empty = LockRecord { head: TreeHead::EMPTY, signer: Some(self.signer.clone()) };
        match self.replace(None, TreeHead::EMPTY)? {
            Some(_) => Ok(()),
            None if LockRecord::read(self.backend.as_ref())? == Some(empty) => Ok(()),
            None => Err(LockError::Exists { place: self.backend.place() }),
        }
    }

    /// The record, whoever's it is, with its bytes.
    pub(super) fn record(&self) -> Result<Option<(LockRecord, Vec<u8>)>, LockError> {
        LockRecord::read_bytes(self.backend.as_ref())
    }

    /// Makes this signer the registered one. `None` where the record is no longer `found`.
    pub(super) fn take_over(
        &self,
        found: Option<&[u8]>,
        sound: SoundHead,
    ) -> Result<Option<LastSigned>, LockError> {
        self.replace(found, sound.head())
    }

    fn replace(&self, old: Option<&[u8]>, head: TreeHead) -> Result<Option<LastSigned>, LockError> {
        let new = LockRecord::encode(head, &self.signer);
        Ok(match self.backend.replace(old, &new)? {
            Swap::Won => Some(LastSigned(head)),
            Swap::Lost => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_is_a_record() {
        let signer: SignerId = "0123456789abcdef0123456789abcdef".parse().expect("an id");
        let bytes = LockRecord::encode(TreeHead::EMPTY, &signer);
        let record = LockRecord { head: TreeHead::EMPTY, signer: Some(signer) };
        assert_eq!(LockRecord::decode(&bytes), Some(record));
        let head = format_head(TreeHead::EMPTY);
        let old = LockRecord { head: TreeHead::EMPTY, signer: None };
        assert_eq!(LockRecord::decode(head.as_bytes()), Some(old));
        for bad in [
            String::new(),
            head.trim_end().to_owned(),
            format!("{head}\n"),
            format!("{head}signer \n"),
            format!("{head}signer 0123456789abcdef0123456789abcdeF\n"),
            format!("{head}signer 0123456789abcdef0123456789abcdef"),
            format!("{head}signer 0123456789abcdef0123456789abcdef\n\n"),
        ] {
            assert_eq!(LockRecord::decode(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
