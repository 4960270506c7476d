//! Where a folder's reports go: the deployment whose config decides what is in them, and whose server
//! receives them.
//!
//! It is kept in `candor/destination.json`, so that `candor telemetry` can show it, and so that two
//! projects never work on one folder: each would make reports of the other's counts, by its own
//! config, and delete them.

use super::error::ReportError;
use super::paths::own_folder;
use super::report_folder::ReportFolder;
use crate::client::files;
use crate::client::folder::Folder;
use crate::client::{Address, AddressError, ConfigSource, TrustError};
use crate::gomod::ModulePath;
use crate::tlog::FRESH_FOR;
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

/// The longest `destination.json` that is read, in bytes.
const LONGEST: u64 = 4 << 20;

/// A deployment, as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Where the config comes from, and the key that vouches for it.
    pub source: ConfigSource,
    /// Where reports go: `https://HOST/upload`. `/DATE` is put after it.
    pub upload: Address,
}

/// Why something is not a destination.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DestinationError {
    /// Not an address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Not a module path.
    #[error(transparent)]
    Module(#[from] crate::gomod::PathError),
    /// Neither a verifier key nor a policy.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The folder's destination cannot be read.
    #[error(transparent)]
    Folder(#[from] ReportError),
    /// The folder's destination is damaged.
    #[error(
        "{path} is damaged: {reason}; the program writes it again when it next runs, tomorrow at the \
         latest. To send now, name the deployment with --url, --module and --vkey or --policy"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DestinationJson {
    module: String,
    proxy: String,
    log: String,
    /// A verifier key, or a policy.
    key: String,
    #[serde(default = "week")]
    fresh_for: u64,
    upload: String,
}

/// The limit of folders written before there was a choice.
fn week() -> u64 {
    FRESH_FOR.as_secs()
}

impl Destination {
    /// A deployment of Candor at `https://HOST`, with everything at the usual paths. `trust` is the
    /// verifier key of its log, or the text of a policy that also names its witnesses.
    ///
    /// # Errors
    ///
    /// One of the texts is malformed.
    pub fn at(url: &str, module: &str, trust: &str) -> Result<Destination, DestinationError> {
        let url: Address = url.parse()?;
        let source = ConfigSource::at(&url, ModulePath::new(module)?, trust.parse()?);
        Ok(Destination { source, upload: url.below("upload") })
    }

    /// The same, with another limit for how old the log's tree may be by its witnesses' clocks. The
    /// default is a week.
    #[must_use]
    pub fn fresh_for(mut self, limit: Duration) -> Destination {
        self.source.fresh_for = limit;
        self
    }

    /// Where the reports of a folder have gone so far.
    ///
    /// # Errors
    ///
    /// `destination.json` cannot be read.
    pub fn of_folder(folder: &Folder) -> Result<Option<Destination>, DestinationError> {
        let path = file(folder);
        let damaged = |reason: String| DestinationError::Damaged { path: path.clone(), reason };
        let own = own_folder(folder);
        match files::check_folder(&own) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            checked => checked.map_err(ReportError::io("use", &own))?,
        }
        let text = match files::read(&path, LONGEST) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) if e.kind() == ErrorKind::FileTooLarge => return Err(damaged(e.to_string())),
            text => text.map_err(ReportError::io("use", &path))?,
        };
        let written: DestinationJson =
            serde_json::from_slice(&text).map_err(|e| damaged(e.to_string()))?;
        Destination::read_texts(&written).map(Some).map_err(|e| damaged(e.to_string()))
    }

    /// Makes a folder's reports go here, unless they go to another project.
    pub(super) fn bind(&self, reports: &ReportFolder, folder: &Folder) -> Result<(), ReportError> {
        // A damaged file binds to nothing, and is replaced.
        let bound = Destination::of_folder(folder).unwrap_or_default();
        match bound {
            Some(bound) if bound == *self => Ok(()),
            Some(bound) if bound.source.module != self.source.module => {
                Err(ReportError::OtherDestination {
                    path: folder.path().to_path_buf(),
                    bound: bound.source.module,
                    asked: self.source.module.clone(),
                })
            }
            _ => {
                let source = &self.source;
                let written = DestinationJson {
                    module: source.module.to_string(),
                    proxy: source.proxy.to_string(),
                    log: source.log.to_string(),
                    key: source.trust.to_string(),
                    fresh_for: source.fresh_for.as_secs(),
                    upload: self.upload.to_string(),
                };
                // Texts always serialise.
                let text = serde_json::to_string_pretty(&written).unwrap_or_default();
                reports.replace(&file(folder), &text)
            }
        }
    }

    fn read_texts(written: &DestinationJson) -> Result<Destination, DestinationError> {
        Ok(Destination {
            source: ConfigSource {
                proxy: written.proxy.parse()?,
                log: written.log.parse()?,
                module: ModulePath::new(&written.module)?,
                trust: written.key.parse()?,
                fresh_for: Duration::from_secs(written.fresh_for),
            },
            upload: written.upload.parse()?,
        })
    }
}

fn file(folder: &Folder) -> PathBuf {
    own_folder(folder).join("destination.json")
}
