//! The distribution of a quotient over reports, as a box plot with one box per row.
//!
//! The box holds the middle half of the installations and the line 90% of them; the thick stroke is the
//! median, and the bracket below it the median's interval. If there are too few reports for an upper bound,
//! the bracket is open.

use super::bars::{STEPS, filling, whisker};
use super::label;
use super::picture::{BoxRow, Picture, Room, SMALL, TEXT};
use super::scale::Scale;
use super::scene::{Frame, Ink, Lettering, Plot, Scene, Side, Stroke};
use crate::web::numbers::{self, quotient};

const ROW: f64 = 46.0;
const AXIS: f64 = 24.0;
/// The height of a line of a name above its box.
const LINE: f64 = 17.0;

/// What the tooltip of a box says.
fn tooltip(row: &BoxRow, confidence: f64) -> String {
    let (low, high) = (quotient(row.median.low), quotient(row.median.high));
    let bounds = if row.open { format!("from {low}") } else { format!("{low} to {high}") };
    let text = format!(
        "{}: median {} ({} interval {bounds}), middle half {} to {}, {}",
        row.label,
        quotient(row.median.value),
        numbers::confidence(confidence),
        quotient(row.inner.0),
        quotient(row.inner.1),
        numbers::counted(row.reports, "report")
    );
    label::plain(&text)
}

/// Boxes on one axis.
pub(super) fn scene(picture: &Picture, rows: &[BoxRow], room: Room) -> Scene {
    let medians = rows.iter().map(|row| label::width(&quotient(row.median.value), TEXT));
    let values = medians.fold(30.0, f64::max) + 10.0;
    let names: Vec<Vec<String>> =
        rows.iter().map(|row| label::lines(&row.label, TEXT, room.width - values)).collect();
    let height = names.iter().map(|lines| lines.len() as f64 * LINE + ROW).sum::<f64>();
    let mut scene = Scene::new(height + AXIS);
    let scale = Scale::to(picture.reach.unwrap_or_else(|| picture.own_reach()), STEPS);
    let last = label::width(&quotient(scale.end()), SMALL) / 2.0 + 2.0;
    let frame = Frame { left: 0.0, top: 0.0, right: 1.0 - room.share(last), bottom: height };
    let plot = Plot { frame, across: (0.0, scale.end()), upwards: (0.0, 1.0) };
    for tick in scale.ticks() {
        let x = plot.x(tick);
        let ink = if tick == 0.0 { Ink::Strong } else { Ink::Line };
        scene.line((x, 0.0), (x, height), Stroke::new(ink, 1.0));
        let side = if tick == 0.0 { Side::Start } else { Side::Middle };
        let look = Lettering::new(SMALL, side).muted();
        scene.text((x, height + 13.0), &quotient(tick), look);
    }
    let mut top = 0.0;
    for (row, lines) in rows.iter().zip(&names) {
        let below = top + lines.len() as f64 * LINE;
        let middle = below + 14.0;
        scene.titled(tooltip(row, picture.confidence), |scene| {
            for (line, text) in (0..).map(f64::from).zip(lines) {
                let look = Lettering::new(TEXT, Side::Start).rimmed();
                scene.text_aside((0.0, top + LINE * (line + 0.5) + 1.0), 1.0, text, look);
            }
            let value = quotient(row.median.value);
            let look = Lettering::new(TEXT, Side::End).rimmed();
            scene.text((1.0, top + LINE * 0.5 + 1.0), &value, look);
            let stroke = Stroke::new(Ink::Series(0), 2.0);
            let (from, to) = (plot.x(row.outer.0), plot.x(row.outer.1));
            scene.line((from, middle), (to, middle), stroke);
            for end in [from, to] {
                scene.line((end, middle - 5.0), (end, middle + 5.0), stroke);
            }
            let (left, right) = (plot.x(row.inner.0), plot.x(row.inner.1));
            let frame = Frame { left, top: middle - 10.0, right, bottom: middle + 10.0 };
            scene.bar(frame, Ink::Series(0), filling(picture));
            let median = plot.x(row.median.value);
            scene.rimmed((median, middle - 8.0), (median, middle + 8.0), 3.0);
            let under = middle + 19.0;
            let low = plot.x(row.median.low);
            match row.open {
                false => whisker(scene, under, (low, plot.x(row.median.high)), 3.5),
                // Without an upper bound it extends to the right edge.
                true => {
                    scene.rimmed((low, under), (plot.frame.right, under), 1.5);
                    let stroke = Stroke::new(Ink::Strong, 1.5);
                    scene.line((low, under - 3.5), (low, under + 3.5), stroke);
                }
            }
        });
        top = below + ROW;
    }
    scene
}
