//! Crashes: a panic is counted by its stack, before the program goes on to fail as it would.
//!
//! The counter is `crash/panic` with at most 16 frames, or `crash/without-stack` where the program
//! has no symbols, or the process no memory to look at them (see [`StackCounter`]). A stack holds functions and lines (see [`super::counter`]); a panic's message,
//! which may hold anything, is never looked at.
//!
//! Panics that the program catches count, too: they are bugs as well. What is not a panic (a
//! signal, an abort, a stack overflow) is not noticed.

#[cfg(doc)]
use super::counter::StackCounter;
use super::counter::{RECORDER, callers, count_last, count_last_stack};
use std::panic;

/// The most frames of a panic's stack.
const DEPTH: usize = 16;

/// Counts panics from now on, and leaves what else is done about them as it is.
pub(super) fn count_panics() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        // First: what else is done may end the process. None of this can panic, which would be a
        // panic within a panic.
        if !RECORDER.has_stopped() {
            match callers(DEPTH) {
                frames if frames.is_empty() => count_last("crash/without-stack"),
                frames => count_last_stack("crash/panic", &frames),
            }
        }
        before(info);
    }));
}
