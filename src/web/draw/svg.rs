//! Pictures as SVG: on a page, and as standalone files.
//!
//! A page has each picture twice, for wide and for narrow screens, and the stylesheet shows one of them.
//! Each has a title and a description (SVG 2, section 5.8) and is a single image to assistive technology.

use super::bars::Bars;
use super::boxes::Boxes;
use super::canvas::{Canvas, Error, Frame, Ink, Lettering, Side, elements};
use super::histogram::Histogram;
use super::label;
use super::lines::Lines;
use super::picture::{Picture, Shown, Size};
use maud::{Markup, PreEscaped, html};

/// The height of a line of notes.
const NOTE: f64 = 17.0;
/// The margin around a standalone picture.
const MARGIN: f64 = 20.0;

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

/// The picture on a page. `id` must be unique there, and need no escaping.
pub(in crate::web) fn inline(picture: &Picture, id: &str, title: &str) -> Markup {
    sized(picture, id, title, &[(Size::Wide, "wide"), (Size::Narrow, "narrow")])
}

/// The same, only in the narrow size.
pub(in crate::web) fn inline_narrow(picture: &Picture, id: &str, title: &str) -> Markup {
    sized(picture, id, title, &[(Size::Narrow, "narrow")])
}

fn sized(picture: &Picture, id: &str, title: &str, sizes: &[(Size, &str)]) -> Markup {
    html! {
        @for (size, class) in sizes.iter().copied() {
            @match drawn(picture, size) {
                Ok((height, elements)) => {
                    svg class=(class) role="img" xmlns="http://www.w3.org/2000/svg"
                        width=(size.width()) height=(height) viewBox=(view(size.width(), height))
                        aria-labelledby={ (id) "-" (class) "-title" }
                        aria-describedby={ (id) "-" (class) "-text" }
                    {
                        title id={ (id) "-" (class) "-title" } { (label::plain(title)) }
                        desc id={ (id) "-" (class) "-text" } { (label::plain(&picture.description)) }
                        (PreEscaped(elements))
                    }
                }
                Err(_) => p.note { "This picture cannot be drawn. The table has the numbers." },
            }
        }
    }
}

/// The picture as a file.
pub(in crate::web) fn file(picture: &Picture, legend: &Legend) -> String {
    let size = Size::Wide;
    let width = size.width() + 2.0 * MARGIN;
    let inner = size.width();
    let titles = label::wrap(&legend.title, 18.0, inner * 0.97);
    let subtitles = label::wrap(&legend.subtitle, 13.0, inner);
    let sources = label::wrap(&legend.source, 11.0, inner);
    let above = titles.len() as f64 * 24.0 + subtitles.len() as f64 * 19.0 + 10.0;
    let below = sources.len() as f64 * 15.0 + 8.0;
    let body_height = height(picture, size);
    let total = MARGIN * 2.0 + above + body_height + below;
    let body = elements_of(picture, size);
    let around = elements(width, total, |canvas| {
        let all = Frame { left: 0.0, top: 0.0, right: width, bottom: total };
        canvas.fill(all, Ink::Paper)?;
        let mut y = MARGIN + 8.0;
        for line in &titles {
            canvas.text((MARGIN, y), line, Lettering::new(18.0, Side::Start).bold())?;
            y += 24.0;
        }
        for line in &subtitles {
            canvas.text((MARGIN, y), line, Lettering::new(13.0, Side::Start).muted())?;
            y += 19.0;
        }
        y = total - MARGIN - (sources.len() as f64 - 1.0) * 15.0;
        for line in &sources {
            canvas.text((MARGIN, y), line, Lettering::new(11.0, Side::Start).muted())?;
            y += 15.0;
        }
        Ok(())
    });
    let (around, body) = match (around, body) {
        (Ok(around), Ok(body)) => (around, body),
        (Err(error), _) | (_, Err(error)) => {
            log_failure(&error);
            (String::new(), String::new())
        }
    };
    let shift = format!("translate({} {})", MARGIN * 10.0, (MARGIN + above) * 10.0);
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" role="img" width=(width) height=(total)
            viewBox=(view(width, total)) aria-labelledby="title" aria-describedby="text"
        {
            title id="title" { (label::plain(&legend.title)) }
            desc id="text" { (label::plain(&picture.description)) }
            (PreEscaped(around))
            g transform=(shift) { (PreEscaped(body)) }
        }
    };
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n", svg.into_string())
}

