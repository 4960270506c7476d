//! Which objects in the store were found missing or damaged, for the operator.
//!
//! Requests for a damaged object fail until it is repaired. Nobody else would notice, so it is
//! remembered here until it has been read again and found intact.

use crate::gomod::ModuleVersion;
use crate::tlog::{Bundle, Tile};
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// The most objects that are remembered.
const MOST: usize = 100;

/// An object that was requested.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum StoredObject {
    /// A hash tile.
    Tile(Tile),
    /// An entry bundle.
    Bundle(Bundle),
    /// A version's zip, or its record.
    Version(ModuleVersion),
    /// A file of public data, by its name.
    File(String),
    /// The charts of the week that ended on this day.
    Charts(Date),
}

/// The damage found so far.
#[derive(Debug, Default)]
pub(super) struct Damage {
    found: Mutex<BTreeMap<StoredObject, String>>,
    times: AtomicU64,
}

impl Damage {
    /// Records the result of reading an object.
    pub(super) fn note(&self, object: StoredObject, problem: Option<String>) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        match problem {
            None => {
                found.remove(&object);
            }
            Some(problem) => {
                self.times.fetch_add(1, Relaxed);
                if found.len() < MOST || found.contains_key(&object) {
                    found.insert(object, problem);
                }
            }
        }
    }

    /// Everything that has not been found intact since.
    pub(super) fn found(&self) -> BTreeMap<StoredObject, String> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often an object was found missing or damaged.
    pub(super) fn times(&self) -> u64 {
        self.times.load(Relaxed)
    }
}
