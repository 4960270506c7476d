//! Charts, read from the store: the one place that pages read them from.
//!
//! Each function reads what one page shows, and no more:
//!
//! | function | what it reads |
//! | --- | --- |
//! | [`weeks`], [`outline`] | which weeks there are; which programs a week has |
//! | [`newest_week`] | the newest week in which a program has charts |
//! | [`ids`] | which charts a program has in a week |
//! | [`program`] | a program's charts of a week, all or some, without slices |
//! | [`page`], [`page_of_slices`] | some of a program's charts of a week, for files; the same by one dimension |
//! | [`chart`], [`slices`] | one chart of a week with its slices; a chart by one dimension |
//! | [`series`], [`over_weeks`] | a program's charts over weeks, all or some: the numbers of trends and cards |

use crate::aggregate::figure::{Breakdown, Dimension, Figure, ProgramCharts, WeekCharts};
use crate::aggregate::index::Index;
use crate::aggregate::stored_charts::outline::{SpanOutline, WeekOutline, span_of, spans};
use crate::aggregate::stored_charts::series::{ChartSeries, ProgramWeek};
use crate::aggregate::stored_charts::{PageOf, ReadPage, SeriesOfProgram, Wanted};
use crate::aggregate::{PublicData, PublicError};
use crate::web::chart_cache::{LoadedWeek, Name, Outline};
use crate::web::public::ShownIndex;
use crate::web::refusal::Refusal;
use crate::web::site::Site;
use jiff::civil::Date;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// Which charts of a program are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web) enum Which {
    /// All of them.
    All,
    /// The first few: versions, platforms and toolchains, then those of the definitions in their order.
    First(usize),
    /// So many of them, from this one on; 0 is the first.
    Part(usize, usize),
    /// Those with these ids, as far as they exist.
    Ids(Vec<String>),
}

impl Which {
    fn read<T>(&self, read: impl FnOnce(Wanted<'_>) -> T) -> T {
        match self {
            Which::All => read(Wanted::All),
            Which::First(count) => read(Wanted::First(*count)),
            Which::Part(from, count) => read(Wanted::Part(*from, *count)),
            Which::Ids(ids) => {
                read(Wanted::Ids(&ids.iter().map(String::as_str).collect::<Vec<_>>()))
            }
        }
    }
}

/// A program's charts over weeks.
#[derive(Debug, Clone, Default)]
pub(in crate::web) struct Series {
    /// The weeks that have charts, oldest first, without programs: their configs, reports and completeness.
    pub(in crate::web) weeks: BTreeMap<Date, WeekCharts>,
    /// The program in each week that has it, without charts.
    pub(in crate::web) program: BTreeMap<Date, ProgramWeek>,
    /// Its charts, in the order of the newest week; then those that it does not have.
    pub(in crate::web) charts: Vec<ChartSeries>,
}

impl Series {
    /// The program in one of the weeks with these charts, as far as a series has them.
    pub(in crate::web) fn in_week(&self, week: Date) -> Option<ProgramCharts> {
        let ProgramWeek { program, charts, .. } = self.program.get(&week)?;
        let figure = |series: &ChartSeries| {
            let place = series.weeks.binary_search_by_key(&week, |week| week.week).ok()?;
            Some((series.chart.id.clone(), series.figure(series.weeks.get(place)?)))
        };
        let mut found: HashMap<String, Figure> = self.charts.iter().filter_map(figure).collect();
        let charts = charts.iter().filter_map(|id| found.remove(id.as_str())).collect();
        Some(ProgramCharts { charts, ..program.clone() })
    }
}

/// The weeks that have charts, the newest first.
pub(super) fn weeks(index: &ShownIndex) -> Vec<Date> {
    let charted = index.index.weeks.iter().filter(|(_, week)| week.charts.is_some());
    charted.map(|(date, _)| *date).rev().collect()
}

/// The programs of a week, without their charts; `None` if the index has no charts of that week.
pub(in crate::web) async fn outline(
    site: &Site,
    index: &Arc<ShownIndex>,
    week: Date,
) -> Result<Option<Arc<Outline<WeekOutline>>>, Refusal> {
    let file = index.index.weeks.get(&week).and_then(|week| week.charts.as_ref());
    let Some(file) = file else { return Ok(None) };
    let bytes = file.bytes;
    let load = read(site, index, week, move |data, index| {
        Ok(data.week_outline(index, week)?.map(|outline| Outline::new(outline, bytes)))
    });
    cached(&site.chart_cache().weeks, &file.sha256, load).await.map(Some)
}

/// The outline of a span's series.
async fn span(
    site: &Site,
    index: &Arc<ShownIndex>,
    span: Date,
) -> Result<Option<Arc<Outline<SpanOutline>>>, Refusal> {
    let Some(file) = index.index.series.get(&span) else { return Ok(None) };
    let bytes = file.bytes;
    let load = read(site, index, span, move |data, index| {
        Ok(data.span_outline(index, span)?.map(|outline| Outline::new(outline, bytes)))
    });
    cached(&site.chart_cache().spans, &file.sha256, load).await.map(Some)
}

async fn cached<T: Send + Sync + 'static>(
    cache: &crate::web::cache::Cache<Name, Outline<T>>,
    sha256: &str,
    load: impl Future<Output = Result<Option<Outline<T>>, Refusal>>,
) -> Result<Arc<Outline<T>>, Refusal> {
    let name = name(sha256).ok_or_else(Refusal::damaged)?;
    cache.get_with(name, async { load.await?.ok_or_else(being_replaced) }).await
}

