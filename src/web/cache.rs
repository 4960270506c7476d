//! A bounded cache in memory, for values that never change.
//!
//! A value is kept until its room is needed. Of many requests for the same missing value, one loads it and
//! the others wait. Loading blocks (the store does, and so does hashing), so it runs on the blocking pool.
//! Failures are not cached.

use quick_cache::Weighter;
use quick_cache::sync;
use std::hash::Hash;
use std::sync::Arc;

/// Values that know how many bytes of memory they take.
pub(super) trait Weigh {
    /// The number of bytes, roughly.
    fn weight(&self) -> u64;
}

/// Values by key, up to a number of bytes.
#[derive(Debug)]
pub(super) struct Cache<K, V> {
    values: sync::Cache<K, Arc<V>, ByWeight>,
}

#[derive(Debug, Clone)]
struct ByWeight;

/// What each value costs besides its own bytes, roughly, so that empty values are not free.
const OVERHEAD: u64 = 512;

impl<K, V: Weigh> Weighter<K, Arc<V>> for ByWeight {
    fn weight(&self, _: &K, value: &Arc<V>) -> u64 {
        value.weight() + OVERHEAD
    }
}

/// The thread that was loading was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stopped;

impl<K, V> Cache<K, V>
where
    K: Hash + Eq + Copy + Send + 'static,
    V: Weigh + Send + Sync + 'static,
{
    /// A cache of up to `capacity` bytes, for values of about `typical` bytes.
    pub(super) fn new(capacity: u64, typical: u64) -> Cache<K, V> {
        let items = usize::try_from(capacity / (typical + OVERHEAD)).unwrap_or(usize::MAX);
        Cache { values: sync::Cache::with_weighter(items, capacity, ByWeight) }
    }

    /// The value of this key, which `load` loads if it is missing.
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

    /// The value of this key, if it is here.
    pub(super) fn known(&self, key: &K) -> Option<Arc<V>> {
        self.values.get(key)
    }

    /// As [`Cache::get`], for values that are loaded asynchronously.
    pub(super) async fn get_with<E>(
        &self,
        key: K,
        load: impl Future<Output = Result<V, E>>,
    ) -> Result<Arc<V>, E> {
        self.values.get_or_insert_async(&key, async { load.await.map(Arc::new) }).await
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
    async fn concurrent_requests_load_a_value_once() {
        let cache: Arc<Cache<u8, u64>> = Arc::new(Cache::new(1 << 20, 1));
        let (asked, loads) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let (cache, asked, loads) = (cache.clone(), asked.clone(), loads.clone());
            tasks.spawn(async move {
                let waited_for = asked.clone();
                let load = move || {
                    loads.fetch_add(1, Ordering::SeqCst);
                    // Not before all of them have asked.
                    while waited_for.load(Ordering::SeqCst) < 50 {
                        std::thread::yield_now();
                    }
                    Ok::<_, Failed>(7)
                };
                asked.fetch_add(1, Ordering::SeqCst);
                cache.get(1, load).await
            });
        }
        while let Some(value) = tasks.join_next().await {
            assert_eq!(value.expect("no panic"), Ok(Arc::new(7)));
        }
        assert_eq!(loads.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn failures_and_panics_are_not_cached() {
        let cache: Cache<u8, u64> = Cache::new(1 << 20, 1);
        assert_eq!(cache.get(1, || Err(Failed)).await, Err(Failed));
        assert_eq!(cache.get(1, || panic!("as a test asked")).await, Err(Failed));
        assert_eq!(cache.get(1, || Ok::<_, Failed>(3)).await, Ok(Arc::new(3)));
    }

    #[tokio::test]
    async fn the_capacity_is_not_exceeded() {
        let cache: Cache<u64, u64> = Cache::new(100_000, 1_000);
        for key in 0..1_000 {
            let _ = cache.get(key, || Ok::<_, Failed>(1_000)).await;
        }
        assert!(cache.values.weight() <= 100_000, "{}", cache.values.weight());
        assert!(cache.values.weight() > 50_000, "{}", cache.values.weight());
    }
}
