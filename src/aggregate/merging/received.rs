//! Reads what was received and is not public yet, counts its stacks, and sorts it.
//!
//! 1. Every row that waits and every row of segments that the index does not include is read once. Rows
//!    without stacks go to the sorter, the others to a file.
//! 2. Then the number of reports of each day is known, and so its [plan](PlanDay). If a public file of
//!    a week is lost or damaged, the week's days wait until it is restored.
//! 3. The stacks of the weeks to be published are counted, over all reports of these weeks.
//! 4. The rows with stacks go to the sorter; in those of days that are published, rare stacks are hidden.

use super::identities::Identities;
use super::line::LineKey;
use super::lost::{self, LostSegment};
use super::merge_error::{MergeError, Stop};
use super::private::{self, MadePrivate};
use super::scratch::Scratch;
use super::sort::{LineReader, Lines, Merge, SortLimits, Sorter, Sorters};
use super::stacks::{StackCounts, Unshown, has_stacks};
use super::zstd_lines;
use crate::aggregate::edition::{DayPlan, Edition, PlanDay, published_edition};
use crate::aggregate::index::{FileFormat, Index, SegmentDays, days_of, week_of};
use crate::aggregate::progress::{Phase, Progress};
use crate::aggregate::public::{PublicData, PublicError};
use crate::ingest::{Buffer, ReadError, Report, SealedRow, SealedRows, SegmentId};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek, Write};

/// The inputs of reading.
pub(super) struct Reading<'a> {
    pub buffer: &'a Buffer,
    pub public: &'a PublicData,
    pub index: &'a Index,
    pub today: Date,
    pub plan: PlanDay,
    /// How many reports of a week must have a stack for it to be shown.
    pub stack_minimum: u32,
    /// Damaged segments of which the whole records are merged and the rest is given up.
    pub given_up: &'a BTreeSet<SegmentId>,
    /// Whether the receiver has sealed everything that it had acknowledged.
    pub all_sealed: bool,
    pub scratch: &'a Scratch,
    pub limits: SortLimits,
    pub progress: &'a dyn Progress,
}

/// What was read.
pub(super) struct Received {
    /// The rows that become public or wait, in order.
    pub lines: Merge,
    /// Their bytes, by day.
    pub bytes: BTreeMap<Date, u64>,
    /// How many there are, by day.
    pub reports: BTreeMap<Date, u64>,
    /// The plan for each day that has some, or whose last edition is due.
    pub plans: BTreeMap<Date, DayPlan>,
    /// The segments that were read, which the index does not name yet.
    pub segments: BTreeMap<SegmentId, SegmentDays>,
    /// Segments whose files may be removed once all this is durable.
    pub merged: BTreeSet<SegmentId>,
    /// The identities of the included reports of batches, of the days that have new ones.
    pub identities: BTreeMap<Date, MadePrivate>,
    /// The complete rows of reports with a hidden stack.
    pub unshown: Merge,
    /// Public rows that are replaced by ones with more stacks shown, and how many of each.
    pub replaced: HashMap<LineKey, u64>,
    /// Segments that are given up now, and how many of their reports could be read.
    pub given_up: BTreeMap<SegmentId, u64>,
    /// What could not be read, in words.
    pub problems: Vec<String>,
}

/// Weeks with a lost or damaged public file, with the message about it.
type BrokenWeeks = BTreeMap<Date, String>;

/// The result of the first pass.
struct Intake<'scope> {
    sorters: Sorters<'scope>,
    with_stacks: Spool,
    bytes: BTreeMap<Date, u64>,
    reports: BTreeMap<Date, u64>,
}

impl Intake<'_> {
    fn add(&mut self, key: LineKey, row: &[u8]) -> Result<(), Stop> {
        self.add_all(vec![(key, row)])
    }

    fn add_all(&mut self, mut rows: Vec<(LineKey, &[u8])>) -> Result<(), Stop> {
        for (key, row) in &rows {
            *self.bytes.entry(key.day).or_default() += row.len() as u64 + 1;
            *self.reports.entry(key.day).or_default() += 1;
        }
        for (_, row) in rows.extract_if(.., |(_, row)| has_stacks(row)) {
            self.with_stacks.push(row).map_err(sort_failed)?;
        }
        self.sorters.push_all(&rows).map_err(sort_failed)
    }
}

