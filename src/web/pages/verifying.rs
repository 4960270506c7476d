//! The section of a page that shows what the reader's own browser has verified.
//!
//! It is hidden until the script runs.

use crate::gomod::ModuleVersion;
use crate::tlog::{Entry, LeafIndex};
use crate::web::content_policy::SCRIPT;
use crate::web::site::Site;
use maud::{Markup, PreEscaped, html};

/// What is verified, besides the log's signature and history.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject<'a> {
    /// Any entry that the reader chooses.
    Log,
    /// The entry that the page shows.
    Entry(LeafIndex, &'a Entry),
    /// The files of a version.
    Version(ModuleVersion),
}

/// The section, with the script.
pub(super) fn section(site: &Site, subject: Subject<'_>) -> Markup {
    let (module, log) = (site.module(), &site.keys().log);
    let entry = match subject {
        Subject::Log => None,
        Subject::Entry(index, _) => Some(index.get()),
        Subject::Version(version) => Some(version.leaf_index()),
    };
    let record = match subject {
        Subject::Entry(_, entry) => str::from_utf8(entry.as_bytes()).ok(),
        _ => None,
    };
    let version = match subject {
        Subject::Version(version) => Some(version),
        _ => None,
    };
    let file = |name: &str| {
        version.map(|version| format!("/goproxy/{}/@v/{version}.{name}", module.escape()))
    };
    html! {
        section #verify hidden data-log="/log/" data-vkey=(log) data-entry=[entry] data-record=[record]
            data-module=(module) data-version=[version] data-zip=[file("zip")]
            data-json=[version.map(|version| format!("/config/{version}.json"))] {
            h2 { "Checked just now, by your browser" }
            div role="status" aria-busy="true" { ul.checks { li.note { "Checking…" } } }
            @if matches!(subject, Subject::Log) {
                form.entry {
                    label { "Check an entry" input name="entry" type="number" min="0" required; }
                    button { "Check" }
                }
                form.key {
                    label { "The log’s key, from elsewhere" input name="key" size="40" required autocomplete="off" spellcheck="false" aria-describedby="key-error"; }
                    button { "Check with this key" }
                    span #key-error.bad role="alert" {}
                }
            }
            p.known hidden { span {} " " button type="button" { "Forget this key" } }
            p.note {
                "The script on this page did this. It is short, and you can read it, but it comes from the server that "
                "it checks. To be sure, run a program that you got elsewhere, such as " code { "candor" } ", which runs this "
                "site: its commands " code { "audit" } " and " code { "verify" } " are on "
                a href="/check" { "the page of checks" } "."
            }
        }
        script type="module" { (PreEscaped(SCRIPT)) }
    }
}
