//! The charts of weeks in memory.
//!
//! A week's charts may be tens of megabytes of JSON. They are read once, on a thread of their own, and
//! the last few are kept, within the bounds of `memory`. Pages over many weeks need only the main rows of each, so those are kept
//! apart: an outline is the same shape without parts and reweightings, and of stacks the first ones.

use super::memory::{MemoryPermit, Name, WeeksInMemory};
use crate::aggregate::PublicError;
use crate::aggregate::figure::{ProgramCharts, WeekCharts};
use crate::web::public::ShownIndex;
use crate::web::refusal::Refusal;
use crate::web::shelf::{Shelf, Weigh};
use crate::web::site::Site;
use jiff::civil::Date;
use std::sync::Arc;

/// Memory for outlines.
const OUTLINE_BYTES: u64 = 64 << 20;
/// The rows of a stack chart that an outline keeps.
const STACKS: usize = 50;

/// What is kept of weeks' charts.
#[derive(Debug)]
pub(in crate::web) struct ChartShelves {
    weeks: WeeksInMemory,
    outlines: Shelf<Name, LoadedWeek>,
}

/// The charts of a week.
#[derive(Debug)]
pub(in crate::web) struct LoadedWeek {
    charts: WeekCharts,
    weight: u64,
    /// What this takes of the memory for whole weeks; nothing where it is an outline.
    _memory: Option<MemoryPermit>,
}

impl Weigh for LoadedWeek {
    fn weight(&self) -> u64 {
        self.weight
    }
}

impl Default for ChartShelves {
    fn default() -> ChartShelves {
        ChartShelves {
            weeks: WeeksInMemory::default(),
            outlines: Shelf::new(OUTLINE_BYTES, 256 << 10),
        }
    }
}

impl LoadedWeek {
    /// A week that was read with this permit.
    pub(super) fn new(charts: WeekCharts, mut memory: MemoryPermit) -> LoadedWeek {
        memory.shrink();
        LoadedWeek { charts, weight: 0, _memory: Some(memory) }
    }

    /// The charts.
    pub(in crate::web) fn charts(&self) -> &WeekCharts {
        &self.charts
    }

    /// Those of a program.
    pub(super) fn program(&self, program: &str) -> Option<&ProgramCharts> {
        self.charts.programs.iter().find(|found| found.program == program)
    }
}

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
    site.chart_shelves().weeks.get(key, bytes, load).await.map(Some)
}

/// The outline of a week's charts.
pub(super) async fn outline(
    site: &Site,
    index: &Arc<ShownIndex>,
    week: Date,
) -> Result<Option<Arc<LoadedWeek>>, Refusal> {
    let Some((key, bytes)) = key(index, week) else { return Ok(None) };
    let load = read(site, index, week);
    let ChartShelves { weeks, outlines } = site.chart_shelves();
    // All of the week is in memory until it is cut down.
    let load = weeks.read(bytes, move |_memory| load().map(outlined));
    outlines.get_with(key, load).await.map(Some)
}

/// Files are named by their hashes, and so are what was read from them.
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
    let (data, index) = (site.public_data().clone(), index.clone());
    move || match data.charts(&index.index, week) {
        Ok(Some(charts)) => Ok(charts),
        // What the index named a moment ago may have been replaced since.
        Ok(None) | Err(PublicError::Missing(_)) => {
            Err(Refusal::unavailable("these charts are being replaced; try again"))
        }
        Err(fault) => {
            tracing::error!(%fault, %week, "cannot read the charts of a week");
            Err(Refusal::damaged())
        }
    }
}

fn outlined(mut charts: WeekCharts) -> LoadedWeek {
    let mut weight = 0;
    for figure in charts.programs.iter_mut().flat_map(|program| &mut program.charts) {
        figure.by = Vec::new();
        figure.reweighted = Vec::new();
        if figure.kind == crate::aggregate::figure::Kind::Stack {
            figure.rows.truncate(STACKS);
        }
        let texts = |row: &crate::aggregate::figure::Row| {
            256 + row.frames.iter().map(|frame| 24 + frame.len()).sum::<usize>()
        };
        weight += 1024 + figure.rows.iter().map(texts).sum::<usize>() as u64;
    }
    LoadedWeek { charts, weight, _memory: None }
}
