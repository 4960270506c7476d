//! Values over weeks: a line for each series, with a band for its intervals.
//!
//! The value axis starts at zero. A week without data is a gap that no line crosses; a single week between
//! two gaps is a mark with a whisker. Series differ in colour and in the shape of their marks, and have
//! their names at the ends of their lines (on a narrow screen: below).

use super::canvas::{Canvas, Error, Frame, Ink, Lettering, Plot, Side};
use super::label;
use super::picture::{Measure, Point, Series, Size};
use super::scale::Scale;

use crate::web::numbers;
use jiff::civil::Date;

const PLOT: f64 = 240.0;
const AXIS: f64 = 26.0;
const NAMES: f64 = 190.0;
const LEGEND: f64 = 20.0;
/// The height of marks on weeks.
const MARKS: f64 = 16.0;
/// The least distance between names at the ends of lines.
const APART: f64 = 16.0;
/// With up to this many weeks, every value has a mark.
const MARKED: usize = 30;

/// Lines over weeks.
pub(super) struct Lines<'a> {
    pub(super) weeks: &'a [Date],
    pub(super) series: &'a [Series],
    pub(super) measure: Measure,
    pub(super) jumps: &'a [Option<bool>],
    pub(super) size: Size,
}

impl Lines<'_> {
    fn legend(&self) -> f64 {
        match self.size {
            Size::Wide => 0.0,
            Size::Narrow => self.series.len() as f64 * LEGEND + 4.0,
        }
    }

    pub(super) fn height(&self) -> f64 {
        // All names must fit beside the plot.
        let beside = self.series.len() as f64 * APART;
        let plot = if self.size == Size::Wide { PLOT.max(beside) } else { PLOT };
        10.0 + self.marks() + plot + AXIS + self.legend()
    }

    pub(super) fn draw(&self, canvas: &Canvas, top: f64) -> Result<(), Error> {
        let (text, small) = (self.size.text(), self.size.small());
        let values = self.series.iter().flat_map(|series| &series.points).flatten();
        let largest = values.map(|point| point.high).fold(0.0, f64::max);
        let scale = match self.measure {
            Measure::Share => Scale::of_shares(largest, 5),
            Measure::Quotient => Scale::to(largest, 5),
        };
        let number = |tick| match self.measure {
            Measure::Share => scale.percent(tick),
            Measure::Quotient => numbers::quotient(tick),
        };
        let numbers = scale.ticks().map(|tick| label::width(&number(tick), small));
        let left = numbers.fold(0.0, f64::max) + 8.0;
        let widest = self.series.iter().map(|series| label::width(&series.label, text));
        let names = match self.size {
            Size::Wide => widest.fold(30.0, f64::max).min(NAMES) + 26.0,
            Size::Narrow => 10.0,
        };
        let right = self.size.width() - names;
        let bottom = top + self.height() - AXIS - self.legend();
        let frame = Frame { left, top: top + 10.0 + self.marks(), right, bottom };
        // A margin at both ends; a single week is in the middle.
        let last = self.weeks.len().saturating_sub(1) as f64;
        let air = if self.weeks.len() < 2 { 0.5 } else { last / 60.0 };
        let plot = canvas.plot(frame, -air..last + air, 0.0..scale.end());
        for tick in scale.ticks() {
            plot.line(&[(-air, tick), (last + air, tick)], Ink::Line, 1.0)?;
            let at = (left - 6.0, plot.pixels((0.0, tick)).1);
            canvas.text(at, &number(tick), Lettering::new(small, Side::End).muted())?;
        }
        self.dates(canvas, &plot, bottom)?;
        plot.line(&[(-air, 0.0), (last + air, 0.0)], Ink::Strong, 1.0)?;
        self.jumps(canvas, &plot, frame)?;
        for (index, series) in self.series.iter().enumerate() {
            self.bands(&plot, series, Ink::Series(index))?;
        }
        for (index, series) in self.series.iter().enumerate() {
            self.line(canvas, &plot, series, index)?;
        }
        match self.size {
            Size::Wide => self.names_beside(canvas, &plot, frame, names),
            Size::Narrow => self.names_below(canvas, bottom + AXIS + 4.0),
        }
    }

    /// The room above the plot for marks on weeks.
    fn marks(&self) -> f64 {
        if self.jumps.iter().any(Option::is_some) { MARKS } else { 0.0 }
    }

    /// A triangle above each week whose number of reports jumps, with a dashed line below it.
    fn jumps(&self, canvas: &Canvas, plot: &Plot, frame: Frame) -> Result<(), Error> {
        for (index, is_up) in self.jumps.iter().enumerate() {
            let Some(is_up) = is_up else { continue };
            let (x, _) = plot.pixels((index as f64, 0.0));
            canvas.triangle((x, frame.top - MARKS / 2.0), 5.0, *is_up)?;
            let mut y = frame.top;
            while y < frame.bottom {
                canvas.line((x, y), (x, (y + 3.0).min(frame.bottom)), Ink::Muted, 1.0)?;
                y += 7.0;
            }
        }
        Ok(())
    }

    /// Dates below the axis, as many as fit; the year with the first one of each year.
    fn dates(&self, canvas: &Canvas, plot: &Plot, bottom: f64) -> Result<(), Error> {
        let small = self.size.small();
        let room = label::width("30 Sep 2026", small) + 12.0;
        let (first, _) = plot.pixels((0.0, 0.0));
        let (end, _) = plot.pixels((self.weeks.len().saturating_sub(1) as f64, 0.0));
        let fitting = ((end - first) / room).floor().max(1.0);
        let every = (self.weeks.len().saturating_sub(1) as f64 / fitting).ceil().max(1.0) as usize;
        let mut year = None;
        // Counted back from the last week, so that it always has a date.
        let skipped = self.weeks.len().saturating_sub(1) % every;
        for (index, week) in self.weeks.iter().enumerate().skip(skipped).step_by(every) {
            let (x, y) = plot.pixels((index as f64, 0.0));
            let mut date = numbers::day(*week);
            if year.replace(week.year()) != Some(week.year()) {
                date.push_str(&format!(" {}", week.year()));
            }
            canvas.line((x, y), (x, y + 4.0), Ink::Strong, 1.0)?;
            canvas.tick((x, bottom + 15.0), &date, small, self.size.width())?;
        }
        Ok(())
    }

    /// Runs of weeks without a gap.
    fn runs(series: &Series) -> Vec<Vec<(f64, Point)>> {
        let mut runs = vec![Vec::new()];
        for (index, point) in series.points.iter().enumerate() {
            match (point, runs.last_mut()) {
                (Some(point), Some(run)) => run.push((index as f64, *point)),
                (None, Some(run)) if !run.is_empty() => runs.push(Vec::new()),
                _ => {}
            }
        }
        runs.retain(|run| !run.is_empty());
        runs
    }

    fn bands(&self, plot: &Plot, series: &Series, ink: Ink) -> Result<(), Error> {
        for run in Self::runs(series) {
            match run.as_slice() {
                [(x, only)] => plot.line(&[(*x, only.low), (*x, only.high)], ink, 1.5)?,
                run => {
                    let over = run.iter().map(|(x, point)| (*x, point.high));
                    let under = run.iter().rev().map(|(x, point)| (*x, point.low));
                    plot.band(over.chain(under).collect(), ink)?;
                }
            }
        }
        Ok(())
    }

    fn line(
        &self,
        canvas: &Canvas,
        plot: &Plot,
        series: &Series,
        index: usize,
    ) -> Result<(), Error> {
        let ink = Ink::Series(index);
        for run in Self::runs(series) {
            let points: Vec<_> = run.iter().map(|(x, point)| (*x, point.value)).collect();
            if points.len() > 1 {
                plot.line(&points, ink, 2.0)?;
            }
            if points.len() == 1 || self.weeks.len() <= MARKED {
                for point in points {
                    canvas.mark(plot.pixels(point), 3.2, index, ink)?;
                }
            }
        }
        Ok(())
    }

    /// Names on the right, each as close as possible to the end of its line.
    fn names_beside(
        &self,
        canvas: &Canvas,
        plot: &Plot,
        frame: Frame,
        room: f64,
    ) -> Result<(), Error> {
        let text = self.size.text();
        let mut ends: Vec<(usize, f64)> = Vec::new();
        for (index, series) in self.series.iter().enumerate() {
            let last = series.points.iter().rev().find_map(|point| *point);
            let y = plot.pixels((0.0, last.map_or(0.0, |point| point.value))).1;
            ends.push((index, y));
        }
        ends.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        // Pushed down where they are too close, then back up from the bottom.
        let mut above = f64::NEG_INFINITY;
        for (_, y) in &mut ends {
            *y = y.max(above + APART).max(frame.top);
            above = *y;
        }
        let mut below = frame.bottom + APART - 4.0;
        for (_, y) in ends.iter_mut().rev() {
            *y = y.min(below - APART);
            below = *y;
        }
        for (index, y) in ends {
            let Some(series) = self.series.get(index) else { continue };
            canvas.mark((frame.right + 9.0, y), 3.6, index, Ink::Series(index))?;
            let name = label::fit(&series.label, text, room - 24.0);
            canvas.text((frame.right + 19.0, y), &name, Lettering::new(text, Side::Start))?;
        }
        Ok(())
    }

    fn names_below(&self, canvas: &Canvas, top: f64) -> Result<(), Error> {
        let text = self.size.text();
        for (index, series) in self.series.iter().enumerate() {
            let y = top + index as f64 * LEGEND + LEGEND / 2.0;
            canvas.line((2.0, y), (24.0, y), Ink::Series(index), 2.0)?;
            canvas.mark((13.0, y), 3.6, index, Ink::Series(index))?;
            let name = label::fit(&series.label, text, self.size.width() - 34.0);
            canvas.text((32.0, y), &name, Lettering::new(text, Side::Start))?;
        }
        Ok(())
    }
}
