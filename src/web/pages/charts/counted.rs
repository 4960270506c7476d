//! What charts say of a counter, for its page: which have it, in how many reports it was, its trend, and of a
//! stack counter its stacks.

use super::address::{self, Form, Weeks};
use super::headline::TREND;
use super::loaded::{self, Which};
use super::section::days;
use crate::aggregate::figure::{Base, Dimension, Estimate, Figure, Interval, Kind, Row};
use crate::web::chart_cache::LoadedWeek;
use crate::web::public::ShownIndex;
use crate::web::refusal::Refusal;
use crate::web::site::Site;
use jiff::civil::Date;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The most stacks of a counter that are listed.
pub(in crate::web) const STACKS: usize = 50;

/// What the newest week with charts of its program says of a counter.
#[derive(Debug)]
pub(in crate::web) struct Counted {
    /// The weeks of trends, by their last days: those that have charts, the oldest first.
    pub(in crate::web) weeks: Vec<Date>,
    /// The days of the newest one.
    pub(in crate::web) days: String,
    /// Whether no report of it can arrive any more.
    pub(in crate::web) complete: bool,
    /// The charts that have the counter.
    pub(in crate::web) charts: Vec<CountedIn>,
}

/// A chart that has a counter.
#[derive(Debug)]
pub(in crate::web) struct CountedIn {
    pub(in crate::web) title: String,
    /// The ID in its address.
    pub(in crate::web) id: String,
    /// Its page in that week.
    pub(in crate::web) address: String,
    pub(in crate::web) base: Base,
    /// The reports that had the counter; of a stack counter, those with any stack. `None` for divisors.
    pub(in crate::web) estimate: Option<Estimate>,
    /// By week.
    pub(in crate::web) points: Vec<Option<Interval>>,
    /// The most frequent stacks.
    pub(in crate::web) stacks: Vec<Stack>,
    /// How many stacks there are besides.
    pub(in crate::web) more: u64,
}

/// A stack of a counter.
#[derive(Debug)]
pub(in crate::web) struct Stack {
    /// Its functions, the innermost first.
    pub(in crate::web) frames: Vec<String>,
    pub(in crate::web) estimate: Estimate,
    pub(in crate::web) points: Vec<Option<Interval>>,
    /// The first week that has it; `None` if it was there before trends begin.
    pub(in crate::web) first: Option<Date>,
    /// The versions that have it in the most reports, and in how many.
    pub(in crate::web) versions: Vec<(String, u64)>,
}

/// How many reports of a week have the counters of some charts.
#[derive(Debug)]
pub(in crate::web) struct Shares {
    /// The days of the week.
    pub(in crate::web) days: String,
    /// Whether no report of it can arrive any more.
    pub(in crate::web) complete: bool,
    /// By counter.
    pub(in crate::web) of: HashMap<String, Estimate>,
}

/// How many versions are named with a stack.
const VERSIONS: usize = 4;

/// What charts say of a counter; `None` if there are none of its program. `ids` are those of the charts that ask
/// for it; without any, all of the program are searched.
pub(in crate::web) async fn counted(
    site: &Site,
    index: &Arc<ShownIndex>,
    (program, name): (&str, &str),
    ids: Vec<String>,
) -> Result<Option<Counted>, Refusal> {
    let Some(newest) = loaded::newest_week(site, index, program).await? else { return Ok(None) };
    let first = newest.saturating_sub(jiff::Span::new().weeks(TREND - 1));
    let which = if ids.is_empty() { Which::All } else { Which::Ids(ids) };
    let series = loaded::series(site, index, program, (first, newest), which).await?;
    let weeks = loaded::over_weeks(series);
    let Some(last) = weeks.last() else { return Ok(None) };
    let week = last.charts();
    let mut charts = Vec::new();
    let found = last.program(program).map_or(&[][..], |found| &found.charts);
    for figure in found.iter().filter(|figure| has(figure, name)) {
        let sliced = match figure.kind {
            // Which versions have a stack.
            Kind::Stack => loaded::chart(site, index, newest, program, &figure.id).await?,
            _ => None,
        };
        let sliced = sliced.as_ref().and_then(|week| week.program(program));
        let sliced = sliced.and_then(|program| program.charts.first());
        charts.push(counted_in(sliced.unwrap_or(figure), program, name, newest, &weeks));
    }
    Ok(Some(Counted {
        weeks: weeks.iter().map(|week| week.charts().week).collect(),
        days: days(week),
        complete: week.complete,
        charts,
    }))
}

/// How many charts are searched if none is named.
const FIRST: usize = 100;

/// How many reports of the newest week with charts of a program have the counters of these charts; without any, of
/// its first ones. `None` if there is no such week.
pub(in crate::web) async fn shares(
    site: &Site,
    index: &Arc<ShownIndex>,
    program: &str,
    ids: Vec<String>,
) -> Result<Option<Shares>, Refusal> {
    let Some(newest) = loaded::newest_week(site, index, program).await? else { return Ok(None) };
    let which = if ids.is_empty() { Which::First(FIRST) } else { Which::Ids(ids) };
    let loaded = loaded::program(site, index, newest, program, which).await?;
    let Some(loaded) = loaded else { return Ok(None) };
    let mut of = HashMap::new();
    let charts = loaded.program(program).map_or(&[][..], |program| &program.charts);
    for figure in charts.iter().filter(|figure| figure.base.reports > 0) {
        let counted = figure.rows.iter().filter(|row| row.frames.is_empty());
        of.extend(counted.filter_map(|row| Some((row.counter.clone()?, row.estimate))));
    }
    let week = loaded.charts();
    Ok(Some(Shares { days: days(week), complete: week.complete, of }))
}

