//! Who signs: key names, key IDs, verifier keys, and signing with Ed25519.
//!
//! <https://c2sp.org/signed-note>, "Signatures" and "Verifier keys". A verifier key is the text
//! `NAME+KEYID+BASE64`, which the `go` command takes as `GOSUMDB` unchanged. Only signature type
//! 0x01 (Ed25519) is known here; a key of another type is refused by name, and notes may carry
//! signatures of any type by keys that nobody here knows.
//!
//! Verification accepts exactly the signatures that Go's `crypto/ed25519` accepts: `S` reduced, the
//! recomputed `R` equal byte for byte, no cofactor. A stricter rule could refuse a note that the
//! `go` command takes. Keys of small order, under which anyone can sign, are refused when they are
//! parsed, so nothing is lost by it.
//!
//! The text that is signed is left to `note`, the secret's file to `seed`.

use super::{Hash, Host};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, Verifier as _, VerifyingKey};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// The signature type identifier of plain Ed25519.
const ED25519: u8 = 0x01;

/// The name of a key, such as `telemetry.example.org/log`: not empty, without spaces, `+` or
/// control characters, at most 512 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// Text that cannot name a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} cannot name a key: use a name like telemetry.example.org/log, without spaces or '+'"
)]
pub struct KeyNameError(String);

impl KeyName {
    /// Checks `name` and makes it a key name.
    pub fn new(name: impl Into<String>) -> Result<KeyName, KeyNameError> {
        let name = name.into();
        let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if name.is_empty() || name.len() > 512 || name.contains(bad) {
            Err(KeyNameError(name.chars().take(100).collect()))
        } else {
            Ok(KeyName(name))
        }
    }

    /// The host itself as a key's name. A host has no character that a key name may not have.
    pub(super) fn of_host(host: &Host) -> KeyName {
        KeyName(host.to_string())
    }

    /// The name of a key of the log at `host`: `HOST/PATH`. A path has no such character either.
    pub(super) fn below_host(host: &Host, path: &'static str) -> KeyName {
        KeyName(format!("{host}/{path}"))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The four bytes that, with the name, say which key made a signature. Short on purpose: it finds
/// the key, it does not vouch for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 4]);

impl KeyId {
    /// The four bytes, most significant first.
    pub fn to_bytes(self) -> [u8; 4] {
        self.0
    }
}

impl From<[u8; 4]> for KeyId {
    fn from(bytes: [u8; 4]) -> KeyId {
        KeyId(bytes)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What others need to check a signer's signatures. Written as a *vkey*: `NAME+KEYID+BASE64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    id: KeyId,
    key: VerifyingKey,
}

/// Text that is not a verifier key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifierKeyError {
    /// Not three parts in the right encodings.
    #[error(
        "{0:?} is not a verifier key: it must be NAME+KEYID+BASE64, as the log's operator gave it"
    )]
    Malformed(String),
    /// The name part.
    #[error(transparent)]
    Name(#[from] KeyNameError),
    /// The ID does not belong to the name and key.
    #[error(
        "the verifier key of {name} says its ID is {written}, but it is {computed}: a character \
         was lost or changed; copy the key again"
    )]
    Id {
        /// The key's name.
        name: KeyName,
        /// The ID in the text.
        written: KeyId,
        /// The ID that name and key hash to.
        computed: KeyId,
    },
    /// A signature type that is not Ed25519.
    #[error(
        "the verifier key of {name} is of type {found:#04x}; only type 0x01 (Ed25519) is supported"
    )]
    Type {
        /// The key's name.
        name: KeyName,
        /// The type identifier in the text.
        found: u8,
    },
    /// Not a usable Ed25519 public key.
    #[error(
        "the verifier key of {name} holds no sound Ed25519 public key; ask its owner for another"
    )]
    PublicKey {
        /// The key's name.
        name: KeyName,
    },
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

    /// Whether `signature` (without the key ID in front) is this key's signature of `text`.
    pub fn verifies(&self, text: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|s| self.key.verify(text, &s).is_ok())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519];
        key.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, self.id, STANDARD.encode(key))
    }
}

impl FromStr for VerifierKey {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<VerifierKey, VerifierKeyError> {
        let malformed = || VerifierKeyError::Malformed(text.chars().take(200).collect());
        // The base64 may hold a '+' too, the other parts may not.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed());
        };
        let name = KeyName::new(name)?;
        let number = u32::from_str_radix(id, 16).map_err(|_| malformed())?;
        let written = KeyId(number.to_be_bytes());
        if written.to_string() != id {
            return Err(malformed());
        }
        let key = STANDARD.decode(key).map_err(|_| malformed())?;
        let Some((kind, public)) = key.split_first() else { return Err(malformed()) };
        let computed = key_id(&name, *kind, public);
        if computed != written {
            return Err(VerifierKeyError::Id { name, written, computed });
        }
        if *kind != ED25519 {
            return Err(VerifierKeyError::Type { name, found: *kind });
        }
        let key = <[u8; 32]>::try_from(public).ok();
        match key.and_then(|key| VerifyingKey::from_bytes(&key).ok()) {
            Some(key) if !key.is_weak() => Ok(VerifierKey { name, id: written, key }),
            _ => Err(VerifierKeyError::PublicKey { name }),
        }
    }
}

/// The ID of a key: the first four bytes of `SHA-256(name || 0x0A || type || public key)`.
fn key_id(name: &KeyName, kind: u8, public: &[u8]) -> KeyId {
    let hash = Sha256::new()
        .chain_update(name.as_str())
        .chain_update([b'\n', kind])
        .chain_update(public)
        .finalize();
    let bytes: [u8; Hash::LENGTH] = hash.into();
    let [a, b, c, d, ..] = bytes;
    KeyId([a, b, c, d])
}

/// A name together with the secret key that signs under it. Made by
/// [`Seed::signer`](super::Seed::signer); the secret is wiped from memory on drop.
pub struct Signer {
    secret: SigningKey,
    public: VerifierKey,
}

impl Signer {
    /// The signer that this seed (an Ed25519 private key by RFC 8032) is under this name.
    pub(super) fn new(name: KeyName, seed: &[u8; 32]) -> Signer {
        let secret = SigningKey::from_bytes(seed);
        let public = VerifierKey::new(name, secret.verifying_key());
        Signer { secret, public }
    }

    /// What to hand out, so that others can verify.
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.public
    }

    /// The signature of `text`, without the key ID. Deterministic: the same text gives the same
    /// 64 bytes.
    pub(super) fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.secret.sign(text).to_bytes()
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
        let signer = Signer::new(name, &[7; 32]);
        let key = signer.verifier_key();
        assert_eq!(key.to_string().parse::<VerifierKey>().as_ref(), Ok(key));
        let signature = signer.sign(b"text");
        assert!(key.verifies(b"text", &signature));
        assert!(!key.verifies(b"texts", &signature));
        assert!(!key.verifies(b"text", &signature[..63]));
        assert!(!format!("{signer:?}").contains("7, 7"), "a debug print shows no secret");
    }

    #[test]
    fn names() {
        for good in ["a", "example.com/foo", "é", "\u{200b}"] {
            assert!(KeyName::new(good).is_ok(), "{good:?}");
        }
        for bad in ["", " ", "a b", "a\u{a0}b", "a\u{2003}b", "a\u{85}b", "a+b", "a\n", "a\u{1}"] {
            assert!(KeyName::new(bad).is_err(), "{bad:?}");
        }
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
