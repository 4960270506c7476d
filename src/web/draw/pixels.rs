//! Scenes as PNG, drawn on the server: no system fonts, and the same bytes everywhere.
//!
//! Lines and areas are tiny-skia's. Text is set in a part of Noto Sans that is compiled in
//! (`font/NotoSans.ttf`, SIL Open Font License), which has the letters of Latin, Greek and Cyrillic; others
//! are shown as boxes. Text is laid out for wider fonts ([`label`](super::label)), so it fits.

use super::scene::{
    Filling, Frame, Glyph, Ink, Lettering, Mark, SERIES, Scene, Shape, Side, Stroke,
};
use super::svg::{BASELINE, COLOURS};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write as _;
use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, StrokeDash,
    Transform,
};
use ttf_parser::{Face, GlyphId, OutlineBuilder};

const FONT: &[u8] = include_bytes!("font/NotoSans.ttf");
/// The most pixels of a picture: 48 MB of memory.
const MOST: f64 = 12e6;
/// Signs that the font does not have, which are drawn as marks.
const MARKS: [(char, Glyph); 2] = [('▲', Glyph::Triangle), ('▼', Glyph::TriangleDown)];

/// A scene of this size as PNG, enlarged by `scale`. `None` if it is too large to be drawn.
pub(super) fn png(scene: &Scene, (width, height): (f64, f64), scale: f64) -> Option<Vec<u8>> {
    let (across, down) = ((width * scale).round(), (height * scale).round());
    let drawable = across >= 1.0 && down >= 1.0 && across * down <= MOST;
    // Checked above to be whole and small.
    let pixmap = drawable.then(|| Pixmap::new(across as u32, down as u32)).flatten()?;
    let face = Face::parse(FONT, 0).ok()?;
    let transform = Transform::from_scale(scale as f32, scale as f32);
    let mut painter = Painter { pixmap, face, width, transform };
    for shape in &scene.shapes {
        painter.shape(shape);
    }
    encode(&painter.pixmap)
}

/// The colour of an ink, as in a file.
fn colour(ink: Ink) -> Color {
    let name = match ink {
        Ink::Strong => "--ink".to_owned(),
        Ink::Muted => "--muted".to_owned(),
        Ink::Line => "--line".to_owned(),
        Ink::Paper => "--paper".to_owned(),
        Ink::Series(index) => format!("--series-{}", index % SERIES + 1),
    };
    let code = COLOURS.iter().find(|(known, _)| *known == name).map_or("#000000", |(_, code)| code);
    let part = |at: usize| {
        let digits = code.get(at..at + 2).unwrap_or("0");
        u8::from_str_radix(digits, 16).unwrap_or_default()
    };
    Color::from_rgba8(part(1), part(3), part(5), 255)
}

struct Painter {
    pixmap: Pixmap,
    face: Face<'static>,
    /// Of the scene, in its pixels.
    width: f64,
    transform: Transform,
}

impl Painter {
    fn at(&self, (x, y): (f64, f64)) -> (f32, f32) {
        ((x * self.width) as f32, y as f32)
    }

    fn fill(&mut self, path: &Path, ink: Ink, opacity: f32) {
        let mut colour = colour(ink);
        colour.set_alpha(opacity);
        let mut paint = Paint { anti_alias: true, ..Paint::default() };
        paint.set_color(colour);
        self.pixmap.fill_path(path, &paint, FillRule::Winding, self.transform, None);
    }

    fn stroke(&mut self, path: &Path, stroke: Stroke) {
        let mut paint = Paint { anti_alias: true, ..Paint::default() };
        paint.set_color(colour(stroke.ink));
        let dash = if stroke.dashed { StrokeDash::new(vec![4.0, 3.0], 0.0) } else { None };
        let pen = tiny_skia::Stroke {
            width: stroke.width as f32,
            line_join: LineJoin::Round,
            line_cap: LineCap::Butt,
            dash,
            ..tiny_skia::Stroke::default()
        };
        self.pixmap.stroke_path(path, &paint, &pen, self.transform, None);
    }

