//! Having witnesses cosign the newest head again, when its cosignatures grow old or other witnesses are
//! configured.
//!
//! This runs on a thread of its own, which may be killed at any moment, apart from the daily work, which
//! may take long. It also checks whether `candor.toml` has changed, by reading that small file.

use crate::event::Event;
use crate::publish::{LiveDeployment, Refreshed, Refresher};
use crate::web::Site;
use jiff::Timestamp;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

/// How often the settings are read.
const SETTINGS: Duration = Duration::from_secs(1);
/// After how many of these the clock is checked. A wait of hours would be wrong after the machine slept.
const CLOCK: u32 = 30;

/// Starts the thread, which runs until `stop` is set. A server that may not write has no `refresher`.
pub(super) fn begin(
    deployment: LiveDeployment,
    mut refresher: Option<Refresher>,
    site: Site,
    stop: Event,
) {
    thread::spawn(move || {
        for number in 0_u32.. {
            let changed = deployment.reload();
            if changed {
                tracing::warn!("candor.toml has changed: its witnesses are in force from now on");
                site.set_policy(&deployment.current().policy());
                refresher.iter_mut().for_each(Refresher::begin_again);
            }
            if changed || number.is_multiple_of(CLOCK) {
                refresher.iter_mut().for_each(look);
            }
            if stop.wait(SETTINGS) {
                return;
            }
        }
    });
}

fn look(refresher: &mut Refresher) {
    let looked = catch_unwind(AssertUnwindSafe(|| refresher.poll(Timestamp::now())));
    match looked {
        Ok(Ok(Refreshed::Cosigned(head))) => {
            tracing::info!(size = head.size.get(), "witnesses have cosigned the log again");
        }
        Ok(Ok(Refreshed::NotDue | Refreshed::NothingToDo(_))) => {}
        Ok(Err(error)) => tracing::error!("the log is not cosigned again: {error}"),
        Err(_) => {
            tracing::error!("having the log cosigned again panicked; it is retried");
            refresher.state().note(Some("it panicked".to_owned()));
        }
    }
}
