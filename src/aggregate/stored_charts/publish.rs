//! Makes a week's charts current, one program after the other, and with them the series of their span.
//!
//! A program's series is read, gets the new week, and is written again: 13 weeks at most. If it cannot be
//! read, it is made again from the charts of its weeks.

use super::folders::{FOLDER, span_folder, week_folder};
use super::outline::{ProgramOutline, ProgramSpan, SpanOutline, WeekOutline, last_of, span_of};
use super::read::Wanted;
use super::sections::{NewSections, SectionsFile};
use super::series::{ChartSeries, PROGRAM, ProgramWeek, ProgramWeeks, reduced};
use crate::aggregate::chart_csv::name_of;
use crate::aggregate::figure::{Figure, ProgramCharts, WeekCharts};
use crate::aggregate::index::{ChartsFile, Index, SeriesFile, public_key};
use crate::aggregate::public::{PublicData, PublicError};
use crate::hex::hex;
use crate::store::Key;
use jiff::ToSpan;
use jiff::civil::Date;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Which objects of a superseded folder are not current. `None` if the key is not that of a folder of
/// charts; `Some(None)` if the outline that names the current ones cannot be read.
pub(crate) fn leftovers(
    data: &PublicData,
    index: &Index,
    folder: &str,
) -> Result<Option<Option<Vec<Key>>>, PublicError> {
    let Some(name) = folder.strip_prefix(FOLDER) else { return Ok(None) };
    let current = match name.strip_prefix("from-") {
        Some(span) => data.span_outline(index, date(span)).map(|found| found.map(of_span)),
        None => data.week_outline(index, date(name)).map(|found| found.map(|one| of_week(&one))),
    };
    let current = match current {
        Ok(current) => current.unwrap_or_default(),
        Err(error) if is_lost(&error) => return Ok(Some(None)),
        Err(error) => return Err(error),
    };
    let mut left = data.store().list(&Key::new(folder)?)?;
    left.retain(|key| key.as_str().rsplit('/').next().is_none_or(|name| !current.contains(name)));
    Ok(Some(Some(left)))
}

fn date(text: &str) -> Date {
    text.parse().unwrap_or_default()
}

fn of_week(outline: &WeekOutline) -> BTreeSet<String> {
    let files = outline.programs.iter().flat_map(|program| [&program.figures, &program.slices]);
    files.map(|file| file.sha256.clone()).collect()
}

fn of_span(outline: SpanOutline) -> BTreeSet<String> {
    outline.programs.into_values().map(|program| program.series.sha256).collect()
}

/// Whether an object is missing or cannot be understood, so that it has to be made again.
fn is_lost(error: &PublicError) -> bool {
    use PublicError::{Damaged, Later, Missing};
    matches!(error, Missing { .. } | Damaged { .. } | Later { .. })
}

impl PublicData {
    /// Whether all objects of a week's charts are in the store, and those of its series; not what is in
    /// them.
    pub fn has_charts(&self, index: &Index, week: Date) -> Result<bool, PublicError> {
        let span = span_of(week);
        let outlines = self
            .week_outline(index, week)
            .and_then(|outline| Ok(outline.zip(self.span_outline(index, span)?)));
        let (outline, series) = match outlines {
            Ok(Some(outlines)) => outlines,
            Ok(None) => return Ok(false),
            Err(error) if is_lost(&error) => return Ok(false),
            Err(error) => return Err(error),
        };
        Ok(series.weeks.contains_key(&week)
            && self.are_in(&week_folder(week), &of_week(&outline))?
            && self.are_in(&span_folder(span), &of_span(series))?)
    }

    fn are_in(&self, folder: &str, names: &BTreeSet<String>) -> Result<bool, PublicError> {
        let keys = self.store().list(&Key::new(folder)?)?;
        let found: BTreeSet<&str> =
            keys.iter().filter_map(|key| key.as_str().rsplit('/').next()).collect();
        Ok(names.iter().all(|name| found.contains(name.as_str())))
    }
}

/// A program's charts, by week.
type ByWeek = BTreeMap<Date, ProgramCharts>;

