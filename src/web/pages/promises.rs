//! What this deployment promises, as it is configured: what holds, who must do what for it to hold, and how
//! to check it.
//!
//! Some promises depend on settings. Without witnesses, a log can be shown differently to someone who never
//! compares; behind a proxy, somebody else sees addresses. Such sentences are written once, here, for the home
//! page, `/privacy` and `/check`.

use crate::collection::config::Rate;
use crate::web::numbers::counted_as;
use crate::web::receiver_settings::ReceiverSettings;
use crate::web::site::Site;
use maud::{Markup, html};

/// The settings that promises depend on.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Settings {
    /// How reports are accepted; `None` if this server accepts none.
    pub(super) receiving: Option<ReceiverSettings>,
    /// The number of witnesses in the log's policy.
    pub(super) witnesses: usize,
    /// The number of them that must have cosigned, at least; 0 if none must.
    pub(super) quorum: usize,
}

impl Settings {
    /// The settings of a site.
    pub(super) fn of(site: &Site) -> Settings {
        let policy = site.policy();
        let policy = policy.policy.as_ref();
        Settings {
            receiving: site.receiving(),
            witnesses: policy.map_or(0, |policy| policy.witnesses().len()),
            quorum: policy.map_or(0, |policy| policy.fewest_witnesses()),
        }
    }

    /// A key for pages that depend on them.
    pub(super) fn key(&self) -> String {
        format!("{self:?}")
    }

    /// "2 of 3 witnesses", or "its only witness".
    fn quorum_of(&self) -> String {
        let all = counted_as(self.witnesses as u64, "witness", "witnesses");
        match (self.quorum, self.witnesses) {
            (1, 1) => "1 witness".to_owned(),
            (quorum, witnesses) if quorum == witnesses => format!("all of its {all}"),
            (quorum, _) => format!("{quorum} of its {all}"),
        }
    }
}

/// Whether someone can be shown another config than everyone else.
pub(super) fn one_log(settings: &Settings) -> Markup {
    html! {
        "Each config is an entry in a public " a href="/log/" { "log" } ", to which entries are only ever added. "
        @match settings.quorum {
            0 => {
                "No witness has to sign this log, so nothing but comparing shows whether everyone sees the same one: a "
                "program refuses a log that contradicts what it saw before, but one that asks for the first time "
                "could be shown another log."
            }
            _ => {
                "Before a config is served, " (settings.quorum_of()) " must have signed that the log has only "
                "grown. To show somebody another config, the operator would need them to take part. This protects "
                "programs that were built with " a href="/log/policy" { "the log’s policy" } "; one that was built "
                "with the log’s key alone notices only what contradicts what it saw before."
            }
        }
    }
}

/// How the promises about addresses can be checked.
pub(super) const ON_TRUST: &str = "None of this can be checked from outside: you have the program’s source and the operator’s word.";

/// How long the hash of a network is kept (`ingest::admission`).
pub(super) const HASH_KEPT: &str = "until at most an hour after the network’s last report";

/// What happens to the address that a report comes from.
pub(super) fn addresses(settings: &Settings) -> Markup {
    let receiving = settings.receiving.as_ref();
    html! {
        @match receiving.map(|receiving| receiving.budgets.is_some()) {
            None => {}
            Some(true) => {
                "This server keeps only a hash of the sender’s network, with a secret, in memory, " (HASH_KEPT)
                ", to limit how much one network sends; it is not in any file, log line or statistic. "
            }
            Some(false) => {
                "This server does not keep the sender’s address: it is not in any file, log line or statistic. "
            }
        }
        (proxies(settings))
    }
}

