//! Reads a drawing back from its SVG, so that tests can measure it.

use super::canvas::Ink;
use super::picture::{Picture, Size};
use super::{inline, label};
use std::collections::BTreeMap;

/// An element of a drawing: its name, attributes, and text.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) text: String,
}

/// A box in the drawing's units.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Element {
    pub(super) fn number(&self, name: &str) -> f64 {
        self.attributes.get(name).and_then(|value| value.parse().ok()).unwrap_or(f64::NAN)
    }

    pub(super) fn is(&self, attribute: &str, value: &str) -> bool {
        self.attributes.get(attribute).is_some_and(|found| found == value)
    }

    pub(super) fn points(&self) -> Vec<(f64, f64)> {
        let points = self.attributes.get("points").map_or("", |points| points.as_str());
        let point = |pair: &str| {
            let (x, y) = pair.split_once(',').expect("a pair");
            (x.parse().expect("a number"), y.parse().expect("a number"))
        };
        points.split_whitespace().map(point).collect()
    }

    /// The area it covers; for a text, an estimate.
    pub(super) fn area(&self) -> Area {
        if self.name == "text" {
            let size = self.number("font-size");
            let width = label::width(&self.text, size);
            let (x, y) = (self.number("x"), self.number("y"));
            let (from, to) = match self.attributes.get("text-anchor").map(String::as_str) {
                Some("start") => (0.0, width),
                Some("end") => (-width, 0.0),
                _ => (-width / 2.0, width / 2.0),
            };
            let half = size * 0.5;
            return match self.attributes.contains_key("transform") {
                // Vertical: the start of the text is at the bottom.
                true => Area { left: x - half, right: x + half, top: y - to, bottom: y - from },
                false => Area { left: x + from, right: x + to, top: y - half, bottom: y + half },
            };
        }
        let corners = match self.name.as_str() {
            "rect" => {
                let (x, y) = (self.number("x"), self.number("y"));
                vec![(x, y), (x + self.number("width"), y + self.number("height"))]
            }
            "circle" => {
                let (x, y, r) = (self.number("cx"), self.number("cy"), self.number("r"));
                vec![(x - r, y - r), (x + r, y + r)]
            }
            _ => self.points(),
        };
        let fold = |f: fn(f64, f64) -> f64, start, pick: fn(&(f64, f64)) -> f64| {
            corners.iter().map(pick).fold(start, f)
        };
        Area {
            left: fold(f64::min, f64::INFINITY, |c| c.0),
            right: fold(f64::max, f64::NEG_INFINITY, |c| c.0),
            top: fold(f64::min, f64::INFINITY, |c| c.1),
            bottom: fold(f64::max, f64::NEG_INFINITY, |c| c.1),
        }
    }
}

/// A picture in one size: its width and height in units, and its elements.
pub(super) struct Drawing {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) elements: Vec<Element>,
    pub(super) svg: String,
}

impl Drawing {
    pub(super) fn new(picture: &Picture, size: Size) -> Drawing {
        let page = inline(picture, "f", "A title").into_string();
        let class = if size == Size::Wide { "class=\"wide\"" } else { "class=\"narrow\"" };
        let part = page.split("<svg ").find(|part| part.starts_with(class)).expect("a picture");
        let view = part.split("viewBox=\"0 0 ").nth(1).and_then(|rest| rest.split('"').next());
        let (width, height) = view.and_then(|view| view.split_once(' ')).expect("a viewBox");
        let (width, height) = (width.parse().expect("width"), height.parse().expect("height"));
        Drawing { width, height, elements: elements_in(part), svg: part.to_owned() }
    }

    pub(super) fn texts(&self) -> Vec<&str> {
        self.elements.iter().filter(|e| e.name == "text").map(|e| e.text.as_str()).collect()
    }

    /// Bars of this ink, in the order in which they are drawn.
    pub(super) fn bars(&self, ink: Ink) -> Vec<Area> {
        let bars = self.elements.iter().filter(|e| e.name == "rect" && e.is("fill", &ink.code()));
        bars.map(Element::area).collect()
    }

    /// The long strokes of whiskers, horizontal (`level`) or vertical.
    pub(super) fn whiskers(&self, level: bool) -> Vec<Area> {
        let strokes = self.elements.iter().filter(|e| {
            e.name == "polyline"
                && e.is("stroke", &Ink::Strong.code())
                && e.is("stroke-width", "15")
        });
        let flat = |area: &Area| match level {
            true => area.top == area.bottom,
            false => area.left == area.right,
        };
        // Each whisker is a stroke with two caps.
        let areas: Vec<_> = strokes.map(Element::area).collect();
        areas.chunks(3).map(|chunk| chunk[0]).filter(flat).collect()
    }
}

pub(super) fn elements_in(svg: &str) -> Vec<Element> {
    let unescape = |text: &str| {
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
        text.replace("&apos;", "'").replace("&amp;", "&")
    };
    let mut elements = Vec::new();
    for part in svg.split('<').skip(1) {
        let (tag, text) = part.split_once('>').expect("a tag's end");
        let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
        if !matches!(name, "rect" | "polyline" | "polygon" | "circle" | "line" | "text") {
            continue;
        }
        let mut attributes = BTreeMap::new();
        while let Some((key, after)) = rest.split_once("=\"") {
            let (value, after) = after.split_once('"').expect("a closed value");
            attributes.insert(key.trim().to_owned(), value.to_owned());
            rest = after;
        }
        let text = unescape(text.trim());
        elements.push(Element { name: name.to_owned(), attributes, text });
    }
    elements
}
