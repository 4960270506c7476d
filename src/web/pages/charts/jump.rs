//! What pages say when a number of reports jumps.

use crate::aggregate::figure::{Figure, Jump, ProgramCharts, WeekCharts};
use crate::web::numbers::{counted, grouped};
use maud::{Markup, html};

/// What has more or fewer reports than expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// The whole week, with all programs.
    Week,
    /// A program.
    Program,
    /// A chart.
    Chart,
}

/// The jump of a chart: its own, or its program's, or the week's.
pub(super) fn of_chart(
    week: &WeekCharts,
    program: &ProgramCharts,
    figure: &Figure,
) -> Option<(Of, Jump)> {
    let own = figure.jump.map(|jump| (Of::Chart, jump));
    own.or_else(|| of_program(week, program))
}

/// The jump of a program: its own, or the week's.
pub(super) fn of_program(week: &WeekCharts, program: &ProgramCharts) -> Option<(Of, Jump)> {
    let own = program.jump.map(|jump| (Of::Program, jump));
    own.or(week.jump.map(|jump| (Of::Week, jump)))
}

/// A computed number of reports.
fn about(reports: f64) -> String {
    // Never negative, and far below 2^53.
    grouped(reports.round() as u64)
}

/// The mark in short: `▲ 2,300 reports, 1,000 expected`, with what it is about unless that is the chart.
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

/// The mark beside a number of reports, which is not repeated if it is the same.
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
                " has " (if jump.is_up() { "more" } else { "fewer" }) " reports than expected from the "
                (if jump.weeks == 1 { "week before".to_owned() } else { format!("{} weeks before", jump.weeks) })
                ": " (grouped(jump.reports)) " instead of " (about(jump.expected)) "; from "
                (about(jump.low)) " to " (about(jump.high)) " would be normal. "
                @if jump.is_up() {
                    "The reason may be a release or a campaign, or someone has sent false reports. "
                } @else {
                    "Reports may be missing. "
                }
                a href="/privacy#jumps" { "How this is found" }
            }
        }
    }
}

/// A note that is on every page with charts.
pub(super) fn anyone_can_send() -> Markup {
    html! {
        p.note {
            "Anyone can send false reports: "
            a href="/privacy#flood" { "how much they could change a chart" } "."
        }
    }
}