/// What reading segments fills.
struct Read<'a> {
    segments: &'a mut BTreeMap<SegmentId, SegmentDays>,
    merged: &'a mut BTreeSet<SegmentId>,
    given_up: &'a mut BTreeMap<SegmentId, u64>,
    lost: &'a mut Vec<LostSegment>,
}

fn sort_failed(source: io::Error) -> Stop {
    MergeError::Io { action: "sort", path: "reports".to_owned(), source }.into()
}

fn not_understood() -> Stop {
    let message = "a row is intact but not understood; use the newer program that wrote it";
    MergeError::Files(message.to_owned()).into()
}

impl Reading<'_> {
    /// Reads and sorts. Memory: one segment, the sorter's, and the different stacks of the weeks to be
    /// published.
    pub fn read(&self) -> Result<Received, Stop> {
        let missing = lost::missing_from(self.buffer, self.index)?;
        let given_up = |lost: &&LostSegment| self.given_up.contains(&lost.id);
        let given_up_missing: Vec<SegmentId> =
            missing.iter().filter(given_up).map(|lost| lost.id).collect();
        let mut lost: Vec<LostSegment> = missing.iter().filter(|l| !given_up(l)).cloned().collect();
        std::thread::scope(|scope| {
            let mut intake = Intake {
                sorters: Sorters::start(scope, self.scratch, self.limits),
                with_stacks: Spool::new(self.scratch).map_err(sort_failed)?,
                bytes: BTreeMap::new(),
                reports: BTreeMap::new(),
            };
            let (mut segments, mut merged) = (BTreeMap::new(), BTreeSet::new());
            let mut given_up = BTreeMap::new();
            for id in given_up_missing {
                segments.insert(id, self.any_day());
                merged.insert(id);
                given_up.insert(id, 0);
            }
            let mut read = Read {
                segments: &mut segments,
                merged: &mut merged,
                given_up: &mut given_up,
                lost: &mut lost,
            };
            let identities = self.read_segments(&mut intake, &mut read)?;
            if let Some(waiting) = &self.index.waiting {
                let mut lines = private::read(self.public, waiting)?;
                let mut line = Vec::new();
                while let Some(key) = lines.next(&mut line).map_err(sort_failed)? {
                    intake.add(key, &line)?;
                }
            }
            let mut plans = self.plans(&intake.reports, self.all_sealed && lost.is_empty());
            let broken = self.hold_broken_weeks(&mut plans)?;
            let plans = plans;
            let Intake { mut sorters, mut with_stacks, bytes, reports } = intake;
            let mut stacks = Stacks {
                unshown: Sorter::start(scope, self.scratch, self.limits),
                replaced: HashMap::new(),
                plans: &plans,
            };
            self.sort_stacks(&mut sorters, &mut with_stacks, &mut stacks, &broken)?;
            let Stacks { unshown, replaced, .. } = stacks;
            Ok(Received {
                lines: sorters.finish().map_err(sort_failed)?,
                unshown: unshown.finish().map_err(sort_failed)?,
                replaced,
                problems: lost
                    .iter()
                    .map(ToString::to_string)
                    .chain(broken.into_values())
                    .collect(),
                given_up,
                identities,
                bytes,
                reports,
                plans,
                segments,
                merged,
            })
        })
    }

    /// Returns the identities of what is included from now on.
    fn read_segments(
        &self,
        intake: &mut Intake<'_>,
        into: &mut Read<'_>,
    ) -> Result<BTreeMap<Date, MadePrivate>, Stop> {
        let mut identities = Identities::new(self.public, self.index);
        let files = self.buffer.segments()?;
        let total = files.iter().map(|file| file.length()).sum();
        let mut done = 0;
        for file in files {
            let id = file.id();
            if !self.index.segments.contains_key(&id) {
                let read = match self.given_up.contains(&id) {
                    true => file.read_whole_records(),
                    false => file.read(),
                };
                let rows = match read {
                    Ok(rows) => rows,
                    // Its reports are in another batch, which may not be among these, or in a newer index.
                    Err(gone @ ReadError::Gone { .. }) => return Err(Stop::Gone(gone)),
                    Err(error) => {
                        into.lost.push(LostSegment::unread(&file, &error));
                        continue;
                    }
                };
                let mut new = Vec::with_capacity(rows.len());
                for SealedRow { week, row, sha256, identity } in rows.iter() {
                    if let Some(identity) = identity
                        && !identities.add(week.civil(), identity)?
                    {
                        continue;
                    }
                    new.push((LineKey::new(week.civil(), sha256), row));
                }
                intake.add_all(new)?;
                // Of batches the index names the identities.
                if self.buffer.folder().is_some() {
                    into.segments.insert(id, days_in(&rows).unwrap_or_else(|| self.any_day()));
                }
                if self.given_up.contains(&id) {
                    into.given_up.insert(id, rows.len() as u64);
                }
            }
            into.merged.insert(id);
            done += file.length();
            self.progress.advance(Phase::Reading, done, total);
        }
        identities.finish(self.scratch).map_err(sort_failed)
    }

    /// For a segment whose days are unknown.
    fn any_day(&self) -> SegmentDays {
        SegmentDays { from: Date::MIN, to: self.today }
    }

    /// The plan for each day that has reports, or whose last edition is due.
    fn plans(&self, reports: &BTreeMap<Date, u64>, all_there: bool) -> BTreeMap<Date, DayPlan> {
        let days: BTreeSet<Date> = reports.keys().chain(self.index.days.keys()).copied().collect();
        let plans = days.into_iter().map(|day| {
            let published = self.index.days.get(&day).map_or(Edition::None, |data| {
                published_edition(data.edition, data.published, self.today)
            });
            let waiting = reports.get(&day).copied().unwrap_or(0);
            (day, (self.plan)(day, published, waiting, self.today, all_there))
        });
        let counts = |(day, plan): &(Date, DayPlan)| {
            reports.contains_key(day) || matches!(plan, DayPlan::Publish(_))
        };
        plans.filter(counts).collect()
    }

    /// Lets the days of a week with a lost or damaged public file wait, since a week's files are made
    /// from those of its days. All other weeks are not affected.
    fn hold_broken_weeks(&self, plans: &mut BTreeMap<Date, DayPlan>) -> Result<BrokenWeeks, Stop> {
        let mut broken = BrokenWeeks::new();
        let due = plans.iter().filter(|(_, plan)| matches!(plan, DayPlan::Publish(_)));
        let weeks: BTreeSet<Date> = due.map(|(day, _)| week_of(*day)).collect();
        for week in weeks {
            let days = self.index.days.range(days_of(week));
            for file in days.flat_map(|(_, data)| &data.files) {
                match self.public.open(file) {
                    Ok(_) => {}
                    Err(error @ (PublicError::Missing { .. } | PublicError::Damaged { .. })) => {
                        let said = format!(
                            "{error}. Until then nothing is added to the week that ends on {week}"
                        );
                        broken.entry(week).or_insert(said);
                    }
                    Err(other) => return Err(other.into()),
                }
            }
        }
        for (day, plan) in plans.iter_mut() {
            if let DayPlan::Publish(edition) = *plan
                && broken.contains_key(&week_of(*day))
            {
                *plan = DayPlan::Wait(edition);
            }
        }
        Ok(broken)
    }

    /// Counts stacks, and sorts the rows with stacks.
    fn sort_stacks(
        &self,
        sorters: &mut Sorters<'_>,
        spool: &mut Spool,
        stacks: &mut Stacks<'_, '_>,
        broken: &BrokenWeeks,
    ) -> Result<(), Stop> {
        let mut counts = StackCounts::new(self.stack_minimum);
        let mut rows = spool.read().map_err(sort_failed)?;
        let mut line = Vec::new();
        // Public rows whose complete rows are known, which are counted instead.
        let mut known: HashMap<LineKey, u64> = HashMap::new();
        if !counts.shows_all() {
            let mut weeks = BTreeSet::new();
            while rows.next(&mut line).map_err(sort_failed)? {
                let report = Report::decode(&line)?;
                weeks.insert(week_of(report.week.civil()));
                counts.add(&report);
            }
            if let Some(unshown) = &self.index.unshown {
                let mut lines = private::read(self.public, unshown)?;
                while lines.next(&mut line).map_err(sort_failed)?.is_some() {
                    let unshown = Unshown::parse(&line).ok_or_else(not_understood)?;
                    *known.entry(unshown.public).or_default() += 1;
                    weeks.insert(week_of(unshown.public.day));
                    counts.add(&Report::decode(unshown.row)?);
                }
            }
            weeks.retain(|week| stacks.publishes(*week) && !broken.contains_key(week));
            self.count_public(&weeks, &mut counts, known)?;
        }
        let mut rows = spool.read().map_err(sort_failed)?;
        while rows.next(&mut line).map_err(sort_failed)? {
            stacks.push(&line, &counts, sorters)?;
        }
        if let Some(unshown) = &self.index.unshown {
            let mut lines = private::read(self.public, unshown)?;
            while let Some(key) = lines.next(&mut line).map_err(sort_failed)? {
                let unshown = Unshown::parse(&line).ok_or_else(not_understood)?;
                if let Some(DayPlan::Publish(_)) = stacks.plans.get(&key.day) {
                    *stacks.replaced.entry(unshown.public).or_default() += 1;
                    stacks.push(unshown.row, &counts, sorters)?;
                } else {
                    stacks.unshown.push(key, &line).map_err(sort_failed)?;
                }
            }
        }
        Ok(())
    }

    /// Counts the stacks of public rows, except those whose complete rows are known.
    fn count_public(
        &self,
        weeks: &BTreeSet<Date>,
        counts: &mut StackCounts,
        mut known: HashMap<LineKey, u64>,
    ) -> Result<(), Stop> {
        for week in weeks {
            for (_, data) in self.index.days.range(days_of(*week)) {
                let Some(file) = data.file(FileFormat::NdjsonZstd).filter(|_| data.with_stacks > 0)
                else {
                    continue;
                };
                let opened = self.public.open(file)?;
                let mut lines = LineReader(zstd_lines::decode(opened).map_err(sort_failed)?);
                let mut line = Vec::new();
                while let Some(key) = lines.next(&mut line).map_err(sort_failed)? {
                    match known.get_mut(&key) {
                        Some(times) if *times > 0 => *times -= 1,
                        _ if has_stacks(&line) => counts.add(&Report::decode(&line)?),
                        _ => {}
                    }
                }
            }
        }
        Ok(())
    }
}

