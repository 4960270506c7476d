//! A run of charting: the public data of weeks becomes charts.
//!
//! Charts depend on nothing but published data: the week's Parquet file, the configs that its reports
//! name (which the log keeps for ever), and the catalogue in force [`SETTLED`] days after the week
//! ended, when all its reports have arrived. So anyone can recompute them at any time, with any number
//! of threads.
//!
//! Whether a week's number of reports jumps also depends on the weeks before it
//! ([`volume`](super::volume)). So weeks are charted from the oldest on; and if only an earlier week
//! has changed, a week's charts are marked again without reading its reports.
//!
//! Each week is published separately: its charts become immutable objects, one program after the other, then
//! the index names their outline ([`stored_charts`](crate::aggregate::stored_charts)). If the run is killed
//! before that, nothing has changed, and the next run makes the same objects again.

use super::configs::LoggedConfigs;
use super::counts::{CountFiles, CountsError};
use super::plan::{ConfigUnder, Plan};
use super::plan_tables::{PlanError, PlanTables};
use super::volume::{HasVolumes, WEEKS_BEFORE, WeekVolume, mark};
use super::week::WeekOf;
use crate::aggregate::figure::{self, ProgramCharts, WeekCharts};
use crate::aggregate::index::{ChartsFile, FileFormat, Index, PublicFile, Week, days_of};
use crate::aggregate::parquet::error::ParquetError;
use crate::aggregate::parquet::reader::ParquetReader;
use crate::aggregate::progress::{Phase, Progress, Unwatched};
use crate::aggregate::public::{MadeBy, PublicData, PublicError};
use crate::aggregate::stored_charts::sections::SectionsFile;
use crate::aggregate::stored_charts::{NewCharts, Wanted};
use crate::gomod::ModuleVersion;
use crate::hex::hex;
use crate::ingest::ConfigSetError;
use crate::publish::{Catalogue, CatalogueEntry, CatalogueError, Catalogues};
use jiff::ToSpan;
use jiff::civil::Date;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many days after its end a week's catalogue is chosen: its reports are no longer accepted then.
pub const SETTLED: i32 = 35;

/// Which weeks are charted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weeks {
    /// Those whose charts are missing (from the index or the store), or were made from other data than
    /// there is now.
    Outdated,
    /// Those with a day in this range, even if their charts are current.
    Within(RangeInclusive<Date>),
    /// These, by their last days.
    These(BTreeSet<Date>),
}

/// What was charted.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Charted {
    /// The weeks, oldest first.
    pub weeks: Vec<ChartedWeek>,
}

/// The charts of one week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChartedWeek {
    /// Its last day, a Sunday.
    pub week: Date,
    /// Its reports.
    pub reports: u64,
    /// How many programs have charts.
    pub programs: u64,
    /// How many figures they have in total.
    pub figures: u64,
    /// The SHA-256 of their outline, in hex, which changes with them.
    pub sha256: String,
}

/// Why charts could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChartError {
    /// No definitions were recorded.
    #[error(
        "there are no recorded definitions to chart: this deployment has published none since this \
         program makes charts. Run `candor publish` once more; if nothing changed, it only records \
         them"
    )]
    NoDefinitions,
    /// The public data cannot be read, or the charts cannot be stored.
    #[error(transparent)]
    Public(#[from] PublicError),
    /// The recorded definitions cannot be read.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A week's data cannot be read.
    #[error("{file} cannot be read: {source}; run `candor merge --week {week}` to make it again")]
    Data {
        /// The file.
        file: String,
        /// The week.
        week: Date,
        /// What is wrong with it.
        source: ParquetError,
    },
    /// A config that reports name cannot be read.
    #[error("the config {config}, which reports of the week until {week} name: {source}")]
    Config {
        /// The config's version.
        config: String,
        /// The week.
        week: Date,
        /// What is wrong.
        source: ConfigSetError,
    },
    /// Counts cannot be used.
    #[error(transparent)]
    Counts(#[from] CountsError),
    /// A plan cannot be written.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// There are counts of a week without data.
    #[error("there are counts of a week until {week}, of which there is no public data here")]
    NoWeek {
        /// The week.
        week: Date,
    },
    /// Reports name something that is not a config's version.
    #[error(
        "reports of the week until {week} name {config:?}, which is not a config's version; the \
         data was not made by `candor merge`"
    )]
    NoVersion {
        /// What they name.
        config: String,
        /// The week.
        week: Date,
    },
}

