//! The page of one chart, for somebody who has to decide something.
//!
//! 1. The title, and one sentence: the figure that is read first, its interval, on how many reports it is
//!    based, how it changed in [`APART`] weeks, and whether that is more than chance: what its card says.
//! 2. Over the weeks, with new configs and releases on the time axis.
//! 3. The week: its picture, then its table.
//! 4. Forms: by version, platform or toolchain; beside another week; two versions beside each other. What is
//!    asked for (`asked`) takes the place of 2 and 3.
//! 5. How to read it.
//! 6. Where it comes from: definition, discussion, counter, config.
//! 7. To use elsewhere: files, a citation, a picture to embed, the query that computes it again.
//!
//! `one_chart` gathers what it shows; `slices` and `compare` are the two other views.

use super::address::{self, Form, Weeks};
use super::asked::{self, Asked, word};
use super::compare::{self, Side};
use super::events::first_seen;
use super::headline::APART;
use super::program::card;
use super::programs::week_of;
use super::section::{self, completeness, days};
use super::shown::Shown;
use super::tables::{self, name};
use super::trend::{OverWeeks, TIME_SERIES, all_weeks};
use super::{in_week, jump, parts, reading, sharing, slices};
use crate::aggregate::figure::{Breakdown, Dimension, Figure, Group, WeekCharts};
use crate::web::draw::{self, Event, Picture};
use crate::web::numbers::grouped;
use crate::web::pages::counters::definition;
use crate::web::pages::words;
use jiff::civil::Date;
use maud::{Markup, html};

/// The most lines of the picture over the weeks.
const LINES: usize = 6;
/// The most other weeks to choose from.
const CHOICES: usize = 60;

