//! The publisher's side: brings signed checkpoints to the witnesses of a policy, all at once.
//!
//! Each witness is talked to on a thread of its own (`feed_one`), and all of them have one deadline.
//! Once those that have cosigned are a quorum, the others are waited for a little longer: their word is
//! worth having, and one that hangs must not hold up the log.
//!
//! From where a proof has to begin for a witness, nothing on a disk says but the log itself: its
//! published checkpoint carries the cosignatures of those that have seen it. Whatever else a witness
//! has, it says with 409. A running process remembers besides.
//!
//! What a witness answers is believed as far as its key goes: of each line, the key's name and ID must
//! be one of the policy's at that address, and its signature good. Other lines are ignored, and one bad
//! line of a known key makes that witness fail, and no other.
//!
//! A cosignature says when its witness saw the tree, and clients measure the age of a view by that. So one
//! that was not made now, by the clock here, is not counted: with a time to come it would pass for fresh
//! when it is not, and with one that is past it says nothing of what was asked.

use super::feed_http::{Http, Post};
use super::feed_one::{Clock, Conversation, Outcome, SystemClock};
use super::feed_state::FeedState;
use crate::address::Address;
use crate::tlog::{Asked, CLOCKS_DIFFER, CosignerKey, Note, NoteSignature, Policy, PolicyWitness};
use crate::tlog::{Submission, TreeSize, WitnessAnswer, Witnesses};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long witnesses are waited for.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// All of them.
    deadline: Duration,
    /// The others, once there is a quorum.
    grace: Duration,
}

const PATIENCE: Patience =
    Patience { deadline: Duration::from_secs(20), grace: Duration::from_secs(2) };

/// Asks the witnesses of a policy for cosignatures.
#[derive(Debug)]
pub struct Feeder {
    policy: Policy,
    /// Where checkpoints are submitted: each address once, with the witnesses of the policy that are
    /// there, by their index. One witness may have several keys.
    places: Vec<Place>,
    post: Arc<dyn Post>,
    clock: Arc<dyn Clock>,
    patience: Patience,
    /// The size that each place had last, as far as this process knows.
    sizes: Arc<Mutex<BTreeMap<usize, TreeSize>>>,
    state: FeedState,
}

#[derive(Debug)]
struct Place {
    url: String,
    witnesses: Vec<usize>,
}

/// A policy whose witnesses cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FeederError {
    /// The address of a witness is none.
    #[error("the witness {witness}: {reason}")]
    Address {
        /// What the policy calls it.
        witness: String,
        /// What is wrong.
        reason: String,
    },
    /// Those that have an address are too few.
    #[error(
        "too few witnesses of the policy have a URL, to which checkpoints could be submitted, to reach \
         its quorum; without one: {0}"
    )]
    Unreachable(String),
    /// More witnesses than a checkpoint can carry cosignatures of.
    #[error(
        "a checkpoint carries {} signatures at most, of which one is the log's: the policy has too many \
         witnesses",
        Note::MAXIMUM_SIGNATURES
    )]
    TooMany,
}

impl Feeder {
    /// A feeder of the witnesses of a policy, at the addresses that it gives.
    pub fn new(policy: Policy) -> Result<Feeder, FeederError> {
        Feeder::with(policy, Arc::new(Http::new()), Arc::new(SystemClock), PATIENCE)
    }

    fn with(
        policy: Policy,
        post: Arc<dyn Post>,
        clock: Arc<dyn Clock>,
        patience: Patience,
    ) -> Result<Feeder, FeederError> {
        // And the log's own signature.
        if policy.witnesses().len() >= Note::MAXIMUM_SIGNATURES {
            return Err(FeederError::TooMany);
        }
        let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut reached = BTreeSet::new();
        for (index, witness) in policy.witnesses().iter().enumerate() {
            if let Some(address) = address(witness)? {
                reached.insert(index);
                places.entry(address.join("add-checkpoint")).or_default().push(index);
            }
        }
        if !policy.is_quorum(&reached) {
            let without = policy.witnesses().iter().enumerate();
            let without = without.filter(|(index, _)| !reached.contains(index));
            let names: Vec<String> = without.map(|(_, one)| one.name.to_string()).collect();
            return Err(FeederError::Unreachable(names.join(", ")));
        }
        let places = places.into_iter().map(|(url, witnesses)| Place { url, witnesses });
        Ok(Feeder {
            places: places.collect(),
            post,
            clock,
            patience,
            sizes: Arc::default(),
            state: FeedState::default(),
            policy,
        })
    }

    /// What witnesses answered last.
    pub fn state(&self) -> &FeedState {
        &self.state
    }

