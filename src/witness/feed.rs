//! The publisher's side: submits signed checkpoints to all witnesses of a policy at once.
//!
//! Each witness has its own thread (`feed_one`), and all share one deadline. Once there is a quorum, the
//! others get a little longer: their cosignatures are worth having, but one that hangs must not hold up
//! the log.
//!
//! The size that a witness's proof has to start from is known only from the log itself: the published
//! checkpoint has the cosignatures of those that have seen it. If a witness has another size, it says so
//! with 409, and a running process remembers that.
//!
//! Answers are verified: each line's key name and ID must be one of the policy's at that address, and its
//! signature valid. Other lines are ignored; a bad signature by a known key counts as a failure of that
//! witness alone.
//!
//! A cosignature says when its witness saw the tree, and clients measure the age of a view by that. So
//! one that was not made now, by our clock, does not count: with a time in the future it would seem fresh
//! when it is not, and with one in the past it does not answer this request.

use super::feed_http::{Http, Post};
use super::feed_one::{Clock, Conversation, Outcome, SystemClock};
use super::feed_state::FeedState;
use crate::address::Address;
use crate::tlog::{
    CLOCK_TOLERANCE, CosignerKey, Note, NoteSignature, Policy, PolicyWitness, WitnessReply,
};
use crate::tlog::{Submission, TreeSize, WitnessAnswer, Witnesses};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long witnesses are waited for.
#[derive(Debug, Clone, Copy)]
struct Timeouts {
    /// All of them.
    deadline: Duration,
    /// The others, once there is a quorum.
    grace: Duration,
}

const TIMEOUTS: Timeouts =
    Timeouts { deadline: Duration::from_secs(20), grace: Duration::from_secs(2) };

/// Asks the witnesses of a policy for cosignatures.
#[derive(Debug)]
pub struct Feeder {
    policy: Policy,
    /// Where checkpoints are submitted: each address once, with the indexes of the policy's witnesses at
    /// that address. One witness may have several keys.
    endpoints: Vec<Endpoint>,
    post: Arc<dyn Post>,
    clock: Arc<dyn Clock>,
    timeouts: Timeouts,
    /// The last size of each endpoint, as far as this process knows.
    sizes: Arc<Mutex<BTreeMap<usize, TreeSize>>>,
    state: FeedState,
}

#[derive(Debug)]
struct Endpoint {
    url: String,
    witnesses: Vec<usize>,
}

/// A policy whose witnesses cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FeederError {
    /// The address of a witness is invalid.
    #[error("the witness {witness}: {reason}")]
    Address {
        /// What the policy calls it.
        witness: String,
        /// What is wrong.
        reason: String,
    },
    /// Too few witnesses have an address.
    #[error(
        "too few of the policy's witnesses have a URL to submit checkpoints to, so its quorum \
         cannot be reached; without a URL: {0}"
    )]
    Unreachable(String),
    /// More witnesses than a checkpoint can have cosignatures.
    #[error(
        "a checkpoint has at most {} signatures, one of which is the log's: the policy has too \
         many witnesses",
        Note::MAXIMUM_SIGNATURES
    )]
    TooMany,
}

impl Feeder {
    /// A feeder of the witnesses of a policy, at the addresses that it gives.
    pub fn new(policy: Policy) -> Result<Feeder, FeederError> {
        Feeder::with(policy, Arc::new(Http::new()), Arc::new(SystemClock), TIMEOUTS)
    }

