//! How much memory the charts of weeks take: a budget, a queue for it, and what is kept within it.
//!
//! A week's charts may be a hundred megabytes in memory, and whoever asks chooses the week. So each
//! week holds a permit for what it takes, from before it is read until nobody shows it any more. Where
//! the budget is used up, weeks that are only kept for later go first; then whoever asks waits in a
//! queue, and after [`PATIENCE`] is asked to come again.
//!
//! This is for as long as a week is stored as one object. Charts that are stored by program are small.

use super::refusal::Refusal;
use super::shelf::{Shelf, Weigh};
use crate::aggregate::figure::{ProgramCharts, WeekCharts};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Mutex as AsyncMutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Memory for weeks that are being read, shown, or kept for later.
const BUDGET: u64 = 384 << 20;
/// Memory for outlines.
const OUTLINE_BYTES: u64 = 64 << 20;
/// What a permit counts.
const UNIT: u64 = 64 << 10;
/// What a byte of a week's JSON takes in memory once it is read: 1.5 in a likely week, and twice that
/// in one of short names and round numbers.
const LOADED: u64 = 3;
/// What it takes while it is read: that, and its text.
const READING: u64 = LOADED + 1;
/// How long a request waits for memory.
const PATIENCE: Duration = Duration::from_secs(8);
/// The most requests that wait.
const QUEUE: usize = 64;
/// The most weeks whose turn is remembered.
const TURNS: usize = 1024;

/// The name of a week's charts: the first bytes of their hash.
pub(super) type Name = [u8; 16];

/// What is kept of weeks' charts.
#[derive(Debug)]
pub(in crate::web) struct ChartCache {
    pub(super) weeks: WeeksInMemory,
    pub(super) outlines: Shelf<Name, LoadedWeek>,
}

/// The charts of a week.
#[derive(Debug)]
pub(in crate::web) struct LoadedWeek {
    charts: WeekCharts,
    weight: u64,
    /// What this takes of the memory for whole weeks; nothing where it is an outline.
    _memory: Option<MemoryPermit>,
}

impl Weigh for LoadedWeek {
    fn weight(&self) -> u64 {
        self.weight
    }
}

impl Default for ChartCache {
    fn default() -> ChartCache {
        ChartCache {
            weeks: WeeksInMemory::default(),
            outlines: Shelf::new(OUTLINE_BYTES, 256 << 10),
        }
    }
}

impl LoadedWeek {
    /// A week that was read with this permit.
    pub(super) fn new(charts: WeekCharts, mut memory: MemoryPermit) -> LoadedWeek {
        memory.shrink();
        LoadedWeek { charts, weight: 0, _memory: Some(memory) }
    }

    /// The outline of a week, which takes so much of the cache's memory.
    pub(super) fn outline(charts: WeekCharts, weight: u64) -> LoadedWeek {
        LoadedWeek { charts, weight, _memory: None }
    }

    /// The charts.
    pub(in crate::web) fn charts(&self) -> &WeekCharts {
        &self.charts
    }

    /// Those of a program.
    pub(super) fn program(&self, program: &str) -> Option<&ProgramCharts> {
        self.charts.programs.iter().find(|found| found.program == program)
    }
}

/// The weeks in memory.
#[derive(Debug)]
pub(super) struct WeeksInMemory {
    budget: Arc<Semaphore>,
    total: u32,
    patience: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Weeks that are kept for whoever asks next, the least recently used first.
    kept: VecDeque<(Name, Arc<LoadedWeek>)>,
    /// How many wait for memory. While some do, nothing is kept.
    waiting: usize,
    turns: HashMap<Name, Turn>,
}

/// Held by the one who reads a week. The week itself, for as long as somebody shows it.
type Turn = Arc<AsyncMutex<Weak<LoadedWeek>>>;

/// The right to so much memory.
#[derive(Debug)]
pub(super) struct MemoryPermit(OwnedSemaphorePermit);