/// Who else sees addresses.
pub(super) fn proxies(settings: &Settings) -> Markup {
    let proxies = settings.receiving.as_ref().map(|receiving| receiving.trusted_proxies.as_slice());
    html! {
        @match proxies {
            None => {
                "This server accepts no reports itself. Whatever stands in front of the servers that do, such as a "
                "proxy or CDN, sees addresses and may keep them."
            }
            Some([]) => {
                "It is not set up to be behind a proxy. If there is one anyway, such as a CDN, that sees addresses "
                "and may keep them."
            }
            Some(proxies) => {
                "It is behind "
                (match proxies.len() { 1 => "a proxy", _ => "proxies" }) " ("
                @for (index, proxy) in proxies.iter().enumerate() {
                    @if index > 0 { ", " }
                    code { (proxy) }
                }
                ")"
                @match proxies.len() {
                    1 => {
                        ", which sees every address before this server does. Whether it keeps them depends on its "
                        "own settings"
                    }
                    _ => {
                        ", which see every address before this server does. Whether they keep them depends on their "
                        "own settings"
                    }
                }
                "; the operator is responsible for those."
            }
        }
    }
}

/// All promises, for the home page.
///
/// `asked` is the share of installations that the newest config asks for a report, if there is one.
pub(super) fn section(settings: &Settings, asked: Option<Rate>) -> Markup {
    html! {
        h2 id="promises" { "Our promises" }
        ul.cards {
            (promise("Reviewed first", &html! {
                "Each counter is there for a chart that was discussed in public, and is collected until that chart is "
                "removed or its end date has come. The " a href="/privacy" { "complete list" } " says who asked for what; "
                a href="/check" { "compile it yourself" } " to see that nothing was added."
            }))
            (promise("No identity", &html! {
                "A report has no name and no ID of a person or a machine, only the counts of one week and a random "
                "number that is new each time. But an unusual combination of version, platform and counts stands "
                "out: somebody who knows that you have it can " a href="/privacy#not-defended" { "find your row" } "."
            }))
            (promise("No addresses stored", &html! { (addresses(settings)) " " (ON_TRUST) }))
            (promise("Only as many as needed", &html! {
                (only_needed(asked))
            }))
            (promise("The same for everyone", &html! {
                (one_log(settings)) " " a href="/check" { "Compare for yourself" } "."
            }))
            (promise("Open data", &html! {
                "The reports behind every figure are " a href="/data/" { "published" } ". Anyone can "
                a href="/check" { "compute each figure again" } ". That none was left out is the operator’s "
                "word."
            }))
            (promise("Honest about uncertainty", &html! {
                "Each figure says how many reports it is based on, and has an interval with its confidence. That covers "
                "chance alone: people who opt in may differ from others, and "
                a href="/privacy#flood" { "anyone can send false reports" } "."
            }))
        }
        p {
            a href="/check" { "The commands that check what can be checked" } ", and "
            a href="/check#unchecked" { "what cannot be checked from outside" } ". "
            a href="/privacy#not-defended" { "What is not protected" } "."
        }
    }
}

/// How many installations are asked for reports, and why not fewer.
fn only_needed(asked: Option<Rate>) -> Markup {
    html! {
        "The more people opt in, the smaller the part of them whose reports are asked for. "
        @match asked {
            None => {}
            Some(Rate::ALL) => {
                "At present every installation that opted in is asked each week: either too few have opted in for "
                "fewer reports to be enough, or the definitions do not say how many have. "
            }
            Some(rate) => {
                "At present " (rate.percent()) " of the installations that opted in are asked each week. "
            }
        }
        "The " a href="/config/" { "newest config" } " has the rate of each counter."
    }
}

fn promise(title: &str, text: &Markup) -> Markup {
    html! { li.card { h3 { (title) } p { (text) } } }
}

/// A count of witnesses, for a table of promises.
pub(super) fn witnessed(settings: &Settings) -> Option<String> {
    (settings.quorum > 0).then(|| {
        format!(
            "Everyone is shown the same log of configs: {} must have signed it",
            settings.quorum_of()
        )
    })
}

/// What a reader should know about witnesses if none has to sign.
pub(super) fn unwitnessed(settings: &Settings) -> Option<String> {
    (settings.quorum == 0).then(|| {
        let named = match settings.witnesses {
            0 => "No witness checks the log of configs".to_owned(),
            number => format!(
                "The log’s policy names {} but requires none of them",
                counted_as(number as u64, "witness", "witnesses")
            ),
        };
        format!(
            "{named}: this server could show someone a different log, and nobody would notice until they \
             compare what they saw."
        )
    })
}
