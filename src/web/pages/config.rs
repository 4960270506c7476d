//! `/config/`: every version, newest first, and what changed in each.
//!
//! | path | answer |
//! | --- | --- |
//! | `/config/`, `/config/?before=VERSION` | some versions, in words (here) |
//! | `/config/compare?from=VERSION&to=VERSION` | on to the comparison (here) |
//! | `/config/VERSION` | one version (`version`) |
//! | `/config/VERSION.json` | its `config.json` (here) |
//! | `/config/VERSION...VERSION` | what changed between two (`comparison`) |
//! | `/config/atom.xml` | a feed (`feed`) |

use super::changes::Changes;
use super::layout::{self, Section};
use super::{comparison, feed, version, words};
use crate::gomod::ModuleVersion;
use crate::web::address::Address;
use crate::web::refusal::Refusal;
use crate::web::representation::Lifetime;
use crate::web::site::Site;
use crate::web::source::LoadedConfig;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use std::sync::Arc;

/// How many versions are on a page of the list.
const LISTED: u64 = 20;
/// How many changes of a version are told there.
const TOLD: usize = 5;
/// How many of the newest versions can be chosen for a comparison.
const CHOICES: u64 = 100;

pub(super) async fn list(
    State(site): State<Site>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let newest = site.head().await?.newest();
    let last = match query(&uri, "before") {
        None => newest,
        Some(before) => {
            let before = parse(&site, before)?.number();
            // One number below; of the first there is none, and the page is empty.
            newest
                .map(ModuleVersion::number)
                .map(|newest| newest.min(before.saturating_sub(1)))
                .and_then(|last| ModuleVersion::new(last).ok())
        }
    };
    let key = format!("/config/ {newest:?} {last:?}");
    let gathered = site.clone();
    let load = async move {
        let last = last.map_or(0, ModuleVersion::number);
        // One more than is listed: the oldest is compared with it.
        let versions = last.saturating_sub(LISTED)..=last;
        let mut configs: Vec<Arc<LoadedConfig>> = Vec::new();
        for version in versions.rev().filter_map(|number| ModuleVersion::new(number).ok()) {
            configs.push(gathered.config(version).await?);
        }
        Ok(configs)
    };
    let page = site.page(key, load, move |site, configs| {
        let body = list_body(site, newest, &configs);
        layout::page(&site.keys().host, "Config versions", Some(Section::Config), &body)
    });
    Ok(page.await?.respond(&headers, Lifetime::Seconds))
}

pub(super) async fn get(
    State(site): State<Site>,
    address: Address,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let path = address.below("/config/");
    if path == "atom.xml" {
        return feed::get(&site, &headers).await;
    }
    if path == "compare" {
        let chosen = |name| match query(&uri, name) {
            Some(version) => parse(&site, version),
            None => Err(Refusal::bad_request("bad request: compare ?from=VERSION&to=VERSION")),
        };
        let (from, to) = (chosen("from")?, chosen("to")?);
        let (older, newer) = (from.min(to), from.max(to));
        return Ok(Redirect::to(&format!("/config/{older}...{newer}")).into_response());
    }
    if let Some((from, to)) = path.split_once("...") {
        return comparison::get(&site, parse(&site, from)?, parse(&site, to)?, &headers).await;
    }
    if let Some(version) = path.strip_suffix(".json") {
        let config = site.config(parse(&site, version)?).await?;
        return Ok(config.json.respond(&headers, Lifetime::Immutable));
    }
    version::get(&site, parse(&site, path)?, &headers).await
}

/// A version as an address names it.
fn parse(site: &Site, version: &str) -> Result<ModuleVersion, Refusal> {
    version.parse().map_err(|_| {
        let short: String = version.chars().take(40).collect();
        site.unknown_version(short)
    })
}

/// A parameter of a query. Versions and numbers are all that is asked for: they need no decoding.
pub(super) fn query<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    let mut pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find_map(|(key, value)| (key == name).then_some(value))
}

fn list_body(site: &Site, newest: Option<ModuleVersion>, configs: &[Arc<LoadedConfig>]) -> Markup {
    let listed = configs.len().min(LISTED as usize);
    let page = configs.get(..listed).unwrap_or_default();
    let is_first_page = page.first().map(|config| config.version) == newest;
    let oldest = page.last().map(|config| config.version);
    html! {
        h1 { "Config versions" }
        p.lead {
            "Each version says what clients may report, and is compiled from definitions that were "
            "reviewed in public. A version is never changed or taken back: the "
            a href="/log/" { "log" } " holds them all."
        }
        @match newest {
            None => p { "Nothing was published yet." },
            Some(newest) => (compare_form(newest, page)),
        }
        @for (place, config) in page.iter().enumerate() {
            (entry(config, configs.get(place + 1).map(Arc::as_ref)))
        }
        nav.pages aria-label="More versions" {
            @if !is_first_page { a href="/config/" { "Newest versions" } }
            @if let Some(oldest) = oldest.filter(|oldest| oldest.number() > 1) {
                a href={ "/config/?before=" (oldest) } rel="next" { "Older versions" }
            }
        }
        p.note {
            "All of it for machines: "
            a href={ "/goproxy/" (site.module().escape()) "/@v/list" } { "the list of versions" }
            ", and " a href=(layout::FEED) { "a feed of changes" } " (Atom)."
        }
    }
}

/// One version of the list, with the one before it.
fn entry(config: &LoadedConfig, before: Option<&LoadedConfig>) -> Markup {
    let version = config.version;
    let all = match before {
        Some(before) => format!("/config/{}...{version}", before.version),
        None => format!("/config/{version}"),
    };
    html! {
        article {
            h2 { a href={ "/config/" (version) } { (version) } }
            p.note {
                (words::time(config.provenance.time)) " · commit " (words::commit_of(&config.provenance))
                " · " span.hash { (config.zip_hash) }
            }
            (Changes::between(before, config).list(TOLD, &all))
        }
    }
}

/// Two versions to choose, and a button that needs no script.
pub(super) fn compare_form(newest: ModuleVersion, page: &[Arc<LoadedConfig>]) -> Markup {
    let mut numbers: Vec<u64> = page.iter().map(|config| config.version.number()).collect();
    numbers.extend(newest.number().saturating_sub(CHOICES - 1)..=newest.number());
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    numbers.dedup();
    let versions: Vec<ModuleVersion> =
        numbers.into_iter().filter_map(|number| ModuleVersion::new(number).ok()).collect();
    if versions.len() < 2 {
        return html! {};
    }
    let choice = |name: &str, label: &str, chosen: Option<&ModuleVersion>| {
        html! {
            label {
                (label)
                select name=(name) {
                    @for version in &versions {
                        option value=(version) selected[Some(version) == chosen] { (version) }
                    }
                }
            }
        }
    };
    html! {
        form action="/config/compare" method="get" {
            (choice("from", "What changed from", versions.last()))
            (choice("to", "to", versions.first()))
            button type="submit" { "Compare" }
        }
    }
}
