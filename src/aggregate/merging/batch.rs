//! Batches of lines for the writers of all formats.

use std::ops::Range;
use std::sync::Arc;

/// A batch is full when it has this many bytes. Writers divide their output at the ends of batches, so
/// with another size the same reports would give other files.
const FULL: usize = 1 << 20;

/// Lines with their line ends, shared by all writers.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// Where each line ends, its line end included.
    ends: Vec<usize>,
}

impl Batch {
    /// Adds a line, given without its end.
    pub fn push(&mut self, line: &[u8]) {
        if self.bytes.is_empty() {
            self.bytes.reserve(FULL + (64 << 10));
        }
        self.bytes.extend_from_slice(line);
        self.bytes.push(b'\n');
        self.ends.push(self.bytes.len());
    }

    /// Whether it must go to the writers before another line is added.
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= FULL
    }

    /// Whether it has no line.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// All lines with their ends.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The lines, without their ends.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let line: Range<usize> = start..end.saturating_sub(1);
            start = *end;
            self.bytes.get(line).unwrap_or_default()
        })
    }

    /// Takes the lines, to be shared.
    pub fn take(&mut self) -> Arc<Batch> {
        Arc::new(std::mem::take(self))
    }
}
