//! The state of a server's daily work, for its operator: removing expired definitions, merging, and
//! charting.

use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex, PoisonError};

/// How old the last success may be: a day, and some hours to try again.
const OVERDUE: SignedDuration = SignedDuration::from_hours(28);

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Remove expired definitions from the config.
    Publish,
    /// Merge uploads into the public data.
    Merge,
    /// Make charts of the public data.
    Chart,
}

impl Work {
    /// All kinds, in order.
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

/// The state of one kind of work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkState {
    /// When it started, while it is running.
    pub since: Option<Timestamp>,
    /// When it ended last.
    pub ended: Option<Timestamp>,
    /// When it last succeeded.
    pub done: Option<Timestamp>,
    /// Why it failed the last time, if it did.
    pub problem: Option<String>,
    /// How often it succeeded.
    pub done_count: u64,
    /// How often it failed.
    pub failed_count: u64,
}

/// The state of all work. Cloning is cheap; all clones share one state.
#[derive(Debug, Clone)]
pub struct UpkeepState(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    began: Timestamp,
    /// The kinds of work that this server does.
    wanted: Vec<Work>,
    works: [WorkState; 3],
    /// Why the thread has ended, if it has.
    ended: Option<String>,
    restarts: u64,
}

impl UpkeepState {
    /// Of these, nothing was done yet.
    pub fn new(wanted: &[Work]) -> UpkeepState {
        UpkeepState::since(wanted, Timestamp::now())
    }

    /// A state in which none of these was done yet, at this time.
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

    /// Notes that work has started.
    pub fn note_begun(&self, work: Work, now: Timestamp) {
        self.with(|state| state.works[work as usize].since = Some(now));
    }

    /// Notes its result.
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

    /// Notes that whatever was running has panicked.
    pub fn note_panicked(&self, now: Timestamp) {
        for work in Work::ALL {
            if self.work(work).since.is_some() {
                self.note_ended(work, now, Some("it panicked".to_owned()));
            }
        }
    }

    /// Notes that the thread that does the work has ended, or was started again.
    pub fn note_thread(&self, ended: Option<&str>) {
        self.with(|state| {
            if ended.is_some() {
                state.restarts += 1;
            }
            state.ended = ended.map(str::to_owned);
        });
    }

    /// The state of a kind of work.
    pub fn work(&self, work: Work) -> WorkState {
        self.with(|state| state.works[work as usize].clone())
    }

    /// How often the thread ended.
    pub fn restarts(&self) -> u64 {
        self.with(|state| state.restarts)
    }

    /// How many seconds ago work last succeeded or, if it never did, the process started.
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
        assert_eq!(state.problems(now), ["the last chart failed: it panicked"]);
        assert_eq!(
            (state.work(Work::Chart).done_count, state.work(Work::Chart).failed_count),
            (1, 1)
        );
    }
}
