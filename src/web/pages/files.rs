//! `/status/`, which only a static copy of the site has: when it was written, and what it cannot do.

use super::layout;
use crate::count::entries;
use crate::web::site::Site;
use maud::{Markup, html};

/// When a static copy was written, and of what.
#[derive(Debug, Clone, serde::Serialize)]
pub struct WrittenAt {
    /// When.
    pub written: String,
    /// The size of the log then.
    pub tree_size: u64,
    /// Its root.
    pub root: String,
    /// When a quorum of witnesses had cosigned that, if any has to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosigned: Option<String>,
    /// The last day of the newest week with charts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest_week: Option<String>,
}

pub(in crate::web) fn page(site: &Site, of: &WrittenAt) -> Markup {
    let body = html! {
        h1 { "How fresh these pages are" }
        p.lead {
            "This site is a copy in files, written at " time datetime=(of.written) { (of.written) } ". "
            "It changes when the next copy is written, and not before."
        }
        ul {
            li { "The log had " (entries(of.tree_size)) "; its root was " span.hash { (of.root) } "." }
            @if let Some(cosigned) = &of.cosigned { li { "Enough witnesses had cosigned that at " (cosigned) "." } }
            @match &of.newest_week {
                Some(week) => li { "The newest charts are of the week to " (week) "." },
                None => li { "There were no charts yet." },
            }
        }
        h2 id="server" { "What files cannot do" }
        p {
            "Finding by a name that is typed, comparing two charts or two configs that are chosen in a form, and ranges of weeks "
            "that are chosen in a form need a server. The lists of "
            a href="/charts/@all" { "all charts and counters" } ", of " a href="/config/" { "configs" } " and of "
            a href="/data/" { "data" } " are complete here, and so are their files for programs. Whoever has the data can also run the server: "
            a href="/help/" { "how" } "."
        }
        p { "The same for programs: " a href="/status.json" { "status.json" } "." }
    };
    layout::page(site, "How fresh these pages are", None, &body)
}
