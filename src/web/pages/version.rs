//! `/config/VERSION`: what one version collects, and where it comes from.

use super::changes::Changes;
use super::collected::{self, ChartsByCounter};
use super::config_states::{self, ConfigStates};
use super::layout::{self, Section};
use super::verifying::{self, Subject};
use super::words;
use crate::gomod::ModuleVersion;
use crate::publish::ConfigState;
use crate::web::refusal::Refusal;
use crate::web::representation::Lifetime;
use crate::web::site::Site;
use crate::web::source::LoadedConfig;
use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};

/// How many changes are shown before a link to the rest.
const CHANGES: usize = 12;

pub(super) async fn get(
    site: &Site,
    version: ModuleVersion,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let newest = site.head_with_version(version).await?.newest();
    let has_next = newest.is_some_and(|newest| newest > version);
    let config_states = ConfigStates::now(site).await?;
    let gathered = site.clone();
    let load = async move {
        let next = match version.next() {
            Ok(next) if has_next => Some(gathered.config(next).await?),
            _ => None,
        };
        let config = gathered.config(version).await?;
        let before = match ModuleVersion::new(version.number() - 1) {
            Ok(before) => Some(gathered.config(before).await?),
            Err(_) => None,
        };
        Ok((config, before, next))
    };
    let key = format!("/config/{version} {has_next} {}", config_states.key());
    let page = site.page_with_script(key, load, move |site, (config, before, next)| {
        let state = config_states.state(&config, next.as_deref());
        let warning = config_states.warning();
        let body = body(site, &config, before.as_deref(), has_next, (state, warning));
        let title = format!("Config {version}");
        layout::page(&site.keys().host, &title, Some(Section::Config), &body)
    });
    Ok(page.await?.respond(headers, Lifetime::Seconds))
}

fn body(
    site: &Site,
    config: &LoadedConfig,
    before: Option<&LoadedConfig>,
    has_next: bool,
    (state, warning): (ConfigState, Markup),
) -> Markup {
    let (version, provenance) = (config.version, &config.provenance);
    let since = before.map(|before| format!("/config/{}...{version}", before.version));
    html! {
        h1 { "Config " (version) }
        p.lead {
            "What clients that obey this version may report. "
            @match has_next {
                true => { "There is a newer one." },
                false => { "It is the newest." },
            }
            " " span #state { (config_states::sentence(state)) }
        }
        (warning)
        dl.facts {
            dt { "Committed" } dd { (words::time(provenance.time)) }
            dt { "Commit" } dd {
                (words::commit_of(provenance))
                @if !provenance.repository.as_str().is_empty() {
                    " of " (words::link(provenance.repository.as_str(), &html! { (provenance.repository.as_str()) }))
                }
                @if !provenance.path.as_str().is_empty() { ", folder " code { (provenance.path.as_str()) } }
            }
            dt { "Compiled for" } dd { (config_states::as_of(config)) }
            dt { "Compiled by" } dd { (provenance.program_version) }
            dt { "Hash of the zip" } dd { span.hash { (config.zip_hash) } }
            dt { "In the log" } dd {
                a href={ "/log/entry/" (version.leaf_index()) } { "entry " (version.leaf_index()) }
                ", with its proof"
            }
            dt { "Files" } dd {
                a href={ "/config/" (version) ".json" } { "config.json" } ", "
                @let proxy = format!("/goproxy/{}/@v/{version}", site.module().escape());
                a href={ (proxy) ".zip" } { "module zip" } ", "
                a href={ (proxy) ".tlog-proof" } { "proof" }
                " that the log contains it, which can be checked offline"
            }
            @if let Ok(config) = &config.config {
                dt { "Reports sent" } dd {
                    span #sample-rate { (config.sample_rate.percent()) } " of those from people who opted in"
                }
            }
        }
        nav.pages aria-label="Other versions" {
            @if let Some(before) = before { a href={ "/config/" (before.version) } rel="prev" { "Before: " (before.version) } }
            @if has_next && let Ok(next) = version.next() { a href={ "/config/" (next) } rel="next" { "After: " (next) } }
            a href="/config/" { "All versions" }
        }
        (verifying::section(site, Subject::Version(version)))
        h2 { "What changed" }
        (Changes::between(before, config).list(CHANGES, since.as_deref().unwrap_or_default()))
        @if let Some(since) = &since { p { a href=(since) { "This comparison by itself" } } }
        // The script compares this section with config.json.
        section id=[config.config.is_ok().then_some("collected")] {
            h2 { "Where reports may come from" }
            @match &config.config {
                Err(reason) => p.warn { "This program does not understand the config: " (reason) "." },
                Ok(config) => {
                    (collected::environments(config))
                    (collected::programs(config, &ChartsByCounter::default()))
                }
            }
        }
    }
}
