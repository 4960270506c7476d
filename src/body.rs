//! Bodies that are arriving: how many at once, how slowly, and which one makes room.
//!
//! A sender that never ends its body costs nothing but a connection and what it sent. So:
//!
//! - A body must keep up [`BodyLimits::rate`] on average, after [`BodyLimits::grace`]. The rate is one
//!   that a phone on the slowest mobile network (GPRS moves 1,000 to 5,000 bytes a second) exceeds.
//! - There is room for [`BodyLimits::at_once`] bodies of [`BodyLimits::bytes`] together. Where that is
//!   used up, the slowest of them is given up for the newest: honest senders, however slow their
//!   line, are faster than those who only want to hold what others need.
//!
//! Used by the receivers of reports (`ingest`) and of checkpoints (`witness`), each with a budget of its
//! own. Who is given up is asked to try again. Nothing here knows who a sender is.

use axum::body::{Body, Bytes, HttpBody};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// How long a body has been arriving before its speed says much.
const SETTLING: Duration = Duration::from_secs(2);

/// What bodies may take.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Bodies that are held at one time, each until its request is answered.
    pub at_once: usize,
    /// Bytes that they hold together.
    pub bytes: usize,
    /// How long a body may take besides the time that its bytes may take.
    pub grace: Duration,
    /// Bytes a second that are fast enough.
    pub rate: u32,
}

impl Default for BodyLimits {
    fn default() -> BodyLimits {
        let grace = Duration::from_secs(10);
        BodyLimits { at_once: 1024, bytes: 64 << 20, grace, rate: 512 }
    }
}

impl BodyLimits {
    /// How long a body may have taken of which so many bytes have arrived.
    fn patience(&self, received: usize) -> Duration {
        // Bodies are small: neither number is near the limit of its type.
        let milliseconds = received as u64 * 1000 / u64::from(self.rate.max(1));
        self.grace + Duration::from_millis(milliseconds)
    }
}

/// All bodies that a receiver holds. Cloning is cheap; all clones share one budget.
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
    /// There is no room, and nobody to make any.
    Full,
}

/// A body that arrived. Its bytes count until it is dropped.
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
    /// Numbers tell which body began first.
    next: u64,
    bytes: usize,
    bodies: BTreeMap<u64, Arriving>,
}

#[derive(Debug)]
struct Arriving {
    began: Instant,
    received: usize,
    /// Tells its reader to give up; `None` once the body is whole.
    give_up: Option<oneshot::Sender<()>>,
}

impl Arriving {
    /// Bytes a second, as if the body had come at the minimum rate for [`SETTLING`] before it began:
    /// so one that has just begun is neither slow nor fast, and one that sends nothing is the slower
    /// the longer it does.
    fn speed(&self, now: Instant, rate: u32) -> f64 {
        let settling = SETTLING.as_secs_f64();
        let elapsed = now.saturating_duration_since(self.began).as_secs_f64();
        (self.received as f64 + f64::from(rate) * settling) / (elapsed + settling)
    }
}

/// What one body takes of the budget, until it is dropped.
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
            // Trailers are of no interest.
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

    /// A share for a body that begins, and what ends when it is to be given up.
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
    /// Gives up the slowest body that is still arriving, other than this one. Of those that are
    /// equally slow, the first.
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

    /// Forgets a body. Its reader, if there still is one, is told by the sender's end.
    fn remove(&mut self, number: u64) {
        if let Some(body) = self.bodies.remove(&number) {
            self.bytes = self.bytes.saturating_sub(body.received);
        }
    }
}

impl Share {
    /// Counts bytes that arrived.
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

    /// From here on the body is not given up.
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
