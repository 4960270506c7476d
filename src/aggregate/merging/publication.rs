//! Makes new files current, all at once, and keeps track of every object.
//!
//! Objects are put into the store before the index names them, and removed after it no longer does. A
//! process may die in between, so the index lists both kinds in [`Index::superseded`], and the next
//! merge removes what is listed there. [`Index::merges`] is incremented with every removal, so that a
//! process which is about to name such an object notices and starts over. Replaced private objects are
//! removed at once: only merges read them.

use super::dataset::Made;
use super::merge_error::Stop;
use super::merged::MergedDataset;
use super::private::MadePrivate;
use crate::aggregate::edition::Edition;
use crate::aggregate::index::{
    ChartsFile, Dataset, Index, SegmentDays, private_key, public_key, week_of,
};
use crate::aggregate::public::{PublicData, PublicError, object_key};
use crate::hex::hex;
use crate::ingest::SegmentId;
use crate::store::{Key, StoreError};
use jiff::ToSpan;
use jiff::civil::Date;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// New files of a day or week.
pub(super) struct Change {
    /// Its entry in the index.
    pub dataset: Dataset,
    /// The files that are not in the store yet.
    pub made: Vec<Made>,
}

/// Changes by day, or by the last day of the week.
pub(super) type Changes = BTreeMap<Date, Change>;

impl Change {
    /// The change, as reported in the merge's result.
    pub fn summary(&self, date: Date, old: Option<&Dataset>) -> MergedDataset {
        let Dataset { reports, rows, files, edition, .. } = self.dataset.clone();
        let new_reports = reports.saturating_sub(old.map_or(0, |old| old.reports));
        MergedDataset { date, edition, reports, new_reports, rows, files }
    }
}

/// Removes what the last merge replaced, and what a merge that died had begun to publish. Returns the
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
    for key in &index.superseded {
        // Charts that were superseded may have become current again.
        if !public.index()?.current().contains(key) {
            public.store().remove(&Key::new(key.as_str())?)?;
        }
    }
    let removed = index.superseded.iter().cloned().collect();
    Ok((index, removed))
}

/// What a merge makes public.
pub(super) struct Publication {
    pub days: Changes,
    pub weeks: Changes,
    /// Days of which only the edition changes.
    pub editions: BTreeMap<Date, Edition>,
    /// What was received; `None` if files are only restored.
    pub received: Option<Included>,
    /// What could not be read.
    pub problems: Vec<String>,
    pub today: Date,
}

/// The uploads that the index includes from now on.
pub(super) struct Included {
    /// The segments that are newly included.
    pub segments: BTreeMap<SegmentId, SegmentDays>,
    /// The included segments whose files still exist.
    pub present: BTreeSet<SegmentId>,
    /// The rows that wait.
    pub waiting: Option<MadePrivate>,
    /// The complete rows of reports with a hidden stack.
    pub unshown: Option<MadePrivate>,
}

impl Publication {
    /// Puts all files into the store, and changes the index to name them. `merges` is that of the index
    /// that this is based on.
    pub fn publish(
        &self,
        public: &PublicData,
        mut merges: u64,
        removed: &BTreeSet<String>,
    ) -> Result<(), Stop> {
        let made = self.made()?;
        if !made.is_empty() {
            merges = public.update(|index| {
                same(index, merges)?;
                index.merges += 1;
                index.superseded.retain(|key| !removed.contains(key));
                supersede(index, made.iter().map(|(key, _)| key.to_string()));
                Ok::<_, Stop>(index.merges)
            })?;
            for (key, scratch) in &made {
                let put = || public.store().put_file(key, scratch);
                public.replacing_damaged(key, put)?;
            }
        }
        let superseded = public.update(|index| {
            same(index, merges)?;
            let before = index.clone();
            if made.is_empty() {
                index.superseded.retain(|key| !removed.contains(key));
            }
            self.change(index);
            if *index != before {
                index.merges += 1;
            }
            Ok::<_, Stop>(index.superseded.clone())
        })?;
        let private = superseded.into_iter().filter(|key| key.starts_with("buffer/"));
        remove_private(public, private.collect())
    }

    /// The new objects, and their files.
    fn made(&self) -> Result<Vec<(Key, &Path)>, Stop> {
        let mut made = Vec::new();
        for file in self.days.values().chain(self.weeks.values()).flat_map(|change| &change.made) {
            made.push((Key::new(public_key(&file.file.sha256))?, file.scratch.as_path()));
        }
        let private = self.received.iter().flat_map(|r| r.waiting.iter().chain(&r.unshown));
        for file in private {
            made.push((Key::new(private_key(&file.file.sha256))?, file.scratch.as_path()));
        }
        Ok(made)
    }