    fn through(&self, points: &[(f64, f64)], closed: bool) -> Option<Path> {
        let mut path = PathBuilder::new();
        for (index, point) in points.iter().enumerate() {
            let (x, y) = self.at(*point);
            if index == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
        }
        if closed {
            path.close();
        }
        path.finish()
    }

    fn shape(&mut self, shape: &Shape) {
        match shape {
            Shape::Bar { frame, ink, filling } => self.bar(frame, *ink, *filling),
            Shape::Line { from, to, stroke } => {
                if let Some(path) = self.through(&[*from, *to], false) {
                    self.stroke(&path, *stroke);
                }
            }
            Shape::Path { points, stroke } => {
                if let Some(path) = self.through(points, false) {
                    self.stroke(&path, *stroke);
                }
            }
            Shape::Band { outline, ink } => {
                if let Some(path) = self.through(outline, true) {
                    self.fill(&path, *ink, 0.16);
                }
            }
            Shape::Mark(mark) => {
                let (x, y) = self.at(mark.at);
                self.mark(mark, (x + mark.aside as f32, y));
            }
            Shape::Text(words) => {
                let (x, y) = self.at(words.at);
                self.text((x + words.aside as f32, y), &words.text, words.look);
            }
            Shape::Titled(_) | Shape::End => {}
        }
    }

    fn bar(&mut self, frame: &Frame, ink: Ink, filling: Filling) {
        let (left, top) = self.at((frame.left, frame.top));
        let (right, bottom) = self.at((frame.right, frame.bottom));
        // An empty bar has no rectangle.
        let Some(rect) = Rect::from_ltrb(left, top, right, bottom) else { return };
        let path = PathBuilder::from_rect(rect);
        match filling {
            Filling::Unseen => {}
            Filling::Solid => self.fill(&path, ink, 1.0),
            Filling::Hollow | Filling::Dashed | Filling::HollowDashed => {
                if filling != Filling::HollowDashed {
                    self.fill(&path, ink, 0.15);
                }
                let stroke = Stroke::new(ink, 1.5);
                let dashed = filling != Filling::Hollow;
                self.stroke(&path, if dashed { stroke.dashed() } else { stroke });
            }
        }
    }

    fn mark(&mut self, mark: &Mark, (x, y): (f32, f32)) {
        let radius = mark.radius as f32;
        let path = match mark.glyph.corners() {
            [] => PathBuilder::from_circle(x, y, radius),
            corners => {
                let mut path = PathBuilder::new();
                for (index, (dx, dy)) in corners.iter().enumerate() {
                    let (x, y) = (x + *dx as f32 * radius, y + *dy as f32 * radius);
                    if index == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
                }
                path.close();
                path.finish()
            }
        };
        if let Some(path) = path {
            self.fill(&path, mark.ink, 1.0);
        }
        if mark.hole
            && let Some(hole) = PathBuilder::from_circle(x, y, radius * 0.5)
        {
            self.fill(&hole, Ink::Paper, 1.0);
        }
    }

    fn text(&mut self, (x, y): (f32, f32), text: &str, look: Lettering) {
        let size = look.size as f32;
        let scale = size / f32::from(self.face.units_per_em());
        let mut line = Line { path: PathBuilder::new(), at: 0.0, scale };
        for character in text.chars() {
            if let Some((_, glyph)) = MARKS.iter().find(|(sign, _)| *sign == character) {
                line.sign(*glyph, size);
                continue;
            }
            let glyph = self.face.glyph_index(character).unwrap_or(GlyphId(0));
            self.face.outline_glyph(glyph, &mut line);
            line.at += f32::from(self.face.glyph_hor_advance(glyph).unwrap_or_default()) * scale;
        }
        let width = line.at;
        let Some(path) = line.path.finish() else { return };
        let start = match look.side {
            Side::Start => 0.0,
            Side::Middle => -width / 2.0,
            Side::End | Side::Upwards => -width,
        };
        let down = size * BASELINE as f32;
        let placed = match look.side {
            // A quarter turn to the left.
            Side::Upwards => Transform::from_row(0.0, -1.0, 1.0, 0.0, x, y),
            _ => Transform::from_translate(x, y),
        };
        let placed = placed.pre_translate(start, down);
        let Some(path) = path.transform(placed) else { return };
        if look.rim {
            self.stroke(&path, Stroke::new(Ink::Paper, 4.0));
        }
        self.fill(&path, look.ink, 1.0);
        if look.bold {
            self.stroke(&path, Stroke::new(look.ink, look.size / 28.0));
        }
    }
}

