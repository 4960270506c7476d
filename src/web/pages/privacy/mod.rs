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
use super::collected::{self, WhoAsked};
use super::layout::{self, Section, Summary};
use super::{example, promises, words};
use crate::collection::config::{CollectionConfig, ProgramConfig, Rate};
use crate::collection::count_of;
use crate::publish::Catalogue;
use crate::web::numbers::counted;
use crate::web::refusal::Refusal;
use crate::web::representation::Lifetime;
use crate::web::site::Site;
use crate::web::source::LoadedConfig;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};

/// What the page is about, for those who link to it.
const ABOUT: &str = "The complete list of what may leave a machine, what is stored of it and for how long, \
                     and what is not protected.";

/// The fields of a report, and what they contain.
const FIELDS: [(&str, &str); 12] = [
    ("Week", "the day on which the counted week ended, such as 2026-02-08"),
    ("LastWeek", "the week of the report before; empty if there was none. It is never stored"),
    (
        "X",
        "a random number above 0 and up to 1, new for each report; it decides what is sampled. It is rounded up \
         before it is stored",
    ),
    ("Config", "the version of the config that the report follows"),
    ("Programs", "for each program that ran in the week:"),
    ("Program", "one of the programs below"),
    ("Version", "one of its versions below"),
    ("GoVersion", "one of the toolchains below"),
    ("GOOS", "one of the operating systems below"),
    ("GOARCH", "one of the architectures below"),
    ("Counters", "names of counters below, and how often each was counted in the week"),
    (
        "Stacks",
        "names of stack counters below with their call stacks, and how often each was counted",
    ),
];

/// The sections about what happens to reports.
const CONTENTS: [(&str, &str); 9] = [
    ("kept", "What is stored"),
    ("dropped", "What is dropped, and why"),
    ("editions", "When reports become public"),
    ("stacks", "Call stacks"),
    ("configs", "How long a config is accepted"),
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
        let summary = Summary::from("Privacy").described(ABOUT);
        layout::page(site, summary, Some(Section::Privacy), &body)
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
            "This page is made from the config that programs follow. It lists every name that a report can have in "
            "it"
            @if understood.is_some_and(collected::has_more_pages) {
                ", but for counters that are too many for one page: those are on the pages that it links to"
            }
            ". Nothing else is collected: if a report has anything else in it, that is dropped, or the report is "
            "refused."
        }
        @if let Some(config) = config {
            p {
                "As of " a href={ "/config/" (config.version) } { "config " (config.version) } ", committed "
                (words::time(config.provenance.time)) ". " a href="/config/" { "What changed, version by version" } "."
            }
        }
        (short(understood, &choices, catalogue.is_some()))
        h2 id="choice" { "Turn it on or off" }
        p { (choices.introduction()) " Counts stay on your machine until the week is over." }
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
        h2 id="fields" { "What is in a report" }
        p {
            "An installation that opted in sends at most one report a week. These are all of its fields:"
        }
        details {
            summary { (counted(FIELDS.len() as u64, "field")) }
            (layout::wide("The fields of a report", &fields()))
        }
        @match config.map(|config| (config, &config.config)) {
            None => p { "No config has been published yet, so nothing can be reported." },
            Some((_, Err(reason))) => p.warn {
                "This program does not understand the newest config: " (reason) "."
            },
            Some((version, Ok(config))) => {
                @if let Some(example) = example::example(version.version, version.provenance.time, config, catalogue) {
                    h3 { "An example" }
                    p.note { "It is made up, from names that can be reported." }
                    pre { code { (example) } }
                }
                h3 { "How often" }
                p {
                    @if config.sample_rate < Rate::ALL {
                        "Of the installations that opted in, " (config.sample_rate.percent()) " send a report each week, "
                        "chosen by X alone."
                    } @else {
                        "Every installation that opted in and counted something sends a report each week."
                    }
                    " The list below says how often each counter is in it."
                }
                h2 id="strings" { "Where reports may come from" }
                (collected::environments(config))
                (collected::who_asked(config, WhoAsked(catalogue)))
            }
        }
        (kept::section(settings))
        (kept::stacks(settings))
        (kept::configs(settings))
        (flood::section(settings))
        (defended::section(settings))
    }
}

/// The page in short.
fn short(config: Option<&CollectionConfig>, choices: &Choices<'_>, is_known: bool) -> Markup {
    let counters = |program: &ProgramConfig| {
        program.counters.iter().map(|counter| count_of(&counter.name)).sum::<usize>()
    };
    html! {
        h2 id="short" { "In short" }
        dl.facts {
            dt { "What is collected" }
            dd {
                @match config {
                    None => "Nothing can be reported now.",
                    Some(config) => {
                        @let programs = config.programs.as_slice();
                        @let stacks: usize = programs.iter().map(|program| program.stacks.len()).sum();
                        "Once a week, how often each of "
                        (counted(programs.iter().map(counters).sum::<usize>() as u64, "counter"))
                        @if stacks > 0 { " and " (counted(stacks as u64, "stack counter")) }
                        " of " (counted(programs.len() as u64, "program")) " was counted, with the program’s version, "
                        "toolchain, operating system and architecture. " a href="#strings" { "All names" }
                        @if is_known { "; " a href="/counters/" { "who asked for each" } } "."
                    }
                }
            }
            dt { "What never is" }
            dd {
                "IDs, addresses, times, texts, file names and values. " a href="#never" { "The whole list" } ", and "
                a href="#not-defended" { "what is not protected" } "."
            }
            dt { "How to turn it off" }
            dd {
                (choices.until_chosen()) " To turn it off: " code { (choices.off()) } ". "
                a href="#choice" { "All choices" } "."
            }
            dt { "How to check it" }
            dd {
                a href="/check" { "Commands for what can be checked" } "; " a href="#defended" { "which promises that is" }
                "."
            }
        }
    }
}

fn never(settings: &PageSettings) -> Markup {
    html! {
        h2 id="never" { "What is never collected" }
        ul {
            li {
                "No ID of a person, a machine or an installation: the format has no field for one. But a "
                a href="#not-defended" { "rare combination" } " of what is reported can stand out."
            }
            li { "No address. " (promises::addresses(&settings.promised)) " " (promises::ON_TRUST) }
            li {
                "No time: a report says which week it is about, and when it arrived is not stored."
            }
            li {
                "No text of yours: no file, folder, user, host, argument, message or input. A counter’s name is "
                "exactly one of those below; any other name is not stored."
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
