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
    Dataset, Index, SegmentDays, days_of, private_key, public_key, week_of,
};
use crate::aggregate::public::{PublicData, PublicError};
use crate::aggregate::stored_charts::leftovers;
use crate::ingest::SegmentId;
use crate::store::Key;
use jiff::civil::Date;
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
        index.supersede(superseded);
        if !index.superseded.is_empty() {
            index.merges += 1;
        }
        Ok::<_, PublicError>(index.clone())
    })?;
    let mut removed = BTreeSet::new();
    for key in &index.superseded {
        let now = public.index()?;
        match leftovers(public, &now, key)? {
            // Charts that were superseded may have become current again.
            None if now.current().contains(key) => {}
            None => public.store().remove(&Key::new(key.as_str())?)?,
            Some(Some(leftovers)) => {
                leftovers.iter().try_for_each(|left| public.store().remove(left))?;
            }
            // What is current cannot be told until the charts are made again.
            Some(None) => continue,
        }
        removed.insert(key.clone());
    }
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
    /// The identities of the included reports of batches, of the days that have new ones.
    pub identities: BTreeMap<Date, MadePrivate>,
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
                index.supersede(made.iter().map(|(key, _)| key.to_string()));
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
        let private = self.received.iter().flat_map(|received| {
            let rows = received.waiting.iter().chain(&received.unshown);
            rows.chain(received.identities.values())
        });
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
        if let Some(Included { segments, present, waiting, unshown, identities }) = &self.received {
            let identities = identities.iter().map(|(day, made)| (*day, made.file.clone()));
            index.included.extend(identities);
            let days = &index.days;
            index
                .included
                .retain(|day, _| !days.get(day).is_some_and(|data| data.edition.is_last()));
            index.segments.extend(segments);
            index.waiting = waiting.as_ref().map(|made| made.file.clone());
            index.unshown = unshown.as_ref().map(|made| made.file.clone());
            self.forget_segments(index, present);
        }
        index.supersede(named);
    }

    /// A week has the lowest edition of its days, and the last one only once its last day has it.
    fn change_week(&self, index: &mut Index, week: Date) {
        let days = index.days.range(days_of(week)).map(|(_, data)| data.edition);
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

#[cfg(test)]
#[path = "publication_tests.rs"]
mod tests;
