//! How to read a chart, said on its page.

use crate::aggregate::figure::Kind;
use crate::web::numbers;
use maud::{Markup, html};

/// Two or three sentences on a chart of this kind.
///
/// `all_asked` is whether every installation was asked for its report.
pub(super) fn how_to_read(
    kind: Kind,
    has_counter: bool,
    confidence: f64,
    all_asked: bool,
) -> Markup {
    let percent = numbers::confidence(confidence);
    html! {
        p {
            @match kind {
                Kind::Ratio => {
                    "Each report has one quotient: how often it counted the first thing, divided by how often "
                    "it counted the second. The median is the quotient that half of the installations do not "
                    "exceed; an installation that did something a million times moves it no more than any other."
                }
                Kind::Stack => {
                    "A share is the part of the installations that ran into this stack at least once in the week, "
                    "however often. Stacks are grouped by their functions, without line numbers. Those that few "
                    "reports have are counted but not shown, as they could tell someone apart."
                }
                _ if !has_counter => {
                    "A share is the part of the installations with this value. One that ran several of them in the "
                    "week counts for each, so the shares may add up to more than 100%."
                }
                Kind::Histogram => {
                    "A bar is the part of the installations that counted something in this range at least once "
                    "in the week, however often. Most count in several ranges, so the bars add up to more "
                    "than 100%: they do not show how the events are distributed."
                }
                Kind::Partition | Kind::Timeseries => {
                    "A share is the part of the installations that counted this at least once in the week, however "
                    "often. An installation may count several of these things, or none, so the shares need not add "
                    "up to 100%."
                }
            }
        }
        p {
            "An interval contains the true value, among all installations that opted in, with " (percent)
            " confidence, as far as chance goes"
            @if all_asked {
                ". Every installation was asked here, so it is about reports that did not arrive, and about what differs "
                "by chance from one week to the next"
            }
            ". It says nothing about those that did not opt in. "
            a href="/privacy#flood" { "How far false reports can move a chart" }
        }
    }
}
