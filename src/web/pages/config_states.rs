//! Until when reports under each config are accepted, for pages and `/config/index.json`.
//!
//! This follows from what is stored and from the date: see [`crate::publish::ConfigState`].

use crate::day::date_of;
use crate::gomod::ModuleVersion;
use crate::publish::{ConfigState, OPEN_DAYS, Revocation, last_day};
use crate::web::refusal::Refusal;
use crate::web::site::Site;
use crate::web::source::LoadedConfig;
use jiff::Timestamp;
use jiff::civil::Date;
use maud::{Markup, html};
use serde::Serialize;

/// What decides whether configs are open, besides their dates.
#[derive(Debug)]
pub(super) struct ConfigStates {
    today: Date,
    revoked: Vec<Revocation>,
    /// Whether it is known which are revoked.
    is_known: bool,
}

/// A version in `/config/index.json`.
#[derive(Debug, Serialize)]
pub(super) struct IndexedVersion {
    version: ModuleVersion,
    as_of: Date,
    #[serde(flatten)]
    state: ConfigState,
}

/// `/config/index.json`: some versions, newest first, and a link to more.
#[derive(Debug, Serialize)]
pub(super) struct VersionIndex {
    pub(super) versions: Vec<IndexedVersion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

impl ConfigStates {
    /// The current state. If the definitions cannot be read, it is not known what they revoke.
    pub(super) async fn now(site: &Site) -> Result<ConfigStates, Refusal> {
        let today = date_of(Timestamp::now());
        let head = site.head().await?;
        let revoked = site.catalogue(&head).await.map(|shown| shown.revoked.clone());
        Ok(ConfigStates { today, is_known: revoked.is_ok(), revoked: revoked.unwrap_or_default() })
    }

    /// The current state, or an error if it is not known what is revoked; for machines.
    pub(super) async fn known(site: &Site) -> Result<ConfigStates, Refusal> {
        site.catalogue(&*site.head().await?).await?;
        ConfigStates::now(site).await
    }

    /// A warning, if it is not known which versions are revoked.
    pub(super) fn warning(&self) -> Markup {
        html! {
            @if !self.is_known {
                p.warn { "Which versions the project has revoked cannot be read at the moment." }
            }
        }
    }

    /// A key for pages that depend on it.
    pub(super) fn key(&self) -> String {
        format!("{} {:?} {}", self.today, self.revoked, self.is_known)
    }

    /// The state of a config, given the day for which the next one was compiled.
    pub(super) fn state(&self, config: &LoadedConfig, next: Option<Date>) -> ConfigState {
        let last_day = next.map(|next| last_day(config.provenance.as_of.civil(), next));
        let revoked = self.revoked.iter().find(|one| one.version == config.version);
        ConfigState::on(self.today, last_day, revoked.is_some())
            .revoked_since(revoked.and_then(|one| one.since))
    }

    /// A config in the index, given the day for which the next one was compiled.
    pub(super) fn indexed(&self, config: &LoadedConfig, next: Option<Date>) -> IndexedVersion {
        let as_of = config.provenance.as_of.civil();
        IndexedVersion { version: config.version, as_of, state: self.state(config, next) }
    }
}

/// The day for which a version was compiled.
pub(super) fn as_of(config: &LoadedConfig) -> Markup {
    let day = config.provenance.as_of.civil();
    html! { time datetime=(day) { (day) } }
}

/// A sentence that says until when reports under a version are accepted.
pub(super) fn sentence(state: ConfigState) -> Markup {
    let day = |day: Date| html! { time datetime=(day) { (day) } };
    html! {
        @match state {
            ConfigState::Newest => {
                "Reports under it are accepted: it is the newest."
            }
            ConfigState::Open { until } => {
                "Reports under it are accepted until " (day(until)) ", " (OPEN_DAYS)
                " days after the date of the next version."
            }
            ConfigState::Closed { since } => { "Reports under it are no longer accepted, since " (day(since)) "." }
            ConfigState::Revoked { since } => {
                "It was revoked by the project"
                @if let Some(since) = since { ", in the definitions of " (day(since)) }
                ": reports under it are no longer accepted."
            }
        }
    }
}
