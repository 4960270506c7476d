//! A lease: of several machines, one at a time does some work.
//!
//! It is a pointer, in which the holder counts while it works. Whoever sees for [`EXPIRES`] that nothing is counted
//! takes it over: the holder has died. Only times on a machine's own clock are compared, never those of two.
//!
//! A holder that was merely slow may go on beside the one that took over. So a lease saves work that several would
//! do for nothing; what must not happen twice is decided by the compare-and-swap at the end of the work.

use super::{Key, Store, StoreError, Swap, checksum};
use crate::event::Event;
use crate::hex::hex;
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// After how long without a sign of its holder a lease is taken over.
pub const EXPIRES: Duration = Duration::from_secs(60);

/// The times of a lease.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// After how long without a sign of the holder it is taken over.
    pub expires: Duration,
    /// How often the holder gives a sign.
    pub renewed: Duration,
    /// How often one who waits looks.
    pub looked: Duration,
}

impl Times {
    /// Those of a deployment.
    const USUAL: Times = Times {
        expires: EXPIRES,
        renewed: Duration::from_secs(15),
        looked: Duration::from_secs(1),
    };
}

/// The bytes of the pointer.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct State {
    /// The holder's id, if someone holds it.
    holder: Option<String>,
    /// Counts the changes.
    changes: u64,
}

impl State {
    fn encode(&self) -> Result<Vec<u8>, StoreError> {
        let json = serde_json::to_vec(self).map_err(io::Error::other);
        let failed =
            |source| StoreError::Io { action: "write", path: "a lease".to_owned(), source };
        Ok(checksum::add(json.map_err(failed)?))
    }

    /// A pointer that is not understood counts as a free lease, since a lease protects nothing.
    fn parse(bytes: Option<&[u8]>) -> State {
        let known = bytes.filter(|bytes| checksum::verify(bytes).is_ok());
        let state = known.and_then(|bytes| serde_json::from_slice(bytes).ok());
        state.unwrap_or(State { holder: None, changes: 0 })
    }
}

/// A lease that is held until this is dropped.
#[derive(Debug)]
pub struct Lease {
    stop: Event,
    renewing: Option<JoinHandle<()>>,
}

impl Lease {
    /// Takes the lease, and waits up to `wait` while another holds it; `None` if one still does then, or if `stop`
    /// is set.
    pub fn take(
        store: &Arc<dyn Store>,
        key: &Key,
        wait: Duration,
        stop: &Event,
    ) -> Result<Option<Lease>, StoreError> {
        Lease::take_within(store, key, wait, stop, Times::USUAL)
    }

    pub(crate) fn take_within(
        store: &Arc<dyn Store>,
        key: &Key,
        wait: Duration,
        stop: &Event,
        times: Times,
    ) -> Result<Option<Lease>, StoreError> {
        let mut id = [0; 16];
        let random = getrandom::fill(&mut id).map_err(io::Error::other);
        random.map_err(|source| StoreError::Io {
            action: "draw",
            path: "random bytes".to_owned(),
            source,
        })?;
        let holder = hex(&id);
        let begun = Instant::now();
        // What was seen last, and when first.
        let mut seen: Option<(Option<Vec<u8>>, Instant)> = None;
        loop {
            let now = store.pointer(key)?;
            let since = match &seen {
                Some((before, since)) if *before == now => *since,
                _ => Instant::now(),
            };
            let state = State::parse(now.as_deref());
            if state.holder.is_none() || since.elapsed() >= times.expires {
                let own = State { holder: Some(holder.clone()), changes: state.changes + 1 };
                if store.swap(key, now.as_deref(), &own.encode()?)? == Swap::Won {
                    return Ok(Some(Lease::held(store.clone(), key.clone(), own, times)?));
                }
                continue;
            }
            seen = Some((now, since));
            let left = wait.saturating_sub(begun.elapsed());
            if left.is_zero() || stop.wait(left.min(times.looked)) {
                return Ok(None);
            }
        }
    }

