//! What is counted in a folder, what would be sent, and what would not be sent and why: the facts
//! that `view` prints and `page` shows. The sentences are the client's own (`client::report::words`).
//!
//! Nothing is fetched: the config is the last one that this machine has verified, or one from a
//! file.

use super::projects::{hint_at_others, name_of};
use crate::cli::Failure;
use crate::client::folder::Folder;
use crate::client::mode::Consent;
use crate::client::report::{Destination, KnownConfig, NO_CONFIG, Preview};
use crate::collection::CollectionConfig;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What shows more where no config is known.
pub(super) const WITHOUT_CONFIG: &str = "see what one from a file would do with --config FILE";

/// A preview of a folder's reports, and the config that decides what is in them.
pub(super) struct Overview {
    pub project: String,
    /// A hint, if the user probably means another project.
    pub others: Option<String>,
    pub folder: PathBuf,
    pub preview: Preview,
    pub upload: Option<String>,
    /// The config's version and age, or the file that it was read from.
    pub config: Option<String>,
    /// The share of weeks of which anything is sent.
    pub sample_rate: Option<f64>,
}

impl Overview {
    /// Reads a folder, and the config from this file if one is named.
    pub fn read(
        folder: &Folder,
        config_file: Option<&Path>,
        now: SystemTime,
    ) -> Result<Overview, Failure> {
        let destination = Destination::of_folder(folder)?;
        let known = destination.as_ref().and_then(|to| KnownConfig::of_folder(folder, &to.source));
        let fresh = destination.as_ref().map(|to| to.freshness(known.as_ref()));
        let (config, version, name) = match (config_file, known) {
            (Some(file), _) => {
                let config = Some(read_config(file)?);
                (config, NO_CONFIG.to_owned(), Some(file.display().to_string()))
            }
            (None, Some(known)) => {
                let version = known.version.to_string();
                let fresh = fresh.unwrap_or_default();
                let name = format!(
                    "{version}, verified on {}; whether it is the newest: {fresh}",
                    known.fetched
                );
                (Some(known.config), version, Some(name))
            }
            (None, None) => (None, String::new(), None),
        };
        let through = config.as_ref().map(|config| (config, version.as_str()));
        let preview = Preview::of(folder, Consent::now(folder), through, now)?;
        Ok(Overview {
            project: name_of(folder),
            others: hint_at_others(folder),
            folder: folder.path().to_path_buf(),
            preview,
            upload: destination.map(|to| to.upload.to_string()),
            config: name,
            sample_rate: config.map(|config| config.sample_rate.get()),
        })
    }
}

fn read_config(file: &Path) -> Result<CollectionConfig, Failure> {
    let in_file = |e: &dyn fmt::Display| Failure::new(format!("{}: {e}", file.display()));
    if file.is_dir() {
        return Err(in_file(&"it is a folder; name the config.json in it"));
    }
    let json = std::fs::read(file).map_err(|e| in_file(&e))?;
    CollectionConfig::from_json(&json).map_err(|e| in_file(&e))
}
