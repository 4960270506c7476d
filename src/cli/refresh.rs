//! What a server does when the cosignatures of the newest head grow old: it has witnesses cosign it
//! again.
//!
//! On a thread of its own, which may be killed at any moment, and beside what is done every day, which
//! may take long.

use crate::event::Event;
use crate::publish::{Deployment, RefreshState, Refreshed, Refresher};
use jiff::Timestamp;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

/// How often the clock is looked at. A wait of hours would be wrong after the machine slept.
const LOOK: Duration = Duration::from_secs(30);

/// Begins to look, until `stop` happens. Returns what comes of it.
pub(super) fn begin(deployment: Deployment, stop: Event) -> RefreshState {
    let mut refresher = Refresher::new(deployment);
    let state = refresher.state().clone();
    thread::spawn(move || {
        loop {
            look(&mut refresher);
            if stop.wait(LOOK) {
                return;
            }
        }
    });
    state
}

fn look(refresher: &mut Refresher) {
    let looked = catch_unwind(AssertUnwindSafe(|| refresher.look(Timestamp::now())));
    match looked {
        Ok(Ok(Refreshed::Cosigned(head))) => {
            tracing::info!(size = head.size.get(), "witnesses have cosigned the log again");
        }
        Ok(Ok(Refreshed::NotDue | Refreshed::NothingToDo(_))) => {}
        Ok(Err(error)) => tracing::error!("the log is not cosigned again: {error}"),
        Err(_) => {
            tracing::error!("having the log cosigned again failed by a panic; it is tried again");
            refresher.state().note(Some("it failed by a panic".to_owned()));
        }
    }
}
