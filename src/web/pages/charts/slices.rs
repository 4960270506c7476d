//! A chart by version, platform or toolchain: the same small picture for each, and one table.

use super::asked::{Asked, word};
use super::parts;
use super::shown::Shown;
use super::tables::{self, Limit};
use crate::aggregate::figure::{Breakdown, Dimension, Estimate, Figure, Group, Kind, Row};
use crate::web::draw::{self, Multiple, Picture, multiples};
use crate::web::numbers::{counted, grouped};
use crate::web::pages::words;
use maud::{Markup, html};

/// The most slices that are drawn; the others are in the table.
const DRAWN: usize = 9;
/// How much of the table is shown; the CSV file has everything.
const LIMIT: Limit = Limit { rows: 0, stacks: 0, groups: 30, columns: 8 };
/// The most rows of a slice that are drawn.
const ROWS: usize = 8;

/// A chart's slices by a dimension, if it has any.
pub(super) fn slices(figure: &Figure, by: Dimension) -> Option<&Breakdown> {
    figure.by.iter().find(|slices| slices.dimension == by && !slices.groups.is_empty())
}

/// The dimensions by which a chart has slices.
pub(super) fn dimensions(figure: &Figure) -> Vec<Dimension> {
    figure
        .by
        .iter()
        .filter(|slices| !slices.groups.is_empty())
        .map(|slices| slices.dimension)
        .collect()
}

/// The rows of a chart that its slices are compared by, in the order in which the chart is read.
fn compared_by(figure: &Figure) -> Vec<&Row> {
    let mut rows = draw::in_reading_order(figure, &figure.rows);
    // Each bucket of a histogram ends where the next begins.
    if figure.kind != Kind::Histogram {
        rows.truncate(ROWS);
    }
    rows
}

/// A chart with these rows alone, in this order. What a slice does not have was counted and found in no report;
/// what a chart does not have may not have been counted.
pub(super) fn aligned(figure: &Figure, by: &[&Row], is_slice: bool, confidence: f64) -> Figure {
    let row = |of: &&Row| {
        let same = |row: &&Row| row.label == of.label && row.frames == of.frames;
        let found = figure.rows.iter().find(same).cloned();
        let counted = is_slice && figure.kind != Kind::Ratio && of.base.is_none();
        found.or_else(|| {
            let share = tables::none_of(&figure.base, confidence);
            let estimate = Estimate { reports: 0, total: 0.0, share };
            counted.then(|| Row { estimate, most: None, ..(*of).clone() })
        })
    };
    let rows = by.iter().filter_map(row).collect();
    Figure { rows, left_out: 0, ..without_rows(figure) }
}

/// A slice as if it were the chart.
pub(super) fn as_figure(figure: &Figure, slice: &Group) -> Figure {
    let mut part = without_rows(figure);
    part.base = slice.base;
    part.rows.clone_from(&slice.rows);
    part.none = slice.none;
    part.left_out = 0;
    part.jump = None;
    part
}

/// A chart without slices and reweightings, and without rows.
fn without_rows(figure: &Figure) -> Figure {
    Figure {
        id: figure.id.clone(),
        title: figure.title.clone(),
        description: figure.description.clone(),
        counter: figure.counter.clone(),
        over: figure.over.clone(),
        issue: figure.issue.clone(),
        definition: figure.definition.clone(),
        rates: figure.rates.clone(),
        rows: Vec::new(),
        by: Vec::new(),
        reweighted: Vec::new(),
        ..*figure
    }
}

/// The name of the reports with none of a chart's rows, where only so many of these are drawn.
pub(super) fn none_of_all(figure: &Figure, drawn: usize) -> String {
    match figure.rows.len() {
        all if all > drawn => format!("none of all {}", grouped(all as u64)),
        _ => draw::NONE.to_owned(),
    }
}

/// The slices by a dimension, and a form to compare two of them.
pub(super) fn section(shown: &Shown<'_>, slices: &Breakdown) -> Markup {
    let Shown { week, figure, .. } = *shown;
    let by = word(slices.dimension);
    let days = super::section::days(week);
    let by_rows = compared_by(figure);
    let none = none_of_all(figure, by_rows.len());
    let drawn = slices.groups.iter().take(DRAWN).map(|slice| {
        let part = aligned(&as_figure(figure, slice), &by_rows, true, week.confidence);
        Multiple {
            name: slice.label.clone(),
            address: None,
            picture: Picture::as_ordered(&part, week.confidence, &none).provisional(!week.complete),
        }
    });
    let drawn: Vec<_> = drawn.collect();
    let rest = slices.groups.len().saturating_sub(DRAWN);
    let (shown_rows, all_rows) = (by_rows.len() as u64, figure.rows.len() as u64);
    let what = draw::rows_are(figure);
    html! {
        h2 #slices { "By " (by) ", " (words::unbroken(&days)) }
        p.note {
            "Each " (by) " for itself, on one scale. A report of an installation that ran several of them is "
            "in each."
            @if shown_rows < all_rows {
                " The pictures show " (grouped(shown_rows)) " of " (counted(all_rows, what)) "."
            }
            @if rest > 0 { " " (grouped(rest as u64)) " more are in the table." }
        }
        (multiples("s", &drawn))
        (compare_form(shown, slices, None))
        h3 { "Table" }
        (parts::breakdown(figure, slices, (&days, week.confidence), LIMIT, &shown.file(super::address::Form::Csv)))
    }
}

