//! A witness's name and keys: `witness.toml`, and its seeds.
//!
//! ```toml
//! name  = "witness.example.org"       # in every cosignature lists = ["logs"]                    # lists
//! of logs, relative to this folder
//!
//! [[key]]
//! kind  = "ml-dsa-44"                 # or "ed25519"
//! vkey  = "witness.example.org+..."   # what others verify with; the seed must be its
//! seed  = "keys/ml-dsa-44-1a2b3c4d.seed"
//! since = "2026-12-01T00:00:00Z"      # it cosigns from then on (optional)
//! until = "2027-12-01T00:00:00Z"      # and until then (optional)
//! ```
//!
//! A witness cosigns with every key in force, so keys are rotated with an overlap: the new one is added,
//! policies adopt it, and the old one ends when nobody needs it. An expired key no longer needs its seed.

use crate::durable;
use crate::tlog::{Cosigner, CosignerKey, CosignerKind, KeyName, KeyNameError, Seed, SeedError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The file's name.
const FILE: &str = "witness.toml";
/// The list that every new witness has.
pub(super) const LIST: &str = "logs";

/// What `witness.toml` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) name: String,
    #[serde(default = "own_list")]
    pub(super) lists: Vec<PathBuf>,
    #[serde(default, rename = "key")]
    pub(super) keys: Vec<KeySettings>,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeySettings {
    pub(super) kind: KeyKind,
    pub(super) vkey: String,
    pub(super) seed: PathBuf,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<Timestamp>,
}

/// The kinds of keys, as they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyKind {
    /// Type 0x06.
    #[serde(rename = "ml-dsa-44")]
    MlDsa44,
    /// Type 0x04.
    #[serde(rename = "ed25519")]
    Ed25519,
}

/// Why a witness's settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// There is no witness.
    #[error(
        "{0} holds no witness (no witness/witness.toml); make one with \
         `candor witness init --data {0} --name NAME`"
    )]
    Missing(String),
    /// There is one already.
    #[error("{0} already holds a witness; its name and keys are never overwritten")]
    Exists(String),
    /// The file is malformed.
    #[error("{path}: {message}")]
    Malformed {
        /// The file.
        path: String,
        /// What is wrong, and where.
        message: String,
    },
    /// The name is invalid.
    #[error(transparent)]
    Name(#[from] KeyNameError),
    /// A seed is missing, malformed or readable by others.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// A seed belongs to another key.
    #[error("{path} is not the seed of {vkey}: restore the right file, or retire the key")]
    OtherSeed {
        /// The seed's file.
        path: String,
        /// The key that others know.
        vkey: String,
    },
    /// The witness has no key of this name.
    #[error("this witness has no key {0}; `candor witness show` lists them")]
    NoSuchKey(String),
    /// The system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which file.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
}

/// A key and when it is in force.
#[derive(Debug)]
pub(super) struct TimedCosigner {
    cosigner: Cosigner,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

/// A witness's name and keys, ready for use.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) name: KeyName,
    cosigners: Vec<TimedCosigner>,
}

