//! What a machine knows of the config, and when it asks again.
//!
//! A config is fetched and verified by [`ConfigClient`]; what it vouched for is kept in
//! `candor/config.json`, and why it did not, in `candor/failure.json`.
//!
//! A fetch tells a server that a machine reports, and at a low sampling rate nearly all of them
//! would be for nothing. So there is none
//! - unless a week has ended, may be sent, and awaits its decision;
//! - while the config known is younger than a week;
//! - while it is younger than four, if X is over its sampling rate: the week is then not in the
//!   sample. If a newer config has a higher rate, such machines join within four weeks; which they
//!   are is up to X alone, so the sample is smaller for a while, but not crooked;
//! - twice on one day, after one that failed, unless the user asks for it.
//!
//! After a failed *check* (the log was forked or rolled back, or something was changed on the way)
//! nothing at all is sent until one has succeeded. After a failure of the network only what needs a
//! config waits.

use super::error::ReportError;
use super::json::day_text;
use super::shelf::{Shelf, own_folder};
use super::x::X;
use crate::client::day::Day;
use crate::client::files;
use crate::client::folder::Folder;
use crate::client::{ClientError, ConfigClient, ConfigSource, RemoteError, Transport, Wanted};
use crate::collection::CollectionConfig;
use crate::gomod::ModuleVersion;
use crate::store::FileStore;
use crate::tlog::TileError;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;

/// A config younger than so many days is not fetched again.
const FRESH: i64 = 7;
/// A config at least so many days old says nothing about today's sampling rate.
const STALE: i64 = 28;

/// The longest of these files that is read, in bytes: as long as the largest module.
const LONGEST: u64 = 128 << 20;

/// A config that was verified on this machine.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownConfig {
    /// Its version.
    pub version: ModuleVersion,
    /// The day on which it was fetched.
    pub fetched: Day,
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
    config: String,
}

impl KnownConfig {
    /// The config that was verified last, if this log vouched for it. What cannot be read is
    /// unknown.
    pub fn of_folder(folder: &Folder, source: &ConfigSource) -> Option<KnownConfig> {
        let written: Written =
            serde_json::from_slice(&files::read(&config_file(folder), LONGEST).ok()?).ok()?;
        // Another project's, or vouched for by a key that is no longer trusted.
        if written.module != source.module.as_str() || written.key != source.key.to_string() {
            return None;
        }
        Some(KnownConfig {
            version: written.version.parse().ok()?,
            fetched: written.fetched,
            config: CollectionConfig::from_json(written.config.as_bytes()).ok()?,
        })
    }

    /// How many days ago it was fetched; as good as never, if the clock was set back.
    fn age(&self, today: Day) -> i64 {
        let age = today.since(self.fetched);
        if age < 0 { i64::MAX } else { age }
    }

    /// Whether it decides about weeks with these X without being fetched again.
    fn suffices(&self, today: Day, xs: &[X]) -> bool {
        let age = self.age(today);
        let rate = self.config.sample_rate.get();
        age < FRESH || (age < STALE && !xs.is_empty() && xs.iter().all(|x| x.get() > rate))
    }
}

impl FetchFailure {
    /// The last failure, if no fetch has succeeded since.
    pub fn of_folder(folder: &Folder) -> Option<FetchFailure> {
        serde_json::from_slice(&files::read(&failure_file(folder), LONGEST).ok()?).ok()
    }
}

/// Gets a config that decides about weeks with these X, from the folder or from the network.
pub(super) fn obtain(
    shelf: &Shelf,
    folder: &Folder,
    source: &ConfigSource,
    transport: &dyn Transport,
    today: Day,
    xs: &[X],
    asked_by_user: bool,
) -> Result<Result<KnownConfig, FetchFailure>, ReportError> {
    let failure = FetchFailure::of_folder(folder);
    let must_check = failure.as_ref().is_some_and(|failure| failure.check);
    match KnownConfig::of_folder(folder, source) {
        Some(known) if !must_check && known.suffices(today, xs) => return Ok(Ok(known)),
        _ => {}
    }
    if let Some(failure) = failure
        && failure.day == today
        && !asked_by_user
    {
        return Ok(Err(failure));
    }
    let memory = Arc::new(FileStore::new(own_folder(folder)));
    let client = ConfigClient::new(source.clone(), transport, memory)?;
    let fetched = client.fetch(Wanted::Latest).map_err(|error| FetchFailure {
        day: today,
        check: is_failed_check(&error),
        reason: error.to_string(),
    });
    let fetched = fetched.and_then(|verified| {
        // The log vouches for it, but this program cannot read it. A newer one may.
        let config = CollectionConfig::from_json(verified.config()).map_err(|error| {
            let reason = format!("the config {} was not understood: {error}", verified.version());
            FetchFailure { day: today, reason, check: false }
        })?;
        Ok((verified, config))
    });
    match fetched {
        Ok((verified, config)) => {
            let written = Written {
                module: source.module.to_string(),
                key: source.key.to_string(),
                version: verified.version().to_string(),
                fetched: today,
                config: String::from_utf8_lossy(verified.config()).into_owned(),
            };
            shelf.replace(&config_file(folder), &to_json(&written))?;
            shelf.remove(&failure_file(folder))?;
            Ok(Ok(KnownConfig { version: verified.version(), fetched: today, config }))
        }
        Err(failure) => {
            // A week without the network must not make a failed check forgotten.
            let failure = FetchFailure { check: failure.check || must_check, ..failure };
            shelf.replace(&failure_file(folder), &to_json(&failure))?;
            Ok(Err(failure))
        }
    }
}

/// Everything but silence, and a log in which nothing was published yet.
fn is_failed_check(error: &ClientError) -> bool {
    !matches!(
        error,
        ClientError::Transport(_)
            | ClientError::Remote(RemoteError::Transport(_) | RemoteError::Missing { .. })
            | ClientError::Tile(TileError::Read { .. })
            | ClientError::MissingZip { .. }
            | ClientError::Empty { .. }
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
