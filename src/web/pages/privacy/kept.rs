//! What is kept of reports, where, and for how long; and why less is public than was sent.

use super::practice::Practice;
use crate::aggregate::edition::SMALLEST_BATCH;
use crate::ingest::MAX_WEEK_AGE;
use crate::publish::OPEN_DAYS;
use crate::web::pages::layout;
use crate::web::numbers::counted;
use maud::{Markup, html};

/// How many days after the first edition of a day the second one is due.
const SECOND: i32 = 7;

/// A row of the table of what is kept.
struct Kept {
    what: &'static str,
    /// Whether it is in the store, from which every server of the deployment reads.
    is_stored: bool,
    place: String,
    how_long: String,
}

fn kept(practice: &Practice) -> Vec<Kept> {
    let days = |number: i32| counted(number.unsigned_abs().into(), "day");
    let (seen, last) = (days(MAX_WEEK_AGE + 1), days(MAX_WEEK_AGE + 2));
    let private = "one object of the store (below buffer/), which is not served";
    let mut rows = vec![
        Kept {
            what: "A report, as it was taken: without LastWeek, and with X rounded up",
            is_stored: false,
            place: "the buffer, on this server’s disk".to_owned(),
            how_long: match practice.receiving.as_ref().is_some_and(|receiving| receiving.merges) {
                true => "until it is merged, once a day".to_owned(),
                false => "until whoever runs this merges it with candor merge".to_owned(),
            },
        },
        Kept {
            what: "The row of a report that is in no edition yet: its day is not over, or it came late",
            is_stored: true,
            place: private.to_owned(),
            how_long: format!(
                "until an edition of its day takes it up; the last one is due {last} after the day"
            ),
        },
        Kept {
            what: "A keyed hash of each report, by which one that is sent twice counts once",
            is_stored: false,
            place: "this server’s disk".to_owned(),
            how_long: format!("{seen} after the report’s day; then it is removed with its key"),
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
            place: match practice.receiving.as_ref().map(|receiving| receiving.budgets.is_some()) {
                Some(true) => "memory alone, as a hash with a secret".to_owned(),
                _ => "nowhere: it is dropped as the connection is taken".to_owned(),
            },
            how_long: match practice.receiving.as_ref().map(|receiving| receiving.budgets.is_some())
            {
                Some(true) => "until the secret is thrown away, every hour".to_owned(),
                _ => "not at all".to_owned(),
            },
        },
    ];
    if practice.receiving.is_none() {
        rows.retain(|row| row.is_stored);
    }
    if !practice.stacks.is_empty() {
        rows.push(Kept {
            what: "The whole row of a public report with a stack that is not shown",
            is_stored: true,
            place: private.to_owned(),
            how_long: format!(
                "until a later edition of its day shows all its stacks; else until the last one, due {last} \
                 after the day"
            ),
        });
    }
    rows
}

/// What is kept, and for how long.
pub(super) fn section(practice: &Practice) -> Markup {
    let table = html! {
        table {
            caption { "What is kept of reports" }
            thead {
                tr {
                    th scope="col" { "What" } th scope="col" { "Where" } th scope="col" { "For how long" }
                }
            }
            tbody {
                @for Kept { what, place, how_long, .. } in kept(practice) {
                    tr { th scope="row" { (what) } td { (place) } td { (how_long) } }
                }
            }
        }
    };
    html! {
        h2 id="kept" { "What is kept" }
        p { "In the end, what is kept is what is public." }
        @if practice.receiving.is_none() {
            p.warn {
                "This server takes no reports itself; what is said here of those that are under way holds "
                "where another server of this deployment takes them."
            }
        }
        (layout::wide("What is kept of reports", &table))
        p {
            "Nothing that is stored says when a report came, or in which order. While reports wait in the "
            "buffer, they lie in the order in which they came, for as long as their file is appended to; "
            "a file is shuffled when it is closed."
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
                "It is compared with the rates and then rounded up to the smallest rate in force that is "
                "not below it: that is all a figure needs. The exact number would be a name for a row."
            }
        }
        h2 id="editions" { "When reports become public" }
        p {
            "A day’s reports are published when it is over. They are published again "
            (counted(SECOND.unsigned_abs().into(), "day")) " later if at least "
            (counted(SMALLEST_BATCH, "report")) " came late, and a last time when no upload of that day can come "
            "any more, " (counted((MAX_WEEK_AGE + 2).unsigned_abs().into(), "day"))
            " after it. So a late report appears together with others, except in the last edition, which "
            "shows all that is left."
        }
    }
}

/// From how many reports on a stack is shown, and whose functions it may name.
pub(super) fn stacks(practice: &Practice) -> Markup {
    html! {
        @if !practice.stacks.is_empty() {
            h2 id="stacks" { "Call stacks" }
            p {
                @match practice.stack_minimum {
                    0 | 1 => {
                        "Every stack is shown, even one that a single report has: the definitions of this "
                        "project say so. Whoever sends a stack that nobody else has can be recognized by it."
                    }
                    minimum => {
                        "A stack is shown once at least " (counted(minimum.into(), "report"))
                        " of a week have it. Rarer ones are counted together, without their functions; "
                        "until the last edition of their day they are " a href="#kept" { "kept" }
                        ", for they may become common, and then they are gone."
                    }
                }
            }
            p {
                "Functions that a chart’s list of packages does not cover become one fixed line when the "
                "report is taken."
            }
            ul {
                @for (title, packages) in &practice.stacks {
                    li {
                        (title) ": "
                        @match packages.is_empty() {
                            true => "no list: functions of any package are named, whatever somebody calls them",
                            false => {
                                @for (place, package) in packages.iter().enumerate() {
                                    @if place > 0 { ", " }
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

/// Which configs end when.
pub(super) fn configs(practice: &Practice) -> Markup {
    html! {
        h2 id="configs" { "For how long a config is obeyed" }
        p {
            "Reports under the newest config are taken, and under an older one until "
            (counted(OPEN_DAYS.unsigned_abs().into(), "day")) " after the next one was published: after "
            "that, no honest one is under way. " a href="/config/" { "Which are open, and until when" } ". "
            @match practice.revoked.is_empty() {
                true => "None is revoked.",
                false => {
                    "Revoked, so that their reports are refused at once: "
                    @for (place, version) in practice.revoked.iter().enumerate() {
                        @if place > 0 { ", " }
                        a href={ "/config/" (version) } { (version) }
                    }
                    "."
                }
            }
        }
    }
}
