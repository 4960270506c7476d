//! The published head, as this server shows it.
//!
//! Everything visible follows from one pointer in the store, `log/checkpoint`. It is read again on
//! demand when the last reading is older than [`FRESH`]; or sooner, when a request is for something
//! that the last reading did not have: a client that learned of a new version from another server on
//! the same store must not be told that it does not exist. Requests that arrive during a reading wait
//! for it.
//!
//! Both signatures are verified before a head is shown. A head never goes back while the server runs:
//! if the store is rolled back, or has another tree of the same size, the server keeps showing the head
//! it had and logs an error. It does the same when the store cannot be read.

use super::representation::{Content, Representation};
use super::source::{Fault, Source};
use crate::gomod::ModuleVersion;
use crate::publish::Versions;
use crate::tlog::{Protocol, Published, TreeHead};
use std::fmt::Write;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How old a reading may be if it has what was asked for.
pub(super) const FRESH: Duration = Duration::from_secs(1);
/// How old it may be if it does not. Requests for what does not exist must not make the server read its
/// store at whatever rate they arrive.
const RETRY: Duration = Duration::from_millis(50);
/// How long reading may take before the last result is shown instead.
const PATIENCE: Duration = Duration::from_secs(5);

/// A published head, and the answers that follow from it alone.
#[derive(Debug)]
pub(super) struct Head {
    published: Published,
    /// The checkpoint by tlog-tiles.
    pub(super) checkpoint: Representation,
    /// The signed tree head of the checksum database.
    pub(super) latest: Representation,
    /// The list of versions, made when it is asked for.
    list: OnceLock<Representation>,
}

impl Head {
    fn new(published: Published) -> Head {
        let note = |protocol| {
            Representation::new(published.note(protocol).as_bytes().to_vec(), Content::Text)
        };
        let (checkpoint, latest) = (note(Protocol::TlogTiles), note(Protocol::Sumdb));
        Head { checkpoint, latest, list: OnceLock::new(), published }
    }

    /// The list of versions; must not run on the threads that answer requests.
    pub(super) fn list(&self) -> &Representation {
        self.list.get_or_init(|| {
            let mut list = String::new();
            for number in 1..=self.tree().size.get() {
                // Writing to a String cannot fail.
                let _ = writeln!(list, "v0.{number}.0");
            }
            Representation::new(list.into_bytes(), Content::Text)
        })
    }

    /// The size and root.
    pub(super) fn tree(&self) -> TreeHead {
        self.published.head()
    }

    /// The signed tree head, as text.
    pub(super) fn signed(&self, face: Protocol) -> &str {
        self.published.note(face)
    }

    /// The newest version, if there is one.
    pub(super) fn newest(&self) -> Option<ModuleVersion> {
        Versions::newest(self.tree())
    }
}

/// The head of one deployment over time.
#[derive(Debug)]
pub(super) struct Heads {
    source: Arc<Source>,
    /// The last reading. Locked for a moment at a time, never during a reading.
    last: RwLock<Option<Reading>>,
    /// Held by the task that reads.
    turn: Mutex<()>,
}

#[derive(Debug, Clone)]
struct Reading {
    /// The pointer's bytes: while they are the same, so is the head.
    checkpoint: Arc<Vec<u8>>,
    head: Arc<Head>,
    at: Instant,
}

impl Heads {
    pub(super) fn new(source: Arc<Source>) -> Heads {
        Heads { source, last: RwLock::default(), turn: Mutex::default() }
    }

    /// The head that was read last, if there is one.
    pub(super) fn last(&self) -> Option<Arc<Head>> {
        self.reading().map(|reading| reading.head)
    }

    /// The head to answer a request with. `suffices` says whether a head has what is requested; if it
    /// does not, the pointer is read again, and the newest head is returned.
    pub(super) async fn current(
        &self,
        suffices: impl Fn(&Head) -> bool,
    ) -> Result<Arc<Head>, Fault> {
        let good = |reading: &Reading| {
            let limit = if suffices(&reading.head) { FRESH } else { RETRY };
            reading.at.elapsed() < limit
        };
        if let Some(reading) = self.reading().filter(good) {
            return Ok(reading.head);
        }
        let _turn = self.turn.lock().await;
        // Another task may have read it meanwhile.
        let last = self.reading();
        if let Some(reading) = last.clone().filter(good) {
            return Ok(reading.head);
        }
        match self.read(last.clone()).await {
            Ok(reading) => {
                let head = reading.head.clone();
                self.keep(reading);
                Ok(head)
            }
            Err(fault) => {
                tracing::error!(%fault, "cannot read the published head");
                let reading = Reading { at: Instant::now(), ..last.ok_or(fault)? };
                let head = reading.head.clone();
                self.keep(reading);
                Ok(head)
            }
        }
    }

    /// Reads the pointer, however fresh the last reading is, and reports what is wrong with it.
    pub(super) async fn check(&self) -> Result<(), Fault> {
        let _turn = self.turn.lock().await;
        let reading = self.read(self.reading()).await?;
        self.keep(reading);
        Ok(())
    }

    async fn read(&self, last: Option<Reading>) -> Result<Reading, Fault> {
        let source = self.source.clone();
        let read = tokio::task::spawn_blocking(move || {
            let at = Instant::now();
            let checkpoint = source.checkpoint()?;
            let last = match last {
                Some(last) if *last.checkpoint == checkpoint => return Ok(Reading { at, ..last }),
                last => last,
            };
            let published = source.open_head(&checkpoint)?;
            let found = published.head();
            if let Some(shown) = last.map(|last| last.head.tree())
                && (found.size < shown.size || (found.size == shown.size && found != shown))
            {
                return Err(Fault::RolledBack { shown, found });
            }
            let head = Arc::new(Head::new(published));
            Ok(Reading { checkpoint: Arc::new(checkpoint), head, at })
        });
        match tokio::time::timeout(PATIENCE, read).await {
            Err(_) => Err(Fault::Silent),
            Ok(Err(_)) => Err(Fault::Interrupted),
            Ok(Ok(read)) => read,
        }
    }

    fn reading(&self) -> Option<Reading> {
        self.last.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, reading: Reading) {
        *self.last.write().unwrap_or_else(PoisonError::into_inner) = Some(reading);
    }
}
