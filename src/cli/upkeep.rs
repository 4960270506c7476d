//! What a server does every day by itself: `candor publish` of what has expired, `candor merge` and
//! `candor chart`.
//!
//! It runs on a thread of its own, which may be killed at any moment: what is public stays whole, and
//! the next run completes the work. A panic is noted like any failure, and tried again like one; should
//! the thread itself come to an end, it is noted, and begun again.

use super::chart::chart_deployment;
use super::merge::merge_deployment;
use crate::aggregate::daily::Daily;
use crate::aggregate::{ChartError, Unwatched, UpkeepState, Weeks, Work};
use crate::event::Event;
use crate::publish::{CompileDay, Deployment, LiveDeployment, Republished, republish};
use jiff::Timestamp;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

/// How often the clock is looked at. A wait of hours would be wrong after the machine slept.
const LOOK: Duration = Duration::from_secs(30);

/// Does all that `state` wants now, and after the end of each day in UTC, until `stop` happens.
pub(super) fn begin(deployment: LiveDeployment, state: UpkeepState, stop: Event) {
    thread::spawn(move || {
        keep_up(&state, &stop, LOOK, Timestamp::now, |work| run(&deployment.current(), work));
    });
}

/// Does what is due at the time that `now` says, whenever so much time has passed.
fn keep_up(
    state: &UpkeepState,
    stop: &Event,
    look: Duration,
    now: impl Fn() -> Timestamp,
    run: impl Fn(Work) -> Result<(), String>,
) {
    while !stop.is_set() {
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let mut daily = Daily::default();
            loop {
                if daily.is_due(now()) {
                    let begun = now();
                    // What expires does not wait for what is merged, and charts do.
                    let (alone, chain): (Vec<Work>, Vec<Work>) =
                        state.wanted().into_iter().partition(|work| *work == Work::Publish);
                    let run = |work: &Work| run_once(state, *work, &now, &run);
                    let done = [alone, chain].map(|works| works.iter().all(run));
                    let done = done.into_iter().all(|done| done);
                    daily.note(begun, done);
                }
                if stop.wait(look) {
                    return;
                }
            }
        }));
        if ended.is_err() {
            tracing::error!("the thread that merges and charts has ended by a panic; it goes on");
            state.note_thread(Some("the thread that merges and charts has ended by a panic"));
            stop.wait(look);
            state.note_thread(None);
        }
    }
}

/// Whether it came to its end.
fn run_once(
    state: &UpkeepState,
    work: Work,
    now: &impl Fn() -> Timestamp,
    run: &impl Fn(Work) -> Result<(), String>,
) -> bool {
    state.note_begun(work, now());
    match catch_unwind(AssertUnwindSafe(|| run(work))) {
        Ok(result) => {
            let done = result.is_ok();
            state.note_ended(work, now(), result.err());
            done
        }
        Err(_) => {
            let name = work.name();
            tracing::error!("the {name} failed by a panic; it is tried again later");
            state.note_panicked(now());
            false
        }
    }
}

fn run(deployment: &Deployment, work: Work) -> Result<(), String> {
    match work {
        Work::Publish => match republish(deployment, CompileDay::at(Timestamp::now())) {
            Ok(Republished::New(new)) => {
                tracing::info!(version = new.version, "what has expired is no longer collected");
                Ok(())
            }
            Ok(Republished::NothingToDo(why)) => {
                tracing::info!("no config is published today: {why}");
                Ok(())
            }
            Err(error) => {
                tracing::error!("what has expired is still collected: {error}");
                Err(error.to_string())
            }
        },
        Work::Merge => match merge_deployment(deployment, &Unwatched) {
            Ok(merged) => {
                for problem in &merged.problems {
                    tracing::error!("not merged: {problem}");
                }
                let (days, weeks) = (merged.days.len(), merged.weeks.len());
                tracing::info!(days, weeks, "uploads are merged");
                Ok(())
            }
            Err(error) => {
                tracing::error!(
                    "uploads are not merged, and what is public stays as it is: {error}"
                );
                Err(error.to_string())
            }
        },
        Work::Chart => match chart_deployment(deployment, &Weeks::Outdated, &Unwatched) {
            Ok(charted) => {
                tracing::info!(weeks = charted.weeks.len(), "charts are made");
                Ok(())
            }
            // Nothing was published yet: there is nothing to chart, and no hurry.
            Err(ChartError::NoDefinitions) => Ok(()),
            Err(error) => {
                tracing::error!("charts are not made, and the last ones stay: {error}");
                Err(error.to_string())
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

    /// Every look at the clock is half an hour after the one before.
    fn clock() -> impl Fn() -> Timestamp {
        let looks = AtomicI64::new(0);
        move || {
            let look = looks.fetch_add(1, Ordering::SeqCst);
            Timestamp::from_second(1_770_000_000 + look * 1800).expect("a time")
        }
    }

    #[test]
    fn a_panic_is_a_problem_until_the_work_is_done_again() {
        let (state, stop) =
            (UpkeepState::since(&[Work::Merge, Work::Chart], clock()()), Event::new());
        let runs = AtomicU64::new(0);
        let seen = std::sync::Mutex::new(Vec::new());
        keep_up(&state, &stop, Duration::ZERO, clock(), |work| {
            seen.lock().expect("a lock").push((work, state.problems(Timestamp::UNIX_EPOCH)));
            match runs.fetch_add(1, Ordering::SeqCst) {
                0 => Ok(()),
                1 => panic!("as a test asked"),
                2 => Err("a full disk".to_owned()),
                3 => Ok(()),
                _ => {
                    stop.set();
                    Ok(())
                }
            }
        });
        let panicked = "the last chart failed: it panicked".to_owned();
        let failed = "the last merge failed: a full disk".to_owned();
        let expected = [
            (Work::Merge, vec![]),
            (Work::Chart, vec![]),
            (Work::Merge, vec![panicked.clone()]),
            (Work::Merge, vec![failed, panicked.clone()]),
            (Work::Chart, vec![panicked]),
        ];
        assert_eq!(*seen.lock().expect("a lock"), expected);
        assert_eq!(state.problems(Timestamp::UNIX_EPOCH), Vec::<String>::new());
        let [merge, chart] = [Work::Merge, Work::Chart].map(|work| state.work(work));
        assert_eq!((merge.done_count, merge.failed_count), (2, 1));
        assert_eq!((chart.done_count, chart.failed_count), (1, 1));
    }

    #[test]
    fn a_thread_that_ends_is_a_problem_and_is_begun_again() {
        let (state, stop) = (UpkeepState::new(&[Work::Merge, Work::Chart]), Event::new());
        let looks = AtomicU64::new(0);
        let now = || match looks.fetch_add(1, Ordering::SeqCst) {
            0 => panic!("as a test asked"),
            _ => Timestamp::UNIX_EPOCH,
        };
        let done = AtomicU64::new(0);
        keep_up(&state, &stop, Duration::ZERO, now, |_| {
            done.fetch_add(1, Ordering::SeqCst);
            stop.set();
            Ok(())
        });
        assert_eq!((state.restarts(), done.load(Ordering::SeqCst)), (1, 2));
        assert_eq!(state.problems(Timestamp::UNIX_EPOCH), Vec::<String>::new());
        state.note_thread(Some("ended"));
        assert_eq!(state.problems(Timestamp::UNIX_EPOCH), ["ended"]);
    }
}
