//! What a machine knows of the config, and how it asks for more.
//!
//! A config is fetched and verified by [`ConfigClient`]; what it vouched for last is kept in
//! `candor/config.json`, and why it did not, in `candor/failure.json`. When it is asked for is
//! decided in `sampling`.
//!
//! Nothing is asked for twice on one day, after a failure, unless the user asks for it.
//!
//! After a failed *check* (the log was forked or rolled back, or something was changed on the way)
//! nothing at all is sent until one has succeeded. After a failure of the network only what needs a
//! config waits.

use super::error::ReportError;
use super::json::day_text;
use super::shelf::{Shelf, own_folder};
use crate::client::day::Day;
use crate::client::files;
use crate::client::folder::Folder;
use crate::client::{
    ClientError, ConfigClient, ConfigSource, Newer, RemoteError, Transport, VerifiedConfig, Wanted,
};
use crate::collection::CollectionConfig;
use crate::gomod::ModuleVersion;
use crate::store::FileStore;
use crate::tlog::{Freshness, NotFresh, TileError};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

/// The longest of these files that is read, in bytes: as long as the largest module.
const LONGEST: u64 = 128 << 20;

/// A config that was verified on this machine.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownConfig {
    /// Its version.
    pub version: ModuleVersion,
    /// The day on which it was fetched.
    pub fetched: Day,
    /// The key of the log that vouched for it.
    pub log: String,
    /// How fresh the log's view was, by what its witnesses say.
    pub freshness: Freshness,
    /// What it says.
    pub config: CollectionConfig,
}

/// Why a fetch did not give a config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct FetchFailure {
    /// The day of the last attempt.
    #[serde(with = "day_text")]
    pub day: Day,
    /// What happened.
    pub reason: String,
    /// Whether something was answered that is not what the log vouches for.
    pub check: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Written {
    module: String,
    /// The key of the log that vouched for it.
    key: String,
    version: String,
    #[serde(with = "day_text")]
    fetched: Day,
    /// When witnesses vouched for it last: seconds since 1970.
    fresh_at: Option<u64>,
    config: String,
}

impl KnownConfig {
    /// A config that no log vouches for: for simulations.
    pub fn of_nobody(
        version: ModuleVersion,
        fetched: Day,
        config: CollectionConfig,
    ) -> KnownConfig {
        let (log, freshness) = (String::new(), Freshness::Unknown);
        KnownConfig { version, fetched, log, freshness, config }
    }

    /// The config that was verified last, if this log vouched for it. What cannot be read is
    /// unknown.
    pub fn of_folder(folder: &Folder, source: &ConfigSource) -> Option<KnownConfig> {
        let written: Written =
            serde_json::from_slice(&files::read(&config_file(folder), LONGEST).ok()?).ok()?;
        // Another project's, or vouched for by a key that is no longer trusted.
        let is_trusted = source.trust.keys().any(|key| key.to_string() == written.key);
        if written.module != source.module.as_str() || !is_trusted {
            return None;
        }
        Some(KnownConfig {
            version: written.version.parse().ok()?,
            fetched: written.fetched,
            log: written.key,
            freshness: written.fresh_at.map_or(Freshness::Unknown, Freshness::At),
            config: CollectionConfig::from_json(written.config.as_bytes()).ok()?,
        })
    }
}

impl FetchFailure {
    /// The last failure, if no fetch has succeeded since.
    pub fn of_folder(folder: &Folder) -> Option<FetchFailure> {
        serde_json::from_slice(&files::read(&failure_file(folder), LONGEST).ok()?).ok()
    }
}

/// Asks a project's server for configs, on one day and for one folder.
pub(super) struct ConfigFetcher<'a> {
    pub shelf: &'a Shelf,
    pub folder: &'a Folder,
    pub source: &'a ConfigSource,
    /// `None` where nothing may be asked for.
    pub transport: Option<&'a dyn Transport>,
    pub now: SystemTime,
    pub asked_by_user: bool,
}

