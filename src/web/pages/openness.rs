//! Under which configs reports are taken, as pages and `/config/index.json` say it.
//!
//! What is said follows from what is stored and the day: see [`crate::publish::ConfigState`].

use crate::gomod::ModuleVersion;
use crate::publish::{ConfigState, OPEN_DAYS, Revocation, civil, last_day};
use crate::web::refusal::Refusal;
use crate::web::site::Site;
use crate::web::source::LoadedConfig;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use serde::Serialize;

/// What decides which configs are open, beside their days.
#[derive(Debug)]
pub(super) struct Openness {
    today: Date,
    revoked: Vec<Revocation>,
    /// Whether it is known what is revoked.
    is_known: bool,
}

/// What `/config/index.json` says of a version.
#[derive(Debug, Serialize)]
pub(super) struct StatedVersion {
    version: ModuleVersion,
    as_of: Date,
    #[serde(flatten)]
    state: ConfigState,
}

/// `/config/index.json`: some versions, newest first, and where there are more.
#[derive(Debug, Serialize)]
pub(super) struct StatedVersions {
    pub(super) versions: Vec<StatedVersion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

impl Openness {
    /// As it is now. Where the definitions cannot be read, what they revoke is not known.
    pub(super) async fn now(site: &Site) -> Result<Openness, Refusal> {
        let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
        let head = site.head().await?;
        let revoked = site.catalogue(&head).await.map(|shown| shown.revoked.clone());
        Ok(Openness { today, is_known: revoked.is_ok(), revoked: revoked.unwrap_or_default() })
    }

    /// As it is now, for machines, which are told nothing that may not be so.
    pub(super) async fn known(site: &Site) -> Result<Openness, Refusal> {
        site.catalogue(&*site.head().await?).await?;
        Openness::now(site).await
    }

    /// What is to be said before any state.
    pub(super) fn warning(&self) -> Markup {
        html! {
            @if !self.is_known {
                p.warn { "Which versions the project has revoked cannot be read at the moment." }
            }
        }
    }

    /// What tells pages that are made with it from others.
    pub(super) fn key(&self) -> String {
        format!("{} {:?} {}", self.today, self.revoked, self.is_known)
    }

    /// The state of a config, with the one after it.
    pub(super) fn state(&self, config: &LoadedConfig, next: Option<&LoadedConfig>) -> ConfigState {
        let day = |config: &LoadedConfig| civil(config.provenance.as_of);
        let last_day = next.map(|next| last_day(day(config), day(next)));
        let revoked = self.revoked.iter().find(|one| one.version == config.version);
        ConfigState::on(self.today, last_day, revoked.is_some())
            .revoked_since(revoked.and_then(|one| one.since))
    }

    /// What the index says of a config, with the one after it.
    pub(super) fn stated(
        &self,
        config: &LoadedConfig,
        next: Option<&LoadedConfig>,
    ) -> StatedVersion {
        let as_of = civil(config.provenance.as_of);
        StatedVersion { version: config.version, as_of, state: self.state(config, next) }
    }
}

/// The day for which a version was compiled.
pub(super) fn as_of(config: &LoadedConfig) -> Markup {
    let day = civil(config.provenance.as_of);
    html! { time datetime=(day) { (day) } }
}

/// A sentence that says whether reports under a version are taken.
pub(super) fn sentence(state: ConfigState) -> Markup {
    let day = |day: Date| html! { time datetime=(day) { (day) } };
    html! {
        @match state {
            ConfigState::Newest => {
                "Reports under it are taken until " (OPEN_DAYS) " days after a newer version is published."
            }
            ConfigState::Open { until } => {
                "Reports under it are taken until " (day(until)) ", " (OPEN_DAYS)
                " days after the day for which the next version was compiled."
            }
            ConfigState::Closed { since } => { "Reports under it are not taken any more, since " (day(since)) "." }
            ConfigState::Revoked { since } => {
                "It was revoked by the project"
                @if let Some(since) = since { ", in the definitions of " (day(since)) }
                ": reports under it are not taken any more."
            }
        }
    }
}
