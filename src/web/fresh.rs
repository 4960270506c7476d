//! What a pointer of the store leads to, read again when someone asks and the last reading is old.
//!
//! Requests that arrive during a reading wait for it, so that many make no more readings than one.
//! Where the store cannot be read, what was read last is shown, and the operator told. The published
//! head has rules of its own (`head`).

use super::head::FRESH;
use super::refusal::Refusal;
use std::fmt::Display;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;
use tokio::sync::Mutex;

/// One thing over time.
#[derive(Debug)]
pub(super) struct Fresh<T> {
    /// The last reading. Locked for a moment at a time, never during a reading.
    last: RwLock<Option<(Arc<T>, Instant)>>,
    /// Held by the one who reads.
    turn: Mutex<()>,
}

impl<T: Send + Sync + 'static> Fresh<T> {
    pub(super) fn new() -> Fresh<T> {
        Fresh { last: RwLock::default(), turn: Mutex::default() }
    }

    /// The thing now. `read` blocks; it is given the last one, which it returns again if nothing
    /// changed.
    pub(super) async fn current<E: Display + Send + 'static>(
        &self,
        read: impl FnOnce(Option<Arc<T>>) -> Result<Arc<T>, E> + Send + 'static,
    ) -> Result<Arc<T>, Refusal> {
        if let Some(thing) = self.if_fresh() {
            return Ok(thing);
        }
        let _turn = self.turn.lock().await;
        // Whoever had the turn before read what is wanted here.
        if let Some(thing) = self.if_fresh() {
            return Ok(thing);
        }
        let (at, last) = (Instant::now(), self.last().map(|(thing, _)| thing));
        let before = last.clone();
        let thing = match tokio::task::spawn_blocking(move || read(before)).await {
            Ok(Ok(thing)) => thing,
            Ok(Err(fault)) => {
                tracing::error!(%fault, "cannot read what changed");
                last.ok_or_else(Refusal::damaged)?
            }
            Err(_) => return Err(Refusal::unavailable("reading was interrupted; try again")),
        };
        let reading = Some((thing.clone(), at));
        *self.last.write().unwrap_or_else(PoisonError::into_inner) = reading;
        Ok(thing)
    }

    fn if_fresh(&self) -> Option<Arc<T>> {
        self.last().filter(|(_, at)| at.elapsed() < FRESH).map(|(thing, _)| thing)
    }

    fn last(&self) -> Option<(Arc<T>, Instant)> {
        self.last.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
