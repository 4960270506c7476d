//! A witness: checks the checkpoints that are submitted, remembers them, and cosigns.
//!
//! What happens to a submission that is cosigned, in order:
//!
//! 1. it is parsed, its log found, and the log's signature verified;
//! 2. the log is locked, so that this process handles one submission of a log at a time;
//! 3. the last cosigned checkpoint is read from the store, and the submission is checked against it
//!    (`checks`);
//! 4. the cosignatures are made, with the current time, or with that of the last ones if the clock is
//!    behind;
//! 5. the checkpoint with its cosignatures replaces the last one, if that is still the one read in step
//!    3; the store syncs it before it returns;
//! 6. the cosignatures are returned.
//!
//! Step 5 is a compare-and-swap ([`Store::swap`]), which also works between processes: if two of them
//! serve one folder and check two checkpoints against the same state, one wins, and the other starts over
//! from step 3 with the winner's state. If the process is killed before step 5, nothing was returned and
//! nothing is remembered; if it is killed after that, it remembers a checkpoint that passed all checks,
//! and the log learns its size from the next 409.
//!
//! # The clock
//!
//! The times of a log's cosignatures never go backwards: if the clock is set back, the last time is used,
//! even after a restart. So if the clock was once ahead, cosignatures stay ahead until the real time
//! catches up; `health` says so.
//!
//! # What would break it
//!
//! A restored old copy of the folder, or a second one with the same keys, would cosign from an old state.
//! A copy of the whole folder is noticed and refused (`manage`), but not one of `witness/store` alone:
//! never restore it from a backup that is older than the last cosignature; create a new witness instead.

use super::checks::{self, Refusal, Signed};
use super::cosigned::{self, Cosigned};
use super::counts::{Counts, Seen};
use super::known_logs::Lists;
use super::rate::{Budgets, Spent};
use super::settings::{Keys, Settings, SettingsError};
use super::{AddCheckpoint, SignSubtree};
use crate::store::{FileStore, KeyError, Store, StoreError, Swap};
use crate::tlog::{
    CosignError, Cosigner, IdentityError, Machine, Note, NoteError, NoteSignature, Origin,
    SignerIdentity, TreeHead,
};
use jiff::Timestamp;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

/// How many locks the logs share, by their hashes: submissions of different logs are handled at once.
const LOCKS: usize = 64;

/// A source of the current time.
pub type Clock = dyn Fn() -> Timestamp + Send + Sync;

/// A witness. Cloning is cheap; all clones are one witness.
#[derive(Clone)]
pub struct Witness(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    store: Arc<dyn Store>,
    clock: Box<Clock>,
    began: Instant,
    keys: RwLock<Arc<Keys>>,
    lists: Lists,
    budgets: Budgets,
    log_locks: [Mutex<()>; LOCKS],
    seen: Mutex<Seen>,
    counts: Counts,
}

/// Why a witness could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// Its settings or keys cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The folder is not the original.
    #[error(
        "this folder is a copy of a witness's, or was restored from a backup ({0}): it may not \
         know what was cosigned since, and could cosign another history. If the original has \
         cosigned nothing since the copy was made and never will again, run `candor witness \
         move`; if you are not sure, create a new witness"
    )]
    Elsewhere(String),
    /// Its list of logs cannot be used.
    #[error("{0}")]
    Lists(String),
}

/// Why a submission could not be answered, for the operator.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Damaged(#[from] cosigned::DamagedState),
    #[error(transparent)]
    Cosign(#[from] CosignError),
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error("no key of this witness is in force: add one with `candor witness add-key`")]
    NoKey,
    #[error("the clock says {0}, which is not a valid time for a cosignature")]
    Clock(Timestamp),
}

/// Why a submission got no cosignatures.
enum SubmissionError {
    Refused(Refusal),
    Failed(Fault),
}

impl From<Refusal> for SubmissionError {
    fn from(refusal: Refusal) -> SubmissionError {
        SubmissionError::Refused(refusal)
    }
}

impl<E: Into<Fault>> From<E> for SubmissionError {
    fn from(fault: E) -> SubmissionError {
        SubmissionError::Failed(fault.into())
    }
}

