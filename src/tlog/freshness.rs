//! How old a view of a log is, according to its witnesses.
//!
//! A server, or a cache in front of it, can go on serving an old tree head forever: its signature stays
//! valid. What it cannot make is a new cosignature, and a cosignature says when its witness saw the tree
//! as the log's largest. So a view is as old as the newest time that a quorum of the policy's witnesses
//! vouch for ([`AcceptedCheckpoint::fresh_at`]), and readers refuse what is older than their limit.
//!
//! Without witnesses nobody vouches for a time, so freshness is unknown: that is [`Freshness::Unknown`],
//! not an error.
//!
//! A time in the future means either that our clock is behind, so that ages would come out too small, or
//! that witnesses signed a future time, which would count as fresh for too long. We cannot tell which:
//! beyond [`AHEAD`] it is refused, and the message names both.

use super::AcceptedCheckpoint;
use std::time::Duration;

const DAY: u64 = 24 * 60 * 60;

/// How old a view may be by default: a week. Publishers have unchanged heads cosigned again far more
/// often.
pub const FRESH_FOR: Duration = Duration::from_secs(7 * DAY);

/// How far in the future a cosignature may be: a day. That allows for a clock that takes local time for
/// UTC; the price is that a view may be a day older than the limit.
pub const AHEAD: Duration = Duration::from_secs(DAY);

/// What is known about the age of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Nobody vouches for a time: the policy asks for no witness, or they give no times.
    Unknown,
    /// A quorum of witnesses said at this time, or later, that the tree was the log's largest: seconds
    /// since 1970.
    At(u64),
}

/// Why a view is not accepted as the log's current state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotFresh {
    /// It is too old.
    #[error(
        "the newest head that its witnesses vouch for is {} old, and at most {} is accepted: the \
         server, or a cache, may be keeping you on an old config; try again later, and ask the \
         log's operator if this persists",
        days(.now.saturating_sub(*.fresh_at)), days(.limit.as_secs())
    )]
    Stale {
        /// When witnesses vouched for it last.
        fresh_at: u64,
        /// The time here.
        now: u64,
        /// The oldest that is accepted.
        limit: Duration,
    },
    /// It is from the future: our clock is behind, or the witnesses' clocks are ahead.
    #[error(
        "its witnesses vouch for it at a time that is {} ahead of this machine's clock, so how \
         old it is cannot be known. Either this clock is wrong: set it, and try again; or the \
         witnesses signed a time in the future: then do not use it, and tell them and the log's \
         operator",
        days(.fresh_at.saturating_sub(*.now))
    )]
    Clock {
        /// When witnesses vouched for it last.
        fresh_at: u64,
        /// The time here.
        now: u64,
    },
}

impl AcceptedCheckpoint {
    /// How fresh the checkpoint is at this time (seconds since 1970), if it is not older than `limit`.
    ///
    /// # Errors
    ///
    /// It is older, or from the future.
    pub fn freshness(&self, now: u64, limit: Duration) -> Result<Freshness, NotFresh> {
        self.not_from_the_future(now)?;
        let Some(fresh_at) = self.fresh_at else { return Ok(Freshness::Unknown) };
        if now.saturating_sub(fresh_at) > limit.as_secs() {
            return Err(NotFresh::Stale { fresh_at, now, limit });
        }
        Ok(Freshness::At(fresh_at))
    }

    /// Refuses a time that is further ahead of `now` (seconds since 1970) than [`AHEAD`]; a checkpoint of
    /// any age passes.
    ///
    /// # Errors
    ///
    /// It is from the future.
    pub fn not_from_the_future(&self, now: u64) -> Result<(), NotFresh> {
        match self.fresh_at {
            Some(fresh_at) if fresh_at > now.saturating_add(AHEAD.as_secs()) => {
                Err(NotFresh::Clock { fresh_at, now })
            }
            _ => Ok(()),
        }
    }
}

/// A length of time in the words of a message.
fn days(seconds: u64) -> String {
    let (days, hours) = (seconds / DAY, seconds / 3600);
    match (days, hours) {
        (0, 0) => "less than an hour".to_owned(),
        (0, 1) => "1 hour".to_owned(),
        (0, hours) => format!("{hours} hours"),
        (1, _) => "1 day".to_owned(),
        (days, _) => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::{Checkpoint, KeyName, Origin, Seed, TreeHead, TreeSize};

    fn believed(fresh_at: Option<u64>) -> AcceptedCheckpoint {
        let size = TreeSize::new(3).expect("a size");
        let head = TreeHead { size, root: crate::tlog::leaf_hash(b"root") };
        let name = KeyName::new("example.com/log").expect("a name");
        AcceptedCheckpoint {
            checkpoint: Checkpoint::new(Origin::new("example.com/log").expect("an origin"), head),
            log: Seed::from([1; 32]).signer(name).verifier_key().clone(),
            cosigned: Default::default(),
            fresh_at,
        }
    }

    #[test]
    fn a_view_is_as_old_as_its_witnesses_say() {
        let now = 1_800_000_000;
        let at = |fresh_at| believed(Some(fresh_at)).freshness(now, FRESH_FOR);
        for fresh in [now, now - 7 * DAY, now + DAY] {
            assert_eq!(at(fresh), Ok(Freshness::At(fresh)));
        }
        let limit = FRESH_FOR;
        for fresh_at in [0, now - 7 * DAY - 1] {
            assert_eq!(at(fresh_at), Err(NotFresh::Stale { fresh_at, now, limit }));
        }
        for fresh_at in [now + DAY + 1, u64::MAX] {
            assert_eq!(at(fresh_at), Err(NotFresh::Clock { fresh_at, now }));
        }
        let refused = at(now + 1000 * DAY).expect_err("from the future").to_string();
        assert!(refused.contains("1000 days ahead of this machine's clock"), "{refused}");
        assert!(refused.contains("Either this clock is wrong"), "{refused}");
        assert!(refused.contains("or the witnesses signed a time in the future"), "{refused}");
        let refused = at(now - 9 * DAY).expect_err("too old").to_string();
        assert!(refused.contains("is 9 days old, and at most 7 days is accepted"), "{refused}");
        assert_eq!(believed(None).freshness(now, Duration::ZERO), Ok(Freshness::Unknown));
    }
}
