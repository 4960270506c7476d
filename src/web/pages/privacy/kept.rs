//! What is stored of reports, where, and for how long; and why less is public than was sent.

use super::settings::PageSettings;
use crate::aggregate::edition::SMALLEST_BATCH;
use crate::ingest::MAX_WEEK_AGE;
use crate::publish::OPEN_DAYS;
use crate::web::numbers::counted;
use crate::web::pages::{layout, promises};
use maud::{Markup, html};

/// The second edition of a day is due this many days after the first.
const SECOND: i32 = 7;

/// A row of the table of what is stored.
struct Kept {
    what: &'static str,
    /// Whether it is in the store, which all servers of the deployment read.
    is_stored: bool,
    place: String,
    how_long: String,
}

fn kept(settings: &PageSettings) -> Vec<Kept> {
    let days = |number: i32| counted(number.unsigned_abs().into(), "day");
    let (seen, last) = (days(MAX_WEEK_AGE + 1), days(MAX_WEEK_AGE + 2));
    let budgets = settings.receiving().is_some_and(|receiving| receiving.budgets.is_some());
    let in_store = settings.is_in_store();
    let private = "one object in the store (below buffer/), which is not served";
    let mut rows = vec![
        Kept {
            what: "A report, as it was accepted: without LastWeek, and with X rounded up",
            is_stored: false,
            place: match in_store {
                true => "the store (below uploads/), which is at its provider and is not served",
                false => "the buffer, on this server’s disk",
            }
            .to_owned(),
            how_long: match settings.receiving().is_some_and(|receiving| receiving.merges) {
                true => "until it is merged, once a day".to_owned(),
                false => "until the operator merges it with candor merge".to_owned(),
            },
        },
        Kept {
            what: "The row of a report that is not published yet: its day is not over, or it came late",
            is_stored: true,
            place: private.to_owned(),
            how_long: format!(
                "until it is published with its day; the last time is {last} after the day"
            ),
        },
        Kept {
            what: "A keyed hash of each report, so that one that is sent twice counts once",
            is_stored: false,
            place: match in_store {
                true => "the store, which is at its provider",
                false => "this server’s disk",
            }
            .to_owned(),
            how_long: format!("{seen} after the report’s day; then it is deleted with its key"),
        },
        Kept {
            what: "The rows of reports, and the charts made of them",
            is_stored: true,
            place: "public, for everyone to download".to_owned(),
            how_long: "permanently".to_owned(),
        },
        Kept {
            what: "The address that a report came from",
            is_stored: false,
            place: match budgets {
                true => "only in memory, as a hash of its network with a secret".to_owned(),
                false => "nowhere on this server".to_owned(),
            },
            how_long: match budgets {
                true => promises::HASH_KEPT.to_owned(),
                false => "not at all".to_owned(),
            },
        },
    ];
    if settings.receiving().is_none() {
        rows.retain(|row| row.is_stored);
    }
    if !settings.stacks.is_empty() {
        rows.push(Kept {
            what: "The whole row of a public report with a call stack that is too rare to be shown",
            is_stored: true,
            place: private.to_owned(),
            how_long: format!(
                "until its stacks are common enough to be shown; at the latest until {last} after the day"
            ),
        });
    }
    rows
}

/// What is kept, and for how long.
pub(super) fn section(settings: &PageSettings) -> Markup {
    let table = html! {
        table {
            caption { "What is stored of reports" }
            thead {
                tr {
                    th scope="col" { "What" } th scope="col" { "Where" } th scope="col" { "For how long" }
                }
            }
            tbody {
                @for Kept { what, place, how_long, .. } in kept(settings) {
                    tr { th scope="row" { (what) } td { (place) } td { (how_long) } }
                }
            }
        }
    };
    html! {
        h2 id="kept" { "What is stored" }
        p { "In the end, only what is public stays stored." }
        @if settings.receiving().is_none() {
            p.warn {
                "This server accepts no reports itself. What this page says about reports before they are public "
                "applies to the servers of this deployment that do."
            }
        }
        (layout::wide("What is stored of reports", &table))
        p {
            "Nothing that is stored says when a report arrived, or in which order, with one exception: "
            @match settings.is_in_store() {
                true => {
                    "reports that arrive together become one object in the store, in random order, and are combined "
                    "with others once an hour. The provider of the store can tell when each object was made."
                }
                false => {
                    "while a file of the buffer is being written, its reports are in the order of their arrival. They "
                    "are shuffled when it is closed."
                }
            }
        }
        h2 id="dropped" { "What is dropped, and why" }
        dl {
            dt { code { "LastWeek" } }
            dd {
                "It is checked and dropped before anything is stored, because it would link the reports of one machine "
                "from week to week."
            }
            dt { code { "X" } }
            dd {
                "It is compared with the rates and then rounded up to the next of them, which is all that a figure "
                "needs. The exact number would identify a row."
            }
        }
        h2 id="editions" { "When reports become public" }
        p {
            "A day’s reports are published when the day is over. If at least " (counted(SMALLEST_BATCH, "report"))
            " come late, the day is published again " (counted(SECOND.unsigned_abs().into(), "day"))
            " later, and once more after " (counted((MAX_WEEK_AGE + 2).unsigned_abs().into(), "day"))
            ": a report is accepted until " (counted(MAX_WEEK_AGE.unsigned_abs().into(), "day"))
            " after its day, and two days later none can be on its way any more. Each of these is called an edition. So a late report is "
            "published together with others, except in the last edition, which has everything that is left."
        }
    }
}

/// The minimum number of reports for a stack, and the packages whose functions it may name.
pub(super) fn stacks(settings: &PageSettings) -> Markup {
    html! {
        @if !settings.stacks.is_empty() {
            h2 id="stacks" { "Call stacks" }
            p {
                @match settings.stack_minimum {
                    0 | 1 => {
                        "Every stack is shown, even if only a single report has it: the definitions of this "
                        "project say so. A stack that nobody else has can give away who sent it."
                    }
                    minimum => {
                        "A stack is shown once at least " (counted(minimum.into(), "report"))
                        " of a week have it. Rarer ones are counted together, without their functions. They stay "
                        a href="#kept" { "stored" } " until the last edition of their day, because more reports with "
                        "them may come, and are then deleted."
                    }
                }
            }
            p {
                "A chart can list the packages whose functions may be named. All other functions are replaced with "
                "a fixed line when the report is accepted."
            }
            ul {
                @for (title, packages) in &settings.stacks {
                    li {
                        (title) ": "
                        @match packages.is_empty() {
                            true => "no list, so functions of any package are named",
                            false => {
                                @for (index, package) in packages.iter().enumerate() {
                                    @if index > 0 { ", " }
                                    code { (package) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Until when configs are accepted.
pub(super) fn configs(settings: &PageSettings) -> Markup {
    html! {
        h2 id="configs" { "How long a config is accepted" }
        p {
            "Reports under the newest config are accepted, and under an older one for "
            (counted(OPEN_DAYS.unsigned_abs().into(), "day")) " after the date of the next one; no honest client "
            "sends one later. " a href="/config/" { "Which configs are accepted, and until when" } ". "
            @match settings.revoked.is_empty() {
                true => "None has been revoked.",
                false => {
                    "Revoked, so reports under them are refused: "
                    @for (index, version) in settings.revoked.iter().enumerate() {
                        @if index > 0 { ", " }
                        a href={ "/config/" (version) } { (version) }
                    }
                    "."
                }
            }
        }
    }
}
