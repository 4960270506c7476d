//! What is protected, what is not, and how to check it.

use super::settings::PageSettings;
use crate::web::numbers::counted;
use crate::web::pages::{layout, promises};
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
        promise(
            "Rows name only configs that were accepted at the time",
            Check::Audit("open-configs"),
        ),
        promise(
            "Each edition only adds to the one before, and no late report is published alone before the last",
            Check::Audit("editions"),
        ),
        promise("Jumps are marked, and nothing else is", Check::Audit("jumps")),
        promise("This server stores no address and no time of arrival", Check::Trust),
        promise("Merged reports are removed from the buffer", Check::Trust),
    ];
    if settings.stack_minimum > 1 && !settings.stacks.is_empty() {
        all.push(promise(
            "No stack is shown that too few reports of its week contain",
            Check::Data,
        ));
    }
    if let Some(what) = promises::witnessed(&settings.promised) {
        all.push(Promise { what, check: Check::Audit("witnesses") });
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
        " Nobody can tell a real function from a made-up one, so any words that look like functions can be "
        "published "
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
                                Check::Data => "by counting in the files of a week; candor audit does not",
                                Check::Trust => "not from outside; there is the program’s source, and the operator’s word",
                            }
                        }
                    }
                }
            }
        }
    };
    html! {
        h2 id="defended" { "What is protected, and how to check it" }
        p {
            code { "candor audit" } " downloads everything that is public here, computes it again and prints a verdict on "
            "each promise; " code { "candor" } " is the program that runs this site. "
            a href="/check#everything" { "The command for this site" } "."
        }
        (layout::wide("What is protected", &table))
        p {
            a href="/check" { "The commands, with this deployment’s names and keys" } "; the files are at "
            a href="/data/" { "/data/" } "."
        }
        h2 id="not-defended" { "What is not protected" }
        ul {
            li {
                @match settings.is_in_store() {
                    true => {
                        "Until reports are merged, whoever runs this server or the store, or breaks into either, can "
                        "see them as they arrive. "
                    }
                    false => {
                        "Until reports are merged, whoever runs this server, or breaks into it, can see them as they "
                        "arrive. "
                    }
                }
                "After that, their order is lost."
            }
            li {
                "The last edition of a day has everything that is left, even if that is only a few late reports: "
                "somebody who knows that you reported late can look there."
            }
            li {
                "A rare combination of program, version, platform and counters is public as one row. Somebody who "
                "already knows that you have it can find the row."
            }
            @if !settings.stacks.is_empty() {
                li { (made_up_stacks(settings)) }
            }
            li { (promises::proxies(&settings.promised)) }
            li { a href="#flood" { "False reports" } " are only noticed if there are many of them." }
            @if let Some(sentence) = promises::unwitnessed(&settings.promised) { li { (sentence) } }
        }
    }
}
