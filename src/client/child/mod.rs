//! The day's work, done by a child: a detached process of the same executable, so that a program
//! that lives for milliseconds gets its week out, and waits for no network.
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
//! All three run the same `main`, and in it [`start`](super::start()), which never returns in
//! launcher and worker. They know their part by an argument *and* an environment variable
//! ([`Order`]): one alone, inherited or typed by accident, makes nobody a child.
//!
//! - **No zombie.** The host waits for the launcher, which ends at once; the worker is then not the
//!   host's child. A launcher that takes unusually long is waited for by a thread.
//! - **Nothing is kept.** The worker has no terminal, no pipe and no file of the host's: a session
//!   of its own, nothing on its standard streams, `/` as its folder, and every descriptor that
//!   it inherited closed. `host | cat` ends when the host does.
//! - **A deliberate environment.** Only what [`Order::hand_on`] lists is passed on.
//! - **Once a day.** The worker notes the day when it is done; whoever comes later that day does
//!   nothing. A worker that was killed has noted nothing: [`Marks`] says when it is tried again.
//! - **One at a time.** The worker holds a lock of the system's, which ends with it.
//! - **Not for ever.** A worker ends after some minutes, whatever the network does.
//! - **No harm.** Where no child can be started (no `/proc`, no `fork`, no executable any more, no
//!   room for the mark), there is none. The attempt is noted before it is made: what fails fails
//!   a few times a day, not at every start.
//!
//! On Linux what is executed is `/proc/self/exe`: the very file that the host runs, also when it
//! was replaced or deleted since. Never started from a process with more rights than its user
//! (setuid), nor from the first process of a container, which would have to reap the worker.
//!
//! What is left: a process that ends all orphans (a container, a service manager) ends the worker,
//! too, and it is tried again later. Under a system call filter that kills for `fork`, the attempt
//! kills the host, a few times a day at most; such a program should not name a destination.

#[cfg(unix)]
mod launch;
mod marks;
mod order;
mod work;

#[cfg(unix)]
pub(super) use launch::{spawn_quiet, take_over};
pub(super) use marks::Marks;
pub(super) use order::Order;
#[cfg(not(unix))]
pub(super) use work::work;

/// Starts the day's work, if it is due. Returns soon, and never fails.
#[cfg(unix)]
pub(super) fn begin_if_due(order: Order) {
    if launch::is_possible() && Marks::of(&order.folder).attempt(order.now) {
        launch::launch(order);
    }
}