    /// Begins a conversation with each place. The outcomes come as they come.
    fn begin(&self, submission: &Submission, until: Instant) -> Receiver<(usize, Outcome)> {
        let (tell, hear) = channel();
        for (at, place) in self.places.iter().enumerate() {
            let known = place.witnesses.iter().filter_map(|index| submission.known.get(index));
            let remembered = self.sizes().get(&at).copied();
            let guess = known.copied().chain(remembered).max().unwrap_or(TreeSize::ZERO);
            // More than is submitted it may have only if it is ahead, which it will say.
            let old = guess.min(submission.checkpoint.head().size);
            let (post, clock, sizes) = (self.post.clone(), self.clock.clone(), self.sizes.clone());
            let (url, submission, tell) = (place.url.clone(), submission.clone(), tell.clone());
            let talk = move || {
                let conversation = Conversation {
                    post: post.as_ref(),
                    clock: clock.as_ref(),
                    until,
                    url: &url,
                    submission: &submission,
                    old,
                };
                let (outcome, size) = conversation.hold();
                sizes.lock().unwrap_or_else(PoisonError::into_inner).insert(at, size);
                // Nobody may be waiting any more.
                let _ = tell.send((at, outcome));
            };
            // Where there is no thread to be had, nobody sends, and that is no answer either.
            let _ = thread::Builder::new().name("witness".to_owned()).spawn(talk);
        }
        hear
    }

    fn sizes(&self) -> std::sync::MutexGuard<'_, BTreeMap<usize, TreeSize>> {
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a cosignature was made in answer to what was asked at a time.
    fn made_now(&self, time: u64, asked_at: u64) -> Result<(), String> {
        let now = self.clock.unix();
        let said = |what: &str| {
            let time = shown(time);
            format!("its clock is wrong: its cosignature has the time {time}, {what}")
        };
        if time > now.saturating_add(CLOCKS_DIFFER) {
            return Err(said(&format!("and here it is only {}", shown(now))));
        }
        if time.saturating_add(CLOCKS_DIFFER) < asked_at {
            let asked_at = shown(asked_at);
            return Err(said(&format!(
                "and it was asked at {asked_at}; or it answers with one that it made before"
            )));
        }
        Ok(())
    }

    /// What an outcome means for a witness at the place where it was, which was asked at this time.
    fn judge(
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
            Outcome::Lines(lines) => match good(&witness.key, lines, submission)
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

    fn ask(&self, submission: &Submission) -> Vec<Asked> {
        let asked_at = self.clock.unix();
        let mut until = self.clock.now() + self.patience.deadline;
        let hear = self.begin(submission, until);
        let mut answers: BTreeMap<usize, WitnessAnswer> = BTreeMap::new();
        let mut cosigned = BTreeSet::new();
        let mut left = self.places.len();
        while left > 0 {
            let wait = until.saturating_duration_since(self.clock.now());
            let Ok((at, outcome)) = hear.recv_timeout(wait) else { break };
            left -= 1;
            for index in self.places.get(at).map_or(&[][..], |place| &place.witnesses) {
                let answer = self.judge(*index, &outcome, submission, asked_at);
                if matches!(answer, WitnessAnswer::Cosigned(_)) {
                    cosigned.insert(*index);
                }
                answers.insert(*index, answer);
            }
            if self.policy.is_quorum(&cosigned) {
                until = until.min(self.clock.now() + self.patience.grace);
            }
        }
        let witnesses = self.policy.witnesses().iter().enumerate();
        let asked = witnesses.map(|(index, witness)| {
            let answer = answers.remove(&index).unwrap_or_else(|| {
                WitnessAnswer::Failed(match &witness.url {
                    Some(url) => format!("{url} did not answer in time"),
                    None => "it has no url to which checkpoints could be submitted".to_owned(),
                })
            });
            Asked { witness: witness.name.to_string(), answer }
        });
        let asked: Vec<Asked> = asked.collect();
        self.state.note(&asked);
        asked
    }
}

/// Where checkpoints are submitted to a witness, if the policy says so.
fn address(witness: &PolicyWitness) -> Result<Option<Address>, FeederError> {
    let Some(url) = &witness.url else { return Ok(None) };
    let wrong = |reason| FeederError::Address { witness: witness.name.to_string(), reason };
    let text =
        str::from_utf8(url.as_bytes()).map_err(|_| wrong("its URL is no text".to_owned()))?;
    text.parse().map(Some).map_err(|e| wrong(format!("its URL {e}")))
}

/// A time as people read it.
fn shown(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|at| Timestamp::from_second(at).ok());
    time.map_or_else(|| format!("{seconds} seconds after 1970"), |time| time.to_string())
}

/// The good cosignatures by a key among the lines of an answer, and the latest time of them.
fn good(
    key: &CosignerKey,
    lines: &[NoteSignature],
    submission: &Submission,
) -> Result<(Vec<NoteSignature>, u64), String> {
    let by_key = |line: &&NoteSignature| line.name() == key.name() && line.id() == key.id();
    let mine: Vec<NoteSignature> = lines.iter().filter(by_key).cloned().collect();
    if mine.is_empty() {
        return Err(format!(
            "it answered without a cosignature by the key {}+{}; it may have another key now",
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
        Ok(None) => Err("its cosignature is not there".to_owned()),
        Err(e) => Err(format!("its cosignature is bad: {e}")),
    }
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
