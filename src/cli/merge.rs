//! `candor merge`: uploads become the public data of days and weeks.

use super::progress::Bar;
use super::{DataFolder, Failure, Output, signals};
use crate::aggregate::index::week_of;
use crate::aggregate::{
    MergeError, Merged, MergedDataset, Progress, merge, merge_after_loss, merge_days,
};
use crate::ingest::parse_date;
use crate::publish::Deployment;
use crate::terminal::OneLine;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;

/// Merge uploaded reports into the public data of their days and weeks.
///
/// Takes what was uploaded since the last merge. With dates, the files of those days are made anew
/// from everything that is stored, which restores files that were lost or damaged. May run while
/// the deployment is served. Where something could not be merged, it says what, and the status is 1.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor merge --data /srv/candor\n  \
    candor merge --data /srv/candor --week 2026-11-22\n  \
    candor merge --data /srv/candor --start 2026-11-01 --end 2026-11-07 --json")]
pub(super) struct Args {
    #[command(flatten)]
    data: DataFolder,
    #[command(flatten)]
    days: Days,
    /// Note that reports of a segment of uploads, which is missing or damaged, are lost for good. This
    /// names it by its number; may be given several times.
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["week", "start", "end"])]
    give_up: Vec<u64>,
}

/// The days that a verb works on.
#[derive(Debug, clap::Args)]
pub(super) struct Days {
    /// Only the week, from Monday to Sunday, that this day lies in.
    #[arg(long, value_name = "DATE", value_parser = date, conflicts_with_all = ["start", "end"])]
    week: Option<Date>,
    /// Only days from this one on.
    #[arg(long, value_name = "DATE", value_parser = date, requires = "end")]
    start: Option<Date>,
    /// Only days up to this one.
    #[arg(long, value_name = "DATE", value_parser = date, requires = "start")]
    end: Option<Date>,
}

impl Days {
    /// The days, or `None` where none were named.
    pub(super) fn range(&self) -> Result<Option<RangeInclusive<Date>>, Failure> {
        match (self.week, self.start, self.end) {
            (Some(day), _, _) => {
                let sunday = week_of(day);
                Ok(Some(sunday.checked_sub(6.days()).unwrap_or(sunday)..=sunday))
            }
            (None, Some(start), Some(end)) if start > end => Err(Failure::usage(format!(
                "--start {start} is after --end {end}; give the earlier day first"
            ))),
            (None, Some(start), Some(end)) => Ok(Some(start..=end)),
            _ => Ok(None),
        }
    }
}

fn date(text: &str) -> Result<Date, String> {
    parse_date(text).ok_or_else(|| "write a date as 2026-11-22".to_owned())
}

/// The day that it is, in UTC.
pub(super) fn today() -> Date {
    jiff::Timestamp::now().to_zoned(TimeZone::UTC).date()
}

/// Merges what was uploaded to a deployment since the last merge.
pub(super) fn merge_deployment(
    deployment: &Deployment,
    progress: &dyn Progress,
) -> Result<Merged, MergeError> {
    let store = deployment.store.clone();
    merge(&deployment.reports(), store, &deployment.scratch(), today(), progress)
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    signals::end_when_terminated()?;
    let days = args.days.range()?;
    let deployment = Deployment::open(&args.data.folder)?;
    let (reports, scratch) = (deployment.reports(), deployment.scratch());
    let bar = Bar::new();
    let store = deployment.store.clone();
    let given_up: BTreeSet<u64> = args.give_up.into_iter().collect();
    let merged = match days {
        None if given_up.is_empty() => merge_deployment(&deployment, &bar)?,
        None => merge_after_loss(&reports, store, &scratch, today(), given_up, &bar)?,
        Some(days) => merge_days(&reports, store, &scratch, days, today(), &bar)?,
    };
    drop(bar);
    out.result(&merged, &merged)?;
    match merged.problems.is_empty() {
        true => Ok(()),
        false => Err(Failure::reported()),
    }
}

impl fmt::Display for Merged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days.is_empty() {
            writeln!(f, "nothing new to merge")?;
        }
        for day in &self.days {
            write!(f, "day {day}")?;
        }
        for week in &self.weeks {
            write!(f, "week until {week}")?;
        }
        let problems = self.problems.iter();
        problems.map(OneLine).try_for_each(|problem| writeln!(f, "not merged: {problem}"))
    }
}

impl fmt::Display for MergedDataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MergedDataset { date, reports, new_reports, rows, files } = self;
        let noun = if *reports == 1 { "report" } else { "reports" };
        writeln!(f, "{date}: {reports} {noun} ({new_reports} new), {rows} program builds")?;
        files
            .iter()
            .try_for_each(|file| writeln!(f, "  {} {} bytes", OneLine(&file.name), file.bytes))
    }
}
