//! Managing a witness's folder: creating it, adding logs, adding and retiring keys.
//!
//! ```text
//! DIR/witness/witness.toml     the name, and which keys when (`settings`) DIR/witness/keys/*.seed their
//! secrets, mode 0600 DIR/witness/logs             the logs that are cosigned (`log_list`)
//! DIR/witness/store/           what is remembered about them (`cosigned`) DIR/witness/identity which
//! folder of which machine this is, so that a copy is noticed DIR/witness/.lock            held (flock)
//! while the settings or the list are changed
//! ```
//!
//! A copy of the folder has the same keys but remembers only what was cosigned until it was made: if it
//! were served, it could cosign another history. So it is refused, like a copy of a log's signer, until
//! the operator confirms that the original has cosigned nothing since ([`WitnessFolder::move_here`]).
//!
//! A running witness reloads a changed list by itself, and changed keys on SIGHUP.

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

/// Why a witness's folder could not be changed or read.
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
    /// The folder's identity could not be written.
    #[error("cannot record which folder this is: {0}")]
    Identity(#[from] IdentityError),
    /// The log is already on the list.
    #[error("the log \"{0}\" is already on the list with this key")]
    Listed(Origin),
    /// A value that a line of the list cannot hold.
    #[error("{0:?} cannot be in a line of the list of logs")]
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
pub struct WitnessKeyInfo {
    /// Its kind.
    pub kind: KeyKind,
    /// What others verify with.
    pub vkey: String,
    /// When it starts to cosign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// When it stops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// A log of a witness, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WitnessLogInfo {
    /// Its origin.
    pub origin: String,
    /// The hash by which monitors ask for it.
    pub hash: String,
    /// Its key.
    pub vkey: String,
    /// How many checkpoints a day it may submit.
    pub per_day: u64,
    /// The size of the last cosigned tree, if there is one.
    pub size: Option<u64>,
    /// When that was, in seconds since 1970.
    pub time: Option<u64>,
    /// Why that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl WitnessFolder {
    /// Creates a witness, with a key of each kind and an empty list.
    pub fn create(data: &Path, name: &str) -> Result<WitnessFolder, ManageError> {
        let folder = Witness::folder_of(data);
        durable::make_folders(&folder).map_err(|error| failed("make", &folder, error))?;
        let lock = lock(&folder)?;
        let list = folder.join(LIST);
        register(&folder)?;
        // The settings come last: with them the folder is a witness.
        if !list.exists() {
            write(&list, &ListedLog::empty_list())?;
        }
        let settings = Settings::create(&folder, name)?;
        Ok(WitnessFolder { folder, settings, _lock: lock })
    }

    /// Opens the witness of a deployment's folder, and locks it against other changes.
    pub fn open(data: &Path) -> Result<WitnessFolder, ManageError> {
        let folder = Witness::folder_of(data);
        // Before anything is created.
        Settings::read(&folder)?;
        let lock = lock(&folder)?;
        let settings = Settings::read(&folder)?;
        Ok(WitnessFolder { folder, settings, _lock: lock })
    }

    /// Makes this folder the one whose witness may be served. The caller is responsible for its state
    /// being the newest.
    pub fn move_here(&self) -> Result<(), ManageError> {
        register(&self.folder)
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// All keys, including expired and future ones.
    pub fn keys(&self) -> Vec<WitnessKeyInfo> {
        let shown = |key: &super::settings::KeySettings| WitnessKeyInfo {
            kind: key.kind,
            vkey: key.vkey.clone(),
            since: key.since,
            until: key.until,
        };
        self.settings.keys.iter().map(shown).collect()
    }

    /// Creates a key, in force from `since` on, or at once.
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
        // Nothing is written that would not be read back the same.
        let alone = ListedLog::parse_list(&format!("logs/v0\n{added}"));
        if alone.as_deref() != Ok(std::slice::from_ref(log)) {
            return Err(ManageError::Line(log.contact.clone()));
        }
        let end = if text.ends_with('\n') { "" } else { "\n" };
        write(&path, &format!("{text}{end}{added}"))
    }

    /// The logs of all lists, and what is remembered about them.
    pub fn logs(&self) -> Result<Vec<WitnessLogInfo>, ManageError> {
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
                shown.push(WitnessLogInfo {
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
