//! Threads that receive no signals: those are for the program's own threads.

use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts a thread that receives no signals.
#[cfg(unix)]
pub fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    use nix::sys::signal::{SigSet, SigmaskHow};
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK);
    let thread = Builder::new().name(name.to_owned()).spawn(run);
    if let Ok(before) = before {
        // This mask was valid a moment ago.
        let _ = before.thread_set_mask();
    }
    thread
}

/// Starts a thread.
#[cfg(not(unix))]
pub fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new().name(name.to_owned()).spawn(run)
}
