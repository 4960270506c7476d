//! Reads and recomputes everything that is stored for a log: is it what was signed?
//!
//! Publishing checks only what it builds on: the head, the checkpoint and the signer, the right edge of
//! the tree and its last bundle, the newest version, and the last recorded definitions. Everything older
//! is read here: every entry, tile, zip and catalogue. Nothing is changed, and no key is needed. All
//! problems are reported, not only the first.
//!
//! # After a crash
//!
//! A publisher that starts and finds a head that is committed but not published follows one that crashed
//! (or is still at work), and verifies everything before it continues. This mark is in the store itself,
//! so it cannot be forgotten, and it is there exactly while a publication is incomplete: before the head
//! is committed, the log does not refer to anything that was stored, and once the checkpoint is swapped,
//! everything it needs is synced. A disk may also lose synced data at any time, which no mark would show;
//! run this regularly to find out.

use super::catalogues::{CatalogueError, Catalogues};
use super::versions::{VersionError, Versions};
use crate::gomod::ModulePath;
use crate::store::{Key, Store, StoreError};
use crate::tlog::{
    CHECKPOINT, LogError, LogVerifiers, Published, StoredTiles, TreeHead, committed_head,
    examine_all, registered_signer, verify_committed,
};
use serde::Serialize;
use std::ops::ControlFlow;
use std::sync::Arc;

/// The result of reading everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifiedStore {
    /// The number of entries that were read.
    pub entries: u64,
    /// The root hash of the log that was read.
    pub root: String,
    /// The problems, each with the object and what to do; empty if all is well.
    pub problems: Vec<String>,
}

/// Reads and recomputes everything stored for the log of `path` with these keys. `progress` is called
/// with the number of entries read, and of how many.
pub fn verify_store(
    path: &ModulePath,
    keys: &LogVerifiers,
    store: &Arc<dyn Store>,
    progress: impl Fn(u64, u64),
) -> Result<VerifiedStore, StoreError> {
    verify(path, keys, store, progress, |_| true)
}

/// The same for a publisher that continues after a crash. If the first version's definitions were not
/// recorded yet, that is not a problem: publishing records them.
pub(super) fn verify_before_publishing(
    path: &ModulePath,
    keys: &LogVerifiers,
    store: &Arc<dyn Store>,
) -> Result<VerifiedStore, StoreError> {
    let is_fault = |error: &CatalogueError| !matches!(error, CatalogueError::NoneRecorded);
    verify(path, keys, store, |_, _| {}, is_fault)
}

fn verify(
    path: &ModulePath,
    keys: &LogVerifiers,
    store: &Arc<dyn Store>,
    progress: impl Fn(u64, u64),
    is_fault: impl Fn(&CatalogueError) -> bool,
) -> Result<VerifiedStore, StoreError> {
    let versions = Versions::new(path.clone(), store.clone());
    let mut problems = Vec::new();
    let published = match store.pointer(&Key::new(CHECKPOINT)?)? {
        None => {
            problems.push(format!(
                "{CHECKPOINT} is missing from the store; `candor publish` signs it again"
            ));
            None
        }
        Some(bytes) => match Published::open(&bytes, keys) {
            Ok(published) => Some(published.head()),
            Err(error) => {
                problems.push(format!(
                    "{CHECKPOINT} in the store is damaged: {error}; restore it from the newest copy of \
                     the store, or remove it and run `candor publish`, which signs it again"
                ));
                None
            }
        },
    };
    let committed = of_log(committed_head(store.as_ref()), &mut problems)?;
    if of_log(registered_signer(store.as_ref()), &mut problems)?.is_some_and(|id| id.is_none()) {
        problems.push(
            "log/signer does not name a signer; restore it from a copy of the store, or run \
             `candor signer move` on the machine that should sign the log"
                .to_owned(),
        );
    }
    if let Some(published) = published.filter(|published| committed != Some(*published)) {
        of_log(verify_committed(store, published, &versions), &mut problems)?;
    }
    let head = published.or(committed).unwrap_or(TreeHead::EMPTY);
    let tiles = StoredTiles::new(store.clone());
    let (mut failure, mut of_versions) = (None, Vec::new());
    let visit = |index: crate::tlog::LeafIndex, entry: &_| {
        progress(index.get(), head.size.get());
        match versions.verify_entry(index, entry) {
            Ok(()) => ControlFlow::Continue(()),
            Err(VersionError::Store(error)) => {
                failure = Some(error);
                ControlFlow::Break(())
            }
            Err(other) => {
                of_versions.push(other.to_string());
                ControlFlow::Continue(())
            }
        }
    };
    examine_all(&tiles, head, visit, |error| {
        problems.push(format!("{error}; restore it from a copy of the store"));
        ControlFlow::Continue(())
    })?;
    if let Some(failure) = failure {
        return Err(failure);
    }
    problems.append(&mut of_versions);
    let newest = || match committed_head(store.as_ref()) {
        Ok(now) if now.size > head.size => Ok(now),
        Err(LogError::Store(error)) => Err(error),
        // What is wrong with it was said above.
        Ok(_) | Err(_) => Ok(head),
    };
    Catalogues::new(store.clone()).verify(newest, |error| {
        if is_fault(&error) {
            problems.push(error.to_string());
        }
    })?;
    Ok(VerifiedStore { entries: head.size.get(), root: head.root.to_string(), problems })
}

/// An error of the log becomes a problem; a failure of the disk does not.
fn of_log<T>(
    found: Result<T, LogError>,
    problems: &mut Vec<String>,
) -> Result<Option<T>, StoreError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(LogError::Store(error)) => Err(error),
        Err(other) => {
            problems.push(other.to_string());
            Ok(None)
        }
    }
}
