//! The canvas that pictures are drawn on: plotters' SVG backend, in tenths of a pixel.
//!
//! Plotters uses integer coordinates. One unit is a tenth of a pixel here, so that the lengths of bars are
//! accurate to that; the `viewBox` scales them back to pixels.
//!
//! Colours are presentation attributes, since the pages' policy forbids inline styles. Each purpose has a
//! colour of its own ([`Ink`]), which the stylesheet replaces with the page's light or dark one; a
//! standalone file is readable as it is.

use super::label;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::prelude::{
    Cartesian2d, Color, DrawingArea, DrawingAreaErrorKind, IntoDrawingArea, RGBColor, SVGBackend,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontFamily, FontStyle, FontTransform, IntoFont, TextStyle};
use std::ops::Range;

/// Why drawing failed. Writing to memory does not fail, but plotters' types allow for it.
pub(super) type Error = DrawingAreaErrorKind<std::io::Error>;

/// Units per pixel.
const UNITS: f64 = 10.0;

/// The purpose of a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    /// Text, whiskers and baselines.
    Strong,
    /// Explanatory text, and bars that are set apart.
    Muted,
    /// Grid lines.
    Line,
    /// The background.
    Paper,
    /// One of [`SERIES`] colours that can be distinguished with any colour vision.
    Series(usize),
}

/// How many series have a colour.
pub(super) const SERIES: usize = 8;

/// The page's colours in the light scheme, after Okabe and Ito (<https://jfly.uni-koeln.de/color/>), each
/// darkened to a contrast of 3:1 with white.
const SERIES_COLOURS: [RGBColor; SERIES] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xC8, 0x55, 0x0A),
    RGBColor(0x00, 0x79, 0x5C),
    RGBColor(0xB3, 0x56, 0x8C),
    RGBColor(0x8A, 0x6D, 0x00),
    RGBColor(0x5B, 0x4B, 0xB0),
    RGBColor(0x1F, 0x85, 0x99),
    RGBColor(0x6B, 0x70, 0x75),
];

impl Ink {
    fn colour(self) -> RGBColor {
        match self {
            Ink::Strong => RGBColor(0x1B, 0x1E, 0x22),
            Ink::Muted => RGBColor(0x56, 0x5D, 0x66),
            Ink::Line => RGBColor(0xD8, 0xD9, 0xD2),
            Ink::Paper => RGBColor(0xFF, 0xFF, 0xFF),
            Ink::Series(index) => {
                let [first, ..] = SERIES_COLOURS;
                SERIES_COLOURS.get(index % SERIES).copied().unwrap_or(first)
            }
        }
    }

    /// As it is written in the drawing.
    #[cfg(test)]
    pub(super) fn code(self) -> String {
        let RGBColor(red, green, blue) = self.colour();
        format!("#{red:02X}{green:02X}{blue:02X}")
    }
}

/// How a text is aligned at its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// It begins there.
    Start,
    /// It is centred there.
    Middle,
    /// It ends there.
    End,
    /// It ends there, rotated to read upwards.
    Upwards,
}

/// The style of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lettering {
    pub(super) size: f64,
    pub(super) ink: Ink,
    pub(super) side: Side,
    pub(super) bold: bool,
}

impl Lettering {
    pub(super) fn new(size: f64, side: Side) -> Lettering {
        Lettering { size, ink: Ink::Strong, side, bold: false }
    }

    pub(super) fn muted(self) -> Lettering {
        Lettering { ink: Ink::Muted, ..self }
    }

    pub(super) fn bold(self) -> Lettering {
        Lettering { bold: true, ..self }
    }
}

/// A rectangle, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// A drawing in pixels, from its upper left corner.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

/// A part of a drawing with axes of its own.
pub(super) struct Plot<'a> {
    area: DrawingArea<SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>,
}

fn position((x, y): (f64, f64)) -> (i32, i32) {
    (units(x), units(y))
}

/// Pixels in units.
fn units(pixels: f64) -> i32 {
    (pixels * UNITS).round() as i32
}

/// What `draw` draws on a canvas of this size, as SVG elements without their root.
pub(super) fn elements(
    width: f64,
    height: f64,
    draw: impl FnOnce(&Canvas) -> Result<(), Error>,
) -> Result<String, Error> {
    let mut drawing = String::new();
    let size = (units(width).unsigned_abs(), units(height).unsigned_abs());
    {
        let canvas =
            Canvas { area: SVGBackend::with_string(&mut drawing, size).into_drawing_area() };
        draw(&canvas)?;
        canvas.area.present()?;
    }
    // The first and the last line are the root; pages and files have roots of their own.
    let inside = drawing.split_once('\n').map_or("", |(_, inside)| inside);
    Ok(inside.trim_end().trim_end_matches("</svg>").to_owned())
}

impl<'a> Canvas<'a> {
    /// Writes `text`, made safe to be shown. The position is its vertical middle.
    pub(super) fn text(&self, at: (f64, f64), text: &str, look: Lettering) -> Result<(), Error> {
        let side = match look.side {
            Side::Start => HPos::Left,
            Side::Middle => HPos::Center,
            Side::End | Side::Upwards => HPos::Right,
        };
        // The backend divides what it takes to be the line height by this number.
        let font = (FontFamily::SansSerif, look.size * UNITS * 1.24).into_font();
        let font = if look.bold { font.style(FontStyle::Bold) } else { font };
        let font = match look.side {
            Side::Upwards => font.transform(FontTransform::Rotate270),
            _ => font,
        };
        let colour = look.ink.colour();
        let style = TextStyle::from(font).color(&colour).pos(Pos::new(side, VPos::Center));
        self.area.draw(&Text::new(label::plain(text), position(at), style))
    }

