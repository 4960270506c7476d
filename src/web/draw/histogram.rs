//! Shares of ordered buckets that exclude each other, as a histogram: bars adjoin, and add up to 100%.
//!
//! Names are below their bars: horizontal if all fit, or else vertical; if even that is too close, only
//! every second, third, ... bar is named, so that no names overlap. Either all bars have their value above
//! them or none.

use super::bars::{filling, is_cut, scale, tooltip};
use super::label;
use super::picture::{Bar, BarRows, Picture, Room, SMALL};
use super::scene::{Frame, Glyph, Ink, Lettering, Plot, Scene, Side, Stroke};
use crate::web::numbers::percent;

/// The height of the part with the bars.
const PLOT: f64 = 210.0;
/// Bars narrower than this have a plain stroke as whisker: more would hide them.
const THIN: f64 = 14.0;
/// The most room for vertical names.
const NAMES: f64 = 110.0;
/// The room above the highest whisker.
const ABOVE: f64 = 18.0;
/// The widest bar, as a share of the width.
const WIDEST: f64 = 0.16;

/// A histogram.
pub(super) fn scene(picture: &Picture, rows: &BarRows, room: Room) -> Scene {
    let scale = scale(picture);
    let numbers = scale.ticks().map(|tick| label::width(&scale.percent(tick), SMALL));
    let left = room.share(numbers.fold(0.0, f64::max) + 8.0);
    let all = || rows.bars.iter().chain(&rows.apart);
    // The bar that is set apart has a gap before it.
    let slots = rows.bars.len() as f64 + rows.apart.as_ref().map_or(0.0, |_| 1.6);
    let slot = ((1.0 - left - 0.01) / slots.max(1.0)).min(WIDEST);
    let pixels = slot * room.width;
    let fits = |text: &str, air: f64| label::width(text, SMALL) <= pixels - air;
    let named = |bar: &Bar| fits(&bar.label, 4.0);
    let level = rows.bars.iter().all(named)
        && rows.apart.as_ref().is_none_or(|bar| label::width(&bar.label, SMALL) <= pixels * 1.5);
    let valued = all().all(|bar| fits(&percent(bar.share.value), 2.0));
    let names = match level {
        true => 22.0,
        false => {
            let widths = all().map(|bar| label::width(&bar.label, SMALL));
            widths.fold(0.0, f64::max).min(NAMES) + 12.0
        }
    };
    let bottom = ABOVE + room.height.map_or(PLOT, |height| (height - ABOVE - names).max(60.0));
    let mut scene = Scene::new(bottom + names);
    let right = left + slots.max(1.0) * slot;
    let frame = Frame { left, top: ABOVE, right, bottom };
    let plot = Plot { frame, across: (0.0, slots.max(1.0)), upwards: (0.0, scale.end()) };
    for tick in scale.ticks() {
        let y = plot.y(tick);
        scene.line((left, y), (right, y), Stroke::new(Ink::Line, 1.0));
        let look = Lettering::new(SMALL, Side::End).muted();
        scene.text_aside((left, y), -6.0, &scale.percent(tick), look);
    }
    let every = if level { 1 } else { (SMALL * 1.25 / pixels).ceil().max(1.0) as usize };
    for (index, bar) in all().enumerate() {
        let apart = index == rows.bars.len();
        let from = index as f64 + if apart { 0.6 } else { 0.0 };
        let middle = plot.x(from + 0.5);
        scene.titled(tooltip(bar, picture.confidence), |scene| {
            // Bars adjoin, with a hairline between them so that they can be counted.
            let hair = 0.5 / pixels.max(1.0);
            let top = plot.y(bar.share.value);
            let frame =
                Frame { left: plot.x(from + hair), top, right: plot.x(from + 1.0 - hair), bottom };
            scene.bar(frame, if apart { Ink::Muted } else { Ink::Series(0) }, filling(picture));
            let (high, low) = (plot.y(bar.share.high), plot.y(bar.share.low));
            if apart && is_cut(picture, rows) {
                scene.mark((middle, top + 8.0), pixels / 2.0, Glyph::Dash, Ink::Paper);
            } else if pixels < THIN {
                scene.line((middle, low), (middle, high), Stroke::new(Ink::Strong, 1.0));
            } else {
                scene.rimmed((middle, low), (middle, high), 1.5);
                for end in [low, high] {
                    scene.mark((middle, end), 4.0, Glyph::Dash, Ink::Strong);
                }
            }
            if let Some(beside) = bar.beside {
                scene.diamond((middle, plot.y(beside)), 4.0);
            }
            if valued {
                let look = Lettering::new(SMALL, Side::Middle).rimmed();
                scene.text((middle, high - 9.0), &percent(bar.share.value), look);
            }
        });
        if !apart && index % every != 0 {
            continue;
        }
        match level {
            true => {
                let look = Lettering::new(SMALL, Side::Middle);
                scene.text((middle, bottom + 13.0), &bar.label, look);
            }
            false => {
                let name = label::fit(&bar.label, SMALL, NAMES);
                let look = Lettering::new(SMALL, Side::Upwards);
                scene.text((middle, bottom + 6.0), &name, look);
            }
        }
    }
    scene.line((left, bottom), (right, bottom), Stroke::new(Ink::Strong, 1.0));
    scene
}
