//! The index of public data, as this server shows it.
//!
//! Like the published head it is one pointer of the store, read again when someone asks and the last
//! reading is older than [`FRESH`]. While its bytes stay the same, so does what was made of them.

use super::head::FRESH;
use super::refusal::Refusal;
use crate::aggregate::index::Index;
use crate::aggregate::{PublicData, PublicError};
use sha2::{Digest, Sha256};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;
use tokio::sync::Mutex;

/// An index, and what tells it from any other.
#[derive(Debug)]
pub(super) struct ShownIndex {
    /// The index.
    pub(super) index: Index,
    /// The first bytes of the SHA-256 of its bytes: part of the key of every page made from it.
    pub(super) tag: u64,
}

/// The index over time.
#[derive(Debug)]
pub(super) struct Indexes {
    data: PublicData,
    /// The last reading. Locked for a moment at a time, never during a reading.
    last: RwLock<Option<Reading>>,
    /// Held by the one who reads.
    turn: Mutex<()>,
}

#[derive(Debug, Clone)]
struct Reading {
    shown: Arc<ShownIndex>,
    at: Instant,
}

impl Indexes {
    pub(super) fn new(data: PublicData) -> Indexes {
        Indexes { data, last: RwLock::default(), turn: Mutex::default() }
    }

    /// The data that is indexed.
    pub(super) fn data(&self) -> &PublicData {
        &self.data
    }

    /// The index now; the last one that could be read, where this one cannot.
    pub(super) async fn current(&self) -> Result<Arc<ShownIndex>, Refusal> {
        let fresh = |reading: &Reading| reading.at.elapsed() < FRESH;
        if let Some(reading) = self.reading().filter(fresh) {
            return Ok(reading.shown);
        }
        let _turn = self.turn.lock().await;
        let last = self.reading();
        if let Some(reading) = last.clone().filter(fresh) {
            return Ok(reading.shown);
        }
        let (data, before) = (self.data.clone(), last.clone());
        let read = tokio::task::spawn_blocking(move || read(&data, before));
        let reading = match read.await {
            Ok(Ok(reading)) => reading,
            Ok(Err(fault)) => {
                tracing::error!(%fault, "cannot read the index of public data");
                Reading { at: Instant::now(), ..last.ok_or_else(Refusal::damaged)? }
            }
            Err(_) => return Err(Refusal::unavailable("the answer was interrupted; try again")),
        };
        *self.last.write().unwrap_or_else(PoisonError::into_inner) = Some(reading.clone());
        Ok(reading.shown)
    }

    fn reading(&self) -> Option<Reading> {
        self.last.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn read(data: &PublicData, before: Option<Reading>) -> Result<Reading, PublicError> {
    let at = Instant::now();
    let bytes = data.index_bytes()?;
    let digest = Sha256::digest(bytes.as_deref().unwrap_or_default());
    let tag = digest.iter().take(8).fold(0, |tag, byte| tag << 8 | u64::from(*byte));
    match before {
        Some(before) if before.shown.tag == tag => Ok(Reading { at, ..before }),
        _ => {
            let index = match bytes {
                None => Index::default(),
                Some(bytes) => crate::aggregate::public::parse_index(&bytes)?,
            };
            Ok(Reading { shown: Arc::new(ShownIndex { index, tag }), at })
        }
    }
}
