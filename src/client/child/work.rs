//! The day's work itself, in a process of its own or in a thread.

use super::{Schedule, Task};
use crate::client::files;
use crate::client::report::{RunOptions, run_uploads_by};
use crate::client::transport::Transport;
use crate::day::Day;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Does the day's work, unless it was done or another process is doing it. Says whether the day was
/// noted as done.
pub fn work(task: &Task, transport: &dyn Transport) -> bool {
    let (schedule, today) = (Schedule::of(&task.folder), Day::of(task.now));
    let lock = schedule.create_folder().and_then(|()| files::open_shared(&schedule.lock()));
    // Held until the end of this function, or of the process.
    let Ok(lock) = lock else { return false };
    if lock.try_lock().is_err() || schedule.is_done(today) {
        return false;
    }
    let options = RunOptions {
        folder: task.folder.clone(),
        destination: Some(task.destination.clone()),
        now: task.now,
        asked_by_user: false,
    };
    // What went wrong is stored in the folder, for `candor telemetry env`. The day's work counts as done
    // anyway, and is tried again tomorrow.
    let _ = catch_unwind(AssertUnwindSafe(|| run_uploads_by(&options, transport)));
    schedule.done(today).is_ok()
}
