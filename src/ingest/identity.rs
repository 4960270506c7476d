//! The identity of a report, by which it is known when it is sent again.
//!
//! It is the first 16 bytes of SHA-256(key || the report's canonical form, with the exact X and LastWeek). It
//! includes X, which has some 52 random bits: two installations with the same counts send two reports, and a
//! report that is sent twice is one. The key is random and of one day only; once no report of the day is
//! accepted any more, it is removed.

use sha2::{Digest, Sha256};
use std::fmt;

/// Identifies a report of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity([u8; Identity::LENGTH]);

impl Identity {
    /// How many bytes it has.
    pub const LENGTH: usize = 16;

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; Identity::LENGTH] {
        &self.0
    }

    /// The identity with these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Identity> {
        bytes.try_into().ok().map(Identity)
    }
}

/// The key of a day.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct DayKey([u8; DayKey::LENGTH]);

impl fmt::Debug for DayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DayKey")
    }
}

impl DayKey {
    pub(super) const LENGTH: usize = 32;

    pub(super) fn random() -> Result<DayKey, getrandom::Error> {
        let mut key = [0; DayKey::LENGTH];
        getrandom::fill(&mut key)?;
        Ok(DayKey(key))
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<DayKey> {
        bytes.try_into().ok().map(DayKey)
    }

    pub(super) fn as_bytes(&self) -> &[u8; DayKey::LENGTH] {
        &self.0
    }

    /// The identity of a report in its canonical form.
    pub(super) fn identity(&self, report: &[u8]) -> Identity {
        let digest = Sha256::new().chain_update(self.0).chain_update(report).finalize();
        let mut identity = [0; Identity::LENGTH];
        identity.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Identity(identity)
    }
}
