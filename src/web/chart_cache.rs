//! The charts of weeks in memory: a budget, a queue for it, and a cache within it.
//!
//! A week's charts may take a hundred megabytes, and the client chooses the week. So each week holds a
//! permit for its memory, from before it is read until no request uses it any more. When the budget is
//! used up, weeks that are only cached go first; then requests wait in a queue, and get 503 after
//! [`PATIENCE`].
//!
//! This is needed while a week is stored as one object; charts stored by program would be small.

use super::cache::{Cache, Weigh};
use super::refusal::Refusal;
use crate::aggregate::figure::{ProgramCharts, WeekCharts};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Mutex as AsyncMutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Memory for weeks that are being read, in use, or cached.
const BUDGET: u64 = 384 << 20;
/// Memory for outlines.
const OUTLINE_BYTES: u64 = 64 << 20;
/// The unit of permits, in bytes.
const UNIT: u64 = 64 << 10;
/// The memory that a byte of a week's JSON takes once it is read: 1.5 bytes in a typical week, and twice
/// that if names are short and numbers round.
const LOADED: u64 = 3;
/// The memory while it is being read: that, and its text.
const READING: u64 = LOADED + 1;
/// How long a request waits for memory.
const PATIENCE: Duration = Duration::from_secs(8);
/// The most requests that wait.
const QUEUE: usize = 64;
/// The most weeks whose lock is remembered.
const LOCKS: usize = 1024;

/// The name of a week's charts: the first bytes of their hash.
pub(super) type Name = [u8; 16];

/// The cached charts of weeks, and their outlines.
#[derive(Debug)]
pub(in crate::web) struct ChartCache {
    pub(super) weeks: WeeksInMemory,
    pub(super) outlines: Cache<Name, LoadedWeek>,
}

/// The charts of a week.
#[derive(Debug)]
pub(in crate::web) struct LoadedWeek {
    charts: WeekCharts,
    weight: u64,
    /// Its share of the memory for whole weeks; `None` for an outline.
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
            outlines: Cache::new(OUTLINE_BYTES, 256 << 10),
        }
    }
}

impl LoadedWeek {
    /// A whole week that was read with this permit.
    pub(super) fn new(charts: WeekCharts, mut memory: MemoryPermit) -> LoadedWeek {
        memory.shrink();
        LoadedWeek { charts, weight: 0, _memory: Some(memory) }
    }

    /// The outline of a week, with its size in memory.
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
    /// Weeks that are kept for later requests, the least recently used first.
    kept: VecDeque<(Name, Arc<LoadedWeek>)>,
    /// How many requests wait for memory. While any do, nothing is cached.
    waiting: usize,
    locks: HashMap<Name, WeekLock>,
}

/// Locked while a week is read; holds the week for as long as a request uses it.
type WeekLock = Arc<AsyncMutex<Weak<LoadedWeek>>>;

/// A permit for some memory.
#[derive(Debug)]
pub(super) struct MemoryPermit(OwnedSemaphorePermit);

impl MemoryPermit {
    /// Gives back the memory that was for a week's text, once it has been read.
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

    /// The week of this name, whose JSON has `bytes` bytes; `load` reads it if it is not in memory.
    pub(super) async fn get(
        &self,
        name: Name,
        bytes: u64,
        load: impl FnOnce(MemoryPermit) -> Result<LoadedWeek, Refusal> + Send + 'static,
    ) -> Result<Arc<LoadedWeek>, Refusal> {
        if let Some(week) = self.use_kept(name) {
            return Ok(week);
        }
        let lock = self.week_lock(name);
        let mut shown = lock.lock().await;
        if let Some(week) = shown.upgrade() {
            self.keep(name, &week);
            return Ok(week);
        }
        let week = Arc::new(self.read(bytes, load).await?);
        *shown = Arc::downgrade(&week);
        self.keep(name, &week);
        Ok(week)
    }

    /// Reads a week that is needed only briefly: the memory is given back unless `load` keeps its permit.
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

    /// A permit to read a week whose JSON has `bytes` bytes. A week larger than the whole budget is read
    /// alone.
    async fn permit(&self, bytes: u64) -> Result<MemoryPermit, Refusal> {
        let units = bytes.saturating_mul(READING).div_ceil(UNIT);
        let units = u32::try_from(units).unwrap_or(u32::MAX).clamp(1, self.total);
        let busy = || Refusal::unavailable("too many large charts are being read; try again");
        let _waiting = {
            let mut state = self.state();
            // New requests do not overtake those that wait.
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

    /// The week, if it is cached.
    fn use_kept(&self, name: Name) -> Option<Arc<LoadedWeek>> {
        let mut state = self.state();
        let index = state.kept.iter().position(|(kept, _)| *kept == name)?;
        let (_, week) = state.kept.remove(index)?;
        state.kept.push_back((name, week.clone()));
        Some(week)
    }

    /// Caches a week until the memory is needed.
    fn keep(&self, name: Name, week: &Arc<LoadedWeek>) {
        let mut state = self.state();
        if state.waiting == 0 && !state.kept.iter().any(|(kept, _)| *kept == name) {
            state.kept.push_back((name, week.clone()));
        }
    }

    fn week_lock(&self, name: Name) -> WeekLock {
        let mut state = self.state();
        if state.locks.len() >= LOCKS {
            state.locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        }
        state.locks.entry(name).or_default().clone()
    }

    /// Nothing panics while it holds the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A waiting request, which is counted until this is dropped.
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

    /// In these tests, three weeks fit into memory.
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
    async fn unused_weeks_make_room() {
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
    async fn weeks_hold_their_memory_while_they_are_in_use() {
        let memory = memory(Duration::ZERO);
        let mut shown = Vec::new();
        for name in 1..=3 {
            shown.push(get(&memory, name).await.expect("room"));
        }
        let refused = get(&memory, 4).await.expect_err("no room");
        assert_eq!(refused.status(), axum::http::StatusCode::SERVICE_UNAVAILABLE);
        // A week in use is shared, whether or not it is cached.
        assert!(!is_kept(&memory, 2));
        assert!(Arc::ptr_eq(&get(&memory, 2).await.expect("shown"), &shown[1]));
        drop(shown);
        get(&memory, 4).await.expect("room");
    }

    #[tokio::test]
    async fn requests_wait_for_memory() {
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
    async fn concurrent_requests_read_a_week_once() {
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
    async fn a_week_that_cannot_be_read_takes_no_memory() {
        let memory = memory(Duration::ZERO);
        for _ in 0..10 {
            memory.get([1; 16], SIZE, |_| Err(Refusal::damaged())).await.expect_err("damaged");
            let panics = memory.get([1; 16], SIZE, |_| panic!("as a test asked")).await;
            panics.expect_err("interrupted");
        }
        assert_eq!(memory.budget.available_permits(), memory.total as usize);
        // Larger than the whole budget: it is read alone.
        let week = memory.get([2; 16], 1 << 40, |permit| Ok(LoadedWeek::new(charts(), permit)));
        week.await.expect("room");
    }
}
