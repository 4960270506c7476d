//! Reads a drawing back from its SVG, so that tests can measure it.

use super::picture::{Picture, Room, SMALL};
use super::scene::{Scene, Shape};
use super::svg::{Across, BASELINE, elements};
use super::{label, page};
use std::collections::BTreeMap;

/// An element of a drawing: its name, attributes, and text.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) text: String,
}

/// A box in pixels.
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

    /// Whether it has this class.
    pub(super) fn has_class(&self, class: &str) -> bool {
        let classes = self.attributes.get("class").map_or("", String::as_str);
        classes.split(' ').any(|found| found == class)
    }

    /// The area it covers; for a text, an estimate.
    pub(super) fn area(&self) -> Area {
        if self.name == "text" {
            let size = self.attributes.get("font-size").map_or(SMALL, |_| self.number("font-size"));
            let width = label::width(&self.text, size);
            let (from, to) = match (self.has_class("e"), self.has_class("m")) {
                (true, _) => (-width, 0.0),
                (_, true) => (-width / 2.0, width / 2.0),
                _ => (0.0, width),
            };
            let half = size * 0.5;
            if let Some(transform) = self.attributes.get("transform") {
                let place = transform.trim_start_matches("translate(").split(')').next();
                let (x, y) = place.and_then(|place| place.split_once(' ')).expect("a place");
                let (x, y): (f64, f64) = (x.parse().expect("x"), y.parse().expect("y"));
                // Vertical: the start of the text is at the bottom.
                return Area { left: x - half, right: x + half, top: y - to, bottom: y - from };
            }
            let (x, y) = (self.number("x"), self.number("y") - size * BASELINE);
            return Area { left: x + from, right: x + to, top: y - half, bottom: y + half };
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
            "line" => {
                vec![(self.number("x1"), self.number("y1")), (self.number("x2"), self.number("y2"))]
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

/// A picture that is drawn at one width: its elements, and what its tooltips say.
pub(super) struct Drawing {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) elements: Vec<Element>,
    pub(super) scene: Scene,
}

impl Drawing {
    /// As the column of a page shows it, at this width.
    pub(super) fn new(picture: &Picture, width: f64) -> Drawing {
        Drawing::of(page::scene(picture, Room::PAGE), width)
    }

    pub(super) fn of(scene: Scene, width: f64) -> Drawing {
        let elements = elements_in(&elements(&scene, Across::Pixels(width)));
        Drawing { width, height: scene.height, elements, scene }
    }

    pub(super) fn texts(&self) -> Vec<&str> {
        self.elements.iter().filter(|e| e.name == "text").map(|e| e.text.as_str()).collect()
    }

    pub(super) fn tooltips(&self) -> Vec<&str> {
        let titles = self.scene.shapes.iter().filter_map(|shape| match shape {
            Shape::Titled(title) => Some(title.as_str()),
            _ => None,
        });
        titles.collect()
    }

    /// Bars of this class, in the order in which they are drawn.
    pub(super) fn bars(&self, class: &str) -> Vec<Area> {
        let bars = self.elements.iter().filter(|e| e.name == "rect" && e.has_class(class));
        bars.map(Element::area).collect()
    }

    /// Marks and areas of this class.
    pub(super) fn polygons(&self, class: &str) -> Vec<&Element> {
        self.elements.iter().filter(|e| e.name == "polygon" && e.has_class(class)).collect()
    }

    /// The long strokes of level whiskers.
    pub(super) fn whiskers(&self) -> Vec<Area> {
        let strokes = self.elements.iter().filter(|e| {
            e.name == "line" && !e.attributes.contains_key("class") && e.is("stroke-width", "1.5")
        });
        // Each whisker is a stroke with two caps.
        let areas: Vec<_> = strokes.map(Element::area).collect();
        areas.chunks(3).map(|chunk| chunk[0]).filter(|area| area.top == area.bottom).collect()
    }

    /// The strokes of upright whiskers.
    pub(super) fn upright_whiskers(&self) -> Vec<Area> {
        let strokes = self.elements.iter().filter(|e| {
            e.name == "line" && !e.attributes.contains_key("class") && e.is("stroke-width", "1.5")
        });
        strokes.map(Element::area).filter(|area| area.left == area.right).collect()
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
