//! Batches: accepted reports in a store that several machines share, until a merge.
//!
//! ```text
//! uploads/ID            a batch: some reports, in random order, with their identities (`sealed`)
//! uploads/keys/DATE     the key from which the identities of the day's reports are made, the same on all
//!                       machines: 32 random bytes
//! uploads/check-ID      written, and removed at once, to see whether the store takes it
//! ```
//!
//! A batch is immutable, and its name is random, so no machine needs to know of another. A report can be in
//! several batches: it was sent again to another machine, or [combined](combine_batches) by a process that
//! died before it removed what it had combined. So a merge takes each identity once, and remembers those that
//! it took until no report of their day is accepted any more.

use super::framing;
use super::identity::{DayKey, Identity};
use super::read_error::ReadError;
use super::sealed::{self, SealedFile};
use super::segment_id::SegmentId;
use super::shuffle::shuffle;
use crate::day::Day;
use crate::store::{Key, Store, StoreError};
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::sync::Arc;

/// The folder of the batches.
pub const FOLDER: &str = "uploads";
/// The folder of the days' keys.
const KEYS: &str = "uploads/keys";
/// How the names begin of what is written to see whether the store takes it.
const CHECK: &str = "check-";
/// A batch of as many bytes is not combined with others.
const LARGE: usize = if cfg!(test) { 4 << 10 } else { 4 << 20 };
/// How many bytes are combined at once, at most and about.
const COMBINED: usize = 64 << 20;

fn batch_key(id: SegmentId) -> Result<Key, StoreError> {
    Ok(Key::new(format!("{FOLDER}/{id}"))?)
}

fn random_failed(error: getrandom::Error) -> StoreError {
    StoreError::Io {
        action: "draw",
        path: "random bytes".to_owned(),
        source: io::Error::other(error),
    }
}

/// A report in a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BatchReport {
    pub(super) identity: Identity,
    pub(super) row: Vec<u8>,
}

/// The batches in the store, ordered by id, which is random.
pub(super) fn batches(store: &Arc<dyn Store>) -> Result<Vec<SealedFile>, StoreError> {
    let mut found = BTreeMap::new();
    for key in store.list(&Key::new(FOLDER)?)? {
        let name = key.as_str().rsplit('/').next().unwrap_or_default();
        if let Ok(id) = name.parse::<SegmentId>() {
            found.insert(id, SealedFile::batch(id, store.clone(), key));
        }
    }
    Ok(found.into_values().collect())
}

/// Stores reports as one batch, in random order. When this returns `Ok`, they are durable; after an error they
/// may be, too.
pub(super) fn put_batch(
    store: &dyn Store,
    mut reports: Vec<BatchReport>,
) -> Result<SegmentId, StoreError> {
    shuffle(&mut reports).map_err(random_failed)?;
    let rows = reports.iter().map(|report| (&report.identity, report.row.as_slice()));
    let bytes = sealed::encode_batch(rows);
    let id = SegmentId::random().map_err(random_failed)?;
    store.put(&[(batch_key(id)?, bytes)])?;
    Ok(id)
}

/// Removes batches whose reports are all elsewhere.
pub(super) fn remove_batches(
    store: &dyn Store,
    ids: impl IntoIterator<Item = SegmentId>,
) -> Result<(), StoreError> {
    ids.into_iter().try_for_each(|id| store.remove(&batch_key(id)?))
}

/// The key of a day, which is made if there is none.
pub(super) fn day_key(store: &dyn Store, day: Day) -> Result<DayKey, StoreError> {
    let name = Key::new(format!("{KEYS}/{day}"))?;
    let made = DayKey::random().map_err(random_failed)?;
    let bytes = match store.get(&name)? {
        Some(bytes) => bytes,
        None => match store.put(&[(name.clone(), made.as_bytes().to_vec())]) {
            Ok(()) => return Ok(made),
            // Another machine was first.
            Err(StoreError::Conflict { .. }) => store.get(&name)?.unwrap_or_default(),
            Err(error) => return Err(error),
        },
    };
    DayKey::from_bytes(&bytes).ok_or_else(|| StoreError::Io {
        action: "read",
        path: name.to_string(),
        source: io::Error::new(
            io::ErrorKind::InvalidData,
            "it is damaged, so it is unknown which reports of that day are stored. Restore it from a copy; if \
             there is none, remove it: a report of that day that is sent again will then count twice",
        ),
    })
}