    fn with(
        policy: Policy,
        post: Arc<dyn Post>,
        clock: Arc<dyn Clock>,
        timeouts: Timeouts,
    ) -> Result<Feeder, FeederError> {
        // One signature is the log's own.
        if policy.witnesses().len() >= Note::MAXIMUM_SIGNATURES {
            return Err(FeederError::TooMany);
        }
        let mut endpoints: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut reached = BTreeSet::new();
        for (index, witness) in policy.witnesses().iter().enumerate() {
            if let Some(address) = address(witness)? {
                reached.insert(index);
                endpoints.entry(address.join("add-checkpoint")).or_default().push(index);
            }
        }
        if !policy.is_quorum(&reached) {
            let without = policy.witnesses().iter().enumerate();
            let without = without.filter(|(index, _)| !reached.contains(index));
            let names: Vec<String> = without.map(|(_, one)| one.name.to_string()).collect();
            return Err(FeederError::Unreachable(names.join(", ")));
        }
        let endpoints = endpoints.into_iter().map(|(url, witnesses)| Endpoint { url, witnesses });
        Ok(Feeder {
            endpoints: endpoints.collect(),
            post,
            clock,
            timeouts,
            sizes: Arc::default(),
            state: FeedState::default(),
            policy,
        })
    }

    /// The last answers of the witnesses.
    pub fn state(&self) -> &FeedState {
        &self.state
    }

    /// Starts a conversation with each endpoint. Outcomes arrive in any order.
    fn begin(&self, submission: &Submission, until: Instant) -> Receiver<(usize, Outcome)> {
        let (tell, hear) = channel();
        for (at, endpoint) in self.endpoints.iter().enumerate() {
            let known = endpoint.witnesses.iter().filter_map(|index| submission.known.get(index));
            let remembered = self.sizes().get(&at).copied();
            let guess = known.copied().chain(remembered).max().unwrap_or(TreeSize::ZERO);
            // It has more than this only if it is ahead of the log, and then it will say so.
            let old = guess.min(submission.checkpoint.head().size);
            let (post, clock, sizes) = (self.post.clone(), self.clock.clone(), self.sizes.clone());
            let (url, submission, tell) = (endpoint.url.clone(), submission.clone(), tell.clone());
            let talk = move || {
                let conversation = Conversation {
                    post: post.as_ref(),
                    clock: clock.as_ref(),
                    until,
                    url: &url,
                    submission: &submission,
                    old,
                };
                let (outcome, size) = conversation.run();
                sizes.lock().unwrap_or_else(PoisonError::into_inner).insert(at, size);
                // Nobody may be waiting any more.
                let _ = tell.send((at, outcome));
            };
            // If no thread can be started, nothing is sent, which counts as no answer.
            let _ = thread::Builder::new().name("witness".to_owned()).spawn(talk);
        }
        hear
    }

    fn sizes(&self) -> std::sync::MutexGuard<'_, BTreeMap<usize, TreeSize>> {
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a cosignature was made in answer to a request at this time.
    fn made_now(&self, time: u64, asked_at: u64) -> Result<(), String> {
        let now = self.clock.unix();
        let said = |what: &str| {
            let time = shown(time);
            format!("its clock is wrong: its cosignature has the time {time}, {what}")
        };
        if time > now.saturating_add(CLOCK_TOLERANCE) {
            return Err(said(&format!("and here it is only {}", shown(now))));
        }
        if time.saturating_add(CLOCK_TOLERANCE) < asked_at {
            let asked_at = shown(asked_at);
            return Err(said(&format!(
                "and it was asked at {asked_at}; or it returned an older cosignature"
            )));
        }
        Ok(())
    }

    /// What an endpoint's outcome means for one of its witnesses, when asked at this time.
    fn interpret(
        &self,
        index: usize,
        outcome: &Outcome,
        submission: &Submission,
        asked_at: u64,
    ) -> WitnessAnswer {
        let Some(witness) = self.policy.witnesses().get(index) else {
            return WitnessAnswer::Failed("it is not in the policy".to_owned());
        };
        match outcome {
            Outcome::Failed(reason) => WitnessAnswer::Failed(reason.clone()),
            Outcome::Ahead(size) => WitnessAnswer::Ahead(*size),
            Outcome::OtherHistory(size) => WitnessAnswer::OtherHistory(*size),
            Outcome::Lines(lines) => match cosignatures_by(&witness.key, lines, submission)
                .and_then(|(lines, time)| self.made_now(time, asked_at).map(|()| lines))
            {
                Ok(lines) => WitnessAnswer::Cosigned(lines),
                Err(reason) => WitnessAnswer::Failed(reason),
            },
        }
    }
}

