//! A run of the merge.
//!
//! A report is in exactly one place: in a segment that the index does not name, or in what the index
//! names (public files, and the private object of rows that wait). One swap of the index moves all
//! reports of some segments from the first place to the second.
//!
//! # The life of a merge
//!
//! 1. The scratch folder is locked: one merge at a time on a machine. The receiver is asked to seal what
//!    it has acknowledged. (Where the store has the buffer, there are batches instead of segments, and nobody has
//!    to be asked.)
//! 2. Objects that the last merge replaced are removed. Readers of the old index had until now to finish.
//! 3. The segments that the index does not include are read, together with the rows that wait
//!    (`received`), and sorted by day and hash. A damaged segment is left out until it is restored or
//!    given up.
//! 4. Each day whose [edition](crate::aggregate::edition) is due gets new files, made in the scratch
//!    folder; then each week with such a day. The rows of all other days go to a private object for the
//!    next merge.
//! 5. The index is told which objects will be created, so that none is forgotten if this process dies.
//!    Then they are put into the store.
//! 6. The index is swapped: for every reader, all days and weeks change at once, and the segments are
//!    included.
//! 7. The segments' files are removed.
//!
//! If a merge is killed before step 6, nobody sees a change, and the next one starts over with the same
//! segments. If it is killed after step 6, the next one finds segments that the index includes, skips and
//! removes them. If a merge on another machine changes the index meanwhile, this one starts over.

use super::dataset::{self, DatasetWriter, Part};
use super::line::LineKey;
use super::lost::lost_segments;
use super::merge_error::{MergeError, Stop};
use super::merged::{Merged, WaitingReports};
use super::private::{MadePrivate, PrivateWriter};
use super::publication::{self, Change, Changes, Included, Publication};
use super::received::{Reading, Received};
use super::scratch::Scratch;
use super::sort::{LineReader, Lines, SortLimits};
use super::zstd_lines;
use crate::aggregate::edition::{DayPlan, Edition, PlanDay, plan_at_once, plan_day};
use crate::aggregate::index::{Dataset, FileFormat, Index, days_of, week_of};
use crate::aggregate::progress::{Phase, Progress};
use crate::aggregate::public::PublicData;
use crate::count::count;
use crate::ingest::{Buffer, Sealed, SegmentId};
use crate::store::Store;
use jiff::ToSpan;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long to wait for the receiver to seal.
const SEALING: Duration = Duration::from_secs(30);

/// The inputs of a merge.
#[derive(Debug, Clone)]
pub struct Merging<'a> {
    /// Where reports wait.
    pub buffer: Buffer,
    /// Where public data is.
    pub store: Arc<dyn Store>,
    /// A folder for unfinished files, best on the store's file system.
    pub scratch: &'a Path,
    /// Today's date in UTC. Days before it are published.
    pub today: Date,
    /// How many reports of a week must have a stack for it to be shown.
    pub stack_minimum: u32,
}

/// Merges everything that was uploaded since the last merge into the public data.
///
/// Its memory depends on the number of different stacks in the published weeks, but not on the number
/// of reports. Blocks; may run while a server receives reports.
pub fn merge(merging: &Merging<'_>, progress: &dyn Progress) -> Result<Merged, MergeError> {
    merge_after_loss(merging, &BTreeSet::new(), progress)
}

/// Like [`merge`], for a rehearsal: every report becomes public at once, even of a day that is not over or has
/// its edition already.
pub fn merge_at_once(merging: &Merging<'_>, progress: &dyn Progress) -> Result<Merged, MergeError> {
    let merger = Merger { plan: plan_at_once, ..Merger::new(merging, progress)? };
    let sealed = merging.buffer.seal(SEALING)?;
    merger.repeat(|| merger.attempt(&BTreeSet::new(), sealed == Sealed::All))
}

/// Like [`merge`]; of these damaged or missing segments, whole records are merged, and the rest is
/// given up.
pub fn merge_after_loss(
    merging: &Merging<'_>,
    given_up: &BTreeSet<SegmentId>,
    progress: &dyn Progress,
) -> Result<Merged, MergeError> {
    let merger = Merger::new(merging, progress)?;
    merger.check_lost(given_up)?;
    let sealed = merging.buffer.seal(SEALING)?;
    merger.repeat(|| merger.attempt(given_up, sealed == Sealed::All))
}

