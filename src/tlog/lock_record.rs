//! The record in a signer's lock: the last signed head, and who may sign the next.
//!
//! ```text
//! SIZE ROOT\n     the last head signed
//! signer ID\n     who may sign the next one
//! ```
//!
//! When it may be changed is left to `signer_lock`.

use super::layout::{format_head, parse_head};
use super::{LockBackend, SignerId, TreeHead};
use crate::store::StoreError;

/// What a lock holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockRecord {
    /// The last head that was signed.
    pub head: TreeHead,
    /// The signer. `None` if it was written before signers were registered.
    pub signer: Option<SignerId>,
}

/// Why the lock does not let this signer sign.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// It could not be read or written.
    #[error("the signer's lock: {0}")]
    Store(#[from] StoreError),
    /// There is no record. A new one would forget what was signed.
    #[error(
        "the signer's lock {location} is missing, so nothing here says what this key has signed; \
         restore its newest copy, or run `candor signer move`, which starts from what is public"
    )]
    Missing {
        /// Where it should be.
        location: String,
    },
    /// A new log was to be created, but something was already signed.
    #[error("the signer's lock {location} says that this key has already signed a log")]
    Exists {
        /// Where it is.
        location: String,
    },
    /// It holds something else.
    #[error(
        "the signer's lock {location} does not hold the two lines `SIZE ROOT` and `signer ID`; \
         restore its newest copy, or remove it and run `candor signer move`"
    )]
    Malformed {
        /// Where it is.
        location: String,
    },
    /// Another signer is registered.
    #[error(
        "the signer's lock {location} names another signer ({}) than this one ({signer}), and a \
         log has one signer. To make it this one, run `candor signer move`",
        .registered.as_ref().map_or("none", SignerId::as_str)
    )]
    OtherSigner {
        /// Where it is.
        location: String,
        /// Who is registered.
        registered: Option<SignerId>,
        /// The one that wanted to sign.
        signer: SignerId,
    },
}

impl LockRecord {
    /// The record's bytes.
    pub(super) fn encode(head: TreeHead, signer: &SignerId) -> Vec<u8> {
        format!("{}signer {signer}\n", format_head(head)).into_bytes()
    }

    /// What a backend holds now.
    pub fn read(backend: &dyn LockBackend) -> Result<Option<LockRecord>, LockError> {
        Ok(LockRecord::read_bytes(backend)?.map(|(record, _)| record))
    }

    pub(super) fn read_bytes(
        backend: &dyn LockBackend,
    ) -> Result<Option<(LockRecord, Vec<u8>)>, LockError> {
        let Some(bytes) = backend.fetch()? else { return Ok(None) };
        let record = LockRecord::decode(&bytes);
        let record = record.ok_or_else(|| LockError::Malformed { location: backend.location() })?;
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
