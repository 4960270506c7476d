//! The conversation with one witness about one checkpoint: what to send it, what its answer means, and
//! whether to ask again.
//!
//! <https://c2sp.org/tlog-witness>, "add-checkpoint". What differs between witnesses:
//!
//! | answer | how it is handled |
//! | --- | --- |
//! | 200 | cosignatures, which `feed` verifies |
//! | 409 with a size | the next proof starts there; a size larger than the checkpoint's is an alarm |
//! | 409 with the size that was sent | before v1.0.0, 409 could also mean an invalid proof. Retried once, since it may be a race; after that it counts as 422 |
//! | 409 without a size | other sizes that it may have are tried, each once |
//! | 422 | it has seen another history: an alarm, since the proof started from the size that it says it has |
//! | 429, 5xx, no answer | retried a few times, with pauses |
//! | 500 | the same; omniwitness answers this where 403 or 404 is meant |
//! | anything else | a refusal; the message says why that may be |

use super::feed_http::{Post, Reply};
use super::request::AddCheckpoint;
use crate::tlog::{ConsistencyProof, NoteSignature, Submission, TreeSize, prove_consistency};
use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The most requests of one conversation.
const MOST_REQUESTS: usize = 8;
/// How many temporary failures are tolerated.
const MOST_FAULTS: u32 = 3;
/// How long to wait after the first of them; doubled after each one.
const PAUSE: Duration = Duration::from_millis(250);

/// The outcome of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It answered with these lines.
    Lines(Vec<NoteSignature>),
    /// It did not cosign.
    Failed(String),
    /// It has a larger tree.
    Ahead(TreeSize),
    /// Its history differs from the log's first entries, up to this size.
    OtherHistory(TreeSize),
}

/// The clock of a conversation.
pub(super) trait Clock: fmt::Debug + Send + Sync {
    fn now(&self) -> Instant;
    fn sleep(&self, time: Duration);
    /// The time of day, in seconds since 1970.
    fn unix(&self) -> u64;
}

/// The system's clock.
#[derive(Debug)]
pub(super) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }

    fn unix(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }
}

/// A conversation in progress.
pub(super) struct Conversation<'a> {
    pub(super) post: &'a dyn Post,
    pub(super) clock: &'a dyn Clock,
    pub(super) until: Instant,
    /// Where checkpoints are added.
    pub(super) url: &'a str,
    pub(super) submission: &'a Submission,
    /// The size of the tree that the witness is believed to have cosigned last.
    pub(super) old: TreeSize,
}

/// What to do after an answer.
enum Next {
    End(Outcome),
    /// Ask again from this size.
    From(TreeSize),
    /// Ask again after a pause, whose length the witness may have given.
    Later(Option<Duration>, String),
}

