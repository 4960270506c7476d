//! Pictures on a page: one drawing that fits every width, and its text as text.
//!
//! The drawing has a title and a description (SVG 2, section 5.8) and is a single image to assistive
//! technology. What its axis means, the names of its series and its notes are around it, where they wrap as
//! the page does.

use super::boxes;
use super::label;
use super::lines;
use super::picture::{Lines, Picture, Room, Shown};
use super::scene::{Ink, Scene, Stroke};
use super::svg::{Across, elements, number};
use super::{bars, histogram};
use crate::web::numbers;
use maud::{Markup, PreEscaped, html};

/// The picture on a page, within a `figure`. `id` must be unique there, and need no escaping.
pub(in crate::web) fn inline(picture: &Picture, id: &str, title: &str) -> Markup {
    html! {
        (drawing(picture, Room::PAGE, id, title))
        (around(picture))
    }
}

/// The shapes of a picture.
pub(super) fn scene(picture: &Picture, room: Room) -> Scene {
    match &picture.shown {
        Shown::Nothing(_) => Scene::new(0.0),
        Shown::Bars(rows) => bars::scene(picture, rows, room),
        Shown::Histogram(rows) => histogram::scene(picture, rows, room),
        Shown::Boxes(rows) => boxes::scene(picture, rows, room),
        Shown::Lines(lines) => lines::scene(picture, lines, room),
    }
}

/// The drawing alone.
pub(super) fn drawing(picture: &Picture, room: Room, id: &str, title: &str) -> Markup {
    if let Shown::Nothing(why) = &picture.shown {
        return html! { p.note { (why) } };
    }
    let scene = scene(picture, room);
    html! {
        svg.plot role="img" width="100%" height=(number(scene.height))
            aria-labelledby={ (id) "-title" } aria-describedby={ (id) "-text" }
        {
            title id={ (id) "-title" } { (label::plain(title)) }
            desc id={ (id) "-text" } { (label::plain(&picture.description)) }
            (PreEscaped(elements(&scene, Across::Percent)))
        }
    }
}

/// The text around a drawing.
fn around(picture: &Picture) -> Markup {
    let sentences = picture.sentences();
    html! {
        @if !picture.axis.is_empty() { p.axis { (label::plain(&picture.axis)) } }
        @if let Shown::Lines(lines) = &picture.shown {
            (names(lines))
            (events(lines))
        }
        @if !sentences.is_empty() {
            figcaption { @for sentence in &sentences { p { (label::plain(sentence)) } } }
        }
    }
}

/// The names of series, each with its line and its last value.
pub(super) fn names(lines: &Lines) -> Markup {
    html! {
        ul.series {
            @for (ink, series) in &lines.series {
                li {
                    (key(*ink)) " " bdi { (label::plain(&series.label)) }
                    @if let Some(last) = lines::last_value(lines, series) { " " span.muted { (last) } }
                }
            }
        }
    }
}

/// A line with its mark, as wide as a letter or two.
fn key(ink: usize) -> Markup {
    let mut scene = Scene::new(12.0);
    scene.line((0.0, 6.0), (1.0, 6.0), Stroke::new(Ink::Series(ink), 2.0));
    scene.series_mark((0.5, 6.0), 3.6, ink, false);
    html! {
        svg.plot.key width="24" height="12" viewBox="0 0 24 12" aria-hidden="true" {
            (PreEscaped(elements(&scene, Across::Pixels(24.0))))
        }
    }
}

/// What happened meanwhile, in words, since not every flag has room in a drawing.
fn events(lines: &Lines) -> Markup {
    html! {
        @if !lines.events.is_empty() {
            ul.events {
                @for event in &lines.events {
                    li {
                        time datetime=(event.day) { (numbers::day(event.day)) } " "
                        @match &event.address {
                            Some(address) => a href=(address) { bdi { (label::plain(&event.title)) } },
                            None => bdi { (label::plain(&event.title)) },
                        }
                    }
                }
            }
        }
    }
}

impl Picture {
    /// The sentences below it: the number of reports first.
    pub(super) fn sentences(&self) -> Vec<String> {
        let mut all: Vec<String> = self.sample.iter().map(|sample| format!("{sample}.")).collect();
        all.extend(self.notes.iter().cloned());
        if let Shown::Bars(rows) | Shown::Histogram(rows) = &self.shown
            && let Some(apart) = rows.apart.as_ref().filter(|_| bars::is_cut(self, rows))
        {
            let share = numbers::percent(apart.share.value);
            all.push(format!("The grey bar is cut: “{}” is {share}.", apart.label));
        }
        all
    }
}
