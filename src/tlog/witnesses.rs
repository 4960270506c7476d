//! Asking witnesses for cosignatures, between signing a head and publishing it.
//!
//! An implementation of [`Witnesses`] submits what the log signed to the witnesses of a [`Policy`] and
//! returns what each of them answered. Whether that is enough is decided by checking the resulting note
//! against the policy: an implementation can withhold cosignatures, but cannot make them up.
//!
//! How a witness is reached is left to `witness`.

use super::{Checkpoint, CosignatureTime, Note, NoteSignature, Policy, TileReader, TreeSize};
use super::{LogError, Published, TreeHead, VerifierKey};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// By how many seconds two machines' clocks may differ: a cosignature further ahead of our clock was made
/// by a wrong one.
pub const CLOCK_TOLERANCE: u64 = 300;

/// The witnesses that are asked to cosign.
pub trait Witnesses: fmt::Debug + Send + Sync {
    /// The policy that says how many are enough.
    fn policy(&self) -> &Policy;

    /// The time here, in seconds since 1970.
    fn now(&self) -> u64;

    /// Asks all of them at once, and returns in bounded time.
    fn ask(&self, submission: &Submission) -> Vec<WitnessReply>;
}

/// What is submitted to witnesses.
#[derive(Clone)]
pub struct Submission {
    /// The signed note.
    pub note: Note,
    /// The checkpoint in it.
    pub checkpoint: Checkpoint,
    /// The tree sizes that witnesses are known to have cosigned, by their index in the policy. They may
    /// have cosigned larger trees since.
    pub known: BTreeMap<usize, TreeSize>,
    /// What proofs are made from.
    pub tiles: Arc<dyn TileReader + Send + Sync>,
}

impl fmt::Debug for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submission").field("checkpoint", &self.checkpoint).finish_non_exhaustive()
    }
}

/// The reply of one witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessReply {
    /// What the policy calls it.
    pub witness: String,
    /// Its answer.
    pub answer: WitnessAnswer,
}

/// What a witness answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WitnessAnswer {
    /// It cosigned.
    Cosigned(Vec<NoteSignature>),
    /// It did not cosign: why, in words.
    Failed(String),
    /// It says that it cosigned a larger tree of this log.
    Ahead(TreeSize),
    /// It does not accept that the tree continues the one that it cosigned, of this size.
    OtherHistory(TreeSize),
}

/// A signed head with all cosignatures that could be obtained.
pub(super) struct Cosigned {
    pub(super) published: Published,
    /// Why it must not be published or left as it is, if so.
    pub(super) missing: Option<LogError>,
}

/// A log's witnesses and their policy.
#[derive(Debug, Clone)]
pub(super) struct Witnessing {
    pub(super) witnesses: Arc<dyn Witnesses>,
    /// The log's own keys: one, or two while it is being changed.
    pub(super) log: Vec<VerifierKey>,
}

impl Witnessing {
    /// Whether a published head has the cosignatures that the policy asks for, made at this time or
    /// later.
    pub(super) fn suffices(&self, published: &Published, since: Option<u64>) -> bool {
        published.head().size == TreeSize::ZERO
            || (self.missing(published, since).is_none()
                && (since.is_none() || !self.has_time_to_come(published)))
    }

    /// Whether a witness of the policy has cosigned it with a time in the future.
    fn has_time_to_come(&self, published: &Published) -> bool {
        let Ok((note, checkpoint)) = published.log_note() else { return false };
        let by_now = self.by_now(&note, &checkpoint);
        by_now.is_ok_and(|by_now| by_now.signatures().len() < note.signatures().len())
    }

    /// A note without those cosignatures of the policy's witnesses that have a time in the future.
    fn by_now(&self, note: &Note, checkpoint: &Checkpoint) -> Result<Note, LogError> {
        let bare = bare(note)?;
        let latest = self.latest();
        let is_to_come = |line: &&NoteSignature| {
            let alone = bare.clone().with((*line).clone());
            self.witnesses.policy().witnesses().iter().any(|witness| {
                let time = witness.key.verify(&alone, checkpoint).ok().flatten();
                time.is_some_and(|time| time.seconds() > Some(latest))
            })
        };
        let lines = note.signatures().iter().filter(|line| !is_to_come(line)).cloned();
        Ok(lines.fold(bare.clone(), Note::with))
    }

    /// The latest time that a cosignature may have.
    fn latest(&self) -> u64 {
        self.witnesses.now().saturating_add(CLOCK_TOLERANCE)
    }

    /// Asks for cosignatures of a signed head. `former` is what is published.
    pub(super) fn ask(
        &self,
        signed: Published,
        former: Option<&Published>,
        tiles: Arc<dyn TileReader + Send + Sync>,
        since: Option<u64>,
    ) -> Result<Cosigned, LogError> {
        // An empty tree contains nothing, and some witnesses refuse it.
        if signed.head().size == TreeSize::ZERO {
            return Ok(Cosigned { published: signed, missing: None });
        }
        let (note, checkpoint) = signed.log_note()?;
        let known = former.map(|former| self.known(former)).transpose()?.unwrap_or_default();
        let submission = Submission { note: own(&note, &self.log)?, checkpoint, known, tiles };
        let asked = self.witnesses.ask(&submission);
        let lines = asked.iter().filter_map(|asked| match &asked.answer {
            WitnessAnswer::Cosigned(lines) => Some(lines),
            _ => None,
        });
        let merged = self.merge(&note, &submission.checkpoint, lines.flatten())?;
        // What is published is not withdrawn because of a future time, unless there is something better.
        let by_now = self.by_now(&merged, &submission.checkpoint)?;
        let is_enough = self.witnesses.policy().check(by_now.to_string().as_bytes()).is_ok();
        let published = signed.with_log_note(if is_enough { &by_now } else { &merged });
        let head = published.head();
        let alarm = asked.iter().find_map(|asked| alarm(asked, head));
        let missing = alarm.or_else(|| {
            self.missing(&published, since).map(|reason| {
                let all_cosigned =
                    asked.iter().all(|one| matches!(one.answer, WitnessAnswer::Cosigned(_)));
                let reason = if all_cosigned { reason } else { listed(&asked) };
                LogError::NoQuorum { head, reason }
            })
        });
        Ok(Cosigned { published, missing })
    }

