//! `/charts/PROGRAM/@WEEK/` and `/charts/PROGRAM/@WEEK..WEEK/`: a program's charts in short.
//!
//! Reviewed questions come first; what every program has (versions, platforms, toolchains) and what is no
//! longer collected is folded. The detail is on each chart's own page, and all of it on `everything`'s.

use super::address::{self, Weeks};
use super::card::{self, Card};
use super::find;
use super::headline::{APART, Headline};
use super::in_week::{self, InWeek};
use super::jump;
use super::loaded::Series;
use super::paging::Page;
use super::programs::week_of;
use super::section::{completeness, days};
use super::tables;
use crate::aggregate::figure::{Figure, ProgramCharts, WeekCharts};
use crate::aggregate::statistics::total::installations;
use crate::web::numbers;
use crate::web::numbers::{counted, counted_as};
use crate::web::pages::words;
use jiff::civil::Date;
use maud::{Markup, html};

/// A page of a program's charts of a week in short, of which there are `all`. `trends` are theirs over the weeks up
/// to it, and `weeks` all weeks with charts, newest first.
pub(super) fn body(
    week: &WeekCharts,
    program: &ProgramCharts,
    (page, all): (Page, usize),
    trends: &Series,
    weeks: &[Date],
) -> Markup {
    let path = program.program.as_str();
    let here = Weeks::One(week.week);
    let card = |figure| {
        let before = in_week::before(trends, figure, week.week);
        card(week, program, figure, &before, (here, APART))
    };
    let cards: Vec<Card<'_>> = program.charts.iter().map(card).collect();
    let compared = card::compared(&cards);
    let links = page.links(all, &address::week(path, here));
    html! {
        h1 { (tables::path(path)) }
        p.lead {
            (days(week)) ": " (counted(program.reports, "report")) (stand_for(week, program)) ". "
            (completeness(week.complete))
        }
        (jump::sentence(jump::of_program(week, program)))
        (jump::anyone_can_send())
        (neighbours(path, week.week, weeks, None))
        @if !week.complete {
            p.note { "Reports of this week may still arrive and change these figures." }
        }
        @if program.charts.is_empty() { p { "There are no charts of this program in this week." } }
        (links)
        (sections(cards))
        (links)
        @if all > program.charts.len() {
            p { a href=(find::charts_of(path)) { "All " (counted(all as u64, "chart")) " by name" } }
        }
        @if !program.charts.is_empty() {
            (card::explained(week.confidence, &format!("{APART} weeks"), compared))
        }
        nav.pages aria-label="More of this program" {
            a href={ (address::week(path, here)) "@all" } { "All charts on one page" }
            (counters(path))
            a href="/charts/@all" { "Find a chart" }
        }
        details {
            summary { "How to read these charts" }
            (how_to_read(week, path))
        }
        (range_form(path, weeks, week.week))
    }
}

/// Some of a program's charts over weeks.
pub(super) struct Many<'a> {
    pub(super) series: &'a Series,
    /// The ids of those on this page, in their order.
    pub(super) shown: &'a [String],
    pub(super) page: Page,
    /// How many charts there are on all pages.
    pub(super) all: usize,
}

/// A program over weeks: the newest figures, and how they changed since the first week.
pub(super) fn over_weeks(
    program: &str,
    (from, to): (Date, Date),
    Many { series, shown, page, all }: &Many<'_>,
    weeks: &[Date],
) -> Markup {
    let range = Weeks::Range(from, to);
    let last = series.program.keys().next_back().copied();
    let find = |id: &String| series.charts.iter().find(|one| one.chart.id == *id);
    let newest = shown.iter().filter_map(|id| {
        let of = find(id)?;
        let week = of.weeks.last()?;
        Some((
            series.weeks.get(&week.week)?,
            &series.program.get(&week.week)?.program,
            of.figure(week),
        ))
    });
    let newest: Vec<(&WeekCharts, &ProgramCharts, Figure)> = newest.collect();
    let cards = newest.iter().map(|(week, charts, figure)| {
        let before = in_week::before(series, figure, week.week);
        let mut card = card(week, charts, figure, &before, (range, super::trend::MOST_WEEKS));
        if Some(week.week) != last {
            // Its newest figure is not of the last week.
            card.headline = None;
        }
        card
    });
    let cards: Vec<Card<'_>> = cards.collect();
    let compared = card::compared(&cards);
    let confidence = last.and_then(|last| Some(series.weeks.get(&last)?.confidence));
    let links = page.links(*all, &address::week(program, range));
    html! {
        h1 { (tables::path(program)) }
        p.lead { "From the week of " (week_of(from)) " to the week of " (week_of(to)) "." }
        p.note {
            "Each week is estimated separately, and weeks are not added up: an installation may report every "
            "week."
        }
        (jump::anyone_can_send())
        nav.pages aria-label="Weeks" {
            @if let Some(last) = last {
                a href=(address::week(program, Weeks::One(last))) { "The last of these weeks" }
            }
            a href=(address::program(program)) { "The newest week" }
        }
        (links)
        (sections(cards))
        (links)
        (card::explained(confidence.unwrap_or(0.99), "all of these weeks", compared))
        nav.pages aria-label="More of this program" {
            a href={ (address::week(program, range)) "@all" } { "All charts of these weeks on one page" }
            (counters(program))
        }
        (range_form(program, weeks, to))
    }
}

