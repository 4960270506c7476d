//! Names of keys, their IDs, and the text of a verifier key.
//!
//! <https://c2sp.org/signed-note>, "Signatures" and "Verifier keys". A verifier key (*vkey*) is the text
//! `NAME+KEYID+BASE64`: the ID in hexadecimal, and the signature type with the public key. The type says
//! what the key is for: `signer` parses the keys of logs, `cosigner` those of witnesses.

use super::{Hash, Host};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use std::fmt;

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

/// The four bytes that, with the name, say which key made a signature. Short on purpose: it helps to find
/// the key, and proves nothing.
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
    /// A signature type that is not for this use.
    #[error("the verifier key of {name} is of type {found:#04x}, and {wanted}")]
    Type {
        /// The key's name.
        name: KeyName,
        /// The type identifier in the text.
        found: u8,
        /// Which types are used here.
        wanted: &'static str,
    },
    /// Not a usable public key.
    #[error("the verifier key of {name} holds no sound public key; ask its owner for another")]
    PublicKey {
        /// The key's name.
        name: KeyName,
    },
}

/// The parts of a verifier key whose ID fits.
pub(super) struct Vkey {
    pub(super) name: KeyName,
    pub(super) id: KeyId,
    /// The signature type identifier.
    pub(super) kind: u8,
    pub(super) public: Vec<u8>,
}

impl Vkey {
    /// Reads the text of a verifier key, of whatever type.
    pub(super) fn parse(text: &str) -> Result<Vkey, VerifierKeyError> {
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
        Ok(Vkey { name, id: written, kind: *kind, public: public.to_vec() })
    }

    /// Writes one.
    pub(super) fn write(
        f: &mut fmt::Formatter<'_>,
        name: &KeyName,
        id: KeyId,
        kind: u8,
        public: &[u8],
    ) -> fmt::Result {
        write!(f, "{name}+{id}+{}", STANDARD.encode([&[kind], public].concat()))
    }
}

/// The ID of a key: the first four bytes of `SHA-256(name || 0x0A || type || public key)`.
pub(super) fn key_id(name: &KeyName, kind: u8, public: &[u8]) -> KeyId {
    let hash = Sha256::new()
        .chain_update(name.as_str())
        .chain_update([b'\n', kind])
        .chain_update(public)
        .finalize();
    let bytes: [u8; Hash::LENGTH] = hash.into();
    let [a, b, c, d, ..] = bytes;
    KeyId([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "example.com/foo", "é", "\u{200b}"] {
            assert!(KeyName::new(good).is_ok(), "{good:?}");
        }
        for bad in ["", " ", "a b", "a\u{a0}b", "a\u{2003}b", "a\u{85}b", "a+b", "a\n", "a\u{1}"] {
            assert!(KeyName::new(bad).is_err(), "{bad:?}");
        }
    }
}
