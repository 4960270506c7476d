//! `/charts/PROGRAM/@WEEK/`: all charts of a program in a week.

use super::address::{self, Weeks};
use super::jump;
use super::programs::week_of;
use super::section::{completeness, days, section};
use super::tables::{self, name};
use crate::aggregate::figure::{ProgramCharts, WeekCharts};
use crate::web::draw::Picture;
use crate::web::numbers;
use crate::web::numbers::counted;
use crate::web::pages::words;
use jiff::civil::Date;
use maud::{Markup, html};

/// A program's charts of a week with their pictures. `weeks` are all weeks with charts, newest first.
pub(super) fn body(
    week: &WeekCharts,
    program: &ProgramCharts,
    pictures: &[Picture],
    weeks: &[Date],
) -> Markup {
    let path = program.program.as_str();
    let here = Weeks::One(week.week);
    html! {
        h1 { (tables::path(path)) }
        p.lead {
            (days(week)) ": " (counted(program.reports, "report")) ". " (completeness(week.complete))
        }
        (jump::sentence(jump::of_program(week, program)))
        (jump::anyone_can_send())
        (neighbours(path, week.week, weeks, None))
        @if !week.complete {
            p.note { "Reports of this week may still arrive and change these figures." }
        }
        @if program.charts.is_empty() { p { "There are no charts of this program in this week." } }
        @if program.charts.len() > 1 {
            nav.contents aria-label="Charts on this page" {
                ul {
                    @for (index, figure) in program.charts.iter().enumerate() {
                        li { a href={ "#chart-" (index) } { (name(&figure.title)) } }
                    }
                }
            }
        }
        @for (index, (figure, drawn)) in program.charts.iter().zip(pictures).enumerate() {
            (section(week, program, figure, drawn, index))
        }
        h2 { "How to read this" }
        p {
            "Charts count reports, not events: an installation that did something a million times counts as "
            "much as one that did it once. A bar is the share of reports that contained a bucket, weighted by "
            "the rates at which they were sampled. Its whisker is the interval that contains the share "
            "among all installations that opted in, with "
            (numbers::confidence(week.confidence)) " confidence. It says nothing about those that did not "
            "opt in. The shares of a chart need not add up to 100%: an installation may use several "
            "things in a week, or none."
        }
        p {
            "Made from the definitions at " (words::commit(&week.definitions.repository, &week.definitions.commit))
            ". " a href={ (address::week(path, here)) "charts.json" } { "All charts as JSON" }
            ", " a href="/charts/@format" { "the format of the files" } "."
        }
        (range_form(path, weeks, week.week))
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
            h2 { "Over weeks" }
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