fn view(width: f64, height: f64) -> String {
    format!("0 0 {} {}", (width * 10.0).round(), (height * 10.0).round())
}

fn log_failure(error: &Error) {
    tracing::error!(%error, "a picture cannot be drawn");
}

fn drawn(picture: &Picture, size: Size) -> Result<(f64, String), Error> {
    let elements = elements_of(picture, size).inspect_err(log_failure)?;
    Ok((height(picture, size), elements))
}

/// The part of a picture that depends on its kind.
enum Body<'a> {
    Nothing(Vec<String>),
    Bars(Bars<'a>),
    Histogram(Histogram<'a>),
    Boxes(Boxes<'a>),
    Lines(Lines<'a>),
}

impl Body<'_> {
    fn of(picture: &Picture, size: Size) -> Body<'_> {
        match &picture.shown {
            Shown::Nothing(why) => Body::Nothing(label::wrap(why, size.text(), size.width())),
            Shown::Bars { bars, apart, hollow } => {
                Body::Bars(Bars::new(bars, apart.as_ref(), *hollow, size))
            }
            Shown::Histogram { bars, apart, hollow } => {
                Body::Histogram(Histogram::new(bars, apart.as_ref(), *hollow, size))
            }
            Shown::Boxes { rows, hollow } => Body::Boxes(Boxes { rows, hollow: *hollow, size }),
            Shown::Lines { weeks, series, measure, jumps } => {
                Body::Lines(Lines { weeks, series, measure: *measure, jumps, size })
            }
        }
    }

    fn height(&self) -> f64 {
        match self {
            Body::Nothing(lines) => lines.len() as f64 * 20.0 + 8.0,
            Body::Bars(bars) => bars.height(),
            Body::Histogram(histogram) => histogram.height(),
            Body::Boxes(boxes) => boxes.height(),
            Body::Lines(lines) => lines.height(),
        }
    }

    fn draw(&self, canvas: &Canvas, size: Size) -> Result<(), Error> {
        match self {
            Body::Nothing(lines) => {
                for (index, line) in lines.iter().enumerate() {
                    let look = Lettering::new(size.text(), Side::Start).muted();
                    canvas.text((1.0, 14.0 + index as f64 * 20.0), line, look)?;
                }
                Ok(())
            }
            Body::Bars(bars) => bars.draw(canvas, 0.0),
            Body::Histogram(histogram) => histogram.draw(canvas, 0.0),
            Body::Boxes(boxes) => boxes.draw(canvas, 0.0),
            Body::Lines(lines) => lines.draw(canvas, 0.0),
        }
    }
}

fn notes(picture: &Picture, size: Size) -> Vec<String> {
    let wrap = |note: &String| label::wrap(note, size.small(), size.width() - 2.0);
    picture.notes.iter().flat_map(wrap).collect()
}

fn height(picture: &Picture, size: Size) -> f64 {
    let notes = notes(picture, size).len() as f64;
    Body::of(picture, size).height() + if notes > 0.0 { notes * NOTE + 10.0 } else { 0.0 }
}

fn elements_of(picture: &Picture, size: Size) -> Result<String, Error> {
    let body = Body::of(picture, size);
    elements(size.width(), height(picture, size), |canvas| {
        body.draw(canvas, size)?;
        let top = body.height() + 14.0;
        for (index, note) in notes(picture, size).iter().enumerate() {
            let look = Lettering::new(size.small(), Side::Start).muted();
            canvas.text((1.0, top + index as f64 * NOTE), note, look)?;
        }
        Ok(())
    })
}
