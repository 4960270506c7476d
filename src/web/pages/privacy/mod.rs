//! `/privacy`: the complete list of what may leave a machine, generated from the newest config; and what
//! happens to it, generated from the settings of this deployment.
//!
//! | file | one idea |
//! | --- | --- |
//! | `settings` | the settings that the page depends on |
//! | `kept` | what is stored, and for how long |
//! | `flood` | what false reports can achieve, in numbers |
//! | `defended` | what is protected, what is not, and how to check it |

mod defended;
mod flood;
mod kept;
mod settings;

use self::settings::PageSettings;
use super::choices::Choices;
use super::collected::{self, ChartsByCounter};
use super::layout::{self, Section};
use super::{example, words};
use crate::publish::Catalogue;
use crate::web::refusal::Refusal;
use crate::web::representation::Lifetime;
use crate::web::site::Site;
use crate::web::source::LoadedConfig;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};

/// The fields of a report, and what they contain.
const FIELDS: [(&str, &str); 12] = [
    ("Week", "the day on which the counted week ended, such as 2026-02-08"),
    (
        "LastWeek",
        "the same date of the previous report; empty if there was none. It is never stored",
    ),
    (
        "X",
        "a new random number above 0 and up to 1 for each report, which decides what is sampled. It is \
         rounded up before it is stored",
    ),
    ("Config", "the version of the config that was obeyed"),
    ("Programs", "for each program that was used in the week:"),
    ("Program", "one of the programs below"),
    ("Version", "one of its versions below"),
    ("GoVersion", "one of the toolchains below"),
    ("GOOS", "one of the operating systems below"),
    ("GOARCH", "one of the architectures below"),
    ("Counters", "names of counters below, and how often each was counted in the week"),
    ("Stacks", "names of stack counters below with call stacks, and how often each was seen"),
];

/// The sections about what happens to reports.
const CONTENTS: [(&str, &str); 9] = [
    ("kept", "What is stored"),
    ("dropped", "What is dropped, and why"),
    ("editions", "When reports become public"),
    ("stacks", "Call stacks"),
    ("configs", "For how long a config is accepted"),
    ("flood", "Anyone can send false reports"),
    ("jumps", "Jumps are marked"),
    ("defended", "What is protected, and how to check it"),
    ("not-defended", "What is not protected"),
];

pub(super) async fn get(State(site): State<Site>, headers: HeaderMap) -> Result<Response, Refusal> {
    let head = site.head().await?;
    let newest = head.newest();
    let catalogue = site.catalogue(&head).await?;
    let gathered = site.clone();
    let load = async move {
        Ok(match newest {
            Some(version) => Some(gathered.config(version).await?),
            None => None,
        })
    };
    let settings = PageSettings::of(&site, catalogue.catalogue.as_ref());
    let key = format!("/privacy {newest:?} {} {}", catalogue.key, settings.key());
    let page = site.page(key, load, move |site, config| {
        let module = site.module().as_str();
        let body = body(module, config.as_deref(), catalogue.catalogue.as_ref(), &settings);
        layout::page(&site.keys().host, "Privacy", Some(Section::Privacy), &body)
    });
    Ok(page.await?.respond(&headers, Lifetime::Seconds))
}

/// The page for a config, with the charts that use what it collects.
fn body(
    module: &str,
    config: Option<&LoadedConfig>,
    catalogue: Option<&Catalogue>,
    settings: &PageSettings,
) -> Markup {
    let understood = config.and_then(|config| config.config.as_ref().ok());
    let choices = Choices::new(module, catalogue, understood);
    html! {
        h1 { "What may leave a machine" }
        p.lead {
            "This page is generated from the config that clients obey. It lists every string that a report "
            "can contain. Anything else is not collected: if a report contains anything else, that is "
            "dropped, or the report is refused."
        }
        @if let Some(config) = config {
            p {
                "As of " a href={ "/config/" (config.version) } { "config " (config.version) } ", committed "
                (words::time(config.provenance.time)) ". " a href="/config/" { "What changed, version by version" } "."
            }
        }
        h2 id="choice" { "In or out" }
        p { "Off until you turn it on. Counts stay on the machine until the week is over." }
        (choices.list())
        (never(settings))
        nav.contents aria-label="On this page" {
            ul {
                @for (id, title) in CONTENTS {
                    @if id != "stacks" || !settings.stacks.is_empty() {
                        li { a href={ "#" (id) } { (title) } }
                    }
                }
            }
        }
        h2 id="fields" { "What a report is made of" }
        p {
            "One report a week from each installation that opted in and was sampled. These are all of its "
            "fields:"
        }
        (layout::wide("The fields of a report", &fields()))
        @match config.map(|config| (config, &config.config)) {
            None => p { "No config has been published yet, so nothing can be reported." },
            Some((_, Err(reason))) => p.warn {
                "This program does not understand the newest config: " (reason) "."
            },
            Some((version, Ok(config))) => {
                @if let Some(example) = example::example(version.version, version.provenance.time, config, catalogue) {
                    h3 { "An example" }
                    p.note { "Made up, with names that can really be reported." }
                    pre { code { (example) } }
                }
                h3 { "How often" }
                p {
                    "Of the installations that opted in, " (config.sample_rate.percent()) " send a report "
                    "in a week, chosen by X alone; the list says how often each counter is in it."
                }
                h2 id="strings" { "Where reports may come from" }
                (collected::environments(config))
                (collected::programs(config, &ChartsByCounter::new(catalogue)))
            }
        }
        (kept::section(settings))
        (kept::stacks(settings))
        (kept::configs(settings))
        (flood::section(settings))
        (defended::section(settings))
    }
}

fn never(settings: &PageSettings) -> Markup {
    let budgets = settings.receiving.as_ref().is_some_and(|receiving| receiving.budgets.is_some());
    html! {
        h2 id="never" { "What is never collected" }
        ul {
            li { "No identifier of a person, a machine or an installation: the format has no field for one." }
            li {
                "No address. "
                @match budgets {
                    true => {
                        "The server keeps a hash of its network, with a secret, only in memory, for an hour, to "
                        "limit how much one network sends; "
                    }
                    false => {
                        "The server drops it when it accepts a connection, before anything is read; "
                    }
                }
                "it is not in any file, log line or statistic."
            }
            li { "No time: a report says which week it covers, and the time of its arrival is not stored." }
            li {
                "No text of yours: no file, folder, user, host, argument, message or input. A counter’s name is "
                "exactly one of those below, or it is not sent."
            }
            li { "No values of variables: a call stack has only names of functions and line numbers." }
            li { "No events: only how often something was counted in a whole week." }
        }
    }
}

fn fields() -> Markup {
    html! {
        table {
            caption { "Every field of a report" }
            thead { tr { th scope="col" { "Field" } th scope="col" { "What is in it" } } }
            tbody {
                @for (name, meaning) in FIELDS {
                    tr { th.term scope="row" { code { (name) } } td { (meaning) } }
                }
            }
        }
    }
}

#[cfg(test)]
mod listed_tests;
#[cfg(test)]
mod privacy_tests;
