//! How far long work has come, for whoever watches it.

/// Is told how far work has come, often, and from any thread.
pub trait Progress: Sync {
    /// Of this phase, so much is done. When a phase ends, `done` is `total`.
    fn advance(&self, phase: Phase, done: u64, total: u64);
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Reading what was uploaded; counted in bytes.
    Reading,
    /// Writing the files of days; counted in bytes of reports.
    Days,
    /// Writing the files of weeks; counted in weeks.
    Weeks,
    /// Making charts; counted in rows.
    Charts,
    /// Reading the log; counted in entries.
    Entries,
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Progress for Unwatched {
    fn advance(&self, _: Phase, _: u64, _: u64) {}
}
