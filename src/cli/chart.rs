//! `candor chart`: charts from the public data of weeks.

use super::days::Days;
use super::progress::Bar;
use super::work_lease::WorkLease;
use super::{DataFolder, Failure, Output, signals};
use crate::aggregate::{
    ChartError, Charted, CountFiles, LoggedConfigs, Progress, PublicData, Weeks, chart,
    chart_counts, plan_weeks,
};
use crate::count::count;
use crate::publish::{Catalogues, Deployment};
use jiff::civil::Date;
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};

/// Make the charts of weeks from their public data.
///
/// Without dates, charts the weeks whose data or definitions have changed since the last time. With dates,
/// all weeks of these days. May run while the deployment is served.
///
/// Where the data is too much for one machine, any SQL engine counts it: --plan writes what the engine needs, and
/// --counts makes the charts of what it found. They are the same charts.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor chart --data /srv/candor\n  \
    candor chart --data /srv/candor --week 2026-11-22\n  \
    candor chart --data /srv/candor --start 2026-11-01 --end 2026-11-30 --json\n  \
    candor chart --data /srv/candor --week 2026-11-22 --plan plan\n  \
    candor chart --data /srv/candor --counts builds.csv buckets.csv ratios.csv stacks.csv")]
pub(super) struct Args {
    #[command(flatten)]
    data: DataFolder,
    #[command(flatten)]
    days: Days,
    /// Instead of counting, write what a SQL engine needs to count these weeks to this new folder: tables, and
    /// the queries, each with the command that runs it.
    #[arg(long, value_name = "DIR", conflicts_with = "counts")]
    plan: Option<PathBuf>,
    /// Instead of counting, use what a SQL engine counted: CSV files, or folders of them. All weeks that they have
    /// are charted.
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["week", "start", "end"])]
    counts: Vec<PathBuf>,
}

/// The queries, and for each engine how it reads the data.
const SQL: [(&str, &str); 10] = [
    ("views.sql", include_str!("../../sql/counts/views.sql")),
    ("builds.sql", include_str!("../../sql/counts/builds.sql")),
    ("buckets.sql", include_str!("../../sql/counts/buckets.sql")),
    ("ratios.sql", include_str!("../../sql/counts/ratios.sql")),
    ("stacks.sql", include_str!("../../sql/counts/stacks.sql")),
    ("duckdb.sql", include_str!("../../sql/engine/duckdb.sql")),
    ("datafusion.sql", include_str!("../../sql/engine/datafusion.sql")),
    ("spark.sql", include_str!("../../sql/engine/spark.sql")),
    ("trino.sql", include_str!("../../sql/engine/trino.sql")),
    ("clickhouse.sql", include_str!("../../sql/engine/clickhouse.sql")),
];

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    signals::end_when_terminated()?;
    let weeks = args.days.range()?.map_or(Weeks::Outdated, Weeks::Within);
    let deployment = Deployment::open(&args.data.folder)?;
    if let Some(folder) = &args.plan {
        let planned = plan(&deployment, &weeks, folder)?;
        return out.result(&planned, &planned);
    }
    deployment.try_out_store()?;
    let _lease = WorkLease::take(&deployment, out)?;
    let counts = match args.counts.as_slice() {
        [] => None,
        files => Some(CountFiles::open(files).map_err(ChartError::from)?),
    };
    let bar = Bar::new();
    let charted = match &counts {
        Some(counts) => {
            let (data, configs, catalogues) = parts(&deployment);
            chart_counts(&data, &configs, &catalogues, counts, &bar)?
        }
        None => chart_deployment(&deployment, &weeks, &bar)?,
    };
    drop(bar);
    out.result(&charted, &charted)
}

/// Makes the charts of weeks of a deployment.
pub(super) fn chart_deployment(
    deployment: &Deployment,
    weeks: &Weeks,
    progress: &dyn Progress,
) -> Result<Charted, ChartError> {
    let (data, configs, catalogues) = parts(deployment);
    chart(&data, &configs, &catalogues, weeks, progress)
}

fn parts(deployment: &Deployment) -> (PublicData, LoggedConfigs, Catalogues) {
    let store = deployment.store.clone();
    let keys = deployment.verifiers().clone();
    let configs = LoggedConfigs::new(deployment.module.clone(), keys, store.clone());
    (PublicData::new(store.clone()), configs, Catalogues::new(store))
}

/// What was written for an engine.
#[derive(Debug, Serialize)]
struct Planned {
    folder: PathBuf,
    weeks: Vec<Date>,
}

/// Writes what a SQL engine needs to count these weeks.
fn plan(deployment: &Deployment, weeks: &Weeks, folder: &Path) -> Result<Planned, Failure> {
    let failed = |path: &Path, source: &dyn fmt::Display| {
        Failure::new(format!("cannot write {}: {source}", path.display()))
    };
    if folder.exists() {
        return Err(Failure::new(format!(
            "{} exists; name a new folder for the plan, or remove this one",
            folder.display()
        )));
    }
    let (data, configs, catalogues) = parts(deployment);
    let (tables, weeks) = plan_weeks(&data, &configs, &catalogues, weeks)?;
    let sql = folder.join("sql");
    std::fs::create_dir_all(&sql).map_err(|error| failed(&sql, &error))?;
    for (name, text) in SQL {
        let path = sql.join(name);
        std::fs::write(&path, text).map_err(|error| failed(&path, &error))?;
    }
    let path = |name: &str| folder.join(format!("{name}.parquet"));
    tables
        .files(|name| Ok(std::fs::File::create(path(name))?), |_, _| Ok(()))
        .map_err(|error| failed(folder, &error))?;
    Ok(Planned { folder: folder.to_owned(), weeks: weeks.into_iter().collect() })
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = self.folder.display();
        if self.weeks.is_empty() {
            return writeln!(
                f,
                "{folder}: no week needs new charts; name weeks with --week, or --start and --end"
            );
        }
        writeln!(
            f,
            "{folder}: what a SQL engine needs to count {}",
            count(self.weeks.len() as u64, "week")
        )?;
        writeln!(f, "Put their Parquet files into data/, beside {folder}:")?;
        for week in &self.weeks {
            writeln!(f, "  /data/weeks/week-{week}.parquet")?;
        }
        writeln!(
            f,
            "Then run the queries in {folder}/sql; the first lines of the engine's own file say how."
        )
    }
}

impl fmt::Display for Charted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.weeks.is_empty() {
            writeln!(f, "nothing to chart: `candor merge` has made no data that needs new charts")?;
        }
        for week in &self.weeks {
            writeln!(
                f,
                "week until {}: {}, {}, {}",
                week.week,
                count(week.reports, "report"),
                count(week.programs, "program"),
                count(week.figures, "figure")
            )?;
        }
        Ok(())
    }
}