/// The pages of a program's charts in the newest week that has any.
#[derive(Debug)]
pub(in crate::web) struct ChartPages {
    program: String,
    /// The newest week, and the ids of its charts; `None` if there are none, or they cannot be read.
    week: Option<(Date, HashSet<String>)>,
}

impl ChartPages {
    /// Those of a program.
    pub(in crate::web) async fn find(
        site: &Site,
        index: &Arc<ShownIndex>,
        program: &str,
    ) -> ChartPages {
        let mut week = None;
        if let Ok(Some(newest)) = loaded::newest_week(site, index, program).await {
            let ids = loaded::ids(site, index, newest, program).await;
            week = ids.ok().map(|ids| (newest, ids));
        }
        ChartPages { program: program.to_owned(), week }
    }

    /// Whether there are any.
    pub(in crate::web) fn are_any(&self) -> bool {
        self.week.is_some()
    }

    /// The page of the chart with this ID. One that was defined since has none yet.
    pub(in crate::web) fn of(&self, id: &str) -> Option<String> {
        let (week, ids) = self.week.as_ref()?;
        let page = || address::chart(&self.program, Weeks::One(*week), id, Form::Page);
        ids.contains(id).then(page)
    }
}

fn has(figure: &Figure, name: &str) -> bool {
    figure.over.as_deref() == Some(name)
        || figure.rows.iter().any(|row| row.counter.as_deref() == Some(name))
        // Stacks are rows only once there are some.
        || figure.counter.as_deref() == Some(name)
}

fn same(a: &Row, b: &Row) -> bool {
    a.counter == b.counter && a.frames == b.frames
}

/// The share of installations with any stack, if that is all of one counter.
fn any_stack(figure: &Figure, name: &str) -> Option<Estimate> {
    let none = figure.none.filter(|_| figure.counter.as_deref() == Some(name))?;
    let Interval { value, low, high } = none.share;
    Some(Estimate {
        reports: figure.base.reports.saturating_sub(none.reports),
        total: (figure.base.total - none.total).max(0.0),
        share: Interval { value: 1.0 - value, low: 1.0 - high, high: 1.0 - low },
    })
}

fn estimate(figure: &Figure, name: &str) -> Option<Estimate> {
    if figure.base.reports == 0 {
        return None;
    }
    if figure.kind == Kind::Stack {
        return any_stack(figure, name);
    }
    let row = figure.rows.iter().find(|row| row.counter.as_deref() == Some(name))?;
    Some(row.estimate)
}

fn counted_in(
    figure: &Figure,
    program: &str,
    name: &str,
    week: Date,
    weeks: &[Arc<LoadedWeek>],
) -> CountedIn {
    let by_week: Vec<Option<&Figure>> = weeks
        .iter()
        .map(|week| week.program(program)?.charts.iter().find(|found| found.id == figure.id))
        .collect();
    let points = by_week.iter().map(|figure| Some(estimate((*figure)?, name)?.share));
    let rows = figure.rows.iter().filter(|row| !row.frames.is_empty());
    let rows: Vec<&Row> = rows.filter(|row| row.counter.as_deref() == Some(name)).collect();
    let stacks = rows.iter().take(STACKS).map(|row| stack(figure, row, weeks, &by_week));
    CountedIn {
        title: figure.title.clone(),
        id: figure.id.clone(),
        address: address::chart(program, Weeks::One(week), &figure.id, Form::Page),
        base: figure.base,
        estimate: estimate(figure, name),
        points: points.collect(),
        stacks: stacks.collect(),
        more: (rows.len().saturating_sub(STACKS)) as u64 + figure.left_out,
    }
}

fn stack(
    figure: &Figure,
    row: &Row,
    weeks: &[Arc<LoadedWeek>],
    by_week: &[Option<&Figure>],
) -> Stack {
    let points: Vec<Option<Interval>> = by_week
        .iter()
        .map(|figure| {
            let figure = figure.filter(|figure| figure.base.reports > 0)?;
            let found = figure.rows.iter().find(|other| same(other, row));
            found.map(|row| row.estimate.share)
        })
        .collect();
    let first = points.iter().position(Option::is_some).filter(|first| *first > 0);
    let of_version = figure.by.iter().find(|part| part.dimension == Dimension::Version);
    let groups = of_version.map_or(&[][..], |part| &part.groups);
    let reports = |group: &crate::aggregate::figure::Group| {
        let found = group.rows.iter().find(|other| same(other, row))?;
        Some((group.label.clone(), found.estimate.reports))
    };
    let mut versions: Vec<_> = groups.iter().filter_map(reports).collect();
    // Newer versions first among equals.
    versions.sort_by_key(|(_, reports)| std::cmp::Reverse(*reports));
    versions.truncate(VERSIONS);
    Stack {
        frames: row.frames.clone(),
        estimate: row.estimate,
        points,
        first: first.and_then(|first| Some(weeks.get(first)?.charts().week)),
        versions,
    }
}