/// What else is shown: the chart of another week, or two slices.
pub(super) enum Other<'a> {
    /// Nothing.
    None,
    /// The slices.
    Slices(&'a Breakdown),
    /// The chart in another week.
    Week(&'a WeekCharts, &'a Figure),
    /// Two slices.
    Pair(&'a Breakdown, &'a Group, &'a Group),
}

/// The title of the page.
pub(super) fn title(figure: &Figure, program: &str, week: Date, asked: &Asked) -> String {
    let title = &figure.title;
    match asked {
        Asked::Whole => format!("{title} · {program}, {}", week_of(week)),
        Asked::Slices(by) => format!("{title} by {} · {program}, {}", word(*by), week_of(week)),
        Asked::Week(other) => {
            let (from, to) = (week_of(*other), week_of(week));
            format!("{title}, {from} and {to} compared · {program}")
        }
        Asked::Pair { from, to, .. } => {
            format!("{title}, {from} and {to} compared · {program}, {}", week_of(week))
        }
    }
}

/// The page.
pub(super) fn body(shown: &Shown<'_>, asked: &Asked, other: &Other<'_>) -> Markup {
    let Shown { week, charts, figure, .. } = *shown;
    let program = charts.program.as_str();
    html! {
        p.over { a href=(address::week(program, Weeks::One(week.week))) { (tables::path(program)) } }
        h1 { (name(&figure.title)) }
        p.lead {
            @match asked {
                Asked::Whole => (days(week)),
                Asked::Slices(by) => { "By " (word(*by)) ", " (words::unbroken(&days(week))) }
                Asked::Week(then) => {
                    (days(week)) " " (completeness(week.complete)) ", compared with " (week_of(*then))
                }
                Asked::Pair { from, to, .. } => {
                    (name(to)) " compared with " (name(from)) ", " (words::unbroken(&days(week)))
                }
            }
            @if !matches!(asked, Asked::Week(_)) { " " (completeness(week.complete)) }
        }
        (ways(shown, asked))
        (asked::answered(shown.note))
        @if let Some(description) = &figure.description { p { (name(description)) } }
        @match other {
            Other::None => { (headline(shown)) (provisional_note(shown)) }
            _ => p { a href=(shown.page(&Asked::Whole)) { "The whole chart in this week" } }
        }
        (jump::sentence(jump::of_chart(week, charts, figure)))
        (marks(figure))
        @match other {
            Other::None => (whole(shown)),
            Other::Slices(by) => (slices::section(shown, by)),
            Other::Week(then, before) => {
                (compare::section(
                    shown,
                    &Side {
                        label: days(then), figure: before, is_part: false, provisional: !then.complete,
                    },
                    &Side {
                        label: days(week), figure, is_part: false, provisional: !week.complete,
                    },
                ))
            }
            Other::Pair(by, from, to) => {
                @let figures = [from, to].map(|slice| slices::as_figure(figure, slice));
                @let [before, after] = &figures;
                @let side = |group: &Group, figure| {
                    Side { label: group.label.clone(), figure, is_part: true, provisional: !week.complete }
                };
                (compare::section(shown, &side(from, before), &side(to, after)))
                (slices::compare_form(shown, by, Some((&from.label, &to.label))))
            }
        }
        @if figure.base.reports > 0 { (closer(shown, asked)) }
        h2 #reading { "How to read this" }
        (reading::how_to_read(
            figure.kind, figure.counter.is_some(), week.confidence, section::all_asked(&figure.base),
        ))
        @let whole = if *asked == Asked::Whole { "" } else { "The whole chart: " };
        h2 #origin { (whole) @if whole.is_empty() { "Where it comes from" } @else { "where it comes from" } }
        dl.facts.chart {
            (section::origins(week, program, figure))
            @if let Some((catalogue, chart)) = shown.defined() {
                (definition::who(catalogue, chart))
                (definition::limits(chart))
            }
        }
        h2 #use { (whole) @if whole.is_empty() { "Use it elsewhere" } @else { "to use elsewhere" } }
        (sharing::sharing(shown))
    }
}

/// The sentence that is read first.
fn headline(shown: &Shown<'_>) -> Markup {
    let Shown { week, charts, figure, before, .. } = *shown;
    let before = in_week::before_in(before, &charts.program, figure, week.week);
    let card = card(week, charts, figure, &before, (Weeks::One(week.week), APART));
    html! {
        div.headlines {
            @match &card.headline {
                None => (nothing(shown)),
                Some(headline) => { (headline.figure()) (headline.changed(week.confidence)) }
            }
            @if figure.base.reports > 0 { p.basis { "from " (section::basis(&figure.base)) } }
        }
    }
}

/// Why there is no figure.
fn nothing(shown: &Shown<'_>) -> Markup {
    let version = shown.defined().and_then(|(_, chart)| chart.version.as_deref());
    html! {
        p.headline { span.value { "–" } }
        p {
            @match (shown.figure.base.reports, version) {
                (0, Some(version)) => {
                    "Counted by version " (name(version)) " and later. No report of this week is from such a version, so "
                    "there is nothing to show."
                }
                (0, None) => "No report of this week could have contained what is counted here.",
                _ => "Nothing was counted in this week.",
            }
        }
    }
}

/// The weeks before and after a week, of all that have charts, the newest first.
pub(super) fn beside(weeks: &[(Date, bool)], week: Date) -> [Option<Date>; 2] {
    let here = weeks.iter().position(|(other, _)| *other == week);
    let earlier = here.and_then(|here| weeks.get(here + 1)).map(|(week, _)| *week);
    let later = here.and_then(|here| weeks.get(here.checked_sub(1)?)).map(|(week, _)| *week);
    [earlier, later]
}

/// Links to other weeks, and to what is below.
fn ways(shown: &Shown<'_>, asked: &Asked) -> Markup {
    let Shown { week, charts, figure, weeks, kept, .. } = *shown;
    let program = charts.program.as_str();
    let page = |week: Date| {
        let page = address::chart(program, Weeks::One(week), &figure.id, Form::Page);
        let query = if kept.contains(&week) { asked.query() } else { String::new() };
        format!("{page}{query}")
    };
    let here = weeks.iter().position(|(other, _)| *other == week.week);
    let [earlier, later] = beside(weeks, week.week);
    html! {
        nav.pages #other-weeks aria-label="Weeks" {
            @if let Some(earlier) = earlier {
                a href=(page(earlier)) rel="prev" { "← " (week_of(earlier)) }
            }
            @if let Some(later) = later {
                a href=(page(later)) rel="next" { (week_of(later)) " →" }
            }
            @if later.is_some() && here.is_some_and(|here| here < TIME_SERIES as usize) {
                a href=(address::newest_chart(program, &figure.id, Form::Page)) { "The newest final week" }
            }
            a href=(address::week(program, Weeks::One(week.week))) { "All charts of this week" }
            @if figure.base.reports > 0 { a href="#closer" { "Slice or compare" } }
        }
    }
}

/// What is said of a week that may still change.
fn provisional_note(shown: &Shown<'_>) -> Markup {
    let last_final =
        shown.weeks.iter().find(|(week, complete)| *complete && *week < shown.week.week);
    html! {
        @if !shown.week.complete {
            p.note {
                "This week is provisional: its reports may still arrive and change these figures. "
                @if let Some((week, _)) = last_final {
                    a href=(address::chart(
                        &shown.charts.program, Weeks::One(*week), &shown.figure.id, Form::Page,
                    )) {
                        "The last final week: " (week_of(*week))
                    }
                }
            }
        }
    }
}

fn marks(figure: &Figure) -> Markup {
    html! {
        @if !figure.collected || (figure.base.reports > 0 && draw::is_small(&figure.base)) {
            p {
                @if !figure.collected { span.mark { "no longer collected" } " " }
                @if figure.base.reports > 0 { (tables::small(&figure.base)) }
            }
        }
    }
}

