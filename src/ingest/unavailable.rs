//! Why a report cannot be accepted now, though it may be later: always one plain sentence, always
//! status 503 with `Retry-After`.
//!
//! Whatever time may fix is here, and never a [`Refusal`](super::Refusal): a client keeps a report that
//! is answered with 503, and throws away one that is refused.

use super::clock::ClockState;
use super::refusal::Timed;
use crate::day::Day;
use crate::gomod::ModuleVersion;
use jiff::SignedDuration;

/// Why a report cannot be accepted now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// Stored reports are still being read, or the reports folder cannot be used.
    #[error("no reports are accepted at the moment; send it again later")]
    NotOpen,
    /// The queue is full.
    #[error("the queue of reports is full; send it again later")]
    QueueFull,
    /// The body took too long.
    #[error("the report took too long to arrive; send it again later")]
    Slow,
    /// The body did not arrive whole.
    #[error("the report ended before all of it was sent; send it again")]
    Unfinished,
    /// The disk or the store refused; the server's log says why.
    #[error("the report cannot be stored now; send it again later")]
    NotStored,
    /// The disk has too little free space; the server's log says how much.
    #[error("the server's disk is nearly full; send the report again later")]
    DiskReserve,
    /// The day's budget is spent.
    #[error("today's budget of reports is spent; send it again tomorrow")]
    DaySpent,
    /// The budget of the sender's network is spent.
    #[error("your network's budget of reports is spent; send it again tomorrow")]
    NetworkSpent,
    /// The transparency log or a config in it cannot be read; the server's log says why.
    #[error("config {version} cannot be read now; send the report again later")]
    Unreadable {
        /// The version that the report names.
        version: ModuleVersion,
    },
    /// The client knows a newer config than this server.
    #[error("config {version} is not known here yet; send the report again later")]
    NewerConfig {
        /// The version that the report names.
        version: ModuleVersion,
    },
    /// The week ends soon: the client's clock is ahead.
    #[error("the week {week} has not ended yet; send the report again when it has")]
    NotEnded {
        /// The report's week.
        week: Day,
        /// How long until then.
        wait: SignedDuration,
    },
    /// The report would be refused for its date, but this server's clock may be wrong.
    #[error("whether {of} is uncertain here: {clock}")]
    Clock {
        /// What it would be refused for.
        of: Timed,
        /// What is wrong with the clock.
        clock: ClockState,
    },
}

impl Unavailable {
    /// After how many seconds the client should try again.
    pub fn retry_after(&self) -> u32 {
        const MINUTE: u32 = 60;
        match self {
            Unavailable::NotEnded { wait, .. } => {
                u32::try_from(wait.as_secs()).unwrap_or(MINUTE).max(MINUTE)
            }
            // None of these is over in a minute.
            Unavailable::Clock { .. }
            | Unavailable::DiskReserve
            | Unavailable::DaySpent
            | Unavailable::NetworkSpent => 60 * MINUTE,
            _ => MINUTE,
        }
    }
}