impl Conversation<'_> {
    /// Talks until there is an outcome. Also returns the size that the witness has in the end, as far as
    /// that is known.
    pub(super) fn run(mut self) -> (Outcome, TreeSize) {
        let size = self.submission.checkpoint.head().size;
        let mut asked_from = Vec::new();
        let mut faults = 0;
        let mut problem = "it did not answer in time".to_owned();
        for _ in 0..MOST_REQUESTS {
            let left = self.until.saturating_duration_since(self.clock.now());
            if left.is_zero() {
                break;
            }
            let body = match self.body() {
                Ok(body) => body,
                Err(reason) => return (Outcome::Failed(reason), self.old),
            };
            asked_from.push(self.old);
            let next = match self.post.post(self.url, &body, left) {
                Ok(reply) => self.next(&reply, &asked_from),
                Err(reason) => Next::Later(None, reason),
            };
            match next {
                Next::End(outcome) => {
                    let old = if matches!(outcome, Outcome::Lines(_)) { size } else { self.old };
                    return (outcome, old);
                }
                Next::From(old) => self.old = old,
                Next::Later(wait, reason) => {
                    problem = reason;
                    let wait = wait.unwrap_or(PAUSE * 2_u32.pow(faults));
                    faults += 1;
                    let left = self.until.saturating_duration_since(self.clock.now());
                    if faults == MOST_FAULTS || wait >= left {
                        break;
                    }
                    asked_from.pop();
                    self.clock.sleep(wait);
                }
            }
        }
        (Outcome::Failed(problem), self.old)
    }

    fn body(&self) -> Result<String, String> {
        let size = self.submission.checkpoint.head().size;
        let proof = match self.old {
            TreeSize::ZERO => ConsistencyProof::new(Vec::new()),
            old => prove_consistency(old, size, &self.submission.tiles.as_ref())
                .map_err(|e| format!("the proof from its {old} entries cannot be made: {e}"))?,
        };
        let note = self.submission.note.clone();
        Ok(AddCheckpoint { old: self.old, proof, note }.to_string())
    }

    fn next(&self, reply: &Reply, asked_from: &[TreeSize]) -> Next {
        let failed = |reason: String| Next::End(Outcome::Failed(reason));
        let said = excerpt(&reply.body);
        match reply.status {
            200 => match lines(&reply.body) {
                Ok(lines) => Next::End(Outcome::Lines(lines)),
                Err(reason) => failed(format!("it answered 200 and no cosignatures: {reason}")),
            },
            409 => self.conflict(reply, asked_from),
            422 => self.refused_proof(),
            400 => failed(format!("it answered 400: it does not understand the request{said}")),
            403 => failed(format!(
                "it answered 403: it knows this log by another key than {}; give its operator \
                 this key{said}",
                self.log_key()
            )),
            404 => failed(format!(
                "it answered 404: it does not know this log (ask its operator to add it, with \
                 the key {}), or url is not its submission prefix{said}",
                self.log_key()
            )),
            300..=399 => failed(format!(
                "it answered {}: redirects are not followed; use the new address as its url",
                reply.status
            )),
            500 => Next::Later(
                reply.retry_after,
                format!(
                    "it answered 500; some witnesses do so if they do not know this log, or its \
                     key{said}"
                ),
            ),
            429 | 501..=599 => {
                Next::Later(reply.retry_after, format!("it answered {}{said}", reply.status))
            }
            other => failed(format!("it answered {other}, which no witness should{said}")),
        }
    }

    /// 409: it has another size than was sent, or, by older rules, refuses the proof.
    fn conflict(&self, reply: &Reply, asked_from: &[TreeSize]) -> Next {
        let size = self.submission.checkpoint.head().size;
        let asked = |old: &TreeSize| asked_from.iter().filter(|asked| *asked == old).count();
        let text = str::from_utf8(&reply.body).ok();
        let theirs = text.and_then(|text| text.trim_ascii_end().parse::<TreeSize>().ok());
        match theirs {
            Some(theirs) if theirs > size => Next::End(Outcome::Ahead(theirs)),
            Some(theirs) if asked(&theirs) < 2 => Next::From(theirs),
            Some(theirs) if theirs == self.old => self.refused_proof(),
            Some(_) => Next::End(Outcome::Failed(
                "it answered 409 again and again, with changing sizes".to_owned(),
            )),
            None => {
                let known = self.submission.known.values().copied();
                let mut others = known.chain([size, TreeSize::ZERO]);
                match others.find(|other| asked(other) == 0) {
                    Some(other) => Next::From(other),
                    None => Next::End(Outcome::Failed(format!(
                        "it answered 409 without the size of the tree that it has{}",
                        excerpt(&reply.body)
                    ))),
                }
            }
        }
    }

    /// It refuses the proof. An empty proof, for a first checkpoint, cannot be wrong, so then it means
    /// something else.
    fn refused_proof(&self) -> Next {
        Next::End(match self.old {
            TreeSize::ZERO => Outcome::Failed(
                "it refuses a first checkpoint, for which there is nothing to prove".to_owned(),
            ),
            old => Outcome::OtherHistory(old),
        })
    }

    fn log_key(&self) -> String {
        let signatures = self.submission.note.signatures();
        let key = signatures.first().map(|line| format!("{}+{}", line.name(), line.id()));
        key.unwrap_or_default()
    }
}

/// The signature lines of an answer.
fn lines(body: &[u8]) -> Result<Vec<NoteSignature>, String> {
    let text = str::from_utf8(body).map_err(|_| "it is not UTF-8".to_owned())?;
    let text = text.strip_suffix('\n').ok_or("it does not end in a line end")?;
    let lines = text.split('\n').enumerate();
    let lines = lines.map(|(at, line)| {
        NoteSignature::parse(line).map_err(|reason| format!("line {} {reason}", at + 1))
    });
    lines.collect()
}

/// The start of the body, for a message.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line: String = text.lines().next().unwrap_or_default().chars().take(120).collect();
    let line: String = line.chars().filter(|c| !c.is_control()).collect();
    if line.is_empty() { line } else { format!(" (it said {line:?})") }
}
