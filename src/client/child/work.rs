//! The day's work itself: as a process that does nothing else, or in a thread.

use super::{Marks, Order};
use crate::client::day::Day;
use crate::client::files;
use crate::client::report::{RunOptions, run_uploads};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Does the work of the day, unless it was done or another process is at it. Says whether the day
/// was noted as done.
pub fn work(order: &Order) -> bool {
    let (marks, today) = (Marks::of(&order.folder), Day::of(order.now));
    let lock = marks.create_folder().and_then(|()| files::open_shared(&marks.lock()));
    // Held until the end of this function, or of the process.
    let Ok(lock) = lock else { return false };
    if lock.try_lock().is_err() || marks.is_done(today) {
        return false;
    }
    let options = RunOptions {
        folder: order.folder.clone(),
        destination: Some(order.destination.clone()),
        now: order.now,
        asked_by_user: false,
    };
    // What went wrong is in the folder, for `candor telemetry env`. That is the day's work, too:
    // whatever it was, it is tried again tomorrow.
    let _ = catch_unwind(AssertUnwindSafe(|| run_uploads(&options)));
    marks.done(today).is_ok()
}
