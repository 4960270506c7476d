//! The frame of every page: landmarks, navigation, one stylesheet.

use super::assets;
use crate::tlog::Host;
use crate::web::numbers;
use maud::{DOCTYPE, Markup, html};

/// Where the feed of config versions is.
pub(in crate::web) const FEED: &str = "/config/atom.xml";

/// A part of the site that its navigation leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum Section {
    /// `/charts/`
    Charts,
    /// `/data/`
    Data,
    /// `/config/`
    Config,
    /// `/log/`
    Log,
    /// `/privacy`
    Privacy,
}

impl Section {
    /// All of them, in the order of the navigation.
    const ALL: [Section; 5] =
        [Section::Charts, Section::Data, Section::Config, Section::Log, Section::Privacy];

    fn path(self) -> &'static str {
        match self {
            Section::Charts => "/charts/",
            Section::Data => "/data/",
            Section::Config => "/config/",
            Section::Log => "/log/",
            Section::Privacy => "/privacy",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Section::Charts => "Charts",
            Section::Data => "Data",
            Section::Config => "Config",
            Section::Log => "Log",
            Section::Privacy => "Privacy",
        }
    }
}

/// A whole page. Its body begins with its only `h1`; `section` is `None` for pages outside all sections.
pub(in crate::web) fn page(
    host: &Host,
    title: &str,
    section: Option<Section>,
    body: &Markup,
) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · " (host) }
                link rel="stylesheet" href=(assets::style().path());
                link rel="icon" type="image/svg+xml" href=(assets::icon().path());
                link rel="alternate" type="application/atom+xml" title="Config versions" href=(FEED);
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header.site {
                    div.inner {
                        a.brand href="/" { (host) }
                        nav aria-label="Site" {
                            ul {
                                @for each in Section::ALL {
                                    li {
                                        a href=(each.path())
                                            aria-current=[(section == Some(each)).then_some("true")]
                                            { (each.name()) }
                                    }
                                }
                            }
                        }
                    }
                }
                main #content tabindex="-1" { (body) }
                footer.site {
                    div.inner {
                        p {
                            "Transparent telemetry: what is collected is reviewed in public, recorded in a "
                            "public log, sent only by those who opted in, and shown to everyone."
                        }
                        p {
                            "No cookies, nothing loaded from other sites, and one script, which checks the "
                            "pages of the log and of config versions in your browser. It sends nothing, and "
                            "remembers in your browser which log it saw. "
                            a href=(FEED) { "Feed of config versions" } ". "
                            a href="/check" { "Check all of this yourself" } "."
                        }
                    }
                }
            }
        }
    }
}

/// A table that may be wider than a phone: it scrolls, also by keyboard, instead of the page.
pub(in crate::web) fn wide(label: &str, table: &Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(label) tabindex="0" { (table) } }
}

/// A signed note. If it has several signatures, they are collapsed.
pub(in crate::web) fn note(note: &str) -> Markup {
    let signatures = note.lines().filter(|line| line.starts_with('\u{2014}')).count();
    match note.split_once("\n\n") {
        Some((text, signed)) if signatures > 1 => html! {
            pre { code { (text) "\n" } }
            details { summary { (numbers::counted(signatures as u64, "signature")) } pre { code { (signed) } } }
        },
        _ => html! { pre { code { (note) } } },
    }
}
