//! Cosignatures of witnesses on a checkpoint, by Ed25519 and by ML-DSA-44.
//!
//! <https://c2sp.org/tlog-cosignature>, v1.0.1 (type 0x04) and v1.1.0-rc.1 (type 0x06). A cosignature
//! is a note signature whose bytes are a time and a signature:
//!
//! ```text
//! uint64 timestamp            seconds since 1970, at most 2^63 - 1
//! opaque signature[64]        Ed25519, over "cosignature/v1\ntime TIMESTAMP\n" and the note's text
//!     or signature[2420]      ML-DSA-44 (FIPS 204, empty context), over:
//!
//!     uint8  label[12] = "subtree/v1\n\0"
//!     opaque cosigner_name<1..255>         with its length in one byte before it
//!     uint64 timestamp
//!     opaque log_origin<1..255>
//!     uint64 start                         0 for a checkpoint, whose tree begins at its first leaf
//!     uint64 end                           the tree's size, or where a subtree ends
//!     uint8  hash[32]                      its root
//! ```
//!
//! So an Ed25519 cosignature covers a checkpoint's extension lines, and an ML-DSA one does not; an ML-DSA
//! one covers the cosigner's name. A time of zero, which only ML-DSA allows, says nothing about
//! freshness.
//!
//! Left to others: which cosignatures are enough (`policy`), and when a witness may make one.

use super::vkey::{Vkey, key_id};
use super::{Checkpoint, Hash, KeyId, KeyName, Note, NoteError, NoteSignature, Origin, Seed};
use super::{Subtree, TreeHead, VerifierKeyError};
use ed25519_dalek::{self as ed25519, Signer as _, Verifier as _};
use ml_dsa::{KeyExport as _, MlDsa44};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use zeroize::Zeroizing;

const ED25519: u8 = 0x04;
const ML_DSA_44: u8 = 0x06;
/// The length of an ML-DSA-44 public key.
const ML_DSA_PUBLIC: usize = 1312;
/// The latest time that a cosignature may have.
const LATEST: u64 = i64::MAX as u64;

/// The public key of a witness or another cosigner. Written as a *vkey* of type 0x04 or 0x06.
#[derive(Clone, PartialEq, Eq)]
pub struct CosignerKey {
    name: KeyName,
    id: KeyId,
    key: PublicKey,
}

#[derive(Clone, PartialEq)]
enum PublicKey {
    Ed25519(ed25519::VerifyingKey),
    /// Boxed, because an expanded key is large.
    MlDsa44(Box<ml_dsa::VerifyingKey<MlDsa44>>),
}

impl Eq for PublicKey {}

/// When a cosigner says it saw a tree as the log's largest: seconds since 1970, or `None` if it does not
/// say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CosignatureTime(Option<u64>);

impl CosignatureTime {
    /// Seconds since 1970.
    pub fn seconds(self) -> Option<u64> {
        self.0
    }
}

/// Why a checkpoint cannot be cosigned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CosignError {
    /// The time does not fit into a cosignature.
    #[error("{0} is not a valid time for a cosignature")]
    Time(u64),
    /// A name is too long for an ML-DSA cosignature.
    #[error("{0:?} is longer than the 255 bytes that an ML-DSA cosignature has room for")]
    Long(String),
}

impl CosignerKey {
    fn new(name: KeyName, key: PublicKey) -> CosignerKey {
        let id = key_id(&name, key.kind(), &key.to_bytes());
        CosignerKey { name, id, key }
    }

    /// The key's name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The key's ID.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Whether both wrap the same public key, whatever their names.
    pub fn is_same_key(&self, other: &CosignerKey) -> bool {
        self.key == other.key
    }

    /// Whether this key cosigned the note of a checkpoint, and when: the newest time if it did so several
    /// times. `None` if it did not.
    ///
    /// Signatures by other keys are ignored. A bad one under this key's name and ID is an error: someone
    /// tampered with the note.
    pub fn verify(
        &self,
        note: &Note,
        checkpoint: &Checkpoint,
    ) -> Result<Option<CosignatureTime>, NoteError> {
        let mut newest = None;
        for signature in note.signatures() {
            if *signature.name() != self.name || signature.id() != self.id {
                continue;
            }
            let time = self.verify_one(note.text(), checkpoint, signature.bytes());
            let time =
                time.ok_or_else(|| NoteError::Forged { name: self.name.clone(), id: self.id })?;
            newest = newest.max(Some(time));
        }
        Ok(newest)
    }

