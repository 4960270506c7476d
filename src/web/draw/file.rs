//! Pictures as files, with all that they need to be understood elsewhere: a title, the week, where they are
//! from, and the number of reports.

use super::label;
use super::lines;
use super::page;
use super::picture::{Picture, Room, SMALL, Shown};
use super::pixels;
use super::scene::{Filling, Frame, Ink, Lettering, Scene, Shape, Side};
use super::svg::{Across, elements, file_style, number};
use maud::{PreEscaped, html};

/// The height of a line of notes.
const NOTE: f64 = 17.0;
/// The margin around a picture.
const MARGIN: f64 = 20.0;
/// The width of a file.
const WIDTH: f64 = 720.0 + 2.0 * MARGIN;
/// How much larger a bitmap is than the drawing.
const SCALE: f64 = 2.0;
/// The size of a picture for previews of links, before it is enlarged: 1200 by 630.
const CARD: (f64, f64) = (600.0, 315.0);

/// The text around a standalone picture.
#[derive(Debug, Clone)]
pub(in crate::web) struct Legend {
    /// Its heading.
    pub(in crate::web) title: String,
    /// The program and the week.
    pub(in crate::web) subtitle: String,
    /// Where it comes from.
    pub(in crate::web) source: String,
}

/// The picture as SVG.
pub(in crate::web) fn file(picture: &Picture, legend: &Legend) -> String {
    panels(std::slice::from_ref(picture), legend)
}

/// Several pictures as one SVG, one below the other.
pub(in crate::web) fn panels(pictures: &[Picture], legend: &Legend) -> String {
    let scene = whole(pictures, legend);
    let (width, height) = (number(WIDTH), number(scene.height));
    let descriptions: Vec<&str> =
        pictures.iter().map(|picture| picture.description.as_str()).collect();
    let svg = html! {
        svg.plot xmlns="http://www.w3.org/2000/svg" role="img" width=(width) height=(height)
            viewBox={ "0 0 " (width) " " (height) } aria-labelledby="title" aria-describedby="text"
        {
            title id="title" { (label::plain(&legend.title)) }
            desc id="text" { (label::plain(&descriptions.join(" "))) }
            style { (PreEscaped(file_style())) }
            (PreEscaped(elements(&scene, Across::Pixels(WIDTH))))
        }
    };
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n", svg.into_string())
}

/// The picture as PNG, twice as large.
pub(in crate::web) fn png(picture: &Picture, legend: &Legend) -> Option<Vec<u8>> {
    let scene = whole(std::slice::from_ref(picture), legend);
    pixels::png(&scene, (WIDTH, scene.height), SCALE)
}

/// The picture for previews of links, 1200 by 630 pixels, as PNG. What does not fit is left out.
pub(in crate::web) fn card(picture: &Picture, legend: &Legend) -> Option<Vec<u8>> {
    pixels::png(&fitted(picture, legend), CARD, SCALE)
}

/// A scene with a margin on the left and on the right, and a background.
fn framed(inside: Scene, inner: f64, width: f64, top: f64, height: f64) -> Scene {
    let mut scene = Scene::new(top);
    scene.append(inside);
    let (scale, shift) = (inner / width, (width - inner) / 2.0 / width);
    for shape in &mut scene.shapes {
        let across = |x: &mut f64| *x = *x * scale + shift;
        match shape {
            Shape::Bar { frame, .. } => {
                across(&mut frame.left);
                across(&mut frame.right);
            }
            Shape::Line { from, to, .. } => {
                across(&mut from.0);
                across(&mut to.0);
            }
            Shape::Path { points, .. } | Shape::Band { outline: points, .. } => {
                points.iter_mut().for_each(|point| across(&mut point.0));
            }
            Shape::Mark(mark) => across(&mut mark.at.0),
            Shape::Text(words) => across(&mut words.at.0),
            Shape::Titled(_) | Shape::End => {}
        }
    }
    let frame = Frame { left: 0.0, top: 0.0, right: 1.0, bottom: height };
    let paper = Shape::Bar { frame, ink: Ink::Paper, filling: Filling::Solid };
    scene.shapes.insert(0, paper);
    scene.height = height;
    scene
}

/// Adds lines of text below a scene.
fn write(scene: &mut Scene, lines: &[String], look: Lettering, line: f64) {
    for text in lines {
        scene.text((0.0, scene.height + line / 2.0), text, look);
        scene.height += line;
    }
}

fn plain(size: f64) -> Lettering {
    Lettering::new(size, Side::Start)
}

/// Pictures with all their text.
fn whole(pictures: &[Picture], legend: &Legend) -> Scene {
    let inner = WIDTH - 2.0 * MARGIN;
    let wrap = |text: &str, size: f64| label::wrap(text, size, inner);
    let mut scene = Scene::new(0.0);
    write(&mut scene, &label::wrap(&legend.title, 18.0, inner * 0.94), plain(18.0).bold(), 24.0);
    write(&mut scene, &wrap(&legend.subtitle, 13.0), plain(13.0).muted(), 19.0);
    for picture in pictures {
        scene.height += 10.0;
        write_picture(&mut scene, picture, inner);
    }
    scene.height += 6.0;
    write(&mut scene, &wrap(&legend.source, 11.0), plain(11.0).muted(), 15.0);
    let height = scene.height + 2.0 * MARGIN;
    framed(scene, inner, WIDTH, MARGIN, height)
}

