//! `/config/`: every version, newest first, and what changed in each.
//!
//! | path | answer |
//! | --- | --- |
//! | `/config/`, `/config/?before=VERSION` | a page of the list of versions, of large ones fewer (here) |
//! | `/config/compare?from=VERSION&to=VERSION` | a redirect to the comparison (here) |
//! | `/config/VERSION`, `/config/VERSION?page=2` | one version; a long one on several pages (`version`) |
//! | `/config/VERSION.json` | its `config.json` (here) |
//! | `/config/@latest`, `/config/@latest.json` | redirects to those of the newest version (here) |
//! | `/config/VERSION...VERSION` | what changed between two (`comparison`) |
//! | `/config/index.json`, `/config/index.json?before=VERSION` | until when reports under each are accepted (here) |
//! | `/config/atom.xml` | a feed (`feed`) |

use super::changes::{Changes, READ};
use super::config_states::{self, ConfigStates, VersionIndex};
use super::layout::{self, Section};
use super::{comparison, feed, retired, version, words};
use crate::gomod::ModuleVersion;
use crate::publish::{Catalogue, ConfigState, OPEN_DAYS, Retirements};
use crate::web::address::Address;
use crate::web::latest::{self, LATEST};
use crate::web::refusal::Refusal;
use crate::web::representation::{Content, Lifetime};
use crate::web::site::Site;
use crate::web::source::LoadedConfig;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::civil::Date;
use maud::{Markup, html};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// How many versions a page of the list shows at most.
const LISTED: u64 = 20;
/// How many changes of a version it shows.
const CHANGES: usize = 5;
/// How many of the newest versions can be selected for a comparison.
const CHOICES: u64 = 100;

pub(super) async fn list(
    State(site): State<Site>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (newest, last) = last_listed(&site, &uri).await?;
    let config_states = ConfigStates::now(&site).await?;
    let key = format!("/config/ {newest:?} {last:?} {}", config_states.key());
    // The first page also says what comes next. Without the definitions, the rest of it is still right.
    let shown = site.catalogue(&*site.head().await?).await.ok().filter(|_| last == newest);
    let reading = site.clone();
    let load = async move {
        let gathered = gather(reading.clone(), newest, last, LISTED).await?;
        let retired = match (gathered.listed().last(), last) {
            (Some(first), Some(last)) => reading.retired(first.version..=last).await?,
            _ => Retirements::default(),
        };
        Ok((gathered, retired))
    };
    let page = site.page(key, load, move |site, (gathered, retired)| {
        let catalogue = shown.as_ref().and_then(|shown| shown.catalogue.as_ref());
        let definitions = (&retired, catalogue);
        let body = list_body(site, newest, &gathered, &config_states, definitions);
        let title = match last == newest {
            true => "Config versions".to_owned(),
            false => match last.and_then(|last| last.next().ok()) {
                Some(after) => format!("Config versions before {after}"),
                None => "Config versions before the first".to_owned(),
            },
        };
        layout::page(site, &title, Some(Section::Config), &body)
    });
    Ok(page.await?.respond(&headers, Lifetime::Seconds))
}

/// `/config/index.json`.
async fn index(site: &Site, uri: &Uri, headers: &HeaderMap) -> Result<Response, Refusal> {
    let (newest, last) = last_listed(site, uri).await?;
    let config_states = ConfigStates::known(site).await?;
    let key = format!("/config/index.json {newest:?} {last:?} {}", config_states.key());
    let load = gather(site.clone(), newest, last, CHOICES);
    let made = site.cached(key, Content::Json, load, move |_, gathered| {
        let listed = gathered.versions();
        let versions = listed.map(|(config, next)| config_states.indexed(config, next)).collect();
        let oldest = gathered.listed().last().map(|oldest| oldest.version);
        let next = oldest.filter(|oldest| oldest.number() > 1);
        let next = next.map(|oldest| format!("/config/index.json?before={oldest}"));
        // None of these types can fail to serialise.
        serde_json::to_string_pretty(&VersionIndex { versions, next }).unwrap_or_default() + "\n"
    });
    Ok(made.await?.respond(headers, Lifetime::Seconds))
}

