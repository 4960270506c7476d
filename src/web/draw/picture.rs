//! A picture before it is drawn: what it shows, in which order, and the text that goes with it.

use super::event::Event;
use crate::aggregate::figure::Interval;
use jiff::civil::Date;

/// The room for a picture, for which its text is laid out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Room {
    /// The narrowest width at which all text fits, in pixels.
    pub(super) width: f64,
    /// The height that must be enough, for a picture of fixed size.
    pub(super) height: Option<f64>,
}

impl Room {
    /// A picture that fits the column of a page, on a phone and on a wide screen.
    pub(super) const PAGE: Room = Room { width: 320.0, height: None };
    /// A picture in a card or among small ones.
    pub(super) const CARD: Room = Room { width: 264.0, height: None };
    /// A standalone file.
    pub(super) const FILE: Room = Room { width: 720.0, height: None };

    /// What share of the width these pixels are, at its narrowest.
    pub(super) fn share(self, pixels: f64) -> f64 {
        pixels / self.width
    }
}

/// The size of names and values.
pub(super) const TEXT: f64 = 13.0;
/// The size of an axis' numbers.
pub(super) const SMALL: f64 = 12.0;

/// A share with its name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) share: Interval,
    /// Its reports, and those that could have it.
    pub(super) reports: (u64, u64),
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
    /// The reports it is based on.
    pub(super) reports: u64,
}

impl BoxRow {
    /// How far the axis must reach.
    pub(super) fn reach(&self) -> f64 {
        self.outer.1.max(self.median.high)
    }
}

/// Bars, and the one that is set apart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct BarRows {
    pub(super) bars: Vec<Bar>,
    /// The reports with none of the buckets.
    pub(super) apart: Option<Bar>,
}

/// What a picture shows, selected and in order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shown {
    /// Nothing, for the given reason.
    Nothing(String),
    /// Shares that need not exclude each other.
    Bars(BarRows),
    /// Shares of ordered buckets that exclude each other.
    Histogram(BarRows),
    Boxes(Vec<BoxRow>),
    Lines(Lines),
}

/// Values over weeks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lines {
    pub(super) weeks: Vec<Date>,
    /// Each with the number of its colour.
    pub(super) series: Vec<(usize, Series)>,
    pub(super) measure: Measure,
    /// By week: whether its number of reports jumps up (`true`) or down.
    pub(super) jumps: Vec<Option<bool>>,
    /// By week: the number of reports, if known.
    pub(super) reports: Vec<Option<u64>>,
    pub(super) events: Vec<Event>,
    /// How many weeks at the end are provisional, if the picture is.
    pub(super) may_change: usize,
}

/// A picture before it is drawn, and the text that goes with it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::web) struct Picture {
    pub(super) shown: Shown,
    /// What the values are, with their unit.
    pub(super) axis: String,
    /// How many reports it is based on.
    pub(super) sample: Option<String>,
    /// Sentences below it.
    pub(super) notes: Vec<String>,
    /// The picture in words, for those who cannot see it.
    pub(super) description: String,
    /// Whether it is based on few reports.
    pub(super) hollow: bool,
    /// Whether the week, or the last of the weeks, may still change.
    pub(super) provisional: bool,
    /// How far the axis reaches, if that is not decided by the values.
    pub(super) reach: Option<f64>,
    /// The confidence of its intervals.
    pub(super) confidence: f64,
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

/// What a provisional picture says.
const PROVISIONAL: &str = "Dashed: this week is provisional, and its reports may still arrive.";

/// The same of the weeks at the end.
fn provisional_weeks(count: usize) -> String {
    match count {
        0 | 1 => {
            "Hollow at the end: the last week is provisional, and its reports may still arrive."
                .to_owned()
        }
        several => format!(
            "Hollow at the end: the last {several} weeks are provisional, and their reports may still arrive."
        ),
    }
}

impl Picture {
    /// The same, with this note before the others, if there is one.
    pub(in crate::web) fn with_note(mut self, note: Option<String>) -> Picture {
        if let Some(note) = note {
            self.notes.insert(0, note);
        }
        self
    }

    /// The same, drawn as provisional if its week, or the last of its weeks, is.
    pub(in crate::web) fn provisional(mut self, is_provisional: bool) -> Picture {
        let drawn = match &self.shown {
            Shown::Nothing(_) => return self,
            // If the last week has no value, nothing of it is drawn.
            Shown::Lines(lines) => {
                lines.series.iter().any(|(_, series)| matches!(series.points.last(), Some(Some(_))))
            }
            _ => true,
        };
        if is_provisional && drawn && !self.provisional {
            let note = match &mut self.shown {
                Shown::Lines(lines) => {
                    lines.may_change = lines.may_change.max(1);
                    provisional_weeks(lines.may_change)
                }
                _ => PROVISIONAL.to_owned(),
            };
            self.notes.push(note);
            self.provisional = true;
        }
        self
    }

    /// The same over weeks, drawn as provisional in so many weeks at the end.
    pub(in crate::web) fn provisional_weeks(mut self, count: usize) -> Picture {
        if let Shown::Lines(lines) = &mut self.shown {
            lines.may_change = count;
        }
        self.provisional(count > 0)
    }

    /// Values over weeks, with marks for what happened meanwhile. Events outside of these weeks are left
    /// out; other pictures have no marks.
    pub(in crate::web) fn with_events(mut self, events: Vec<Event>) -> Picture {
        if let Shown::Lines(lines) = &mut self.shown {
            lines.events = events;
            lines.events.retain(|event| event.place(&lines.weeks).is_some());
            lines.events.sort_by_key(|event| event.day);
            let has = |is_config| lines.events.iter().any(|event| event.is_config == is_config);
            let marks = match (has(true), has(false)) {
                (true, true) => Some(
                    "Upright lines: a new config (solid), a new version of the program (dashed).",
                ),
                (true, false) => Some("Upright lines: a new config."),
                (false, true) => Some("Dashed upright lines: a new version of the program."),
                (false, false) => None,
            };
            self.notes.extend(marks.map(str::to_owned));
            for event in &lines.events {
                self.description.push_str(&format!(" {}: {}.", event.day, event.title));
            }
        }
        self
    }

    /// Values over weeks, with the number of reports of each week in their tooltips.
    pub(in crate::web) fn with_reports(mut self, by_week: Vec<Option<u64>>) -> Picture {
        if let Shown::Lines(lines) = &mut self.shown {
            lines.reports = by_week;
        }
        self
    }

    pub(super) fn nothing(why: &str) -> Picture {
        Picture {
            shown: Shown::Nothing(why.to_owned()),
            axis: String::new(),
            sample: None,
            notes: Vec::new(),
            description: why.to_owned(),
            hollow: false,
            provisional: false,
            reach: None,
            confidence: 0.0,
        }
    }

    /// How far its axis must reach.
    pub(super) fn own_reach(&self) -> f64 {
        match &self.shown {
            Shown::Nothing(_) => 0.0,
            Shown::Bars(rows) | Shown::Histogram(rows) => {
                rows.bars.iter().map(Bar::reach).fold(0.0, f64::max)
            }
            Shown::Boxes(rows) => rows.iter().map(BoxRow::reach).fold(0.0, f64::max),
            Shown::Lines(lines) => {
                let points = lines.series.iter().flat_map(|(_, series)| &series.points).flatten();
                points.map(|point| point.high).fold(0.0, f64::max)
            }
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
