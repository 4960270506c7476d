//! Newline-delimited JSON, compressed with gzip
//! ([RFC 1952](https://www.rfc-editor.org/rfc/rfc1952)), which browsers read.
//!
//! ```text
//! header    10 bytes   no name, no time, so the same lines give the same bytes
//! pieces               one per batch: deflate (RFC 1951), ended by an empty stored block (a "full
//!                      flush"), so that no piece refers to one before it and each begins at a byte
//! end        2 bytes   an empty last block
//! trailer    8 bytes   CRC-32 and length of the text, little-endian
//! ```
//!
//! As pieces do not depend on each other, the file of a week is made from those of its days without
//! recompressing: the pieces of all days, and a checksum combined from theirs. It is still one member,
//! because browsers stop after the first.

use super::batch::Batch;
use crc32fast::Hasher;
use flate2::{Compress, Compression, FlushCompress};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
const END: [u8; 2] = [3, 0];
const TRAILER: u64 = 8;
/// The level. Higher ones take several times as long for a few percent.
const LEVEL: u32 = 1;

/// Writes one member.
pub(super) struct GzipWriter<W: Write> {
    out: W,
    compress: Compress,
    checksum: Hasher,
    /// Kept for its memory.
    buffer: Vec<u8>,
}

impl<W: Write> GzipWriter<W> {
    pub fn new(mut out: W) -> io::Result<GzipWriter<W>> {
        out.write_all(&HEADER)?;
        let compress = Compress::new(Compression::new(LEVEL), false);
        Ok(GzipWriter { out, compress, checksum: Hasher::new(), buffer: Vec::new() })
    }

    pub fn write(&mut self, batch: &Batch) -> io::Result<()> {
        self.checksum.update(batch.bytes());
        let mut rest = batch.bytes();
        loop {
            self.buffer.clear();
            self.buffer.reserve(256 << 10);
            let before = self.compress.total_in();
            self.compress.compress_vec(rest, &mut self.buffer, FlushCompress::Full)?;
            let read = usize::try_from(self.compress.total_in() - before).unwrap_or(usize::MAX);
            rest = rest.get(read..).unwrap_or_default();
            self.out.write_all(&self.buffer)?;
            // If the buffer is not full, there was nothing more to write.
            if rest.is_empty() && self.buffer.len() < self.buffer.capacity() {
                return Ok(());
            }
        }
    }

    pub fn finish(mut self) -> io::Result<W> {
        write_end(&mut self.out, self.checksum)?;
        Ok(self.out)
    }
}

/// Writes the pieces of several files, each with the length of its text, to one.
pub(super) fn splice(out: &mut impl Write, parts: &mut [(File, u64)]) -> io::Result<()> {
    out.write_all(&HEADER)?;
    let mut checksum = Hasher::new();
    for (file, text) in parts {
        let end = file.metadata()?.len().saturating_sub(TRAILER);
        file.seek(SeekFrom::Start(end))?;
        let mut sum = [0; 4];
        file.read_exact(&mut sum)?;
        let sum = u32::from_le_bytes(sum);
        checksum.combine(&Hasher::new_with_initial_len(sum, *text));
        let start = HEADER.len() as u64;
        file.seek(SeekFrom::Start(start))?;
        let pieces = end.saturating_sub(start + END.len() as u64);
        io::copy(&mut Read::take(&mut *file, pieces), out)?;
    }
    write_end(out, checksum)
}

fn write_end(out: &mut impl Write, checksum: Hasher) -> io::Result<()> {
    out.write_all(&END)?;
    // The length is modulo 2^32, as section 2.3.1 says.
    let length = checksum.total_len() as u32;
    out.write_all(&checksum.finalize().to_le_bytes())?;
    out.write_all(&length.to_le_bytes())
}
