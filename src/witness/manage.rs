//! What an operator does to a witness's folder: make it, add logs, add and retire keys.
//!
//! ```text
//! DIR/witness/witness.toml     the name, and which keys when (`settings`)
//! DIR/witness/keys/*.seed      their secrets, mode 0600
//! DIR/witness/logs             the logs that are cosigned (`log_list`)
//! DIR/witness/store/           what is remembered of them (`cosigned`)
//! DIR/witness/identity         which folder of which machine this is, so that a copy is told apart
//! DIR/witness/.lock            held (flock) by who changes the settings or the list
//! ```
//!
//! A copy of the folder has the same keys and remembers what was cosigned until it was made: served, it
//! could cosign another history. So it is refused, as a copy of a log's signer is, until the operator says
//! that the other one has cosigned nothing since ([`WitnessFolder::move_here`]).
//!
//! A witness that runs reads a changed list by itself, and changed keys on SIGHUP.

use super::cosigned::{self, Cosigned};
use super::settings::{LIST, Settings, failed};
use super::{KeyKind, ListedLog, LogListError, SettingsError, Witness};
use crate::durable;
use crate::store::{FileStore, Store as _};
use crate::tlog::{CosignerKey, IdentityError, Machine, Origin, SignerId, SignerIdentity};
use jiff::Timestamp;
use serde::Serialize;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Why a witness's folder was not changed, or could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManageError {
    /// The settings or keys.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The list of logs.
    #[error("{path}, {error}")]
    List {
        /// The file.
        path: String,
        /// What is wrong with it.
        error: LogListError,
    },
    /// Which folder this is cannot be noted.
    #[error("cannot note which folder this is: {0}")]
    Identity(#[from] IdentityError),
    /// The log is on the list.
    #[error("the log \"{0}\" is on the list with this key already")]
    Listed(Origin),
    /// A value that a line of the list cannot hold.
    #[error("{0:?} cannot stand in a line of the list of logs")]
    Line(String),
}

/// A witness's folder, for its operator.
#[derive(Debug)]
pub struct WitnessFolder {
    folder: PathBuf,
    settings: Settings,
    _lock: File,
}

