//! `/charts/PROGRAM/@WEEK/@all`: all charts of a program, with their pictures and tables.

use super::address::{self, Weeks};
use super::jump;
use super::paging::Page;
use super::program::{how_to_read, neighbours};
use super::section::{completeness, days, section};
use super::tables::{self, name};
use crate::aggregate::figure::{ProgramCharts, WeekCharts};
use crate::web::draw::Picture;
use crate::web::numbers::counted;
use jiff::civil::Date;
use maud::{Markup, html};

/// A page of a program's charts of a week with their pictures, of which there are `all`. `weeks` are all weeks with charts, newest first.
pub(super) fn body(
    week: &WeekCharts,
    program: &ProgramCharts,
    pictures: &[Picture],
    weeks: &[Date],
    (page, all): (Page, usize),
) -> Markup {
    let path = program.program.as_str();
    let here = Weeks::One(week.week);
    let whole = format!("{}@all", address::week(path, here));
    html! {
        h1 { (tables::path(path)) }
        p.lead {
            (days(week)) ": " (counted(program.reports, "report")) ". " (completeness(week.complete))
        }
        (jump::sentence(jump::of_program(week, program)))
        (jump::anyone_can_send())
        nav.pages aria-label="Overview" {
            a href=(address::week(path, here)) { "All charts of this week in short" }
        }
        (neighbours(path, week.week, weeks, None))
        @if !week.complete {
            p.note { "Reports of this week may still arrive and change these figures." }
        }
        @if program.charts.is_empty() { p { "There are no charts of this program in this week." } }
        (page.links(all, &whole))
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
        (page.links(all, &whole))
        h2 { "How to read this" }
        (how_to_read(week, path))
    }
}
