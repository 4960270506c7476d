//! `candor merge`: uploads become the public data of days and weeks.

use super::days::Days;
use super::progress::Bar;
use super::today::today;
use super::work_lease::WorkLease;
use super::{DataFolder, Failure, Output, signals};
use crate::aggregate::edition::Edition;
use crate::aggregate::{
    MergeError, Merged, MergedDataset, Merging, Progress, Unwatched, WaitingReports, merge,
    merge_after_loss, merge_at_once, merge_days,
};
use crate::count::count;
use crate::ingest::{Buffer, SegmentId};
use crate::publish::{Catalogues, Deployment};
use crate::terminal::OneLine;
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

/// Merge uploaded reports into the public data of their days and weeks.
///
/// Reads what was uploaded since the last merge, publishes the days whose edition is due, and then removes
/// what is stored durably from the buffer. A day is published when it is over, a week later, and when no
/// more uploads of it can come. With dates, lost or damaged files of those days are made again from the
/// others. May run while the deployment is served. If something could not be merged, it says what, and the
/// exit status is 1.
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
    /// Merge what can be read of a missing or damaged segment of uploads, given by its id, and note that the
    /// rest is lost for good. May be given several times.
    #[arg(long, value_name = "ID", conflicts_with_all = ["week", "start", "end"])]
    give_up: Vec<SegmentId>,
}

/// Printed if there are reports, but none are published.
const NOTHING_DUE: &str = "no edition is due";

/// Merges what was uploaded to a deployment since the last merge.
pub(super) fn merge_deployment(
    deployment: &Deployment,
    progress: &dyn Progress,
) -> Result<Merged, MergeError> {
    merge(&merging(deployment, &deployment.scratch())?, progress)
}

/// Merges everything that a rehearsal has received, even of today.
pub(super) fn merge_rehearsal(deployment: &Deployment) -> Result<Merged, MergeError> {
    merge_at_once(&merging(deployment, &deployment.scratch())?, &Unwatched)
}

fn merging<'a>(deployment: &Deployment, scratch: &'a Path) -> Result<Merging<'a>, MergeError> {
    let store = deployment.store.clone();
    let stack_minimum = Catalogues::new(store.clone()).stack_minimum();
    let stack_minimum =
        stack_minimum.map_err(|error| MergeError::Definitions(error.to_string()))?;
    let buffer = Buffer::of(deployment);
    Ok(Merging { buffer, store, scratch, today: today(), stack_minimum })
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    signals::end_when_terminated()?;
    let days = args.days.range()?;
    let deployment = Deployment::open(&args.data.folder)?;
    deployment.try_out_store()?;
    let _lease = WorkLease::take(&deployment, out)?;
    let scratch = deployment.scratch();
    let bar = Bar::new();
    let given_up: BTreeSet<SegmentId> = args.give_up.into_iter().collect();
    let merging = merging(&deployment, &scratch)?;
    let merged = match days {
        None => merge_after_loss(&merging, &given_up, &bar)?,
        Some(days) => merge_days(&merging, days, &bar)?,
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
            let nothing =
                if self.waiting.is_empty() { "nothing new to merge" } else { NOTHING_DUE };
            writeln!(f, "{nothing}")?;
        }
        for day in &self.days {
            write!(f, "day {day}")?;
        }
        for week in &self.weeks {
            write!(f, "week until {week}")?;
        }
        self.waiting.iter().try_for_each(|waiting| write!(f, "{waiting}"))?;
        if self.waiting.iter().any(|waiting| waiting.edition == Edition::First) {
            writeln!(
                f,
                "nobody is to see in which order reports come; to see charts of definitions now: \
                 candor telemetry --project PROJECT rehearse --charts CHARTS"
            )?;
        }
        for (id, read) in &self.given_up {
            let read = count(*read, "report");
            writeln!(f, "given up: segment {id}, of which {read} could be read; the rest is lost")?;
        }
        let problems = self.problems.iter();
        problems.map(OneLine).try_for_each(|problem| writeln!(f, "not merged: {problem}"))
    }
}

impl fmt::Display for MergedDataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MergedDataset { date, edition, reports, new_reports, rows, files } = self;
        let edition = match edition {
            Edition::Last => "last edition".to_owned(),
            other => format!("edition {}", u8::from(*other)),
        };
        let reports = count(*reports, "report");
        let rows = count(*rows, "program build");
        writeln!(f, "{date}: {edition}, {reports} ({new_reports} new), {rows}")?;
        files
            .iter()
            .try_for_each(|file| writeln!(f, "  {} {} bytes", OneLine(&file.name), file.bytes))
    }
}

impl fmt::Display for WaitingReports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WaitingReports { date, reports, edition, due } = self;
        let waits = if *reports == 1 { "waits" } else { "wait" };
        let reports = count(*reports, "report");
        match edition {
            Edition::First => {
                writeln!(f, "{reports} of {date} {waits} until that day is over, in UTC")
            }
            Edition::Last => {
                writeln!(f, "{reports} of {date} {waits} for the last edition, on {due}")
            }
            _ => writeln!(f, "{reports} of {date} {waits} for the next edition, on {due}"),
        }
    }
}
