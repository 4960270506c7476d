//! How much the journal takes: in its queue, in a batch, in a segment, and in memory.

use std::time::Duration;

/// Bytes after which a batch is full.
pub(super) const BATCH: usize = 4 << 20;

/// The limits of a journal.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many reports may wait at once.
    pub queue: usize,
    /// Bytes after which a batch is full.
    pub batch: usize,
    /// Bytes after which a segment is sealed.
    pub segment: u64,
    /// How long a report may stay in a segment that is not sealed.
    pub age: Duration,
    /// How many reports are remembered so that none is stored twice, over all days that are still
    /// accepted. Beyond that, reports get 503.
    pub known: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        let age = Duration::from_secs(3600);
        Limits { queue: 1024, batch: BATCH, segment: 64 << 20, age, known: 8 << 20 }
    }
}
