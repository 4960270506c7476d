//! What a server does by itself every day: publishing a config without what has expired, `candor merge`
//! and `candor chart`.
//!
//! It runs on a thread of its own, which may be killed at any moment: public data stays intact, and the
//! next run completes the work. A panic is recorded and retried like any failure; if the thread itself
//! ends, that is recorded, and it is started again.

use super::chart::chart_deployment;
use super::merge::{merge_deployment, merge_rehearsal};
use super::work_lease::{WAIT, WorkLease};
use crate::aggregate::daily::Daily;
use crate::aggregate::{ChartError, Unwatched, UpkeepState, Weeks, Work};
use crate::event::Event;
use crate::ingest::{Combined, LargeBatches, ReadError, combine_batches};
use crate::publish::{CompileDay, Deployment, LiveDeployment, Republished, republish};
use jiff::Timestamp;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

/// How often the clock is checked. A wait of hours would be wrong after the machine slept.
const LOOK: Duration = Duration::from_secs(30);

/// Does all the work that `state` wants now, and after the end of each day in UTC, until `stop` is set.
pub(super) fn begin(deployment: LiveDeployment, state: UpkeepState, stop: Event) {
    let stopped = stop.clone();
    let (combining, until) = (deployment.clone(), stop.clone());
    thread::spawn(move || {
        let run = |work| run(&deployment.current(), work, &stopped);
        keep_up(&state, &stop, LOOK, Timestamp::now, run);
    });
    if combining.current().is_shared() {
        thread::spawn(move || {
            let mut large = LargeBatches::default();
            while !until.wait(COMBINED) {
                combine(&combining.current(), &mut large, &until);
            }
        });
    }
}

/// How often the batches of uploads in a store are combined: so long the time at which one was made says something.
const COMBINED: Duration = Duration::from_secs(3600);

/// Combines batches of uploads, unless another machine is at work on them.
fn combine(deployment: &Deployment, large: &mut LargeBatches, stop: &Event) {
    let mut combine = || -> Result<Combined, ReadError> {
        match WorkLease::try_take(deployment, Duration::ZERO, stop)? {
            Some(_lease) => combine_batches(&deployment.store, large),
            None => Ok(Combined::default()),
        }
    };
    match combine() {
        Ok(Combined { from: 0, .. }) => {}
        Ok(Combined { from, to, reports }) => {
            tracing::info!(from, to, reports, "batches of uploads are combined");
        }
        Err(error) => tracing::error!("batches of uploads are not combined: {error}"),
    }
}

/// How often a rehearsal merges and charts.
const REHEARSED: Duration = Duration::from_secs(2);

/// Merges and charts again and again, until `stop` is set: nobody waits for a rehearsal.
pub(super) fn rehearse(deployment: Deployment, state: UpkeepState, stop: Event) {
    let run = move |work: Work| match work {
        Work::Publish => Ok(()),
        Work::Merge => {
            let merged = merge_rehearsal(&deployment);
            merged.map(drop).map_err(|error| error.to_string())
        }
        Work::Chart => match chart_deployment(&deployment, &Weeks::Outdated, &Unwatched) {
            Ok(_) | Err(ChartError::NoDefinitions) => Ok(()),
            Err(error) => Err(error.to_string()),
        },
    };
    thread::spawn(move || {
        while !stop.wait(REHEARSED) {
            state.wanted().iter().all(|work| run_once(&state, *work, &Timestamp::now, &run));
        }
    });
}

/// Checks at every interval `look` what is due, and does it.
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
                    // Charts wait for the merge; publishing what expired does not.
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
            tracing::error!("the thread that merges and charts panicked; it is started again");
            state.note_thread(Some("the thread that merges and charts panicked"));
            stop.wait(look);
            state.note_thread(None);
        }
    }
}

/// Runs work once, and records the result. Returns whether it succeeded.
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
            tracing::error!("the {name} panicked; it is retried later");
            state.note_panicked(now());
            false
        }
    }
}

fn run(deployment: &Deployment, work: Work, stop: &Event) -> Result<(), String> {
    // What is published is decided by the log's signer.
    let lease = match work {
        Work::Publish => None,
        Work::Merge | Work::Chart => {
            let lease = WorkLease::try_take(deployment, WAIT, stop);
            let another = || "another machine has been merging or charting all the time".to_owned();
            Some(lease.map_err(|error| error.to_string())?.ok_or_else(another)?)
        }
    };
    let done = run_alone(deployment, work);
    drop(lease);
    done
}

fn run_alone(deployment: &Deployment, work: Work) -> Result<(), String> {
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
            // Nothing has been published yet, so there is nothing to chart.
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

    /// A clock that is half an hour later each time it is read.
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
    fn a_thread_that_ends_is_a_problem_and_is_started_again() {
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
