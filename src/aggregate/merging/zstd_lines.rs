//! Newline-delimited JSON, compressed with Zstandard ([RFC
//! 8878](https://www.rfc-editor.org/rfc/rfc8878)).
//!
//! A day is one frame with a checksum. A week is the concatenated frames of its days, which every
//! decoder reads as one text (section 3: "Zstandard compressed data is made up of one or more frames").

use super::batch::Batch;
use std::fs::File;
use std::io::{self, BufReader, Write};

/// The level. Higher ones take several times as long for a few percent.
const LEVEL: i32 = 1;

/// Writes one frame.
pub(super) struct ZstdWriter<W: Write>(zstd::Encoder<'static, W>);

impl<W: Write> ZstdWriter<W> {
    pub fn new(out: W) -> io::Result<ZstdWriter<W>> {
        let mut encoder = zstd::Encoder::new(out, LEVEL)?;
        encoder.include_checksum(true)?;
        Ok(ZstdWriter(encoder))
    }

    pub fn write(&mut self, batch: &Batch) -> io::Result<()> {
        self.0.write_all(batch.bytes())
    }

    pub fn finish(self) -> io::Result<W> {
        self.0.finish()
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
