//! Reports the progress of long work.

/// Receives progress, often, and from any thread.
pub trait Progress: Sync {
    /// `done` of `total` in this phase are done. At the end of a phase they are equal.
    fn advance(&self, phase: Phase, done: u64, total: u64);
}

/// A phase of work.
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
    /// Checking public data; counted in datasets, of days and weeks.
    Files,
    /// Making the reports of a simulated population, and sending them.
    Reports,
}

/// Ignores progress.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Progress for Unwatched {
    fn advance(&self, _: Phase, _: u64, _: u64) {}
}
