//! The config that a machine knows, and how it fetches newer ones.
//!
//! [`ConfigClient`] fetches and verifies a config. The last verified one is kept in
//! `candor/config.json`, and the last failure in `candor/failure.json`. `sampling` decides when one is
//! fetched.
//!
//! After a failure, nothing is fetched again on the same day unless the user asks for it.
//!
//! After a failed *check* (the log was forked or rolled back, or something was changed on the way)
//! nothing at all is sent until a check succeeds. After a failure of the network, only what needs a
//! config waits.

use super::destination::Destination;
use super::error::ReportError;
use super::paths::own_folder;
use super::report_folder::ReportFolder;
use crate::client::files;
use crate::client::folder::Folder;
use crate::client::{
    ClientError, ConfigClient, ConfigSource, Newer, RemoteError, Transport, VerifiedConfig, Wanted,
};
use crate::collection::CollectionConfig;
use crate::day::Day;
use crate::gomod::ModuleVersion;
use crate::store::FileStore;
use crate::tlog::{Freshness, NotFresh, TileError};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The longest of these files that is read, in bytes: the size of the largest module.
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
    /// How fresh the log's tree was, as its witnesses say.
    pub freshness: Freshness,
    /// What it says.
    pub config: CollectionConfig,
}

/// Why a config could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct FetchFailure {
    /// The day of the last attempt.
    pub day: Day,
    /// What happened.
    pub reason: String,
    /// Whether the answer failed verification.
    pub check: bool,
}

impl Destination {
    /// Whether there may have been a newer config when this one was verified.
    pub fn freshness(&self, known: Option<&KnownConfig>) -> String {
        if self.source.trust.policy().needs_no_witness() {
            return "cannot be known: this program asks for no witnesses of the log, so its server could \
                    keep showing an old config"
                .to_owned();
        }
        let days = self.source.fresh_for.as_secs() / 86_400;
        let refused =
            format!("a config that witnesses have not vouched for within {days} days is refused");
        match known.map(|known| known.freshness) {
            Some(Freshness::At(seconds)) => {
                let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
                let day = time.map_or_else(String::new, |time| format!(" on {}", Day::of(time)));
                format!("witnesses say that there was none newer{day}; {refused}")
            }
            Some(Freshness::Unknown) => {
                "cannot be known: the witnesses of the log stated no times".to_owned()
            }
            None => refused,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ConfigJson {
    module: String,
    /// The key of the log that vouched for it.
    key: String,
    version: String,
    fetched: Day,
    /// When witnesses last vouched for it, in seconds since 1970.
    fresh_at: Option<u64>,
    config: String,
}

impl KnownConfig {
    /// A config that no log vouches for, for simulations.
    pub fn unverified(
        version: ModuleVersion,
        fetched: Day,
        config: CollectionConfig,
    ) -> KnownConfig {
        let (log, freshness) = (String::new(), Freshness::Unknown);
        KnownConfig { version, fetched, log, freshness, config }
    }

    /// The last verified config, if this log vouched for it. `None` also if it cannot be read.
    pub fn of_folder(folder: &Folder, source: &ConfigSource) -> Option<KnownConfig> {
        let written: ConfigJson =
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
    /// The last failure, if nothing was fetched since.
    pub fn of_folder(folder: &Folder) -> Option<FetchFailure> {
        serde_json::from_slice(&files::read(&failure_file(folder), LONGEST).ok()?).ok()
    }
}

/// Fetches a project's configs, on one day and for one folder.
pub(super) struct ConfigFetcher<'a> {
    pub reports: &'a ReportFolder,
    pub folder: &'a Folder,
    pub source: &'a ConfigSource,
    /// `None` if nothing may be fetched.
    pub transport: Option<&'a dyn Transport>,
    pub now: SystemTime,
    pub asked_by_user: bool,
}

impl ConfigFetcher<'_> {
    /// The last verified config, unless a check has failed since.
    pub fn known(&self) -> Option<KnownConfig> {
        if check_has_failed(self.folder) {
            return None;
        }
        KnownConfig::of_folder(self.folder, self.source)
    }

    /// Fetches the newest config, which is then the known one.
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
            // Does not happen: without a known version, one is always fetched.
            (None, None) => Err(self.failure("no config was found".to_owned())),
        });
        match &fetched {
            Ok(known) => {
                let written = ConfigJson {
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
                self.reports.replace_unsynced(&config_file(self.folder), &to_json(&written))?;
                self.forget_failure()?;
            }
            Err(failure) => self.remember(failure)?,
        }
        Ok(fetched)
    }

    /// The config of this version, under which an X was drawn. `None` if this version no longer exists:
    /// the project has started another log.
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
            return Ok(Err(self.failure("no config is fetched now".to_owned())));
        };
        if let Some(failure) = FetchFailure::of_folder(self.folder)
            && failure.day == self.today()
            && !self.asked_by_user
        {
            return Ok(Err(failure));
        }
        let memory = Arc::new(FileStore::of_memory(own_folder(self.folder)));
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
            // The log vouches for it, but this program cannot read it. A newer program may.
            Err(error) => {
                Err(self.failure(format!("the config {version} cannot be understood: {error}")))
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
        // A later failure of the network must not hide a failed check.
        let check = failure.check || check_has_failed(self.folder);
        let failure = FetchFailure { check, ..failure.clone() };
        self.reports.replace(&failure_file(self.folder), &to_json(&failure))
    }

    fn forget_failure(&self) -> Result<(), ReportError> {
        self.reports.remove(&failure_file(self.folder))
    }
}

/// Whether a check has failed, and none has succeeded since.
pub(super) fn check_has_failed(folder: &Folder) -> bool {
    FetchFailure::of_folder(folder).is_some_and(|failure| failure.check)
}

/// Whether an error is a failed check: all are, except missing answers and files, an empty log, a clock
/// that is behind, and errors of this machine's own storage.
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
