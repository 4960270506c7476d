//! A server's limits, and how they follow from those of the operating system.
//!
//! Each connection takes a file descriptor, and a reader of public data one more for the file.
//! [`RESERVED`] are for the store, the journal, git and the logs. If the process gets fewer than
//! [`NEEDED`], even after the soft limit was raised to the hard one, all budgets shrink proportionally.

use super::connections::Budget;
use crate::body::BodyLimits;
use std::time::Duration;

/// The most concurrent uploads.
const UPLOADS: usize = 1024;
/// The most concurrent readers.
const READERS: usize = 2048;
/// Connections that may be idle while all others are busy.
const IDLE: usize = 1024;
/// Descriptors for everything but connections.
const RESERVED: usize = 256;
/// Descriptors for all of this.
const NEEDED: usize = RESERVED + UPLOADS + 2 * READERS + IDLE;

/// How long a client may take to send the head of a request, including the idle time before it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection may be used for further requests.
const LIFETIME: Duration = Duration::from_secs(600);
/// How long the last answer may take after that.
const LAST_ANSWER: Duration = Duration::from_secs(3600);
/// How long connections may take to finish when the server stops.
const GRACE: Duration = Duration::from_secs(10);
/// How long a client may take to receive an answer, in addition to the time for its bytes.
const RECEIVING: Duration = Duration::from_secs(30);
/// The slowest acceptable rate of receiving, in bytes a second: as slow as an upload may be.
const RECEIVED_RATE: u32 = 512;
/// Bytes of answers in memory that clients have not received.
const UNRECEIVED: u64 = 128 << 20;

/// The limits of a server; tests make them smaller.
#[derive(Debug, Clone, Copy)]
pub(in crate::web) struct Limits {
    pub(in crate::web) budget: Budget,
    pub(in crate::web) head: Duration,
    pub(in crate::web) lifetime: Duration,
    pub(in crate::web) last_answer: Duration,
    pub(in crate::web) grace: Duration,
    pub(in crate::web) receiving: Duration,
    pub(in crate::web) received_rate: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Plan::of(NEEDED).limits()
    }
}

impl Limits {
    /// For a listener for operators, whose few connections come out of the reserve.
    pub(in crate::web) fn for_operators() -> Limits {
        let limits = Limits::default();
        let budget = Budget { connections: 32, readers: 16, ..limits.budget };
        Limits { budget, ..limits }
    }
}

/// How many connections of each kind there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) struct Plan {
    uploads: usize,
    readers: usize,
    idle: usize,
}

impl Plan {
    /// For this process, after raising its soft limit of descriptors to the hard one.
    pub(in crate::web) fn for_this_process() -> Plan {
        Plan::of(descriptors())
    }

    /// For a process with this many descriptors.
    fn of(descriptors: usize) -> Plan {
        let free = descriptors - RESERVED.min(descriptors / 4);
        let share = |wanted: usize| {
            let needed = NEEDED - RESERVED;
            (wanted * free.min(needed) / needed).max(4)
        };
        Plan { uploads: share(UPLOADS), readers: share(READERS), idle: share(IDLE) }
    }

    /// The limits of connections.
    pub(in crate::web) fn limits(self) -> Limits {
        let budget = Budget {
            connections: self.uploads + self.readers + self.idle,
            readers: self.readers,
            unreceived: UNRECEIVED,
        };
        Limits {
            budget,
            head: HEAD_TIMEOUT,
            lifetime: LIFETIME,
            last_answer: LAST_ANSWER,
            grace: GRACE,
            receiving: RECEIVING,
            received_rate: RECEIVED_RATE,
        }
    }

    /// The limits of uploads.
    pub(in crate::web) fn bodies(self) -> BodyLimits {
        BodyLimits { at_once: self.uploads, ..BodyLimits::default() }
    }
}

/// How many descriptors this process may have, after its soft limit was raised as far as it can be.
#[cfg(unix)]
fn descriptors() -> usize {
    use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
    // Some systems report no limit, but refuse one that high.
    const ENOUGH: u64 = 1 << 16;
    let (mut limit, maximum) = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok(limits) => limits,
        Err(error) => {
            tracing::warn!(%error, "cannot read the limit of open files");
            return NEEDED;
        }
    };
    let wanted = if maximum == RLIM_INFINITY { ENOUGH } else { maximum };
    if limit < wanted {
        match setrlimit(Resource::RLIMIT_NOFILE, wanted, maximum) {
            Ok(()) => limit = wanted,
            Err(error) => tracing::warn!(%error, "cannot raise the limit of open files"),
        }
    }
    if limit < NEEDED as u64 {
        tracing::warn!(
            "this process may have {limit} files open: fewer connections are served at once than \
             with {NEEDED} (`ulimit -n`, or LimitNOFILE= of a systemd unit)"
        );
    }
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Other systems have no such limit.
#[cfg(not(unix))]
fn descriptors() -> usize {
    NEEDED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_fit_the_available_descriptors() {
        let full = Plan { uploads: UPLOADS, readers: READERS, idle: IDLE };
        assert_eq!(Plan::of(NEEDED), full);
        assert_eq!(Plan::of(usize::MAX), full);
        for descriptors in [64, 256, 1024, 4096, NEEDED - 1] {
            let Plan { uploads, readers, idle } = Plan::of(descriptors);
            let taken = uploads + 2 * readers + idle;
            assert!(taken <= descriptors - descriptors.min(1024) / 4, "{descriptors}: {taken}");
            assert!(taken * 2 > descriptors, "{descriptors}: {taken}");
        }
    }
}