impl MemoryPermit {
    /// Gives back what was for the text of a week that has been read.
    pub(super) fn shrink(&mut self) {
        let text = self.0.num_permits() / READING as usize;
        drop(self.0.split(text));
    }
}

impl Default for WeeksInMemory {
    fn default() -> WeeksInMemory {
        WeeksInMemory::new(BUDGET, PATIENCE)
    }
}

impl WeeksInMemory {
    fn new(budget: u64, patience: Duration) -> WeeksInMemory {
        let total = u32::try_from(budget / UNIT).unwrap_or(u32::MAX);
        WeeksInMemory {
            budget: Arc::new(Semaphore::new(total as usize)),
            total,
            patience,
            state: Mutex::default(),
        }
    }

    /// The week of this name, whose JSON has so many bytes; `load` reads it where it is not there.
    pub(super) async fn get(
        &self,
        name: Name,
        bytes: u64,
        load: impl FnOnce(MemoryPermit) -> Result<LoadedWeek, Refusal> + Send + 'static,
    ) -> Result<Arc<LoadedWeek>, Refusal> {
        if let Some(week) = self.use_kept(name) {
            return Ok(week);
        }
        let turn = self.turn(name);
        let mut shown = turn.lock().await;
        if let Some(week) = shown.upgrade() {
            self.keep(name, &week);
            return Ok(week);
        }
        let week = Arc::new(self.read(bytes, load).await?);
        *shown = Arc::downgrade(&week);
        self.keep(name, &week);
        Ok(week)
    }

    /// Reads what a week is needed for but a moment: the memory is given back unless `load` keeps its
    /// permit.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        bytes: u64,
        load: impl FnOnce(MemoryPermit) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let permit = self.permit(bytes).await?;
        let read = tokio::task::spawn_blocking(move || load(permit));
        read.await
            .unwrap_or_else(|_| Err(Refusal::unavailable("reading was interrupted; try again")))
    }

    /// A permit to read a week whose JSON has so many bytes. A week that is larger than all of the
    /// budget is read alone.
    async fn permit(&self, bytes: u64) -> Result<MemoryPermit, Refusal> {
        let units = bytes.saturating_mul(READING).div_ceil(UNIT);
        let units = u32::try_from(units).unwrap_or(u32::MAX).clamp(1, self.total);
        let busy = || Refusal::unavailable("too many large charts are being read; try again");
        let _waiting = {
            let mut state = self.state();
            // Who comes later does not overtake those who wait.
            while state.waiting == 0 {
                if let Ok(permit) = self.budget.clone().try_acquire_many_owned(units) {
                    return Ok(MemoryPermit(permit));
                }
                if state.kept.pop_front().is_none() {
                    break;
                }
            }
            if state.waiting >= QUEUE {
                return Err(busy());
            }
            state.waiting += 1;
            Waiting(self)
        };
        let acquired = timeout(self.patience, self.budget.clone().acquire_many_owned(units)).await;
        acquired.map_err(|_| busy())?.map(MemoryPermit).map_err(|_| busy())
    }

    /// The week, if it is in memory now.
    fn use_kept(&self, name: Name) -> Option<Arc<LoadedWeek>> {
        let mut state = self.state();
        let place = state.kept.iter().position(|(kept, _)| *kept == name)?;
        let (_, week) = state.kept.remove(place)?;
        state.kept.push_back((name, week.clone()));
        Some(week)
    }

    /// Keeps a week until others need the memory.
    fn keep(&self, name: Name, week: &Arc<LoadedWeek>) {
        let mut state = self.state();
        if state.waiting == 0 && !state.kept.iter().any(|(kept, _)| *kept == name) {
            state.kept.push_back((name, week.clone()));
        }
    }

    fn turn(&self, name: Name) -> Turn {
        let mut state = self.state();
        if state.turns.len() >= TURNS {
            state.turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        }
        state.turns.entry(name).or_default().clone()
    }

    /// Nothing panics while it holds the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who waits.
