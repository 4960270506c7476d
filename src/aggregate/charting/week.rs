//! The charts of one week from its reports, without files or a clock.
//!
//! Each thread reads and counts one row group after the other; their counts are added up, and figures
//! are made from the sums. The same reports give the same charts, whatever the number of threads and
//! row groups.

use super::count::{Shared, count};
use super::figures::Program;
use super::parts::{Part, Parts};
use super::plan::{ConfigUnder, Plan};
use super::stacks::{Grouped, Stacks};
use super::tally::{ProgramTally, Tally};
use crate::aggregate::edition::Edition;
use crate::aggregate::figure::{ConfigUse, DefinitionsSource, FORMAT, ProgramCharts, WeekCharts};
use crate::aggregate::index::days_of;
use crate::aggregate::parquet::columns::Columns;
use crate::aggregate::parquet::error::ParquetError;
use crate::aggregate::parquet::reader::ParquetReader;
use crate::publish::Catalogue;
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

/// The counts of a week, of which charts are made.
#[derive(Debug)]
pub struct CountedWeek<'a> {
    week: WeekOf<'a>,
    plan: Plan,
    tally: Tally,
    /// By program.
    parts: Vec<Vec<Part>>,
    /// By program.
    stacks: Vec<Vec<Grouped>>,
}

impl<'a> WeekOf<'a> {
    /// Counts the reports. `done` is called with the number of counted builds.
    pub fn count<R: RowGroups>(
        self,
        reports: &R,
        threads: NonZeroUsize,
        done: &(dyn Fn(u64) + Sync),
    ) -> Result<CountedWeek<'a>, R::Error> {
        let plan = Plan::new(self.catalogue, self.configs);
        let shared = Shared::new(&plan);
        let tally = count_all(reports, &shared, threads, done)?;
        let Shared { parts, stacks, .. } = shared;
        let parts = parts.into_iter().map(Parts::into_list).collect();
        let stacks = stacks.into_iter().map(Stacks::into_list).collect();
        Ok(CountedWeek { week: self, plan, tally, parts, stacks })
    }

    /// Makes all charts. They may be large: [`CountedWeek::programs`] makes them one by one.
    pub fn charts<R: RowGroups>(
        self,
        reports: &R,
        threads: NonZeroUsize,
        done: &(dyn Fn(u64) + Sync),
    ) -> Result<WeekCharts, R::Error> {
        let counted = self.count(reports, threads, done)?;
        Ok(WeekCharts { programs: counted.programs().collect(), ..counted.week() })
    }
}

impl<'a> CountedWeek<'a> {
    /// A week whose counts come from elsewhere; parts and stacks are those of each program.
    pub(super) fn new(
        week: WeekOf<'a>,
        plan: Plan,
        tally: Tally,
        parts: Vec<Vec<Part>>,
        stacks: Vec<Vec<Grouped>>,
    ) -> CountedWeek<'a> {
        CountedWeek { week, plan, tally, parts, stacks }
    }

    /// The charts of each program, in the order of their paths, without marks.
    pub fn programs(&self) -> impl Iterator<Item = ProgramCharts> {
        let numbered = self.plan.programs.iter().enumerate().zip(&self.parts).zip(&self.stacks);
        numbered.filter_map(|(((number, program), parts), stacks)| {
            let nothing = ProgramTally::default();
            let tally = self.tally.programs.get(number).unwrap_or(&nothing);
            let confidence = self.week.catalogue.confidence;
            let (plan, reports) = (&self.plan, self.tally.reports.as_slice());
            Program { plan, program, tally, reports, parts, stacks, confidence }.charts()
        })
    }

    /// The week without programs and without marks.
    pub fn week(&self) -> WeekCharts {
        let WeekOf { week, catalogue, .. } = self.week;
        let configs = self.plan.configs.iter().enumerate().map(|(number, config)| ConfigUse {
            version: config.version.clone(),
            reports: self.tally.reports.get(number).copied().unwrap_or_default(),
            sample_rate: config.sample_rate,
        });
        WeekCharts {
            format: FORMAT,
            week,
            first_day: *days_of(week).start(),
            edition: self.week.edition,
            complete: self.week.complete,
            confidence: catalogue.confidence,
            reports: self.week.reports,
            expected: None,
            jump: None,
            configs: configs.collect(),
            definitions: DefinitionsSource {
                repository: catalogue.repository.clone(),
                commit: catalogue.commit.clone(),
                path: catalogue.path.clone(),
            },
            programs: Vec::new(),
        }
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
