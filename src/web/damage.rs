//! What of the store was found missing or damaged, for its operator.
//!
//! A damaged object is an error to whoever asks for it, and stays one until it is mended. Nobody else
//! would notice, so it is remembered here until it was read again and found good.

use crate::gomod::ModuleVersion;
use crate::tlog::{Bundle, Tile};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// The most objects that are remembered.
const MOST: usize = 100;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asked {
    /// A hash tile.
    Tile(Tile),
    /// An entry bundle.
    Bundle(Bundle),
    /// A version's zip, or its record.
    Version(ModuleVersion),
    /// A file of public data or charts, by its name.
    File(String),
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Damage {
    found: Mutex<BTreeMap<Asked, String>>,
    times: AtomicU64,
}

impl Damage {
    /// Notes what came of reading something.
    pub(super) fn note(&self, asked: Asked, problem: Option<String>) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        match problem {
            None => {
                found.remove(&asked);
            }
            Some(problem) => {
                self.times.fetch_add(1, Relaxed);
                if found.len() < MOST || found.contains_key(&asked) {
                    found.insert(asked, problem);
                }
            }
        }
    }

    /// Everything that was not found good since.
    pub(super) fn found(&self) -> BTreeMap<Asked, String> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often something was found missing or damaged.
    pub(super) fn times(&self) -> u64 {
        self.times.load(Relaxed)
    }
}
