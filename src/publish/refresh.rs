//! Having the newest head cosigned again, though it has not changed.
//!
//! Clients refuse a log that no quorum of witnesses has vouched for lately: an operator could go on
//! showing them an old one. So whoever runs for long, a server or a watch, looks now and then whether
//! the cosignatures of what is published are older than `refresh` of `candor.toml` says, and asks the
//! witnesses again. What they answer replaces what was there by compare-and-swap, each cosignature by a
//! newer one, so of several who look at the same time none undoes what another has done.

use super::deployment::DeploymentError;
use super::live::LiveDeployment;
use crate::store::{Key, StoreError};
use crate::tlog::{CHECKPOINT, Face, LogError, Published, PublishedError, TreeHead, TreeSize};
use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex, PoisonError};

/// How long to wait after a failure.
const PAUSE: SignedDuration = SignedDuration::from_mins(5);

/// What came of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshed {
    /// A quorum of witnesses has cosigned this head now.
    Cosigned(TreeHead),
    /// It is not time yet.
    NotDue,
    /// Nothing, and why.
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

/// Looks whether a deployment's newest head has to be cosigned again.
#[derive(Debug)]
pub struct Refresher {
    deployment: LiveDeployment,
    failed: Option<Timestamp>,
    state: RefreshState,
}

/// What came of the last attempts. Cloning is cheap; all clones are the same.
#[derive(Debug, Clone, Default)]
pub struct RefreshState(Arc<Mutex<RefreshCounts>>);

/// What came of the attempts since the process began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefreshCounts {
    /// Why the last one failed, if it did.
    pub problem: Option<String>,
    /// How many did not.
    pub done: u64,
    /// How many did.
    pub failed: u64,
}

impl RefreshState {
    /// What came of them.
    pub fn counts(&self) -> RefreshCounts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes one.
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
    /// Of this deployment.
    pub fn new(deployment: LiveDeployment) -> Refresher {
        Refresher { deployment, failed: None, state: RefreshState::default() }
    }

    /// The next look does not wait for what failed before: the witnesses are others now.
    pub fn begin_again(&mut self) {
        self.failed = None;
    }

    /// What came of the last attempts.
    pub fn state(&self) -> &RefreshState {
        &self.state
    }

    /// Looks, and asks the witnesses where that is due. Reads one pointer where it is not.
    pub fn look(&mut self, now: Timestamp) -> Result<Refreshed, RefreshError> {
        if self.failed.is_some_and(|failed| now.duration_since(failed).abs() < PAUSE) {
            return Ok(Refreshed::NotDue);
        }
        let looked = self.look_now(now);
        self.failed = looked.is_err().then_some(now);
        match &looked {
            Ok(Refreshed::Cosigned(_)) => self.state.note(None),
            Ok(_) => {}
            Err(error) => self.state.note(Some(error.to_string())),
        }
        looked
    }

    fn look_now(&self, now: Timestamp) -> Result<Refreshed, RefreshError> {
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
        if !witnesses.is_due(published.note(Face::Log), now) {
            return Ok(Refreshed::NotDue);
        }
        let log = match deployment.log() {
            // Whoever is the signer now does it.
            Err(DeploymentError::Identity(_)) => {
                return Ok(Refreshed::NothingToDo("the signer is elsewhere"));
            }
            log => log?,
        };
        Ok(Refreshed::Cosigned(log.refresh(since.max(1))?))
    }
}