    fn change(&self, index: &mut Index) {
        let named = index.current();
        for (day, change) in &self.days {
            index.days.insert(*day, change.dataset.clone());
        }
        for (week, change) in &self.weeks {
            index.weeks.entry(*week).or_default().data = change.dataset.clone();
        }
        for (day, edition) in &self.editions {
            if let Some(data) = index.days.get_mut(day) {
                (data.edition, data.published) = (*edition, self.today);
                data.complete = edition.is_last();
            }
        }
        let weeks: BTreeSet<Date> =
            self.days.keys().chain(self.editions.keys()).map(|day| week_of(*day)).collect();
        for week in weeks {
            self.change_week(index, week);
        }
        index.problems = match &self.received {
            Some(_) => self.problems.clone(),
            None => {
                let old = std::mem::take(&mut index.problems);
                let known = old.iter().filter(|old| !self.problems.contains(old)).cloned();
                self.problems.iter().cloned().chain(known.collect::<Vec<_>>()).collect()
            }
        };
        if let Some(Included { segments, present, waiting, unshown }) = &self.received {
            index.segments.extend(segments);
            index.waiting = waiting.as_ref().map(|made| made.file.clone());
            index.unshown = unshown.as_ref().map(|made| made.file.clone());
            self.forget_segments(index, present);
        }
        supersede(index, named);
    }

    /// A week has the lowest edition of its days, and the last one only once its last day has it.
    fn change_week(&self, index: &mut Index, week: Date) {
        let monday = week.checked_sub(6.days()).unwrap_or(week);
        let days = index.days.range(monday..=week).map(|(_, data)| data.edition);
        let edition = week_edition(week, days, self.today);
        if let Some(entry) = index.weeks.get_mut(&week) {
            entry.data.edition = edition;
            entry.data.published = self.today;
            entry.data.complete = edition.is_last();
        }
    }

    /// Forgets segments whose files are gone once the last edition of all their days is published.
    /// While the files exist they stay named, because this process may die before it removes them.
    fn forget_segments(&self, index: &mut Index, present: &BTreeSet<SegmentId>) {
        let days = &index.days;
        index.segments.retain(|id, segment| {
            let over = Edition::due(segment.to, self.today).is_last();
            let mut open = days.range(segment.from..=segment.to);
            !over || present.contains(id) || open.any(|(_, data)| !data.edition.is_last())
        });
    }
}

/// Removes private objects that are not current. A merge on another machine that is about to name one
/// of them starts over, since the count of merges has changed.
fn remove_private(public: &PublicData, keys: Vec<String>) -> Result<(), Stop> {
    if keys.is_empty() {
        return Ok(());
    }
    let current = public.update(|index| {
        index.merges += 1;
        Ok::<_, PublicError>(index.current())
    })?;
    for key in keys.iter().filter(|key| !current.contains(*key)) {
        public.store().remove(&Key::new(key.as_str())?)?;
    }
    Ok(())
}

/// The edition of a week with days of these editions.
pub(super) fn week_edition(
    week: Date,
    days: impl Iterator<Item = Edition>,
    today: Date,
) -> Edition {
    // A week that is not over lacks some of its days.
    let due = Edition::due(week, today).max(Edition::First);
    days.min().unwrap_or_default().min(due)
}

fn same(index: &Index, merges: u64) -> Result<(), Stop> {
    if index.merges == merges { Ok(()) } else { Err(Stop::Lost) }
}

/// Marks objects that are not current for removal by the next merge.
fn supersede(index: &mut Index, objects: impl IntoIterator<Item = String>) {
    let mut all: BTreeSet<String> = std::mem::take(&mut index.superseded).into_iter().collect();
    all.extend(objects);
    let current = index.current();
    all.retain(|key| !current.contains(key));
    index.superseded = all.into_iter().collect();
}

impl PublicData {
    /// Puts an object that is named after its hash. An existing object with other bytes is damaged, and
    /// is replaced.
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

    /// Publishes a week's charts in the index. `still` checks against the newest index whether they
    /// were made from its data; if not, nothing is changed and the result is false.
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
                supersede(index, [public_key(&sha256)]);
                Ok::<_, PublicError>(index.merges)
            })?;
            let put = || self.store().put(&[(key.clone(), json.to_vec())]);
            self.replacing_damaged(&key, put)?;
            let done = self.update(|index| {
                // A merge may have removed the object: try again.
                if index.merges != merges {
                    return Ok(None);
                }
                let known = still(index);
                let Some(entry) = index.weeks.get_mut(&week).filter(|_| known) else {
                    return Ok(Some(false));
                };
                let old = entry.charts.replace(charts.clone());
                supersede(index, old.map(|old| public_key(&old.sha256)));
                Ok::<_, PublicError>(Some(true))
            })?;
            if let Some(done) = done {
                if done {
                    // It is current now, so it is no longer removed; but it may have been just before.
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
