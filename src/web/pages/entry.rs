//! `/log/entry/N`: one entry, and the proof that it is in the log.

use super::layout::{self, Section};
use super::log::version_link;
use super::verifying::{self, Subject};
use super::words;
use crate::tlog::{Entry, InclusionProof, LeafIndex, Protocol, Record, Side, TreeHead};
use crate::web::address::Address;
use crate::web::latest::{self, LATEST};
use crate::web::numbers;
use crate::web::proof::proved;
use crate::web::refusal::Refusal;
use crate::web::representation::Lifetime;
use crate::web::site::Site;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};

pub(super) async fn get(
    State(site): State<Site>,
    address: Address,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let malformed =
        |_| Refusal::not_found("not found: entries are numbered from 0, as in /log/entry/0");
    if address.below("/log/entry/") == LATEST {
        let size = site.head().await?.tree().size.get();
        let none = || Refusal::not_found("not found: the log has no entries yet");
        let newest = size.checked_sub(1).ok_or_else(none)?;
        return Ok(latest::redirect(&format!("/log/entry/{newest}")));
    }
    let index: LeafIndex = address.below("/log/entry/").parse().map_err(malformed)?;
    let head = site.head_with(|head| index.is_in(head.tree().size)).await?;
    let tree = head.tree();
    if !index.is_in(tree.size) {
        let size = numbers::counted_as(tree.size.get(), "entry", "entries");
        return Err(Refusal::not_found(format!(
            "not found: the log has {size}, and no entry {index}"
        )));
    }
    let gathered = site.clone();
    let checkpoint = head.signed(Protocol::TlogTiles).to_owned();
    // Cosignatures may change while the tree does not.
    let key = format!("/log/entry/{index} {checkpoint}");
    let load = async move { proved(&gathered, &head, index).await };
    let page = site.page_with_script(key, load, move |site, (entry, proof)| {
        let title = format!("Entry {index} of the log");
        let body = body(site, index, tree, &checkpoint, &entry, &proof);
        layout::page(site, &title, Some(Section::Log), &body)
    });
    Ok(page.await?.respond(&headers, Lifetime::Seconds))
}

fn body(
    site: &Site,
    index: LeafIndex,
    tree: TreeHead,
    checkpoint: &str,
    entry: &Entry,
    proof: &InclusionProof,
) -> Markup {
    let leaf = entry.leaf_hash();
    let record = Record::try_from(entry).ok();
    html! {
        h1 { "Entry " (index) " of the log" }
        p.lead {
            "What was recorded, and the proof that the log’s tree of "
            (numbers::counted_as(tree.size.get(), "entry", "entries")) " has it at this position."
        }
        h2 id="record" { "Record" }
        pre { code { (String::from_utf8_lossy(entry.as_bytes())) } }
        dl.facts {
            @if let Some(record) = &record {
                dt { "Version" } dd { (version_link(record.version())) }
                dt { "Files" } dd {
                    @let proxy = format!("/goproxy/{}/@v/{}", site.module().escape(), record.version());
                    a href={ (proxy) ".zip" } { "module zip" } ", "
                    a href={ (proxy) ".info" } { "info" } ", "
                    a href={ (proxy) ".mod" } { "go.mod" } ", "
                    a href={ (proxy) ".tlog-proof" } { "proof as a file" }
                }
                dt { "Hash of the zip" } dd { span.hash { (record.zip()) } }
                dt { "Hash of go.mod" } dd { span.hash { (record.go_mod()) } }
            }
            dt { "Leaf hash" } dd { span.hash { (leaf) } }
        }
        (verifying::section(site, Subject::Entry(index, entry)))
        h2 id="proof" { "Inclusion proof" }
        p {
            "Start from the leaf hash: the SHA-256 of a zero byte and the record ("
            (words::link("https://www.rfc-editor.org/rfc/rfc6962#section-2.1", &html! { "RFC 6962, 2.1" }))
            "). For each hash of the proof, take the SHA-256 of a byte of value one followed by two hashes, the proof’s "
            "and yours, in the order that the table says. The last result must be the root in the signed tree head."
        }
        @if proof.hashes().is_empty() {
            p { "The log has only one entry, whose leaf hash is the root." }
        } @else {
            (layout::wide("Inclusion proof", &table(index, tree, entry, proof)))
        }
        dl.facts { dt { "Root" } dd { span.hash { (tree.root) } } }
        h2 id="tree-head" { "Signed tree head" }
        (layout::note(checkpoint))
        nav.pages aria-label="Other entries" {
            @if index.get() > 0 { a href={ "/log/entry/" (index.get() - 1) } rel="prev" { "Entry " (index.get() - 1) } }
            @if index.get() + 1 < tree.size.get() {
                a href={ "/log/entry/" (index.get() + 1) } rel="next" { "Entry " (index.get() + 1) }
            }
            a href="/log/" { "The log" }
        }
    }
}

fn table(index: LeafIndex, tree: TreeHead, entry: &Entry, proof: &InclusionProof) -> Markup {
    html! {
        table.full {
            caption { "From the leaf up; hashes in base64" }
            thead { tr {
                th.number scope="col" { "Step" }
                th scope="col" { "Hash of the proof" }
                th scope="col" { "Position" }
                th scope="col" { "Combined hash" }
            } }
            tbody {
                @for (number, step) in proof.steps(entry.leaf_hash(), index, tree.size).iter().enumerate() {
                    tr {
                        th.number scope="row" { (number + 1) }
                        td { span.hash { (step.sibling) } }
                        td { @match step.side { Side::Left => "before", Side::Right => "after" } }
                        td { span.hash { (step.computed) } }
                    }
                }
            }
        }
    }
}
