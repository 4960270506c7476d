//! `/config/atom.xml`: a feed of versions and what changed in each (Atom 1.0,
//! <https://www.rfc-editor.org/rfc/rfc4287>).
//!
//! Identifiers are tag URIs (<https://www.rfc-editor.org/rfc/rfc4151>): an entry's identifier never changes,
//! wherever the feed is fetched from. Everything follows from the log.

use super::changes::Changes;
use crate::gomod::ModuleVersion;
use crate::web::numbers;
use crate::web::refusal::Refusal;
use crate::web::representation::{Content, Lifetime};
use crate::web::site::Site;
use crate::web::source::LoadedConfig;
use axum::http::HeaderMap;
use axum::response::Response;
use maud::html;
use std::sync::Arc;

/// How many versions are in the feed.
const ENTRIES: u64 = 30;
/// The date in tag URIs, on which the operator must have owned the host name. The date of the first commit
/// would not do, as a repository can be older than its host; so it is the same year for all.
const TAG_DATE: &str = "2026";

pub(super) async fn get(site: &Site, headers: &HeaderMap) -> Result<Response, Refusal> {
    let newest = site.head().await?.newest();
    let gathered = site.clone();
    let load = async move {
        let newest = newest.map_or(0, ModuleVersion::number);
        let mut configs = Vec::new();
        for number in (newest.saturating_sub(ENTRIES)..=newest).rev() {
            if let Ok(version) = ModuleVersion::new(number) {
                configs.push(gathered.config(version).await?);
            }
        }
        Ok(configs)
    };
    let feed = site.made(format!("atom {newest:?}"), Content::Atom, load, |site, configs| {
        write(site, &configs)
    });
    Ok(feed.await?.respond(headers, Lifetime::Seconds))
}

fn write(site: &Site, configs: &[Arc<LoadedConfig>]) -> String {
    let host = &site.keys().host;
    // A feed must have a last change, even without versions.
    let updated = configs
        .first()
        .map_or("1970-01-01T00:00:00Z".to_owned(), |newest| newest.provenance.time.to_string());
    let entries = configs.iter().take(ENTRIES as usize).enumerate();
    let feed = html! {
        feed xmlns="http://www.w3.org/2005/Atom" {
            id { "tag:" (host) "," (TAG_DATE) ":config" }
            title { (host) ": what is collected" }
            subtitle { "Every version of the collection config, and what changed in it" }
            updated { (updated) }
            author { name { (host) } }
            (link("self", &format!("https://{host}{}", super::layout::FEED), "application/atom+xml"))
            (link("alternate", &format!("https://{host}/config/"), "text/html"))
            @for (index, config) in entries {
                @let before = configs.get(index + 1).map(Arc::as_ref);
                @let sentences = Changes::between(before, config).sentences();
                entry {
                    id { "tag:" (host) "," (TAG_DATE) ":config/" (config.version) }
                    title { (config.version) ": " (summary(&sentences)) }
                    updated { (config.provenance.time) }
                    (link("alternate", &format!("https://{host}/config/{}", config.version), "text/html"))
                    content type="text" { (sentences.join("\n")) }
                }
            }
        }
    };
    format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{}\n", printable(&feed.into_string()))
}

/// Unlike HTML, XML needs empty elements to be closed.
fn link(relation: &str, address: &str, media_type: &str) -> maud::Markup {
    html! { link rel=(relation) href=(address) type=(media_type) {} }
}

/// XML 1.0 does not allow control characters in any form, but a config could contain some.
fn printable(text: &str) -> String {
    let allowed = |c: char| !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    text.chars().map(|c| if allowed(c) { c } else { '\u{fffd}' }).collect()
}

/// What changed, short enough for a title.
fn summary(sentences: &[String]) -> String {
    match sentences {
        [] => String::new(),
        [one] if one.chars().count() <= 120 => one.clone(),
        _ => numbers::counted(sentences.len() as u64, "change"),
    }
}