/// A key of a witness, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownKey {
    /// Its kind.
    pub kind: KeyKind,
    /// What others verify with.
    pub vkey: String,
    /// From when on it cosigns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// A log of a witness, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownLog {
    /// Its origin.
    pub origin: String,
    /// The hash by which monitors ask for it.
    pub hash: String,
    /// Its key.
    pub vkey: String,
    /// How many checkpoints a day it may submit.
    pub per_day: u64,
    /// The size of the tree that was cosigned last; nothing before the first.
    pub size: Option<u64>,
    /// When that was, in seconds since 1970.
    pub time: Option<u64>,
    /// Why that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl WitnessFolder {
    /// Makes a witness, with a key of each kind and an empty list.
    pub fn create(data: &Path, name: &str) -> Result<WitnessFolder, ManageError> {
        let folder = Witness::folder_of(data);
        durable::make_folders(&folder).map_err(|error| failed("make", &folder, error))?;
        let lock = lock(&folder)?;
        let list = folder.join(LIST);
        register(&folder)?;
        // The settings come last: with them there is a witness.
        if !list.exists() {
            write(&list, &ListedLog::empty_list())?;
        }
        let settings = Settings::create(&folder, name)?;
        Ok(WitnessFolder { folder, settings, _lock: lock })
    }

    /// Opens that of a deployment's folder. Nobody else changes it meanwhile.
    pub fn open(data: &Path) -> Result<WitnessFolder, ManageError> {
        let folder = Witness::folder_of(data);
        // Before anything is made.
        Settings::read(&folder)?;
        let lock = lock(&folder)?;
        let settings = Settings::read(&folder)?;
        Ok(WitnessFolder { folder, settings, _lock: lock })
    }

    /// Makes this folder the one whose witness may be served. The caller answers for what it remembers
    /// being the newest.
    pub fn move_here(&self) -> Result<(), ManageError> {
        register(&self.folder)
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// All keys, also those whose time is over or yet to come.
    pub fn keys(&self) -> Vec<ShownKey> {
        let shown = |key: &super::settings::KeySettings| ShownKey {
            kind: key.kind,
            vkey: key.vkey.clone(),
            since: key.since,
            until: key.until,
        };
        self.settings.keys.iter().map(shown).collect()
    }

    /// Makes a key, in force from then on; or at once.
    pub fn add_key(
        &mut self,
        kind: KeyKind,
        since: Option<Timestamp>,
    ) -> Result<CosignerKey, ManageError> {
        let key = self.settings.add_key(&self.folder, kind, since)?;
        self.settings.write(&self.folder)?;
        Ok(key)
    }

    /// Ends a key, called by its ID or its whole *vkey*.
    pub fn end_key(&mut self, named: &str, until: Timestamp) -> Result<(), ManageError> {
        self.settings.end_key(named, until)?;
        Ok(self.settings.write(&self.folder)?)
    }

    /// Puts a log on the witness's own list.
    pub fn add_log(&self, log: &ListedLog) -> Result<(), ManageError> {
        let path = self.folder.join(LIST);
        let text = fs::read_to_string(&path).map_err(|error| failed("read", &path, error))?;
        let logs = parse(&path, &text)?;
        if logs.iter().any(|known| known.origin == log.origin && known.key == log.key) {
            return Err(ManageError::Listed(log.origin.clone()));
        }
        let added = log.to_string();
        // What cannot be read again as it was meant is not written.
        let alone = ListedLog::parse_list(&format!("logs/v0\n{added}"));
        if alone.as_deref() != Ok(std::slice::from_ref(log)) {
            return Err(ManageError::Line(log.contact.clone()));
        }
        let end = if text.ends_with('\n') { "" } else { "\n" };
        write(&path, &format!("{text}{end}{added}"))
    }

    /// The logs of all lists, and what is remembered of them.
    pub fn logs(&self) -> Result<Vec<ShownLog>, ManageError> {
        let store = FileStore::new(self.folder.join("store"));
        let mut shown = Vec::new();
        for list in &self.settings.lists {
            let path = self.folder.join(list);
            let text = fs::read_to_string(&path).map_err(|error| failed("read", &path, error))?;
            for log in parse(&path, &text)? {
                let hash = cosigned::origin_hash(&log.origin);
                let read = || -> Result<Option<Cosigned>, String> {
                    let key = cosigned::key(&hash).map_err(|e| e.to_string())?;
                    let bytes = store.pointer(&key).map_err(|e| e.to_string())?;
                    let decode = |bytes: Vec<u8>| Cosigned::decode(&bytes, &hash);
                    bytes.map(decode).transpose().map_err(|e| e.to_string())
                };
                let (last, problem) = match read() {
                    Ok(last) => (last, None),
                    Err(problem) => (None, Some(problem)),
                };
                shown.push(ShownLog {
                    origin: log.origin.to_string(),
                    vkey: log.key.to_string(),
                    per_day: log.per_day,
                    size: last.as_ref().map(|last| last.head().size.get()),
                    time: last.as_ref().map(|last| last.time),
                    problem,
                    hash,
                });
            }
        }
        Ok(shown)
    }
}

fn register(folder: &Path) -> Result<(), ManageError> {
    let identity = SignerIdentity::new(folder, Machine::this());
    Ok(identity.write(&SignerId::generate()?)?)
}

fn parse(path: &Path, text: &str) -> Result<Vec<ListedLog>, ManageError> {
    let malformed = |error| ManageError::List { path: path.display().to_string(), error };
    ListedLog::parse_list(text).map_err(malformed)
}

fn write(path: &Path, text: &str) -> Result<(), ManageError> {
    let temporary = path.with_extension("tmp");
    let written = durable::replace(path, &temporary, text.as_bytes(), durable::private_file);
    Ok(written.map_err(|error| failed("write", path, error))?)
}

fn lock(folder: &Path) -> Result<File, SettingsError> {
    let path = folder.join(".lock");
    let file = durable::lock_file(&path);
    let file = file.map_err(|error| failed("open", &path, error))?;
    file.lock().map_err(|error| failed("lock", &path, error))?;
    Ok(file)
}
