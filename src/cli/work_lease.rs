//! On a store that several machines share, one of them at a time merges and charts.

use super::{Failure, Output};
use crate::event::Event;
use crate::publish::Deployment;
use crate::store::lease::Lease;
use crate::store::{Key, StoreError};
use std::time::Duration;

/// The name of the pointer.
const NAME: &str = "leases/merge";
/// How long to wait for another machine's work. One that has died is not waited for so long.
pub(super) const WAIT: Duration = Duration::from_secs(600);

/// The right to merge and chart, while it is held.
#[derive(Debug)]
pub(super) struct WorkLease {
    _lease: Option<Lease>,
}

impl WorkLease {
    /// Takes it, and waits while another machine has it. The only machine of a store needs none.
    pub(super) fn take(deployment: &Deployment, out: Output) -> Result<WorkLease, Failure> {
        let never = Event::new();
        if let Some(taken) = WorkLease::try_take(deployment, Duration::ZERO, &never)? {
            return Ok(taken);
        }
        out.say("another machine is merging or charting; waiting until it is done");
        let taken = WorkLease::try_take(deployment, WAIT, &never)?;
        taken.ok_or_else(|| {
            let minutes = WAIT.as_secs() / 60;
            Failure::new(format!(
                "another machine has been merging or charting for {minutes} minutes, as {NAME} in the store says; \
                 run the command again when it is done"
            ))
        })
    }

    /// Takes it, and waits no longer than this, or until `stop` is set.
    pub(super) fn try_take(
        deployment: &Deployment,
        wait: Duration,
        stop: &Event,
    ) -> Result<Option<WorkLease>, StoreError> {
        if !deployment.is_shared() {
            return Ok(Some(WorkLease { _lease: None }));
        }
        let lease = Lease::take(&deployment.store, &Key::new(NAME)?, wait, stop)?;
        Ok(lease.map(|lease| WorkLease { _lease: Some(lease) }))
    }
}
