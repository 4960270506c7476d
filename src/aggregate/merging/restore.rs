//! Makes lost or damaged files again, from other files of the same reports.
//!
//! Each day's reports are in two compressed texts and in Parquet, and again in its week's files. All
//! files of the day can be made from any text that is intact, byte for byte. If no text of a day is
//! intact, only a copy helps.

use super::dataset::DatasetWriter;
use super::line::LineKey;
use super::merge::{Merger, Merging};
use super::merge_error::{MergeError, Stop};
use super::merged::Merged;
use super::publication::{self, Change, Changes, Publication};
use super::zstd_lines;
use crate::aggregate::index::{Dataset, FileFormat, Index, PublicFile, week_of};
use crate::aggregate::progress::Progress;
use crate::aggregate::public::{PublicError, object_key};
use crate::count::count;
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::ops::RangeInclusive;

/// Makes the files of these days and of their weeks again, if one of them is lost or damaged. No report
/// is added.
pub fn merge_days(
    merging: &Merging<'_>,
    days: RangeInclusive<Date>,
    progress: &dyn Progress,
) -> Result<Merged, MergeError> {
    let merger = Merger::new(merging, progress)?;
    merger.repeat(|| merger.restore(&days))
}

impl Merger<'_> {
    fn restore(&self, range: &RangeInclusive<Date>) -> Result<Merged, Stop> {
        let (index, removed) = publication::remove_superseded(&self.public)?;
        let (mut days, mut problems) = (Changes::new(), Vec::new());
        for (day, dataset) in index.days.range(range.clone()) {
            let week = index.weeks.get(&week_of(*day)).map(|week| &week.data);
            let whole = self.remove_damaged(dataset)?;
            let week_whole = week.map_or(Ok(true), |week| self.remove_damaged(week))?;
            if whole && week_whole {
                continue;
            }
            match self.make_again(*day, dataset, week)? {
                Some(change) => {
                    days.insert(*day, change);
                }
                None => problems.push(format!(
                    "no file of the {} of {day} is intact; restore one from a copy",
                    count(dataset.reports, "public report")
                )),
            }
        }
        let weeks = match problems.is_empty() {
            true => self.make_weeks(&index, &days)?,
            false => self.make_weeks_that_can_be(&index, &days)?,
        };
        let summary =
            |(date, change): (&Date, &Change)| change.summary(*date, Some(&change.dataset));
        let merged = Merged {
            days: days.iter().map(summary).collect(),
            weeks: weeks.iter().map(summary).collect(),
            waiting: Vec::new(),
            given_up: BTreeMap::new(),
            problems: problems.clone(),
        };
        let (today, editions) = (self.merging.today, BTreeMap::new());
        let publication = Publication { days, weeks, editions, received: None, problems, today };
        publication.publish(&self.public, index.merges, &removed)?;
        Ok(merged)
    }

    /// The files of those weeks whose days are all intact.
    fn make_weeks_that_can_be(&self, index: &Index, days: &Changes) -> Result<Changes, Stop> {
        let mut weeks = Changes::new();
        for (day, change) in days {
            let one = Change { dataset: change.dataset.clone(), made: change.made.clone() };
            let one = BTreeMap::from([(*day, one)]);
            match self.make_weeks(index, &one) {
                Ok(made) => weeks.extend(made),
                Err(Stop::Failed(MergeError::Public(
                    PublicError::Missing { .. } | PublicError::Damaged { .. },
                ))) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(weeks)
    }

    /// Removes objects whose bytes do not match their names, so that they can be written again. Returns
    /// whether all were there and intact.
    fn remove_damaged(&self, dataset: &Dataset) -> Result<bool, Stop> {
        let mut whole = true;
        for file in &dataset.files {
            match self.public.open(file) {
                Ok(_) => {}
                Err(PublicError::Missing { .. }) => whole = false,
                Err(PublicError::Damaged { .. }) => {
                    self.public.store().remove(&object_key(&file.sha256)?)?;
                    whole = false;
                }
                Err(other) => return Err(other.into()),
            }
        }
        Ok(whole)
    }

    /// Makes all files of a day from one that is intact.
    fn make_again(
        &self,
        day: Date,
        dataset: &Dataset,
        week: Option<&Dataset>,
    ) -> Result<Option<Change>, Stop> {
        let failed = |e| self.scratch_failed("restore files in", e);
        let texts = [FileFormat::NdjsonZstd, FileFormat::NdjsonGzip];
        let files = [Some(dataset), week].into_iter().flatten();
        for file in files.flat_map(|data| texts.iter().filter_map(|format| data.file(*format))) {
            let opened = match self.public.open(file) {
                Ok(opened) => opened,
                Err(PublicError::Missing { .. }) => continue,
                Err(other) => return Err(other.into()),
            };
            let mut writer = DatasetWriter::start(&self.scratch, &day.to_string());
            for line in lines(file, opened).map_err(failed)?.split(b'\n') {
                let line = line.map_err(failed)?;
                if LineKey::of(&line).is_some_and(|key| key.day == day) {
                    writer.push(&line);
                }
            }
            let (made_of, made) = writer.finish()?;
            let Dataset { edition, published, complete, stack_minimum, .. } = *dataset;
            let dataset = Dataset { edition, published, complete, stack_minimum, ..made_of };
            return Ok(Some(Change { dataset, made }));
        }
        Ok(None)
    }
}

fn lines(file: &PublicFile, opened: File) -> io::Result<Box<dyn BufRead>> {
    Ok(match file.format {
        FileFormat::NdjsonZstd => Box::new(zstd_lines::decode(opened)?),
        _ => Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(opened))),
    })
}
