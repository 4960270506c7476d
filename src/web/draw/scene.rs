//! What a picture consists of, before it is SVG or pixels.
//!
//! A position across is a share of the picture's width, from 0 to 1, and one downwards is in pixels. So one
//! drawing on a page fits every screen: bars and lines stretch, and text and marks keep their size. A
//! standalone file has a fixed width.
//!
//! Shapes have a purpose ([`Ink`]) rather than a colour: the stylesheet gives each its colour in the light and
//! the dark scheme.

use super::label;

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

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stroke {
    pub(super) ink: Ink,
    /// In pixels.
    pub(super) width: f64,
    pub(super) dashed: bool,
}

impl Stroke {
    pub(super) fn new(ink: Ink, width: f64) -> Stroke {
        Stroke { ink, width, dashed: false }
    }

    pub(super) fn dashed(self) -> Stroke {
        Stroke { dashed: true, ..self }
    }
}

/// How a bar or a box is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filling {
    /// With its colour.
    Solid,
    /// Pale, with an outline: a small sample.
    Hollow,
    /// Pale, with a dashed outline: provisional.
    Dashed,
    /// Not filled, with a dashed outline: a small sample that is provisional.
    HollowDashed,
    /// Not at all: a part of the picture that only has a tooltip.
    Unseen,
}

/// The shape of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Glyph {
    Circle,
    Square,
    Diamond,
    Triangle,
    TriangleDown,
    Plus,
    Cross,
    Pentagon,
    /// A short horizontal line: the end of an upright whisker.
    Dash,
    /// A gap in a bar that goes on beyond the picture.
    Cut,
}

impl Glyph {
    /// The shape for a series, where colours do not tell them apart.
    pub(super) fn of_series(index: usize) -> Glyph {
        match index % SERIES {
            1 => Glyph::Square,
            2 => Glyph::Diamond,
            3 => Glyph::Triangle,
            4 => Glyph::TriangleDown,
            5 => Glyph::Plus,
            6 => Glyph::Cross,
            7 => Glyph::Pentagon,
            _ => Glyph::Circle,
        }
    }

    /// Its corners in radiuses; none for a circle.
    pub(super) fn corners(self) -> &'static [(f64, f64)] {
        match self {
            Glyph::Circle => &[],
            Glyph::Square => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
            Glyph::Diamond => &[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)],
            Glyph::Triangle => &[(0.0, -1.2), (1.2, 1.0), (-1.2, 1.0)],
            Glyph::TriangleDown => &[(0.0, 1.2), (1.2, -1.0), (-1.2, -1.0)],
            Glyph::Plus => &[
                (-0.4, -1.2),
                (0.4, -1.2),
                (0.4, -0.4),
                (1.2, -0.4),
                (1.2, 0.4),
                (0.4, 0.4),
                (0.4, 1.2),
                (-0.4, 1.2),
                (-0.4, 0.4),
                (-1.2, 0.4),
                (-1.2, -0.4),
                (-0.4, -0.4),
            ],
            Glyph::Cross => &[
                (0.0, -0.55),
                (0.6, -1.15),
                (1.15, -0.6),
                (0.55, 0.0),
                (1.15, 0.6),
                (0.6, 1.15),
                (0.0, 0.55),
                (-0.6, 1.15),
                (-1.15, 0.6),
                (-0.55, 0.0),
                (-1.15, -0.6),
                (-0.6, -1.15),
            ],
            Glyph::Pentagon => {
                &[(0.0, -1.2), (1.15, -0.35), (0.7, 1.0), (-0.7, 1.0), (-1.15, -0.35)]
            }
            Glyph::Dash => &[(-1.0, -0.19), (1.0, -0.19), (1.0, 0.19), (-1.0, 0.19)],
            Glyph::Cut => &[(-0.1, 1.0), (0.15, 1.0), (0.35, -1.0), (0.1, -1.0)],
        }
    }
}

/// A mark.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mark {
    pub(super) at: (f64, f64),
    /// In pixels, beside the position.
    pub(super) aside: f64,
    pub(super) radius: f64,
    pub(super) glyph: Glyph,
    pub(super) ink: Ink,
    /// Whether it has a hole in the background's colour.
    pub(super) hole: bool,
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
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lettering {
    pub(super) size: f64,
    pub(super) ink: Ink,
    pub(super) side: Side,
    pub(super) bold: bool,
    /// Whether it has a rim in the background's colour, as it is written over lines.
    pub(super) rim: bool,
}

impl Lettering {
    pub(super) fn new(size: f64, side: Side) -> Lettering {
        Lettering { size, ink: Ink::Strong, side, bold: false, rim: false }
    }

    pub(super) fn muted(self) -> Lettering {
        Lettering { ink: Ink::Muted, ..self }
    }

    pub(super) fn bold(self) -> Lettering {
        Lettering { bold: true, ..self }
    }

    pub(super) fn rimmed(self) -> Lettering {
        Lettering { rim: true, ..self }
    }
}

/// A text. The position is its vertical middle.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Words {
    pub(super) at: (f64, f64),
    /// In pixels, beside the position.
    pub(super) aside: f64,
    pub(super) text: String,
    pub(super) look: Lettering,
}