    /// Why the policy does not accept a head, in words.
    fn missing(&self, published: &Published, since: Option<u64>) -> Option<String> {
        let policy = self.witnesses.policy();
        let by_now = published.log_note().and_then(|(note, checkpoint)| {
            let by_now = self.by_now(&note, &checkpoint)?;
            Ok(by_now.to_string())
        });
        let believed = match by_now.map(|note| policy.check(note.as_bytes())) {
            Ok(believed) => believed,
            Err(error) => return Some(error.to_string()),
        };
        let believed = match believed {
            Ok(believed) => believed,
            Err(error) => return Some(error.to_string()),
        };
        let since = since?;
        let at = match policy.needs_no_witness() {
            false => believed.fresh_at,
            true if policy.witnesses().is_empty() => return None,
            true => believed.cosigned.values().filter_map(|time| time.seconds()).max(),
        };
        match at {
            Some(at) if at >= since => None,
            _ => Some(format!("not with a time of {since} (seconds since 1970) or later")),
        }
    }

    /// The sizes known from the cosignatures of what is published.
    fn known(&self, former: &Published) -> Result<BTreeMap<usize, TreeSize>, LogError> {
        let (note, checkpoint) = former.log_note()?;
        let witnesses = self.witnesses.policy().witnesses().iter().enumerate();
        let cosigned = witnesses
            .filter(|(_, witness)| matches!(witness.key.verify(&note, &checkpoint), Ok(Some(_))));
        Ok(cosigned.map(|(index, _)| (index, former.head().size)).collect())
    }

    /// The note with the log's own signatures, and the newest cosignature of each witness of the policy:
    /// a time never goes back, except from one in the future. Other and bad signatures are left out.
    fn merge<'a>(
        &self,
        note: &'a Note,
        checkpoint: &Checkpoint,
        new: impl Iterator<Item = &'a NoteSignature>,
    ) -> Result<Note, LogError> {
        let mut merged = own(note, &self.log)?;
        let bare = bare(note)?;
        let latest = self.latest();
        let by_now = |time: CosignatureTime| time.seconds() <= Some(latest);
        let all: Vec<&NoteSignature> = note.signatures().iter().chain(new).collect();
        for witness in self.witnesses.policy().witnesses() {
            let mut newest: Option<(CosignatureTime, &NoteSignature)> = None;
            for line in &all {
                let alone = bare.clone().with((*line).clone());
                if let Ok(Some(time)) = witness.key.verify(&alone, checkpoint)
                    && newest
                        .is_none_or(|(newest, _)| (by_now(time), time) > (by_now(newest), newest))
                {
                    newest = Some((time, line));
                }
            }
            if let Some((_, line)) = newest {
                merged = merged.with(line.clone());
            }
        }
        Ok(merged)
    }
}

/// A note's text without any signature.
fn bare(note: &Note) -> Result<Note, LogError> {
    Note::sign(note.text(), &[]).map_err(|e| LogError::damaged(super::CHECKPOINT, e))
}

/// A note with the signatures of these keys alone.
fn own(note: &Note, log: &[VerifierKey]) -> Result<Note, LogError> {
    let own = log.iter().filter_map(|key| {
        let is_own = |line: &&NoteSignature| line.name() == key.name() && line.id() == key.id();
        note.signatures().iter().find(is_own).cloned()
    });
    let bare = bare(note)?;
    Ok(own.fold(bare, Note::with))
}

/// The alarm that an answer raises against the log itself.
fn alarm(asked: &WitnessReply, head: TreeHead) -> Option<LogError> {
    let witness = asked.witness.clone();
    match asked.answer {
        WitnessAnswer::Ahead(size) => Some(LogError::WitnessAhead { witness, size, head }),
        WitnessAnswer::OtherHistory(size) => Some(LogError::WitnessDiffers { witness, size, head }),
        WitnessAnswer::Cosigned(_) | WitnessAnswer::Failed(_) => None,
    }
}

/// All the answers, for a message.
fn listed(asked: &[WitnessReply]) -> String {
    let said = asked.iter().map(|WitnessReply { witness, answer }| match answer {
        WitnessAnswer::Cosigned(_) => format!("{witness} cosigned"),
        WitnessAnswer::Failed(reason) => format!("{witness} did not: {reason}"),
        WitnessAnswer::Ahead(size) => format!("{witness} has seen {size} entries"),
        WitnessAnswer::OtherHistory(_) => format!("{witness} has seen another history"),
    });
    said.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
#[path = "witnesses_tests.rs"]
mod tests;