impl ConfigFetcher<'_> {
    /// The config that was verified last, unless a check has failed since.
    pub fn known(&self) -> Option<KnownConfig> {
        if must_check(self.folder) {
            return None;
        }
        KnownConfig::of_folder(self.folder, self.source)
    }

    /// The newest config, which is the known one from now on.
    pub fn newest(
        &self,
        known: Option<&KnownConfig>,
    ) -> Result<Result<KnownConfig, FetchFailure>, ReportError> {
        let version = known.map(|known| known.version);
        let now = self.now;
        let fetched = self.fetch(|client| match version {
            Some(version) => client.fetch_newer_than(version, now),
            None => client.fetch(Wanted::Latest, now).map(|config| Newer {
                log: config.log().clone(),
                freshness: config.freshness(),
                config: Some(config),
            }),
        })?;
        let fetched = fetched.and_then(|newer| match (newer.config, known) {
            (Some(config), _) => self.read(&config),
            (None, Some(known)) => Ok(KnownConfig {
                fetched: self.today(),
                log: newer.log.to_string(),
                freshness: newer.freshness,
                ..known.clone()
            }),
            // Something is newer than nothing.
            (None, None) => Err(self.failure("no config was found".to_owned())),
        });
        match &fetched {
            Ok(known) => {
                let written = Written {
                    module: self.source.module.to_string(),
                    key: known.log.clone(),
                    version: known.version.to_string(),
                    fetched: self.today(),
                    fresh_at: match known.freshness {
                        Freshness::At(seconds) => Some(seconds),
                        Freshness::Unknown => None,
                    },
                    config: known.config.to_json(),
                };
                self.shelf.keep(&config_file(self.folder), &to_json(&written))?;
                self.forget_failure()?;
            }
            Err(failure) => self.remember(failure)?,
        }
        Ok(fetched)
    }

    /// The config of this version, which some X was drawn under. `None` if there is no such version
    /// any more: the project has begun another log.
    pub fn version(
        &self,
        version: ModuleVersion,
    ) -> Result<Result<Option<KnownConfig>, FetchFailure>, ReportError> {
        if let Some(known) = self.known().filter(|known| known.version == version) {
            return Ok(Ok(Some(known)));
        }
        let fetched =
            self.fetch(|client| match client.fetch(Wanted::Version(version), self.now) {
                Err(ClientError::UnknownVersion { .. }) => Ok(None),
                fetched => fetched.map(Some),
            })?;
        let fetched =
            fetched.and_then(|found| found.map(|verified| self.read(&verified)).transpose());
        match &fetched {
            Ok(_) => self.forget_failure()?,
            Err(failure) => self.remember(failure)?,
        }
        Ok(fetched)
    }

    fn fetch<T>(
        &self,
        fetch: impl FnOnce(&ConfigClient<&dyn Transport>) -> Result<T, ClientError>,
    ) -> Result<Result<T, FetchFailure>, ReportError> {
        let Some(transport) = self.transport else {
            return Ok(Err(self.failure("no config is asked for now".to_owned())));
        };
        if let Some(failure) = FetchFailure::of_folder(self.folder)
            && failure.day == self.today()
            && !self.asked_by_user
        {
            return Ok(Err(failure));
        }
        let memory = Arc::new(FileStore::new(own_folder(self.folder)));
        let client = ConfigClient::new(self.source.clone(), transport, memory)?;
        Ok(fetch(&client).map_err(|error| FetchFailure {
            check: is_failed_check(&error),
            ..self.failure(error.to_string())
        }))
    }

    fn read(&self, verified: &VerifiedConfig) -> Result<KnownConfig, FetchFailure> {
        let version = verified.version();
        match CollectionConfig::from_json(verified.config()) {
            Ok(config) => Ok(KnownConfig {
                version,
                fetched: self.today(),
                log: verified.log().to_string(),
                freshness: verified.freshness(),
                config,
            }),
            // The log vouches for it, but this program cannot read it. A newer one may.
            Err(error) => {
                Err(self.failure(format!("the config {version} was not understood: {error}")))
            }
        }
    }

    fn failure(&self, reason: String) -> FetchFailure {
        FetchFailure { day: self.today(), reason, check: false }
    }

    fn today(&self) -> Day {
        Day::of(self.now)
    }

    fn remember(&self, failure: &FetchFailure) -> Result<(), ReportError> {
        if self.transport.is_none() {
            return Ok(());
        }
        // A week without the network must not make a failed check forgotten.
        let check = failure.check || must_check(self.folder);
        let failure = FetchFailure { check, ..failure.clone() };
        self.shelf.replace(&failure_file(self.folder), &to_json(&failure))
    }

    fn forget_failure(&self) -> Result<(), ReportError> {
        self.shelf.remove(&failure_file(self.folder))
    }
}

/// Whether a check has failed, and none has succeeded since.
pub(super) fn must_check(folder: &Folder) -> bool {
    FetchFailure::of_folder(folder).is_some_and(|failure| failure.check)
}

/// Everything but silence, a log in which nothing was published yet, and a clock that is behind.
fn is_failed_check(error: &ClientError) -> bool {
    !matches!(
        error,
        ClientError::Transport(_)
            | ClientError::Remote(RemoteError::Transport(_) | RemoteError::Missing { .. })
            | ClientError::Tile(TileError::Read { .. })
            | ClientError::MissingZip { .. }
            | ClientError::Empty { .. }
            | ClientError::NotFresh { source: NotFresh::Clock { .. }, .. }
            | ClientError::Memory(_)
    )
}

fn to_json(value: &impl Serialize) -> String {
    // Texts always serialise.
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn config_file(folder: &Folder) -> PathBuf {
    own_folder(folder).join("config.json")
}

fn failure_file(folder: &Folder) -> PathBuf {
    own_folder(folder).join("failure.json")
}
