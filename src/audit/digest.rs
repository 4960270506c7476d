//! Hashes as the index and the state file write them.

use crate::hex::hex;
use sha2::{Digest, Sha256};
use std::io::{self, Read};

/// The SHA-256 of everything that can be read.
pub(super) fn sha256_of(mut text: impl Read) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 128 << 10];
    loop {
        match text.read(&mut buffer)? {
            0 => return Ok(hex(&digest.finalize())),
            read => digest.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}
