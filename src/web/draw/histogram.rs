//! Shares of ordered buckets, as a histogram.
//!
//! Names are below their bars: horizontal if all fit, or else vertical; if even that is too close, only
//! every second, third, ... bar is named, so that no names overlap.

use super::canvas::{Canvas, Error, Frame, Ink, Lettering, Plot, Side};
use super::label;
use super::picture::{Bar, Size};
use super::scale::Scale;
use crate::web::numbers::percent;

/// The height of the part with the bars.
const PLOT: f64 = 210.0;
/// Bars narrower than this have a plain stroke as whisker: more would hide them.
const THIN: f64 = 14.0;
/// The most room for vertical names.
const NAMES: f64 = 110.0;

/// A histogram.
pub(super) struct Histogram<'a> {
    bars: &'a [Bar],
    apart: Option<&'a Bar>,
    hollow: bool,
    size: Size,
    scale: Scale,
    left: f64,
    /// The width of a bar.
    slot: f64,
    vertical: bool,
}

impl<'a> Histogram<'a> {
    pub(super) fn new(
        bars: &'a [Bar],
        apart: Option<&'a Bar>,
        hollow: bool,
        size: Size,
    ) -> Histogram<'a> {
        let largest = bars.iter().chain(apart).map(Bar::reach).fold(0.0, f64::max);
        let scale = Scale::of_shares(largest, 5);
        let numbers = scale.ticks().map(|tick| label::width(&scale.percent(tick), size.small()));
        let left = numbers.fold(0.0, f64::max) + 8.0;
        // The bar that is set apart has a gap before it.
        let slots = bars.len() as f64 + apart.map_or(0.0, |_| 1.6);
        let slot = ((size.width() - left - 4.0) / slots.max(1.0)).min(72.0);
        let widest = bars.iter().map(|bar| label::width(&bar.label, size.small()));
        let room = apart.map_or(0.0, |bar| label::width(&bar.label, size.small()));
        let vertical = widest.fold(0.0, f64::max) > slot - 4.0 || room > slot * 1.5;
        Histogram { bars, apart, hollow, size, scale, left, slot, vertical }
    }

    /// The height of the names below.
    fn names(&self) -> f64 {
        if !self.vertical {
            return 22.0;
        }
        let all = self.bars.iter().chain(self.apart);
        let widths = all.map(|bar| label::width(&bar.label, self.size.small()));
        widths.fold(0.0, f64::max).min(NAMES) + 12.0
    }

    pub(super) fn height(&self) -> f64 {
        // Numbers may be above the highest whisker.
        16.0 + PLOT + self.names()
    }

    pub(super) fn draw(&self, canvas: &Canvas, top: f64) -> Result<(), Error> {
        let small = self.size.small();
        let slots = self.bars.len() as f64 + self.apart.map_or(0.0, |_| 1.6);
        let right = self.left + slots.max(1.0) * self.slot;
        let frame = Frame { left: self.left, top: top + 16.0, right, bottom: top + 16.0 + PLOT };
        let plot = canvas.plot(frame, 0.0..slots.max(1.0), 0.0..self.scale.end());
        for tick in self.scale.ticks() {
            plot.line(&[(0.0, tick), (slots, tick)], Ink::Line, 1.0)?;
            let at = (self.left - 6.0, plot.pixels((0.0, tick)).1);
            let look = Lettering::new(small, Side::End).muted();
            canvas.text(at, &self.scale.percent(tick), look)?;
        }
        let line = small * 1.25;
        let every = match self.vertical {
            true => (line / self.slot).ceil().max(1.0) as usize,
            false => 1,
        };
        for (index, bar) in self.bars.iter().enumerate() {
            let named = index % every == 0;
            self.column(canvas, &plot, bar, index as f64, Ink::Series(0), named)?;
        }
        if let Some(bar) = self.apart {
            self.column(canvas, &plot, bar, self.bars.len() as f64 + 0.6, Ink::Muted, true)?;
        }
        plot.line(&[(0.0, 0.0), (slots, 0.0)], Ink::Strong, 1.0)
    }

    fn column(
        &self,
        canvas: &Canvas,
        plot: &Plot,
        bar: &Bar,
        from: f64,
        ink: Ink,
        named: bool,
    ) -> Result<(), Error> {
        let small = self.size.small();
        // Bars adjoin, with a hairline between them so that they can be counted.
        let hair = if self.slot < THIN { 0.3 } else { 0.5 } / self.slot;
        let corners = [(from + hair, 0.0), (from + 1.0 - hair, bar.share.value)];
        plot.bar(corners, ink, self.hollow)?;
        let middle = from + 0.5;
        let cap = (self.slot / 6.0).min(4.0) / self.slot;
        let interval = [(middle, bar.share.low), (middle, bar.share.high)];
        match self.slot < THIN {
            true => plot.line(&interval, Ink::Strong, 1.0)?,
            false => plot.rimmed(&interval, 1.5)?,
        }
        for end in [bar.share.low, bar.share.high].into_iter().filter(|_| self.slot >= THIN) {
            plot.line(&[(middle - cap, end), (middle + cap, end)], Ink::Strong, 1.5)?;
        }
        if let Some(beside) = bar.beside {
            canvas.diamond(plot.pixels((middle, beside)), 4.0)?;
        }
        let value = percent(bar.share.value);
        let (x, whisker_top) = plot.pixels((middle, bar.share.high));
        if label::width(&value, small) <= self.slot - 2.0 {
            let look = Lettering::new(small, Side::Middle);
            canvas.text((x, whisker_top - 9.0), &value, look)?;
        }
        if !named {
            return Ok(());
        }
        let (_, bottom) = plot.pixels((middle, 0.0));
        match self.vertical {
            true => {
                let name = label::fit(&bar.label, small, NAMES);
                canvas.text((x, bottom + 6.0), &name, Lettering::new(small, Side::Upwards))
            }
            false => {
                let look = Lettering::new(small, Side::Middle);
                let name = label::plain(&bar.label);
                canvas.centred((x, bottom + 13.0), &name, look, self.size.width())
            }
        }
    }
}
