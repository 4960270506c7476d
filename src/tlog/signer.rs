//! Who signs a log: verifier keys, and signing with Ed25519.
//!
//! <https://c2sp.org/signed-note>, signature type 0x01. The `go` command takes such a verifier key as
//! `GOSUMDB` unchanged. A key of another type is refused with its name; notes may carry signatures of any
//! type by unknown keys.
//!
//! Verification accepts exactly the signatures that Go's `crypto/ed25519` accepts: `S` reduced, the
//! recomputed `R` equal byte for byte, no cofactor. A stricter rule could refuse a note that the
//! `go` command takes. Keys of small order, under which anyone can sign, are refused when they are
//! parsed, so nothing is lost by it.
//!
//! The text that is signed is left to `note`, the secret's file to `seed`, and names and the text of
//! verifier keys to `vkey`.

use super::vkey::{Vkey, key_id};
use super::{KeyId, KeyName, Seed, VerifierKeyError};
use ed25519_dalek::{Signature, Signer as _, SigningKey, Verifier as _, VerifyingKey};
use std::fmt;
use std::str::FromStr;

/// The signature type identifier of plain Ed25519.
const ED25519: u8 = 0x01;

/// What others need to check a signer's signatures. Written as a *vkey*: `NAME+KEYID+BASE64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    id: KeyId,
    key: VerifyingKey,
}

impl VerifierKey {
    fn new(name: KeyName, key: VerifyingKey) -> VerifierKey {
        let id = key_id(&name, ED25519, key.as_bytes());
        VerifierKey { name, id, key }
    }

    /// The key's name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The key's ID.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The same public key under another name, and so with another ID.
    pub(super) fn named(&self, name: KeyName) -> VerifierKey {
        VerifierKey::new(name, self.key)
    }

    /// Whether both wrap the same public key, whatever their names.
    pub fn is_same_key(&self, other: &VerifierKey) -> bool {
        self.key == other.key
    }

    /// Whether `signature` (without the key ID in front) is this key's signature of `text`.
    pub fn verifies(&self, text: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|s| self.key.verify(text, &s).is_ok())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Vkey::write(f, &self.name, self.id, ED25519, self.key.as_bytes())
    }
}

impl FromStr for VerifierKey {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<VerifierKey, VerifierKeyError> {
        let Vkey { name, id, kind, public } = Vkey::parse(text)?;
        if kind != ED25519 {
            let wanted = "a log's key is of type 0x01 (Ed25519)";
            return Err(VerifierKeyError::Type { name, found: kind, wanted });
        }
        let key = <[u8; 32]>::try_from(public.as_slice()).ok();
        match key.and_then(|key| VerifyingKey::from_bytes(&key).ok()) {
            Some(key) if !key.is_weak() => Ok(VerifierKey { name, id, key }),
            _ => Err(VerifierKeyError::PublicKey { name }),
        }
    }
}

/// A name together with the secret key that signs under it. Made by [`Seed::signer`], whose secret it
/// shares: the key is expanded for each signature, and wiped after it.
pub struct Signer {
    seed: Seed,
    public: VerifierKey,
}

impl Seed {
    /// The signer with this seed and name.
    pub fn signer(&self, name: KeyName) -> Signer {
        Signer::new(name, self.clone())
    }
}

impl Signer {
    /// The signer with this name and seed (an Ed25519 private key as in RFC 8032).
    pub(super) fn new(name: KeyName, seed: Seed) -> Signer {
        let key = seed.with(|seed| SigningKey::from_bytes(seed).verifying_key());
        Signer { public: VerifierKey::new(name, key), seed }
    }

    /// What to hand out, so that others can verify.
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.public
    }

    /// The signature of `text`, without the key ID. Deterministic: the same text gives the same
    /// 64 bytes.
    pub(super) fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.seed.with(|seed| SigningKey::from_bytes(seed).sign(text).to_bytes())
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    const EXAMPLE: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    #[test]
    fn the_example_of_the_specification() {
        let key: VerifierKey = EXAMPLE.parse().expect("the example");
        assert_eq!(key.to_string(), EXAMPLE);
        assert_eq!(key.name().as_str(), "example.com/foo");
        assert_eq!(key.id().to_string(), "530d903a");
    }

    #[test]
    fn a_seed_signs_under_its_name() {
        let name = KeyName::new("example.com/foo").expect("a name");
        let signer = Signer::new(name, Seed::from([7; 32]));
        let key = signer.verifier_key();
        assert_eq!(key.to_string().parse::<VerifierKey>().as_ref(), Ok(key));
        let signature = signer.sign(b"text");
        assert!(key.verifies(b"text", &signature));
        assert!(!key.verifies(b"texts", &signature));
        assert!(!key.verifies(b"text", &signature[..63]));
        assert!(!format!("{signer:?}").contains("7, 7"), "a debug print shows no secret");
    }

    #[test]
    fn malformed_keys_are_refused() {
        let changed = |from: &str, to: &str| EXAMPLE.replacen(from, to, 1).parse::<VerifierKey>();
        assert!(matches!(changed("530d903a", "530d903b"), Err(VerifierKeyError::Id { .. })));
        assert!(matches!(changed("/foo", "/fop"), Err(VerifierKeyError::Id { .. })));
        assert!(matches!(changed("example.com/foo", ""), Err(VerifierKeyError::Name(_))));
        for (from, to) in [
            ("530d903a", "530D903A"),
            ("530d", "+530d"),
            ("530d903a", ""),
            ("3U2k", "3U2"),
            ("+", ""),
        ] {
            let error = changed(from, to).expect_err("malformed");
            assert!(matches!(error, VerifierKeyError::Malformed(_)), "{from} {to}: {error}");
        }
        assert!(matches!("".parse::<VerifierKey>(), Err(VerifierKeyError::Malformed(_))));
    }

    #[test]
    fn other_types_and_unsound_keys_are_named() {
        let parse = |kind: u8, public: &[u8]| {
            let name = KeyName::new("example.com/foo").expect("a name");
            let encoded = STANDARD.encode([&[kind], public].concat());
            format!("{name}+{}+{encoded}", key_id(&name, kind, public)).parse::<VerifierKey>()
        };
        let error = parse(0x04, &[1; 32]).expect_err("a cosignature key");
        assert!(error.to_string().contains("type 0x04"), "{error}");
        let identity = std::array::from_fn::<u8, 32, _>(|at| u8::from(at == 0));
        let no_point = std::array::from_fn::<u8, 32, _>(|at| if at == 0 { 2 } else { 0 });
        for public in [&[0; 31][..], &[0; 33], &identity, &no_point, &[0; 32]] {
            let error = parse(0x01, public).expect_err("unsound");
            assert!(matches!(error, VerifierKeyError::PublicKey { .. }), "{public:?}");
        }
    }
}
