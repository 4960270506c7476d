//! What a server does every day by itself: `candor merge` and `candor chart`.

use super::chart::chart_deployment;
use super::merge::merge_deployment;
use crate::aggregate::daily::Daily;
use crate::aggregate::{ChartError, Unwatched, Weeks};
use crate::publish::Deployment;
use jiff::Timestamp;
use std::thread;
use std::time::Duration;

/// How often the clock is looked at. A sleep of hours would be wrong after the machine slept.
const LOOK: Duration = Duration::from_secs(30);

/// Merges and charts now, and after the end of each day in UTC, for as long as the process lives.
///
/// Whenever the process ends, what is public stays whole, and the next run completes the work.
pub(super) fn begin(deployment: Deployment) {
    thread::spawn(move || {
        let mut daily = Daily::default();
        loop {
            let now = Timestamp::now();
            if daily.is_due(now) {
                daily.note(now, run(&deployment));
            }
            thread::sleep(LOOK);
        }
    });
}

/// Whether both came to their end.
fn run(deployment: &Deployment) -> bool {
    match merge_deployment(deployment, &Unwatched) {
        Ok(merged) => {
            for problem in &merged.problems {
                tracing::error!("set aside: {problem}");
            }
            let (days, weeks) = (merged.days.len(), merged.weeks.len());
            tracing::info!(days, weeks, "uploads are merged");
        }
        Err(error) => {
            tracing::error!("uploads are not merged, and what is public stays as it is: {error}");
            return false;
        }
    }
    match chart_deployment(deployment, &Weeks::Outdated, &Unwatched) {
        Ok(charted) => tracing::info!(weeks = charted.weeks.len(), "charts are made"),
        // Nothing was published yet: there is nothing to chart, and no hurry.
        Err(ChartError::NoDefinitions) => {}
        Err(error) => {
            tracing::error!("charts are not made, and the last ones stay: {error}");
            return false;
        }
    }
    true
}
