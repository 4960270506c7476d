//! `/config/`: every version, newest first, and what changed in each.
//!
//! | path | answer |
//! | --- | --- |
//! | `/config/`, `/config/?before=VERSION` | some versions, in words (here) |
//! | `/config/compare?from=VERSION&to=VERSION` | on to the comparison (here) |
//! | `/config/VERSION` | one version (`version`) |
//! | `/config/VERSION.json` | its `config.json` (here) |
//! | `/config/VERSION...VERSION` | what changed between two (`comparison`) |
//! | `/config/index.json`, `/config/index.json?before=VERSION` | under which of them reports are taken (here) |
//! | `/config/atom.xml` | a feed (`feed`) |

use super::changes::Changes;
use super::layout::{self, Section};
use super::openness::{self, Openness, StatedVersions};
use super::{comparison, feed, version, words};
use crate::gomod::ModuleVersion;
use crate::publish::{ConfigState, OPEN_DAYS};
use crate::web::address::Address;
use crate::web::refusal::Refusal;
use crate::web::representation::{Content, Lifetime};
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
    let (newest, last) = last_listed(&site, &uri).await?;
    let openness = Openness::now(&site).await?;
    let key = format!("/config/ {newest:?} {last:?} {}", openness.key());
    let load = gather(site.clone(), newest, last, LISTED);
    let page = site.page(key, load, move |site, gathered| {
        let body = list_body(site, newest, &gathered, &openness);
        layout::page(&site.keys().host, "Config versions", Some(Section::Config), &body)
    });
    Ok(page.await?.respond(&headers, Lifetime::Seconds))
}

/// `/config/index.json`.
async fn index(site: &Site, uri: &Uri, headers: &HeaderMap) -> Result<Response, Refusal> {
    let (newest, last) = last_listed(site, uri).await?;
    let openness = Openness::known(site).await?;
    let key = format!("/config/index.json {newest:?} {last:?} {}", openness.key());
    let load = gather(site.clone(), newest, last, CHOICES);
    let made = site.made(key, Content::Json, load, move |_, gathered| {
        let listed = gathered.versions().take(CHOICES as usize);
        let versions = listed.map(|(config, next)| openness.stated(config, next)).collect();
        let after = last.map_or(0, ModuleVersion::number).saturating_sub(CHOICES);
        let next = (after > 0).then(|| format!("/config/index.json?before=v0.{}.0", after + 1));
        // Nothing in it can fail to serialise.
        serde_json::to_string_pretty(&StatedVersions { versions, next }).unwrap_or_default() + "\n"
    });
    Ok(made.await?.respond(headers, Lifetime::Seconds))
}

/// The newest version, and the first that is listed: the newest or, in a query, the one before another.
async fn last_listed(
    site: &Site,
    uri: &Uri,
) -> Result<(Option<ModuleVersion>, Option<ModuleVersion>), Refusal> {
    let newest = site.head().await?.newest();
    let last = match query(uri, "before") {
        None => newest,
        Some(before) => {
            let before = parse(site, before)?.number();
            // One number below; of the first there is none, and the page is empty.
            newest
                .map(ModuleVersion::number)
                .map(|newest| newest.min(before.saturating_sub(1)))
                .and_then(|last| ModuleVersion::new(last).ok())
        }
    };
    Ok((newest, last))
}

/// Versions for a list, newest first.
struct Gathered {
    /// The one after the first.
    next: Option<Arc<LoadedConfig>>,
    /// One more than is listed: the oldest is compared with it.
    configs: Vec<Arc<LoadedConfig>>,
}

impl Gathered {
    /// Each with the one after it.
    fn versions(&self) -> impl Iterator<Item = (&LoadedConfig, Option<&LoadedConfig>)> {
        let next = self.next.iter().map(Arc::as_ref).map(Some);
        let next = next.chain(self.next.is_none().then_some(None));
        let next = next.chain(self.configs.iter().map(Arc::as_ref).map(Some));
        self.configs.iter().map(Arc::as_ref).zip(next)
    }
}

async fn gather(
    site: Site,
    newest: Option<ModuleVersion>,
    last: Option<ModuleVersion>,
    listed: u64,
) -> Result<Gathered, Refusal> {
    let number = last.map_or(0, ModuleVersion::number);
    let next = last.filter(|last| Some(*last) != newest).and_then(|last| last.next().ok());
    let next = match next {
        Some(next) => Some(site.config(next).await?),
        None => None,
    };
    let mut configs: Vec<Arc<LoadedConfig>> = Vec::new();
    let versions = number.saturating_sub(listed)..=number;
    for version in versions.rev().filter_map(|number| ModuleVersion::new(number).ok()) {
        configs.push(site.config(version).await?);
    }
    Ok(Gathered { next, configs })
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
    if path == "index.json" {
        return index(&site, &uri, &headers).await;
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

fn list_body(
    site: &Site,
    newest: Option<ModuleVersion>,
    gathered: &Gathered,
    openness: &Openness,
) -> Markup {
    let configs = gathered.configs.as_slice();
    let listed = configs.len().min(LISTED as usize);
    let page = configs.get(..listed).unwrap_or_default();
    let is_first_page = page.first().map(|config| config.version) == newest;
    let oldest = page.last().map(|config| config.version);
    html! {
        h1 { "Config versions" }
        p.lead {
            "Each version says what clients may report, and is compiled from definitions that were "
            "reviewed in public. A version is never changed or taken back: the "
            a href="/log/" { "log" } " holds them all. Reports under a version are taken until " (OPEN_DAYS)
            " days after the day for which the next one was compiled, or until the project revokes it."
        }
        (openness.warning())
        @match newest {
            None => p { "Nothing was published yet." },
            Some(newest) => (compare_form(newest, page)),
        }
        @for (place, (config, next)) in gathered.versions().take(page.len()).enumerate() {
            (entry(config, configs.get(place + 1).map(Arc::as_ref), openness.state(config, next)))
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
            ", " a href="/config/index.json" { "under which of them reports are taken" }
            ", and " a href=(layout::FEED) { "a feed of changes" } " (Atom)."
        }
    }
}

/// One version of the list, with the one before it.
fn entry(config: &LoadedConfig, before: Option<&LoadedConfig>, state: ConfigState) -> Markup {
    let version = config.version;
    let all = match before {
        Some(before) => format!("/config/{}...{version}", before.version),
        None => format!("/config/{version}"),
    };
    html! {
        article {
            h2 { a href={ "/config/" (version) } { (version) } }
            p.note {
                "Compiled for " (openness::as_of(config)) " · committed "
                (words::time(config.provenance.time)) " · commit " (words::commit_of(&config.provenance))
                " · " span.hash { (config.zip_hash) }
            }
            p.note { (openness::sentence(state)) }
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
