//! How a server's own daily work is doing, for whoever looks after it: publishing what has expired,
//! merging, and charting.

use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex, PoisonError};

/// How old the last success may be before something is wrong: a day, and some hours to try again.
const OVERDUE: SignedDuration = SignedDuration::from_hours(28);

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Definitions that have expired leave the config.
    Publish,
    /// Uploads become public data.
    Merge,
    /// Public data becomes charts.
    Chart,
}

impl Work {
    /// All of it, in order.
    pub const ALL: [Work; 3] = [Work::Publish, Work::Merge, Work::Chart];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Work::Publish => "publish",
            Work::Merge => "merge",
            Work::Chart => "chart",
        }
    }
}

/// How one kind of work is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkState {
    /// When it was begun, while it is under way.
    pub since: Option<Timestamp>,
    /// When it ended last.
    pub ended: Option<Timestamp>,
    /// When it was done last.
    pub done: Option<Timestamp>,
    /// Why it was not done the last time, if that was so.
    pub problem: Option<String>,
    /// How often it was done.
    pub done_count: u64,
    /// How often it failed.
    pub failed_count: u64,
}

/// How all of it is doing. Cloning is cheap; all clones are the same.
#[derive(Debug, Clone)]
pub struct UpkeepState(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    began: Timestamp,
    /// What this server does at all.
    wanted: Vec<Work>,
    works: [WorkState; 3],
    /// Why nothing is done any more, if that is so.
    ended: Option<String>,
    restarts: u64,
}

impl UpkeepState {
    /// Of these, nothing was done yet.
    pub fn new(wanted: &[Work]) -> UpkeepState {
        UpkeepState::since(wanted, Timestamp::now())
    }

    /// Of these, nothing was done yet, and that at this time.
    pub fn since(wanted: &[Work], began: Timestamp) -> UpkeepState {
        let (wanted, works) = (wanted.to_vec(), Default::default());
        let state = State { began, wanted, works, ended: None, restarts: 0 };
        UpkeepState(Arc::new(Mutex::new(state)))
    }

    /// What this server does, in order.
    pub fn wanted(&self) -> Vec<Work> {
        self.with(|state| state.wanted.clone())
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes that work has begun.
    pub fn note_begun(&self, work: Work, now: Timestamp) {
        self.with(|state| state.works[work as usize].since = Some(now));
    }

    /// Notes what came of it.
    pub fn note_ended(&self, work: Work, now: Timestamp, problem: Option<String>) {
        self.with(|state| {
            let work = &mut state.works[work as usize];
            work.since = None;
            work.ended = Some(now);
            match &problem {
                None => {
                    work.done = Some(now);
                    work.done_count += 1;
                }
                Some(_) => work.failed_count += 1,
            }
            work.problem = problem;
        });
    }

    /// Notes that whatever was under way has panicked.
    pub fn note_panicked(&self, now: Timestamp) {
        for work in Work::ALL {
            if self.work(work).since.is_some() {
                self.note_ended(work, now, Some("it failed by a panic".to_owned()));
            }
        }
    }

    /// Notes that the thread that does all this has ended, or goes on.
    pub fn note_thread(&self, ended: Option<&str>) {
        self.with(|state| {
            if ended.is_some() {
                state.restarts += 1;
            }
            state.ended = ended.map(str::to_owned);
        });
    }

    /// How work is doing.
    pub fn work(&self, work: Work) -> WorkState {
        self.with(|state| state.works[work as usize].clone())
    }

    /// How often the thread ended.
    pub fn restarts(&self) -> u64 {
        self.with(|state| state.restarts)
    }

    /// How many seconds ago work was done last, or, where it never was, the process began.
    pub fn age(&self, work: Work, now: Timestamp) -> i64 {
        let last = self.with(|state| state.works[work as usize].done.unwrap_or(state.began));
        now.duration_since(last).as_secs().max(0)
    }

    /// What is wrong, in words.
    pub fn problems(&self, now: Timestamp) -> Vec<String> {
        let mut problems: Vec<String> =
            self.with(|state| state.ended.clone()).into_iter().collect();
        for work in self.wanted() {
            let name = work.name();
            let age = self.age(work, now);
            if let Some(problem) = self.work(work).problem {
                problems.push(format!("the last {name} failed: {problem}"));
            } else if age > OVERDUE.as_secs() {
                problems.push(format!("the last {name} was {} hours ago", age / 3600));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn what_failed_or_is_overdue_is_a_problem_until_it_is_done() {
        let state = UpkeepState::since(&[Work::Merge, Work::Chart], at("2026-11-22T00:00:00Z"));
        assert_eq!(state.problems(at("2026-11-22T01:00:00Z")), Vec::<String>::new());
        let overdue = state.problems(at("2026-11-23T05:00:00Z"));
        assert_eq!(overdue, ["the last merge was 29 hours ago", "the last chart was 29 hours ago"]);
        let now = at("2026-11-23T05:00:00Z");
        for work in Work::ALL {
            state.note_begun(work, now);
            state.note_ended(work, now, None);
        }
        assert_eq!(state.problems(now), Vec::<String>::new());
        state.note_begun(Work::Chart, now);
        state.note_panicked(now);
        assert_eq!(state.problems(now), ["the last chart failed: it failed by a panic"]);
        assert_eq!(
            (state.work(Work::Chart).done_count, state.work(Work::Chart).failed_count),
            (1, 1)
        );
    }
}
