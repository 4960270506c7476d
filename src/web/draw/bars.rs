//! Shares as horizontal bars: of buckets, versions and stacks, which need not exclude each other.
//!
//! Bars start at zero, and their lengths are proportional. The whisker at a bar's end is the interval.
//! Names are beside the bars if they are short, or else above them. The share of reports with none of the
//! buckets is not a bucket: it is set apart, in grey, and never decides how far the axis reaches. If it
//! goes beyond, it is cut.

use super::label;
use super::picture::{Bar, BarRows, Picture, Room, SMALL, TEXT};
use super::scale::Scale;
use super::scene::{Filling, Frame, Glyph, Ink, Lettering, Plot, Scene, Side, Stroke};
use crate::web::numbers::{self, grouped, percent};

/// The part of the width that names beside bars may have.
const NAMES: f64 = 0.34;
/// The gap before the bar that is set apart.
const APART: f64 = 12.0;
/// The room for the axis' numbers.
const AXIS: f64 = 24.0;
/// The height of a line of a name above its bar.
const LINE: f64 = 17.0;
/// How many steps an axis has.
pub(super) const STEPS: u32 = 4;

/// The axis of a picture with bars.
pub(super) fn scale(picture: &Picture) -> Scale {
    Scale::of_shares(picture.reach.unwrap_or_else(|| picture.own_reach()), STEPS)
}

/// Whether the bar that is set apart goes beyond the axis.
pub(super) fn is_cut(picture: &Picture, rows: &BarRows) -> bool {
    rows.apart.as_ref().is_some_and(|bar| bar.share.value > scale(picture).end() * 1.000_001)
}

/// What the tooltip of a bar says.
pub(super) fn tooltip(bar: &Bar, confidence: f64) -> String {
    let (reports, all) = bar.reports;
    let mut text = format!(
        "{}: {} ({} interval {}), {} of {}",
        bar.label,
        percent(bar.share.value),
        numbers::confidence(confidence),
        numbers::percent_range(bar.share.low, bar.share.high),
        grouped(reports),
        numbers::counted(all, "report")
    );
    if let Some(beside) = bar.beside {
        text.push_str(&format!("; unweighted {}", percent(beside)));
    }
    label::plain(&text)
}

/// How the bars of a picture are filled.
pub(super) fn filling(picture: &Picture) -> Filling {
    match (picture.provisional, picture.hollow) {
        (true, true) => Filling::HollowDashed,
        (true, false) => Filling::Dashed,
        (false, true) => Filling::Hollow,
        (false, false) => Filling::Solid,
    }
}

/// Horizontal bars.
pub(super) fn scene(picture: &Picture, rows: &BarRows, room: Room) -> Scene {
    let all = || rows.bars.iter().chain(&rows.apart);
    let values = all().map(|bar| label::width(&percent(bar.share.value), TEXT)).fold(0.0, f64::max);
    let widest = all().map(|bar| label::width(&bar.label, TEXT)).fold(0.0, f64::max);
    let beside = widest <= room.width * NAMES;
    let (left, right) = match beside {
        true => (room.share(widest + 10.0), 1.0 - room.share(values + 6.0)),
        // The last number of the axis is centred on its line, and a diamond on a share of nothing.
        false => {
            let diamonds = all().any(|bar| bar.beside.is_some());
            (if diamonds { room.share(7.0) } else { 0.0 }, 1.0 - room.share(18.0))
        }
    };
    let names: Vec<Vec<String>> = all()
        .map(|bar| match beside {
            true => vec![label::plain(&bar.label)],
            false => label::lines(&bar.label, TEXT, room.width - values - 10.0),
        })
        .collect();
    let above = |lines: &Vec<String>| if beside { 0.0 } else { lines.len() as f64 * LINE };
    let (thick, row) = if beside { (16.0, 27.0) } else { (13.0, 24.0) };
    let gap = if rows.apart.is_some() && !rows.bars.is_empty() { APART } else { 0.0 };
    let bottom = names.iter().map(|lines| above(lines) + row).sum::<f64>() + gap;
    let mut scene = Scene::new(bottom + AXIS);
    let scale = scale(picture);
    let frame = Frame { left, top: 0.0, right, bottom };
    let plot = Plot { frame, across: (0.0, scale.end()), upwards: (0.0, 1.0) };
    for tick in scale.ticks() {
        let ink = if tick == 0.0 { Ink::Strong } else { Ink::Line };
        let x = plot.x(tick);
        scene.line((x, 0.0), (x, bottom), Stroke::new(ink, 1.0));
        let side = if tick == 0.0 && !beside { Side::Start } else { Side::Middle };
        let look = Lettering::new(SMALL, side).muted();
        scene.text((x, bottom + 13.0), &scale.percent(tick), look);
    }
    let filling = filling(picture);
    let mut top = 0.0;
    for (index, (bar, lines)) in all().zip(&names).enumerate() {
        let apart = index == rows.bars.len();
        if apart {
            top += gap;
        }
        let middle = top + above(lines) + row / 2.0 - if beside { 0.0 } else { 3.0 };
        let ink = if apart { Ink::Muted } else { Ink::Series(0) };
        scene.titled(tooltip(bar, picture.confidence), |scene| {
            let side = if beside { Side::End } else { Side::Start };
            let look = Lettering::new(TEXT, side).rimmed();
            let look = if apart { look.muted() } else { look };
            for (line, text) in (0..).map(f64::from).zip(lines) {
                match beside {
                    true => scene.text_aside((left, middle), -8.0, text, look),
                    false => scene.text((0.0, top + LINE * (line + 0.5) + 1.0), text, look),
                }
            }
            let value = Lettering::new(TEXT, Side::End).rimmed();
            let value_at = if beside { middle } else { top + LINE * 0.5 + 1.0 };
            scene.text((1.0, value_at), &percent(bar.share.value), value);
            let (high, low) = (middle - thick / 2.0, middle + thick / 2.0);
            let end = plot.x(bar.share.value);
            let frame = Frame { left, top: high, right: end, bottom: low };
            scene.bar(frame, ink, filling);
            if bar.share.value > scale.end() * 1.000_001 {
                for aside in [14.0, 20.0] {
                    scene.cut((end, middle), -aside, thick / 2.0 + 2.0);
                }
            } else {
                let (from, to) = (plot.x(bar.share.low), plot.x(bar.share.high));
                whisker(scene, middle, (from, to), thick / 4.0);
            }
            if let Some(beside) = bar.beside {
                scene.diamond((plot.x(beside), middle), 4.0);
            }
        });
        top += above(lines) + row;
    }
    scene
}

/// An interval, with ends.
pub(super) fn whisker(scene: &mut Scene, middle: f64, (from, to): (f64, f64), cap: f64) {
    scene.rimmed((from, middle), (to, middle), 1.5);
    for end in [from, to] {
        let stroke = Stroke::new(Ink::Strong, 1.5);
        scene.line((end, middle - cap), (end, middle + cap), stroke);
    }
}

impl Scene {
    /// A gap in a bar that goes on beyond the picture.
    fn cut(&mut self, at: (f64, f64), aside: f64, radius: f64) {
        use super::scene::{Mark, Shape};
        let mark = Mark { at, aside, radius, glyph: Glyph::Cut, ink: Ink::Paper, hole: false };
        self.shapes.push(Shape::Mark(mark));
    }
}
