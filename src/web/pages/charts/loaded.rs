//! The charts of weeks, read from the store.
//!
//! A week's charts may be tens of megabytes of JSON. They are read on the blocking pool, and the last few
//! are cached (`web::chart_cache`). Pages over many weeks only need the main rows of each week, which are
//! cached separately: an outline has the same type, without parts and reweightings, and with only the first
//! stacks.

use crate::aggregate::figure::{Kind, Row, WeekCharts};
use crate::aggregate::index::Index;
use crate::aggregate::{PublicData, PublicError};
use crate::web::chart_cache::{ChartCache, LoadedWeek, Name};
use crate::web::public::ShownIndex;
use crate::web::refusal::Refusal;
use crate::web::site::Site;
use jiff::civil::Date;
use std::sync::Arc;

/// The rows of a stack chart that an outline keeps.
const STACKS: usize = 50;

/// The weeks that have charts, the newest first.
pub(super) fn weeks(index: &ShownIndex) -> Vec<Date> {
    let charted = index.index.weeks.iter().filter(|(_, week)| week.charts.is_some());
    charted.map(|(date, _)| *date).rev().collect()
}

/// The charts of a week that the index has.
pub(in crate::web) async fn week(
    site: &Site,
    index: &Arc<ShownIndex>,
    week: Date,
) -> Result<Option<Arc<LoadedWeek>>, Refusal> {
    let Some((key, bytes)) = key(index, week) else { return Ok(None) };
    let load = read(site, index, week);
    let load = move |memory| load().map(|charts| LoadedWeek::new(charts, memory));
    site.chart_cache().weeks.get(key, bytes, load).await.map(Some)
}

/// The outline of a week's charts.
pub(super) async fn outline(
    site: &Site,
    index: &Arc<ShownIndex>,
    week: Date,
) -> Result<Option<Arc<LoadedWeek>>, Refusal> {
    let Some((key, bytes)) = key(index, week) else { return Ok(None) };
    let load = read(site, index, week);
    let ChartCache { weeks, outlines } = site.chart_cache();
    // The whole week is in memory until it is reduced.
    let load = weeks.read(bytes, move |_memory| load().map(outlined));
    outlines.get_with(key, load).await.map(Some)
}

/// The key of a week's charts, which is the hash of their file, and the file's size.
fn key(index: &ShownIndex, week: Date) -> Option<(Name, u64)> {
    let file = index.index.weeks.get(&week)?.charts.as_ref()?;
    let mut key = [0; 16];
    for (to, pair) in key.iter_mut().zip(file.sha256.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(pair).ok()?;
        *to = u8::from_str_radix(digits, 16).ok()?;
    }
    Some((key, file.bytes))
}

fn read(
    site: &Site,
    index: &Arc<ShownIndex>,
    week: Date,
) -> impl FnOnce() -> Result<WeekCharts, Refusal> + Send + 'static {
    let (data, index, noted) = (site.public_data().clone(), index.clone(), site.clone());
    move || match data.charts(&index.index, week) {
        Ok(Some(charts)) => Ok(charts),
        Ok(None) => Err(being_replaced()),
        // The index may have changed since it was read.
        Err(PublicError::Missing { .. }) if is_replaced(&data, &index, week) => {
            Err(being_replaced())
        }
        Err(fault) => {
            tracing::error!(%fault, %week, "cannot read the charts of a week");
            noted.note_charts(week, fault.to_string());
            Err(Refusal::damaged())
        }
    }
}

fn being_replaced() -> Refusal {
    Refusal::unavailable("these charts are being replaced; try again")
}

/// Whether the index now names other charts of a week.
fn is_replaced(data: &PublicData, shown: &ShownIndex, week: Date) -> bool {
    let charts = |index: &Index| index.weeks.get(&week).and_then(|week| week.charts.clone());
    data.index().is_ok_and(|now| charts(&now) != charts(&shown.index))
}

fn outlined(mut charts: WeekCharts) -> LoadedWeek {
    let mut weight = 0;
    for figure in charts.programs.iter_mut().flat_map(|program| &mut program.charts) {
        figure.by = Vec::new();
        figure.reweighted = Vec::new();
        if figure.kind == Kind::Stack {
            figure.rows.truncate(STACKS);
        }
        let texts =
            |row: &Row| 256 + row.frames.iter().map(|frame| 24 + frame.len()).sum::<usize>();
        weight += 1024 + figure.rows.iter().map(texts).sum::<usize>() as u64;
    }
    LoadedWeek::outline(charts, weight)
}
