//! The published head, as this server shows it.
//!
//! All that is visible follows from one pointer of the store, `log/checkpoint`. It is read again
//! when someone asks and the last reading is older than [`FRESH`]; sooner, when someone asks for
//! what the last reading did not have: a client that learned of a new version from another server
//! of the same store must not be told that there is none. Requests that arrive during a reading
//! wait for it.
//!
//! Both signatures are verified before a head is shown. A head never goes back while the server
//! runs: should the store be put back to an older state, or have another tree of the same size, the
//! server goes on showing what it had, and tells its operator. So it does when the store cannot be
//! read.

use super::representation::{Content, Representation};
use super::source::{Fault, Source};
use crate::gomod::ModuleVersion;
use crate::publish::Versions;
use crate::tlog::{Protocol, Published, TreeHead};
use std::fmt::Write;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How old a reading may be when it has what was asked for.
pub(super) const FRESH: Duration = Duration::from_secs(1);
/// How old it may be when it does not. Asking for what does not exist costs nothing, and must not
/// make the server read its store as fast as anyone can ask.
const RETRY: Duration = Duration::from_millis(50);
/// How long a reading may take before the last one is shown instead.
const PATIENCE: Duration = Duration::from_secs(5);

/// A published head, and what follows from it alone.
#[derive(Debug)]
pub(super) struct Head {
    published: Published,
    /// The checkpoint by tlog-tiles.
    pub(super) checkpoint: Representation,
    /// The signed tree of the checksum database.
    pub(super) latest: Representation,
    /// The list of versions.
    pub(super) list: Representation,
}

impl Head {
    fn new(published: Published) -> Head {
        let note = |protocol| {
            Representation::new(published.note(protocol).as_bytes().to_vec(), Content::Text)
        };
        let (checkpoint, latest) = (note(Protocol::TlogTiles), note(Protocol::Sumdb));
        let list = (1..=published.head().size.get()).fold(String::new(), |mut list, number| {
            // Writing to a String cannot fail.
            let _ = writeln!(list, "v0.{number}.0");
            list
        });
        Head {
            checkpoint,
            latest,
            list: Representation::new(list.into_bytes(), Content::Text),
            published,
        }
    }

    /// The size and root.
    pub(super) fn tree(&self) -> TreeHead {
        self.published.head()
    }

    /// The signed tree, as text.
    pub(super) fn signed(&self, protocol: Protocol) -> &str {
        self.published.note(protocol)
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
    /// Held by the one who reads.
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

    /// The head that was read last, if any ever was.
    pub(super) fn last(&self) -> Option<Arc<Head>> {
        self.reading().map(|reading| reading.head)
    }

    /// The head to answer a request with. `suffices` says of a head whether it has what the request
    /// is for; where it does not, a later head is looked for, and the newest there is returned.
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
        // Whoever had the turn before may have read what is wanted here.
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

    /// Reads the pointer, whatever was read before, and reports what is wrong with it.
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
