//! Hashes of the tree: SHA-256 under RFC 6962's two prefixes.
//!
//! <https://www.rfc-editor.org/rfc/rfc6962#section-2.1>: a leaf is hashed after the byte 0x00 and
//! an inner node after 0x01, so that neither can pass for the other. How nodes are arranged into a
//! tree is left to [`Edge`](super::Edge) and the proofs.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::block_api::compress256;
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

    /// The bytes of several hashes, one after the other: a tile.
    pub(crate) fn join(hashes: &[Hash]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(hashes.len() * Hash::LENGTH);
        for hash in hashes {
            bytes.extend_from_slice(&hash.0);
        }
        bytes
    }

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
    match data.len() {
        0..RECORD => short_leaf_hash([[0; BLOCK]; RECORD / BLOCK + 1], data),
        RECORD..SHORT => short_leaf_hash([[0; BLOCK]; SHORT / BLOCK + 1], data),
        _ => Hash(Sha256::new().chain_update([0x00]).chain_update(data).finalize().into()),
    }
}

/// The hash of a leaf, with zeroes that have room for it.
fn short_leaf_hash<const BLOCKS: usize>(mut blocks: [[u8; BLOCK]; BLOCKS], data: &[u8]) -> Hash {
    blocks.as_flattened_mut()[1..=data.len()].copy_from_slice(data);
    hash_blocks(&mut blocks, 1 + data.len())
}

/// The hash of an inner node: `SHA-256(0x01 || left || right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut blocks = [[0; BLOCK]; 2];
    let bytes = blocks.as_flattened_mut();
    bytes[0] = 0x01;
    bytes[1..=Hash::LENGTH].copy_from_slice(&left.0);
    bytes[1 + Hash::LENGTH..=2 * Hash::LENGTH].copy_from_slice(&right.0);
    hash_blocks(&mut blocks, 1 + 2 * Hash::LENGTH)
}

/// The bytes that the compression function takes at a time.
const BLOCK: usize = 64;
/// Records are shorter than this.
const RECORD: usize = 4 * BLOCK;
/// What is longer is hashed in the ordinary way.
const SHORT: usize = 8 * BLOCK;
/// FIPS 180-4, 5.3.3.
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The SHA-256 of the first `length` bytes; after them are zeroes, with room for the padding. Most of what a
/// tree hashes is short, so the compression function gets it whole: one call instead of one for each part.
///
/// FIPS 180-4, 5.1.1: a one bit, zeroes, and the number of bits in the last eight bytes.
fn hash_blocks(blocks: &mut [[u8; BLOCK]], length: usize) -> Hash {
    let blocks = &mut blocks[..(length + 9).div_ceil(BLOCK)];
    let bytes = blocks.as_flattened_mut();
    bytes[length] = 0x80;
    let end = bytes.len();
    bytes[end - 8..].copy_from_slice(&(8 * length as u64).to_be_bytes());
    let mut state = INITIAL;
    compress256(&mut state, blocks);
    let mut hash = [0; Hash::LENGTH];
    for (to, word) in hash.chunks_exact_mut(4).zip(state) {
        to.copy_from_slice(&word.to_be_bytes());
    }
    Hash(hash)
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
    fn hashes_of_every_length_are_those_of_the_ordinary_way() {
        let data: Vec<u8> = (0..1_000_u32).map(|at| (at * 7 % 251) as u8).collect();
        for length in 0..=data.len() {
            let expected = Sha256::new().chain_update([0]).chain_update(&data[..length]);
            assert_eq!(leaf_hash(&data[..length]), Hash(expected.finalize().into()), "{length}");
        }
        for (left, right) in data.chunks_exact(64).map(|pair| pair.split_at(32)) {
            let hash = |half: &[u8]| Hash(half.try_into().expect("32 bytes"));
            let expected = Sha256::new().chain_update([1]).chain_update(left).chain_update(right);
            assert_eq!(node_hash(&hash(left), &hash(right)), Hash(expected.finalize().into()));
        }
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
