//! Scenes as SVG.
//!
//! On a page a picture is as wide as its column, without a `viewBox`: positions across are percentages, so
//! bars and lines stretch and text keeps its size. Lines through points are in a nested SVG that is
//! stretched, since SVG has no percentages in lists of points. In a file all positions are numbers.
//!
//! Colours are classes of the stylesheet ([`STYLE`]), as the pages' policy forbids inline styles.

use super::picture::SMALL;
use super::scene::{Filling, Glyph, Ink, Mark, Scene, Shape, Side, Words};
use std::borrow::Cow;
use std::fmt::Write as _;

/// The rules for pictures, for pages and files.
pub(in crate::web) const STYLE: &str = include_str!("picture.css");

/// How positions across are written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Across {
    /// As percentages.
    Percent,
    /// As pixels of a picture of this width.
    Pixels(f64),
}

/// The width of the nested picture with lines through points.
const STRETCHED: f64 = 1000.0;

/// A number with at most two decimals.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

impl Across {
    fn at(self, share: f64) -> String {
        match self {
            Across::Percent => format!("{}%", number(share * 100.0)),
            Across::Pixels(width) => number(share * width),
        }
    }
}

/// A text in XML, inside an element or an attribute.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['<', '>', '&', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&apos;"),
            other => safe.push(other),
        }
    }
    Cow::Owned(safe)
}

/// The class of a colour; text and lines have [`Ink::Strong`] without one.
fn class(ink: Ink) -> Cow<'static, str> {
    match ink {
        Ink::Strong => Cow::Borrowed(""),
        Ink::Muted => Cow::Borrowed("q"),
        Ink::Line => Cow::Borrowed("g"),
        Ink::Paper => Cow::Borrowed("p"),
        Ink::Series(index) => Cow::Owned(format!("s{}", index % super::scene::SERIES)),
    }
}

/// The attribute with these classes, unless all are empty.
fn classes(all: &[&str]) -> String {
    let used: Vec<&str> = all.iter().copied().filter(|class| !class.is_empty()).collect();
    if used.is_empty() { String::new() } else { format!(" class=\"{}\"", used.join(" ")) }
}

/// The elements of a scene, without their root.
pub(super) fn elements(scene: &Scene, across: Across) -> String {
    let mut writer = Writer { text: String::new(), across, height: scene.height, stretched: false };
    for shape in &scene.shapes {
        writer.shape(shape);
    }
    writer.stretch(false);
    writer.text
}

struct Writer {
    text: String,
    across: Across,
    height: f64,
    /// Whether the nested picture for lines is open.
    stretched: bool,
}

impl Writer {
    fn push(&mut self, written: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = self.text.write_fmt(written);
    }

    /// Opens or closes the nested picture for lines through points.
    fn stretch(&mut self, wanted: bool) {
        if self.across == Across::Percent && self.stretched != wanted {
            let height = number(self.height);
            match wanted {
                true => self.push(format_args!(
                    "<svg width=\"100%\" height=\"{height}\" viewBox=\"0 0 {STRETCHED} {height}\" \
                     preserveAspectRatio=\"none\">"
                )),
                false => self.text.push_str("</svg>"),
            }
            self.stretched = wanted;
        }
    }

    fn points(&self, points: &[(f64, f64)]) -> String {
        let width = match self.across {
            Across::Percent => STRETCHED,
            Across::Pixels(width) => width,
        };
        let point = |(x, y): &(f64, f64)| format!("{},{}", number(x * width), number(*y));
        points.iter().map(point).collect::<Vec<_>>().join(" ")
    }

    fn shape(&mut self, shape: &Shape) {
        self.stretch(matches!(shape, Shape::Path { .. } | Shape::Band { .. }));
        match shape {
            Shape::Bar { frame, ink, filling } => {
                let (ink, how) = (
                    class(*ink),
                    match filling {
                        Filling::Solid => "",
                        Filling::Hollow => "o",
                        Filling::Dashed => "o d",
                        Filling::HollowDashed => "o d h",
                        Filling::Unseen => "u",
                    },
                );
                let class = classes(&[&ink, how]);
                let (x, y) = (self.across.at(frame.left), number(frame.top));
                let width = self.across.at((frame.right - frame.left).max(0.0));
                let height = number((frame.bottom - frame.top).max(0.0));
                self.push(format_args!(
                    "<rect{class} x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
                ));
            }
            Shape::Line { from, to, stroke } => {
                let dashed = if stroke.dashed { "d" } else { "" };
                let class = classes(&[&class(stroke.ink), dashed]);
                let (x1, x2) = (self.across.at(from.0), self.across.at(to.0));
                let (y1, y2) = (number(from.1), number(to.1));
                let width = stroke_width(stroke.width);
                self.push(format_args!(
                    "<line{class} x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"{width}/>"
                ));
            }
            Shape::Path { points, stroke } => {
                let dashed = if stroke.dashed { "d" } else { "" };
                let class = classes(&[&class(stroke.ink), dashed]);
                let (points, width) = (self.points(points), stroke_width(stroke.width));
                self.push(format_args!("<polyline{class} points=\"{points}\"{width}/>"));
            }
            Shape::Band { outline, ink } => {
                let (class, points) = (classes(&[&class(*ink), "a"]), self.points(outline));
                self.push(format_args!("<polygon{class} points=\"{points}\"/>"));
            }
            Shape::Mark(mark) => self.mark(mark),
            Shape::Text(words) => self.words(words),
            Shape::Titled(title) => {
                let title = escaped(title);
                self.push(format_args!("<g><title>{title}</title>"));
            }
            Shape::End => self.text.push_str("</g>"),
        }
    }