    /// Writes a text centred at a position, but within a canvas of this width.
    pub(super) fn centred(
        &self,
        at: (f64, f64),
        text: &str,
        look: Lettering,
        width: f64,
    ) -> Result<(), Error> {
        let half = label::width(text, look.size) / 2.0;
        let x = at.0.min(width - half).max(half);
        self.text((x, at.1), text, Lettering { side: Side::Middle, ..look })
    }

    /// Writes a tick's number, centred at a position but within a canvas of this width.
    pub(super) fn tick(
        &self,
        at: (f64, f64),
        text: &str,
        size: f64,
        width: f64,
    ) -> Result<(), Error> {
        self.centred(at, text, Lettering::new(size, Side::Middle).muted(), width)
    }

    /// A straight line.
    pub(super) fn line(
        &self,
        from: (f64, f64),
        to: (f64, f64),
        ink: Ink,
        width: f64,
    ) -> Result<(), Error> {
        let style = ink.colour().stroke_width(units(width).unsigned_abs());
        self.area.draw(&PathElement::new(vec![position(from), position(to)], style))
    }

    /// A filled rectangle.
    pub(super) fn fill(&self, frame: Frame, ink: Ink) -> Result<(), Error> {
        let corners = [position((frame.left, frame.top)), position((frame.right, frame.bottom))];
        self.area.draw(&Rectangle::new(corners, ink.colour().filled()))
    }

    /// A mark at a position; [`SERIES`] shapes distinguish marks where colours do not.
    pub(super) fn mark(
        &self,
        at: (f64, f64),
        radius: f64,
        shape: usize,
        ink: Ink,
    ) -> Result<(), Error> {
        let style = ink.colour().filled();
        let corners: &[(f64, f64)] = match shape % 4 {
            1 => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
            2 => &[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)],
            3 => &[(0.0, -1.2), (1.2, 1.0), (-1.2, 1.0)],
            _ => &[],
        };
        match corners.is_empty() {
            true => self.area.draw(&Circle::new(position(at), units(radius), style))?,
            false => {
                let corner = |(x, y): &(f64, f64)| position((at.0 + x * radius, at.1 + y * radius));
                let outline: Vec<_> = corners.iter().map(corner).collect();
                self.area.draw(&Polygon::new(outline, style))?;
            }
        }
        if shape % SERIES >= 4 {
            let hole = Ink::Paper.colour().filled();
            self.area.draw(&Circle::new(position(at), units(radius * 0.5), hole))?;
        }
        Ok(())
    }

    /// A triangle that points up or down.
    pub(super) fn triangle(&self, (x, y): (f64, f64), radius: f64, up: bool) -> Result<(), Error> {
        let tip = if up { -radius } else { radius };
        let corners = [(x, y + tip), (x + radius, y - tip * 0.8), (x - radius, y - tip * 0.8)];
        let style = Ink::Strong.colour().filled();
        self.area.draw(&Polygon::new(corners.map(position).to_vec(), style))
    }

    /// A diamond that is visible on any background.
    pub(super) fn diamond(&self, at: (f64, f64), radius: f64) -> Result<(), Error> {
        const DIAMOND: usize = 2;
        self.mark(at, radius + 1.2, DIAMOND, Ink::Paper)?;
        self.mark(at, radius, DIAMOND, Ink::Series(1))
    }

    /// A part with axes of its own; the ranges grow to the right and upwards.
    pub(super) fn plot(&self, frame: Frame, x: Range<f64>, y: Range<f64>) -> Plot<'a> {
        let across = units(frame.left)..units(frame.right);
        let upwards = units(frame.bottom)..units(frame.top);
        Plot { area: self.area.apply_coord_spec(Cartesian2d::new(x, y, (across, upwards))) }
    }
}

impl Plot<'_> {
    /// A line through points.
    pub(super) fn line(&self, points: &[(f64, f64)], ink: Ink, width: f64) -> Result<(), Error> {
        let style = ink.colour().stroke_width(units(width).unsigned_abs());
        self.area.draw(&PathElement::new(points.to_vec(), style))
    }

    /// A rectangle: filled, or only its outline if what it shows is uncertain.
    pub(super) fn bar(
        &self,
        corners: [(f64, f64); 2],
        ink: Ink,
        hollow: bool,
    ) -> Result<(), Error> {
        if !hollow {
            return self.area.draw(&Rectangle::new(corners, ink.colour().filled()));
        }
        let [(left, bottom), (right, top)] = corners;
        self.area.draw(&Rectangle::new(corners, ink.colour().mix(0.15).filled()))?;
        let outline = [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)];
        self.line(&outline, ink, 1.5)
    }

    /// A pale area.
    pub(super) fn band(&self, outline: Vec<(f64, f64)>, ink: Ink) -> Result<(), Error> {
        self.area.draw(&Polygon::new(outline, ink.colour().mix(0.16)))
    }

    /// A line that is visible on any background, with a rim in the background's colour.
    pub(super) fn rimmed(&self, points: &[(f64, f64)], width: f64) -> Result<(), Error> {
        self.line(points, Ink::Paper, width + 2.0)?;
        self.line(points, Ink::Strong, width)
    }

    /// Where a point is, in pixels.
    pub(super) fn pixels(&self, at: (f64, f64)) -> (f64, f64) {
        let (x, y) = self.area.map_coordinate(&at);
        (f64::from(x) / UNITS, f64::from(y) / UNITS)
    }
}