/// Makes the charts of these weeks, and publishes them in the index. Blocks.
///
/// Weeks without data have no charts. If a merge changes a week's data meanwhile, its charts are made
/// again from the newer data.
pub fn chart(
    data: &PublicData,
    configs: &LoggedConfigs,
    catalogues: &Catalogues,
    weeks: &Weeks,
    progress: &dyn Progress,
) -> Result<Charted, ChartError> {
    let index = data.index()?;
    let in_force = in_force(catalogues, index.weeks.keys())?;
    let counts = None;
    let run = Run { data, configs, catalogues, in_force: &in_force, progress, counts };
    run.all(&index, weeks)
}

/// Makes the charts of the weeks that are in these files, of the counts that a SQL engine made of the weeks'
/// data, and publishes them. They are the same as those that [`chart`] makes. Blocks.
pub fn chart_counts(
    data: &PublicData,
    configs: &LoggedConfigs,
    catalogues: &Catalogues,
    counts: &CountFiles,
    progress: &dyn Progress,
) -> Result<Charted, ChartError> {
    let index = data.index()?;
    let in_force = in_force(catalogues, index.weeks.keys())?;
    let weeks = counts.weeks()?;
    if let Some(week) = weeks.iter().find(|week| !index.weeks.contains_key(week)) {
        return Err(ChartError::NoWeek { week: *week });
    }
    let counts = Some(counts);
    let run = Run { data, configs, catalogues, in_force: &in_force, progress, counts };
    run.all(&index, &Weeks::These(weeks))
}

/// What a SQL engine has to know to count the reports of these weeks. Only the names of configs are read of them.
pub fn plan_weeks(
    data: &PublicData,
    configs: &LoggedConfigs,
    catalogues: &Catalogues,
    weeks: &Weeks,
) -> Result<(PlanTables, BTreeSet<Date>), ChartError> {
    let index = data.index()?;
    let in_force = in_force(catalogues, index.weeks.keys())?;
    let (progress, counts) = (&Unwatched, None);
    let run = Run { data, configs, catalogues, in_force: &in_force, progress, counts };
    let mut tables = PlanTables::default();
    let mut planned = BTreeSet::new();
    for (week, entry) in &index.weeks {
        if run.is_wanted(&index, *week, entry, weeks) {
            let opened = run.open(*week, entry)?;
            tables.add(*week, &Plan::new(&opened.catalogue, &opened.configs), &opened.configs)?;
            planned.insert(*week);
        }
    }
    Ok((tables, planned))
}

impl Run<'_> {
    fn all(&self, index: &Index, weeks: &Weeks) -> Result<Charted, ChartError> {
        let wanted: Vec<Date> = index
            .weeks
            .iter()
            .filter(|(week, entry)| self.is_wanted(index, **week, entry, weeks))
            .map(|(week, _)| *week)
            .collect();
        let rows =
            wanted.iter().filter_map(|week| index.weeks.get(week)).map(|week| week.data.rows);
        let (total, done) = (rows.sum(), AtomicU64::new(0));
        let mut charted = Vec::new();
        for week in index.weeks.keys() {
            let made = match wanted.contains(week) {
                true => self.week(*week, total, &done)?,
                false => self.mark_again(*week)?,
            };
            charted.extend(made);
        }
        self.progress.advance(Phase::Charts, total, total);
        Ok(Charted { weeks: charted })
    }
}

/// The catalogue in force for each week.
fn in_force<'w>(
    catalogues: &Catalogues,
    weeks: impl Iterator<Item = &'w Date>,
) -> Result<BTreeMap<Date, CatalogueEntry>, CatalogueError> {
    let recorded = catalogues.recorded()?;
    let mut in_force = BTreeMap::new();
    for week in weeks {
        let settled = week.checked_add(i64::from(SETTLED).days()).unwrap_or(Date::MAX);
        in_force.extend(recorded.in_force(settled)?.map(|entry| (*week, entry)));
    }
    Ok(in_force)
}

struct Run<'r> {
    data: &'r PublicData,
    configs: &'r LoggedConfigs,
    catalogues: &'r Catalogues,
    in_force: &'r BTreeMap<Date, CatalogueEntry>,
    progress: &'r dyn Progress,
    /// Counts to use in place of the data.
    counts: Option<&'r CountFiles>,
}

/// The data of a week, with what it is charted by.
struct Opened {
    file: String,
    reader: ParquetReader,
    catalogue: Catalogue,
    configs: Vec<ConfigUnder>,
}

/// Digests of a week's inputs: `DATA BEFORE`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct MadeFrom {
    /// Of everything that its figures depend on.
    data: String,
    /// Of the inputs of the weeks before it.
    before: String,
}