/// A name for [`check_writes`], which no other process has.
pub(super) fn check_name() -> Result<Key, StoreError> {
    let id = SegmentId::random().map_err(random_failed)?;
    Ok(Key::new(format!("{FOLDER}/{CHECK}{id}"))?)
}

/// Whether a batch could be stored now: writes an object that is no batch, and removes it. A process that dies
/// in between leaves it, until [`remove_checks`].
pub(super) fn check_writes(store: &dyn Store, name: &Key) -> Result<(), StoreError> {
    store.put(&[(name.clone(), b"can reports be stored?\n".to_vec())])?;
    store.remove(name)
}

/// Removes what [`check_writes`] left behind. A process that is just checking only finds that its object is gone.
pub(super) fn remove_checks(store: &dyn Store) -> Result<(), StoreError> {
    let keys = store.list(&Key::new(FOLDER)?)?;
    let is_check =
        |key: &Key| key.as_str().rsplit('/').next().is_some_and(|name| name.starts_with(CHECK));
    keys.iter().filter(|key| is_check(key)).try_for_each(|key| store.remove(key))
}

/// The days that have a key.
pub(super) fn days_with_key(store: &dyn Store) -> Result<Vec<Day>, StoreError> {
    let keys = store.list(&Key::new(KEYS)?)?;
    let day = |key: &Key| key.as_str().rsplit('/').next()?.parse().ok();
    Ok(keys.iter().filter_map(day).collect())
}

/// Removes the keys of days that are `over`.
pub(super) fn remove_keys(store: &dyn Store, over: impl Fn(Day) -> bool) -> Result<(), StoreError> {
    let old = days_with_key(store)?.into_iter().filter(|day| over(*day));
    let mut old = old.map(|day| Key::new(format!("{KEYS}/{day}")));
    old.try_for_each(|key| store.remove(&key?))
}

/// What was combined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Combined {
    /// How many batches there were.
    pub from: usize,
    /// How many there are instead.
    pub to: usize,
    /// How many reports they have.
    pub reports: u64,
}

/// The batches that were seen to be large, which need not be read again to be left alone.
#[derive(Debug, Default)]
pub struct LargeBatches(HashSet<SegmentId>);

/// Combines small batches to large ones, so that the times at which objects were made do not tell when few
/// reports arrived, and a merge has few objects to read. Damaged batches stay as they are: a merge speaks of
/// them. May run, and be killed, at any time.
pub fn combine_batches(
    store: &Arc<dyn Store>,
    large: &mut LargeBatches,
) -> Result<Combined, ReadError> {
    let mut combined = Combined::default();
    let mut group = Group::default();
    let there = batches(store)?;
    let ids: HashSet<SegmentId> = there.iter().map(SealedFile::id).collect();
    large.0.retain(|id| ids.contains(id));
    for batch in there {
        if large.0.contains(&batch.id()) {
            continue;
        }
        let Ok(rows) = batch.read() else { continue };
        let bytes: usize = rows.iter().map(|row| row.row.len()).sum();
        if bytes >= LARGE {
            large.0.insert(batch.id());
            continue;
        }
        let reports = rows.iter().filter_map(|row| {
            let identity = row.identity?;
            Some(BatchReport { identity, row: row.row.to_vec() })
        });
        group.reports.extend(reports);
        group.ids.push(batch.id());
        group.bytes += bytes;
        if group.bytes >= COMBINED {
            std::mem::take(&mut group).store(store, &mut combined)?;
        }
    }
    group.store(store, &mut combined)?;
    Ok(combined)
}

/// Batches that become one.
#[derive(Debug, Default)]
struct Group {
    ids: Vec<SegmentId>,
    reports: Vec<BatchReport>,
    bytes: usize,
}

impl Group {
    fn store(mut self, store: &Arc<dyn Store>, combined: &mut Combined) -> Result<(), StoreError> {
        if self.ids.len() < 2 {
            return Ok(());
        }
        let mut known = HashSet::new();
        self.reports
            .retain(|report| known.insert((framing::week_of(&report.row), report.identity)));
        combined.from += self.ids.len();
        combined.to += 1;
        combined.reports += self.reports.len() as u64;
        put_batch(&**store, self.reports)?;
        remove_batches(&**store, self.ids)
    }
}
