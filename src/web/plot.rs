//! Numbers over weeks as an SVG file, drawn like the pictures of the site.

use super::draw::{Legend, Picture, Series, panels};
use crate::aggregate::figure::Interval;
use jiff::civil::Date;

/// A file with some pictures, one below the other.
#[derive(Debug)]
pub(crate) struct Plot {
    /// Its heading.
    pub(crate) title: String,
    /// What it is about.
    pub(crate) subtitle: String,
    /// Where it comes from.
    pub(crate) source: String,
    /// The last day of each week.
    pub(crate) weeks: Vec<Date>,
    /// The pictures.
    pub(crate) panels: Vec<Panel>,
}

/// One of its pictures.
#[derive(Debug)]
pub(crate) struct Panel {
    /// What its values are, with their unit.
    pub(crate) axis: String,
    /// What else is to be said, below it.
    pub(crate) note: Option<String>,
    /// By name: a value for each week, if it has one.
    pub(crate) series: Vec<(String, Vec<Option<Interval>>)>,
}

impl Plot {
    /// The file.
    pub(crate) fn svg(&self) -> String {
        let pictures = self.panels.iter().map(|panel| {
            let series = panel
                .series
                .iter()
                .map(|(label, points)| Series { label: label.clone(), points: points.clone() });
            let series = series.collect();
            Picture::numbers_over_weeks(self.weeks.clone(), series, &panel.axis, panel.note.clone())
        });
        let pictures: Vec<Picture> = pictures.collect();
        let legend = Legend {
            title: self.title.clone(),
            subtitle: self.subtitle.clone(),
            source: self.source.clone(),
        };
        panels(&pictures, &legend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn all_panels_are_in_one_file_with_their_text() {
        let exact = |value: f64| Some(Interval { value, low: value, high: value });
        let panel = |label: &str, points: [f64; 3]| Panel {
            axis: format!("axis of {label}"),
            note: Some(format!("note of {label}")),
            series: vec![(label.to_owned(), points.map(exact).to_vec())],
        };
        let plot = Plot {
            title: "Growth".to_owned(),
            subtitle: "of <many>".to_owned(),
            source: "made up".to_owned(),
            weeks: [4, 11, 18].map(|day| date(2026, 1, day)).to_vec(),
            panels: vec![panel("first", [4.0, 5.0, 6.0]), panel("second", [1.0, 1.1, 0.9])],
        };
        let svg = plot.svg();
        for part in [
            "Growth",
            "of &lt;many&gt;",
            "made up",
            "axis of first",
            "note of first",
            "axis of second",
            "note of second",
            "Line chart over weeks: first. Line chart over weeks: second.",
        ] {
            assert!(svg.contains(part), "{part} is not in {svg}");
        }
        assert_eq!(svg, plot.svg());
    }
}