/// The first bytes of a hash in hex.
fn name(sha256: &str) -> Option<Name> {
    let mut name = [0; 16];
    for (to, pair) in name.iter_mut().zip(sha256.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(pair).ok()?;
        *to = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(name)
}

/// The newest week in which a program has charts, of all weeks.
pub(in crate::web) async fn newest_week(
    site: &Site,
    index: &Arc<ShownIndex>,
    program: &str,
) -> Result<Option<Date>, Refusal> {
    for from in index.index.series.keys().rev() {
        let Some(found) = span(site, index, *from).await? else { continue };
        if let Some(week) = found.outline.programs.get(program).and_then(|of| of.weeks.last()) {
            return Ok(Some(*week));
        }
    }
    Ok(None)
}

/// A program's charts of a week, without slices; `None` if the week or the program has none.
pub(in crate::web) async fn program(
    site: &Site,
    index: &Arc<ShownIndex>,
    week: Date,
    program: &str,
    which: Which,
) -> Result<Option<LoadedWeek>, Refusal> {
    let Some(outline) = outline(site, index, week).await? else { return Ok(None) };
    let Some(of) = outline.outline.program(program).cloned() else { return Ok(None) };
    let load = read(site, index, week, move |data, _| {
        which.read(|wanted| data.program_charts(week, &of, wanted))
    });
    let charts = load.await?;
    Ok(Some(LoadedWeek::new(WeekCharts { programs: vec![charts], ..outline.outline.week.clone() })))
}

/// The ids of a program's charts of a week; none if the week or the program has none.
pub(in crate::web) async fn ids(
    site: &Site,
    index: &Arc<ShownIndex>,
    week: Date,
    program: &str,
) -> Result<HashSet<String>, Refusal> {
    let Some(outline) = outline(site, index, week).await? else { return Ok(HashSet::new()) };
    let Some(of) = outline.outline.program(program).cloned() else { return Ok(HashSet::new()) };
    read(site, index, week, move |data, _| data.chart_ids(week, &of)).await
}

/// One chart of a week with its slices; without charts if the program has none of this id.
pub(in crate::web) async fn chart(
    site: &Site,
    index: &Arc<ShownIndex>,
    week: Date,
    program: &str,
    id: &str,
) -> Result<Option<LoadedWeek>, Refusal> {
    let Some(outline) = outline(site, index, week).await? else { return Ok(None) };
    let Some(of) = outline.outline.program(program).cloned() else { return Ok(None) };
    let id = id.to_owned();
    let load = read(site, index, week, move |data, _| {
        let mut charts = data.program_charts(week, &of, Wanted::Ids(&[&id]))?;
        for figure in &mut charts.charts {
            figure.by = data.all_slices(week, &of, &figure.id)?;
        }
        Ok(charts)
    });
    let charts = load.await?;
    Ok(Some(LoadedWeek::new(WeekCharts { programs: vec![charts], ..outline.outline.week.clone() })))
}

/// A chart of a week by version, platform or toolchain; `None` if there is nothing to show.
pub(in crate::web) async fn slices(
    site: &Site,
    index: &Arc<ShownIndex>,
    week: Date,
    (program, id): (&str, &str),
    by: Dimension,
) -> Result<Option<Breakdown>, Refusal> {
    let Some(outline) = outline(site, index, week).await? else { return Ok(None) };
    let Some(of) = outline.outline.program(program).cloned() else { return Ok(None) };
    let id = id.to_owned();
    read(site, index, week, move |data, _| data.slices(week, &of, &id, by)).await
}

/// How many bytes of charts are in a file about a program: about as many milliseconds of work as a page.
const FILE_BYTES: u64 = 512 << 10;

/// Some charts of a program, and the id of the one after them.
pub(in crate::web) type Page<T> = (T, Option<String>);

/// Charts of a program from one on, without slices; `None` if the week or the program has none. Without charts if
/// there is none with which they begin.
pub(in crate::web) async fn page(
    site: &Site,
    index: &Arc<ShownIndex>,
    week: Date,
    program: &str,
    from: Option<String>,
) -> Result<Option<Page<LoadedWeek>>, Refusal> {
    let Some(outline) = outline(site, index, week).await? else { return Ok(None) };
    let Some(of) = outline.outline.program(program).cloned() else { return Ok(None) };
    let load = read(site, index, week, move |data, _| {
        let page = PageOf { from: from.as_deref(), bytes: FILE_BYTES };
        let read = data.page_of_charts(week, &of, page)?;
        Ok(read.unwrap_or_else(|| (of.program.clone(), None)))
    });
    let (charts, next) = load.await?;
    let week = WeekCharts { programs: vec![charts], ..outline.outline.week.clone() };
    Ok(Some((LoadedWeek::new(week), next)))
}

/// Charts of a program from one on that have something to show by version, platform or toolchain, with their ids.
pub(in crate::web) async fn page_of_slices(
    site: &Site,
    index: &Arc<ShownIndex>,
    week: Date,
    program: &str,
    by: Dimension,
    from: Option<String>,
) -> Result<Page<Vec<(String, Breakdown)>>, Refusal> {
    let Some(outline) = outline(site, index, week).await? else { return Ok(Page::default()) };
    let Some(of) = outline.outline.program(program).cloned() else { return Ok(Page::default()) };
    read(site, index, week, move |data, _| {
        let page = PageOf { from: from.as_deref(), bytes: FILE_BYTES };
        let read = data.page_of_slices(week, &of, by, page)?;
        Ok(read.map(|ReadPage { found, next }| (found, next)).unwrap_or_default())
    })
    .await
}

/// A program's charts in the weeks from one to another, all or some of them: a bounded number of small reads
/// for each 13 weeks.
pub(in crate::web) async fn series(
    site: &Site,
    index: &Arc<ShownIndex>,
    program: &str,
    (from, to): (Date, Date),
    which: Which,
) -> Result<Series, Refusal> {
    let mut all = Series::default();
    let mut parts: Vec<SeriesOfProgram> = Vec::new();
    for from_span in spans(from, to) {
        let Some(found) = span(site, index, from_span).await? else { continue };
        let weeks = found.outline.weeks.range(from..=to);
        all.weeks.extend(weeks.map(|(week, charts)| (*week, charts.clone())));
        let Some(of) = found.outline.programs.get(program).cloned() else { continue };
        let (name, which) = (program.to_owned(), which.clone());
        let load = read(site, index, from_span, move |data, _| {
            which.read(|wanted| data.series(from_span, (&name, &of), wanted))
        });
        parts.push(load.await?);
    }
    let mut charts: HashMap<String, Vec<ChartSeries>> = HashMap::new();
    let mut order = Vec::new();
    for part in parts.into_iter().rev() {
        for week in part.weeks {
            if (from..=to).contains(&week.week) {
                all.program.insert(week.week, week);
            }
        }
        for mut series in part.charts {
            series.weeks.retain(|week| (from..=to).contains(&week.week));
            let of = charts.entry(series.chart.id.clone()).or_insert_with(|| {
                order.push(series.chart.id.clone());
                Vec::new()
            });
            of.push(series);
        }
    }
    let joined = order.iter().filter_map(|id| ChartSeries::joined(charts.remove(id)?));
    all.charts = joined.collect();
    Ok(all)
}

/// The same as charts of weeks: those that have charts of any program, oldest first. Of a few charts: each row of
/// each week becomes one that stands alone. Trends read the series itself (`in_week`).
pub(in crate::web) fn over_weeks(series: Series) -> Vec<Arc<LoadedWeek>> {
    let Series { weeks, program, charts } = series;
    let of = SeriesOfProgram { weeks: program.into_values().collect(), charts };
    let mut by_week = of.by_week();
    let week = |(date, week): (Date, WeekCharts)| {
        let programs = by_week.remove(&date).into_iter().collect();
        Arc::new(LoadedWeek::new(WeekCharts { programs, ..week }))
    };
    weeks.into_iter().map(week).collect()
}

/// Reads something of a week, or of the span that begins with it. What is missing or damaged is noted for the
/// operator.
async fn read<T: Send + 'static>(
    site: &Site,
    index: &Arc<ShownIndex>,
    week: Date,
    load: impl FnOnce(&PublicData, &Index) -> Result<T, PublicError> + Send + 'static,
) -> Result<T, Refusal> {
    let (data, index, noted) = (site.public_data().clone(), index.clone(), site.clone());
    let load = move || match load(&data, &index.index) {
        Ok(read) => Ok(read),
        // The index may have changed since it was read.
        Err(PublicError::Missing { .. }) if is_replaced(&data, &index, week) => {
            Err(being_replaced())
        }
        Err(fault) => {
            tracing::error!(%fault, %week, "cannot read the charts of a week");
            let refusal = Refusal::of_store(&fault);
            if refusal.is_damage() {
                noted.note_charts(week, fault.to_string());
            }
            Err(refusal)
        }
    };
    site.chart_cache().read(load).await
}

fn being_replaced() -> Refusal {
    Refusal::unavailable("these charts are being replaced; try again")
}

/// Whether the index now names other charts of a week, or other series of its span.
fn is_replaced(data: &PublicData, shown: &ShownIndex, week: Date) -> bool {
    let named = |index: &Index| {
        let charts = index.weeks.get(&week).and_then(|week| week.charts.clone());
        (charts, index.series.get(&span_of(week)).cloned())
    };
    data.index().is_ok_and(|now| named(&now) != named(&shown.index))
}