/// The charts of a week that are being stored.
#[derive(Debug)]
pub struct NewCharts<'d> {
    data: &'d PublicData,
    index: &'d Index,
    week: WeekCharts,
    programs: Vec<ProgramOutline>,
    /// The span that the week is in, and the one before.
    spans: [(Date, SpanOutline); 2],
    /// The series of a program that was asked for.
    known: Option<(String, ByWeek)>,
    series: BTreeMap<String, ProgramSpan>,
}

impl<'d> NewCharts<'d> {
    /// Begins to store the charts of a week.
    pub fn begin(
        data: &'d PublicData,
        index: &'d Index,
        week: WeekCharts,
    ) -> Result<NewCharts<'d>, PublicError> {
        let span = span_of(week.week);
        let folders = [week_folder(week.week), span_folder(span)];
        data.update(|index| {
            index.supersede(folders.clone());
            Ok::<_, PublicError>(())
        })?;
        let spans = [span, span_of(span.saturating_sub(1.week()))];
        let outlines = spans.map(|span| Ok((span, outline_or_rebuilt(data, index, span)?)));
        let [Ok(own), Ok(before)] = outlines else {
            let mut failed = outlines.into_iter().filter_map(Result::err);
            return Err(failed.next().unwrap_or(PublicError::NoIndex));
        };
        Ok(NewCharts {
            data,
            index,
            week,
            programs: Vec::new(),
            spans: [own, before],
            known: None,
            series: BTreeMap::new(),
        })
    }

    /// The week that is being stored, for its marks; without programs.
    pub fn week(&mut self) -> &mut WeekCharts {
        &mut self.week
    }

    /// The weeks with charts that are at most this many weeks before, oldest first, without programs.
    pub fn weeks_before(&self, most: usize) -> Vec<WeekCharts> {
        let last = self.week.week;
        let first = last.saturating_sub((most as i64).weeks());
        let [(_, own), (_, before)] = &self.spans;
        let weeks = before.weeks.range(first..last).chain(own.weeks.range(first..last));
        let charted = |week: &Date| self.index.weeks.get(week).is_some_and(|w| w.charts.is_some());
        weeks.filter(|(week, _)| charted(week)).map(|(_, charts)| charts.clone()).collect()
    }

    /// A program's charts in the weeks of this span and the one before, as far as series have them.
    pub fn program_before(&mut self, program: &str) -> Result<ByWeek, PublicError> {
        let [own, before] = &self.spans;
        let own = self.read(own, program)?;
        let mut all = self.read(before, program)?;
        all.extend(own.clone());
        self.known = Some((program.to_owned(), own));
        Ok(all)
    }

    fn read(
        &self,
        (span, outline): &(Date, SpanOutline),
        program: &str,
    ) -> Result<ByWeek, PublicError> {
        let Some(of) = outline.programs.get(program) else { return Ok(ByWeek::new()) };
        match self.data.series(*span, (program, of), Wanted::All) {
            Ok(series) => Ok(series.by_week()),
            Err(error) if is_lost(&error) => self.read_weeks(*span, program),
            Err(error) => Err(error),
        }
    }

    /// A program's charts in the other weeks of a span, from the charts of these weeks.
    fn read_weeks(&self, span: Date, program: &str) -> Result<ByWeek, PublicError> {
        let mut found = ByWeek::new();
        let weeks = self.index.weeks.range(span..=last_of(span)).map(|(week, _)| *week);
        for week in weeks.filter(|week| *week != self.week.week) {
            let charts = self.data.week_outline(self.index, week).and_then(|outline| {
                let of = outline.as_ref().and_then(|outline| outline.program(program));
                of.map(|of| self.data.program_charts(week, of, Wanted::All)).transpose()
            });
            match charts {
                Ok(charts) => found.extend(charts.map(|charts| (week, charts))),
                Err(error) if is_lost(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Stores the charts of a program, in the order of their paths. If `slices` are given, they are in the
    /// store already.
    pub fn add(
        &mut self,
        mut charts: ProgramCharts,
        slices: Option<SectionsFile>,
    ) -> Result<(), PublicError> {
        let path = charts.program.clone();
        let mut series = match self.known.take().filter(|(known, _)| *known == path) {
            Some((_, series)) => series,
            None => self.read(&self.spans[0], &path)?,
        };
        let (mut figures, mut by) = (NewSections::default(), NewSections::default());
        for figure in &mut charts.charts {
            for breakdown in std::mem::take(&mut figure.by) {
                let name = format!("{}@{}", figure.id, name_of(breakdown.dimension));
                by.add(&name, &breakdown).map_err(malformed)?;
            }
            figures.add(&figure.id, figure).map_err(malformed)?;
        }
        let mut objects = Vec::new();
        let folder = week_folder(self.week.week);
        let figures = finished(figures, &folder, &mut objects)?;
        let slices = match slices {
            Some(slices) => slices,
            None => finished(by, &folder, &mut objects)?,
        };
        let count = charts.charts.len() as u64;
        let program = ProgramCharts { charts: Vec::new(), ..charts.clone() };
        self.programs.push(ProgramOutline { program, charts: count, figures, slices });
        charts.charts = charts.charts.into_iter().map(reduced).collect();
        series.insert(self.week.week, charts);
        self.add_series(path, series, objects)
    }

    fn add_series(
        &mut self,
        program: String,
        by_week: ByWeek,
        mut objects: Vec<(Key, Vec<u8>)>,
    ) -> Result<(), PublicError> {
        if !by_week.is_empty() {
            let weeks = by_week.keys().copied().collect();
            let sections = sections_of(by_week).map_err(malformed)?;
            let series = finished(sections, &span_folder(self.spans[0].0), &mut objects)?;
            self.series.insert(program, ProgramSpan { weeks, series });
        }
        match self.data.store().put(&objects) {
            Err(crate::store::StoreError::Conflict { .. }) => {
                for (key, bytes) in objects {
                    let put = || self.data.store().put(&[(key.clone(), bytes.clone())]);
                    self.data.replacing_damaged(&key, put)?;
                }
                Ok(())
            }
            other => Ok(other?),
        }
    }

    /// Publishes the charts in the index, and returns the name of their outline. `still` checks against the
    /// newest index whether they were made from its data. If not, if another process has changed the series
    /// of this span, or if a merge has removed an object, the result is `None`, and they have to be made
    /// again.
    pub fn publish(
        mut self,
        made_from: &str,
        still: impl Fn(&Index) -> bool,
    ) -> Result<Option<String>, PublicError> {
        let week = self.week.week;
        let (span, outline) = self.spans[0].clone();
        // Programs that are in other weeks of the span only.
        for (path, of) in outline.programs {
            if self.series.contains_key(&path) {
                continue;
            }
            if of.weeks.contains(&week) || of.series == lost() {
                let mut series = self.read(&self.spans[0], &path)?;
                series.remove(&week);
                self.add_series(path, series, Vec::new())?;
            } else {
                self.series.insert(path, of);
            }
        }
        let mut weeks = outline.weeks;
        weeks.insert(week, self.week.clone());
        let series = SpanOutline { weeks, programs: self.series };
        let outline = WeekOutline { week: self.week, programs: self.programs };
        let folders = [week_folder(week), span_folder(span)];
        let (names, series_names) = (of_week(&outline), of_span(series.clone()));
        let [(outline_sha256, outline), (series_sha256, series)] =
            [json(&outline)?, json(&series)?];
        let keys = [public_key(&outline_sha256), public_key(&series_sha256)];
        let expected = self.index.series.get(&span);
        let new = ChartsFile {
            bytes: outline.len() as u64,
            sha256: outline_sha256.clone(),
            made_from: made_from.to_owned(),
        };
        let new_series = SeriesFile { bytes: series.len() as u64, sha256: series_sha256 };
        let objects =
            [(Key::new(keys[0].as_str())?, outline), (Key::new(keys[1].as_str())?, series)];
        let are_there = || -> Result<bool, PublicError> {
            let [week, span] = &folders;
            Ok(self.data.are_in(week, &names)? && self.data.are_in(span, &series_names)?)
        };
        loop {
            let merges = self.data.update(|index| {
                index.supersede(keys.iter().chain(&folders).cloned());
                Ok::<_, PublicError>(index.merges)
            })?;
            for (key, bytes) in &objects {
                let put = || self.data.store().put(&[(key.clone(), bytes.clone())]);
                self.data.replacing_damaged(key, put)?;
            }
            if !are_there()? {
                return Ok(None);
            }
            let done = self.data.update(|index| {
                // A merge may have removed objects: try again.
                if index.merges != merges {
                    return Ok(None);
                }
                let known = still(index) && index.series.get(&span) == expected;
                let Some(entry) = index.weeks.get_mut(&week).filter(|_| known) else {
                    return Ok(Some(false));
                };
                let old = entry.charts.replace(new.clone()).map(|old| old.sha256);
                let old_series = index.series.insert(span, new_series.clone());
                let old = old.into_iter().chain(old_series.map(|old| old.sha256));
                let old: Vec<String> = old.map(|sha256| public_key(&sha256)).collect();
                index.supersede(old.into_iter().chain(folders.clone()));
                Ok::<_, PublicError>(Some(true))
            })?;
            match done {
                None => {}
                Some(false) => return Ok(None),
                Some(true) => {
                    // They are current now, so they are no longer removed; but they may have been just before.
                    self.data.store().put(&objects)?;
                    return Ok(are_there()?.then_some(outline_sha256));
                }
            }
        }
    }
}

/// The outline of a span. If it is lost, its programs are found in its weeks, and their series are lost, too.
fn outline_or_rebuilt(
    data: &PublicData,
    index: &Index,
    span: Date,
) -> Result<SpanOutline, PublicError> {
    match data.span_outline(index, span) {
        Ok(outline) => return Ok(outline.unwrap_or_default()),
        Err(error) if is_lost(&error) => {}
        Err(error) => return Err(error),
    }
    let mut rebuilt = SpanOutline::default();
    for week in index.weeks.range(span..=last_of(span)).map(|(week, _)| *week) {
        let outline = match data.week_outline(index, week) {
            Ok(Some(outline)) => outline,
            Ok(None) => continue,
            Err(error) if is_lost(&error) => continue,
            Err(error) => return Err(error),
        };
        rebuilt.weeks.insert(week, outline.week);
        for program in outline.programs {
            let of = ProgramSpan { weeks: Vec::new(), series: lost() };
            rebuilt.programs.entry(program.program.program).or_insert(of).weeks.push(week);
        }
    }
    Ok(rebuilt)
}

/// Stands for series that are lost: no object has this name.
fn lost() -> SectionsFile {
    SectionsFile { bytes: 0, directory: 0, sha256: "lost".to_owned() }
}

/// The series of a program.
fn sections_of(by_week: ByWeek) -> serde_json::Result<NewSections> {
    let mut sections = NewSections::default();
    let mut charts: BTreeMap<String, BTreeMap<Date, Figure>> = BTreeMap::new();
    let (mut weeks, mut order): (Vec<ProgramWeek>, Vec<String>) = (Vec::new(), Vec::new());
    for (week, mut program) in by_week.into_iter().rev() {
        let ids: Vec<String> = program.charts.iter().map(|figure| figure.id.clone()).collect();
        for figure in program.charts.drain(..) {
            let of_chart = charts.entry(figure.id.clone()).or_insert_with(|| {
                order.push(figure.id.clone());
                BTreeMap::new()
            });
            of_chart.insert(week, reduced(figure));
        }
        weeks.push(ProgramWeek { week, program, charts: Arc::new(ids) });
    }
    weeks.reverse();
    sections.add(PROGRAM, &ProgramWeeks(weeks))?;
    for id in order {
        if let Some(series) = charts.remove(&id).and_then(ChartSeries::new) {
            sections.add(&id, &series)?;
        }
    }
    Ok(sections)
}

fn finished(
    sections: NewSections,
    folder: &str,
    objects: &mut Vec<(Key, Vec<u8>)>,
) -> Result<SectionsFile, PublicError> {
    let (file, bytes) = sections.finish();
    objects.push((Key::new(format!("{folder}/{}", file.sha256))?, bytes));
    Ok(file)
}

fn json(outline: &impl Serialize) -> Result<(String, Vec<u8>), PublicError> {
    let json = serde_json::to_vec(outline).map_err(malformed)?;
    Ok((hex(&Sha256::digest(&json)), json))
}

fn malformed(error: serde_json::Error) -> PublicError {
    PublicError::Malformed { what: "the new charts".to_owned(), reason: error.to_string() }
}

#[cfg(test)]
#[path = "publish_tests.rs"]
mod tests;