impl Witnesses for Feeder {
    fn policy(&self) -> &Policy {
        &self.policy
    }

    fn now(&self) -> u64 {
        self.clock.unix()
    }

    fn ask(&self, submission: &Submission) -> Vec<WitnessReply> {
        let asked_at = self.clock.unix();
        let mut until = self.clock.now() + self.timeouts.deadline;
        let hear = self.begin(submission, until);
        let mut answers: BTreeMap<usize, WitnessAnswer> = BTreeMap::new();
        let mut cosigned = BTreeSet::new();
        let mut left = self.endpoints.len();
        while left > 0 {
            let wait = until.saturating_duration_since(self.clock.now());
            let Ok((at, outcome)) = hear.recv_timeout(wait) else { break };
            left -= 1;
            for index in self.endpoints.get(at).map_or(&[][..], |endpoint| &endpoint.witnesses) {
                let answer = self.interpret(*index, &outcome, submission, asked_at);
                if matches!(answer, WitnessAnswer::Cosigned(_)) {
                    cosigned.insert(*index);
                }
                answers.insert(*index, answer);
            }
            if self.policy.is_quorum(&cosigned) {
                until = until.min(self.clock.now() + self.timeouts.grace);
            }
        }
        let witnesses = self.policy.witnesses().iter().enumerate();
        let asked = witnesses.map(|(index, witness)| {
            let answer = answers.remove(&index).unwrap_or_else(|| {
                WitnessAnswer::Failed(match &witness.url {
                    Some(url) => format!("{url} did not answer in time"),
                    None => "it has no url to submit checkpoints to".to_owned(),
                })
            });
            WitnessReply { witness: witness.name.to_string(), answer }
        });
        let asked: Vec<WitnessReply> = asked.collect();
        self.state.note(&asked);
        asked
    }
}

/// Where checkpoints are submitted to a witness, if the policy says so.
fn address(witness: &PolicyWitness) -> Result<Option<Address>, FeederError> {
    let Some(url) = &witness.url else { return Ok(None) };
    let wrong = |reason| FeederError::Address { witness: witness.name.to_string(), reason };
    let text =
        str::from_utf8(url.as_bytes()).map_err(|_| wrong("its URL is not UTF-8".to_owned()))?;
    text.parse().map(Some).map_err(|e| wrong(format!("its URL {e}")))
}

/// A time as people read it.
fn shown(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|at| Timestamp::from_second(at).ok());
    time.map_or_else(|| format!("{seconds} seconds after 1970"), |time| time.to_string())
}

/// The valid cosignatures by a key among the lines of an answer, and their latest time.
fn cosignatures_by(
    key: &CosignerKey,
    lines: &[NoteSignature],
    submission: &Submission,
) -> Result<(Vec<NoteSignature>, u64), String> {
    let by_key = |line: &&NoteSignature| line.name() == key.name() && line.id() == key.id();
    let mine: Vec<NoteSignature> = lines.iter().filter(by_key).cloned().collect();
    if mine.is_empty() {
        return Err(format!(
            "it answered without a cosignature by the key {}+{}; its key may have changed",
            key.name(),
            key.id()
        ));
    }
    let bare = Note::sign(submission.note.text(), &[]).map_err(|e| e.to_string())?;
    let note = mine.iter().cloned().fold(bare, Note::with);
    match key.verify(&note, &submission.checkpoint) {
        Ok(Some(time)) => match time.seconds() {
            Some(time) if time > 0 => Ok((mine, time)),
            _ => Err("its cosignature does not say when it was made".to_owned()),
        },
        Ok(None) => Err("its cosignature is missing".to_owned()),
        Err(e) => Err(format!("its cosignature is bad: {e}")),
    }
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