    fn verify_one(
        &self,
        text: &str,
        checkpoint: &Checkpoint,
        bytes: &[u8],
    ) -> Option<CosignatureTime> {
        let (time, signature) = bytes.split_first_chunk::<8>()?;
        let time = u64::from_be_bytes(*time);
        if time > LATEST {
            return None;
        }
        match &self.key {
            PublicKey::Ed25519(key) => {
                let signature = ed25519::Signature::from_slice(signature).ok()?;
                key.verify(&ed25519_message(time, text), &signature).ok()?;
            }
            PublicKey::MlDsa44(key) => {
                let signature = ml_dsa::Signature::<MlDsa44>::try_from(signature).ok()?;
                let message = checkpoint_message(&self.name, time, checkpoint).ok()?;
                key.verify_with_context(&message, &[], &signature).then_some(())?;
            }
        }
        Some(CosignatureTime((time > 0 || self.is_ed25519()).then_some(time)))
    }

    /// Whether a signature is this key's cosignature of a subtree of a log, which has no time. Only
    /// ML-DSA keys make them.
    pub fn verifies_subtree(
        &self,
        origin: &Origin,
        subtree: Subtree,
        hash: Hash,
        signature: &NoteSignature,
    ) -> bool {
        let verify = || {
            let PublicKey::MlDsa44(key) = &self.key else { return None };
            let (time, bytes) = signature.bytes().split_first_chunk::<8>()?;
            let bytes = ml_dsa::Signature::<MlDsa44>::try_from(bytes).ok()?;
            let message = subtree_message(&self.name, origin, subtree, hash).ok()?;
            (*time == [0; 8] && key.verify_with_context(&message, &[], &bytes)).then_some(())
        };
        *signature.name() == self.name && signature.id() == self.id && verify().is_some()
    }

    fn is_ed25519(&self) -> bool {
        matches!(self.key, PublicKey::Ed25519(_))
    }
}

impl PublicKey {
    fn kind(&self) -> u8 {
        match self {
            PublicKey::Ed25519(_) => ED25519,
            PublicKey::MlDsa44(_) => ML_DSA_44,
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        match self {
            PublicKey::Ed25519(key) => key.as_bytes().to_vec(),
            PublicKey::MlDsa44(key) => key.to_bytes().to_vec(),
        }
    }
}

/// Expands a key, on the heap because it is large.
fn ml_dsa_key(seed: &[u8; 32]) -> Box<ml_dsa::SigningKey<MlDsa44>> {
    let seed = Zeroizing::new(ml_dsa::Seed::from(*seed));
    Box::new(ml_dsa::SigningKey::from_seed(&seed))
}

fn ed25519_message(time: u64, text: &str) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}

fn checkpoint_message(
    name: &KeyName,
    time: u64,
    checkpoint: &Checkpoint,
) -> Result<Vec<u8>, CosignError> {
    let TreeHead { size, root } = checkpoint.head();
    ml_dsa_message(name, time, checkpoint.origin(), 0..size.get(), root)
}

fn subtree_message(
    name: &KeyName,
    origin: &Origin,
    subtree: Subtree,
    hash: Hash,
) -> Result<Vec<u8>, CosignError> {
    ml_dsa_message(name, 0, origin, subtree.start().get()..subtree.end().get(), hash)
}

fn ml_dsa_message(
    name: &KeyName,
    time: u64,
    origin: &Origin,
    leaves: Range<u64>,
    hash: Hash,
) -> Result<Vec<u8>, CosignError> {
    let mut message = b"subtree/v1\n\0".to_vec();
    let short = |text: &str| u8::try_from(text.len()).map_err(|_| CosignError::Long(text.into()));
    let (name, origin) = (name.as_str(), origin.as_str());
    message.push(short(name)?);
    message.extend_from_slice(name.as_bytes());
    message.extend_from_slice(&time.to_be_bytes());
    message.push(short(origin)?);
    message.extend_from_slice(origin.as_bytes());
    message.extend_from_slice(&leaves.start.to_be_bytes());
    message.extend_from_slice(&leaves.end.to_be_bytes());
    message.extend_from_slice(hash.as_bytes());
    Ok(message)
}

impl fmt::Display for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Vkey::write(f, &self.name, self.id, self.key.kind(), &self.key.to_bytes())
    }
}

impl fmt::Debug for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CosignerKey({}+{})", self.name, self.id)
    }
}

impl FromStr for CosignerKey {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<CosignerKey, VerifierKeyError> {
        let Vkey { name, id, kind, public } = Vkey::parse(text)?;
        let key = match kind {
            ED25519 => {
                let bytes = <[u8; 32]>::try_from(public.as_slice()).ok();
                let key = bytes.and_then(|bytes| ed25519::VerifyingKey::from_bytes(&bytes).ok());
                key.filter(|key| !key.is_weak()).map(PublicKey::Ed25519)
            }
            ML_DSA_44 => {
                let bytes = <[u8; ML_DSA_PUBLIC]>::try_from(public.as_slice()).ok();
                let decode =
                    |bytes: [u8; ML_DSA_PUBLIC]| ml_dsa::VerifyingKey::decode(&bytes.into());
                bytes.map(|bytes| PublicKey::MlDsa44(Box::new(decode(bytes))))
            }
            _ => {
                let wanted = "a witness's key is of type 0x04 (Ed25519) or 0x06 (ML-DSA-44)";
                return Err(VerifierKeyError::Type { name, found: kind, wanted });
            }
        };
        match key {
            Some(key) => Ok(CosignerKey { name, id, key }),
            None => Err(VerifierKeyError::PublicKey { name }),
        }
    }
}

