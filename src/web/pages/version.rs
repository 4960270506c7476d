//! `/config/VERSION`: what one version collects, and where it comes from.

use super::changes::Changes;
use super::collected;
use super::config_part::{self, Part};
use super::config_states::{self, ConfigStates};
use super::layout::{self, Section};
use super::verifying::{self, Subject};
use super::{retired, words};
use crate::collection::{CollectionConfig, expand};
use crate::gomod::ModuleVersion;
use crate::publish::{Catalogue, CatalogueChart, ConfigState, Retirements};
use crate::web::refusal::Refusal;
use crate::web::representation::Lifetime;
use crate::web::site::Site;
use crate::web::source::LoadedConfig;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use maud::{Markup, html};

/// How many changes are shown before a link to the rest.
const CHANGES: usize = 12;

pub(super) async fn get(
    site: &Site,
    version: ModuleVersion,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let page = config_part::asked(uri.query().unwrap_or_default());
    if page > 1 {
        return another(site, version, page, headers).await;
    }
    let newest = site.head_with_version(version).await?.newest();
    let has_next = newest.is_some_and(|newest| newest > version);
    let config_states = ConfigStates::now(site).await?;
    let gathered = site.clone();
    let load = async move {
        let next = match version.next() {
            Ok(next) if has_next => Some(gathered.as_of(next).await?),
            _ => None,
        };
        let config = gathered.config(version).await?;
        let before = match ModuleVersion::new(version.number() - 1) {
            Ok(before) => Some(gathered.config(before).await?),
            Err(_) => None,
        };
        let retired = gathered.retired(version..=version).await?;
        let catalogue = gathered.behind(version).await?;
        Ok((config, before, next, (retired, catalogue)))
    };
    let key = format!("/config/{version} {has_next} {}", config_states.key());
    let page =
        site.page_with_script(key, load, move |site, (config, before, next, definitions)| {
            let state = config_states.state(&config, next);
            let warning = config_states.warning();
            let (retired, catalogue) = &definitions;
            let definitions = (retired, catalogue.catalogue.as_ref());
            let body =
                body(site, &config, before.as_deref(), has_next, (state, warning), definitions);
            let title = format!("Config {version}");
            layout::page(site, &title, Some(Section::Config), &body)
        });
    Ok(page.await?.respond(headers, Lifetime::Seconds))
}

/// A page after the first of a long config: what else it collects.
async fn another(
    site: &Site,
    version: ModuleVersion,
    page: usize,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let config = site.config(version).await?;
    if config.config.as_ref().ok().and_then(|config| Part::of(config, page)).is_none() {
        return Err(Refusal::not_found(format!("not found: /config/{version} has fewer pages")));
    }
    let gathered = site.clone();
    let load = async move { gathered.behind(version).await };
    let key = format!("/config/{version}{}", config_part::query(page));
    let made = site.page_with_script(key, load, move |site, definitions| {
        let title = format!("Config {version}, page {page}");
        let body = html! {
            h1 { (title) }
            p.lead {
                "What else programs that follow this version may report. Where reports may come from, what changed, "
                "and where the config comes from is on " a href={ "/config/" (version) } { "the first page" } "."
            }
            (verifying::section(site, Subject::Version(version)))
            @if let Ok(config) = &config.config {
                (tables(version, config, page, definitions.catalogue.as_ref()))
            }
        };
        layout::page(site, &title, Some(Section::Config), &body)
    });
    Ok(made.await?.respond(headers, Lifetime::Seconds))
}

/// What a config collects, and who asked for it: as far as it is on a page.
fn tables(
    version: ModuleVersion,
    config: &CollectionConfig,
    page: usize,
    catalogue: Option<&Catalogue>,
) -> Markup {
    let Some(part) = Part::of(config, page) else { return html! {} };
    let links = part.links(&format!("/config/{version}"));
    html! {
        @if part.is_first() {
            h2 id="sources" { "Where reports may come from" }
        } @else {
            div id="sources" {}
        }
        (links)
        // The script compares this section with config.json.
        section #collected data-rows=[part.rows()] {
            @if part.is_first() { (collected::environments(config)) }
            (collected::programs(config, &part))
        }
        @if !part.is_first() { (links) }
        // Outside of what the script compares.
        @if let Some(catalogue) = catalogue {
            @let charts = match part.is_all() {
                true => catalogue.charts.iter().collect(),
                false => charts_of(&part, catalogue),
            };
            (asked(catalogue, &charts))
        }
    }
}

