//! A witness: checks what logs submit, remembers it, and cosigns.
//!
//! The life of a submission that is cosigned, in order:
//!
//! 1. it is parsed, its log found, and the log's signature verified;
//! 2. the log's turn is taken, so that this process handles one submission of a log at a time;
//! 3. what was cosigned last is read from the store, and the rest is checked against it (`verdict`);
//! 4. the cosignatures are made, at the time of the clock, or at that of the last ones where the clock
//!    is behind it;
//! 5. the checkpoint with them replaces what was cosigned last, if that is still what was read in step
//!    3; the store has synced it before it says so;
//! 6. they are answered.
//!
//! Step 5 is a compare-and-swap ([`Store::swap`]), which holds between processes as well: of two that
//! serve one folder and check two checkpoints against the same state, one wins, and the other starts
//! again from step 3 with what the winner left. Killed before step 5, nothing was said and nothing is
//! remembered; killed after it, what is remembered is a checkpoint that passed all checks, and the log
//! learns its size from the 409 that it gets next.
//!
//! # The clock
//!
//! Times of one log's cosignatures never go backwards: a clock that is set back is held at the last one,
//! also over restarts. So a clock that was ahead goes on to be ahead in what is cosigned, until the
//! right time is past it; `health` says so.
//!
//! # What would break it
//!
//! An old copy of the folder that is put back, or a second one with the same keys, would cosign again
//! from what it remembers. A copy of the whole folder is noticed, and refused (`manage`); that
//! `witness/store` alone was put back is not: never restore it from a backup that is older than the last
//! cosignature; make a new witness instead.

use super::cosigned::{self, Cosigned};
use super::counts::{Counts, Seen};
use super::known_logs::Lists;
use super::rate::{Budgets, Spent};
use super::settings::{Keys, Settings, SettingsError};
use super::verdict::{self, Refusal, Signed};
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

/// How many submissions of different logs are handled at once, as far as their hashes differ.
const TURNS: usize = 64;

/// What tells the time.
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
    turns: [Mutex<()>; TURNS],
    seen: Mutex<Seen>,
    counts: Counts,
}

/// Why there is no witness.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// Its settings or keys cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The folder is not the one that was made.
    #[error(
        "this folder is a copy of a witness's, or was restored from a backup ({0}): it may not know what \
         was cosigned since, and could cosign another history. If the other one has cosigned nothing \
         since the copy was made and never will again, run `candor witness move`; if you do not know, \
         make a new witness"
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
    #[error("the clock says {0}, which is no time for a cosignature")]
    Clock(Timestamp),
}

/// How a submission ended.
enum Ended {
    Refused(Refusal),
    Failed(Fault),
}

impl From<Refusal> for Ended {
    fn from(refusal: Refusal) -> Ended {
        Ended::Refused(refusal)
    }
}

impl<E: Into<Fault>> From<E> for Ended {
    fn from(fault: E) -> Ended {
        Ended::Failed(fault.into())
    }
}

impl Witness {
    /// The witness of a deployment's folder: what is below `DIR/witness/`.
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

    /// The folder that is a witness's.
    pub fn folder_of(data: &Path) -> PathBuf {
        data.join("witness")
    }

    /// The witness of a folder, which remembers in this store and takes the time from this clock.
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
            turns: [const { Mutex::new(()) }; TURNS],
            seen: Mutex::default(),
            counts: Counts::default(),
        }));
        witness.look_at_everything();
        Ok(witness)
    }

    /// Reads what is remembered of every log that is known: what is damaged is said before it is asked
    /// for.
    fn look_at_everything(&self) {
        for origin in self.0.lists.current().keys() {
            // A fault is noted, and met again by whoever asks.
            let _ = self.read(&cosigned::origin_hash(origin));
        }
    }

    /// Reads the settings, the keys and the lists of logs again. Where they cannot be used, what was in
    /// force stays, and health says why.
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

    /// Answers a submission: with the lines of the cosignatures. Blocks on the disk.
    pub fn add_checkpoint(&self, body: &[u8]) -> Result<Vec<NoteSignature>, Refusal> {
        let ended = match self.submit(body) {
            Ok(cosignatures) => {
                self.seen().failed = None;
                return Ok(cosignatures);
            }
            Err(ended) => ended,
        };
        match ended {
            Ended::Refused(refusal) => Err(refusal),
            Ended::Failed(fault) => {
                tracing::error!(%fault, "cannot answer a log");
                self.0.counts.failures.fetch_add(1, Relaxed);
                self.seen().failed = Some(fault.to_string());
                Err(Refusal::Unavailable)
            }
        }
    }

    fn submit(&self, body: &[u8]) -> Result<Vec<NoteSignature>, Ended> {
        let request = AddCheckpoint::parse(body).map_err(Refusal::from)?;
        let checkpoint = verdict::checkpoint_of(&request)?;
        let known = self.0.lists.current();
        let log = known.get(checkpoint.origin());
        let log = log.ok_or_else(|| Refusal::UnknownLog(checkpoint.origin().clone()))?;
        let signed = verdict::check_signed(request, checkpoint, log)?;
        let hash = cosigned::origin_hash(signed.checkpoint.origin());
        let _turn = self.turn(&hash);
        loop {
            let (bytes, last) = self.read(&hash)?;
            let head = last.as_ref().map_or(TreeHead::EMPTY, Cosigned::head);
            if let Err(refusal) = verdict::check_continues(&signed, head) {
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
                // Another process, or somebody who edits the store.
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

    /// Spends the log's budget; or the cosignatures that were made last, where these are what is to be
    /// answered: they were made in this second, or nothing more may be spent on the same checkpoint.
    fn renewed(
        &self,
        signed: &Signed,
        last: Option<&Cosigned>,
        keys: &Keys,
        per_day: u64,
    ) -> Result<Option<Vec<NoteSignature>>, Ended> {
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

    /// The cosigned checkpoint, and the cosignatures of it alone.
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
                // ML-DSA has no room for the names of some logs.
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

    /// Answers who wants a subtree signed: with the lines of the cosignatures. The checkpoint that it is
    /// a subtree of has to be one that this witness has cosigned, which is asked before the proof is
    /// looked at.
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
        // By the keys that cosigned the checkpoint; by others where none of these signs subtrees.
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

    /// What was cosigned last of a log, as monitors ask for it: by the hash of its origin. Blocks.
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
            // Noted; whoever asks learns that something is wrong.
            Err(fault) => {
                let source = std::io::Error::new(std::io::ErrorKind::InvalidData, fault);
                Err(StoreError::Io { action: "use", path: origin_hash.to_owned(), source })
            }
        }
    }

    /// What is remembered of a log, and its bytes.
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

    /// Tells the operator of what may be proof that a log misbehaves.
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

    fn turn(&self, hash: &str) -> MutexGuard<'_, ()> {
        let number = hash.bytes().take(2).fold(0, |sum, byte| sum * 16 + usize::from(byte));
        let [first, ..] = &self.0.turns;
        let turn = self.0.turns.get(number % TURNS).unwrap_or(first);
        turn.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// The time, in seconds since 1970, for the operator.
    pub(super) fn time(&self) -> Timestamp {
        self.now()
    }

    /// The hash by which monitors name a log.
    pub fn origin_hash(origin: &Origin) -> String {
        cosigned::origin_hash(origin)
    }
}

/// The lists that the settings name.
fn list_files(folder: &Path, settings: &Settings) -> Vec<PathBuf> {
    settings.lists.iter().map(|list| folder.join(list)).collect()
}

/// The signatures of the keys that are in force, if there is one of each.
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