/// The newest version, and the first to list: the newest, or the one before the version in the query.
async fn last_listed(
    site: &Site,
    uri: &Uri,
) -> Result<(Option<ModuleVersion>, Option<ModuleVersion>), Refusal> {
    let newest = site.head().await?.newest();
    let last = match query(uri, "before") {
        None => newest,
        Some(before) => {
            let before = parse(site, before)?.number();
            // Before the first version there is none, and the page is empty.
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
    /// The day for which the version after the first in the list was compiled.
    next: Option<Date>,
    /// One more than is listed, to compare the oldest with, if there is one.
    configs: Vec<Arc<LoadedConfig>>,
    listed: usize,
}

impl Gathered {
    /// The versions in the list.
    fn listed(&self) -> &[Arc<LoadedConfig>] {
        self.configs.get(..self.listed).unwrap_or_default()
    }

    /// Each of them with the day of the next one.
    fn versions(&self) -> impl Iterator<Item = (&LoadedConfig, Option<Date>)> {
        let days = self.configs.iter().map(|config| Some(config.provenance.as_of.civil()));
        self.listed().iter().map(Arc::as_ref).zip(std::iter::once(self.next).chain(days))
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
        Some(next) => Some(site.as_of(next).await?),
        None => None,
    };
    let mut configs: Vec<Arc<LoadedConfig>> = Vec::new();
    let versions = number.saturating_sub(listed)..=number;
    let mut read = 0;
    for version in versions.rev().filter_map(|number| ModuleVersion::new(number).ok()) {
        let config = site.config(version).await?;
        read += config.json.bytes();
        configs.push(config);
        if configs.len() > 1 && read >= READ {
            break;
        }
    }
    let is_first = configs.last().is_some_and(|oldest| oldest.version.number() == 1);
    let listed = configs.len().min(listed as usize);
    let listed = if is_first { listed } else { listed.min(configs.len().saturating_sub(1)) };
    Ok(Gathered { next, configs, listed })
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
        return Ok(Redirect::to(&format!("/config/{from}...{to}")).into_response());
    }
    if let Some(ending) = path.strip_prefix(LATEST).filter(|rest| ["", ".json"].contains(rest)) {
        let none = || Refusal::not_found("not found: no version has been published yet");
        let newest = site.head().await?.newest().ok_or_else(none)?;
        return Ok(latest::redirect(&format!("/config/{newest}{ending}")));
    }
    if let Some((from, to)) = path.split_once("...") {
        return comparison::get(&site, parse(&site, from)?, parse(&site, to)?, &headers).await;
    }
    if let Some(version) = path.strip_suffix(".json") {
        let config = site.config(parse(&site, version)?).await?;
        let prepared = spawn_blocking(move || config.json.prepared().clone()).await;
        let stopped = |_| Refusal::unavailable("reading was interrupted; try again");
        return Ok(prepared.map_err(stopped)?.respond(&headers, Lifetime::Immutable));
    }
    version::get(&site, parse(&site, path)?, &uri, &headers).await
}

/// The version that an address names.
fn parse(site: &Site, version: &str) -> Result<ModuleVersion, Refusal> {
    version.parse().map_err(|_| {
        let short: String = version.chars().take(40).collect();
        site.unknown_version(short)
    })
}

/// A parameter of a query. Only versions and numbers are used, which need no decoding.
pub(super) fn query<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    let mut pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find_map(|(key, value)| (key == name).then_some(value))
}

fn list_body(
    site: &Site,
    newest: Option<ModuleVersion>,
    gathered: &Gathered,
    config_states: &ConfigStates,
    (retired, catalogue): (&Retirements, Option<&Catalogue>),
) -> Markup {
    let (configs, page) = (gathered.configs.as_slice(), gathered.listed());
    let is_first_page = page.first().map(|config| config.version) == newest;
    let oldest = page.last().map(|config| config.version);
    html! {
        h1 { "Config versions" }
        p.lead {
            "Each version says what programs may report, and is compiled from definitions that were reviewed in "
            "public. The " a href="/log/" { "log" } " has every version, and none is ever changed. Reports under a version "
            "are accepted until " (OPEN_DAYS) " days after the day for which the next one was compiled, or until the "
            "project revokes it."
            @if catalogue.is_some_and(retired::any_retires) { " Some charts " a href="#retires" { "retire on a day" } "." }
        }
        (config_states.warning())
        (retired::warning(retired))
        @match newest {
            None => p { "Nothing has been published yet." },
            Some(newest) => (compare_form(newest, page)),
        }
        @for (index, (config, next)) in gathered.versions().enumerate() {
            (entry(config, configs.get(index + 1).map(Arc::as_ref), config_states.state(config, next), retired))
        }
        nav.pages aria-label="More versions" {
            @if !is_first_page { a href="/config/" { "Newest versions" } }
            @if let Some(oldest) = oldest.filter(|oldest| oldest.number() > 1) {
                a href={ "/config/?before=" (oldest) } rel="next" { "Older versions" }
            }
        }
        @if let Some(catalogue) = catalogue { (retired::next(catalogue)) }
        p.note {
            "For programs: "
            a href={ "/goproxy/" (site.module().escape()) "/@v/list" } { "the list of versions" }
            ", " a href="/config/index.json" { "until when reports under each are accepted" }
            " (JSON), and " a href=(layout::FEED) { "a feed of changes" } " (Atom)."
        }
    }
}

/// One version in the list, compared with the one before it.
fn entry(
    config: &LoadedConfig,
    before: Option<&LoadedConfig>,
    state: ConfigState,
    retired: &Retirements,
) -> Markup {
    let version = config.version;
    let all = match before {
        Some(before) => format!("/config/{}...{version}", before.version),
        None => format!("/config/{version}"),
    };
    html! {
        article id=(version) {
            h2 { a href={ "/config/" (version) } { (version) } }
            p.note {
                "Compiled for " (config_states::as_of(config)) " · committed "
                (words::time(config.provenance.time)) " · commit " (words::commit_of(&config.provenance))
                " · " span.hash { (config.zip_hash) }
            }
            p.note { (config_states::sentence(state)) }
            (Changes::between(before, config).list(CHANGES, &all))
            (retired::list(retired, version))
        }
    }
}

/// A form to compare two versions, which needs no script.
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