/// A line of text: the outlines of its letters, one after another.
struct Line {
    path: PathBuilder,
    /// Where the next letter begins.
    at: f32,
    scale: f32,
}

impl Line {
    fn x(&self, x: f32) -> f32 {
        self.at + x * self.scale
    }

    /// Upwards in fonts, downwards in pictures.
    fn y(&self, y: f32) -> f32 {
        -y * self.scale
    }

    /// A sign that the font does not have.
    fn sign(&mut self, glyph: Glyph, size: f32) {
        let radius = size * 0.3;
        for (index, (dx, dy)) in glyph.corners().iter().enumerate() {
            let x = self.at + size * 0.4 + *dx as f32 * radius;
            let y = -size * BASELINE as f32 + *dy as f32 * radius;
            if index == 0 { self.path.move_to(x, y) } else { self.path.line_to(x, y) }
        }
        self.path.close();
        self.at += size * 0.8;
    }
}

impl OutlineBuilder for Line {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(self.x(x), self.y(y));
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(self.x(x), self.y(y));
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.path.quad_to(self.x(x1), self.y(y1), self.x(x), self.y(y));
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let (a, b) = ((self.x(x1), self.y(y1)), (self.x(x2), self.y(y2)));
        self.path.cubic_to(a.0, a.1, b.0, b.1, self.x(x), self.y(y));
    }

    fn close(&mut self) {
        self.path.close();
    }
}

/// An opaque picture as PNG (RFC 2083): eight bits a colour, each row as its difference to the one above.
fn encode(pixmap: &Pixmap) -> Option<Vec<u8>> {
    let (width, height) = (pixmap.width(), pixmap.height());
    let row = width as usize * 4;
    let mut above = &*vec![0u8; row];
    let mut rows = ZlibEncoder::new(Vec::new(), Compression::new(6));
    let mut filtered = Vec::with_capacity(row);
    for line in pixmap.data().chunks_exact(row) {
        filtered.clear();
        filtered.push(UP);
        subtract(line, above, &mut filtered);
        rows.write_all(&filtered).ok()?;
        above = line;
    }
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::with_capacity(13);
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    // Bit depth 8, colour type 2 (RGB), the only compression and filter methods, not interlaced.
    header.extend([8, 2, 0, 0, 0]);
    chunk(&mut png, *b"IHDR", &header)?;
    chunk(&mut png, *b"IDAT", &rows.finish().ok()?)?;
    chunk(&mut png, *b"IEND", &[])?;
    Some(png)
}

/// The filter that has each byte as its difference to the one above.
const UP: u8 = 2;
/// How many bytes are compared at once: most of a picture is like the row above.
const BLOCK: usize = 4 * 64;

/// Adds the colours of a row of pixels, of four bytes each, as their differences to those of the row above.
fn subtract(line: &[u8], above: &[u8], filtered: &mut Vec<u8>) {
    for (here, above) in line.chunks(BLOCK).zip(above.chunks(BLOCK)) {
        if here == above {
            filtered.resize(filtered.len() + here.len() / 4 * 3, 0);
            continue;
        }
        for (here, above) in here.as_chunks::<4>().0.iter().zip(above.as_chunks::<4>().0) {
            let ([red, green, blue, _], above) = (*here, above);
            let differences = [
                red.wrapping_sub(above[0]),
                green.wrapping_sub(above[1]),
                blue.wrapping_sub(above[2]),
            ];
            filtered.extend_from_slice(&differences);
        }
    }
}

