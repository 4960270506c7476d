//! A chart twice, beside each other: in two weeks, or for two versions, platforms or toolchains. Each bucket
//! has the difference between the two, with its interval.

use super::difference::{signed, size, unit, value};
use super::shown::Shown;
use super::slices;
use super::tables::{name, none_of, value_with_interval};
use super::trend::{ANY, any};
use crate::aggregate::figure::{Figure, Interval, Kind, Row};
use crate::aggregate::statistics::difference::{is_beyond, of_medians, of_shares};
use crate::web::draw::{self, Multiple, Picture, multiples};
use crate::web::numbers::{self, counted, grouped};
use crate::web::pages::layout;
use maud::{Markup, html};
use std::borrow::Cow;

/// The most rows of the table.
const ROWS: usize = 60;
/// The most rows that are drawn.
const DRAWN: usize = 20;
/// The most changes that the sentence names.
const NAMED: usize = 3;

/// One of the two: what it is of, and its chart.
pub(super) struct Side<'a> {
    /// `9–15 Nov 2026`, `v0.20.0`.
    pub(super) label: String,
    /// Its chart.
    pub(super) figure: &'a Figure,
    /// Whether rows that it does not have were counted, and found in no report.
    pub(super) is_part: bool,
    /// Whether its week may still change.
    pub(super) provisional: bool,
}

/// A bucket on both sides.
struct Compared<'a> {
    label: Cow<'a, str>,
    from: Option<Interval>,
    to: Option<Interval>,
    difference: Option<Interval>,
}

impl Side<'_> {
    fn row(&self, of: &Row) -> Option<&Row> {
        let same = |row: &&Row| row.label == of.label && row.frames == of.frames;
        self.figure.rows.iter().find(same)
    }

    /// The value of a row; `None` if it could not be counted.
    fn value(&self, of: &Row, confidence: f64) -> Option<Interval> {
        let Figure { base, kind, .. } = self.figure;
        if base.reports == 0 {
            return None;
        }
        match self.row(of) {
            Some(row) => value(row, *kind),
            None if self.is_part && *kind != Kind::Ratio => Some(none_of(base, confidence)),
            None => None,
        }
    }
}

/// The name of a row. Stacks have no rank here, since those of the two sides differ; those with the same innermost
/// function are told apart by the one that called it.
fn label<'a>(row: &'a Row, kind: Kind, all: &[&Row]) -> Cow<'a, str> {
    if kind != Kind::Stack {
        return Cow::Borrowed(&row.label);
    }
    let is_alone = all.iter().filter(|other| other.label == row.label).count() < 2;
    match row.frames.get(1).filter(|_| !is_alone) {
        Some(caller) => Cow::Owned(format!("{}, called by {caller}", row.label)),
        None => Cow::Borrowed(draw::stack_name(&row.label)),
    }
}

/// The rows of both sides, the clearest and largest changes first; those of a histogram in their order.
fn compared<'a>(from: &'a Side<'a>, to: &'a Side<'a>, confidence: f64) -> Vec<Compared<'a>> {
    let kind = to.figure.kind;
    let only_before = from.figure.rows.iter().filter(|row| to.row(row).is_none());
    let rows = to.figure.rows.iter().chain(only_before);
    let compare = |row: &'a Row, all: &[&Row]| {
        let (before, after) = (from.value(row, confidence), to.value(row, confidence));
        let difference = before.zip(after).map(|(before, after)| match kind {
            Kind::Ratio => of_medians(&before, &after),
            _ => of_shares(&before, &after, confidence),
        });
        Compared { label: label(row, kind, all), from: before, to: after, difference }
    };
    // The smallest ones are not worth the time that their intervals take.
    let mut rows: Vec<&'a Row> = rows.collect();
    if kind != Kind::Histogram {
        rows.sort_by(|a, b| {
            let size = |row: &Row| {
                let share =
                    |side: &Side<'_>| side.row(row).map_or(0.0, |row| row.estimate.share.value);
                share(from).max(share(to))
            };
            size(b).total_cmp(&size(a))
        });
    }
    rows.truncate(ROWS);
    let mut all: Vec<_> = rows.iter().map(|row| compare(row, &rows)).collect();
    let is_stack = kind == Kind::Stack;
    let any = any(from.figure).zip(any(to.figure)).filter(|_| is_stack);
    let any = any.map(|(before, after)| Compared {
        label: Cow::Borrowed(ANY),
        from: Some(before),
        to: Some(after),
        difference: Some(of_shares(&before, &after, confidence)),
    });
    if kind != Kind::Histogram {
        let weight = |row: &Compared<'_>| match &row.difference {
            Some(difference) => (is_beyond(difference), difference.value.abs()),
            None => (false, -1.0),
        };
        all.sort_by(|a, b| {
            let ((a_beyond, a_size), (b_beyond, b_size)) = (weight(a), weight(b));
            b_beyond.cmp(&a_beyond).then(b_size.total_cmp(&a_size))
        });
    }
    any.into_iter().chain(all).collect()
}

/// Fewer reports than this say little of a difference.
const LITTLE: u64 = 100;

