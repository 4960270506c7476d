//! `candor chart`: charts from the public data of weeks.

use super::days::Days;
use super::progress::Bar;
use super::{DataFolder, Failure, Output, signals};
use crate::aggregate::{ChartError, Charted, LoggedConfigs, Progress, PublicData, Weeks, chart};
use crate::count::count;
use crate::publish::{Catalogues, Deployment};
use std::fmt;

/// Make the charts of weeks from their public data.
///
/// Without dates, charts the weeks whose data or definitions have changed since the last time. With dates,
/// all weeks of these days. May run while the deployment is served.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor chart --data /srv/candor\n  \
    candor chart --data /srv/candor --week 2026-11-22\n  \
    candor chart --data /srv/candor --start 2026-11-01 --end 2026-11-30 --json")]
pub(super) struct Args {
    #[command(flatten)]
    data: DataFolder,
    #[command(flatten)]
    days: Days,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    signals::end_when_terminated()?;
    let weeks = args.days.range()?.map_or(Weeks::Outdated, Weeks::Within);
    let deployment = Deployment::open(&args.data.folder)?;
    deployment.try_out_store()?;
    let bar = Bar::new();
    let charted = chart_deployment(&deployment, &weeks, &bar)?;
    drop(bar);
    out.result(&charted, &charted)
}

/// Makes the charts of weeks of a deployment.
pub(super) fn chart_deployment(
    deployment: &Deployment,
    weeks: &Weeks,
    progress: &dyn Progress,
) -> Result<Charted, ChartError> {
    let store = deployment.store.clone();
    let keys = deployment.verifiers().clone();
    let configs = LoggedConfigs::new(deployment.module.clone(), keys, store.clone());
    let data = PublicData::new(store.clone());
    chart(&data, &configs, &Catalogues::new(store), weeks, progress)
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
