//! What was uploaded and is not merged yet: read from the segments, and sorted.

use super::line::LineKey;
use super::lost::{self, Loss, LostSegment};
use super::merge::{MergeError, Stop};
use super::read_state::ReadState;
use super::scratch::Scratch;
use super::sort::{Merge, SortLimits, Sorter};
use crate::aggregate::progress::{Phase, Progress};
use crate::ingest::old::{ReadMark, SegmentFile, Taking, segment_files};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::RangeInclusive;
use std::path::Path;

/// What is to be read.
pub(super) struct Reading<'a> {
    /// The journal's folder.
    pub folder: &'a Path,
    /// How far segments were read before, by their numbers; empty where all is read again.
    pub marks: BTreeMap<u64, ReadMark>,
    /// What was merged before.
    pub state: &'a ReadState,
    /// What is taken of them.
    pub taking: Taking,
    /// The only days whose reports are wanted.
    pub only: Option<&'a RangeInclusive<Date>>,
}

/// What was read.
pub(super) struct Uploads {
    /// Reports of days that are over, in order, each once.
    pub lines: Merge,
    /// The bytes of these, duplicates included, by day.
    pub bytes: BTreeMap<Date, u64>,
    /// How far segments are read now.
    pub marks: BTreeMap<u64, ReadMark>,
    /// What could not be read, in words.
    pub problems: Vec<String>,
}

impl Reading<'_> {
    /// Reads and sorts. Memory: a segment, and what sorting takes.
    pub fn read(
        self,
        scratch: &Scratch,
        limits: SortLimits,
        progress: &dyn Progress,
    ) -> Result<Uploads, Stop> {
        let failed = |source| MergeError::Io {
            action: "sort reports in",
            path: scratch.path("").display().to_string(),
            source,
        };
        let lost = lost::find(self.folder, self.state)?;
        let mut files = segment_files(self.folder)?;
        let there: BTreeSet<u64> = files.iter().map(SegmentFile::number).collect();
        if let Some(days) = self.only {
            files.retain(|file| file.until().is_none_or(|until| until >= *days.start()));
        }
        let sizes = files.iter().map(|file| file.unread(self.marks.get(&file.number())));
        let sizes: Vec<u64> = sizes.collect();
        let (mut done, total) = (0, sizes.iter().sum());
        let mut read = Read::default();
        // What is damaged is named when it is read.
        let named = |lost: &&LostSegment| !matches!(lost.loss, Loss::Damaged(_));
        read.problems.extend(lost.iter().filter(named).map(ToString::to_string));
        // What was merged of segments that are gone stays known, so that nobody misses them.
        let gone = self.marks.iter().filter(|(number, _)| !there.contains(number));
        read.marks.extend(gone.map(|(number, mark)| (*number, mark.clone())));
        let lines = std::thread::scope(|scope| -> Result<Merge, Stop> {
            let mut sorter = Sorter::start(scope, scratch, limits);
            for (file, size) in files.iter().zip(sizes) {
                match self.read_segment(file, &mut sorter, &mut read) {
                    Ok(()) => {}
                    Err(SegmentStop::NotUnderstood) => return Err(Stop::NotUnderstood),
                    Err(SegmentStop::Sort(error)) => {
                        // Why runs could not be written is what their writer says.
                        return Err(failed(sorter.finish().err().unwrap_or(error)).into());
                    }
                }
                done += size;
                progress.advance(Phase::Reading, done, total);
            }
            Ok(sorter.finish().map_err(failed)?)
        })?;
        let Read { bytes, marks, problems } = read;
        Ok(Uploads { lines, bytes, marks, problems })
    }

    fn read_segment(
        &self,
        file: &SegmentFile,
        sorter: &mut Sorter<'_>,
        read: &mut Read,
    ) -> Result<(), SegmentStop> {
        let mark = self.marks.get(&file.number());
        let mut unread = match file.load(mark, self.taking) {
            Ok(unread) => unread,
            Err(error) => {
                // Perhaps it can be read the next time.
                read.problems.push(error.to_string());
                read.marks.extend(mark.map(|mark| (file.number(), mark.clone())));
                return Ok(());
            }
        };
        while let Some((day, line)) = unread.next_report() {
            if self.only.is_none_or(|days| days.contains(&day)) {
                let key = LineKey::of(line).ok_or(SegmentStop::NotUnderstood)?;
                *read.bytes.entry(day).or_default() += line.len() as u64 + 1;
                sorter.push(key, line).map_err(SegmentStop::Sort)?;
            }
        }
        let (read_now, _) = unread.finish();
        if self.state.given_up.contains(&file.number()) {
            read.marks.insert(file.number(), read_now);
            return Ok(());
        }
        read.problems.extend(lost::damaged(file, &read_now).map(|damaged| damaged.to_string()));
        // A file that was cut stays damaged, until it is put back or given up.
        let cut = mark.filter(|mark| file.length() < mark.end());
        read.marks.insert(file.number(), cut.cloned().unwrap_or(read_now));
        Ok(())
    }
}

#[derive(Default)]
struct Read {
    bytes: BTreeMap<Date, u64>,
    marks: BTreeMap<u64, ReadMark>,
    problems: Vec<String>,
}

enum SegmentStop {
    NotUnderstood,
    Sort(io::Error),
}
