//! What a server does when the cosignatures of the newest head grow old, or other witnesses are asked
//! for than before: it has witnesses cosign it again.
//!
//! On a thread of its own, which may be killed at any moment, and beside what is done every day, which
//! may take long. It also looks whether `candor.toml` has changed, which costs a small file.

use crate::event::Event;
use crate::publish::{LiveDeployment, Refreshed, Refresher};
use crate::web::Site;
use jiff::Timestamp;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

/// How often the settings are looked at.
const SETTINGS: Duration = Duration::from_secs(1);
/// How many of these looks it takes until the clock is looked at. A wait of hours would be wrong after the
/// machine slept.
const CLOCK: u32 = 30;

/// Begins to look, until `stop` happens. A server that may not write has no `refresher`.
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
            tracing::error!("having the log cosigned again failed by a panic; it is tried again");
            refresher.state().note(Some("it failed by a panic".to_owned()));
        }
    }
}