/// Where rows with stacks go.
struct Stacks<'scope, 'a> {
    unshown: Sorter<'scope>,
    replaced: HashMap<LineKey, u64>,
    plans: &'a BTreeMap<Date, DayPlan>,
}

impl Stacks<'_, '_> {
    /// Whether a day of a week is published.
    fn publishes(&self, week: Date) -> bool {
        self.plans.range(days_of(week)).any(|(_, plan)| matches!(plan, DayPlan::Publish(_)))
    }

    /// Sorts a complete row: in its public form if its day is published, unchanged if it waits.
    fn push(
        &mut self,
        row: &[u8],
        counts: &StackCounts,
        sorters: &mut Sorters<'_>,
    ) -> Result<(), Stop> {
        let report = Report::decode(row)?;
        let hidden = match self.plans.get(&report.week.civil()) {
            Some(DayPlan::Publish(edition)) => counts.hide(&report).map(|row| (row, *edition)),
            _ => None,
        };
        let Some((public, edition)) = hidden else {
            let key = LineKey::of(row).ok_or_else(not_understood)?;
            return sorters.push(key, row).map_err(sort_failed);
        };
        if !edition.is_last() {
            let line = Unshown::line(row, &public);
            let key = LineKey::of(&line).ok_or_else(not_understood)?;
            self.unshown.push(key, &line).map_err(sort_failed)?;
        }
        let key = LineKey::of(&public).ok_or_else(not_understood)?;
        sorters.push(key, &public).map_err(sort_failed)
    }
}

fn days_in(rows: &SealedRows) -> Option<SegmentDays> {
    let days = || rows.iter().map(|row| row.week.civil());
    Some(SegmentDays { from: days().min()?, to: days().max()? })
}

/// Lines in an unnamed file, to be read more than once.
struct Spool(BufWriter<File>);

impl Spool {
    fn new(scratch: &Scratch) -> io::Result<Spool> {
        Ok(Spool(BufWriter::with_capacity(1 << 20, scratch.unnamed()?)))
    }

    fn push(&mut self, line: &[u8]) -> io::Result<()> {
        self.0.write_all(line)?;
        self.0.write_all(b"\n")
    }

    fn read(&mut self) -> io::Result<SpoolReader<'_>> {
        self.0.flush()?;
        let file = self.0.get_mut();
        file.rewind()?;
        Ok(SpoolReader(BufReader::with_capacity(1 << 20, file)))
    }
}

struct SpoolReader<'a>(BufReader<&'a mut File>);

impl SpoolReader<'_> {
    /// Replaces `line` by the next line; false after the last.
    fn next(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        line.clear();
        let read = io::BufRead::read_until(&mut self.0, b'\n', line)?;
        line.pop();
        Ok(read > 0)
    }
}
