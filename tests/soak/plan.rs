//! The schedule: a quiet time first, then one life of the server after the other, each with its own
//! floods and ended by SIGKILL.

use std::time::Duration;

/// Honest uploads a second.
pub const UPLOADS_PER_SECOND: u64 = 25;
/// Honest requests for pages and files a second.
pub const READS_PER_SECOND: u64 = 25;
/// Reports that are stored before anything is measured, so that there is something to read.
pub const FIRST_REPORTS: u64 = 3_000;
/// How long the server lives until it is killed.
pub const LIFE: Duration = Duration::from_secs(60);
/// How long floods grow. From then on memory and files must be flat.
pub const RISE: Duration = Duration::from_secs(20);
/// How long the server is watched after the last flood at least; and at most, which is how long
/// senders may take until the last report is taken.
pub const SETTLE: [Duration; 2] = [Duration::from_secs(15), Duration::from_secs(120)];

/// A kind of hostile client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flood {
    /// Uploads that never end; every second one sends a byte now and then.
    UnfinishedUploads,
    /// Idle connections; every second one made a request first.
    IdleConnections,
    /// Readers who ask for many large files and read nothing.
    NeverReading,
    /// Bytes that are not HTTP, not a request or not a report.
    Garbage,
}

/// What happens between the server's start and its end.
#[derive(Debug)]
pub struct Life {
    pub name: &'static str,
    /// The floods, and how many connections each holds.
    pub floods: &'static [(Flood, usize)],
    /// When the disk is full, from the start of the life on. The end may lie in the next life.
    pub full_disk: Option<(Duration, Duration)>,
}

/// Only honest clients.
pub const QUIET: Life = Life { name: "quiet", floods: &[], full_disk: None };
/// After the last kill: the server comes back, and senders finish.
pub const LAST: Life = Life { name: "afterwards", floods: &[], full_disk: None };

/// The lives, which are repeated in this order.
pub const LIVES: [Life; 4] = [
    Life {
        name: "unfinished uploads",
        floods: &[(Flood::UnfinishedUploads, 1_500)],
        full_disk: None,
    },
    Life { name: "idle connections", floods: &[(Flood::IdleConnections, 4_500)], full_disk: None },
    Life {
        name: "never-reading readers, garbage, a full disk",
        floods: &[(Flood::NeverReading, 1_000), (Flood::Garbage, 40)],
        full_disk: Some((Duration::from_secs(20), Duration::from_secs(35))),
    },
    Life {
        name: "all of these, killed with a full disk",
        floods: &[
            (Flood::UnfinishedUploads, 1_500),
            (Flood::IdleConnections, 4_500),
            (Flood::NeverReading, 500),
            (Flood::Garbage, 40),
        ],
        full_disk: Some((Duration::from_secs(50), Duration::from_secs(70))),
    },
];

/// The most connections that hostile clients hold at once.
pub fn most_connections() -> usize {
    let of = |life: &Life| life.floods.iter().map(|(_, count)| count).sum();
    LIVES.iter().map(of).max().unwrap_or(0)
}

/// The quiet time of a soak of so many minutes, and its number of lives.
pub fn divide(minutes: u32) -> (Duration, u32) {
    match minutes {
        0..30 => (Duration::from_secs(40), minutes.saturating_sub(1).max(1)),
        _ => (Duration::from_secs(300), minutes - 5),
    }
}