fn chunk(png: &mut Vec<u8>, name: [u8; 4], data: &[u8]) -> Option<()> {
    png.extend(u32::try_from(data.len()).ok()?.to_be_bytes());
    let mut checksum = crc32fast::Hasher::new();
    for part in [&name[..], data] {
        checksum.update(part);
        png.extend(part);
    }
    png.extend(checksum.finalize().to_be_bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pixels of a PNG that this file made, read back: width, height, and RGB.
    pub(super) fn decode(png: &[u8]) -> (usize, usize, Vec<u8>) {
        let number = |at: usize| {
            u32::from_be_bytes(png[at..at + 4].try_into().expect("four bytes")) as usize
        };
        let (width, height) = (number(16), number(20));
        let (mut at, mut data) = (8, Vec::new());
        while at < png.len() {
            let length = number(at);
            let checksum = crc32fast::hash(&png[at + 4..at + 8 + length]);
            assert_eq!(checksum as usize, number(at + 8 + length));
            if &png[at + 4..at + 8] == b"IDAT" {
                data.extend(&png[at + 8..at + 8 + length]);
            }
            at += length + 12;
        }
        let mut rows = Vec::new();
        let mut decoder = flate2::read::ZlibDecoder::new(data.as_slice());
        std::io::Read::read_to_end(&mut decoder, &mut rows).expect("zlib");
        let mut pixels: Vec<u8> = Vec::new();
        for line in rows.chunks(width * 3 + 1) {
            assert_eq!(line[0], 2, "filter: up");
            let above = pixels.len().saturating_sub(width * 3);
            let above: Vec<u8> = match pixels.is_empty() {
                true => vec![0; width * 3],
                false => pixels[above..].to_vec(),
            };
            pixels
                .extend(line[1..].iter().zip(above).map(|(here, above)| here.wrapping_add(above)));
        }
        (width, height, pixels)
    }

    #[test]
    fn a_bar_has_its_colour_and_its_place() {
        let mut scene = Scene::new(20.0);
        let all = Frame { left: 0.0, top: 0.0, right: 1.0, bottom: 20.0 };
        scene.bar(all, Ink::Paper, Filling::Solid);
        let half = Frame { left: 0.0, top: 5.0, right: 0.5, bottom: 15.0 };
        scene.bar(half, Ink::Series(0), Filling::Solid);
        let made = png(&scene, (40.0, 20.0), 2.0).expect("a picture");
        let (width, height, pixels) = decode(&made);
        assert_eq!((width, height), (80, 40));
        let at = |x: usize, y: usize| pixels[(y * width + x) * 3..][..3].to_vec();
        assert_eq!(at(10, 20), [0x00, 0x72, 0xb2]);
        assert_eq!(at(38, 12), [0x00, 0x72, 0xb2]);
        assert_eq!(at(42, 20), [0xff, 0xff, 0xff]);
        assert_eq!(at(10, 2), [0xff, 0xff, 0xff]);
    }

    #[test]
    fn text_is_drawn_without_fonts_of_the_system() {
        let face = Face::parse(FONT, 0).expect("a font");
        for character in "aZ09%éжλ–“”…†·\u{fffd}".chars() {
            assert!(face.glyph_index(character).is_some(), "{character}");
        }
        let mut scene = Scene::new(20.0);
        let all = Frame { left: 0.0, top: 0.0, right: 1.0, bottom: 20.0 };
        scene.bar(all, Ink::Paper, Filling::Solid);
        scene.text((0.0, 10.0), "▲ 東a", Lettering::new(12.0, Side::Start));
        let (_, _, pixels) = decode(&png(&scene, (60.0, 20.0), 1.0).expect("a picture"));
        assert!(pixels.chunks(3).filter(|pixel| pixel[0] < 0x80).count() > 30);
    }

    #[test]
    fn what_is_too_large_is_refused() {
        assert!(png(&Scene::new(1e6), (1000.0, 1e6), 2.0).is_none());
        assert!(png(&Scene::new(0.0), (0.0, 0.0), 2.0).is_none());
    }
}
