//! What is protected, what is not, and how to check it.

use super::settings::PageSettings;
use crate::web::numbers::{counted, counted_as};
use crate::web::pages::layout;
use maud::{Markup, html};

/// How a promise can be checked.
enum Check {
    /// With a verdict of `candor audit`.
    Audit(&'static str),
    /// By counting in the public data.
    Data,
    /// Not from outside.
    Trust,
}

struct Promise {
    what: String,
    check: Check,
}

fn promises(settings: &PageSettings) -> Vec<Promise> {
    let promise = |what: &str, check| Promise { what: what.to_owned(), check };
    let mut all = vec![
        promise(
            "Public rows have no LastWeek and no exact X, and are in an order that reveals nothing",
            Check::Audit("row-form"),
        ),
        promise("Rows hold only what their config allows", Check::Audit("data-rows")),
        promise("Rows name only configs that were open", Check::Audit("open-configs")),
        promise(
            "Each edition only adds to the one before, and no late report is published alone before the last",
            Check::Audit("editions"),
        ),
        promise("Jumps are marked, and nothing else is", Check::Audit("jumps")),
        promise("No address and no time of arrival is stored", Check::Trust),
        promise("Merged reports are removed from the buffer", Check::Trust),
    ];
    if settings.stack_minimum > 1 && !settings.stacks.is_empty() {
        all.push(promise(
            "No stack is shown that too few reports of its week contain",
            Check::Data,
        ));
    }
    if settings.witnesses > 0 {
        all.push(Promise {
            what: format!(
                "Everyone is shown the same log of configs: {} must have seen it too",
                counted_as(settings.witnesses as u64, "witness", "witnesses")
            ),
            check: Check::Audit("witnesses"),
        });
    }
    all
}

/// What someone can get published with made-up stacks.
fn made_up_stacks(settings: &PageSettings) -> Markup {
    let is_open = settings.stacks.iter().any(|(_, packages)| packages.is_empty());
    html! {
        @match settings.stack_minimum {
            0 | 1 => { "Anyone who sends one report gets its stack published: the minimum is 1." }
            minimum => {
                "Anyone who sends " (counted(minimum.into(), "report")) " with the same stack gets it published: "
                "the minimum counts reports, not people."
            }
        }
        " Nobody can tell a real function from a made-up one, so any words can be published that "
        "look like functions "
        @if is_open {
            "(of any package, if a chart has " a href="#stacks" { "no list of packages" } "; otherwise "
        } @else { "(" }
        "of a " a href="#stacks" { "listed package" } ", of the standard library if " code { "std" }
        " is listed, and like " code { "main.any_words" } " if the program’s own is)."
    }
}

/// Both tables.
pub(super) fn section(settings: &PageSettings) -> Markup {
    let table = html! {
        table {
            caption { "What is protected" }
            thead {
                tr { th scope="col" { "Promise" } th scope="col" { "How to check it" } }
            }
            tbody {
                @for Promise { what, check } in promises(settings) {
                    tr {
                        th scope="row" { (what) }
                        td {
                            @match check {
                                Check::Audit(verdict) => {
                                    "the verdict " code { (verdict) } " of " code { "candor audit" }
                                }
                                Check::Data => "count them in the files of a week; candor audit does not",
                                Check::Trust => "not from outside: the program’s source, and the operator’s word",
                            }
                        }
                    }
                }
            }
        }
    };
    let receiving = settings.receiving.as_ref();
    html! {
        h2 id="defended" { "What is protected, and how to check it" }
        (layout::wide("What is protected", &table))
        p {
            a href="/check" { "The commands, with this deployment’s names and keys" } "; the files are at "
            a href="/data/" { "/data/" } "."
        }
        h2 id="not-defended" { "What is not protected" }
        ul {
            li {
                "Until reports are merged, whoever runs this server or breaks into it can see them as they "
                "arrive. After that, their order is lost."
            }
            li {
                "The last edition of a day contains everything left, even a late batch of a few reports: anyone who "
                "knows that someone sent a report late can look there."
            }
            li {
                "A rare combination of program, version, platform and counters is public as one row. Anyone who "
                "already knows that someone has it can find the row."
            }
            @if !settings.stacks.is_empty() {
                li { (made_up_stacks(settings)) }
            }
            @match receiving.map(|receiving| receiving.trusted_proxies.as_slice()) {
                Some([]) => li {
                    "A proxy or CDN in front of this server, if there is one, sees addresses and may log them. "
                    "This server trusts no proxy about addresses."
                },
                Some(proxies) => li {
                    "The proxies in front of this server see addresses. It trusts what they say about addresses, "
                    "which it only keeps in memory: "
                    @for (index, proxy) in proxies.iter().enumerate() {
                        @if index > 0 { ", " }
                        code { (proxy) }
                    }
                    ". Whether they log addresses depends on their settings."
                },
                None => li {
                    "A proxy or CDN in front of the servers of this deployment sees addresses and may log "
                    "them."
                },
            }
            li { a href="#flood" { "False reports" } " are only noticed if there are many of them." }
            @if settings.witnesses == 0 {
                li {
                    "No witness checks the log of configs: this server could show someone a different "
                    "log, and nobody would notice until they compare what they saw."
                }
            }
        }
    }
}
