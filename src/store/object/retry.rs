//! Sending again, with pauses that grow, as long as it makes sense.

use super::answer::{Answer, Cause};
use super::connect::Client;
use super::transport::Seen;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often, and how long, a request is sent again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// How often it is sent.
    pub(super) attempts: u32,
    /// The first pause; each later one is up to twice as long.
    pub(super) first: Duration,
    /// The longest pause.
    pub(super) longest: Duration,
    /// After this time nothing is sent again.
    pub(super) at_most: Duration,
}

/// An operator is told at most so often that a store does not answer: many requests find that out at once.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// Counts attempts.
pub(super) struct Attempts<'a> {
    client: &'a Client,
    patience: Patience,
    made: u32,
    since: Instant,
}

impl Attempts<'_> {
    pub(super) fn new(client: &Client, patience: Patience) -> Attempts<'_> {
        Attempts { client, patience, made: 0, since: Instant::now() }
    }

    /// Whether none was made before this one.
    pub(super) fn is_first(&self) -> bool {
        self.made == 0
    }

    /// Waits before the next attempt, after one that ended with `answer`; `false` if there is none.
    pub(super) async fn another(&mut self, answer: &Answer) -> bool {
        self.made += 1;
        if self.made >= self.patience.attempts || self.since.elapsed() > self.patience.at_most {
            return false;
        }
        self.tell(answer);
        let doubled = self.patience.first.saturating_mul(1 << (self.made - 1).min(16));
        let pause = doubled.min(self.patience.longest);
        // Between half of it and all, so that those who collided do not do so again.
        let mut random = [0; 2];
        let _ = getrandom::fill(&mut random);
        let part = 0.5 + f64::from(u16::from_le_bytes(random)) / f64::from(u16::MAX) / 2.0;
        tokio::time::sleep(pause.mul_f64(part)).await;
        true
    }

    /// Says at once that the store does not answer, as it may take minutes until that is an error.
    fn tell(&self, answer: &Answer) {
        static TOLD: Mutex<Option<Instant>> = Mutex::new(None);
        let (Answer::NotSent(cause) | Answer::Unclear(cause)) = answer else { return };
        let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_some_and(|told| told.elapsed() < TOLD_AGAIN) {
            return;
        }
        *told = Some(Instant::now());
        tracing::warn!(
            "{} does not answer as it should: {cause}; trying again, which may take minutes",
            self.client.name
        );
    }

    /// What is said at the end, if the last attempt ended like this.
    pub(super) fn given_up(&self, last: Answer) -> Cause {
        let tried = match self.made {
            0 | 1 => String::new(),
            made => format!(" ({made} attempts in {:.1} s)", self.since.elapsed().as_secs_f64()),
        };
        let cause = last.into_cause();
        Cause::new(format!("{cause}{tried}"), "")
    }
}

/// Sends a request once, and says what its answer means.
pub(super) async fn ask<T>(
    request: impl Future<Output = object_store::Result<T>>,
) -> Result<T, Answer> {
    let (answer, seen) = Seen::during(request).await;
    answer.map_err(|error| Answer::to(&error, &seen))
}

/// Sends a request that may be sent any number of times, until its answer is settled: a result, `None` if
/// there is no such object, or the reason why there is neither.
pub(super) async fn until_settled<T, F>(
    client: &Client,
    patience: Patience,
    mut request: impl FnMut() -> F,
) -> Result<Option<T>, Cause>
where
    F: Future<Output = object_store::Result<T>>,
{
    let mut attempts = Attempts::new(client, patience);
    loop {
        let answer = match ask(request()).await {
            Ok(done) => return Ok(Some(done)),
            Err(Answer::Missing) => return Ok(None),
            Err(Answer::Refused(cause)) => return Err(cause),
            Err(other) => other,
        };
        if !attempts.another(&answer).await {
            return Err(attempts.given_up(answer));
        }
    }
}