/// The two slices that are compared unless others are chosen: the newest release with the one before, among
/// those with enough reports to say something; of platforms, the largest two. `None` if there are no two slices.
pub(super) fn usual_pair(slices: &Breakdown) -> Option<(&str, &str)> {
    let pre_release = ["-", "rc", "beta", "devel"];
    let is_release = |slice: &&Group| !pre_release.iter().any(|mark| slice.label.contains(mark));
    let enough = |slice: &&Group| slice.base.reports >= draw::FEW;
    let all: Vec<&Group> = slices.groups.iter().collect();
    let frequent: Vec<&Group> = all.iter().copied().filter(enough).collect();
    let releases: Vec<&Group> = frequent.iter().copied().filter(is_release).collect();
    let choices = match slices.dimension {
        Dimension::Platform => vec![all],
        Dimension::Version | Dimension::Toolchain => vec![releases, frequent, all],
    };
    let pair =
        choices.into_iter().find_map(|slices| slices.first().copied().zip(slices.get(1).copied()));
    pair.map(|(first, second)| match slices.dimension {
        Dimension::Platform => (first.label.as_str(), second.label.as_str()),
        // From the one before to the newest.
        Dimension::Version | Dimension::Toolchain => (second.label.as_str(), first.label.as_str()),
    })
}

/// A form to compare two slices.
pub(super) fn compare_form(
    shown: &Shown<'_>,
    slices: &Breakdown,
    chosen: Option<(&str, &str)>,
) -> Markup {
    let by = word(slices.dimension);
    let labels: Vec<&str> = slices.groups.iter().map(|slice| slice.label.as_str()).collect();
    let Some((from, to)) = chosen.or_else(|| usual_pair(slices)) else { return html! {} };
    html! {
        form method="get" action=(shown.page(&Asked::Whole)) {
            input type="hidden" name="by" value=(by);
            @for (label, key, selected) in [("Compare", "compare", from), ("with", "with", to)] {
                label {
                    (label)
                    select name=(key) {
                        @for label in &labels {
                            option value=(label) selected[*label == selected] {
                                (draw::plain(label))
                            }
                        }
                    }
                }
            }
            button type="submit" { "Compare" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::figure::Base;
    use crate::charts_fixture::{self as fixture, NEWEST};

    fn group(label: &str, reports: u64) -> Group {
        let base = Base { reports, total: reports as f64, effective: reports as f64 };
        Group { label: label.to_owned(), base, rows: Vec::new(), none: None }
    }

    fn by(dimension: Dimension, groups: &[(&str, u64)]) -> Breakdown {
        let groups = groups.iter().map(|(label, reports)| group(label, *reports)).collect();
        Breakdown { dimension, groups, rest: None }
    }

    #[test]
    fn the_newest_two_releases_are_compared_unless_others_are_chosen() {
        let pair = |dimension, groups: &[(&str, u64)]| {
            let slices = by(dimension, groups);
            usual_pair(&slices).map(|(from, to)| format!("{from} {to}"))
        };
        let versions = [("v2.0.0-rc.1", 90), ("v1.9.0", 50), ("v1.8.0", 5), ("v1.7.0", 30)];
        assert_eq!(pair(Dimension::Version, &versions).as_deref(), Some("v1.7.0 v1.9.0"));
        let few = [("v1.1.0-rc.1", 90), ("v1.0.0", 50), ("v0.9.0", 5)];
        assert_eq!(pair(Dimension::Version, &few).as_deref(), Some("v1.0.0 v1.1.0-rc.1"));
        let new = [("v1.1.0", 3), ("v1.0.0", 2)];
        assert_eq!(pair(Dimension::Version, &new).as_deref(), Some("v1.0.0 v1.1.0"));
        let platforms = [("linux/amd64", 90), ("darwin/arm64", 50)];
        let largest = Some("linux/amd64 darwin/arm64");
        assert_eq!(pair(Dimension::Platform, &platforms).as_deref(), largest);
        assert_eq!(pair(Dimension::Version, &[("v1.0.0", 90)]), None);
    }

    #[test]
    fn slices_have_the_same_rows_in_the_same_order() {
        let week = fixture::week(NEWEST);
        let mut charts = week.programs.iter().flat_map(|program| &program.charts);
        let sliced = |figure: &&Figure| {
            figure.kind == Kind::Partition && figure.counter.is_some() && figure.rows.len() > 2
        };
        let figure = charts.find(sliced).expect("a partition");
        let rows = compared_by(figure);
        let mut slice = group("v1", 10);
        slice.rows = figure.rows.iter().rev().take(1).cloned().collect();
        let part = aligned(&as_figure(figure, &slice), &rows, true, 0.99);
        let labels = |rows: &mut dyn Iterator<Item = &Row>| -> Vec<String> {
            rows.map(|row| row.label.clone()).collect()
        };
        let wanted = rows.iter().copied().filter(|row| {
            row.base.is_none() || slice.rows.iter().any(|own| own.label == row.label)
        });
        assert_eq!(
            labels(&mut part.rows.iter()),
            labels(&mut wanted.collect::<Vec<_>>().into_iter())
        );
        let absent = part.rows.iter().find(|row| row.estimate.reports == 0).expect("one");
        // Nothing of ten reports is not nothing of all.
        assert!(absent.estimate.share.value == 0.0 && absent.estimate.share.high > 0.3);
        // In another week, it may not have been counted.
        let other = aligned(&as_figure(figure, &slice), &rows, false, 0.99);
        assert!(other.rows.len() < part.rows.len());
    }
}