    /// Draws something in pixels around a position.
    fn around(&mut self, at: (f64, f64), draw: impl FnOnce(&mut Writer, (f64, f64))) {
        match self.across {
            Across::Pixels(width) => draw(self, (at.0 * width, at.1)),
            Across::Percent => {
                let (x, y) = (self.across.at(at.0), number(at.1));
                self.push(format_args!("<svg x=\"{x}\" y=\"{y}\">"));
                draw(self, (0.0, 0.0));
                self.text.push_str("</svg>");
            }
        }
    }

    fn mark(&mut self, mark: &Mark) {
        let Mark { at, aside, radius, glyph, ink, hole } = *mark;
        let hollow = radius * 0.5;
        let ink = classes(&[&class(ink)]);
        let paper = classes(&[&class(Ink::Paper)]);
        if glyph == Glyph::Circle && aside == 0.0 {
            let (x, y, r) = (self.across.at(at.0), number(at.1), number(radius));
            self.push(format_args!("<circle{ink} cx=\"{x}\" cy=\"{y}\" r=\"{r}\"/>"));
            if hole {
                let r = number(hollow);
                self.push(format_args!("<circle{paper} cx=\"{x}\" cy=\"{y}\" r=\"{r}\"/>"));
            }
            return;
        }
        self.around(at, |writer, (x, y)| {
            let x = x + aside;
            let corner = |(dx, dy): &(f64, f64)| {
                format!("{},{}", number(x + dx * radius), number(y + dy * radius))
            };
            let corners = glyph.corners().iter().map(corner).collect::<Vec<_>>().join(" ");
            writer.push(format_args!("<polygon{ink} points=\"{corners}\"/>"));
            if hole {
                let (x, y, r) = (number(x), number(y), number(hollow));
                writer.push(format_args!("<circle{paper} cx=\"{x}\" cy=\"{y}\" r=\"{r}\"/>"));
            }
        });
    }

    fn words(&mut self, words: &Words) {
        let Words { at, aside, text, look } = words;
        let anchor = match look.side {
            Side::Start => "",
            Side::Middle => "m",
            Side::End | Side::Upwards => "e",
        };
        let (bold, rim) = (if look.bold { "b" } else { "" }, if look.rim { "r" } else { "" });
        let class = classes(&[&class(look.ink), anchor, bold, rim]);
        let size = match look.size {
            SMALL => String::new(),
            size => format!(" font-size=\"{}\"", number(size)),
        };
        let text = escaped(text);
        // From the middle of the line to its baseline.
        let down = look.size * BASELINE;
        if look.side == Side::Upwards {
            self.around(*at, |writer, (x, y)| {
                let (x, y) = (number(x), number(y));
                let down = number(down);
                writer.push(format_args!(
                    "<text{class}{size} transform=\"translate({x} {y}) rotate(-90)\" y=\"{down}\">{text}</text>"
                ));
            });
            return;
        }
        let (x, y) = match self.across {
            Across::Percent => (self.across.at(at.0), at.1 + down),
            Across::Pixels(width) => (number(at.0 * width + aside), at.1 + down),
        };
        let aside = match self.across {
            Across::Percent if *aside != 0.0 => format!(" dx=\"{}\"", number(*aside)),
            _ => String::new(),
        };
        let y = number(y);
        self.push(format_args!("<text{class}{size} x=\"{x}\" y=\"{y}\"{aside}>{text}</text>"));
    }
}

/// How far below the middle of a line its baseline is, relative to the font size.
pub(super) const BASELINE: f64 = 0.35;

fn stroke_width(width: f64) -> String {
    if width == 1.0 { String::new() } else { format!(" stroke-width=\"{}\"", number(width)) }
}

/// The colours of a standalone file, by their variables: the page's in the light scheme, after Okabe and Ito
/// (<https://jfly.uni-koeln.de/color/>), each darkened to a contrast of 3:1 with white.
pub(super) const COLOURS: [(&str, &str); 12] = [
    ("--ink", "#1b1e22"),
    ("--muted", "#565d66"),
    ("--line", "#d8d9d2"),
    ("--paper", "#ffffff"),
    ("--series-1", "#0072b2"),
    ("--series-2", "#c8550a"),
    ("--series-3", "#00795c"),
    ("--series-4", "#b3568c"),
    ("--series-5", "#8a6d00"),
    ("--series-6", "#5b4bb0"),
    ("--series-7", "#1f8599"),
    ("--series-8", "#6b7075"),
];

/// The rules for a standalone file: those of pages, with the colours of the light scheme.
pub(in crate::web) fn file_style() -> &'static str {
    static WRITTEN: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        let (_, rules) = STYLE.split_once("*/\n").unwrap_or(("", STYLE));
        let mut rules =
            rules.replace("var(--text)", "system-ui, 'Noto Sans', 'Liberation Sans', sans-serif");
        for (name, colour) in COLOURS {
            rules = rules.replace(&format!("var({name})"), colour);
        }
        rules
    });
    &WRITTEN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in
            [(0.0, "0"), (-0.001, "0"), (1.0 / 3.0, "0.33"), (12.0, "12"), (1e3 + 0.5, "1000.5")]
        {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn the_style_of_a_file_has_no_variables() {
        assert!(!file_style().contains("var("), "{}", file_style());
        assert!(!file_style().contains(['<', '&']), "it is inside an element");
    }
}