impl Witness {
    /// The witness in a deployment's folder, `DIR/witness/`.
    pub fn open(data: &Path) -> Result<Witness, WitnessError> {
        let folder = Witness::folder_of(data);
        Settings::read(&folder)?;
        let identity = SignerIdentity::new(&folder, Machine::this()).read();
        identity.map_err(|error| match error {
            IdentityError::Copied { path, difference, .. } => {
                WitnessError::Elsewhere(format!("{path} {difference}"))
            }
            IdentityError::Missing { path } => {
                WitnessError::Elsewhere(format!("there is no {path}"))
            }
            error => WitnessError::Elsewhere(error.to_string()),
        })?;
        let store = Arc::new(FileStore::new(folder.join("store")));
        Witness::with(folder, store, Box::new(Timestamp::now))
    }

    /// The folder of the witness of a deployment.
    pub fn folder_of(data: &Path) -> PathBuf {
        data.join("witness")
    }

    /// The witness of a folder, with this store for its state and this clock.
    pub fn with(
        folder: PathBuf,
        store: Arc<dyn Store>,
        clock: Box<Clock>,
    ) -> Result<Witness, WitnessError> {
        let settings = Settings::read(&folder)?;
        let keys = settings.load_keys(&folder, clock())?;
        let lists = Lists::open(list_files(&folder, &settings)).map_err(WitnessError::Lists)?;
        let witness = Witness(Arc::new(Inner {
            folder,
            store,
            clock,
            began: Instant::now(),
            keys: RwLock::new(Arc::new(keys)),
            lists,
            budgets: Budgets::default(),
            log_locks: [const { Mutex::new(()) }; LOCKS],
            seen: Mutex::default(),
            counts: Counts::default(),
        }));
        witness.look_at_everything();
        Ok(witness)
    }

    /// Reads the state of every known log, so that damage is reported before anyone asks.
    fn look_at_everything(&self) {
        for origin in self.0.lists.current().keys() {
            // A failure is recorded, and returned to whoever asks later.
            let _ = self.read(&cosigned::origin_hash(origin));
        }
    }

    /// Reads the settings, the keys and the lists of logs again. If they cannot be used, the last ones
    /// stay in force, and health says why.
    pub fn reload(&self) {
        let again = Settings::read(&self.0.folder).and_then(|settings| {
            let keys = settings.load_keys(&self.0.folder, self.now())?;
            Ok((settings, keys))
        });
        let problem = match again {
            Ok((settings, keys)) => {
                *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
                self.0.lists.read_from(list_files(&self.0.folder, &settings));
                let known = self.0.lists.current();
                self.0.budgets.keep(|origin| known.contains_key(origin));
                None
            }
            Err(error) => {
                tracing::error!(%error, "the witness's settings cannot be used; the last ones stay");
                Some(error.to_string())
            }
        };
        self.seen().settings = problem;
    }

    /// Answers a submission with the lines of the cosignatures. Blocks on the disk.
    pub fn add_checkpoint(&self, body: &[u8]) -> Result<Vec<NoteSignature>, Refusal> {
        let ended = match self.submit(body) {
            Ok(cosignatures) => {
                self.seen().failed = None;
                return Ok(cosignatures);
            }
            Err(ended) => ended,
        };
        match ended {
            SubmissionError::Refused(refusal) => Err(refusal),
            SubmissionError::Failed(fault) => {
                tracing::error!(%fault, "cannot answer a log");
                self.0.counts.failures.fetch_add(1, Relaxed);
                self.seen().failed = Some(fault.to_string());
                Err(Refusal::Unavailable)
            }
        }
    }

    fn submit(&self, body: &[u8]) -> Result<Vec<NoteSignature>, SubmissionError> {
        let request = AddCheckpoint::parse(body).map_err(Refusal::from)?;
        let checkpoint = checks::checkpoint_of(&request)?;
        let known = self.0.lists.current();
        let log = known.get(checkpoint.origin());
        let log = log.ok_or_else(|| Refusal::UnknownLog(checkpoint.origin().clone()))?;
        let signed = checks::check_signed(request, checkpoint, log)?;
        let hash = cosigned::origin_hash(signed.checkpoint.origin());
        let _lock = self.lock_log(&hash);
        loop {
            let (bytes, last) = self.read(&hash)?;
            let head = last.as_ref().map_or(TreeHead::EMPTY, Cosigned::head);
            if let Err(refusal) = checks::check_continues(&signed, head) {
                self.note_refusal(&signed, head, &refusal);
                return Err(refusal.into());
            }
            let keys = self.keys();
            if let Some(cosignatures) = self.renewed(&signed, last.as_ref(), &keys, log.per_day)? {
                return Ok(cosignatures);
            }
            let (next, cosignatures) = self.cosign(&signed, last.as_ref(), &keys)?;
            let swapped =
                self.0.store.swap(&cosigned::key(&hash)?, bytes.as_deref(), &next.encode()?)?;
            if swapped == Swap::Lost {
                // Another process, or someone editing the store.
                self.0.counts.lost_swaps.fetch_add(1, Relaxed);
                continue;
            }
            let renewed = last.is_some_and(|last| last.head() == next.head());
            let counts = &self.0.counts;
            if renewed { &counts.renewed } else { &counts.grown }.fetch_add(1, Relaxed);
            self.seen().cosigned.insert(hash, (next.head().size, next.time));
            return Ok(cosignatures);
        }
    }

