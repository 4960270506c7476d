//! Checksums in pointers.
//!
//! An object is named after a hash, or checked against the log. A pointer changes, so nothing else knows
//! what it should contain. So the JSON object in a pointer ends with its own SHA-256, and a flipped bit
//! on disk gives an error, never another valid state:
//!
//! ```text
//! {"format":2,"days":{...},"sha256":"<64 hex digits>"}
//! ```
//!
//! The hash is that of all bytes before `,"sha256":`. It does not protect against someone who can write
//! to the store: that is what the log is for.

use crate::hex::hex;
use sha2::{Digest, Sha256};

/// What comes between the object and the hash.
const NAME: &[u8] = b",\"sha256\":\"";
/// What comes after the hash.
const END: &[u8] = b"\"}";

/// The bytes are not those that were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its checksum does not match: the bytes are not those that were written")]
pub struct ChecksumError;

/// Adds the checksum to the text of a non-empty JSON object.
pub fn add(mut json: Vec<u8>) -> Vec<u8> {
    if json.last() == Some(&b'}') {
        json.pop();
    }
    let digest = digest_of(&json);
    json.extend_from_slice(NAME);
    json.extend_from_slice(digest.as_bytes());
    json.extend_from_slice(END);
    json
}

/// Checks bytes written by [`add`]: JSON with one more member.
pub fn verify(bytes: &[u8]) -> Result<(), ChecksumError> {
    let checked = || {
        let rest = bytes.strip_suffix(END)?;
        let (rest, digest) = rest.split_at_checked(rest.len().checked_sub(64)?)?;
        let text = rest.strip_suffix(NAME)?;
        (digest_of(text).as_bytes() == digest).then_some(())
    };
    checked().ok_or(ChecksumError)
}

/// The SHA-256 in hexadecimal.
fn digest_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let bytes = add(br#"{"format":2,"days":{}}"#.to_vec());
        assert_eq!(verify(&bytes), Ok(()));
        let read: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
        assert_eq!((&read["format"], &read["days"]), (&2.into(), &serde_json::json!({})));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(verify(&flipped), Err(ChecksumError), "bit {bit}");
        }
        for end in 0..bytes.len() {
            assert_eq!(verify(&bytes[..end]), Err(ChecksumError), "cut at {end}");
        }
    }
}