impl Settings {
    /// Reads the settings of the witness in this folder.
    pub(super) fn read(folder: &Path) -> Result<Settings, SettingsError> {
        let path = folder.join(FILE);
        let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => SettingsError::Missing(shown(durable::folder_of(folder))),
            _ => failed("read", &path, error),
        })?;
        toml::from_str(&text).map_err(|error| malformed(&path, error))
    }

    /// Writes them, durably.
    pub(super) fn write(&self, folder: &Path) -> Result<(), SettingsError> {
        let path = folder.join(FILE);
        let text = toml::to_string(self).map_err(|error| malformed(&path, error))?;
        let text = format!(
            "# A witness of transparency logs (C2SP tlog-witness). See `candor witness \
             show`.\n{text}"
        );
        let temporary = folder.join(".witness.toml.tmp");
        let write = durable::replace(&path, &temporary, text.as_bytes(), durable::private_file);
        write.map_err(|error| failed("write", &path, error))
    }

    /// Creates the settings, with a key of each kind. A folder that has a witness is not changed.
    pub(super) fn create(folder: &Path, name: &str) -> Result<Settings, SettingsError> {
        let name = KeyName::new(name)?;
        if folder.join(FILE).exists() {
            return Err(SettingsError::Exists(shown(durable::folder_of(folder))));
        }
        let keys = folder.join("keys");
        durable::make_folders(&keys).map_err(|error| failed("make", &keys, error))?;
        let mut settings = Settings { name: name.to_string(), lists: own_list(), keys: Vec::new() };
        for kind in [KeyKind::MlDsa44, KeyKind::Ed25519] {
            settings.add_key(folder, kind, None)?;
        }
        settings.write(folder)?;
        Ok(settings)
    }

    /// Creates a key and adds it; its seed is durable before the settings name it.
    pub(super) fn add_key(
        &mut self,
        folder: &Path,
        kind: KeyKind,
        since: Option<Timestamp>,
    ) -> Result<CosignerKey, SettingsError> {
        let (seed, name) = (Seed::generate()?, KeyName::new(self.name.as_str())?);
        let vkey = seed.cosigner(name, kind.into()).verifier_key().clone();
        let file = Path::new("keys").join(format!("{kind}-{}.seed", vkey.id()));
        seed.save(&folder.join(&file))?;
        let added = KeySettings { kind, vkey: vkey.to_string(), seed: file, since, until: None };
        self.keys.push(added);
        Ok(vkey)
    }

    /// Ends a key, called by its ID or its whole *vkey*.
    pub(super) fn end_key(&mut self, named: &str, until: Timestamp) -> Result<(), SettingsError> {
        let is_named = |key: &&mut KeySettings| {
            let id = key.vkey.parse().ok().map(|key: CosignerKey| key.id().to_string());
            key.vkey == named || id.as_deref() == Some(named)
        };
        let key = self.keys.iter_mut().find(is_named);
        let key = key.ok_or_else(|| SettingsError::NoSuchKey(named.to_owned()))?;
        key.until = Some(until);
        Ok(())
    }

    /// Reads the seeds of the keys that are in force at this time, or will be later.
    pub(super) fn load_keys(&self, folder: &Path, now: Timestamp) -> Result<Keys, SettingsError> {
        let name = KeyName::new(self.name.as_str())?;
        let mut cosigners = Vec::new();
        for key in &self.keys {
            if key.until.is_some_and(|until| until <= now) {
                continue;
            }
            let path = folder.join(&key.seed);
            let cosigner = Seed::load(&path)?.cosigner(name.clone(), key.kind.into());
            if cosigner.verifier_key().to_string() != key.vkey {
                let (path, vkey) = (shown(&path), key.vkey.clone());
                return Err(SettingsError::OtherSeed { path, vkey });
            }
            cosigners.push(TimedCosigner { cosigner, since: key.since, until: key.until });
        }
        Ok(Keys { name, cosigners })
    }
}

impl Keys {
    /// The keys in force at a time.
    pub(super) fn in_force(&self, now: Timestamp) -> impl Iterator<Item = &Cosigner> {
        let in_force = move |key: &&TimedCosigner| {
            key.since.is_none_or(|since| since <= now) && key.until.is_none_or(|until| now < until)
        };
        self.cosigners.iter().filter(in_force).map(|key| &key.cosigner)
    }
}

fn own_list() -> Vec<PathBuf> {
    vec![LIST.into()]
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn malformed(path: &Path, error: impl fmt::Display) -> SettingsError {
    SettingsError::Malformed { path: shown(path), message: error.to_string() }
}

pub(super) fn failed(action: &'static str, path: &Path, source: io::Error) -> SettingsError {
    SettingsError::Io { action, path: shown(path), source }
}

impl From<KeyKind> for CosignerKind {
    fn from(kind: KeyKind) -> CosignerKind {
        match kind {
            KeyKind::MlDsa44 => CosignerKind::MlDsa44,
            KeyKind::Ed25519 => CosignerKind::Ed25519,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyKind::MlDsa44 => "ml-dsa-44",
            KeyKind::Ed25519 => "ed25519",
        })
    }
}

/// Text that is not a kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the kind of a key is ml-dsa-44 or ed25519")]
pub struct KeyKindError;

impl FromStr for KeyKind {
    type Err = KeyKindError;

    fn from_str(text: &str) -> Result<KeyKind, KeyKindError> {
        match text {
            "ml-dsa-44" => Ok(KeyKind::MlDsa44),
            "ed25519" => Ok(KeyKind::Ed25519),
            _ => Err(KeyKindError),
        }
    }
}