    fn held(
        store: Arc<dyn Store>,
        key: Key,
        mut state: State,
        times: Times,
    ) -> Result<Lease, StoreError> {
        let stop = Event::new();
        let stopped = stop.clone();
        let renew = move || {
            let change = |state: &mut State, holder: Option<String>| -> Result<Swap, StoreError> {
                let before = state.encode()?;
                let next = State { holder, changes: state.changes + 1 };
                let swapped = store.swap(&key, Some(&before), &next.encode()?)?;
                if swapped == Swap::Won {
                    *state = next;
                }
                Ok(swapped)
            };
            loop {
                let ends = stopped.wait(times.renewed);
                let holder = state.holder.clone().filter(|_| !ends);
                match change(&mut state, holder) {
                    Ok(Swap::Won) if !ends => {}
                    Ok(Swap::Lost) => {
                        tracing::warn!(
                            "{key} was taken over: this machine was too slow, or its store"
                        );
                        return;
                    }
                    // Another one takes over if this goes on.
                    Err(error) if !ends => tracing::warn!(%error, "cannot renew {key}"),
                    Err(error) => {
                        tracing::warn!(%error, "cannot give back {key}; it ends by itself");
                        return;
                    }
                    Ok(Swap::Won) => return,
                }
            }
        };
        let thread = std::thread::Builder::new().name("lease".to_owned()).spawn(renew);
        let renewing = thread.map_err(|source| StoreError::Io {
            action: "start",
            path: "a lease's thread".to_owned(),
            source,
        })?;
        Ok(Lease { stop, renewing: Some(renewing) })
    }
}

/// Gives it back.
impl Drop for Lease {
    fn drop(&mut self) {
        self.stop.set();
        if let Some(renewing) = self.renewing.take() {
            // A panic was reported when it happened.
            drop(renewing.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    const HOURS: Duration = Duration::from_secs(7200);

    fn key() -> Key {
        Key::new("leases/work").expect("a key")
    }

    fn take(store: &Arc<dyn Store>, wait: Duration, times: Times) -> Option<Lease> {
        Lease::take_within(store, &key(), wait, &Event::new(), times).expect("no error")
    }

    fn holder(store: &Arc<dyn Store>) -> Option<String> {
        State::parse(store.pointer(&key()).expect("read").as_deref()).holder
    }

    #[test]
    fn one_at_a_time_holds_it_until_it_is_given_back() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let times = Times {
            expires: HOURS,
            renewed: Duration::from_millis(1),
            looked: Duration::from_millis(1),
        };
        let first = take(&store, Duration::ZERO, times).expect("free");
        let own = holder(&store);
        assert!(own.is_some());
        assert!(take(&store, Duration::ZERO, times).is_none());
        // It is renewed all the time, and stays with the first.
        let changes = || State::parse(store.pointer(&key()).expect("read").as_deref()).changes;
        let before = changes();
        while changes() < before + 3 {
            std::thread::yield_now();
        }
        assert_eq!(holder(&store), own);
        let stop = Event::new();
        stop.set();
        let stopped = Lease::take_within(&store, &key(), HOURS, &stop, times).expect("no error");
        assert!(stopped.is_none());
        drop(first);
        assert_eq!(holder(&store), None);
        assert!(take(&store, Duration::ZERO, times).is_some());
    }

    #[test]
    fn one_who_waits_gets_it_when_the_holder_is_done_or_has_died() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let looked = Duration::from_millis(1);
        let slow = Times { expires: HOURS, renewed: HOURS, looked };
        let first = take(&store, Duration::ZERO, slow).expect("free");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| take(&store, HOURS, slow));
            drop(first);
            assert!(waiting.join().expect("no panic").is_some());
        });
        // A holder of which there is no sign, as if its process had ended.
        let dead = State { holder: Some("dead".to_owned()), changes: 7 };
        let now = store.pointer(&key()).expect("read");
        let swapped = store.swap(&key(), now.as_deref(), &dead.encode().expect("JSON"));
        assert_eq!(swapped.expect("no fault"), Swap::Won);
        assert!(take(&store, Duration::ZERO, slow).is_none());
        let brief = Times { expires: Duration::from_millis(20), ..slow };
        assert!(take(&store, HOURS, brief).is_some());
    }

    #[test]
    fn a_damaged_pointer_is_a_free_lease() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        assert_eq!(store.swap(&key(), None, b"{").expect("no fault"), Swap::Won);
        let times = Times { expires: HOURS, renewed: HOURS, looked: HOURS };
        assert!(take(&store, Duration::ZERO, times).is_some());
    }
}
