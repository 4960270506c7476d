//! A progress bar for long work, on standard error where that is a terminal.

use crate::aggregate::{Phase, Progress};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::sync::{Mutex, PoisonError};

/// One bar, which shows the latest phase.
#[derive(Debug)]
pub(super) struct Bar {
    bar: ProgressBar,
    phase: Mutex<Option<Phase>>,
}

impl Bar {
    /// A bar that is shown only on a terminal.
    pub(super) fn new() -> Bar {
        let target = if stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        // The template is a constant; if it were wrong, the default would be used.
        if let Ok(style) = ProgressStyle::with_template("{prefix:>8} [{bar:40}] {percent}% {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        Bar { bar, phase: Mutex::default() }
    }
}

impl Progress for Bar {
    fn advance(&self, phase: Phase, done: u64, total: u64) {
        let mut shown = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.replace(phase) != Some(phase) {
            self.bar.set_prefix(match phase {
                Phase::Reading => "reading",
                Phase::Days => "days",
                Phase::Weeks => "weeks",
                Phase::Charts => "charts",
                Phase::Entries => "entries",
            });
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
        self.bar.set_message(match phase {
            Phase::Reading | Phase::Days => {
                format!("{} of {}", HumanBytes(done), HumanBytes(total))
            }
            Phase::Weeks | Phase::Charts | Phase::Entries => format!("{done} of {total}"),
        });
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