/// A name together with a secret key that cosigns under it. The key is expanded from its seed for each
/// cosignature, and wiped after it.
pub struct Cosigner {
    seed: Seed,
    kind: CosignerKind,
    public: CosignerKey,
}

/// The algorithms by which a witness may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CosignerKind {
    /// Type 0x04: what every verifier knows.
    Ed25519,
    /// Type 0x06: what the specification asks of new witnesses.
    MlDsa44,
}

impl Seed {
    /// The cosigner with this seed and name. Use a seed for one kind and one name only.
    pub fn cosigner(&self, name: KeyName, kind: CosignerKind) -> Cosigner {
        Cosigner::of(name, kind, self.clone())
    }
}

impl Cosigner {
    /// The cosigner with this name and seed: an Ed25519 private key as in RFC 8032, or the seed of an
    /// ML-DSA-44 key as in FIPS 204. Use a seed for one kind and one name only. The caller keeps its copy
    /// of the seed; [`Seed::cosigner`] needs none.
    #[cfg(any(test, feature = "testing"))]
    pub fn new(name: KeyName, kind: CosignerKind, seed: &[u8; 32]) -> Cosigner {
        Cosigner::of(name, kind, Seed::from(*seed))
    }

    pub(super) fn of(name: KeyName, kind: CosignerKind, seed: Seed) -> Cosigner {
        let public = seed.with(|seed| match kind {
            CosignerKind::Ed25519 => {
                PublicKey::Ed25519(ed25519::SigningKey::from_bytes(seed).verifying_key())
            }
            CosignerKind::MlDsa44 => {
                PublicKey::MlDsa44(Box::new(ml_dsa_key(seed).expanded_key().verifying_key()))
            }
        });
        Cosigner { seed, kind, public: CosignerKey::new(name, public) }
    }

    /// What to hand out, so that others can verify.
    pub fn verifier_key(&self) -> &CosignerKey {
        &self.public
    }

    /// The cosignature of a checkpoint, whose note has this text, at a time in seconds since 1970. The
    /// caller is responsible for what it claims: that the tree is consistent with every one cosigned
    /// before, and the largest.
    pub fn cosign(
        &self,
        text: &str,
        checkpoint: &Checkpoint,
        time: u64,
    ) -> Result<NoteSignature, CosignError> {
        if time == 0 || time > LATEST {
            return Err(CosignError::Time(time));
        }
        let signature = match self.kind {
            CosignerKind::Ed25519 => {
                let message = ed25519_message(time, text);
                let sign = |seed: &_| ed25519::SigningKey::from_bytes(seed).sign(&message);
                self.seed.with(sign).to_bytes().to_vec()
            }
            CosignerKind::MlDsa44 => {
                let message = checkpoint_message(&self.public.name, time, checkpoint)?;
                self.sign_ml_dsa(&message)
            }
        };
        Ok(self.line(time, &signature))
    }

    /// The cosignature of a subtree of a log, which has no time; `None` for an Ed25519 key, which does
    /// not sign subtrees. The caller is responsible for what it claims: that every cosigned tree with
    /// these leaves contains the subtree.
    pub fn cosign_subtree(
        &self,
        origin: &Origin,
        subtree: Subtree,
        hash: Hash,
    ) -> Result<Option<NoteSignature>, CosignError> {
        if self.kind != CosignerKind::MlDsa44 {
            return Ok(None);
        }
        let message = subtree_message(&self.public.name, origin, subtree, hash)?;
        Ok(Some(self.line(0, &self.sign_ml_dsa(&message))))
    }

    fn sign_ml_dsa(&self, message: &[u8]) -> Vec<u8> {
        let sign = |seed: &_| {
            let key = ml_dsa_key(seed);
            ml_dsa::signature::Signer::sign(key.as_ref(), message)
        };
        self.seed.with(sign).encode().to_vec()
    }

    fn line(&self, time: u64, signature: &[u8]) -> NoteSignature {
        let bytes = [&time.to_be_bytes()[..], signature].concat();
        NoteSignature::new(self.public.name.clone(), self.public.id, bytes)
    }
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cosigner({:?})", self.public)
    }
}
