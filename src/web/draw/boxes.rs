//! The distribution of a quotient over reports, as a box plot with one box per row.
//!
//! The box holds the middle half of the installations and the line 90% of them; the thick stroke is the
//! median, and the bracket below it the median's interval. If there are too few reports for an upper bound,
//! the bracket is open.

use super::bars::whisker;
use super::canvas::{Canvas, Error, Frame, Ink, Lettering, Side};
use super::label;
use super::picture::{BoxRow, Size};
use super::scale::Scale;
use crate::web::numbers::quotient;

const ROW: f64 = 46.0;
const AXIS: f64 = 24.0;
const NAMES: f64 = 200.0;

/// Boxes on one axis.
pub(super) struct Boxes<'a> {
    pub(super) rows: &'a [BoxRow],
    pub(super) hollow: bool,
    pub(super) size: Size,
}

impl Boxes<'_> {
    /// The height of a name above its box.
    fn name(&self) -> f64 {
        if self.size == Size::Narrow { 18.0 } else { 0.0 }
    }

    pub(super) fn height(&self) -> f64 {
        self.rows.len() as f64 * (ROW + self.name()) + AXIS
    }

    pub(super) fn draw(&self, canvas: &Canvas, top: f64) -> Result<(), Error> {
        let (text, small) = (self.size.text(), self.size.small());
        let narrow = self.size == Size::Narrow;
        let names = match narrow {
            true => 1.0,
            false => {
                let widest = self.rows.iter().map(|row| label::width(&row.label, text));
                widest.fold(40.0, f64::max).min(NAMES) + 10.0
            }
        };
        let medians = self.rows.iter().map(|row| quotient(row.median.value));
        let values = medians.map(|value| label::width(&value, text)).fold(30.0, f64::max) + 10.0;
        let ends = self.rows.iter().flat_map(|row| [row.outer.1, row.median.high]);
        let scale = Scale::to(ends.fold(0.0, f64::max), if narrow { 3 } else { 6 });
        let right = self.size.width() - if narrow { 24.0 } else { values.max(24.0) };
        let frame = Frame { left: names, top, right, bottom: top + self.height() - AXIS };
        let plot = canvas.plot(frame, 0.0..scale.end(), frame.bottom..frame.top);
        for tick in scale.ticks() {
            plot.line(&[(tick, frame.top), (tick, frame.bottom)], Ink::Line, 1.0)?;
            let at = (plot.pixels((tick, frame.top)).0, frame.bottom + 13.0);
            canvas.tick(at, &quotient(tick), small, self.size.width())?;
        }
        for (index, row) in self.rows.iter().enumerate() {
            let row_top = top + index as f64 * (ROW + self.name());
            let middle = row_top + self.name() + 18.0;
            let name_at = if narrow { row_top + 10.0 } else { middle };
            let (left, side, room) = match narrow {
                true => (1.0, Side::Start, self.size.width() - values - 8.0),
                false => (names - 8.0, Side::End, names - 10.0),
            };
            let look = Lettering::new(text, side);
            canvas.text((left, name_at), &label::fit(&row.label, text, room), look)?;
            let value_at = (self.size.width() - 1.0, name_at);
            let value = quotient(row.median.value);
            canvas.text(value_at, &value, Lettering::new(text, Side::End))?;

            let (low, high) = (middle + 10.0, middle - 10.0);
            plot.line(&[(row.outer.0, middle), (row.outer.1, middle)], Ink::Series(0), 2.0)?;
            for end in [row.outer.0, row.outer.1] {
                plot.line(&[(end, middle - 5.0), (end, middle + 5.0)], Ink::Series(0), 2.0)?;
            }
            plot.bar([(row.inner.0, low), (row.inner.1, high)], Ink::Series(0), self.hollow)?;
            let median = row.median.value;
            plot.rimmed(&[(median, low + 2.0), (median, high - 2.0)], 3.0)?;
            let interval = (row.median.low, row.median.high);
            match row.open {
                false => whisker(&plot, middle + 19.0, interval, 3.5)?,
                // Without an upper bound it extends to the right edge.
                true => {
                    let below = middle + 19.0;
                    plot.rimmed(&[(interval.0, below), (scale.end(), below)], 1.5)?;
                    plot.line(
                        &[(interval.0, below - 3.5), (interval.0, below + 3.5)],
                        Ink::Strong,
                        1.5,
                    )?;
                }
            }
        }
        plot.line(&[(0.0, frame.top), (0.0, frame.bottom)], Ink::Strong, 1.0)
    }
}
