//! `/`: whose telemetry this is, what it found lately, how to turn it on or off, and where everything is.

use super::choices::Choices;
use super::{charts, layout, promises, words};
use crate::collection::config::Rate;
use crate::day::date_of;
use crate::gomod::CommitTime;
use crate::publish::Catalogue;
use crate::tlog::LogVerifiers;
use crate::web::asked_address::base_address;
use crate::web::refusal::Refusal;
use crate::web::representation::Lifetime;
use crate::web::site::Site;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use maud::{Markup, html};

/// The parts of the site: address, name and what is there.
const PARTS: [(&str, &str, &str); 9] = [
    ("/charts/", "Charts", "every program and week"),
    ("/charts/@all", "Find a chart or counter", "by its name, over all programs"),
    ("/counters/", "Counters and stacks", "what each is for, who asked for it, since when"),
    ("/data/", "Data", "the reports themselves, to compute everything again"),
    ("/config/", "Config versions", "what clients may report, and each change of it"),
    ("/log/", "Log", "the public record of all configs"),
    ("/privacy", "Privacy", "the complete list of what may leave a machine"),
    ("/check", "Check", "the commands that check all of this"),
    (layout::HELP, "Help", "how it works, and how to have it for a project of your own"),
];

pub(super) async fn get(State(site): State<Site>, headers: HeaderMap) -> Result<Response, Refusal> {
    let (head, index) = (site.head().await?, site.index().await?);
    let (size, newest) = (head.tree().size, head.newest());
    let (mut published, mut asked) = (None, None);
    if let Some(version) = newest {
        // If a version cannot be read, its own page shows the error, not this one.
        let config = site.config(version).await.ok();
        published = config.as_ref().map(|config| config.provenance.time);
        asked = config.and_then(|config| Some(config.config.as_ref().ok()?.sample_rate));
    }
    let catalogue = site.catalogue(&head).await?;
    let published_one = published.is_some();
    let promised = promises::Settings::of(&site);
    let base = base_address(&headers, &site.address());
    let old = charts::old(&index.index, date_of(Timestamp::now()));
    let key = |with_front: bool| {
        let (index, definitions, promised) = (index.tag, &catalogue.key, promised.key());
        format!(
            "/ {base} {old:?} {size} {published_one} {with_front} {index:x} {definitions} {promised}"
        )
    };
    if let Some(made) = site.made_page(key(true)).await {
        return Ok(made.respond(&headers, Lifetime::Seconds));
    }
    let front = charts::front(&site, &index).await;
    let (key, base) = (key(front.is_some()), base.clone());
    let load = async { Ok((published, front)) };
    let page = site.page(key, load, move |site, (published, front)| {
        let newest = newest.map(|version| (version.to_string(), published));
        let figures = front.map_or(html! {}, |front| charts::figures(&front));
        let figures = html! { (charts::nothing_new(old)) (figures) };
        let catalogue = catalogue.catalogue.as_ref();
        let body = body((site, &base), newest, &figures, catalogue, (&promised, asked));
        layout::page(site, "Transparent telemetry", None, &body)
    });
    Ok(page.await?.respond(&headers, Lifetime::Seconds))
}

/// The page. `base` is the address that was asked, `newest` the newest version and its time, `figures` what the charts say.
fn body(
    (site, base): (&Site, &str),
    newest: Option<(String, Option<CommitTime>)>,
    figures: &Markup,
    catalogue: Option<&Catalogue>,
    (promised, asked): (&promises::Settings, Option<Rate>),
) -> Markup {
    let choices = Choices::new(site.module().as_str(), catalogue, None);
    let project = catalogue.and_then(|catalogue| catalogue.project.as_ref());
    html! {
        h1 {
            @match project {
                Some(project) => { (project.name) ": telemetry that anyone can check" }
                None => "Telemetry that anyone can check",
            }
        }
        p.lead {
            @match project {
                Some(project) => (project.name),
                None => "This project",
            }
            " learns how its programs are used from people who choose to share it, and only what was agreed on "
            "in public. What may be collected, what was reported and every figure made from it are here; only what "
            "could tell someone apart, such as a rare call stack, is " a href="/privacy#dropped" { "left out" } "."
        }
        (figures)
        h2 id="choice" { "Turn it on or off" }
        p { (choices.introduction()) }
        (choices.list())
        p {
            "The complete list of what may leave a machine, counter by counter, is on the "
            a href="/privacy" { "privacy page" } "."
        }
        h2 { "Where everything is" }
        ul.parts {
            @for (address, name, what) in PARTS { li { a href=(address) { (name) } br; (what) } }
        }
        (promises::section(promised, asked))
        (obeyed(site, base, newest))
    }
}

/// The newest config, and how to verify it at the address that was asked.
fn obeyed(site: &Site, base: &str, newest: Option<(String, Option<CommitTime>)>) -> Markup {
    let (module, LogVerifiers { sumdb, log, .. }) = (site.module(), site.keys());
    html! {
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
        details {
            summary { "Download the config, and verify that it is the one everyone gets" }
            pre { code {
                "GOPROXY=" (base) "/goproxy GOSUMDB=" (sumdb) " \\\n  go mod download -json "
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
}