    /// Spends the log's budget, or returns the last cosignatures if they should be sent again: because
    /// they were made this very second, or because the budget for the same checkpoint is used up.
    fn renewed(
        &self,
        signed: &Signed,
        last: Option<&Cosigned>,
        keys: &Keys,
        per_day: u64,
    ) -> Result<Option<Vec<NoteSignature>>, SubmissionError> {
        let spend = |what| {
            let origin = signed.checkpoint.origin();
            self.0.budgets.spend(origin, what, per_day, self.0.began.elapsed())
        };
        let same = last.filter(|last| last.head() == signed.checkpoint.head());
        let Some(last) = same else {
            spend(Spent::Growth).map_err(|wait| Refusal::TooMany { wait })?;
            return Ok(None);
        };
        let made = (last.note.text() == signed.request.note.text())
            .then(|| made_by(&last.note, keys, self.now()))
            .flatten();
        let made_now = seconds(self.now())? <= last.time;
        match made {
            Some(made) if made_now || spend(Spent::Renewal).is_err() => Ok(Some(made)),
            Some(_) => Ok(None),
            None => match spend(Spent::Renewal) {
                Ok(()) => Ok(None),
                Err(wait) => Err(Refusal::TooMany { wait }.into()),
            },
        }
    }

    /// The cosigned checkpoint, and its new cosignatures alone.
    fn cosign(
        &self,
        signed: &Signed,
        last: Option<&Cosigned>,
        keys: &Keys,
    ) -> Result<(Cosigned, Vec<NoteSignature>), Fault> {
        let (text, checkpoint) = (signed.request.note.text(), &signed.checkpoint);
        let now = self.now();
        let time = last.map_or(0, |last| last.time).max(seconds(now)?);
        let mut cosignatures = Vec::new();
        for cosigner in keys.in_force(now) {
            match cosigner.cosign(text, checkpoint, time) {
                Ok(cosignature) => cosignatures.push(cosignature),
                // Some logs' names are too long for ML-DSA.
                Err(CosignError::Long(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if cosignatures.is_empty() {
            return Err(Fault::NoKey);
        }
        let lines = signed.by_log.iter().chain(&cosignatures).cloned();
        let note = lines.fold(Note::sign(text, &[])?, Note::with);
        Ok((Cosigned { note, checkpoint: checkpoint.clone(), time }, cosignatures))
    }

    /// Answers a request to sign a subtree with the lines of the cosignatures. Its checkpoint must be one
    /// that this witness has cosigned, which is checked before the proof.
    pub fn sign_subtree(&self, body: &[u8]) -> Result<Vec<NoteSignature>, Refusal> {
        let request = SignSubtree::parse(body)?;
        let SignSubtree { subtree, hash, ref proof, ref note, ref checkpoint } = request;
        let origin = checkpoint.origin();
        if !self.0.lists.current().contains_key(origin) {
            return Err(Refusal::UnknownLog(origin.clone()));
        }
        let keys = self.keys();
        let mut own = Vec::new();
        for cosigner in keys.in_force(self.now()) {
            let cosigned = cosigner.verifier_key().verify(note, checkpoint);
            own.push((cosigner, cosigned.map_err(|_| Refusal::NotCosigned)?.is_some()));
        }
        if !own.iter().any(|(_, cosigned)| *cosigned) {
            return Err(Refusal::NotCosigned);
        }
        subtree.verify(hash, checkpoint.head(), proof).map_err(Refusal::NotContained)?;
        // Signed by the keys that cosigned the checkpoint; by others if none of these signs subtrees.
        own.sort_by_key(|(_, cosigned)| !cosigned);
        let mut cosignatures = Vec::new();
        for (cosigner, cosigned) in own {
            if cosigned || cosignatures.is_empty() {
                let signed = cosigner.cosign_subtree(origin, subtree, hash);
                cosignatures.extend(signed.ok().flatten());
            }
        }
        if cosignatures.is_empty() { Err(Refusal::NoSubtrees) } else { Ok(cosignatures) }
    }

    /// The last cosigned checkpoint of a log, for monitors, by the hash of its origin. Blocks.
    pub fn cosigned(&self, origin_hash: &str) -> Result<Option<String>, StoreError> {
        let is_hash = |text: &str| {
            let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            text.len() == 64 && text.bytes().all(digit)
        };
        if !is_hash(origin_hash) {
            return Ok(None);
        }
        match self.read(origin_hash) {
            Ok((_, last)) => Ok(last.map(|last| last.note.to_string())),
            Err(Fault::Store(error)) => Err(error),
            // Recorded; the caller learns that something is wrong.
            Err(fault) => {
                let source = std::io::Error::new(std::io::ErrorKind::InvalidData, fault);
                Err(StoreError::Io { action: "use", path: origin_hash.to_owned(), source })
            }
        }
    }

    /// What is remembered about a log, with its bytes.
    #[allow(clippy::type_complexity, reason = "it is read in one place")]
    fn read(&self, hash: &str) -> Result<(Option<Vec<u8>>, Option<Cosigned>), Fault> {
        let bytes = self.0.store.pointer(&cosigned::key(hash)?)?;
        let read = bytes.as_deref().map(|bytes| Cosigned::decode(bytes, hash)).transpose();
        let mut seen = self.seen();
        match read {
            Ok(last) => {
                seen.damaged.remove(hash);
                if let Some(last) = &last {
                    seen.cosigned.insert(hash.to_owned(), (last.head().size, last.time));
                }
                Ok((bytes, last))
            }
            Err(damage) => {
                seen.damaged.insert(hash.to_owned(), damage.to_string());
                Err(damage.into())
            }
        }
    }

    /// Logs what may be evidence that a log misbehaves.
    fn note_refusal(&self, signed: &Signed, last: TreeHead, refusal: &Refusal) {
        if !matches!(refusal, Refusal::Inconsistent(_) | Refusal::EmptyRoot) {
            return;
        }
        self.0.counts.inconsistent.fetch_add(1, Relaxed);
        let (new, origin) = (signed.checkpoint.head(), signed.checkpoint.origin());
        tracing::warn!(
            %origin,
            size = %new.size,
            root = %new.root,
            cosigned_size = %last.size,
            cosigned_root = %last.root,
            "a signed checkpoint is not cosigned: {refusal}"
        );
    }

    fn lock_log(&self, hash: &str) -> MutexGuard<'_, ()> {
        let number = hash.bytes().take(2).fold(0, |sum, byte| sum * 16 + usize::from(byte));
        let [first, ..] = &self.0.log_locks;
        let lock = self.0.log_locks.get(number % LOCKS).unwrap_or(first);
        lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        (self.0.clock)()
    }

    /// Nothing panics while it holds the lock.
    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn keys(&self) -> Arc<Keys> {
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn lists(&self) -> &Lists {
        &self.0.lists
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.0.counts
    }

    /// The current time, for the operator.
    pub(super) fn time(&self) -> Timestamp {
        self.now()
    }

    /// The hash by which monitors refer to a log.
    pub fn origin_hash(origin: &Origin) -> String {
        cosigned::origin_hash(origin)
    }
}

/// The lists that the settings name.
fn list_files(folder: &Path, settings: &Settings) -> Vec<PathBuf> {
    settings.lists.iter().map(|list| folder.join(list)).collect()
}

/// The signatures by the keys in force, if there is one by each.
fn made_by(note: &Note, keys: &Keys, now: Timestamp) -> Option<Vec<NoteSignature>> {
    let made = |key: &Cosigner| {
        let (name, id) = (key.verifier_key().name(), key.verifier_key().id());
        let is_by = |line: &&NoteSignature| line.name() == name && line.id() == id;
        note.signatures().iter().find(is_by).cloned()
    };
    let made: Option<Vec<_>> = keys.in_force(now).map(made).collect();
    made.filter(|made| !made.is_empty())
}

fn seconds(now: Timestamp) -> Result<u64, Fault> {
    let seconds = u64::try_from(now.as_second()).ok().filter(|seconds| *seconds > 0);
    seconds.ok_or(Fault::Clock(now))
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").field("folder", &self.0.folder).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