/// A chart as a card, with what it was in the weeks before. `apart` is from how many of them its change is
/// measured.
pub(super) fn card<'a>(
    week: &'a WeekCharts,
    program: &'a ProgramCharts,
    figure: &'a Figure,
    before: &[Option<InWeek<'_>>],
    (weeks, apart): (Weeks, usize),
) -> Card<'a> {
    Card {
        program: &program.program,
        weeks,
        figure,
        headline: Headline::new(figure, before, apart),
        confidence: week.confidence,
        provisional: !week.complete,
        // A program's own is said above its cards.
        jump: figure.jump.map(|jump| (jump::Of::Chart, jump)),
    }
}

/// Cards in groups: reviewed questions, what every program has, and what is no longer collected.
fn sections(cards: Vec<Card<'_>>) -> Markup {
    let (gone, kept): (Vec<_>, Vec<_>) =
        cards.into_iter().partition(|card| !card.figure.collected && card.figure.counter.is_some());
    let (reviewed, automatic): (Vec<_>, Vec<_>) =
        kept.into_iter().partition(|card| card.figure.counter.is_some());
    html! {
        @if !reviewed.is_empty() {
            h2 { (counted_as(reviewed.len() as u64, "reviewed question", "reviewed questions")) }
            (card::grid(&reviewed, false))
        }
        @if !automatic.is_empty() {
            h2 { "Of every program" }
            details open[reviewed.is_empty()] {
                summary { "Versions, platforms and toolchains" }
                (card::grid(&automatic, false))
            }
        }
        @if !gone.is_empty() {
            details {
                summary { (counted(gone.len() as u64, "chart")) " no longer collected" }
                (card::grid(&gone, false))
            }
        }
    }
}

/// How many installations a program's reports stand for.
fn stand_for(week: &WeekCharts, program: &ProgramCharts) -> Markup {
    let known = program.charts.iter().find(|figure| figure.counter.is_none());
    let rates = known.into_iter().flat_map(|figure| &figure.rates);
    let estimated = installations(rates.map(|rate| (rate.reports, rate.rate)), week.confidence);
    html! {
        @if let Some(number) = estimated {
            @if number.high > number.low {
                ", for an estimated " (numbers::installations(number.value))
                " (" (numbers::total(number.low)) " to " (numbers::total(number.high)) ")"
            } @else {
                "; every installation that opted in was asked"
            }
        }
    }
}

/// The link to a program's counters.
fn counters(program: &str) -> Markup {
    html! {
        a href=(crate::web::pages::counters::address::program(program)) { "Its counters and stacks" }
    }
}

/// How charts of a week are read, and what they were made from.
pub(super) fn how_to_read(week: &WeekCharts, program: &str) -> Markup {
    let here = Weeks::One(week.week);
    html! {
        p {
            "Charts count reports, not events: an installation that did something a million times counts as "
            "much as one that did it once. A share is that of the reports that contained a bucket, weighted "
            "by the rates at which they were sampled. Its interval contains the share "
            "among all installations that opted in, with "
            (numbers::confidence(week.confidence)) " confidence, as far as chance goes. It says nothing about those that "
            "did not opt in. The shares of a chart need not add up to 100%: an installation may use several "
            "things in a week, or none."
        }
        p {
            "Made from the definitions at " (words::commit(&week.definitions.repository, &week.definitions.commit))
            ". " a href={ (address::week(program, here)) "charts.json" } { "All charts as JSON" }
            ", " a href="/charts/@format" { "the format of the files" } "."
        }
    }
}

/// Links to the weeks before and after, of a program or of one of its charts.
pub(super) fn neighbours(program: &str, week: Date, weeks: &[Date], id: Option<&str>) -> Markup {
    let address = |weeks: Weeks| match id {
        None => address::week(program, weeks),
        Some(id) => address::chart(program, weeks, id, address::Form::Page),
    };
    let index = weeks.iter().position(|other| *other == week);
    let before = index.and_then(|index| weeks.get(index + 1));
    let after = index.and_then(|index| weeks.get(index.checked_sub(1)?));
    // Half a year up to this week, if there are charts.
    let first = index.and_then(|index| weeks.get(index..)).unwrap_or_default();
    let first = first.iter().take(26).next_back();
    html! {
        nav.pages aria-label="Weeks" {
            @if let Some(before) = before {
                a href=(address(Weeks::One(*before))) rel="prev" { "← " (week_of(*before)) }
            }
            @if let Some(after) = after {
                a href=(address(Weeks::One(*after))) rel="next" { (week_of(*after)) " →" }
            }
            @if let Some(first) = first.filter(|first| **first < week) {
                a href=(address(Weeks::Range(*first, week))) { "Over the weeks" }
            }
            @if id.is_some() {
                a href=(address::week(program, Weeks::One(week))) { "All charts of this week" }
            }
        }
    }
}

/// A form to choose weeks to compare, which needs no script.
pub(super) fn range_form(program: &str, weeks: &[Date], chosen: Date) -> Markup {
    let earliest = weeks.iter().take_while(|week| **week >= chosen).count() + 12;
    let from = weeks.get(earliest.min(weeks.len().saturating_sub(1)));
    html! {
        @if weeks.len() > 1 {
            h2 { "Other weeks" }
            form method="get" action={ (address::program(program)) "@range" } {
                @for (label, key, selected) in
                    [("From the week", "from", from), ("To the week", "to", Some(&chosen))]
                {
                    label {
                        (label)
                        select name=(key) {
                            @for week in weeks {
                                option value=(week) selected[selected == Some(week)] { (week_of(*week)) }
                            }
                        }
                    }
                }
                button type="submit" { "Show" }
            }
        }
    }
}
