//! What someone who sends false reports can achieve, in numbers.

use super::settings::PageSettings;
use crate::aggregate::statistics::flood::{moved, needed, unmarked};
use crate::aggregate::statistics::volume;
use crate::ingest::MAX_WEEK_AGE;
use crate::web::numbers;
use crate::web::numbers::{counted, grouped};
use crate::web::pages::{layout, promises};
use crate::web::receiver_settings::Budgets;
use maud::{Markup, html};

/// The true share of the bucket in the table.
const SHARE: f64 = 0.1;
/// How far it is moved.
const MOVES: [f64; 2] = [0.01, 0.1];
/// How much the weeks before vary: little, and as much as is tolerated.
const VARIATIONS: [f64; 2] = [0.02, volume::VARIATION];

/// The number of networks needed to send this many reports at once.
fn networks(reports: f64, budgets: Budgets) -> u64 {
    (reports / budgets.prefix.max(1) as f64).ceil() as u64
}

/// What a flood of reports does, and how it is noticed.
pub(super) fn section(settings: &PageSettings) -> Markup {
    let budgets = settings.receiving().and_then(|receiving| receiving.budgets);
    let sizes = [100, 1_000, settings.sample];
    let table = html! {
        table {
            caption {
                "False reports needed to move a bucket with " (numbers::percent(SHARE)) " of the "
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
                            "Most that stay unmarked, if weeks vary by ±" (numbers::percent(variation))
                        }
                        th.number scope="col" { "Moves to" }
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
        h2 id="flood" { "Anyone can send false reports" }
        p {
            "There are no accounts, and every report with nothing in it but what its config allows is accepted. With " i { "n" } " honest reports with a share " i { "p" } " and " i { "m" }
            " false ones, the share becomes (" i { "np" } " + " i { "m" } ") / (" i { "n" } " + " i { "m" }
            "). The interval of a share does not cover this: it only says how far a sample of honest reports can be off "
            "by chance."
        }
        (layout::wide("False reports and what they do", &table))
        p {
            (grouped(settings.sample)) " reports give a share to within 1% at "
            (numbers::confidence(settings.confidence)) " confidence. "
            @match (budgets, settings.receiving()) {
                (Some(Budgets { prefix, day }), _) => {
                    "This server takes at most " (counted(prefix, "report")) " at once from one network "
                    "(/24, or /48 of IPv6), and " (grouped(day)) " new ones a day from all. What a network has used "
                    "fades over time, to 37% after a day. It is kept " (promises::HASH_KEPT) "; while the network "
                    "keeps sending, it is carried over to a hash with a new secret. A report is accepted until "
                    (counted(MAX_WEEK_AGE.unsigned_abs().into(), "day")) " after its day, so the reports of a week, "
                    "which has seven days, can be sent on " (7 + MAX_WEEK_AGE) " days: somebody who is patient needs "
                    "fewer networks."
                    @if settings.is_in_store() {
                        " Each server that takes reports has limits of its own; there can be several."
                    }
                }
                (None, Some(_)) => {
                    "This server does not limit how many reports one sender may send: a single machine is enough for any "
                    "of these numbers."
                }
                (None, None) => "How many reports one sender may send depends on the server that accepts them.",
            }
        }
        h2 id="jumps" { "Weeks with a jump in the number of reports are marked" }
        p {
            "Each week, program and chart is compared with up to " (volume::WEEKS) " weeks before, by the "
            "number of installations that their reports represent: a line is fitted by medians through the "
            "logarithms, with at most 25% growth a week, and a margin for random arrivals and for the "
            "variation of these weeks. With fewer than four weeks, a variation of 12% is assumed. Fewer than "
            "one in 200 ordinary weeks is marked. A first week has nothing to be compared with, and slow "
            "growth is not marked. A mark says how many reports there are and how many were expected, on "
            "pages and in files; it does not say why."
        }
    }
}
