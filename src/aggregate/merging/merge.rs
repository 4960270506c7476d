//! Uploads become public data: the run.
//!
//! The set of a day's reports is the union of those that its public file has and those that were
//! uploaded since. Files follow from that set alone, so it does not matter how many runs it took,
//! which of them were killed, or in what order reports arrived: the same reports give the same
//! bytes.
//!
//! # The life of a merge
//!
//! 1. The scratch folder is locked: one merge at a time on a machine.
//! 2. Objects that the last merge replaced are removed. Readers of the index before had the time
//!    between two merges to finish.
//! 3. What was uploaded since the last merge is read, and sorted by day, X and bytes. What is
//!    damaged is named and set aside. Reports of a day that is not over are left for later.
//! 4. Each day that has new reports gets new files, made in the scratch folder; then each week of
//!    such a day.
//! 5. The index is told which objects are about to be there, so that none is forgotten if this
//!    process dies. Then they are put into the store.
//! 6. The index is swapped: all days and weeks change at once, for every reader.
//! 7. How far the uploads were read is remembered.
//!
//! Killed before 6, the merge has changed nothing that anyone sees, and the next one makes the same
//! files. Killed between 6 and 7, the next one reads the same uploads again, and finds nothing new.
//! A merge on another machine that changes the index meanwhile makes this one start over.

use super::dataset::{self, DatasetError, DatasetWriter, Part};
use super::lost;
use super::publication::{self, Change, Changes, Publication};
use super::read_state::{self, ReadState};
use super::scratch::Scratch;
use super::sort::{LineReader, SortLimits};
use super::uploads::{Reading, Uploads};
use super::zstd_lines;
use crate::aggregate::index::{Dataset, FileFormat, Index, PublicFile, week_of};
use crate::aggregate::progress::{Phase, Progress};
use crate::aggregate::public::{PublicData, PublicError, object_key};
use crate::ingest::ReadError;
use crate::ingest::old::Taking;
use crate::store::{KeyError, Store, StoreError};
use jiff::ToSpan;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

/// What a merge has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Merged {
    /// The days that have new files.
    pub days: Vec<MergedDataset>,
    /// The weeks that have new files.
    pub weeks: Vec<MergedDataset>,
    /// What could not be read, in words.
    pub problems: Vec<String>,
}

/// A day or week that has new files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MergedDataset {
    /// The day, or the last day of the week.
    pub date: Date,
    /// Its reports.
    pub reports: u64,
    /// Those that it did not have before.
    pub new_reports: u64,
    /// Its builds of programs.
    pub rows: u64,
    /// Its files.
    pub files: Vec<PublicFile>,
}

/// Why a merge stopped. What is public is as it was before, and the next merge begins anew.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// Another merge runs on this machine.
    #[error("another merge of this deployment is running ({folder} is locked); wait for its end")]
    Running {
        /// The scratch folder.
        folder: String,
    },
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The folder of reports cannot be read.
    #[error(transparent)]
    Reports(#[from] ReadError),
    /// What is public cannot be read or changed.
    #[error(transparent)]
    Public(#[from] PublicError),
    /// A file could not be made.
    #[error("{0}")]
    Files(String),
    /// A segment was given up for lost that is not.
    #[error(
        "segment {number} is not lost, so nothing is given up; `candor merge` names those that are"
    )]
    NotLost {
        /// The segment's number.
        number: u64,
    },
}

impl From<StoreError> for MergeError {
    fn from(error: StoreError) -> MergeError {
        MergeError::Public(error.into())
    }
}

impl From<KeyError> for MergeError {
    fn from(error: KeyError) -> MergeError {
        MergeError::Public(error.into())
    }
}

/// Merges what was uploaded since the last merge into the public data in `store`.
///
/// `reports` is the journal's folder, `scratch` one for files that are being made, best on the
/// store's file system. Days before `today`, a day in UTC, are published. The memory that it takes
/// does not depend on the number of reports. Blocks; may run beside the server that takes reports.
pub fn merge(
    reports: &Path,
    store: Arc<dyn Store>,
    scratch: &Path,
    today: Date,
    progress: &dyn Progress,
) -> Result<Merged, MergeError> {
    Merger::new(reports, store, scratch, today, progress)?.run(None)
}

