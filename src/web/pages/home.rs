//! `/`: what this is, how to opt in and out, and how to use it without trusting it.

use super::choices::Choices;
use super::{charts, layout, words};
use crate::gomod::CommitTime;
use crate::tlog::LogVerifiers;
use crate::web::refusal::Refusal;
use crate::web::representation::Lifetime;
use crate::web::site::Site;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};

pub(super) async fn get(State(site): State<Site>, headers: HeaderMap) -> Result<Response, Refusal> {
    let (head, index) = (site.head().await?, site.index().await?);
    let (size, newest) = (head.tree().size, head.newest());
    let mut published = None;
    if let Some(version) = newest {
        // If a version cannot be read, its own page shows the error, not this one.
        published = site.config(version).await.ok().map(|config| config.provenance.time);
    }
    let week = charts::newest(&site, &index).await;
    let catalogue = site.catalogue(&head).await?;
    let (published_one, with_week) = (published.is_some(), week.is_some());
    let key = format!("/ {size} {published_one} {with_week} {:x} {}", index.tag, catalogue.key);
    let load = async { Ok((published, week)) };
    let page = site.page(key, load, move |site, (published, week)| {
        let newest = newest.map(|version| (version.to_string(), published));
        let teaser = week.map_or(html! {}, |week| charts::teaser(week.charts()));
        let choices = Choices::new(site.module().as_str(), catalogue.catalogue.as_ref(), None);
        let body = body(site, newest, &teaser, &choices);
        layout::page(&site.keys().host, "Transparent telemetry", None, &body)
    });
    Ok(page.await?.respond(&headers, Lifetime::Seconds))
}

/// The page. `newest` is the newest version and its time, `teaser` the newest charts.
fn body(
    site: &Site,
    newest: Option<(String, Option<CommitTime>)>,
    teaser: &Markup,
    choices: &Choices,
) -> Markup {
    let (module, LogVerifiers { host, sumdb, log }) = (site.module(), site.keys());
    html! {
        h1 { "Telemetry that anyone can check" }
        p.lead {
            "This project learns how its programs are used from the few people who choose to share it, and "
            "only what was agreed on in public. Everything that may be collected, everything that was "
            "reported and every figure made from it is on this site."
        }
        (teaser)
        h2 { "In or out: your choice" }
        p { (choices.introduction()) }
        (choices.list())
        p {
            "The complete list of what may leave a machine, counter by counter, is on the "
            a href="/privacy" { "privacy page" } "."
        }
        h2 { "What we promise" }
        ul.cards {
            (promise("Reviewed first", html! {
                "Each counter is there for a chart that was discussed in public, and is "
                "collected only as long as that chart needs it."
            }))
            (promise("No identity", html! {
                "A report has no name, no machine or user id and no address. It contains the counts of one "
                "week, and a new random number each time."
            }))
            (promise("As little as needed", html! {
                "Only as many reports are sampled as an estimate needs: if many people opt in, most reports "
                "are never sent."
            }))
            (promise("Nothing in secret", html! {
                "What clients obey is in a public, append-only " a href="/log/" { "log" }
                ": it cannot be changed for one person, or changed back, without everyone seeing it."
            }))
            (promise("Open data", html! {
                "The reports themselves are " a href="/data/" { "published" }
                ", so anyone can compute every figure again."
            }))
            (promise("Honest about uncertainty", html! {
                "Each figure says how many reports it is based on, and has an interval with its "
                "confidence."
            }))
        }
        h2 { "What clients obey" }
        p {
            "The collection config says which counters may be reported, and how often. Each version of "
            "it is a Go module, recorded permanently in a transparency log. "
            @if newest.is_some() { a href="/config/" { "All versions, and what changed in each" } "." }
        }
        dl.facts {
            dt { "Newest version" }
            dd {
                @match &newest {
                    None => "none yet",
                    Some((version, published)) => {
                        a href={ "/config/" (version) } { (version) }
                        @if let Some(published) = published { ", of " (words::time(*published)) }
                    }
                }
            }
            dt { "Module" } dd { code { (module) } }
            dt { "Verifier key of the log" } dd { code { (log) } }
            dt { "Verifier key of the checksum database" } dd { code { (sumdb) } }
        }
        p { "To download the config and verify that it is the one everyone gets:" }
        pre { code {
            "GOPROXY=https://" (host) "/goproxy GOSUMDB=" (sumdb) " \\\n  go mod download -json "
            (module) "@latest"
        } }
        p.note {
            "For machines: the log at " a href="/log/checkpoint" { code { "/log/" } }
            ", the checksum database at " a href="/sumdb/latest" { code { "/sumdb/" } }
            ", the module at " a href={ "/goproxy/" (module.escape()) "/@v/list" } { code { "/goproxy/" } }
            ", the public data at " a href="/data/index.json" { code { "/data/index.json" } } "."
        }
    }
}

fn promise(title: &str, text: Markup) -> Markup {
    html! { li.card { h3 { (title) } p { (text) } } }
}
