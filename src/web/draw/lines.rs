//! Values over weeks: a line with its band of intervals for every series.
//!
//! The axis of values begins at zero. A week without data is a gap, which no line crosses; a week
//! between two gaps is a mark with a whisker. Series are told apart by colour, by the shape of their
//! marks, and by a name at the line's end (on a narrow sheet: below).

use super::picture::{Measure, Point, Series, Size};
use super::label;
use super::scale::Scale;
use super::sheet::{Error, Frame, Ink, Lettering, Plot, Sheet, Side};

use crate::web::numbers;
use jiff::civil::Date;

const PLOT: f64 = 240.0;
const AXIS: f64 = 26.0;
const NAMES: f64 = 190.0;
const LEGEND: f64 = 20.0;
/// The height of marks on weeks.
const MARKS: f64 = 16.0;
/// Names at the ends of lines are this far apart at least.
const APART: f64 = 16.0;
/// The most weeks at which every value has a mark.
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
        // As many names as there are must have room beside the plot.
        let beside = self.series.len() as f64 * APART;
        let plot = if self.size == Size::Wide { PLOT.max(beside) } else { PLOT };
        10.0 + self.marks() + plot + AXIS + self.legend()
    }

    pub(super) fn draw(&self, sheet: &Sheet, top: f64) -> Result<(), Error> {
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
        // Half a week of air at both ends; a single week stands in the middle.
        let last = self.weeks.len().saturating_sub(1) as f64;
        let air = if self.weeks.len() < 2 { 0.5 } else { last / 60.0 };
        let plot = sheet.plot(frame, -air..last + air, 0.0..scale.end());
        for tick in scale.ticks() {
            plot.line(&[(-air, tick), (last + air, tick)], Ink::Line, 1.0)?;
            let at = (left - 6.0, plot.pixels((0.0, tick)).1);
            sheet.text(at, &number(tick), Lettering::new(small, Side::End).muted())?;
        }
        self.dates(sheet, &plot, bottom)?;
        plot.line(&[(-air, 0.0), (last + air, 0.0)], Ink::Strong, 1.0)?;
        self.jumps(sheet, &plot, frame)?;
        for (place, series) in self.series.iter().enumerate() {
            self.bands(&plot, series, Ink::Series(place))?;
        }
        for (place, series) in self.series.iter().enumerate() {
            self.line(sheet, &plot, series, place)?;
        }
        match self.size {
            Size::Wide => self.names_beside(sheet, &plot, frame, names),
            Size::Narrow => self.names_below(sheet, bottom + AXIS + 4.0),
        }
    }

    /// The room above the plot for marks on weeks.
    fn marks(&self) -> f64 {
        if self.jumps.iter().any(Option::is_some) { MARKS } else { 0.0 }
    }

    /// A triangle above each week whose number of reports jumps, and a dashed line down from it.
    fn jumps(&self, sheet: &Sheet, plot: &Plot, frame: Frame) -> Result<(), Error> {
        for (place, is_up) in self.jumps.iter().enumerate() {
            let Some(is_up) = is_up else { continue };
            let (x, _) = plot.pixels((place as f64, 0.0));
            sheet.triangle((x, frame.top - MARKS / 2.0), 5.0, *is_up)?;
            let mut y = frame.top;
            while y < frame.bottom {
                sheet.line((x, y), (x, (y + 3.0).min(frame.bottom)), Ink::Muted, 1.0)?;
                y += 7.0;
            }
        }
        Ok(())
    }

    /// Dates below the axis, as many as fit; the year with the first one of each year.
    fn dates(&self, sheet: &Sheet, plot: &Plot, bottom: f64) -> Result<(), Error> {
        let small = self.size.small();
        let room = label::width("30 Sep 2026", small) + 12.0;
        let (first, _) = plot.pixels((0.0, 0.0));
        let (end, _) = plot.pixels((self.weeks.len().saturating_sub(1) as f64, 0.0));
        let fitting = ((end - first) / room).floor().max(1.0);
        let every = (self.weeks.len().saturating_sub(1) as f64 / fitting).ceil().max(1.0) as usize;
        let mut year = None;
        // Counted back from the last week, which is the one that is asked about most.
        let skipped = self.weeks.len().saturating_sub(1) % every;
        for (place, week) in self.weeks.iter().enumerate().skip(skipped).step_by(every) {
            let (x, y) = plot.pixels((place as f64, 0.0));
            let mut date = numbers::day(*week);
            if year.replace(week.year()) != Some(week.year()) {
                date.push_str(&format!(" {}", week.year()));
            }
            sheet.line((x, y), (x, y + 4.0), Ink::Strong, 1.0)?;
            sheet.tick((x, bottom + 15.0), &date, small, self.size.width())?;
        }
        Ok(())
    }

    /// Stretches of weeks without a gap.
    fn stretches(series: &Series) -> Vec<Vec<(f64, Point)>> {
        let mut stretches = vec![Vec::new()];
        for (place, point) in series.points.iter().enumerate() {
            match (point, stretches.last_mut()) {
                (Some(point), Some(stretch)) => stretch.push((place as f64, *point)),
                (None, Some(stretch)) if !stretch.is_empty() => stretches.push(Vec::new()),
                _ => {}
            }
        }
        stretches.retain(|stretch| !stretch.is_empty());
        stretches
    }

    fn bands(&self, plot: &Plot, series: &Series, ink: Ink) -> Result<(), Error> {
        for stretch in Self::stretches(series) {
            match stretch.as_slice() {
                [(x, only)] => plot.line(&[(*x, only.low), (*x, only.high)], ink, 1.5)?,
                stretch => {
                    let over = stretch.iter().map(|(x, point)| (*x, point.high));
                    let under = stretch.iter().rev().map(|(x, point)| (*x, point.low));
                    plot.band(over.chain(under).collect(), ink)?;
                }
            }
        }
        Ok(())
    }

    fn line(&self, sheet: &Sheet, plot: &Plot, series: &Series, place: usize) -> Result<(), Error> {
        let ink = Ink::Series(place);
        for stretch in Self::stretches(series) {
            let points: Vec<_> = stretch.iter().map(|(x, point)| (*x, point.value)).collect();
            if points.len() > 1 {
                plot.line(&points, ink, 2.0)?;
            }
            if points.len() == 1 || self.weeks.len() <= MARKED {
                for point in points {
                    sheet.mark(plot.pixels(point), 3.2, place, ink)?;
                }
            }
        }
        Ok(())
    }

    /// Names at the right, each as near to the end of its line as the others let it be.
    fn names_beside(
        &self,
        sheet: &Sheet,
        plot: &Plot,
        frame: Frame,
        room: f64,
    ) -> Result<(), Error> {
        let text = self.size.text();
        let mut ends: Vec<(usize, f64)> = Vec::new();
        for (place, series) in self.series.iter().enumerate() {
            let last = series.points.iter().rev().find_map(|point| *point);
            let y = plot.pixels((0.0, last.map_or(0.0, |point| point.value))).1;
            ends.push((place, y));
        }
        ends.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        // Downwards where they are too close, then back up from the bottom.
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
        for (place, y) in ends {
            let Some(series) = self.series.get(place) else { continue };
            sheet.mark((frame.right + 9.0, y), 3.6, place, Ink::Series(place))?;
            let name = label::fit(&series.label, text, room - 24.0);
            sheet.text((frame.right + 19.0, y), &name, Lettering::new(text, Side::Start))?;
        }
        Ok(())
    }

    fn names_below(&self, sheet: &Sheet, top: f64) -> Result<(), Error> {
        let text = self.size.text();
        for (place, series) in self.series.iter().enumerate() {
            let y = top + place as f64 * LEGEND + LEGEND / 2.0;
            sheet.line((2.0, y), (24.0, y), Ink::Series(place), 2.0)?;
            sheet.mark((13.0, y), 3.6, place, Ink::Series(place))?;
            let name = label::fit(&series.label, text, self.size.width() - 34.0);
            sheet.text((32.0, y), &name, Lettering::new(text, Side::Start))?;
        }
        Ok(())
    }
}
