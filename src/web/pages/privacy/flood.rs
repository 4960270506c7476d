//! What somebody who sends false reports can do, in numbers.

use super::practice::Practice;
use crate::aggregate::statistics::flood::{moved, needed, unmarked};
use crate::aggregate::statistics::volume;
use crate::ingest::MAX_WEEK_AGE;
use crate::web::numbers;
use crate::web::pages::layout;
use crate::web::numbers::{counted, grouped};
use crate::web::receiving::Budgets;
use maud::{Markup, html};

/// The share of a bucket in the table.
const SHARE: f64 = 0.1;
/// By how much it is moved.
const MOVES: [f64; 2] = [0.01, 0.1];
/// How much the weeks before vary: little, and as much as is tolerated at most.
const VARIATIONS: [f64; 2] = [0.02, volume::VARIATION];

/// The networks that such a number of reports takes at once.
fn networks(reports: f64, budgets: Budgets) -> u64 {
    (reports / budgets.prefix.max(1) as f64).ceil() as u64
}

/// What a flood does, and how it is seen.
pub(super) fn section(practice: &Practice) -> Markup {
    let budgets = practice.receiving.as_ref().and_then(|receiving| receiving.budgets);
    let sizes = [100, 1_000, practice.sample];
    let table = html! {
        table {
            caption {
                "False reports that it takes to move a bucket of " (numbers::percent(SHARE)) " of the "
                "honest reports"
            }
            thead {
                tr {
                    th.number scope="col" { "Honest reports a week" }
                    @for by in MOVES {
                        th.number scope="col" { "To " (numbers::percent(SHARE + by)) }
                        @if budgets.is_some() { th.number scope="col" { "Networks, at once" } }
                    }
                    @for variation in VARIATIONS {
                        th.number scope="col" {
                            "Most that leave no mark, where weeks vary by " (numbers::percent(variation))
                        }
                        th.number scope="col" { "They move it to" }
                    }
                }
            }
            tbody {
                @for honest in sizes {
                    tr {
                        td.number { (grouped(honest)) }
                        @for by in MOVES {
                            @let reports = needed(honest as f64, SHARE, by).unwrap_or_default();
                            td.number { (grouped(reports as u64)) }
                            @if let Some(budgets) = budgets {
                                td.number { (grouped(networks(reports, budgets))) }
                            }
                        }
                        @for variation in VARIATIONS {
                            @let most = unmarked(honest, variation);
                            td.number { (grouped(most as u64)) }
                            td.number { (numbers::percent(moved(honest as f64, SHARE, most))) }
                        }
                    }
                }
            }
        }
    };
    html! {
        h2 id="flood" { "Whoever opted in can send what they like" }
        p {
            "Nobody has an account, and a report is believed as it comes, if it holds only what its config "
            "allows. Of " i { "n" } " honest reports with a share " i { "p" } " and " i { "m" }
            " false ones, the share becomes (" i { "np" } " + " i { "m" } ") / (" i { "n" } " + " i { "m" }
            "). The interval beside a share does not cover this: it says how far a sample of honest reports "
            "can be off by chance."
        }
        (layout::wide("False reports and what they do", &table))
        p {
            (grouped(practice.sample)) " reports give a share to within 1% at "
            (numbers::confidence(practice.confidence)) " confidence. "
            @match (budgets, &practice.receiving) {
                (Some(Budgets { prefix, day }), _) => {
                    "This server takes at most " (counted(prefix, "report")) " at once from one network "
                    "(/24, or /48 of IPv6), and " (grouped(day)) " new ones a day from all. What a network "
                    "has used counts less with time, after a day 37% of it. While the network goes on "
                    "sending, the number goes over to a hash with a new secret; once nothing has come from "
                    "it for an hour, it is forgotten. A week’s reports can be sent on " (7 + MAX_WEEK_AGE) " days: a patient sender needs fewer networks."
                }
                (None, Some(_)) => {
                    "This server sets no limit to how many reports one sender may send: one machine is "
                    "enough for any of these numbers."
                }
                (None, None) => "How many reports one sender may send is up to the server that takes them.",
            }
        }
        h2 id="jumps" { "A week whose number of reports jumps is marked" }
        p {
            "A week, a program and a chart are compared with up to " (volume::WEEKS) " weeks before, by how "
            "many installations their reports stand for: a line by medians through their logarithms, "
            "with at most 25% of growth a week, and as much room as random arrivals and the variation of "
            "these weeks need. Of fewer than four weeks a variation of 12% is assumed. Of ordinary weeks "
            "fewer than one in 200 is marked. A first week has nothing to be "
            "compared with, and a number that grows slowly is not marked. What is marked says how many "
            "reports there are and how many were expected, on pages and in files; it does not say why."
        }
    }
}
