//! The charts of one week from its reports, without files or a clock.
//!
//! Each thread reads and counts one row group after the other; their counts are added up, and figures
//! are made from the sums. The same reports give the same charts, whatever the number of threads and
//! row groups.

use super::count::{Shared, count};
use super::figures::Program;
use super::plan::{ConfigUnder, Plan};
use super::tally::{ProgramTally, Tally};
use crate::aggregate::edition::Edition;
use crate::aggregate::figure::{ConfigUse, DefinitionsSource, FORMAT, WeekCharts};
use crate::aggregate::parquet::columns::Columns;
use crate::aggregate::parquet::error::ParquetError;
use crate::aggregate::parquet::reader::ParquetReader;
use crate::publish::Catalogue;
use jiff::ToSpan;
use jiff::civil::Date;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// A week, without its reports.
#[derive(Debug, Clone, Copy)]
pub struct WeekOf<'a> {
    /// Its last day, a Sunday.
    pub week: Date,
    /// The edition of its data.
    pub edition: Edition,
    /// Whether no report of it can arrive any more.
    pub complete: bool,
    /// How many reports there are, including those without programs.
    pub reports: u64,
    /// What is charted.
    pub catalogue: &'a Catalogue,
    /// The configs that the reports name, oldest first.
    pub configs: &'a [ConfigUnder],
}

/// Reports in row groups, which several threads can read at once.
pub trait RowGroups: Sync {
    /// Why a row group cannot be read.
    type Error: Send;

    /// How many there are.
    fn row_groups(&self) -> usize;

    /// Reads one. All rows of a report are in the same one.
    fn read(&self, group: usize) -> Result<Columns, Self::Error>;
}

impl RowGroups for ParquetReader {
    type Error = ParquetError;

    fn row_groups(&self) -> usize {
        ParquetReader::row_groups(self)
    }

    fn read(&self, group: usize) -> Result<Columns, ParquetError> {
        ParquetReader::read(self, group)
    }
}

impl WeekOf<'_> {
    /// Makes the charts. `done` is called with the number of counted builds.
    pub fn charts<R: RowGroups>(
        &self,
        reports: &R,
        threads: NonZeroUsize,
        done: &(dyn Fn(u64) + Sync),
    ) -> Result<WeekCharts, R::Error> {
        let plan = Plan::new(self.catalogue, self.configs);
        let shared = Shared::new(&plan);
        let tally = count_all(reports, &shared, threads, done)?;
        let Shared { parts, stacks, .. } = shared;
        let nothing = ProgramTally::default();
        let tally_reports = tally.reports.as_slice();
        let numbered = plan.programs.iter().enumerate().zip(parts).zip(stacks);
        let programs = numbered.filter_map(|(((number, program), parts), stacks)| {
            let (parts, stacks) = (parts.into_list(), stacks.into_list());
            let tally = tally.programs.get(number).unwrap_or(&nothing);
            let confidence = self.catalogue.confidence;
            let (plan, reports) = (&plan, tally_reports);
            let (parts, stacks) = (&parts, &stacks);
            Program { plan, program, tally, reports, parts, stacks, confidence }.charts()
        });
        let configs = plan.configs.iter().enumerate().map(|(number, config)| ConfigUse {
            version: config.version.clone(),
            reports: tally.reports.get(number).copied().unwrap_or_default(),
            sample_rate: config.sample_rate,
        });
        Ok(WeekCharts {
            format: FORMAT,
            week: self.week,
            // Only fails in the calendar's first week.
            first_day: self.week.checked_sub(6.days()).unwrap_or(self.week),
            edition: self.edition,
            complete: self.complete,
            confidence: self.catalogue.confidence,
            reports: self.reports,
            expected: None,
            jump: None,
            configs: configs.collect(),
            definitions: DefinitionsSource {
                repository: self.catalogue.repository.clone(),
                commit: self.catalogue.commit.clone(),
                path: self.catalogue.path.clone(),
            },
            programs: programs.collect(),
        })
    }
}

fn count_all<R: RowGroups>(
    reports: &R,
    shared: &Shared<'_>,
    threads: NonZeroUsize,
    done: &(dyn Fn(u64) + Sync),
) -> Result<Tally, R::Error> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = || {
        let mut tally = Tally::default();
        loop {
            let group = next.fetch_add(1, Ordering::Relaxed);
            if group >= reports.row_groups() || failed.load(Ordering::Relaxed) {
                return Ok(tally);
            }
            match reports.read(group) {
                Ok(columns) => {
                    count(&columns, shared, &mut tally);
                    done(columns.builds() as u64);
                }
                Err(error) => {
                    failed.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
    };
    let threads = threads.get().min(reports.row_groups().max(1));
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut all = work()?;
        for other in others {
            match other.join() {
                Ok(tally) => all.merge(tally?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(all)
    })
}
