//! Honest senders of reports. They behave as Go's client and ours do: a 200 is the end of a report,
//! a 4xx too (it is thrown away, which is a loss here), and anything else is tried again later.

use crate::clients::{Clients, Who};
use crate::plan::UPLOADS_PER_SECOND;
use crate::reports::Reports;
use crate::wire;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// How much faster time passes for senders that were asked to come again later.
const HASTE: u32 = 20;
/// The longest time between two attempts.
const LONGEST: Duration = Duration::from_secs(12);
/// One in this many reports is sent over a slow line: in pieces, with pauses.
const SLOW: u64 = 20;
const PIECES: usize = 8;
const PAUSE: Duration = Duration::from_millis(400);
/// One in this many reports is sent again, some lives later, by a client that could not note the 200.
const AGAIN: u64 = 50;
const AGAIN_AFTER: Duration = Duration::from_secs(20);
/// How many senders there are while the first reports are sent.
const FIRST_SENDERS: usize = 8;

/// The senders, and what they know.
#[derive(Debug)]
pub struct Senders {
    pub clients: Arc<Clients>,
    pub reports: Reports,
    next: AtomicU64,
    /// Reports whose sender has not finished.
    under_way: AtomicU64,
    /// How often a report was sent again after its 200.
    pub again: AtomicU64,
    /// Whether nobody waits any more before sending again.
    last: watch::Sender<bool>,
}

impl Senders {
    pub fn new(clients: Arc<Clients>, reports: Reports) -> Senders {
        let (next, under_way, again) = Default::default();
        let last = watch::Sender::new(false);
        Senders { clients, reports, next, under_way, again, last }
    }

    /// Sends this many reports as fast as they are accepted.
    pub async fn send_first(self: &Arc<Self>, count: u64) {
        let slots = Arc::new(Semaphore::new(FIRST_SENDERS));
        for _ in 0..count {
            let slot = slots.clone().acquire_owned().await.expect("never closed");
            let (senders, number) = (self.clone(), self.next.fetch_add(1, Relaxed));
            tokio::spawn(async move {
                senders.deliver(number, 1).await;
                drop(slot);
            });
        }
        let all = u32::try_from(FIRST_SENDERS).expect("few");
        let _all = slots.acquire_many(all).await.expect("never closed");
    }

    /// Starts new senders at a steady rate for ever, however long the others take.
    pub async fn send(self: Arc<Self>) {
        let mut ticks = interval(Duration::from_micros(1_000_000 / UPLOADS_PER_SECOND));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            self.burst(1);
        }
    }

    /// Starts this many new senders at once.
    pub fn burst(self: &Arc<Self>, count: u64) {
        let first = self.next.fetch_add(count, Relaxed);
        for number in first..first + count {
            if number >= self.reports.len() {
                return;
            }
            let senders = self.clone();
            senders.under_way.fetch_add(1, Relaxed);
            tokio::spawn(async move {
                senders.deliver(number, if number % SLOW == 1 { PIECES } else { 1 }).await;
                if number.is_multiple_of(AGAIN) {
                    let wait = AGAIN_AFTER * (1 + number as u32 / AGAIN as u32 % 4);
                    // Whenever it is sent again, it was stored already.
                    let _ = timeout(wait, senders.last.subscribe().wait_for(|last| *last)).await;
                    senders.again.fetch_add(1, Relaxed);
                    senders.deliver(number, 1).await;
                }
                senders.under_way.fetch_sub(1, Relaxed);
            });
        }
    }

    /// Makes all senders that would send a report again later do so now.
    pub fn come_to_an_end(&self) {
        self.last.send_replace(true);
    }

    /// How many reports were started.
    pub fn sent(&self) -> u64 {
        self.next.load(Relaxed).min(self.reports.len())
    }

    /// How many reports their senders still want to send.
    pub fn under_way(&self) -> u64 {
        self.under_way.load(Relaxed)
    }

    /// Sends a report until it is accepted, or refused for good; each time in this many pieces.
    async fn deliver(&self, number: u64, pieces: usize) {
        let report = self.reports.get(number);
        let request = wire::upload(report.day(), report.text());
        for attempt in 0_u32.. {
            let wait = match self.clients.exchange(Who::Sender, &request, pieces, PAUSE).await {
                Ok(answer) if answer.status == 200 => return report.acknowledge(),
                Ok(answer) if (400..500).contains(&answer.status) => {
                    let why = String::from_utf8_lossy(&answer.body);
                    return report.refuse(format!("{} {}", answer.status, why.trim()));
                }
                Ok(answer) => answer.retry_after.unwrap_or(Duration::from_secs(20)) / HASTE,
                // The server is killed, or has no room.
                Err(_) => Duration::from_secs(1),
            };
            let wait = (wait * 2_u32.saturating_pow(attempt.min(4))).min(LONGEST);
            // Not all at once.
            sleep(wait.mul_f64(0.75 + (number % 64) as f64 / 128.0)).await;
        }
    }
}
