//! The SHA-256 of what is written somewhere, or read from somewhere.

use sha2::{Digest, Sha256};
use std::io::{self, Write};

/// Passes on what is written, counts its bytes and computes their SHA-256.
#[derive(Debug)]
pub(crate) struct HashingWriter<W> {
    to: W,
    digest: Sha256,
    bytes: u64,
}

impl<W: Write> HashingWriter<W> {
    /// Nothing is written yet.
    pub fn new(to: W) -> HashingWriter<W> {
        HashingWriter { to, digest: Sha256::new(), bytes: 0 }
    }

    /// Finishes. Returns where it was written to, how many bytes, and their SHA-256.
    pub fn finish(mut self) -> io::Result<(W, u64, [u8; 32])> {
        self.to.flush()?;
        Ok((self.to, self.bytes, self.digest.finalize().into()))
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.digest.update(bytes.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// The SHA-256 of everything that can be read, in hex.
#[cfg(feature = "server")]
pub(crate) fn sha256_of(mut from: impl io::Read) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 128 << 10];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(crate::hex::hex(&digest.finalize())),
            Ok(read) => digest.update(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_counted_and_hashed() {
        // Takes three bytes at a time.
        struct Narrow(Vec<u8>);
        impl Write for Narrow {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.write(bytes.get(..3).unwrap_or(bytes))
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut hashing = HashingWriter::new(Narrow(Vec::new()));
        hashing.write_all(b"ten bytes.").expect("written");
        let (Narrow(written), bytes, hash) = hashing.finish().expect("written");
        assert_eq!((written.as_slice(), bytes), (&b"ten bytes."[..], 10));
        assert_eq!(hash, <[u8; 32]>::from(Sha256::digest(b"ten bytes.")));
        #[cfg(feature = "server")]
        assert_eq!(sha256_of(&written[..]).expect("read"), crate::hex::hex(&hash));
    }
}
