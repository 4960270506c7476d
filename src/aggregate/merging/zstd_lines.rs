//! Newline-delimited JSON, compressed with Zstandard ([RFC
//! 8878](https://www.rfc-editor.org/rfc/rfc8878)).
//!
//! Each batch is a frame with its length and a checksum, so that it is compressed at once, without another copy of
//! it. Every decoder reads frames one after the other as one text (section 3: "Zstandard compressed data is made up
//! of one or more frames"); so a week is the concatenated frames of its days.

use super::batch::Batch;
use std::fs::File;
use std::io::{self, BufReader, Write};
use zstd::bulk::Compressor;
use zstd::zstd_safe::{CParameter, compress_bound};

/// The level. Higher ones take several times as long for a few percent.
const LEVEL: i32 = 1;

/// Writes a frame for each batch.
pub(super) struct ZstdWriter<W: Write> {
    out: W,
    compressor: Compressor<'static>,
    /// Kept for its memory.
    buffer: Vec<u8>,
    is_empty: bool,
}

impl<W: Write> ZstdWriter<W> {
    pub fn new(out: W) -> io::Result<ZstdWriter<W>> {
        let mut compressor = Compressor::new(LEVEL)?;
        compressor.set_parameter(CParameter::ChecksumFlag(true))?;
        Ok(ZstdWriter { out, compressor, buffer: Vec::new(), is_empty: true })
    }

    pub fn write(&mut self, batch: &Batch) -> io::Result<()> {
        match batch.is_empty() {
            true => Ok(()),
            false => self.write_frame(batch.bytes()),
        }
    }

    fn write_frame(&mut self, text: &[u8]) -> io::Result<()> {
        self.is_empty = false;
        self.buffer.clear();
        self.buffer.reserve(compress_bound(text.len()));
        self.compressor.compress_to_buffer(text, &mut self.buffer)?;
        self.out.write_all(&self.buffer)
    }

    /// Finishes. Without lines there is one empty frame, since decoders refuse a file without any.
    pub fn finish(mut self) -> io::Result<W> {
        if self.is_empty {
            self.write_frame(&[])?;
        }
        Ok(self.out)
    }
}

/// Reads the lines of all frames.
pub(super) fn decode(file: File) -> io::Result<BufReader<zstd::Decoder<'static, BufReader<File>>>> {
    Ok(BufReader::with_capacity(128 << 10, zstd::Decoder::new(file)?))
}

/// Writes the frames of several files to one.
pub(super) fn splice(out: &mut impl Write, parts: &mut [File]) -> io::Result<()> {
    parts.iter_mut().try_for_each(|part| io::copy(part, out).map(drop))
}