/// How many milliseconds to wait when what was listed is gone, each time: half a minute in all.
const PAUSES: [u64; 11] =
    if cfg!(test) { [0; 11] } else { [0, 50, 100, 200, 400, 800, 1600, 3200, 6400, 8000, 10_000] };

/// A running merge.
pub(super) struct Merger<'a> {
    pub(super) merging: &'a Merging<'a>,
    pub(super) public: PublicData,
    pub(super) scratch: Scratch,
    limits: SortLimits,
    plan: PlanDay,
    pub(super) progress: &'a dyn Progress,
}

impl<'a> Merger<'a> {
    pub(super) fn new(
        merging: &'a Merging<'a>,
        progress: &'a dyn Progress,
    ) -> Result<Merger<'a>, MergeError> {
        let folder = || merging.scratch.display().to_string();
        let scratch = Scratch::take(merging.scratch).map_err(|source| match source.kind() {
            io::ErrorKind::WouldBlock => MergeError::Running { folder: folder() },
            _ => MergeError::Io { action: "make files in", path: folder(), source },
        })?;
        let public = PublicData::new(merging.store.clone());
        Ok(Merger {
            merging,
            public,
            scratch,
            limits: SortLimits::default(),
            plan: plan_day,
            progress,
        })
    }

    /// Fails unless all these segments are damaged or missing.
    fn check_lost(&self, given_up: &BTreeSet<SegmentId>) -> Result<(), MergeError> {
        if given_up.is_empty() {
            return Ok(());
        }
        let lost = lost_segments(&self.merging.buffer, &self.merging.store)?;
        match given_up.iter().find(|id| !lost.iter().any(|lost| lost.id == **id)) {
            Some(id) => Err(MergeError::NotLost { id: *id }),
            None => Ok(()),
        }
    }

    /// Repeats the attempt while other merges change the index. What is gone again and again is an error, since
    /// then the store lists what it does not have.
    pub(super) fn repeat<T>(&self, attempt: impl Fn() -> Result<T, Stop>) -> Result<T, MergeError> {
        let mut pauses = PAUSES.iter();
        loop {
            match attempt() {
                Ok(done) => return Ok(done),
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::Lost) => {}
                Err(Stop::Gone(gone)) => match pauses.next() {
                    Some(pause) => std::thread::sleep(Duration::from_millis(*pause)),
                    None => return Err(gone.into()),
                },
            }
            self.scratch.clear().map_err(|e| self.scratch_failed("clear", e))?;
        }
    }

    fn attempt(&self, given_up: &BTreeSet<SegmentId>, all_sealed: bool) -> Result<Merged, Stop> {
        let (index, removed) = publication::remove_superseded(&self.public)?;
        let reading = Reading {
            buffer: &self.merging.buffer,
            public: &self.public,
            index: &index,
            today: self.merging.today,
            plan: self.plan,
            stack_minimum: self.merging.stack_minimum,
            given_up,
            all_sealed,
            scratch: &self.scratch,
            limits: self.limits,
            progress: self.progress,
        };
        let mut received = reading.read()?;
        if !all_sealed {
            received.problems.push(
                "the receiver did not seal in time what it has acknowledged; the next merge \
                 includes it, and publishes the last editions that are due"
                    .to_owned(),
            );
        }
        let (days, editions, waiting) = self.make_days(&index, &mut received)?;
        let weeks = self.make_weeks(&index, &days)?;
        let mut writer = self.private("unshown")?;
        while let Some(key) = received.unshown.advance().map_err(|e| self.sort_failed(e))? {
            writer.push(key, received.unshown.line()).map_err(|e| self.sort_failed(e))?;
        }
        let unshown = writer.finish().map_err(|e| self.sort_failed(e))?;
        let merged = self.summary(&index, &days, &weeks, &received);
        let Received { segments, merged: ids, identities, problems, .. } = received;
        let present = ids.clone();
        let received = Some(Included { segments, present, waiting, unshown, identities });
        let today = self.merging.today;
        let publication = Publication { days, weeks, editions, received, problems, today };
        publication.publish(&self.public, index.merges, &removed)?;
        self.merging.buffer.remove(ids)?;
        self.merging.buffer.forget(|day| Edition::due(day, today).is_last())?;
        Ok(merged)
    }

    fn summary(
        &self,
        index: &Index,
        days: &Changes,
        weeks: &Changes,
        received: &Received,
    ) -> Merged {
        let week = |(date, change): (&Date, &Change)| {
            let old = index.weeks.get(date).map(|week| &week.data);
            change.summary(*date, old)
        };
        let waiting = received.plans.iter().filter_map(|(date, plan)| match plan {
            DayPlan::Wait(edition) => {
                let reports = received.reports.get(date).copied().unwrap_or(0);
                let due = edition.date(*date);
                Some(WaitingReports { date: *date, reports, edition: *edition, due })
            }
            _ => None,
        });
        Merged {
            days: days
                .iter()
                .map(|(day, change)| change.summary(*day, index.days.get(day)))
                .collect(),
            weeks: weeks.iter().map(week).collect(),
            waiting: waiting.collect(),
            given_up: received.given_up.clone(),
            problems: received.problems.clone(),
        }
    }

    /// Makes the files of every day whose edition is due, and the object of rows that wait. The second
    /// result is the days of which only the edition changes.
    #[allow(clippy::type_complexity)]
    fn make_days(
        &self,
        index: &Index,
        received: &mut Received,
    ) -> Result<(Changes, BTreeMap<Date, Edition>, Option<MadePrivate>), Stop> {
        let failed = |e| self.sort_failed(e);
        let mut waiting = self.private("waiting")?;
        let (mut changes, mut editions) = (Changes::new(), BTreeMap::new());
        let replaced: BTreeSet<Date> = received.replaced.keys().map(|key| key.day).collect();
        let total = received.bytes.values().sum();
        let mut progress = Done { done: 0, shown: 0, total, progress: self.progress };
        for (day, plan) in received.plans.clone() {
            let mut too_late: u64 = 0;
            match plan {
                DayPlan::Publish(edition) => {
                    let has_rows = received.lines.next_key().is_some_and(|key| key.day == day);
                    if !has_rows && !replaced.contains(&day) {
                        editions.insert(day, edition);
                        continue;
                    }
                    let change = self.make_day(index, received, day, edition, &mut progress)?;
                    changes.insert(day, change);
                }
                DayPlan::Wait(_) | DayPlan::TooLate => {
                    while let Some(key) = received.lines.next_key().filter(|key| key.day == day) {
                        received.lines.advance().map_err(failed)?;
                        let line = received.lines.line();
                        progress.add(line.len() as u64 + 1);
                        match plan {
                            DayPlan::TooLate => too_late += 1,
                            _ => waiting.push(key, line).map_err(failed)?,
                        }
                    }
                }
            }
            if too_late > 0 {
                let are = if too_late == 1 { "is" } else { "are" };
                received.problems.push(format!(
                    "{} of {day} {are} dropped, because its last edition is \
                     published: a segment that was merged before was put back, or one was merged \
                     too late",
                    count(too_late, "report")
                ));
            }
        }
        self.progress.advance(Phase::Days, total, total);
        Ok((changes, editions, waiting.finish().map_err(failed)?))
    }

    fn make_day(
        &self,
        index: &Index,
        received: &mut Received,
        day: Date,
        edition: Edition,
        progress: &mut Done<'_>,
    ) -> Result<Change, Stop> {
        let failed = |e| self.sort_failed(e);
        if let Some(old) = index.days.get(&day)
            && let Some(file) = old.file(FileFormat::NdjsonZstd)
        {
            let lines = LineReader(zstd_lines::decode(self.public.open(file)?).map_err(failed)?);
            let replaced = received.replaced.iter().filter(|(key, _)| key.day == day);
            let replaced = replaced.map(|(key, times)| (*key, *times)).collect();
            received.lines.add(Box::new(Without { lines, replaced })).map_err(failed)?;
        }
        let now = self.merging.stack_minimum;
        let stack_minimum = index.days.get(&day).map_or(now, |old| old.stack_minimum.min(now));
        let mut writer = DatasetWriter::start(&self.scratch, &day.to_string());
        while received.lines.next_key().is_some_and(|key| key.day == day) {
            received.lines.advance().map_err(failed)?;
            let line = received.lines.line();
            writer.push(line);
            progress.add(line.len() as u64 + 1);
        }
        let (mut dataset, made) = writer.finish()?;
        dataset.edition = edition;
        dataset.published = self.merging.today;
        dataset.complete = edition.is_last();
        dataset.stack_minimum = stack_minimum;
        Ok(Change { dataset, made })
    }

    /// Makes the files of every week with a changed day.
    pub(super) fn make_weeks(&self, index: &Index, days: &Changes) -> Result<Changes, Stop> {
        let wanted: BTreeSet<Date> = days.keys().map(|day| week_of(*day)).collect();
        let total = wanted.len() as u64;
        let mut changes = Changes::new();
        for (done, week) in (1..).zip(wanted) {
            changes.insert(week, self.make_week(index, days, week)?);
            self.progress.advance(Phase::Weeks, done, total);
        }
        Ok(changes)
    }

    fn make_week(&self, index: &Index, days: &Changes, week: Date) -> Result<Change, Stop> {
        let mut parts: Vec<(&Dataset, Option<&Change>)> = Vec::new();
        for day in days_of(week).start().series(1.day()).take_while(|day| *day <= week) {
            match (days.get(&day), index.days.get(&day)) {
                (Some(change), _) => parts.push((&change.dataset, Some(change))),
                (None, Some(old)) => parts.push((old, None)),
                (None, None) => {}
            }
        }
        let edition = self.week_edition(week, parts.iter().map(|(dataset, _)| dataset.edition));
        let stack_minimum = parts.iter().map(|(dataset, _)| dataset.stack_minimum).min();
        let as_of_today = |dataset: Dataset| Dataset {
            edition,
            stack_minimum: stack_minimum.unwrap_or_default(),
            published: self.merging.today,
            complete: edition.is_last(),
            ..dataset
        };
        let name = format!("week-{week}");
        if let [(day, _)] = parts[..] {
            // The week has one day, so its files are that day's.
            let mut dataset = day.clone();
            for file in &mut dataset.files {
                file.name = format!("{name}.{}", file.format.extension());
            }
            return Ok(Change { dataset: as_of_today(dataset), made: Vec::new() });
        }
        let open = |(dataset, change): (&Dataset, Option<&Change>)| -> Result<Part, Stop> {
            let [zstd, gzip, parquet] = FileFormat::ALL.map(|format| match change {
                Some(change) if !change.made.is_empty() => self.open_made(change, format),
                _ => self.open_public(dataset, format),
            });
            Ok(Part { dataset: dataset.clone(), files: [zstd?, gzip?, parquet?] })
        };
        let parts = parts.into_iter().map(open).collect::<Result<Vec<_>, Stop>>()?;
        let (dataset, made) = dataset::splice(&self.scratch, &name, parts)?;
        Ok(Change { dataset: as_of_today(dataset), made })
    }

    fn week_edition(&self, week: Date, days: impl Iterator<Item = Edition>) -> Edition {
        publication::week_edition(week, days, self.merging.today)
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

    fn private(&self, name: &str) -> Result<PrivateWriter, Stop> {
        Ok(PrivateWriter::start(&self.scratch, name)
            .map_err(|e| self.scratch_failed("make files in", e))?)
    }

    fn sort_failed(&self, source: io::Error) -> MergeError {
        self.scratch_failed("merge reports in", source)
    }

    pub(super) fn scratch_failed(&self, action: &'static str, source: io::Error) -> MergeError {
        MergeError::Io { action, path: self.scratch.path("").display().to_string(), source }
    }
}

/// The public lines of a day, except those that are replaced.
struct Without<L> {
    lines: L,
    replaced: HashMap<LineKey, u64>,
}

impl<L: Lines> Lines for Without<L> {
    fn next(&mut self, line: &mut Vec<u8>) -> io::Result<Option<LineKey>> {
        loop {
            let Some(key) = self.lines.next(line)? else { return Ok(None) };
            match self.replaced.get_mut(&key) {
                Some(times) if *times > 0 => *times -= 1,
                _ => return Ok(Some(key)),
            }
        }
    }
}

/// The progress of making the files of days.
struct Done<'a> {
    done: u64,
    shown: u64,
    total: u64,
    progress: &'a dyn Progress,
}

impl Done<'_> {
    fn add(&mut self, bytes: u64) {
        self.done += bytes;
        if self.done - self.shown > 4 << 20 {
            self.shown = self.done;
            self.progress.advance(Phase::Days, self.done.min(self.total), self.total);
        }
    }
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
