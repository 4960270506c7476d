//! The stacks of a stack counter, the most frequent first: since when, in which versions, and their trend.

use crate::hex::shortened;
use crate::web::draw::{self, Measure};
use crate::web::numbers;
use crate::web::numbers::{counted, grouped};
use crate::web::pages::charts::{Counted, CountedIn, STACKS, Stack};
use maud::{Markup, html};
use sha2::{Digest, Sha256};

/// The lists of all charts.
pub(super) fn list(counted: &Counted) -> Markup {
    html! { @for chart in &counted.charts { (of_chart(counted, chart)) } }
}

/// A stack's anchor, which is the same in every week.
fn anchor(stack: &Stack) -> String {
    anchor_of(&stack.frames.join("\n"))
}

/// The anchor of a stack with these functions, one a line.
pub(super) fn anchor_of(functions: &str) -> String {
    format!("stack-{}", shortened(&Sha256::digest(functions), 8))
}

fn of_chart(of: &Counted, chart: &CountedIn) -> Markup {
    if chart.stacks.is_empty() {
        return html! {};
    }
    html! {
        h2 { "Stacks" }
        p {
            "In the week of " (of.days) ", the most frequent first. Stacks that differ only in line numbers count "
            "as one."
            @if chart.more > 0 {
                " The first " (STACKS) " of " (grouped(chart.more + chart.stacks.len() as u64)) "; "
                a href=(chart.address) { "more are on the chart’s page" } "."
            }
        }
        ol.stacks { @for stack in &chart.stacks { (one(of, chart, stack)) } }
    }
}

fn one(of: &Counted, chart: &CountedIn, stack: &Stack) -> Markup {
    let share = stack.estimate.share;
    let versions = &stack.versions;
    let listed: u64 = versions.iter().map(|(_, reports)| reports).sum();
    let rest = stack.estimate.reports.saturating_sub(listed);
    let first = stack.frames.first().map_or("", String::as_str);
    html! {
        li id=(anchor(stack)) {
            h3 { a href={ "#" (anchor(stack)) } { bdi { (draw::plain(draw::stack_name(first))) } } }
            div.stack {
                dl.facts {
                    dt { "Installations" }
                    dd {
                        (numbers::percent(share.value)) " (" (numbers::percent_range(share.low, share.high))
                        "), in " (counted(stack.estimate.reports, "report"))
                    }
                    dt { "First seen" }
                    dd {
                        @match stack.first {
                            Some(week) => { "in the week to " time datetime=(week) { (week) } }
                            None => {
                                @if let Some(from) = of.weeks.first() {
                                    "in the week to " time datetime=(from) { (from) } " or before"
                                }
                            }
                        }
                    }
                    @if !versions.is_empty() {
                        dt { "Reports by version" }
                        dd {
                            @for (index, (version, reports)) in versions.iter().enumerate() {
                                @if index > 0 { ", " }
                                bdi { (draw::plain(version)) } " (" (grouped(*reports)) ")"
                            }
                            @if rest > 0 { "; " (grouped(rest)) " in other versions" }
                        }
                    }
                }
                @if stack.points.iter().flatten().count() > 1 {
                    (draw::sparkline(&stack.points, Measure::Share, &draw::plain(draw::stack_name(first)), !of.complete))
                }
            }
            details {
                summary { (counted(stack.frames.len() as u64, "frame")) }
                ol.frames { @for frame in &stack.frames { li { code { bdi { (draw::plain(frame)) } } } } }
                p.note { "The innermost first. " a href=(chart.address) { "The chart" } }
            }
        }
    }
}
