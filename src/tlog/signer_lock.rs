//! One log, one signer: the right to sign the next head.
//!
//! The record ([`LockRecord`]) is in a [`LockBackend`], apart from the store, and is swapped before a
//! signature is made. It moves only from a head to one that was proved to continue it ([`SoundHead`]),
//! and only while it names this signer; and only a head that it holds, or held, is ever signed
//! ([`LastSigned`] is the proof). So all signed heads are on one chain, in which each size occurs once.
//!
//! Who the signer is, and whether this process is it, is left to
//! [`SignerIdentity`].

use super::TreeHead;
use super::sound::SoundHead;
use super::{LockBackend, LockError, LockRecord, Machine, SignerId, SignerIdentity, StoreLock};
use crate::store::{StoreError, Swap};
use std::path::Path;
use std::sync::Arc;

/// A signer's right to sign for a log, as granted by the lock.
#[derive(Debug, Clone)]
pub struct SignerLock {
    backend: Arc<dyn LockBackend>,
    signer: SignerId,
}

/// A head that this signer may sign: the lock holds it, or held it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LastSigned(TreeHead);

impl LastSigned {
    pub(super) fn head(self) -> TreeHead {
        self.0
    }
}

impl SignerLock {
    /// The lock in `backend`, used by `signer`.
    pub fn new(backend: Arc<dyn LockBackend>, signer: SignerId) -> SignerLock {
        SignerLock { backend, signer }
    }

    /// The signer of a folder on this machine, with a lock in that folder; registers a new signer if
    /// there is none.
    #[cfg(any(test, feature = "testing"))]
    pub fn in_folder(
        folder: &Path,
    ) -> Result<SignerLock, Box<dyn std::error::Error + Send + Sync>> {
        let signer = SignerIdentity::new(folder, Machine::this()).read_or_register()?;
        let lock =
            StoreLock::of_signer(folder).map_err(StoreError::from).map_err(LockError::from)?;
        Ok(SignerLock::new(Arc::new(lock), signer))
    }

    /// The signer.
    pub fn signer(&self) -> &SignerId {
        &self.signer
    }

    /// Where the record is.
    pub fn backend(&self) -> &dyn LockBackend {
        self.backend.as_ref()
    }

    /// The last signed head, if this signer signed it.
    pub(super) fn last_signed(&self) -> Result<LastSigned, LockError> {
        let location = || self.backend.location();
        let record = LockRecord::read(self.backend.as_ref())?;
        let record = record.ok_or_else(|| LockError::Missing { location: location() })?;
        if record.signer.as_ref() != Some(&self.signer) {
            let (registered, signer) = (record.signer, self.signer.clone());
            return Err(LockError::OtherSigner { location: location(), registered, signer });
        }
        Ok(LastSigned(record.head))
    }

    /// Advances the record, durably. `None` if it was changed in the meantime: read it again.
    pub(super) fn advance(&self, sound: SoundHead) -> Result<Option<LastSigned>, LockError> {
        let old = LockRecord::encode(sound.from(), &self.signer);
        self.replace(Some(&old), sound.head())
    }

    /// Creates the record of a new log. Refuses if anything was signed.
    pub(super) fn begin(&self) -> Result<(), LockError> {
        let empty = LockRecord { head: TreeHead::EMPTY, signer: Some(self.signer.clone()) };
        match self.replace(None, TreeHead::EMPTY)? {
            Some(_) => Ok(()),
            None if LockRecord::read(self.backend.as_ref())? == Some(empty) => Ok(()),
            None => Err(LockError::Exists { location: self.backend.location() }),
        }
    }

    /// The record, whichever signer it names, with its bytes.
    pub(super) fn record(&self) -> Result<Option<(LockRecord, Vec<u8>)>, LockError> {
        LockRecord::read_bytes(self.backend.as_ref())
    }

    /// Makes this signer the registered one. `None` if the record is no longer `found`.
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