struct Waiting<'a>(&'a WeeksInMemory);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.state().waiting -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    /// Of the weeks of these tests, three can be in memory at a time.
    const SIZE: u64 = 16 * UNIT;
    const THREE: u64 = 3 * SIZE * READING;

    fn charts() -> WeekCharts {
        crate::charts_fixture::week(crate::charts_fixture::NEWEST)
    }

    fn memory(patience: Duration) -> Arc<WeeksInMemory> {
        Arc::new(WeeksInMemory::new(THREE, patience))
    }

    async fn get(memory: &WeeksInMemory, name: u8) -> Result<Arc<LoadedWeek>, Refusal> {
        memory.get([name; 16], SIZE, |permit| Ok(LoadedWeek::new(charts(), permit))).await
    }

    fn is_kept(memory: &WeeksInMemory, name: u8) -> bool {
        memory.state().kept.iter().any(|(kept, _)| *kept == [name; 16])
    }

    #[tokio::test]
    async fn weeks_that_nobody_shows_make_room() {
        let memory = memory(Duration::ZERO);
        for name in 1..=4 {
            get(&memory, name).await.expect("room");
        }
        assert_eq!([1, 2, 3, 4].map(|name| is_kept(&memory, name)), [false, true, true, true]);
        get(&memory, 2).await.expect("kept");
        get(&memory, 5).await.expect("room");
        assert_eq!([2, 3, 4, 5].map(|name| is_kept(&memory, name)), [true, false, true, true]);
    }

    #[tokio::test]
    async fn weeks_that_are_shown_take_their_memory_until_they_are_not() {
        let memory = memory(Duration::ZERO);
        let mut shown = Vec::new();
        for name in 1..=3 {
            shown.push(get(&memory, name).await.expect("room"));
        }
        let refused = get(&memory, 4).await.expect_err("no room");
        assert_eq!(refused.status(), axum::http::StatusCode::SERVICE_UNAVAILABLE);
        // What is shown is shared, whether or not it is kept.
        assert!(!is_kept(&memory, 2));
        assert!(Arc::ptr_eq(&get(&memory, 2).await.expect("shown"), &shown[1]));
        drop(shown);
        get(&memory, 4).await.expect("room");
    }

    #[tokio::test]
    async fn who_finds_no_memory_waits_for_it() {
        let memory = memory(Duration::from_secs(3600));
        let mut shown = Vec::new();
        for name in 1..=3 {
            shown.push(get(&memory, name).await.expect("room"));
        }
        let waits = memory.clone();
        let waiting = tokio::spawn(async move { get(&waits, 4).await });
        while memory.state().waiting == 0 {
            tokio::task::yield_now().await;
        }
        shown.pop();
        waiting.await.expect("no panic").expect("room");
        assert_eq!(memory.state().waiting, 0);
    }

    #[tokio::test]
    async fn many_who_ask_for_one_week_read_it_once() {
        let (memory, loads) = (memory(Duration::from_secs(3600)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let (memory, loads) = (memory.clone(), loads.clone());
            tasks.spawn(async move {
                let load = move |permit| {
                    loads.fetch_add(1, SeqCst);
                    Ok(LoadedWeek::new(charts(), permit))
                };
                memory.get([1; 16], SIZE, load).await
            });
        }
        while let Some(week) = tasks.join_next().await {
            week.expect("no panic").expect("room");
        }
        assert_eq!(loads.load(SeqCst), 1);
    }

    #[tokio::test]
    async fn a_week_that_cannot_be_read_takes_nothing() {
        let memory = memory(Duration::ZERO);
        for _ in 0..10 {
            memory.get([1; 16], SIZE, |_| Err(Refusal::damaged())).await.expect_err("damaged");
            let panics = memory.get([1; 16], SIZE, |_| panic!("as a test asked")).await;
            panics.expect_err("interrupted");
        }
        assert_eq!(memory.budget.available_permits(), memory.total as usize);
        // Larger than all of the memory: alone.
        let week = memory.get([2; 16], 1 << 40, |permit| Ok(LoadedWeek::new(charts(), permit)));
        week.await.expect("room");
    }
}