/// That no change can be told from chance, and how large one may have been all the same.
fn unclear(all: &[Compared<'_>], kind: Kind, sides: [&Side<'_>; 2]) -> Markup {
    let few = sides.into_iter().filter(|side| side.figure.base.reports < LITTLE);
    let few: Vec<_> = few.collect();
    let first = all.iter().find_map(|row| Some((&row.label, row.difference?)));
    html! {
        @if few.is_empty() {
            "No difference is larger than chance would explain."
        } @else {
            "Too few reports to tell: "
            @for (index, side) in few.iter().enumerate() {
                @if index > 0 { " and " }
                (grouped(side.figure.base.reports)) " of " (name(&side.label))
            }
            "."
        }
        @if let Some((label, difference)) = first {
            " For " strong { (name(label)) } ", anything from " (signed(difference.low, kind)) " to "
            (signed(difference.high, kind)) (unit(kind)) " fits these reports."
        }
        @if sides.iter().all(|side| side.is_part) {
            " Weeks are not added up to have more reports: an installation can be in each of them, so an interval "
            "based on all of them would be too narrow. "
            a href="#other-weeks" { "The same comparison in other weeks" } "."
        }
    }
}

/// What changed beyond its interval, in one sentence.
fn sentence(all: &[Compared<'_>], kind: Kind, sides: [&Side<'_>; 2]) -> Markup {
    let beyond: Vec<_> =
        all.iter().filter_map(|row| Some((row, row.difference.filter(is_beyond)?))).collect();
    html! {
        p.findings {
            @if beyond.is_empty() {
                (unclear(all, kind, sides))
            } @else {
                @for (index, (row, difference)) in beyond.iter().take(NAMED).enumerate() {
                    @if index > 0 { "; " }
                    strong { (name(&row.label)) } " "
                    (if difference.value > 0.0 { "up " } else { "down " })
                    (size(difference.value, kind)) (unit(kind))
                    @let (near, far) = match difference.value > 0.0 {
                        true => (difference.low, difference.high),
                        false => (difference.high, difference.low),
                    };
                    " (" (size(near, kind)) " to " (size(far, kind)) ")"
                }
                @if beyond.len() > NAMED {
                    "; and " (grouped((beyond.len() - NAMED) as u64)) " more"
                }
                "."
            }
        }
    }
}

/// The comparison.
pub(super) fn section(shown: &Shown<'_>, from: &Side<'_>, to: &Side<'_>) -> Markup {
    let Shown { week, figure, .. } = *shown;
    let confidence = week.confidence;
    let kind = figure.kind;
    let all = compared(from, to, confidence);
    let sides = [from, to];
    let only_before = from.figure.rows.iter().filter(|row| to.row(row).is_none());
    let mut by_rows = draw::in_reading_order(to.figure, &to.figure.rows);
    by_rows.extend(only_before);
    if kind != Kind::Histogram {
        by_rows.truncate(DRAWN);
    }
    let none = slices::none_of_all(figure, by_rows.len());
    let pictures = sides.map(|side| {
        let rows = slices::aligned(side.figure, &by_rows, side.is_part, confidence);
        Multiple {
            name: side.label.clone(),
            address: None,
            picture: Picture::as_ordered(&rows, confidence, &none).provisional(side.provisional),
        }
    });
    let percent = numbers::confidence(confidence);
    let table = html! {
        table.full.chart.cells {
            caption {
                (name(&figure.title)) ": "
                @if kind == Kind::Ratio { "medians" } @else { "shares" }
                " with their intervals, and the difference from " (name(&from.label)) " to " (name(&to.label))
            }
            thead {
                tr {
                    th scope="col" { @if kind == Kind::Stack { "Stack" } @else { "Bucket" } }
                    @for side in sides {
                        th.number scope="col" {
                            (name(&side.label)) " (of " (grouped(side.figure.base.reports)) ")"
                        }
                    }
                    th.number scope="col" {
                        "Difference" @if kind != Kind::Ratio { " in points" }
                    }
                    th.number scope="col" { (percent) " interval" }
                }
            }
            tbody {
                @for row in &all {
                    tr {
                        th scope="row" {
                            (name(&row.label))
                            @if row.difference.as_ref().is_some_and(is_beyond) {
                                " " span.mark.changed { "changed" }
                            }
                        }
                        @for (side, value) in sides.iter().zip([&row.from, &row.to]) {
                            td.number data-label=(draw::plain(&side.label)) {
                                (value_with_interval(value.as_ref(), kind == Kind::Ratio))
                            }
                        }
                        @match &row.difference {
                            None => { td.number { "–" } td.number { "–" } }
                            Some(difference) => {
                                td.number data-label="Difference" { (signed(difference.value, kind)) }
                                td.number data-label="Its interval" {
                                    (signed(difference.low, kind)) " to " (signed(difference.high, kind))
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    let chance = (1.0 - confidence) * all.len() as f64;
    html! {
        (sentence(&all, kind, sides))
        h2 { "Beside each other" }
        (multiples("c", &pictures))
        h2 { "The differences" }
        (layout::wide(&draw::plain(&format!("Table: {} compared", figure.title)), &table))
        p.note {
            "“Changed” marks a difference whose interval does not include 0. "
            @if chance >= 0.05 {
                "If nothing had changed, on average at most " (numbers::quotient(chance)) " of these "
                (counted(all.len() as u64, "row")) " would be marked by chance alone. "
            }
            @if from.is_part {
                "Users of the two differ, and one that was in use for fewer days of the week has fewer chances to "
                "count: a difference need not come from what changed in the program. "
            }
            "The two are taken as independent samples. If many installations are in both and do the same, the true "
            "intervals are narrower than these. "
            @if kind == Kind::Ratio {
                "The interval of a difference follows from those of the two medians (Newcombe’s method)."
            } @else {
                "The interval of a difference follows from those of the two shares (the melded intervals of Fay, "
                "Proschan and Brittain)."
            }
        }
    }
}
