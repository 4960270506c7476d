//! A progress bar for long work, on standard error where that is a terminal.

use crate::aggregate::{Phase, Progress};
use crate::count::duration;
use crate::event::Event;
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::borrow::Cow;
use std::io::{IsTerminal, stderr};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long work may take before its rate says something.
const SHORT: Duration = Duration::from_secs(1);

/// How often a line moves that shows no progress.
const TICK: Duration = Duration::from_millis(100);

/// One bar, which shows the latest phase, how fast it goes, and how long it will take.
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

/// Says what is being done, and for how long, if it takes more than a second. For work of which nobody knows how
/// much is left.
#[derive(Debug)]
pub(super) struct Working {
    done: Event,
    shown: Option<JoinHandle<()>>,
}

impl Working {
    /// Begins, on a terminal.
    pub(super) fn on(what: impl Into<Cow<'static, str>>) -> Working {
        let (done, what) = (Event::new(), what.into());
        let shown = stderr().is_terminal().then(|| {
            let done = done.clone();
            std::thread::spawn(move || {
                if done.wait(SHORT) {
                    return;
                }
                let bar = ProgressBar::new_spinner().with_elapsed(SHORT);
                // The template is a constant; if it were wrong, the default would be used.
                if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
                    bar.set_style(style);
                }
                bar.set_message(what);
                while !done.wait(TICK) {
                    bar.tick();
                }
                bar.finish_and_clear();
            })
        });
        Working { done, shown }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.done.set();
        if let Some(shown) = self.shown.take() {
            // It cannot panic; if it did, nothing but the line would be lost.
            let _ = shown.join();
        }
    }
}

impl Progress for Bar {
    fn advance(&self, phase: Phase, done: u64, total: u64) {
        if self.bar.is_hidden() {
            return;
        }
        let mut shown = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.replace(phase) != Some(phase) {
            self.bar.reset();
            self.bar.set_prefix(match phase {
                Phase::Reading => "reading",
                Phase::Days => "days",
                Phase::Weeks => "weeks",
                Phase::Charts => "charts",
                Phase::Entries => "entries",
                Phase::Files => "data",
                Phase::Reports => "reports",
            });
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
        let (elapsed, left) = (self.bar.elapsed(), self.bar.eta());
        self.bar.set_message(message(phase, done, total, self.bar.per_sec(), elapsed, left));
    }
}

/// What is done of it; and, once it is known, how fast it goes and how long it will take.
fn message(
    phase: Phase,
    done: u64,
    total: u64,
    rate: f64,
    elapsed: Duration,
    left: Duration,
) -> String {
    let (of, rate_of) = match phase {
        Phase::Reading | Phase::Days => (
            format!("{} of {}", HumanBytes(done), HumanBytes(total)),
            // The cast saturates.
            format!("{}/s", HumanBytes(rate as u64)),
        ),
        Phase::Weeks | Phase::Charts | Phase::Entries | Phase::Files | Phase::Reports => {
            (format!("{done} of {total}"), format!("{rate:.0}/s"))
        }
    };
    if elapsed < SHORT || done == 0 || done >= total {
        return of;
    }
    format!("{of}, {rate_of}, {} left", duration(left.as_secs().max(1)))
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_work_says_how_fast_it_goes_and_how_long_it_takes() {
        let said = |phase, done, seconds, left| {
            let (elapsed, left) = (Duration::from_millis(seconds), Duration::from_secs(left));
            message(phase, done, 4_000_000, 1_048_576.0, elapsed, left)
        };
        assert_eq!(said(Phase::Reports, 7, 900, 3), "7 of 4000000");
        assert_eq!(said(Phase::Reports, 7, 1500, 1), "7 of 4000000, 1048576/s, 1 second left");
        assert_eq!(said(Phase::Entries, 7, 1500, 300), "7 of 4000000, 1048576/s, 5 minutes left");
        assert_eq!(
            said(Phase::Reading, 1_000_000, 1500, 0),
            "976.56 KiB of 3.81 MiB, 1.00 MiB/s, 1 second left"
        );
        assert_eq!(said(Phase::Reports, 4_000_000, 1500, 0), "4000000 of 4000000");
    }
}
