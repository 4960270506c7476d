//! `/log/`: the tree head, and the newest entries. Machines read the log itself below the same path
//! (`tiles`).

use super::layout::{self, Section};
use super::verifying::{self, Subject};
use super::witnessed;
use super::words;
use crate::gomod::ModuleVersion;
use crate::tlog::{Bundle, LeafIndex, Protocol, Record, TreeHead};
use crate::web::numbers;
use crate::web::refusal::Refusal;
use crate::web::representation::Lifetime;
use crate::web::site::Site;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use maud::{Markup, html};

/// How many entries a page of the list shows.
const LISTED: u64 = 20;

/// An entry of the list.
struct Listed {
    index: u64,
    /// Its record; `None` if this program does not understand it.
    record: Option<Record>,
}

pub(super) async fn get(
    State(site): State<Site>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let head = site.head().await?;
    let size = head.tree().size.get();
    let end = match super::config::query(&uri, "before") {
        None => size,
        Some(before) => {
            let malformed = |_| Refusal::bad_request("bad request: entries are numbered from 0");
            before.parse::<LeafIndex>().map_err(malformed)?.get().min(size)
        }
    };
    let (gathered, tree, checkpoint) =
        (site.clone(), head.tree(), head.signed(Protocol::TlogTiles).to_owned());
    let load = async move {
        let mut entries = Vec::new();
        for index in (end.saturating_sub(LISTED)..end).rev() {
            let found =
                LeafIndex::new(index).ok().and_then(|leaf| Bundle::of_leaf(leaf, tree.size));
            let Some((bundle, offset)) = found else { continue };
            let bundle = gathered.bundle_at(&head, bundle).await?;
            let record = bundle.entry(offset).and_then(|entry| Record::try_from(entry).ok());
            entries.push(Listed { index, record });
        }
        Ok(entries)
    };
    // Cosignatures may change while the tree does not.
    let key = format!("/log/ {end} {checkpoint}");
    let page = site.page_with_script(key, load, move |site, entries| {
        let body = body(site, tree, &checkpoint, end, &entries);
        let title = match end < tree.size.get() {
            true => format!("The log before entry {end}"),
            false => "The log".to_owned(),
        };
        layout::page(site, &title, Some(Section::Log), &body)
    });
    Ok(page.await?.respond(&headers, Lifetime::Seconds))
}

fn body(site: &Site, tree: TreeHead, checkpoint: &str, end: u64, entries: &[Listed]) -> Markup {
    let keys = site.keys();
    let next = entries.last().map(|entry| entry.index).filter(|index| *index > 0);
    html! {
        h1 { "The log" }
        p.lead {
            "Every version of the config that programs follow is an entry in this log. Entries are only ever added. "
            "The signed tree head below covers all of them in their order, so whoever has kept one can prove it if "
            "an entry is changed or removed later, or if somebody is shown other entries."
        }
        dl.facts {
            dt { "Entries" } dd { (numbers::grouped(tree.size.get())) }
            dt { "Root hash" } dd { span.hash { (tree.root) } }
            dt { "Origin" } dd { code { (Protocol::TlogTiles.origin(&keys.host)) } }
            dt { "Verifier key of the log" } dd { code { (keys.log) } }
            dt { "Verifier key of the checksum database" } dd { code { (keys.sumdb) } }
        }
        (verifying::section(site, Subject::Log))
        (witnessed::section(site.policy().policy.as_ref(), checkpoint))
        h2 id="tree-head" { "Signed tree head" }
        p {
            "This is what " a href="/log/checkpoint" { "programs get" } ": the origin, the number of entries, the root "
            "hash and the signature. Keep it, and you can later ask for a proof that a newer tree still begins with "
            "this one."
        }
        (layout::note(checkpoint))
        h2 id="entries" { "Entries" }
        @if entries.is_empty() {
            p { "There are no entries yet." }
        } @else {
            (layout::wide("Entries of the log", &table(entries)))
        }
        nav.pages aria-label="More entries" {
            @if end < tree.size.get() { a href="/log/" { "Newest entries" } }
            @if let Some(next) = next { a href={ "/log/?before=" (next) } rel="next" { "Older entries" } }
        }
        h2 id="programs" { "For programs" }
        p {
            "The log is served as " (words::link("https://c2sp.org/tlog-tiles", &html! { "C2SP tlog-tiles" }))
            " below " code { "/log/" } " and, for the " code { "go" } " command, as a "
            (words::link("https://go.dev/ref/mod#checksum-database", &html! { "checksum database" }))
            " at the root of this host and below " code { "/sumdb/" } ": one tree and one key, in two formats."
        }
    }
}

fn table(entries: &[Listed]) -> Markup {
    html! {
        table.full {
            caption { "Newest first" }
            thead { tr {
                th.number scope="col" { "Entry" }
                th scope="col" { "Version" }
                th scope="col" { "Hash of its zip" }
            } }
            tbody {
                @for entry in entries {
                    tr {
                        th.number scope="row" { a href={ "/log/entry/" (entry.index) } { (entry.index) } }
                        @match &entry.record {
                            None => td colspan="2" { "not a record that this program understands" },
                            Some(record) => {
                                td.nowrap { (version_link(record.version())) }
                                td { span.hash { (record.zip()) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A version, with a link if it is a version of a config.
pub(super) fn version_link(version: &str) -> Markup {
    match version.parse::<ModuleVersion>() {
        Ok(version) => html! { a href={ "/config/" (version) } { (version) } },
        Err(_) => html! { (version) },
    }
}
