//! How files become current: all at once, and none is forgotten.
//!
//! Objects are put into the store before the index names them, and removed after it ceased to. A
//! process may die in between, so the index lists both kinds as [`Index::superseded`], and the next
//! merge removes what it finds there. [`Index::merges`] counts up with every removal, so that whoever
//! is about to name such an object learns of it and begins anew.

use super::dataset::Made;
use super::merge::{MergedDataset, Stop};
use crate::aggregate::index::{ChartsFile, Dataset, Index};
use crate::aggregate::public::{PublicData, PublicError, hex, object_key};
use crate::ingest::MAX_WEEK_AGE;
use crate::store::{Key, StoreError};
use jiff::ToSpan;
use jiff::civil::Date;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// New files of a day or week.
pub(super) struct Change {
    /// What the index will say.
    pub dataset: Dataset,
    /// Those of its files that are not in the store yet.
    pub made: Vec<Made>,
}

/// Changes by day, or by the last day of the week.
pub(super) type Changes = BTreeMap<Date, Change>;

impl Change {
    /// The change in words.
    pub fn told(&self, date: Date, old: Option<&Dataset>) -> MergedDataset {
        let Dataset { reports, rows, files, .. } = self.dataset.clone();
        let new_reports = reports.saturating_sub(old.map_or(0, |old| old.reports));
        MergedDataset { date, reports, new_reports, rows, files }
    }
}

/// Removes what the last merge has replaced, and what one that died had only begun to publish: the
/// index, and what was removed.
pub(super) fn remove_superseded(
    public: &PublicData,
) -> Result<(Index, BTreeSet<String>), PublicError> {
    let index = public.update(|index| {
        let superseded = std::mem::take(&mut index.superseded);
        supersede(index, superseded);
        if !index.superseded.is_empty() {
            index.merges += 1;
        }
        Ok::<_, PublicError>(index.clone())
    })?;
    for sha256 in &index.superseded {
        // Charts may have become current again that were so once before.
        if !public.index()?.current().contains(sha256.as_str()) {
            public.store().remove(&object_key(sha256)?)?;
        }
    }
    let removed = index.superseded.iter().cloned().collect();
    Ok((index, removed))
}

/// What a merge makes public.
pub(super) struct Publication {
    pub days: Changes,
    pub weeks: Changes,
    /// What could not be read.
    pub problems: Vec<String>,
    /// Whether these are all problems there are; if not, those that were known before remain.
    pub all_read: bool,
    pub today: Date,
}

impl Publication {
    /// Puts all files into the store, and changes the index to name them: its new count of merges.
    /// `merges` is that of the index on which all this is based.
    pub fn publish(
        &self,
        public: &PublicData,
        mut merges: u64,
        removed: &BTreeSet<String>,
    ) -> Result<u64, Stop> {
        let changes = self.days.values().chain(self.weeks.values());
        let made: Vec<&Made> = changes.flat_map(|change| &change.made).collect();
        if !made.is_empty() {
            merges = public.update(|index| {
                same(index, merges)?;
                index.merges += 1;
                index.superseded.retain(|sha256| !removed.contains(sha256));
                supersede(index, made.iter().map(|made| made.file.sha256.clone()));
                Ok::<_, Stop>(index.merges)
            })?;
            for Made { scratch, file } in &made {
                let key = object_key(&file.sha256)?;
                let put = || public.store().put_file(&key, scratch);
                public.replacing_damaged(&key, put)?;
            }
        }
        public.update(|index| {
            same(index, merges)?;
            let before = index.clone();
            if made.is_empty() {
                index.superseded.retain(|sha256| !removed.contains(sha256));
            }
            self.change(index);
            if *index != before {
                index.merges += 1;
            }
            Ok(index.merges)
        })
    }

    fn change(&self, index: &mut Index) {
        let named: Vec<String> = index.current().into_iter().map(str::to_owned).collect();
        for (day, change) in &self.days {
            index.days.insert(*day, change.dataset.clone());
        }
        for (week, change) in &self.weeks {
            index.weeks.entry(*week).or_default().data = change.dataset.clone();
        }
        for (day, dataset) in &mut index.days {
            dataset.complete = is_complete(*day, self.today);
        }
        for (week, entry) in &mut index.weeks {
            entry.data.complete = is_complete(*week, self.today);
        }
        let old = std::mem::replace(&mut index.problems, self.problems.clone());
        if !self.all_read {
            index.problems.extend(old.into_iter().filter(|old| !self.problems.contains(old)));
        }
        supersede(index, named);
    }
}

/// Whether no upload of a report of that day can be accepted any more.
fn is_complete(day: Date, today: Date) -> bool {
    // One day more than reports are taken for, for those that are on their way.
    let last = day.checked_add(i64::from(MAX_WEEK_AGE + 1).days()).unwrap_or(Date::MAX);
    today > last
}

fn same(index: &Index, merges: u64) -> Result<(), Stop> {
    if index.merges == merges { Ok(()) } else { Err(Stop::Lost) }
}

/// Adds those that are not current to the objects that the next merge removes.
fn supersede(index: &mut Index, objects: impl IntoIterator<Item = String>) {
    let mut all: BTreeSet<String> = std::mem::take(&mut index.superseded).into_iter().collect();
    all.extend(objects);
    let current = index.current();
    all.retain(|sha256| !current.contains(sha256.as_str()));
    index.superseded = all.into_iter().collect();
}

impl PublicData {
    /// Puts an object that is named after its hash. Where there is one with other bytes, it is damaged,
    /// and replaced.
    fn replacing_damaged(
        &self,
        key: &Key,
        put: impl Fn() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match put() {
            Err(StoreError::Conflict { .. }) => {
                self.store().remove(key)?;
                put()
            }
            other => other,
        }
    }

    /// Makes this the charts of a week, and says so in the index. `still` is asked, each time on the
    /// newest index, whether the charts are still those of its data; where they are not, nothing is
    /// changed and the answer is false.
    pub fn publish_charts(
        &self,
        week: Date,
        made_from: &str,
        json: &[u8],
        still: impl Fn(&Index) -> bool,
    ) -> Result<bool, PublicError> {
        let sha256 = hex(&Sha256::digest(json));
        let charts = ChartsFile {
            bytes: json.len() as u64,
            sha256: sha256.clone(),
            made_from: made_from.to_owned(),
        };
        let key = object_key(&sha256)?;
        loop {
            let merges = self.update(|index| {
                supersede(index, [sha256.clone()]);
                Ok::<_, PublicError>(index.merges)
            })?;
            let put = || self.store().put(&[(key.clone(), json.to_vec())]);
            self.replacing_damaged(&key, put)?;
            let done = self.update(|index| {
                // A merge may have removed what was put: once more.
                if index.merges != merges {
                    return Ok(None);
                }
                let known = still(index);
                let Some(entry) = index.weeks.get_mut(&week).filter(|_| known) else {
                    return Ok(Some(false));
                };
                let old = entry.charts.replace(charts.clone());
                supersede(index, old.map(|old| old.sha256));
                Ok::<_, PublicError>(Some(true))
            })?;
            if let Some(done) = done {
                if done {
                    // What is current now is not removed any more; it may have been just before.
                    self.store().put(&[(key, json.to_vec())])?;
                }
                return Ok(done);
            }
        }
    }
}

#[cfg(test)]
#[path = "publication_tests.rs"]
mod tests;
