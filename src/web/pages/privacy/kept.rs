//! What is stored of reports, where, and for how long; and why less is public than was sent.

use super::settings::PageSettings;
use crate::aggregate::edition::SMALLEST_BATCH;
use crate::ingest::MAX_WEEK_AGE;
use crate::publish::OPEN_DAYS;
use crate::web::numbers::counted;
use crate::web::pages::layout;
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
    let private = "one object in the store (below buffer/), which is not served";
    let mut rows = vec![
        Kept {
            what: "A report, as it was accepted: without LastWeek, and with X rounded up",
            is_stored: false,
            place: "the buffer, on this server’s disk".to_owned(),
            how_long: match settings.receiving.as_ref().is_some_and(|receiving| receiving.merges) {
                true => "until it is merged, once a day".to_owned(),
                false => "until the operator merges it with candor merge".to_owned(),
            },
        },
        Kept {
            what: "The row of a report that is not in an edition yet: its day is not over, or it came late",
            is_stored: true,
            place: private.to_owned(),
            how_long: format!(
                "until it is in an edition of its day; the last one is due {last} after the day"
            ),
        },
        Kept {
            what: "A keyed hash of each report, so that one that is sent twice counts once",
            is_stored: false,
            place: "this server’s disk".to_owned(),
            how_long: format!("{seen} after the report’s day; then it is deleted with its key"),
        },
        Kept {
            what: "The rows of reports, and the charts made of them",
            is_stored: true,
            place: "public, for everyone to download".to_owned(),
            how_long: "for ever".to_owned(),
        },
        Kept {
            what: "The address that a report came from",
            is_stored: false,
            place: match settings.receiving.as_ref().map(|receiving| receiving.budgets.is_some()) {
                Some(true) => "only in memory, as a hash with a secret".to_owned(),
                _ => "nowhere: it is dropped when the connection is accepted".to_owned(),
            },
            how_long: match settings.receiving.as_ref().map(|receiving| receiving.budgets.is_some())
            {
                Some(true) => "until the secret is replaced, every hour".to_owned(),
                _ => "not at all".to_owned(),
            },
        },
    ];
    if settings.receiving.is_none() {
        rows.retain(|row| row.is_stored);
    }
    if !settings.stacks.is_empty() {
        rows.push(Kept {
            what: "The whole row of a public report with a stack that is not shown",
            is_stored: true,
            place: private.to_owned(),
            how_long: format!(
                "until a later edition of its day shows all its stacks; otherwise until the last one, due \
                 {last} after the day"
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
        p { "In the end, only what is public is stored." }
        @if settings.receiving.is_none() {
            p.warn {
                "This server accepts no reports itself; what is said here about reports before they are public "
                "applies if another server of this deployment accepts them."
            }
        }
        (layout::wide("What is stored of reports", &table))
        p {
            "Nothing that is stored says when a report arrived, or in which order. Only while a file of the "
            "buffer is being appended to, its reports are in the order in which they arrived; it is shuffled "
            "when it is closed."
        }
        h2 id="dropped" { "What is dropped, and why" }
        dl {
            dt { code { "LastWeek" } }
            dd {
                "It is checked and dropped before anything is stored: it would tie the reports of one "
                "machine together, week after week."
            }
            dt { code { "X" } }
            dd {
                "It is compared with the rates and then rounded up to the next rate in force, which is all that a "
                "figure needs. The exact number would identify a row."
            }
        }
        h2 id="editions" { "When reports become public" }
        p {
            "A day’s reports are published when it is over. They are published again "
            (counted(SECOND.unsigned_abs().into(), "day")) " later if at least "
            (counted(SMALLEST_BATCH, "report")) " came late, and a last time when no more uploads of that day are "
            "accepted, " (counted((MAX_WEEK_AGE + 2).unsigned_abs().into(), "day"))
            " after it. So a late report is published together with others, except in the last edition, which "
            "contains everything left."
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
                        "project say so. Someone who sends a unique stack can be recognized by it."
                    }
                    minimum => {
                        "A stack is shown once at least " (counted(minimum.into(), "report"))
                        " of a week have it. Rarer ones are counted together, without their functions; "
                        "they are " a href="#kept" { "stored" } " until the last edition of their day, as they may "
                        "become common, and then deleted."
                    }
                }
            }
            p {
                "Functions outside a chart’s list of packages are replaced with a fixed line when the report is "
                "accepted."
            }
            ul {
                @for (title, packages) in &settings.stacks {
                    li {
                        (title) ": "
                        @match packages.is_empty() {
                            true => "no list: functions of any package are named, whatever their names",
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
        h2 id="configs" { "For how long a config is accepted" }
        p {
            "Reports under the newest config are accepted, and under an older one until "
            (counted(OPEN_DAYS.unsigned_abs().into(), "day")) " after the next one was published: no honest "
            "client sends one later. " a href="/config/" { "Which are open, and until when" } ". "
            @match settings.revoked.is_empty() {
                true => "None is revoked.",
                false => {
                    "Revoked, so that their reports are refused at once: "
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
