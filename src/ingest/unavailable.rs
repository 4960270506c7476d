//! Why a report cannot be taken now, though it may be later: always one plain sentence, always the
//! status 503 with `Retry-After`.
//!
//! Whatever time may cure is here, and never a [`Refusal`](super::Refusal): a client keeps what is
//! answered with 503, and throws away what is refused.

use super::clock::ClockState;
use super::refusal::Timed;
use crate::gomod::ModuleVersion;
use jiff::SignedDuration;
use jiff::civil::Date;

/// Why a report cannot be taken now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// What was stored before is still being read, or the reports folder cannot be used.
    #[error("no reports are taken at the moment; send it again later")]
    NotOpen,
    /// As many reports wait as can.
    #[error("as many reports wait as can; send it again later")]
    QueueFull,
    /// The body took too long.
    #[error("the report took too long to arrive; send it again later")]
    Slow,
    /// The body did not arrive whole.
    #[error("the report ended before all of it was sent; send it again")]
    Unfinished,
    /// The disk refused, as the log says.
    #[error("the report cannot be stored now; send it again later")]
    NotStored,
    /// The disk has too little free space, as the log says.
    #[error("the server's disk is nearly full; send the report again later")]
    DiskReserve,
    /// As many reports as a day has room for were stored.
    #[error("as many reports as are taken in a day were; send it again tomorrow")]
    DaySpent,
    /// As many reports as one network may send in a while were looked at.
    #[error("as many reports as are taken from one network were; send it again tomorrow")]
    NetworkSpent,
    /// The log or a config in it cannot be read, as the log says.
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
    /// The week will have ended soon: a client's clock is ahead.
    #[error("the week {week} has not ended yet; send the report again when it has")]
    NotEnded {
        /// The report's week.
        week: Date,
        /// How long until then.
        wait: SignedDuration,
    },
    /// The report would be refused for its time, but this server's clock may be wrong.
    #[error("whether {of} is not certain here: {clock}")]
    Clock {
        /// What it would be refused for.
        of: Timed,
        /// What is the matter with the clock.
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
            // A clock is not set by itself.
            // Nor does a disk or a budget get room in a minute.
            Unavailable::Clock { .. }
            | Unavailable::DiskReserve
            | Unavailable::DaySpent
            | Unavailable::NetworkSpent => 60 * MINUTE,
            _ => MINUTE,
        }
    }
}
