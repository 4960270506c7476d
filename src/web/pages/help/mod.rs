//! `/help/`: the book in `docs/`, compiled into the program, so that each deployment has the one of its version.
//!
//! | file | one idea |
//! | --- | --- |
//! | `book` | the chapters, their order and addresses |
//! | `markdown` | a chapter's Markdown as HTML |
//!
//! `/help/schema/KIND.json` has the schemas of charts folders, for editors.

mod book;
mod markdown;

use self::book::{BOOK, Chapter};
use super::layout::{self, Summary};
use crate::charts::{FileKind, json_schema};
use crate::web::address::Address;
use crate::web::draw;
use crate::web::refusal::Refusal;
use crate::web::representation::{Content, Lifetime, Representation};
use crate::web::site::Site;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};
use std::sync::LazyLock;

/// The addresses of all chapters, for the site map.
pub(super) fn addresses() -> impl Iterator<Item = String> {
    BOOK.iter().map(Chapter::address)
}

/// `/help/`
pub(super) async fn contents(site: State<Site>, headers: HeaderMap) -> Result<Response, Refusal> {
    answer(site, headers, "").await
}

/// `/help/CHAPTER`, or a picture in one.
pub(super) async fn get(
    site: State<Site>,
    address: Address,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let name = address.below(layout::HELP);
    if name == book::GROWTH {
        static PICTURE: LazyLock<Representation> =
            LazyLock::new(|| Representation::new(growth().into_bytes(), Content::Svg));
        return Ok(PICTURE.respond(&headers, Lifetime::Minutes));
    }
    let kind = name.strip_prefix("schema/").and_then(|name| name.strip_suffix(".json"));
    if let Some(kind) = kind.and_then(|name| FileKind::ALL.into_iter().find(|k| k.name() == name)) {
        let load = async { Ok(()) };
        let schema = move |_: &Site, ()| format!("{:#}\n", json_schema(kind));
        let made = site.cached(format!("/help/{name}"), Content::Json, load, schema).await?;
        return Ok(made.respond(&headers, Lifetime::Minutes));
    }
    answer(site, headers, name).await
}

/// The picture, with the style that the policy of pictures allows now: the file may be older.
fn growth() -> String {
    let whole = book::GROWTH_SVG;
    let parts = whole.split_once("<style>").zip(whole.split_once("</style>"));
    match parts {
        Some(((before, _), (_, after))) => {
            format!("{before}<style>{}</style>{after}", draw::file_style())
        }
        None => whole.to_owned(),
    }
}

async fn answer(
    State(site): State<Site>,
    headers: HeaderMap,
    name: &str,
) -> Result<Response, Refusal> {
    let number = BOOK.iter().position(|chapter| chapter.name() == name);
    let number = number.ok_or_else(|| {
        Refusal::not_found(format!("not found: {} lists all chapters of the help", layout::HELP))
    })?;
    let page = site.page(format!("/help {number}"), async { Ok(()) }, move |site, ()| {
        let chapter = &BOOK[number];
        let rendered = chapter.render();
        let summary = Summary::from(&rendered.title).described(chapter.about).at(chapter.address());
        layout::page(site, summary, None, &body(number, &rendered))
    });
    Ok(page.await?.respond(&headers, Lifetime::Minutes))
}

/// A chapter, between what leads to its parts and to its neighbours.
fn body(number: usize, rendered: &markdown::Rendered) -> Markup {
    let link = |chapter: &Chapter| html! { a href=(chapter.address()) { (chapter.title()) } };
    let (previous, next) = (number.checked_sub(1).and_then(|n| BOOK.get(n)), BOOK.get(number + 1));
    html! {
        h1 { (rendered.title) }
        @if number > 0 && rendered.sections.len() > 1 {
            nav.sections aria-label="On this page" {
                ul {
                    @for (id, title) in &rendered.sections {
                        li { a href={ "#" (id) } { (title) } }
                    }
                }
            }
        }
        div.book { (rendered.html) }
        nav.pages aria-label="Chapters" {
            @if number > 1 { a href=(layout::HELP) { "Contents" } }
            @if let Some(previous) = previous { span { "Before: " (link(previous)) } }
            @if let Some(next) = next { span { "Next: " (link(next)) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// Every link of a chapter leads to a chapter, to a part of one, to the source, or over https elsewhere.
    #[test]
    fn links_between_chapters_lead_to_what_is_there() {
        let pages: BTreeMap<String, _> =
            BOOK.iter().map(|chapter| (chapter.address(), chapter.render())).collect();
        assert_eq!(pages.len(), BOOK.len(), "two chapters have one address");
        let ids: BTreeMap<&str, BTreeSet<&str>> = pages
            .iter()
            .map(|(address, page)| {
                (address.as_str(), page.ids.iter().map(String::as_str).collect())
            })
            .collect();
        for (address, page) in &pages {
            assert_eq!(ids[address.as_str()].len(), page.ids.len(), "{address} has an id twice");
            assert!(!page.ids.iter().any(|id| id == "content"), "{address}: the page has this id");
            for link in &page.links {
                let (to, id) = link.split_once('#').unwrap_or((link, ""));
                let to = if to.is_empty() { address } else { to };
                let source = format!("{}/blob/HEAD/", book::SOURCE);
                if let Some(path) = to.strip_prefix(source.as_str()) {
                    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
                    assert!(file.exists(), "{address} links to {path}, which is not there");
                } else if to == format!("{}{}", layout::HELP, book::GROWTH) {
                } else if to.starts_with('/') {
                    let there = ids.get(to).is_some_and(|ids| id.is_empty() || ids.contains(id));
                    assert!(there, "{address} links to {link}, which is not there");
                } else {
                    assert!(to.starts_with("https://"), "{address} links to {link}");
                }
            }
        }
    }

    #[test]
    fn the_contents_list_every_chapter_in_order() {
        let contents = BOOK[0].render();
        let listed: Vec<String> = contents
            .links
            .iter()
            .filter(|link| link.starts_with(layout::HELP) && !link.contains('#'))
            .cloned()
            .collect();
        let chapters: Vec<String> = addresses().skip(1).collect();
        assert_eq!(listed, chapters, "docs/README.md and book.rs");
    }

    /// Every page of `docs/` is a chapter, but for the one for those who change Candor.
    #[test]
    fn no_page_of_the_folder_is_forgotten() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
        for entry in std::fs::read_dir(folder).expect("docs") {
            let name = entry.expect("a file").file_name().to_string_lossy().into_owned();
            let is_chapter = BOOK.iter().any(|chapter| chapter.path == format!("docs/{name}"));
            let is_else = [book::GROWTH, "architecture.md", "schema"].contains(&name.as_str());
            assert!(is_chapter || is_else, "docs/{name} is no chapter");
        }
    }

    /// Opened on its own, the picture is drawn with the style that the policy of pictures allows.
    #[test]
    fn the_picture_has_the_style_that_its_policy_allows() {
        let picture = growth();
        assert_eq!(picture.matches("<style>").count(), 1);
        assert!(picture.contains(&format!("<style>{}</style><rect", draw::file_style())));
        assert!(picture.ends_with("</svg>\n"), "{picture}");
    }
}
