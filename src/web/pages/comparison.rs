//! `/config/VERSION...VERSION`: what changed between any two versions, in words.

use super::changes::Changes;
use super::layout::{self, Section};
use super::words;
use crate::gomod::ModuleVersion;
use crate::web::refusal::Refusal;
use crate::web::representation::Lifetime;
use crate::web::site::Site;
use crate::web::source::LoadedConfig;
use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};

pub(super) async fn get(
    site: &Site,
    from: ModuleVersion,
    to: ModuleVersion,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let gathered = site.clone();
    let load = async move { Ok((gathered.config(from).await?, gathered.config(to).await?)) };
    let page = site.page(format!("/config/{from}...{to}"), load, move |site, (old, new)| {
        let title = format!("From {from} to {to}");
        layout::page(site, &title, Some(Section::Config), &body(&old, &new))
    });
    Ok(page.await?.respond(headers, Lifetime::Day))
}

/// The page for a version and itself.
fn same(config: &LoadedConfig) -> Markup {
    let version = config.version;
    html! {
        h1 { "From " (version) " to " (version) }
        p.lead { "This is the same version twice, so there is nothing to compare." }
        p {
            a href={ "/config/" (version) } { "What " (version) " collects" } ", or "
            a href="/config/" { "choose two versions to compare" } "."
        }
    }
}

fn body(old: &LoadedConfig, new: &LoadedConfig) -> Markup {
    let commits = [old, new].map(|config| config.provenance.commit.as_str());
    if old.version == new.version {
        return same(old);
    }
    let review = words::range_address(new.provenance.repository.as_str(), commits);
    html! {
        h1 { "From " (old.version) " to " (new.version) }
        p.lead {
            "What programs may report under one version and not under the other, name by name."
            @if new.version < old.version {
                " " (new.version) " is the older one: this is what going back to it would change."
            }
        }
        dl.facts {
            @for config in [old, new] {
                dt { a href={ "/config/" (config.version) } { (config.version) } }
                dd { (words::time(config.provenance.time)) ", commit " (words::commit_of(&config.provenance)) }
            }
        }
        @if let Some(review) = &review {
            p { (words::link(review, &html! { "The reviewed definitions, line by line" })) }
        }
        h2 { "Config " (new.version) }
        (Changes::between(Some(old), new).list(usize::MAX, ""))
        nav.pages aria-label="Other comparisons" {
            a href={ "/config/" (new.version) "..." (old.version) } { "The other way around" }
            a href="/config/" { "All versions" }
        }
    }
}