impl MadeFrom {
    fn of(charts: &ChartsFile) -> Option<MadeFrom> {
        let (data, before) = charts.made_from.split_once(' ')?;
        Some(MadeFrom { data: data.to_owned(), before: before.to_owned() })
    }
}

impl Display for MadeFrom {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.data, self.before)
    }
}

/// The charts of the weeks before a week, the oldest first.
fn before(index: &Index, week: Date) -> impl Iterator<Item = (Date, &ChartsFile)> {
    let first = week.saturating_sub((WEEKS_BEFORE as i64).weeks());
    let earlier = index.weeks.range(first..week);
    earlier.filter_map(|(week, entry)| Some((*week, entry.charts.as_ref()?)))
}

/// A digest of the inputs of the weeks before a week.
fn digest_before(index: &Index, week: Date) -> String {
    let mut digest = Sha256::new();
    for (week, charts) in before(index, week) {
        let data = MadeFrom::of(charts).map_or(String::new(), |made| made.data);
        digest.update(format!("{week} {data}\n"));
    }
    hex(&digest.finalize())
}

impl Run<'_> {
    fn is_wanted(&self, index: &Index, week: Date, entry: &Week, weeks: &Weeks) -> bool {
        match weeks {
            Weeks::Within(days) => *days_of(week).start() <= *days.end() && week >= *days.start(),
            Weeks::These(weeks) => weeks.contains(&week),
            Weeks::Outdated => {
                let made = entry.charts.as_ref().and_then(MadeFrom::of).map(|made| made.data);
                // If the store fails, making the charts will report it.
                made.is_none()
                    || made != self.made_from(week, entry)
                    || !self.data.has_charts(index, week).unwrap_or(false)
            }
        }
    }

    fn catalogue(&self, week: Date) -> Option<&CatalogueEntry> {
        self.in_force.get(&week)
    }

    /// A digest of everything that a week's charts are made from. It need not include the configs that
    /// its reports name: the data says which these are, and a logged version never changes.
    fn made_from(&self, week: Date, entry: &Week) -> Option<String> {
        let file = parquet(entry)?;
        let catalogue = self.catalogue(week)?;
        let parts = [
            &format!("format {}", figure::FORMAT),
            concat!("candor ", env!("CARGO_PKG_VERSION")),
            &file.sha256,
            &catalogue.key,
            &format!("reports {}, edition {}", entry.data.reports, u8::from(entry.data.edition)),
        ];
        Some(hex(&Sha256::digest(parts.join("\n"))))
    }

    /// Makes and publishes the charts of one week; if its data changes meanwhile, from the newer data.
    fn week(
        &self,
        week: Date,
        total: u64,
        done: &AtomicU64,
    ) -> Result<Option<ChartedWeek>, ChartError> {
        let before = done.load(Ordering::Relaxed);
        loop {
            done.store(before, Ordering::Relaxed);
            let index = self.data.index()?;
            let Some(entry) = index.weeks.get(&week) else { return Ok(None) };
            let made = self.make(&index, week, entry, |rows| {
                let done = done.fetch_add(rows, Ordering::Relaxed) + rows;
                self.progress.advance(Phase::Charts, done.min(total), total);
            })?;
            if let Some(charted) = made {
                return Ok(Some(charted));
            }
        }
    }

    /// Marks the charts of a week again if only earlier weeks have changed. Charts that cannot be read,
    /// or whose data changes meanwhile, are left to another run.
    fn mark_again(&self, week: Date) -> Result<Option<ChartedWeek>, ChartError> {
        let index = self.data.index()?;
        let charts = index.weeks.get(&week).and_then(|entry| entry.charts.as_ref());
        let Some(made) = charts.and_then(MadeFrom::of) else { return Ok(None) };
        if made.before == digest_before(&index, week) {
            return Ok(None);
        }
        let unread = |error: &PublicError| {
            matches!(error, PublicError::Missing { .. } | PublicError::Damaged { .. })
        };
        let outline = match self.data.week_outline(&index, week) {
            Ok(Some(outline)) => outline,
            Ok(None) => return Ok(None),
            Err(error) if unread(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let programs = outline.programs.iter().map(|of| {
            let charts = self.data.program_charts(week, of, Wanted::All)?;
            Ok((charts, Some(of.slices.clone())))
        });
        match self.publish(&index, outline.week.clone(), programs, made.data) {
            Err(ChartError::Public(error)) if unread(&error) => Ok(None),
            other => other,
        }
    }

    /// Marks and publishes the charts of a week, made from the data of this digest, one program after the
    /// other; those with slices are only marked again. `None` if the data has changed meanwhile.
    fn publish(
        &self,
        index: &Index,
        week: WeekCharts,
        programs: impl Iterator<Item = Result<(ProgramCharts, Option<SectionsFile>), PublicError>>,
        data: String,
    ) -> Result<Option<ChartedWeek>, ChartError> {
        let (date, reports) = (week.week, week.reports);
        let made_from = MadeFrom { data, before: digest_before(index, date) };
        let mut new = NewCharts::begin(self.data, index, week)?;
        let before = new.weeks_before(WEEKS_BEFORE);
        let volumes: Vec<WeekVolume> = before.iter().map(WeekCharts::volumes).collect();
        mark(new.week(), &volumes);
        let (mut count, mut figures) = (0, 0);
        for program in programs {
            let (charts, slices) = program?;
            count += 1;
            figures += charts.charts.len() as u64;
            let mut earlier = new.program_before(&charts.program)?;
            let volumes = before.iter().filter_map(|week| {
                let programs = vec![earlier.remove(&week.week)?];
                Some(WeekCharts { programs, ..week.clone() }.volumes())
            });
            let volumes: Vec<WeekVolume> = volumes.collect();
            let mut marked = WeekCharts { programs: vec![charts], ..new.week().clone() };
            mark(&mut marked, &volumes);
            for charts in marked.programs {
                new.add(charts, slices.clone())?;
            }
        }
        let still = |index: &Index| {
            let now = index.weeks.get(&date);
            now.is_some_and(|now| self.made_from(date, now).as_ref() == Some(&made_from.data))
        };
        let sha256 = new.publish(&made_from.to_string(), still)?;
        let charted =
            |sha256| ChartedWeek { week: date, reports, programs: count, figures, sha256 };
        Ok(sha256.map(charted))
    }

    /// Makes and publishes the charts of a week; `None` if its data has changed meanwhile.
    fn make(
        &self,
        index: &Index,
        week: Date,
        entry: &Week,
        done: impl Fn(u64) + Sync,
    ) -> Result<Option<ChartedWeek>, ChartError> {
        let Opened { file, reader, catalogue, configs } = self.open(week, entry)?;
        let of = WeekOf {
            week,
            edition: entry.data.edition,
            complete: entry.data.complete,
            reports: entry.data.reports,
            catalogue: &catalogue,
            configs: &configs,
        };
        let counted = match self.counts {
            Some(counts) => counts.read(of)?,
            None => {
                let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
                let failed = |source| ChartError::Data { file, week, source };
                of.count(&reader, threads, &done).map_err(failed)?
            }
        };
        let data = self.made_from(week, entry).ok_or(ChartError::NoDefinitions)?;
        let programs = counted.programs().map(|charts| Ok((charts, None)));
        self.publish(index, counted.week(), programs, data)
    }

    /// Opens the data of a week.
    fn open(&self, week: Date, entry: &Week) -> Result<Opened, ChartError> {
        let catalogue = self.catalogue(week).ok_or(ChartError::NoDefinitions)?;
        let catalogue = self.catalogues.read(catalogue)?;
        let file = parquet(entry).ok_or_else(|| PublicError::Missing {
            name: format!("the Parquet file of the week until {week}"),
            made_by: MadeBy::Merge(week),
        })?;
        let failed = |source| ChartError::Data { file: file.name.clone(), week, source };
        let reader = ParquetReader::open(self.data.open(file)?).map_err(failed)?;
        let configs = self.configs_of(week, &reader.configs().map_err(failed)?)?;
        Ok(Opened { file: file.name.clone(), reader, catalogue, configs })
    }

    /// The configs that reports name, oldest first.
    fn configs_of<'c>(
        &self,
        week: Date,
        named: impl IntoIterator<Item = &'c String>,
    ) -> Result<Vec<ConfigUnder>, ChartError> {
        let one = |config: &String| {
            let version: ModuleVersion = config
                .parse()
                .map_err(|_| ChartError::NoVersion { config: config.clone(), week })?;
            let found = self.configs.find(version).map_err(|source| ChartError::Config {
                config: config.clone(),
                week,
                source,
            })?;
            Ok(ConfigUnder { version, config: found })
        };
        let mut configs: Vec<ConfigUnder> =
            named.into_iter().map(one).collect::<Result<_, ChartError>>()?;
        configs.sort_by_key(|under| under.version);
        Ok(configs)
    }
}

fn parquet(entry: &Week) -> Option<&PublicFile> {
    entry.data.file(FileFormat::Parquet)
}