/// The charts that ask for what is on a page.
fn charts_of<'c>(part: &Part<'_>, catalogue: &'c Catalogue) -> Vec<&'c CatalogueChart> {
    let mut charts = Vec::new();
    for of in &part.programs {
        let counters = of.counters().iter().flat_map(|counter| expand(&counter.name));
        let names: Vec<String> =
            counters.chain(of.stacks().iter().map(|stack| stack.name.clone())).collect();
        charts.extend(catalogue.asked_by(&of.program.name, names.iter().map(String::as_str)));
    }
    charts
}

fn body(
    site: &Site,
    config: &LoadedConfig,
    before: Option<&LoadedConfig>,
    has_next: bool,
    (state, warning): (ConfigState, Markup),
    (retired, catalogue): (&Retirements, Option<&Catalogue>),
) -> Markup {
    let (version, provenance) = (config.version, &config.provenance);
    let since = before.map(|before| format!("/config/{}...{version}", before.version));
    html! {
        h1 { "Config " (version) }
        p.lead {
            "What programs that follow this version may report. "
            @if has_next { "There is a newer one. " }
            span #state { (config_states::sentence(state)) }
        }
        (warning)
        (retired::warning(retired))
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
            dt { "Compiled by" } dd { "candor " (provenance.program_version.trim_start_matches("candor ")) }
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
                " that the log has it, which can be checked offline"
            }
            @if let Ok(config) = &config.config {
                dt { "Reports sent" } dd {
                    span #sample-rate { (config.sample_rate.percent()) } " of the installations whose users opted in send one"
                }
            }
        }
        nav.pages aria-label="Other versions" {
            @if let Some(before) = before { a href={ "/config/" (before.version) } rel="prev" { "Before: " (before.version) } }
            @if has_next && let Ok(next) = version.next() { a href={ "/config/" (next) } rel="next" { "After: " (next) } }
            a href="/config/" { "All versions" }
        }
        (verifying::section(site, Subject::Version(version)))
        h2 id="changes" { "What changed" }
        (Changes::between(before, config).list(CHANGES, since.as_deref().unwrap_or_default()))
        (retired::list(retired, version))
        @if let Some(since) = &since { p { a href=(since) { "This comparison on a page of its own" } } }
        @match &config.config {
            Err(reason) => {
                h2 id="sources" { "Where reports may come from" }
                p.warn { "This program does not understand the config: " (reason) "." }
                @if let Some(catalogue) = catalogue {
                    (asked(catalogue, &catalogue.charts.iter().collect::<Vec<_>>()))
                }
            }
            Ok(config) => (tables(version, config, 1, catalogue)),
        }
    }
}

/// Who asked for what the config collects: these charts.
fn asked(catalogue: &Catalogue, charts: &[&CatalogueChart]) -> Markup {
    let repository = catalogue.repository.as_str();
    let table = html! {
        table.full {
            caption { "The charts that need the counters, and the commits that introduced these" }
            thead { tr {
                th scope="col" { "Chart" } th scope="col" { "Counters" } th scope="col" { "Introduced" }
            } }
            tbody {
                @for chart in charts {
                    @let names: Vec<String> = expand(&chart.counter).collect();
                    @let stacks = chart.kind == "stack";
                    tr {
                        th scope="row" {
                            @match words::file_address(repository, &catalogue.commit, &chart.file, chart.line) {
                                Some(address) => (words::link(&address, &html! { (chart.title) })),
                                None => (chart.title),
                            }
                            (words::discussions(&chart.issue))
                        }
                        td { code { (chart.counter) } " of " code { (chart.program) } }
                        td {
                            @let names = names.iter().map(String::as_str);
                            @for (index, commit) in catalogue.introduced_by(&chart.program, names, stacks).iter().enumerate() {
                                @if index > 0 { br; }
                                (words::introduced(repository, commit))
                            }
                        }
                    }
                }
            }
        }
    };
    html! {
        @if !charts.is_empty() {
            h2 id="asked" { "Who asked for it" }
            (layout::wide("Who asked for it", &table))
        }
    }
}
