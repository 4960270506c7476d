//! How much the journal takes: in its queue, in a batch, in a segment, and in memory.

use std::time::Duration;

/// How much a journal takes at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Reports that wait at one time.
    pub queue: usize,
    /// Bytes after which a batch takes no further report.
    pub batch: usize,
    /// Bytes after which a segment is sealed.
    pub segment: u64,
    /// How long a report may lie in a segment that is not sealed.
    pub age: Duration,
    /// Reports that are known at most, so that they are not stored twice: of all days that are still
    /// taken together. A further one is not stored, and its sender asked to come again.
    pub known: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        let age = Duration::from_secs(3600);
        Limits { queue: 1024, batch: 4 << 20, segment: 64 << 20, age, known: 8 << 20 }
    }
}
