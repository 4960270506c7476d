//! Crashes: a panic is counted by its stack, and then handled as without this.
//!
//! The counter is `crash/panic` with at most 16 frames, or `crash/without-stack` if the program has no
//! symbols or too little memory to read them (see [`StackCounter`]). A stack has functions and line
//! numbers (see [`super::counter`]); a panic's message, which may contain anything, is never read.
//!
//! Panics that the program catches count, too: they are bugs as well. Signals, aborts and stack
//! overflows are not panics, and are not counted.

#[cfg(doc)]
use super::counter::StackCounter;
use super::counter::{RECORDER, callers, count_and_flush, count_stack_and_flush};
use std::panic;

/// The most frames of a panic's stack.
const DEPTH: usize = 16;

/// Counts panics from now on, and then calls the panic hook that was there before.
pub(super) fn count_panics() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        // First, because the other hook may end the process. None of this may panic: a panic within a
        // panic aborts.
        if !RECORDER.has_stopped() {
            match callers(DEPTH) {
                frames if frames.is_empty() => count_and_flush("crash/without-stack"),
                frames => count_stack_and_flush("crash/panic", &frames),
            }
        }
        before(info);
    }));
}
