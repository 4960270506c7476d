//! Feeds as Atom 1.0 (<https://www.rfc-editor.org/rfc/rfc4287>), and `/config/atom.xml`: the feed of versions and
//! what changed in each. Those of weeks and charts are in `charts::feeds`.
//!
//! Identifiers are tag URIs (<https://www.rfc-editor.org/rfc/rfc4151>): an entry's identifier never changes,
//! wherever the feed is fetched from. Everything in it follows from what is stored.

use super::changes::{Changes, READ};
use super::project::telemetry_of;
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

/// How many versions are in the feed at most; of large configs there are fewer.
const ENTRIES: u64 = 30;
/// The date in tag URIs, on which the operator must have owned the host name. The date of the first commit
/// would not do, as a repository can be older than its host; so it is the same year for all.
const TAG_DATE: &str = "2026";

pub(super) async fn get(site: &Site, headers: &HeaderMap) -> Result<Response, Refusal> {
    let newest = site.head().await?.newest();
    let gathered = site.clone();
    let load = async move {
        let newest = newest.map_or(0, ModuleVersion::number);
        let (mut configs, mut read, mut number) = (Vec::new(), 0, newest);
        while number > newest.saturating_sub(ENTRIES + 1) && (configs.len() < 2 || read < READ) {
            let Ok(version) = ModuleVersion::new(number) else { break };
            let config = gathered.config(version).await?;
            read += config.json.bytes();
            configs.push(config);
            number -= 1;
        }
        Ok(configs)
    };
    let feed = site.cached(format!("atom {newest:?}"), Content::Atom, load, |site, configs| {
        write(site, &configs)
    });
    Ok(feed.await?.respond(headers, Lifetime::Seconds))
}

fn write(site: &Site, configs: &[Arc<LoadedConfig>]) -> String {
    // The oldest is there to compare another with, unless it is the first of all.
    let is_first = configs.last().is_some_and(|oldest| oldest.version.number() == 1);
    let listed = if is_first { configs.len() } else { configs.len().saturating_sub(1) };
    let listed = configs.iter().take(listed.min(ENTRIES as usize));
    let entries = listed.enumerate().map(|(index, config)| {
        let before = configs.get(index + 1).map(Arc::as_ref);
        let sentences = Changes::between(before, config).sentences();
        Entry {
            id: format!("config/{}", config.version),
            title: format!("{}: {}", config.version, summary(&sentences)),
            updated: config.provenance.time.to_string(),
            page: format!("/config/{}", config.version),
            text: sentences.join("\n"),
        }
    });
    let feed = Feed {
        id: "config",
        title: "what is collected",
        subtitle: "Every version of the collection config, and what changed in it",
        own: super::layout::FEED,
        page: "/config/",
    };
    feed.write(site, &entries.collect::<Vec<_>>())
}

/// A feed.
pub(super) struct Feed<'a> {
    /// What identifies it, beside the host.
    pub(super) id: &'a str,
    /// Its title after the name of the project, or of the host without one, and what is in it.
    pub(super) title: &'a str,
    pub(super) subtitle: &'a str,
    /// Its own path, and that of the page with the same content.
    pub(super) own: &'a str,
    pub(super) page: &'a str,
}

/// One entry of a feed.
pub(super) struct Entry {
    /// What identifies it, beside the host; never changes.
    pub(super) id: String,
    pub(super) title: String,
    /// When it was published or changed, in RFC 3339.
    pub(super) updated: String,
    /// The path of its page.
    pub(super) page: String,
    pub(super) text: String,
}

impl Feed<'_> {
    /// The feed as XML, with these entries, newest first.
    pub(super) fn write(&self, site: &Site, entries: &[Entry]) -> String {
        let (host, address) = (&site.keys().host, site.address());
        let project = site.project();
        let (title, author) = match &project {
            Some(project) => (telemetry_of(&project.name), project.name.clone()),
            None => (host.to_string(), host.to_string()),
        };
        // A feed must have a last change, even without entries.
        let updated = entries.iter().map(|entry| entry.updated.as_str()).max();
        let updated = updated.unwrap_or("1970-01-01T00:00:00Z");
        let tag = |id: &str| format!("tag:{host},{TAG_DATE}:{id}");
        let feed = html! {
            feed xmlns="http://www.w3.org/2005/Atom" {
                id { (tag(self.id)) }
                title { (title) ": " (self.title) }
                subtitle { (self.subtitle) }
                updated { (updated) }
                author { name { (author) } }
                (link("self", &format!("{address}{}", self.own), "application/atom+xml"))
                (link("alternate", &format!("{address}{}", self.page), "text/html"))
                @for entry in entries {
                    entry {
                        id { (tag(&entry.id)) }
                        title { (entry.title) }
                        updated { (entry.updated) }
                        (link("alternate", &format!("{address}{}", entry.page), "text/html"))
                        content type="text" { (entry.text) }
                    }
                }
            }
        };
        let feed = printable(&feed.into_string());
        format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{feed}\n")
    }
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
