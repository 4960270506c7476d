//! The day's work, done by a child: a detached process of the same executable, so that even a program
//! that runs for milliseconds gets its reports sent, and no program waits for the network.
//!
//! # Who starts whom
//!
//! ```text
//! host ──────── start: due? note the attempt ── spawn ── reap ── goes on
//!                                                 │        ▲
//! launcher                                        └ spawn ─┴ ends
//!                                                     │
//! worker                                              └ new session, lock, the day's work, done
//! ```
//!
//! All three run the same `main`, and in it [`start`](super::start()), which never returns in launcher
//! and worker. They are told their role by an argument *and* an environment variable ([`Task`]): one
//! alone, inherited or typed by accident, does not make a process a child.
//!
//! - **No zombie.** The host waits for the launcher, which ends at once; the worker is then not the
//!   host's child. A launcher that takes unusually long is waited for by a thread.
//! - **Nothing is kept open.** The worker has no terminal, pipe or file of the host: it has a session
//!   of its own, `/dev/null` as its standard streams, `/` as its working directory, and closes every
//!   descriptor that it inherited. `host | cat` ends when the host does.
//! - **A chosen environment.** Only what [`Task::environment`] lists is passed on.
//! - **Once a day.** The worker notes the day when it is done; later starts on that day do nothing. A
//!   worker that was killed has noted nothing: [`Schedule`] says when to try again.
//! - **One at a time.** The worker holds a lock that the operating system releases when it ends.
//! - **Not for ever.** A worker ends after a few minutes, whatever the network does.
//! - **No harm.** If no child can be started (no `/proc`, no `fork`, the executable is gone, the disk is
//!   full), there is none. The attempt is noted before it is made, so a failure happens a few times a
//!   day, not at every start.
//!
//! On Linux `/proc/self/exe` is executed: the same file that the host runs, even if it was replaced or
//! deleted since. A setuid process never starts a child, and neither does the first process of a
//! container, which would have to reap the worker.
//!
//! # What is left
//!
//! A container or service manager that ends all orphans also ends the worker, which is tried again
//! later. Under a system call filter that kills for `fork`, the attempt kills the host, a few times a
//! day at most; such a program should not name a destination.
//!
//! | file | one idea |
//! | --- | --- |
//! | `task` | what a host tells its children to do |
//! | `schedule` | when the work was last done and attempted |
//! | `launch` | how launcher and worker are started |
//! | `work` | the day's work itself |

#[cfg(unix)]
mod launch;
mod schedule;
mod task;
mod work;

#[cfg(unix)]
pub(super) use launch::run_if_child;
pub(super) use schedule::Schedule;
pub(super) use task::Task;
#[cfg(not(unix))]
pub(super) use work::work;

/// Whether a program's child is doing the day's work in this folder, or is just being started.
#[cfg(feature = "server")]
pub(crate) fn is_at_work(folder: &super::folder::Folder, now: std::time::SystemTime) -> bool {
    Schedule::of(folder).is_at_work(now)
}

/// Starts the day's work if it is due. Returns quickly and never fails.
#[cfg(unix)]
pub(super) fn start_if_due(task: Task) {
    if launch::is_possible() && Schedule::of(&task.folder).attempt(task.now) {
        launch::launch(task);
    }
}
