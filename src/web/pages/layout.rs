//! The frame of every page: whose telemetry this is, landmarks, navigation, one stylesheet; and what the page
//! says of itself to those who link to it.

use super::{assets, project};
use crate::publish::CatalogueProject;
use crate::web::base_path::SiteAddress;
use crate::web::draw;
use crate::web::numbers;
use crate::web::site::Site;
use maud::{DOCTYPE, Markup, html};

/// Where the feed of config versions is.
pub(in crate::web) const FEED: &str = "/config/atom.xml";
/// Where the feed of weeks is.
pub(in crate::web) const WEEKS_FEED: &str = "/charts/atom.xml";
/// Where the feed of new charts is.
pub(in crate::web) const CHARTS_FEED: &str = "/charts/new.xml";
/// Where the book is (`help`).
pub(in crate::web) const HELP: &str = "/help/";
/// The feeds, with their titles.
const FEEDS: [(&str, &str); 3] =
    [(FEED, "Config versions"), (WEEKS_FEED, "Weeks"), (CHARTS_FEED, "New charts")];

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

/// What is around every page: whose telemetry this is, and where.
#[derive(Debug)]
pub(in crate::web) struct Frame {
    address: SiteAddress,
    project: Option<CatalogueProject>,
    rehearsal: bool,
}

impl From<&Site> for Frame {
    fn from(site: &Site) -> Frame {
        let rehearsal = site.operations().is_some_and(|operations| operations.rehearsal);
        Frame { address: site.address(), project: site.project(), rehearsal }
    }
}

impl Frame {
    /// The site's name, for titles.
    fn name(&self) -> String {
        match &self.project {
            Some(project) => project::telemetry_of(&project.name),
            None => self.address.host().to_string(),
        }
    }

    /// What the site is about, in a sentence.
    fn description(&self) -> String {
        let whose = match &self.project {
            Some(project) => project.name.as_str(),
            None => "this project",
        };
        format!(
            "What {whose} collects from people who opted in, what the results are, and how anyone can check both."
        )
    }
}

/// What a page says of itself to browsers, search engines and sites that link to it
/// (<https://ogp.me>). Made from its title alone, or with more.
#[derive(Debug, Clone, Default)]
pub(in crate::web) struct Summary {
    title: String,
    description: Option<String>,
    path: Option<String>,
    picture: Option<String>,
}

impl From<&str> for Summary {
    fn from(title: &str) -> Summary {
        Summary { title: title.to_owned(), ..Summary::default() }
    }
}

impl From<&String> for Summary {
    fn from(title: &String) -> Summary {
        title.as_str().into()
    }
}

impl Summary {
    /// Without characters in its texts that move, hide or reorder the text around them.
    pub(in crate::web) fn plain(self) -> Summary {
        let title = draw::plain(&self.title);
        Summary { title, description: self.description.as_deref().map(draw::plain), ..self }
    }

    /// With a sentence or two about the page.
    pub(in crate::web) fn described(self, description: impl Into<String>) -> Summary {
        Summary { description: Some(description.into()), ..self }
    }

    /// With the path of its address, unless it has one.
    pub(in crate::web) fn at(self, path: impl Into<String>) -> Summary {
        Summary { path: self.path.or_else(|| Some(path.into())), ..self }
    }

    /// With the path of a PNG picture of what the page shows.
    pub(in crate::web) fn with_picture(self, path: impl Into<String>) -> Summary {
        Summary { picture: Some(path.into()), ..self }
    }

    fn head(&self, frame: &Frame) -> Markup {
        let absolute = |path: &String| format!("{}{path}", frame.address);
        let description = self.description.clone().unwrap_or_else(|| frame.description());
        html! {
            title { (self.title) " · " (frame.name()) }
            meta name="description" content=(description);
            meta property="og:title" content=(self.title);
            meta property="og:description" content=(description);
            meta property="og:site_name" content=(frame.name());
            meta property="og:type" content="website";
            @if let Some(path) = &self.path {
                meta property="og:url" content=(absolute(path));
            }
            @if let Some(picture) = &self.picture {
                meta property="og:image" content=(absolute(picture));
                meta name="twitter:card" content="summary_large_image";
            }
        }
    }
}

/// A whole page. Its body begins with its only `h1`; `section` is `None` for pages outside all sections.
pub(in crate::web) fn page(
    frame: impl Into<Frame>,
    summary: impl Into<Summary>,
    section: Option<Section>,
    body: &Markup,
) -> Markup {
    let (frame, summary) = (frame.into(), summary.into());
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                (summary.head(&frame))
                @if frame.rehearsal { meta name="robots" content="noindex"; }
                link rel="stylesheet" href=(assets::style().path());
                link rel="icon" type="image/svg+xml" href=(assets::icon().path());
                @for (path, title) in FEEDS {
                    link rel="alternate" type="application/atom+xml" title=(title) href=(path);
                }
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header.site {
                    div.inner {
                        a.brand href="/" { (frame.name()) }
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
                main #content tabindex="-1" {
                    @if frame.rehearsal {
                        p role="note" {
                            strong { "This is a rehearsal" }
                            ". What it shows is not what people report, and nothing of it is kept. What these "
                            "pages promise about reports does not hold here: each is charted within seconds, "
                            "without waiting for others or for the day to end. Send it made-up counts or your "
                            "own, and nobody else’s."
                        }
                    }
                    (body)
                }
                footer.site {
                    div.inner {
                        @if let Some(project) = &frame.project { (project::about(project, frame.address.host())) }
                        p {
                            "Transparent telemetry: what is collected is reviewed in public, recorded in a "
                            "public log, sent only by people who opted in, and shown to everyone. "
                            a href="/check" { "Check all of this yourself" } ", or read "
                            a href=(HELP) { "how it works, and how to have it for your own project" } "."
                        }
                        p {
                            "No cookies, and nothing loaded from other sites. One script, on the pages of the "
                            "log and of config versions, checks them in your browser; it sends nothing, and "
                            "remembers in your browser which log it saw. Feeds: "
                            @for (index, (path, title)) in FEEDS.iter().enumerate() {
                                @if index > 0 { ", " }
                                a href=(path) { (title.to_lowercase()) }
                            }
                            "."
                        }
                    }
                }
            }
        }
    };
    frame.address.base().with_page(page)
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
