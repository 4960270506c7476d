//! A bounded cache in memory, for things that never change once they are there.
//!
//! What is loaded is kept until others need the room. Of many requests for one missing thing, one
//! loads it and the rest wait for it. Loading blocks (stores do, and so does hashing), so it runs
//! on threads of its own. A failure is never kept.

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::hash::Hash;
use std::sync::Arc;

/// Things that know how many bytes of memory they take.
pub(super) trait Weigh {
    /// The number of bytes, without the small change.
    fn weight(&self) -> u64;
}

/// Things by key, up to a number of bytes.
#[derive(Debug)]
pub(super) struct Shelf<K, V> {
    cache: Cache<K, Arc<V>, ByWeight>,
}

#[derive(Debug, Clone)]
struct ByWeight;

/// What each thing costs besides its own bytes, roughly. It also keeps empty things from being
/// free.
const OVERHEAD: u64 = 512;

impl<K, V: Weigh> Weighter<K, Arc<V>> for ByWeight {
    fn weight(&self, _: &K, value: &Arc<V>) -> u64 {
        value.weight() + OVERHEAD
    }
}

/// The thread that loaded was stopped before it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stopped;

impl<K, V> Shelf<K, V>
where
    K: Hash + Eq + Copy + Send + 'static,
    V: Weigh + Send + Sync + 'static,
{
    /// A shelf that holds up to `capacity` bytes of things of about `typical` bytes.
    pub(super) fn new(capacity: u64, typical: u64) -> Shelf<K, V> {
        let items = usize::try_from(capacity / (typical + OVERHEAD)).unwrap_or(usize::MAX);
        Shelf { cache: Cache::with_weighter(items, capacity, ByWeight) }
    }

    /// The thing of this key; `load` is run where it is not there.
    pub(super) async fn get<E>(
        &self,
        key: K,
        load: impl FnOnce() -> Result<V, E> + Send + 'static,
    ) -> Result<Arc<V>, E>
    where
        E: From<Stopped> + Send + 'static,
    {
        let loaded = async {
            let task = tokio::task::spawn_blocking(load);
            task.await.map_err(|_| Stopped)?
        };
        self.get_with(key, loaded).await
    }

    /// As [`Shelf::get`], for what is put together from other things that are waited for.
    pub(super) async fn get_with<E>(
        &self,
        key: K,
        load: impl Future<Output = Result<V, E>>,
    ) -> Result<Arc<V>, E> {
        self.cache.get_or_insert_async(&key, async { load.await.map(Arc::new) }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    impl Weigh for u64 {
        fn weight(&self) -> u64 {
            *self
        }
    }

    #[derive(Debug, PartialEq)]
    struct Failed;

    impl From<Stopped> for Failed {
        fn from(_: Stopped) -> Failed {
            Failed
        }
    }

    #[tokio::test]
    async fn what_is_asked_for_many_times_at_once_is_loaded_once() {
        let shelf: Arc<Shelf<u8, u64>> = Arc::new(Shelf::new(1 << 20, 1));
        let (asked, loads) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let (shelf, asked, loads) = (shelf.clone(), asked.clone(), loads.clone());
            tasks.spawn(async move {
                let waited_for = asked.clone();
                let load = move || {
                    loads.fetch_add(1, Ordering::SeqCst);
                    // Not before all have asked.
                    while waited_for.load(Ordering::SeqCst) < 50 {
                        std::thread::yield_now();
                    }
                    Ok::<_, Failed>(7)
                };
                asked.fetch_add(1, Ordering::SeqCst);
                shelf.get(1, load).await
            });
        }
        while let Some(value) = tasks.join_next().await {
            assert_eq!(value.expect("no panic"), Ok(Arc::new(7)));
        }
        assert_eq!(loads.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn failures_and_panics_are_not_kept() {
        let shelf: Shelf<u8, u64> = Shelf::new(1 << 20, 1);
        assert_eq!(shelf.get(1, || Err(Failed)).await, Err(Failed));
        assert_eq!(shelf.get(1, || panic!("as a test asked")).await, Err(Failed));
        assert_eq!(shelf.get(1, || Ok::<_, Failed>(3)).await, Ok(Arc::new(3)));
    }

    #[tokio::test]
    async fn the_capacity_is_kept() {
        let shelf: Shelf<u64, u64> = Shelf::new(100_000, 1_000);
        for key in 0..1_000 {
            let _ = shelf.get(key, || Ok::<_, Failed>(1_000)).await;
        }
        assert!(shelf.cache.weight() <= 100_000, "{}", shelf.cache.weight());
        assert!(shelf.cache.weight() > 50_000, "{}", shelf.cache.weight());
    }
}