/// As [`merge`], and from now on these segments, which have lost reports, are given up.
pub fn merge_after_loss(
    reports: &Path,
    store: Arc<dyn Store>,
    scratch: &Path,
    today: Date,
    given_up: BTreeSet<u64>,
    progress: &dyn Progress,
) -> Result<Merged, MergeError> {
    let mut merger = Merger::new(reports, store, scratch, today, progress)?;
    merger.given_up = given_up;
    merger.run(None)
}

/// Makes the files of these days anew, and those of their weeks, from everything that is stored and
/// what is public of them.
///
/// It is never needed for reports that arrive late. It restores objects that were lost or damaged.
pub fn merge_days(
    reports: &Path,
    store: Arc<dyn Store>,
    scratch: &Path,
    days: RangeInclusive<Date>,
    today: Date,
    progress: &dyn Progress,
) -> Result<Merged, MergeError> {
    Merger::new(reports, store, scratch, today, progress)?.run(Some(days))
}

/// A merge and what it works on.
struct Merger<'a> {
    reports: &'a Path,
    store: Arc<dyn Store>,
    public: PublicData,
    scratch: Scratch,
    today: Date,
    limits: SortLimits,
    progress: &'a dyn Progress,
    /// Segments that are given up for lost by this merge.
    given_up: BTreeSet<u64>,
}

/// Why an attempt came to no end.
pub(super) enum Stop {
    /// Another merge changed the index.
    Lost,
    /// A report is whole and not understood.
    NotUnderstood,
    /// Something failed.
    Failed(MergeError),
}

impl<E: Into<MergeError>> From<E> for Stop {
    fn from(error: E) -> Stop {
        Stop::Failed(error.into())
    }
}

impl From<DatasetError> for Stop {
    fn from(error: DatasetError) -> Stop {
        match error {
            DatasetError::Report(_) => Stop::NotUnderstood,
            other => Stop::Failed(MergeError::Files(other.to_string())),
        }
    }
}

