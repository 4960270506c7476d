//! What is defended, what is not, and how to check each.

use super::practice::Practice;
use crate::web::pages::layout;
use crate::web::numbers::{counted, counted_as};
use maud::{Markup, html};

/// How something can be checked.
enum Check {
    /// By a verdict of `candor audit`.
    Audit(&'static str),
    /// By whoever counts in the public data.
    Data,
    /// Not from outside.
    Word,
}

struct Promise {
    what: String,
    check: Check,
}

fn held(practice: &Practice) -> Vec<Promise> {
    let promise = |what: &str, check| Promise { what: what.to_owned(), check };
    let mut all = vec![
        promise(
            "Public rows have no LastWeek and no exact X, and stand in an order that says nothing",
            Check::Audit("row-form"),
        ),
        promise("Rows hold only what their config allows", Check::Audit("data-rows")),
        promise("Rows name only configs that were open", Check::Audit("open-configs")),
        promise(
            "An edition only adds to the one before, and no late report stands alone before the last",
            Check::Audit("editions"),
        ),
        promise("Jumps are marked, and nothing else is", Check::Audit("jumps")),
        promise("No address and no time of arrival is stored", Check::Word),
        promise("What was merged is removed from the buffer", Check::Word),
    ];
    if practice.stack_minimum > 1 && !practice.stacks.is_empty() {
        all.push(promise("No stack is shown that too few reports of its week have", Check::Data));
    }
    if practice.witnesses > 0 {
        all.push(Promise {
            what: format!(
                "Everyone is shown the same log of configs: {} must see it too",
                counted_as(practice.witnesses as u64, "witness", "witnesses")
            ),
            check: Check::Audit("witnesses"),
        });
    }
    all
}

/// What somebody who makes stacks up can have published.
fn words_of_senders(practice: &Practice) -> Markup {
    let is_open = practice.stacks.iter().any(|(_, packages)| packages.is_empty());
    html! {
        @match practice.stack_minimum {
            0 | 1 => { "Whoever sends one report has its stack shown: the minimum is 1." }
            minimum => {
                "Whoever sends " (counted(minimum.into(), "report")) " with the same stack has it shown: "
                "the minimum counts reports, not people."
            }
        }
        " Nobody can tell a function that exists from a made-up one, so any words can be published that "
        "are written like functions "
        @if is_open {
            "(of any package, where a chart has " a href="#stacks" { "no list of packages" } "; else "
        } @else { "(" }
        "of a " a href="#stacks" { "listed package" } ", of the standard library where " code { "std" }
        " is listed, and like " code { "main.any_words" } " where the program’s own is)."
    }
}

/// Both tables.
pub(super) fn section(practice: &Practice) -> Markup {
    let table = html! {
        table {
            caption { "What is defended" }
            thead {
                tr { th scope="col" { "What holds" } th scope="col" { "How to check it" } }
            }
            tbody {
                @for Promise { what, check } in held(practice) {
                    tr {
                        th scope="row" { (what) }
                        td {
                            @match check {
                                Check::Audit(verdict) => {
                                    "the verdict " code { (verdict) } " of " code { "candor audit" }
                                }
                                Check::Data => "count them in the files of a week; candor audit does not",
                                Check::Word => "not from outside: the program’s source, and the operator’s word",
                            }
                        }
                    }
                }
            }
        }
    };
    let receiving = practice.receiving.as_ref();
    html! {
        h2 id="defended" { "What is defended, and how to check it" }
        (layout::wide("What is defended", &table))
        p {
            a href="/check" { "The commands, with this deployment’s names and keys" } "; the files are at "
            a href="/data/" { "/data/" } "."
        }
        h2 id="not-defended" { "What is not defended" }
        ul {
            li {
                "Before reports are merged, whoever runs this server or breaks into it can see them as they "
                "arrive. Afterwards the order is gone."
            }
            li {
                "The last edition of a day shows all that is left, even a late batch of a few reports: who "
                "knows that somebody sent late can look there."
            }
            li {
                "A rare combination of program, version, platform and counters is public as one row. Who "
                "already knows that somebody has it finds the row."
            }
            @if !practice.stacks.is_empty() {
                li { (words_of_senders(practice)) }
            }
            @match receiving.map(|receiving| receiving.trusted_proxies.as_slice()) {
                Some([]) => li {
                    "A proxy or CDN in front of this server, if there is one, sees addresses and may write "
                    "them down. This server trusts no proxy’s word on them."
                },
                Some(proxies) => li {
                    "The proxies in front of this server see addresses, and it believes what they say of "
                    "them, in memory alone: "
                    @for (place, proxy) in proxies.iter().enumerate() {
                        @if place > 0 { ", " }
                        code { (proxy) }
                    }
                    ". Whether they write addresses down is up to their settings."
                },
                None => li {
                    "A proxy or CDN in front of the servers of this deployment sees addresses and may write "
                    "them down."
                },
            }
            li { a href="#flood" { "Somebody who sends false reports" } " is seen only where there are many." }
            @if practice.witnesses == 0 {
                li {
                    "No witness looks at the log of configs: this server could show somebody else another "
                    "one, until the two compare what they saw."
                }
            }
        }
    }
}
