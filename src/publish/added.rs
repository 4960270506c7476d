//! Which commit added a chart: the oldest in the unbroken line of first parents that have it.
//!
//! A chart stays the same chart as long as its ID and its kind do; its title, buckets, rates and the
//! location of its definition may change. A commit whose definitions have mistakes was never published
//! and is skipped. Where the line is cut off, as in a shallow clone, nothing is said: the last commit
//! that is there has not added what was there before it.

use super::catalogue::Catalogue;
use super::chart_id::ChartIds;
use crate::charts::{self, AncestorCharts, Definitions, ObjectName, RepositoryError, Revision};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

/// What identifies a chart from one commit to the next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The program.
    pub program: String,
    /// Its ID in URLs.
    pub id: String,
    /// `partition`, `histogram`, ...
    pub kind: String,
}

/// The commit that added a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// Its object name.
    pub commit: String,
    /// Its day, in UTC.
    pub on: Date,
}

impl Addition {
    fn new(commit: &ObjectName, time: i64) -> Addition {
        Addition { commit: commit.to_string(), on: day(time) }
    }
}

/// The day, in UTC, of a time in seconds since 1970; the earliest day if the calendar has no such time,
/// which git allows.
pub fn day(time: i64) -> Date {
    Timestamp::from_second(time).map_or(Date::MIN, |time| TimeZone::UTC.to_datetime(time).date())
}

/// The identities of the definitions' charts, in their order. Charts that are no longer collected keep
/// their IDs.
pub fn identities(definitions: &Definitions) -> Vec<Identity> {
    let mut ids: HashMap<&str, ChartIds> = HashMap::new();
    let charts = definitions.charts.iter().map(|chart| Identity {
        program: chart.program.to_string(),
        id: ids.entry(chart.program.as_str()).or_default().name(chart.counter.as_str()),
        kind: chart.kind.name().to_owned(),
    });
    charts.collect()
}

/// The commit that added each of `charts`, which are those of `revision`. `known` finds the catalogue of
/// an earlier commit, which ends the search for the charts that it has.
pub fn added<E: From<RepositoryError>>(
    charts: &[Identity],
    revision: &Revision,
    mut known: impl FnMut(&str) -> Result<Option<Catalogue>, E>,
) -> Result<HashMap<Identity, Addition>, E> {
    let here = Addition::new(&revision.commit, revision.time);
    let mut open: HashMap<Identity, Addition> =
        charts.iter().map(|chart| (chart.clone(), here.clone())).collect();
    let mut settled = HashMap::new();
    if let Some(catalogue) = known(revision.commit.as_str())? {
        take_over(&catalogue, &mut open, &mut settled);
    }
    if open.is_empty() {
        return Ok(settled);
    }
    let mut failure = None;
    // Whether the definitions of the commit before are known to be free of mistakes.
    let mut whole = true;
    revision.history.before(&revision.commit, |ancestor| {
        match known(ancestor.commit.as_str()) {
            Ok(Some(catalogue)) => take_over(&catalogue, &mut open, &mut settled),
            Ok(None) => {}
            Err(error) => {
                failure = Some(error);
                return ControlFlow::Break(());
            }
        }
        let there = match &ancestor.charts {
            AncestorCharts::Absent => return ControlFlow::Break(()),
            AncestorCharts::Same => None,
            AncestorCharts::Unreadable => {
                whole = false;
                None
            }
            AncestorCharts::Read(sources) => {
                let parsed = charts::parse(sources);
                whole = parsed.is_ok();
                parsed.ok().map(|found| identities(&found).into_iter().collect::<HashSet<_>>())
            }
        };
        if let Some(there) = there {
            let (kept, gone) = open.drain().partition(|(chart, _)| there.contains(chart));
            open = kept;
            settled.extend::<HashMap<_, _>>(gone);
        }
        if whole {
            for addition in open.values_mut() {
                *addition = Addition::new(&ancestor.commit, ancestor.time);
            }
        }
        if open.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    settled.extend(open);
    failure.map_or(Ok(settled), Err)
}

fn take_over(
    catalogue: &Catalogue,
    open: &mut HashMap<Identity, Addition>,
    settled: &mut HashMap<Identity, Addition>,
) {
    for chart in &catalogue.charts {
        let identity = Identity {
            program: chart.program.clone(),
            id: chart.id.clone(),
            kind: chart.kind.clone(),
        };
        if open.remove(&identity).is_some() {
            let addition = Addition { commit: chart.added.clone(), on: chart.added_on };
            settled.insert(identity, addition);
        }
    }
}
