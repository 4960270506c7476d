//! What was read of charts: the outlines of weeks and spans, which most pages need; and how many requests read
//! charts at once.
//!
//! The charts themselves are small, as each page reads one program's or one chart's, and pages are cached.

use super::cache::{Cache, Weigh};
use super::refusal::Refusal;
use crate::aggregate::figure::{ProgramCharts, WeekCharts};
use crate::aggregate::stored_charts::outline::{SpanOutline, WeekOutline};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Memory for outlines of weeks.
const WEEK_BYTES: u64 = 16 << 20;
/// Memory for outlines of spans.
const SPAN_BYTES: u64 = 16 << 20;
/// The most requests that read charts at once.
const READERS: usize = 16;
/// How long a request waits until it can read.
const PATIENCE: Duration = Duration::from_secs(8);
/// The memory that a byte of an outline's JSON takes once it is read, at most.
const LOADED: u64 = 3;

/// The name of an outline: the first bytes of its hash.
pub(super) type Name = [u8; 16];

/// The cached outlines.
#[derive(Debug)]
pub(in crate::web) struct ChartCache {
    pub(super) weeks: Cache<Name, Outline<WeekOutline>>,
    pub(super) spans: Cache<Name, Outline<SpanOutline>>,
    readers: Arc<Semaphore>,
}

/// An outline, and the size of its JSON.
#[derive(Debug)]
pub(in crate::web) struct Outline<T> {
    pub(super) outline: T,
    bytes: u64,
}

impl<T> Weigh for Outline<T> {
    fn weight(&self) -> u64 {
        self.bytes * LOADED
    }
}

impl<T> Outline<T> {
    pub(super) fn new(outline: T, bytes: u64) -> Outline<T> {
        Outline { outline, bytes }
    }
}

impl Default for ChartCache {
    fn default() -> ChartCache {
        ChartCache {
            weeks: Cache::new(WEEK_BYTES, 64 << 10),
            spans: Cache::new(SPAN_BYTES, 64 << 10),
            readers: Arc::new(Semaphore::new(READERS)),
        }
    }
}

impl ChartCache {
    /// Reads charts on the blocking pool.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        load: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let busy = || Refusal::unavailable("too many charts are being read; try again");
        let permit = timeout(PATIENCE, self.readers.clone().acquire_owned()).await;
        let permit: OwnedSemaphorePermit = permit.map_err(|_| busy())?.map_err(|_| busy())?;
        let read = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            load()
        });
        read.await
            .unwrap_or_else(|_| Err(Refusal::unavailable("reading was interrupted; try again")))
    }
}

/// Charts of a week: of one program, or a few.
#[derive(Debug, Clone)]
pub(in crate::web) struct LoadedWeek(WeekCharts);

impl LoadedWeek {
    /// These charts.
    pub(in crate::web) fn new(charts: WeekCharts) -> LoadedWeek {
        LoadedWeek(charts)
    }

    /// The charts.
    pub(in crate::web) fn charts(&self) -> &WeekCharts {
        &self.0
    }

    /// Those of a program.
    pub(super) fn program(&self, program: &str) -> Option<&ProgramCharts> {
        self.0.programs.iter().find(|found| found.program == program)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    #[tokio::test]
    async fn only_so_many_requests_read_at_once() {
        let (cache, now) = (Arc::new(ChartCache::default()), Arc::new(AtomicUsize::new(0)));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..4 * READERS {
            let (cache, now) = (cache.clone(), now.clone());
            tasks.spawn(async move {
                let load = move || {
                    let readers = now.fetch_add(1, SeqCst) + 1;
                    std::thread::sleep(Duration::from_millis(1));
                    now.fetch_sub(1, SeqCst);
                    Ok(readers)
                };
                cache.read(load).await
            });
        }
        while let Some(readers) = tasks.join_next().await {
            assert!(readers.expect("no panic").expect("read") <= READERS);
        }
    }

    #[tokio::test]
    async fn a_reader_that_panics_gives_its_place_back() {
        let cache = ChartCache::default();
        for _ in 0..2 * READERS {
            let panics = cache.read::<()>(|| panic!("as a test asked")).await;
            panics.expect_err("interrupted");
        }
        assert_eq!(cache.readers.available_permits(), READERS);
    }
}