/// The chart over the weeks, and in its week.
fn whole(shown: &Shown<'_>) -> Markup {
    let Shown { week, charts, figure, before, .. } = *shown;
    let program = charts.program.as_str();
    let days = days(week);
    let first = before.first().map_or(week.week, |first| first.charts().week);
    let over = OverWeeks::new(&all_weeks(first, week.week), before, program, &figure.id);
    let events = first_seen(before, program, &figure.id).into_iter();
    let events = events.map(|seen| Event {
        day: seen.week,
        label: seen.label,
        is_config: seen.is_config,
        title: seen.title,
        address: seen.address,
    });
    let (largest, more) = over.trend.largest(LINES);
    let mut trend = over.trend.clone();
    trend.series = largest.into_iter().cloned().collect();
    let rest = (more > 0)
        .then(|| format!("The {LINES} largest; {more} more in the numbers of these weeks."));
    let picture = Picture::over_weeks(&trend, week.confidence)
        .with_note(rest)
        .with_reports(over.reports())
        .with_events(events.collect())
        .provisional_weeks(over.may_change);
    let jump = jump::of_chart(week, charts, figure).map(|(of, jump)| jump::note(of, &jump));
    let one = Picture::of_week(figure, week.confidence).with_note(jump).provisional(!week.complete);
    let csv = shown.file(Form::Csv);
    html! {
        @if over.weeks.len() > 1 && over.reports().into_iter().flatten().any(|reports| reports > 0) {
            h2 #weeks { "Over the weeks" }
            (section::picture(&picture, "o", &figure.title))
            p.note {
                a href=(address::chart(program, Weeks::Range(first, week.week), &figure.id, Form::Page)) {
                    "The numbers of these weeks"
                }
            }
        }
        h2 #week { "In the week of " (words::unbroken(&days)) }
        @if figure.base.reports == 0 {
            p { "No report of this week could have contained what is counted here." }
        } @else {
            (section::picture(&one, "p", &figure.title))
        }
        @if let Some(most) = Picture::counted_most(figure, week.confidence) {
            h3 #most { "What each installation counted most" }
            p.note {
                "Above, an installation is in every bucket that it counted, so the shares can add up to more "
                "than 100%. Here it is only in the one that it counted most often."
            }
            (section::picture(&most.provisional(!week.complete), "m", &figure.title))
        }
        @if figure.base.reports > 0 {
            (tables::rows(figure, &days, week.confidence, tables::WHOLE, &csv))
        }
        @if figure.left_out > 0 {
            p.note { (grouped(figure.left_out)) " rarer stacks are not stored." }
        }
        @for (index, each) in figure.reweighted.iter().enumerate() {
            h3 { "Reweighted: " (name(&each.title)) }
            @let weighted = Picture::reweighted(figure, each, week.confidence);
            (section::picture(&weighted, &format!("w{index}"), &each.title))
            details {
                summary { "How it was reweighted" }
                (parts::reweighted(each))
            }
        }
    }
}

/// Forms to look closer.
fn closer(shown: &Shown<'_>, asked: &Asked) -> Markup {
    let Shown { week, figure, weeks, .. } = *shown;
    let dimensions = slices::dimensions(figure);
    let others: Vec<Date> =
        weeks.iter().map(|(other, _)| *other).filter(|other| *other != week.week).collect();
    // What the headline compares with, or the next one before that.
    let month = week.week.saturating_sub(jiff::Span::new().weeks(APART as i64));
    let month = others.iter().find(|other| **other <= month).copied();
    let chosen = match asked {
        Asked::Week(other) => Some(*other),
        _ => {
            let earlier = others.iter().find(|other| **other < week.week);
            month.or(earlier.or(others.first()).copied())
        }
    };
    let versions = slices::slices(figure, Dimension::Version);
    let newest = versions.and_then(slices::usual_pair).filter(|_| *asked == Asked::Whole);
    html! {
        h2 #closer { "Look closer" }
        @if let Some((from, to)) = newest {
            p {
                a href=(shown.page(&Asked::Pair { by: Dimension::Version, from: from.into(), to: to.into() })) {
                    (name(to)) " compared with " (name(from))
                }
            }
        }
        div.forms {
            @if !dimensions.is_empty() {
                form method="get" action=(shown.page(&Asked::Whole)) {
                    label {
                        "Slice it by"
                        select name="by" {
                            @for by in &dimensions {
                                option value=(word(*by)) selected[matches!(asked, Asked::Slices(one) if one == by)] {
                                    (word(*by))
                                }
                            }
                        }
                    }
                    button type="submit" { "Slice" }
                }
            }
            @if !others.is_empty() {
                form method="get" action=(shown.page(&Asked::Whole)) {
                    label {
                        "Compare with the week"
                        select name="compare" {
                            @for other in others.iter().take(CHOICES) {
                                option value=(other) selected[chosen == Some(*other)] { (week_of(*other)) }
                            }
                        }
                    }
                    button type="submit" { "Compare" }
                }
            }
        }
    }
}
