//! Shares as horizontal bars: partitions and stacks.
//!
//! Bars start at zero, and their lengths are proportional. The whisker at a bar's end is the interval.
//! Names are beside the bars if there is room; on a narrow screen, or if they are long, above them. The
//! share of reports with none of the buckets is not a bucket: it is set apart, in grey.

use super::canvas::{Canvas, Error, Frame, Ink, Lettering, Plot, Side};
use super::label;
use super::picture::{Bar, Size};
use super::scale::Scale;
use crate::web::numbers::percent;

/// The widest column of names beside the bars.
const NAMES: f64 = 230.0;
/// The gap before the bar that is set apart.
const APART: f64 = 12.0;
/// The room for the axis' numbers.
const AXIS: f64 = 24.0;

/// Horizontal bars.
pub(super) struct Bars<'a> {
    bars: &'a [Bar],
    apart: Option<&'a Bar>,
    hollow: bool,
    size: Size,
    /// Whether names are above their bars.
    above: bool,
}

impl<'a> Bars<'a> {
    pub(super) fn new(
        bars: &'a [Bar],
        apart: Option<&'a Bar>,
        hollow: bool,
        size: Size,
    ) -> Bars<'a> {
        let all = || bars.iter().chain(apart);
        let too_long = all().any(|bar| label::width(&bar.label, size.text()) > NAMES);
        Bars { bars, apart, hollow, size, above: size == Size::Narrow || too_long }
    }

    fn all(&self) -> impl Iterator<Item = &'a Bar> {
        self.bars.iter().chain(self.apart)
    }

    /// The height of a row: of the name above a bar, and of the bar.
    fn row(&self) -> (f64, f64) {
        if self.above { (18.0, 22.0) } else { (0.0, 27.0) }
    }

    pub(super) fn height(&self) -> f64 {
        let (name, bar) = self.row();
        let apart = if self.apart.is_some() && !self.bars.is_empty() { APART } else { 0.0 };
        self.all().count() as f64 * (name + bar) + apart + AXIS
    }

    pub(super) fn draw(&self, canvas: &Canvas, top: f64) -> Result<(), Error> {
        let text = self.size.text();
        let value = label::width("100.0%", text) + 6.0;
        let names = match self.above {
            true => 1.0,
            false => {
                let widest = self.all().map(|bar| label::width(&bar.label, text));
                widest.fold(40.0, f64::max).min(NAMES) + 10.0
            }
        };
        let largest = self.all().map(Bar::reach).fold(0.0, f64::max);
        let scale = Scale::of_shares(largest, if self.size == Size::Wide { 6 } else { 4 });
        let right = self.size.width() - if self.above { 18.0 } else { value.max(18.0) };
        let frame = Frame { left: names, top, right, bottom: top + self.height() - AXIS };
        let plot = canvas.plot(frame, 0.0..scale.end(), frame.bottom..frame.top);
        // Lines through names above the bars would make them hard to read.
        let lines = |from: f64, to: f64| {
            for tick in scale.ticks() {
                let ink = if tick == 0.0 { Ink::Strong } else { Ink::Line };
                plot.line(&[(tick, from), (tick, to)], ink, 1.0)?;
            }
            Ok::<(), Error>(())
        };
        if !self.above {
            lines(frame.top, frame.bottom)?;
        }
        for tick in scale.ticks() {
            let at = (plot.pixels((tick, frame.top)).0, frame.bottom + 13.0);
            canvas.tick(at, &scale.percent(tick), self.size.small(), self.size.width())?;
        }
        let (above, below) = self.row();
        let mut row_top = top;
        for (bar, apart) in
            self.bars.iter().map(|bar| (bar, false)).chain(self.apart.map(|bar| (bar, true)))
        {
            if apart && !self.bars.is_empty() {
                row_top += APART;
            }
            let middle = row_top + above + below / 2.0;
            let name_at = if self.above { row_top + above / 2.0 + 1.0 } else { middle };
            let name_room = if self.above { self.size.width() - value - 8.0 } else { names - 10.0 };
            let side = if self.above { Side::Start } else { Side::End };
            let look = Lettering::new(text, side);
            let look = if apart { look.muted() } else { look };
            let name_left = if self.above { 1.0 } else { names - 8.0 };
            canvas.text((name_left, name_at), &label::fit(&bar.label, text, name_room), look)?;
            let value_look = Lettering::new(text, Side::End);
            let value_at = (self.size.width() - 1.0, name_at);
            canvas.text(value_at, &percent(bar.share.value), value_look)?;

            let thick = if self.above { 12.0 } else { 16.0 };
            let (low, high) = (middle + thick / 2.0, middle - thick / 2.0);
            if self.above {
                lines(row_top + above, row_top + above + below)?;
            }
            let ink = if apart { Ink::Muted } else { Ink::Series(0) };
            plot.bar([(0.0, low), (bar.share.value, high)], ink, self.hollow)?;
            whisker(&plot, middle, (bar.share.low, bar.share.high), thick / 4.0)?;
            if let Some(beside) = bar.beside {
                canvas.diamond(plot.pixels((beside, middle)), 4.0)?;
            }
            row_top += above + below;
        }
        Ok(())
    }
}

/// An interval, with ends.
pub(super) fn whisker(
    plot: &Plot,
    middle: f64,
    (low, high): (f64, f64),
    cap: f64,
) -> Result<(), Error> {
    plot.rimmed(&[(low, middle), (high, middle)], 1.5)?;
    for end in [low, high] {
        plot.line(&[(end, middle - cap), (end, middle + cap)], Ink::Strong, 1.5)?;
    }
    Ok(())
}
