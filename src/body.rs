//! Request bodies that are arriving: how many at once, how slowly, and which one makes room.
//!
//! A sender that never finishes its body costs no more than a connection and the bytes it sent:
//!
//! - A body must arrive at [`BodyLimits::rate`] on average, after [`BodyLimits::grace`]. Even a phone
//!   on the slowest mobile network (GPRS moves 1,000 to 5,000 bytes a second) is faster than that.
//! - There is room for [`BodyLimits::at_once`] bodies of [`BodyLimits::bytes`] in total. When that is
//!   used up, the slowest is dropped for the newest: honest senders, however slow their connection, are
//!   faster than attackers who only want to occupy the room.
//!
//! Used for reports (`ingest`) and checkpoints (`witness`), each with its own limits. A sender whose
//! body is dropped is asked to try again. Nothing here knows who a sender is.

use axum::body::{Body, Bytes, HttpBody};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// How long a body must have been arriving before its speed is meaningful.
const SETTLING: Duration = Duration::from_secs(2);

/// Limits for request bodies.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// How many bodies are held at once, each until its request is answered.
    pub at_once: usize,
    /// Their total size in bytes.
    pub bytes: usize,
    /// How long a body may take in addition to the time for its bytes.
    pub grace: Duration,
    /// The minimum rate, in bytes a second.
    pub rate: u32,
}

impl Default for BodyLimits {
    fn default() -> BodyLimits {
        let grace = Duration::from_secs(10);
        BodyLimits { at_once: 1024, bytes: 64 << 20, grace, rate: 512 }
    }
}

impl BodyLimits {
    /// How long a body may take until this many bytes have arrived.
    fn patience(&self, received: usize) -> Duration {
        // Bodies are small, so this does not overflow.
        let milliseconds = received as u64 * 1000 / u64::from(self.rate.max(1));
        self.grace + Duration::from_millis(milliseconds)
    }
}

/// All bodies that are held. Cloning is cheap; all clones share the limits.
#[derive(Debug, Clone)]
pub(crate) struct Bodies {
    limits: BodyLimits,
    held: Arc<Mutex<Held>>,
}

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is larger than it may be.
    TooLarge,
    /// It ended too early, or was malformed.
    Unfinished,
    /// It was slower than the minimum, or the slowest of all when there was no room.
    TooSlow,
    /// There is no room, and none can be made.
    Full,
}

/// A body that has arrived. It occupies room until it is dropped.
#[derive(Debug)]
pub(crate) struct Arrived {
    bytes: Vec<u8>,
    _share: Share,
}

impl Arrived {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[derive(Debug, Default)]
struct Held {
    /// The number of the next body; they tell which began first.
    next: u64,
    bytes: usize,
    bodies: BTreeMap<u64, Arriving>,
}

#[derive(Debug)]
struct Arriving {
    began: Instant,
    received: usize,
    /// Tells its reader to give up; `None` once the body is complete.
    give_up: Option<oneshot::Sender<()>>,
}

impl Arriving {
    /// Bytes a second, as if the body had arrived at the minimum rate for [`SETTLING`] before it began:
    /// so a body that has just begun is neither slow nor fast, and one that sends nothing gets slower
    /// with time.
    fn speed(&self, now: Instant, rate: u32) -> f64 {
        let settling = SETTLING.as_secs_f64();
        let elapsed = now.saturating_duration_since(self.began).as_secs_f64();
        (self.received as f64 + f64::from(rate) * settling) / (elapsed + settling)
    }
}

/// The room that one body occupies, until it is dropped.
#[derive(Debug)]
struct Share {
    number: u64,
    held: Arc<Mutex<Held>>,
}

impl Bodies {
    pub(crate) fn new(limits: BodyLimits) -> Bodies {
        Bodies { limits, held: Arc::default() }
    }

    /// Reads a body of at most `largest` bytes.
    pub(crate) async fn read(&self, body: Body, largest: usize) -> Result<Arrived, BodyError> {
        let (share, mut given_up) = self.admit().ok_or(BodyError::Full)?;
        let began = Instant::now();
        let mut body = body;
        let mut bytes = Vec::new();
        loop {
            let next = poll_fn(|context| Pin::new(&mut body).poll_frame(context));
            let deadline = began + self.limits.patience(bytes.len());
            let frame = tokio::select! {
                _ = &mut given_up => return Err(BodyError::TooSlow),
                frame = timeout_at(deadline, next) => frame.map_err(|_| BodyError::TooSlow)?,
            };
            let Some(frame) = frame else { break };
            let frame = frame.map_err(|_| BodyError::Unfinished)?;
            // Trailers are ignored.
            let data = frame.into_data().unwrap_or(Bytes::new());
            if bytes.len() + data.len() > largest {
                return Err(BodyError::TooLarge);
            }
            share.add(data.len(), &self.limits)?;
            bytes.extend_from_slice(&data);
        }
        share.complete();
        Ok(Arrived { bytes, _share: share })
    }

    /// Room for a new body, and a channel that closes when it is to be dropped.
    fn admit(&self) -> Option<(Share, oneshot::Receiver<()>)> {
        let mut held = lock(&self.held);
        if held.bodies.len() >= self.limits.at_once && !held.give_up_slowest(&self.limits, None) {
            return None;
        }
        let (give_up, given_up) = oneshot::channel();
        let number = held.next;
        held.next += 1;
        let arriving = Arriving { began: Instant::now(), received: 0, give_up: Some(give_up) };
        held.bodies.insert(number, arriving);
        Some((Share { number, held: self.held.clone() }, given_up))
    }
}

impl Held {
    /// Drops the slowest body that is still arriving, except this one; of equally slow ones, the first.
    fn give_up_slowest(&mut self, limits: &BodyLimits, but: Option<u64>) -> bool {
        let now = Instant::now();
        let arriving = self
            .bodies
            .iter()
            .filter(|(number, body)| Some(**number) != but && body.give_up.is_some());
        let speeds = arriving.map(|(number, body)| (*number, body.speed(now, limits.rate)));
        let slowest = speeds.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(number, _)| number);
        if let Some(number) = slowest {
            self.remove(number);
        }
        slowest.is_some()
    }

    /// Forgets a body. Dropping the channel's sender tells its reader.
    fn remove(&mut self, number: u64) {
        if let Some(body) = self.bodies.remove(&number) {
            self.bytes = self.bytes.saturating_sub(body.received);
        }
    }
}

impl Share {
    /// Counts received bytes.
    fn add(&self, count: usize, limits: &BodyLimits) -> Result<(), BodyError> {
        let mut held = lock(&self.held);
        let Some(body) = held.bodies.get_mut(&self.number) else { return Err(BodyError::TooSlow) };
        body.received += count;
        held.bytes += count;
        while held.bytes > limits.bytes {
            if !held.give_up_slowest(limits, Some(self.number)) {
                return Err(BodyError::Full);
            }
        }
        Ok(())
    }

    /// From here on the body is not dropped.
    fn complete(&self) {
        if let Some(body) = lock(&self.held).bodies.get_mut(&self.number) {
            body.give_up = None;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        lock(&self.held).remove(self.number);
    }
}

/// Nothing in here panics while it holds the lock.
fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
