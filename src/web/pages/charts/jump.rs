//! What pages say where a number of reports jumps, and of whom to believe.

use crate::aggregate::figure::{Figure, Jump, ProgramCharts, WeekCharts};
use crate::web::numbers::{counted, grouped};
use maud::{Markup, html};

/// What has more or fewer reports than the weeks before explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// The whole week, with all programs.
    Week,
    /// A program.
    Program,
    /// A chart.
    Chart,
}

/// The jump that a chart is marked with: its own, else its program's, else the week's.
pub(super) fn of_chart(
    week: &WeekCharts,
    program: &ProgramCharts,
    figure: &Figure,
) -> Option<(Of, Jump)> {
    let own = figure.jump.map(|jump| (Of::Chart, jump));
    own.or_else(|| of_program(week, program))
}

/// The jump that a program is marked with: its own, else the week's.
pub(super) fn of_program(week: &WeekCharts, program: &ProgramCharts) -> Option<(Of, Jump)> {
    let own = program.jump.map(|jump| (Of::Program, jump));
    own.or(week.jump.map(|jump| (Of::Week, jump)))
}

/// A number of reports that was computed.
fn about(reports: f64) -> String {
    // Never negative, and far below 2^53.
    grouped(reports.round() as u64)
}

/// The mark in a few words: `▲ 2,300 reports, 1,000 expected`. It says of what these are where that is
/// more than the chart.
fn short(of: Of, jump: &Jump) -> String {
    let sign = if jump.is_up() { "▲" } else { "▼" };
    let of = match of {
        Of::Week => " of the whole week",
        Of::Program => " of the whole program",
        Of::Chart => "",
    };
    format!("{sign} {}{of}, {} expected", counted(jump.reports, "report"), about(jump.expected))
}

/// The mark as a note below a picture.
pub(super) fn note(of: Of, jump: &Jump) -> String {
    format!("{} by the weeks before.", short(of, jump))
}

/// The mark.
pub(super) fn mark(of: Of, jump: &Jump) -> Markup {
    html! { span.mark.warn { (short(of, jump)) } }
}

/// The mark beside a number of reports, which is not said again where it is the same.
pub(super) fn mark_beside((of, jump): &(Of, Jump), reports: Option<u64>) -> Markup {
    if reports != Some(jump.reports) {
        return mark(*of, jump);
    }
    let sign = if jump.is_up() { "▲" } else { "▼" };
    html! { span.mark.warn { (sign) " " (about(jump.expected)) " expected" } }
}

/// The sentence below a title.
pub(super) fn sentence(found: Option<(Of, Jump)>) -> Markup {
    html! {
        @if let Some((of, jump)) = found {
            p.warn {
                (mark(of, &jump)) " "
                @match of {
                    Of::Week => "This week",
                    Of::Program => "This program",
                    Of::Chart => "This chart",
                }
                " has " (if jump.is_up() { "more" } else { "fewer" }) " reports than the "
                (if jump.weeks == 1 { "week before explains".to_owned() } else {
                    format!("{} weeks before explain", jump.weeks)
                })
                ": " (grouped(jump.reports)) ", where " (about(jump.expected)) " were expected, and from "
                (about(jump.low)) " to " (about(jump.high)) " would be ordinary. "
                @if jump.is_up() {
                    "It may be a release or a campaign; or somebody has sent false reports. "
                } @else {
                    "Reports may be missing. "
                }
                a href="/privacy#jumps" { "How this is found" }
            }
        }
    }
}

/// Said once on every page with charts.
pub(super) fn whoever() -> Markup {
    html! {
        p.note {
            "Whoever opted in can send what they like: "
            a href="/privacy#flood" { "how far that moves a chart" } "."
        }
    }
}
