//! What a pointer in the store leads to, read again on demand once the last reading is too old.
//!
//! Requests that arrive while it is being read wait for the result, so it is read once for all of them.
//! If the store cannot be read, the last result is shown and the error is logged. The published head has
//! rules of its own (`head`).

use super::head::FRESH;
use super::refusal::Refusal;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;
use tokio::sync::Mutex;

/// A value that is kept fresh.
#[derive(Debug)]
pub(super) struct Fresh<T> {
    /// The last reading. Locked for a moment at a time, never during a reading.
    last: RwLock<Option<(Arc<T>, Instant)>>,
    /// Held by the task that reads.
    turn: Mutex<()>,
}

impl<T: Send + Sync + 'static> Fresh<T> {
    pub(super) fn new() -> Fresh<T> {
        Fresh { last: RwLock::default(), turn: Mutex::default() }
    }

    /// The current value. `read` blocks; it is given the last value, and returns it if nothing
    /// changed.
    pub(super) async fn current<E: std::error::Error + Send + 'static>(
        &self,
        read: impl FnOnce(Option<Arc<T>>) -> Result<Arc<T>, E> + Send + 'static,
    ) -> Result<Arc<T>, Refusal> {
        if let Some(thing) = self.if_fresh() {
            return Ok(thing);
        }
        let _turn = self.turn.lock().await;
        // Another task may have read it meanwhile.
        if let Some(thing) = self.if_fresh() {
            return Ok(thing);
        }
        let (at, last) = (Instant::now(), self.last().map(|(thing, _)| thing));
        let before = last.clone();
        let thing = match tokio::task::spawn_blocking(move || read(before)).await {
            Ok(Ok(thing)) => thing,
            Ok(Err(fault)) => {
                tracing::error!(%fault, "cannot read the store");
                last.ok_or_else(|| Refusal::of_store(&fault))?
            }
            Err(_) => return Err(Refusal::unavailable("reading was interrupted; try again")),
        };
        let reading = Some((thing.clone(), at));
        *self.last.write().unwrap_or_else(PoisonError::into_inner) = reading;
        Ok(thing)
    }

    /// The last value, however old; nothing is read.
    pub(super) fn last_value(&self) -> Option<Arc<T>> {
        self.last().map(|(thing, _)| thing)
    }

    fn if_fresh(&self) -> Option<Arc<T>> {
        self.last().filter(|(_, at)| at.elapsed() < FRESH).map(|(thing, _)| thing)
    }

    fn last(&self) -> Option<(Arc<T>, Instant)> {
        self.last.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