impl<'a> Merger<'a> {
    fn new(
        reports: &'a Path,
        store: Arc<dyn Store>,
        scratch: &Path,
        today: Date,
        progress: &'a dyn Progress,
    ) -> Result<Merger<'a>, MergeError> {
        let folder = || scratch.display().to_string();
        let scratch = Scratch::take(scratch).map_err(|source| match source.kind() {
            io::ErrorKind::WouldBlock => MergeError::Running { folder: folder() },
            _ => MergeError::Io { action: "make files in", path: folder(), source },
        })?;
        let public = PublicData::new(store.clone());
        let limits = SortLimits::default();
        let given_up = BTreeSet::new();
        Ok(Merger { reports, store, public, scratch, today, limits, progress, given_up })
    }

    fn run(&self, only: Option<RangeInclusive<Date>>) -> Result<Merged, MergeError> {
        let mut decoded = false;
        loop {
            match self.attempt(only.as_ref(), decoded) {
                Ok(merged) => return Ok(merged),
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::Lost) => {}
                Err(Stop::NotUnderstood) if !decoded => decoded = true,
                // Every report was decoded when it was read, so it is one that is public.
                Err(Stop::NotUnderstood) => {
                    return Err(MergeError::Files(
                        "a public file holds a report that this program does not understand; use \
                         the newer program that wrote it"
                            .to_owned(),
                    ));
                }
            }
            self.scratch.clear().map_err(|e| self.scratch_failed("clear", e))?;
        }
    }

    fn attempt(&self, only: Option<&RangeInclusive<Date>>, decoded: bool) -> Result<Merged, Stop> {
        let (index, removed) = publication::remove_superseded(&self.public)?;
        let found = read_state::read(&*self.store, index.merges)?;
        let state = self.give_up(&found.state)?;
        let marks = if only.is_some() { BTreeMap::new() } else { found.state.segments.clone() };
        let taking = Taking { before: self.today, decoded };
        let reading = Reading { folder: self.reports, marks, state: &state, taking, only };
        let mut uploads = reading.read(&self.scratch, self.limits, self.progress)?;
        let days = self.make_days(&index, &mut uploads, only)?;
        let weeks = self.make_weeks(&index, &days, only)?;
        let told = |(date, change): (&Date, &Change)| {
            let old = index.weeks.get(date).map(|week| &week.data);
            change.told(*date, old)
        };
        let merged = Merged {
            days: days.iter().map(|(day, change)| change.told(*day, index.days.get(day))).collect(),
            weeks: weeks.iter().map(told).collect(),
            problems: uploads.problems.clone(),
        };
        let publication = Publication {
            days,
            weeks,
            problems: uploads.problems,
            all_read: only.is_none(),
            today: self.today,
        };
        let merges = publication.publish(&self.public, index.merges, &removed)?;
        if only.is_none() {
            let given_up = state.given_up.clone();
            read_state::replace(&*self.store, &found, merges, uploads.marks, given_up)?;
        }
        Ok(merged)
    }

    /// What was merged, with the segments that are given up now.
    fn give_up(&self, before: &ReadState) -> Result<ReadState, Stop> {
        let mut state = before.clone();
        if !self.given_up.is_empty() {
            let lost = lost::find(self.reports, before)?;
            for number in &self.given_up {
                let known = before.given_up.contains(number);
                if !known && !lost.iter().any(|lost| lost.number == *number) {
                    return Err(MergeError::NotLost { number: *number }.into());
                }
                state.given_up.insert(*number);
            }
        }
        Ok(state)
    }

    /// Makes the files of every day that has lines.
    fn make_days(
        &self,
        index: &Index,
        uploads: &mut Uploads,
        only: Option<&RangeInclusive<Date>>,
    ) -> Result<Changes, Stop> {
        let failed = |e| self.scratch_failed("merge reports in", e);
        let mut days: BTreeSet<Date> = uploads.bytes.keys().copied().collect();
        if let Some(only) = only {
            days.extend(index.days.range(only.clone()).map(|(day, _)| *day));
        }
        let old_bytes = |day| index.days.get(day).map_or(0, |day: &Dataset| day.text_bytes);
        let new_bytes = |day| uploads.bytes.get(day).copied().unwrap_or_default();
        let total = days.iter().map(|day| old_bytes(day) + new_bytes(day)).sum();
        let (mut done, mut shown) = (0, 0);
        let mut changes = Changes::new();
        for day in days {
            let old = index.days.get(&day);
            if let Some(old) = old
                && let Some(lines) = self.lines_of(old, only)?
            {
                uploads.lines.add(Box::new(LineReader(lines))).map_err(failed)?;
            }
            let mut writer = DatasetWriter::start(&self.scratch, &day.to_string());
            while uploads.lines.next_key().is_some_and(|key| key.day == day) {
                uploads.lines.advance().map_err(failed)?;
                let line = uploads.lines.line();
                writer.push(line);
                done += line.len() as u64 + 1;
                if done - shown > 4 << 20 {
                    shown = done;
                    self.progress.advance(Phase::Days, done.min(total), total);
                }
            }
            let (dataset, made) = writer.finish()?;
            if let Some(old) = old
                && dataset.reports < old.reports
            {
                uploads.problems.push(format!(
                    "of {day}, {} of {} public reports: their file is gone, and they are no longer \
                     stored",
                    old.reports - dataset.reports,
                    old.reports
                ));
            }
            // Where all of a day was lost, what the index says of it is all that is left.
            if dataset.reports > 0 {
                changes.insert(day, Change { dataset, made });
            }
        }
        // What was uploaded again makes no change, unless objects are to be restored.
        if only.is_none() {
            let unchanged = |day: &Date, change: &mut Change| {
                index.days.get(day).is_some_and(|old| old.files == change.dataset.files)
            };
            changes.retain(|day, change| !unchanged(day, change));
        }
        self.progress.advance(Phase::Days, total, total);
        Ok(changes)
    }

    /// The lines that are public of a day. Where they are lost and the day is made anew, it is made of
    /// what is still stored.
    fn lines_of(
        &self,
        old: &Dataset,
        only: Option<&RangeInclusive<Date>>,
    ) -> Result<Option<impl io::BufRead + Send + 'static>, Stop> {
        if only.is_some() {
            self.remove_damaged(old)?;
        }
        let Some(file) = old.file(FileFormat::NdjsonZstd) else { return Ok(None) };
        match self.public.open(file) {
            Ok(opened) => {
                let decoded = zstd_lines::decode(opened);
                Ok(Some(decoded.map_err(|e| self.scratch_failed("decompress to", e))?))
            }
            Err(PublicError::Missing { .. }) if only.is_some() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes objects that do not have the bytes that their names say, so that they can be written.
    fn remove_damaged(&self, dataset: &Dataset) -> Result<(), Stop> {
        for file in &dataset.files {
            if let Err(PublicError::Damaged { .. }) = self.public.open(file) {
                self.store.remove(&object_key(&file.sha256)?)?;
            }
        }
        Ok(())
    }

    /// Makes the files of every week that has a changed day.
    fn make_weeks(
        &self,
        index: &Index,
        days: &Changes,
        only: Option<&RangeInclusive<Date>>,
    ) -> Result<Changes, Stop> {
        let wanted: BTreeSet<Date> = days.keys().map(|day| week_of(*day)).collect();
        let total = wanted.len() as u64;
        let mut changes = Changes::new();
        for (done, week) in (1..).zip(wanted) {
            if let (Some(_), Some(old)) = (only, index.weeks.get(&week)) {
                self.remove_damaged(&old.data)?;
            }
            changes.insert(week, self.make_week(index, days, week)?);
            self.progress.advance(Phase::Weeks, done, total);
        }
        Ok(changes)
    }

    fn make_week(&self, index: &Index, days: &Changes, week: Date) -> Result<Change, Stop> {
        let monday = week.checked_sub(6.days()).unwrap_or(week);
        let mut parts: Vec<(&Dataset, Option<&Change>)> = Vec::new();
        for day in monday.series(1.day()).take_while(|day| *day <= week) {
            match (days.get(&day), index.days.get(&day)) {
                (Some(change), _) => parts.push((&change.dataset, Some(change))),
                (None, Some(old)) => parts.push((old, None)),
                (None, None) => {}
            }
        }
        let name = format!("week-{week}");
        if let [(day, _)] = parts[..] {
            // The week's files are those of its one day.
            let mut dataset = day.clone();
            for file in &mut dataset.files {
                file.name = format!("{name}.{}", file.format.extension());
            }
            return Ok(Change { dataset, made: Vec::new() });
        }
        let open = |(dataset, change): (&Dataset, Option<&Change>)| -> Result<Part, Stop> {
            let [zstd, gzip, parquet] = FileFormat::ALL.map(|format| match change {
                Some(change) => self.open_made(change, format),
                None => self.open_public(dataset, format),
            });
            Ok(Part { dataset: dataset.clone(), files: [zstd?, gzip?, parquet?] })
        };
        let parts = parts.into_iter().map(open).collect::<Result<Vec<_>, Stop>>()?;
        let (dataset, made) = dataset::splice(&self.scratch, &name, parts)?;
        Ok(Change { dataset, made })
    }

    fn open_made(&self, change: &Change, format: FileFormat) -> Result<File, Stop> {
        let made = change.made.iter().find(|made| made.file.format == format);
        let none = || MergeError::Files(format!("no {} file was made", format.extension()));
        let made = made.ok_or_else(none)?;
        File::open(&made.scratch).map_err(|e| self.scratch_failed("read", e).into())
    }

    fn open_public(&self, dataset: &Dataset, format: FileFormat) -> Result<File, Stop> {
        let none = || {
            let extension = format.extension();
            MergeError::Files(format!("public/index names no {extension} file of a day"))
        };
        Ok(self.public.open(dataset.file(format).ok_or_else(none)?)?)
    }

    fn scratch_failed(&self, action: &'static str, source: io::Error) -> MergeError {
        MergeError::Io { action, path: self.scratch.path("").display().to_string(), source }
    }
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
