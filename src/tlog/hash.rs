//! Hashes of the tree: SHA-256 under RFC 6962's two prefixes.
//!
//! <https://www.rfc-editor.org/rfc/rfc6962#section-2.1>: a leaf is hashed after the byte 0x00 and
//! an inner node after 0x01, so that neither can pass for the other. How nodes are arranged into a
//! tree is left to [`Edge`](super::Edge) and the proofs.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// A SHA-256 hash: of a leaf, of an inner node, or of a whole tree.
///
/// Written as standard base64 with padding, as in checkpoints.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; Hash::LENGTH]);

/// Text that is not a hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a hash: a hash is 44 characters of standard base64, for 32 bytes")]
pub struct HashParseError(String);

impl Hash {
    /// The length of a hash in bytes.
    pub const LENGTH: usize = 32;

    /// The root of the empty tree: the SHA-256 hash of no bytes.
    pub const EMPTY: Hash = Hash([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9,
        0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52,
        0xb8, 0x55,
    ]);

    /// The bytes of the hash.
    pub fn as_bytes(&self) -> &[u8; Hash::LENGTH] {
        &self.0
    }
}

impl From<[u8; Hash::LENGTH]> for Hash {
    fn from(bytes: [u8; Hash::LENGTH]) -> Hash {
        Hash(bytes)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    /// The first four bytes in hex: enough to tell hashes apart in a failed assertion.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "Hash({a:02x}{b:02x}{c:02x}{d:02x}...)")
    }
}

impl FromStr for Hash {
    type Err = HashParseError;

    /// Accepts only the text that `Display` writes: no spaces, missing padding or stray bits.
    fn from_str(text: &str) -> Result<Hash, HashParseError> {
        let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Hash).ok_or_else(|| HashParseError(text.chars().take(100).collect()))
    }
}

/// The hash of a leaf: `SHA-256(0x00 || data)`.
pub fn leaf_hash(data: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([0x00]).chain_update(data).finalize().into())
}

/// The hash of an inner node: `SHA-256(0x01 || left || right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    // One contiguous input is one call into the compression function instead of three.
    let mut input = [0x01; 1 + 2 * Hash::LENGTH];
    input[1..=Hash::LENGTH].copy_from_slice(&left.0);
    input[1 + Hash::LENGTH..].copy_from_slice(&right.0);
    Hash(Sha256::digest(input).into())
}

/// The root of the perfect tree over `hashes`, whose number must be a power of two.
pub(super) fn perfect_root(hashes: &[Hash]) -> Hash {
    debug_assert!(hashes.len().is_power_of_two());
    match hashes {
        [hash] => *hash,
        [left, right] => node_hash(left, right),
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            node_hash(&perfect_root(left), &perfect_root(right))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_hex(text: &str) -> Hash {
        let digit = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hex");
        Hash(std::array::from_fn(digit))
    }

    /// The reference vectors of the Certificate Transparency implementations.
    #[test]
    fn reference_vectors() {
        assert_eq!(Hash(Sha256::digest(b"").into()), Hash::EMPTY);
        let empty_leaf = leaf_hash(b"");
        assert_eq!(
            empty_leaf,
            from_hex("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")
        );
        let zero_leaf = leaf_hash(&[0]);
        assert_eq!(
            node_hash(&empty_leaf, &zero_leaf),
            from_hex("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125")
        );
        assert_eq!(
            leaf_hash(b"L123456"),
            from_hex("395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56")
        );
    }

    #[test]
    fn text_is_strict_base64() {
        let hash = leaf_hash(b"text");
        let text = hash.to_string();
        assert_eq!(text.parse::<Hash>(), Ok(hash));
        let short = text.trim_end_matches('=');
        let stray_bits = format!("{}B=", &Hash([0; 32]).to_string()[..42]);
        for bad in ["", short, &stray_bits, &format!("{text}\n"), &format!(" {text}"), "AAAA"] {
            assert!(bad.parse::<Hash>().is_err(), "{bad:?}");
        }
    }
}
