//! Reading what is public: the index, and the files that it names.

use super::figure::WeekCharts;
use super::index::{FORMAT, Index};
use crate::store::{Key, KeyError, Store, StoreError};
use jiff::civil::Date;
use std::sync::Arc;

/// The name of the pointer that holds the index.
const INDEX: &str = "public/index";

/// The public data of a deployment.
#[derive(Debug, Clone)]
pub struct PublicData {
    store: Arc<dyn Store>,
}

/// Why public data cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublicError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is there was not written by this program, or by a later version of it.
    #[error("{what} is not understood: {reason}; run `candor merge` and `candor chart` again")]
    Malformed {
        /// The object.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The index names an object that is not there.
    #[error("{0} is missing from the store; run `candor merge` and `candor chart` again")]
    Missing(String),
}

impl From<KeyError> for PublicError {
    fn from(error: KeyError) -> PublicError {
        PublicError::Store(error.into())
    }
}

impl PublicData {
    /// The public data in `store`.
    pub fn new(store: Arc<dyn Store>) -> PublicData {
        PublicData { store }
    }

    /// The index now; an empty one where nothing was merged yet.
    pub fn index(&self) -> Result<Index, PublicError> {
        match self.store.pointer(&Key::new(INDEX)?)? {
            None => Ok(Index { format: FORMAT, ..Index::default() }),
            Some(bytes) => parse_index(&bytes),
        }
    }

    /// The index's bytes, by which one state is told from another.
    pub fn index_bytes(&self) -> Result<Option<Vec<u8>>, PublicError> {
        Ok(self.store.pointer(&Key::new(INDEX)?)?)
    }

    /// The charts of a week, if they were made.
    pub fn charts(&self, index: &Index, week: Date) -> Result<Option<WeekCharts>, PublicError> {
        let Some(file) = index.weeks.get(&week).and_then(|week| week.charts.as_ref()) else {
            return Ok(None);
        };
        let name = format!("public/{}", file.sha256);
        let bytes = self.store.get(&Key::new(name.clone())?)?;
        let bytes = bytes.ok_or(PublicError::Missing(name.clone()))?;
        let malformed = |e: serde_json::Error| PublicError::Malformed {
            what: name.clone(),
            reason: e.to_string(),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(malformed)
    }
}

/// Reads an index.
pub fn parse_index(bytes: &[u8]) -> Result<Index, PublicError> {
    let malformed = |reason| PublicError::Malformed { what: INDEX.to_owned(), reason };
    let index: Index = serde_json::from_slice(bytes).map_err(|e| malformed(e.to_string()))?;
    match index.format {
        FORMAT => Ok(index),
        other => Err(malformed(format!("it has format {other}, and this program knows {FORMAT}"))),
    }
}
