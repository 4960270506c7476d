//! Keeps the cosignatures of the newest head fresh.
//!
//! Clients refuse a log that no quorum of witnesses has vouched for lately: its operator could be showing
//! them an old one. So a long-running process, a server or a watch, checks now and then whether the
//! published cosignatures are older than `refresh` in `candor.toml`, and asks the witnesses again. Their
//! answers replace what was there by compare-and-swap, each cosignature by a newer one, so several
//! processes can do this at the same time without undoing each other's work.

use super::deployment::DeploymentError;
use super::live::LiveDeployment;
use crate::store::{Key, StoreError};
use crate::tlog::{CHECKPOINT, LogError, Protocol, Published, PublishedError, TreeHead, TreeSize};
use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex, PoisonError};

/// How long to wait after a failure.
const PAUSE: SignedDuration = SignedDuration::from_mins(5);

/// The result of a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshed {
    /// A quorum of witnesses has cosigned this head now.
    Cosigned(TreeHead),
    /// It is not time yet.
    NotDue,
    /// Nothing to do, and why.
    NothingToDo(&'static str),
}

/// Why the head was not cosigned again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// The deployment's folder or key.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    /// The log refused, or too few witnesses cosigned.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is published is damaged.
    #[error("{CHECKPOINT} in the store is damaged: {0}")]
    Published(#[from] PublishedError),
}

/// Checks whether a deployment's newest head has to be cosigned again.
#[derive(Debug)]
pub struct Refresher {
    deployment: LiveDeployment,
    failed: Option<Timestamp>,
    state: RefreshState,
}

/// The results of the last attempts. Cloning is cheap; all clones share one state.
#[derive(Debug, Clone, Default)]
pub struct RefreshState(Arc<Mutex<RefreshCounts>>);

/// The results of the attempts since the process started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefreshCounts {
    /// Why the last one failed, if it did.
    pub problem: Option<String>,
    /// How many succeeded.
    pub done: u64,
    /// How many failed.
    pub failed: u64,
}

impl RefreshState {
    /// The results so far.
    pub fn counts(&self) -> RefreshCounts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records one.
    pub fn note(&self, problem: Option<String>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match problem {
            None => counts.done += 1,
            Some(_) => counts.failed += 1,
        }
        counts.problem = problem;
    }
}

impl Refresher {
    /// A refresher of this deployment.
    pub fn new(deployment: LiveDeployment) -> Refresher {
        Refresher { deployment, failed: None, state: RefreshState::default() }
    }

    /// Lets the next poll go ahead despite an earlier failure: the witnesses have changed.
    pub fn begin_again(&mut self) {
        self.failed = None;
    }

    /// The results of the last attempts.
    pub fn state(&self) -> &RefreshState {
        &self.state
    }

    /// Asks the witnesses if that is due. Otherwise it reads only one pointer.
    pub fn poll(&mut self, now: Timestamp) -> Result<Refreshed, RefreshError> {
        if self.failed.is_some_and(|failed| now.duration_since(failed).abs() < PAUSE) {
            return Ok(Refreshed::NotDue);
        }
        let looked = self.poll_now(now);
        self.failed = looked.is_err().then_some(now);
        match &looked {
            Ok(Refreshed::Cosigned(_)) => self.state.note(None),
            Ok(_) => {}
            Err(error) => self.state.note(Some(error.to_string())),
        }
        looked
    }

    fn poll_now(&self, now: Timestamp) -> Result<Refreshed, RefreshError> {
        let deployment = self.deployment.current();
        let Some(witnesses) = deployment.witnesses() else {
            return Ok(Refreshed::NothingToDo("no witnesses are asked"));
        };
        let bytes = deployment.store.pointer(&Key::new(CHECKPOINT).map_err(StoreError::from)?)?;
        let bytes = bytes.ok_or(LogError::NoLog)?;
        let published = Published::open(&bytes, deployment.verifiers())?;
        if published.head().size == TreeSize::ZERO {
            return Ok(Refreshed::NothingToDo("nothing is published yet"));
        }
        let since =
            now.checked_sub(SignedDuration::try_from(witnesses.refresh).unwrap_or_default());
        let since = since.map_or(0, Timestamp::as_second).try_into().unwrap_or(0_u64);
        if !witnesses.is_due(published.note(Protocol::TlogTiles), now) {
            return Ok(Refreshed::NotDue);
        }
        let log = match deployment.log() {
            // The current signer does it.
            Err(DeploymentError::Identity(_)) => {
                return Ok(Refreshed::NothingToDo("the signer is elsewhere"));
            }
            log => log?,
        };
        Ok(Refreshed::Cosigned(log.refresh(since.max(1))?))
    }
}
