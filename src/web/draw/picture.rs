//! A picture before it is drawn: what it shows, in which order, and the text that goes with it.

use crate::aggregate::figure::Interval;
use jiff::civil::Date;

/// The width for which a picture is drawn; its text has its natural size at that width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum Size {
    /// The column of a page.
    Wide,
    /// A phone.
    Narrow,
}

impl Size {
    /// In pixels.
    pub(super) fn width(self) -> f64 {
        match self {
            Size::Wide => 720.0,
            Size::Narrow => 328.0,
        }
    }

    /// The size of names and values.
    pub(super) fn text(self) -> f64 {
        match self {
            Size::Wide => 14.0,
            Size::Narrow => 13.0,
        }
    }

    /// The size of an axis' numbers.
    pub(super) fn small(self) -> f64 {
        12.0
    }
}

/// A share with its name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) share: Interval,
    /// Another estimate of the same share, for comparison.
    pub(super) beside: Option<f64>,
}

impl Bar {
    /// How far the axis must reach.
    pub(super) fn reach(&self) -> f64 {
        self.share.high.max(self.beside.unwrap_or(0.0))
    }
}

/// A distribution with its name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BoxRow {
    pub(super) label: String,
    /// The middle nine tenths.
    pub(super) outer: (f64, f64),
    /// The middle half.
    pub(super) inner: (f64, f64),
    pub(super) median: Interval,
    /// Whether the median may lie above its interval.
    pub(super) open: bool,
}

/// What a picture shows, selected and in order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shown {
    /// Nothing, for the given reason.
    Nothing(String),
    Bars {
        bars: Vec<Bar>,
        apart: Option<Bar>,
        hollow: bool,
    },
    Histogram {
        bars: Vec<Bar>,
        apart: Option<Bar>,
        hollow: bool,
    },
    Boxes {
        rows: Vec<BoxRow>,
        hollow: bool,
    },
    Lines {
        weeks: Vec<Date>,
        series: Vec<Series>,
        measure: Measure,
        /// By week: whether its number of reports jumps up (`true`) or down.
        jumps: Vec<Option<bool>>,
    },
}

/// A picture before it is drawn, and the text that goes with it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::web) struct Picture {
    pub(super) shown: Shown,
    /// Sentences below it.
    pub(super) notes: Vec<String>,
    /// The picture in words, for those who cannot see it.
    pub(super) description: String,
}

/// A value of a week.
pub(super) type Point = Interval;

/// A value over weeks; `None` for weeks without data.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::web) struct Series {
    /// Its name.
    pub(in crate::web) label: String,
    /// One per week.
    pub(in crate::web) points: Vec<Option<Point>>,
}

/// The kind of values over weeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum Measure {
    /// Shares of reports.
    Share,
    /// Medians of a quotient.
    Quotient,
}

impl Picture {
    /// The same, with this note before the others, if there is one.
    pub(in crate::web) fn with_note(mut self, note: Option<String>) -> Picture {
        if let Some(note) = note {
            self.notes.insert(0, note);
        }
        self
    }

    pub(super) fn nothing(why: &str) -> Picture {
        Picture {
            shown: Shown::Nothing(why.to_owned()),
            notes: Vec::new(),
            description: why.to_owned(),
        }
    }
}

/// The `most` items with the largest values, in their original order, and the number of the others.
pub(super) fn chosen<T>(all: &[T], most: usize, value: impl Fn(&T) -> f64) -> (Vec<&T>, usize) {
    let mut indexes: Vec<usize> = (0..all.len()).collect();
    let size = |index: &usize| all.get(*index).map_or(0.0, &value);
    indexes.sort_by(|a, b| size(b).total_cmp(&size(a)).then(a.cmp(b)));
    indexes.truncate(most);
    indexes.sort_unstable();
    let chosen = indexes.into_iter().filter_map(|index| all.get(index)).collect();
    (chosen, all.len().saturating_sub(most))
}