/// Adds a picture with its text below a scene.
fn write_picture(scene: &mut Scene, picture: &Picture, inner: f64) {
    let wrap = |text: &str, size: f64| label::wrap(text, size, inner);
    match &picture.shown {
        Shown::Nothing(why) => write(scene, &wrap(why, 14.0), plain(14.0).muted(), 20.0),
        _ => scene.append(page::scene(picture, Room::FILE)),
    }
    write(scene, &wrap(&picture.axis, SMALL), plain(SMALL).muted(), NOTE);
    if let Shown::Lines(lines) = &picture.shown {
        scene.height += 6.0;
        scene.append(lines::legend(lines, Room::FILE));
        for event in &lines.events {
            let text = format!("{}: {}", event.day, event.title);
            write(scene, &wrap(&text, SMALL), plain(SMALL).muted(), NOTE);
        }
    }
    scene.height += 6.0;
    write(scene, &wrap(&picture.sentences().join(" "), SMALL), plain(SMALL).muted(), NOTE);
}

/// A picture that fits a preview: its largest rows, its number of reports and its source.
fn fitted(picture: &Picture, legend: &Legend) -> Scene {
    let (width, height) = CARD;
    let is_lines = matches!(picture.shown, Shown::Lines(_));
    let inner = width - 2.0 * MARGIN;
    let mut scene = Scene::new(0.0);
    let titles = label::wrap(&legend.title, 22.0, inner * 0.94);
    let titles: Vec<String> = titles.into_iter().take(2).collect();
    write(&mut scene, &titles, plain(22.0).bold(), 28.0);
    let mut subtitle = legend.subtitle.clone();
    if let Some(sample) = picture.sample.as_ref().filter(|_| !is_lines) {
        subtitle.push_str(&format!(", {sample}"));
    }
    if picture.provisional {
        let which = match &picture.shown {
            Shown::Lines(lines) if lines.may_change > 1 => {
                format!(", last {} weeks provisional", lines.may_change)
            }
            Shown::Lines(_) => ", last week provisional".to_owned(),
            _ => ", provisional".to_owned(),
        };
        subtitle.push_str(&which);
    }
    write(&mut scene, &[label::fit(&subtitle, 14.0, inner)], plain(14.0).muted(), 22.0);
    scene.height += 8.0;
    // The source, and the axis' title.
    let below = 2.0 * NOTE + 6.0;
    let room = height - 2.0 * MARGIN - scene.height - below;
    let mut shown = picture.clone();
    let axis = label::fit(&picture.axis, SMALL, inner);
    loop {
        let room = Room { width: inner, height: Some(room) };
        let body = match &shown.shown {
            Shown::Nothing(why) => {
                let mut text = Scene::new(0.0);
                write(&mut text, &label::wrap(why, 16.0, inner), plain(16.0).muted(), 24.0);
                text
            }
            _ => page::scene(&shown, room),
        };
        if Some(body.height) <= room.height || !shown.shorten() {
            scene.append(body);
            break;
        }
    }
    if let Shown::Lines(lines) = &shown.shown {
        let names = lines.series.iter().map(|(_, series)| series.label.as_str());
        let names = names.collect::<Vec<_>>().join(", ");
        write(&mut scene, &[label::fit(&names, SMALL, inner)], plain(SMALL), NOTE);
    } else {
        write(&mut scene, &[axis], plain(SMALL).muted(), NOTE);
    }
    scene.height = height - 2.0 * MARGIN - NOTE;
    write(&mut scene, &[label::fit(&legend.source, 11.0, inner)], plain(11.0).muted(), NOTE);
    framed(scene, inner, width, MARGIN, height)
}

impl Picture {
    /// Leaves out the smallest row; `false` if there is only one.
    fn shorten(&mut self) -> bool {
        let smallest = |values: Vec<f64>| {
            let all = values.iter().enumerate().rev();
            all.min_by(|a, b| a.1.total_cmp(b.1)).map(|(index, _)| index)
        };
        match &mut self.shown {
            Shown::Bars(rows) if rows.apart.is_some() => {
                rows.apart = None;
                true
            }
            Shown::Bars(rows) if rows.bars.len() > 1 => {
                let values = rows.bars.iter().map(|bar| bar.share.value).collect();
                smallest(values).map(|index| rows.bars.remove(index));
                true
            }
            Shown::Boxes(rows) if rows.len() > 1 => {
                let values = rows.iter().map(|row| row.median.value).collect();
                smallest(values).map(|index| rows.remove(index));
                true
            }
            _ => false,
        }
    }
}