/// A rectangle: shares across, pixels downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// A part of a picture.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Bar {
        frame: Frame,
        ink: Ink,
        filling: Filling,
    },
    Line {
        from: (f64, f64),
        to: (f64, f64),
        stroke: Stroke,
    },
    /// A line through points.
    Path {
        points: Vec<(f64, f64)>,
        stroke: Stroke,
    },
    /// A pale area.
    Band {
        outline: Vec<(f64, f64)>,
        ink: Ink,
    },
    Mark(Mark),
    Text(Words),
    /// What follows, up to the next [`Shape::End`], has this tooltip.
    Titled(String),
    End,
}

/// A drawing: its shapes from back to front.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Scene {
    pub(super) shapes: Vec<Shape>,
    /// Its height in pixels.
    pub(super) height: f64,
}

impl Scene {
    /// An empty one of this height.
    pub(super) fn new(height: f64) -> Scene {
        Scene { shapes: Vec::new(), height }
    }

    pub(super) fn bar(&mut self, frame: Frame, ink: Ink, filling: Filling) {
        self.shapes.push(Shape::Bar { frame, ink, filling });
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: Stroke) {
        self.shapes.push(Shape::Line { from, to, stroke });
    }

    pub(super) fn path(&mut self, points: Vec<(f64, f64)>, stroke: Stroke) {
        self.shapes.push(Shape::Path { points, stroke });
    }

    pub(super) fn band(&mut self, outline: Vec<(f64, f64)>, ink: Ink) {
        self.shapes.push(Shape::Band { outline, ink });
    }

    pub(super) fn mark(&mut self, at: (f64, f64), radius: f64, glyph: Glyph, ink: Ink) {
        self.shapes.push(Shape::Mark(Mark { at, aside: 0.0, radius, glyph, ink, hole: false }));
    }

    /// The mark of a series; hollow where it is provisional.
    pub(super) fn series_mark(&mut self, at: (f64, f64), radius: f64, index: usize, hollow: bool) {
        let (glyph, ink) = (Glyph::of_series(index), Ink::Series(index));
        self.shapes.push(Shape::Mark(Mark { at, aside: 0.0, radius, glyph, ink, hole: hollow }));
    }

    /// A diamond that is visible on any background.
    pub(super) fn diamond(&mut self, at: (f64, f64), radius: f64) {
        self.mark(at, radius + 1.2, Glyph::Diamond, Ink::Paper);
        self.mark(at, radius, Glyph::Diamond, Ink::Series(1));
    }

    /// A line that is visible on any background, with a rim in the background's colour.
    pub(super) fn rimmed(&mut self, from: (f64, f64), to: (f64, f64), width: f64) {
        self.line(from, to, Stroke::new(Ink::Paper, width + 2.0));
        self.line(from, to, Stroke::new(Ink::Strong, width));
    }

    /// A text, made safe to be shown, this many pixels beside the position.
    pub(super) fn text_aside(&mut self, at: (f64, f64), aside: f64, text: &str, look: Lettering) {
        let text = label::plain(text);
        self.shapes.push(Shape::Text(Words { at, aside, text, look }));
    }

    /// The same, at the position.
    pub(super) fn text(&mut self, at: (f64, f64), text: &str, look: Lettering) {
        self.text_aside(at, 0.0, text, look);
    }

    /// Draws something that has a tooltip.
    pub(super) fn titled(&mut self, title: String, draw: impl FnOnce(&mut Scene)) {
        self.shapes.push(Shape::Titled(title));
        draw(self);
        self.shapes.push(Shape::End);
    }

    /// Puts another scene below this one.
    pub(super) fn append(&mut self, other: Scene) {
        let down = self.height;
        let moved = |(x, y): (f64, f64)| (x, y + down);
        self.shapes.extend(other.shapes.into_iter().map(|shape| match shape {
            Shape::Bar { frame, ink, filling } => {
                let frame = Frame { top: frame.top + down, bottom: frame.bottom + down, ..frame };
                Shape::Bar { frame, ink, filling }
            }
            Shape::Line { from, to, stroke } => {
                Shape::Line { from: moved(from), to: moved(to), stroke }
            }
            Shape::Path { points, stroke } => {
                Shape::Path { points: points.into_iter().map(moved).collect(), stroke }
            }
            Shape::Band { outline, ink } => {
                Shape::Band { outline: outline.into_iter().map(moved).collect(), ink }
            }
            Shape::Mark(mark) => Shape::Mark(Mark { at: moved(mark.at), ..mark }),
            Shape::Text(words) => Shape::Text(Words { at: moved(words.at), ..words }),
            other @ (Shape::Titled(_) | Shape::End) => other,
        }));
        self.height += other.height;
    }
}

/// A part of a scene with axes of its own, from the values at its corners.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plot {
    pub(super) frame: Frame,
    pub(super) across: (f64, f64),
    pub(super) upwards: (f64, f64),
}

impl Plot {
    /// Where a value is, from left to right.
    pub(super) fn x(&self, value: f64) -> f64 {
        let Frame { left, right, .. } = self.frame;
        left + (right - left) * part(value, self.across)
    }

    /// Where a value is, from the bottom up.
    pub(super) fn y(&self, value: f64) -> f64 {
        let Frame { top, bottom, .. } = self.frame;
        bottom - (bottom - top) * part(value, self.upwards)
    }

    /// Where a point is.
    pub(super) fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x(x), self.y(y))
    }
}

fn part(value: f64, (from, to): (f64, f64)) -> f64 {
    // No value is drawn outside of its axes.
    if to > from { ((value - from) / (to - from)).clamp(0.0, 1.0) } else { 0.0 }
}
