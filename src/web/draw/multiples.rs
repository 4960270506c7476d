//! Small multiples: the same picture for each part, side by side, on one common scale.

use super::label;
use super::page::{drawing, names};
use super::picture::{Picture, Room, Shown};
use super::scene::SERIES;
use maud::{Markup, html};

/// One of several pictures of the same kind.
#[derive(Debug, Clone)]
pub(in crate::web) struct Multiple {
    /// What it is about: a version, a platform.
    pub(in crate::web) name: String,
    /// Where there is more about it, on this site.
    pub(in crate::web) address: Option<String>,
    /// Its picture.
    pub(in crate::web) picture: Picture,
}

/// A grid of pictures. `id` must be unique on the page, and need no escaping. Names are headings of level
/// three. All axes reach equally far, and a series has the same colour in all pictures.
pub(in crate::web) fn multiples(id: &str, all: &[Multiple]) -> Markup {
    let reach = all.iter().map(|multiple| multiple.picture.own_reach()).fold(0.0, f64::max);
    let mut labels: Vec<String> = Vec::new();
    let mut drawn: Vec<(&Multiple, Picture)> = Vec::new();
    for multiple in all {
        let mut picture = multiple.picture.clone();
        picture.reach = Some(reach);
        if let Shown::Lines(lines) = &mut picture.shown {
            for (ink, series) in &mut lines.series {
                let known = labels.iter().position(|label| *label == series.label);
                *ink = known.unwrap_or_else(|| {
                    labels.push(series.label.clone());
                    labels.len() - 1
                });
            }
        }
        drawn.push((multiple, picture));
    }
    let shown = |picture: &&(&Multiple, Picture)| !matches!(picture.1.shown, Shown::Nothing(_));
    // What all of them have in common is said once.
    let first = drawn.iter().find(shown).map(|(_, picture)| picture);
    let is_common = |note: &String| {
        drawn.iter().filter(shown).all(|(_, picture)| picture.sentences().contains(note))
    };
    let common: Vec<String> = first
        .map(|picture| picture.sentences().into_iter().filter(|note| is_common(note)).collect())
        .unwrap_or_default();
    html! {
        div.multiples {
            @for (index, (multiple, picture)) in drawn.iter().enumerate() {
                @let own = picture.sentences().into_iter().filter(|note| !common.contains(note));
                @let own: Vec<_> = own.collect();
                section aria-labelledby={ (id) "-" (index) } {
                    h3 id={ (id) "-" (index) } {
                        @match &multiple.address {
                            Some(address) => a href=(address) { bdi { (label::plain(&multiple.name)) } },
                            None => bdi { (label::plain(&multiple.name)) },
                        }
                    }
                    figure.drawing {
                        (drawing(picture, Room::CARD, &format!("{id}-p{index}"), &multiple.name))
                        @if !own.is_empty() {
                            figcaption { @for note in &own { p { (label::plain(note)) } } }
                        }
                    }
                }
            }
        }
        @if let Some(picture) = first {
            div.common {
                @if let Some(lines) = common_lines(&drawn, &labels) { (names(&lines)) }
                @if !picture.axis.is_empty() { p.axis { (label::plain(&picture.axis)) } }
                @for note in &common { p.note { (label::plain(note)) } }
            }
        }
    }
}

/// The series of all pictures, without values, for their list of names.
fn common_lines(
    drawn: &[(&Multiple, Picture)],
    labels: &[String],
) -> Option<super::picture::Lines> {
    let lines = drawn.iter().find_map(|(_, picture)| match &picture.shown {
        Shown::Lines(lines) => Some(lines),
        _ => None,
    })?;
    // One series needs no list: the headings name the parts.
    if labels.len() < 2 {
        return None;
    }
    let series = labels.iter().enumerate().take(SERIES * 2).map(|(ink, label)| {
        (ink, super::picture::Series { label: label.clone(), points: Vec::new() })
    });
    Some(super::picture::Lines { series: series.collect(), events: Vec::new(), ..lines.clone() })
}
