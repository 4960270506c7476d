//! A deployment's folder: what `candor init` writes and every server verb opens.
//!
//! ```text
//! DIR/candor.toml         name, module, where the store is; edited by hand
//! DIR/keys/log.seed       the log's Ed25519 seed, mode 0600
//! DIR/signer/             the signer's memory: the last head it signed (apart from the store)
//! DIR/reports/            the reports that were accepted
//! DIR/store/              the store, where candor.toml says `file://store`
//! DIR/cache/              mirrors of charts repositories; may be deleted at any time
//! DIR/scratch/            files of public data that are being made; empty while none are
//! ```

use crate::gomod::{ModulePath, PathError};
use crate::store::{FileStore, Store};
use crate::tlog::{Face, Host, HostError, Log, LogError, LogKeys, LogVerifiers, Seed, SeedError};
use crate::tlog::{SignerMemory, VerifierKey};
use serde::Deserialize;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SETTINGS: &str = "candor.toml";
const SEED: &str = "keys/log.seed";

/// What `candor.toml` says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    name: String,
    module: String,
    sumdb_key: String,
    log_key: String,
    store: String,
}

/// An opened deployment folder: names checked, nothing read from the store yet.
#[derive(Debug, Clone)]
pub struct Deployment {
    folder: PathBuf,
    verifiers: LogVerifiers,
    /// The module that clients download.
    pub module: ModulePath,
    /// Where objects and pointers are.
    pub store: Arc<dyn Store>,
}

/// Why a deployment could not be made or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeploymentError {
    /// The folder holds no deployment.
    #[error(
        "{folder} holds no deployment (no candor.toml); make one with `candor init --data {folder} --name HOST --module PATH`"
    )]
    Missing {
        /// The folder.
        folder: String,
    },
    /// The folder holds a deployment already.
    #[error("{folder} holds a deployment already; `candor init` never overwrites one")]
    Exists {
        /// The folder.
        folder: String,
    },
    /// `candor.toml` is not as it should be.
    #[error("{path}: {message}")]
    Settings {
        /// The file.
        path: String,
        /// What is wrong, with its place.
        message: String,
    },
    /// The key file holds another key than the one that clients know.
    #[error(
        "{path} is not the key of this deployment, which is {wanted}; put the right file back, for \
         clients refuse any other key"
    )]
    OtherKey {
        /// The key file.
        path: String,
        /// The verifier key of the log in `candor.toml`.
        wanted: String,
    },
    /// The name of the deployment is no host name.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The module path is not one that the go command accepts.
    #[error(transparent)]
    Module(#[from] PathError),
    /// The key is missing, malformed or readable by others.
    #[error(transparent)]
    Key(#[from] SeedError),
    /// The log refused.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
}

impl Deployment {
    /// Makes a deployment in `folder`: a new key, `candor.toml`, and the signed head of the empty
    /// log. Refuses a folder that holds one. A key that is there already is used: it is what an
    /// init that was interrupted left.
    pub fn init(folder: &Path, host: &str, module: &str) -> Result<Deployment, DeploymentError> {
        let host: Host = host.parse()?;
        let module = ModulePath::new(module)?;
        let settings = folder.join(SETTINGS);
        if settings.exists() {
            return Err(DeploymentError::Exists { folder: folder.display().to_string() });
        }
        for part in ["keys", "signer"] {
            let path = folder.join(part);
            fs::create_dir_all(&path).map_err(|e| failed("create", &path, e))?;
        }
        let path = folder.join(SEED);
        match Seed::generate()?.save(&path) {
            Ok(()) | Err(SeedError::Exists(_)) => {}
            Err(e) => return Err(e.into()),
        }
        let keys = LogKeys::new(&host, &Seed::load(&path)?);
        let text = format!(
            "# A Candor deployment. `name` is where it is served: clients find the log from it.\n\
             name = \"{host}\"\nmodule = \"{module}\"\n\n\
             # What clients verify with. Changing a key means a new log that no client trusts.\n\
             sumdb_key = \"{sumdb}\"\nlog_key = \"{log}\"\n\n\
             # file://DIR, relative to this folder, or file:///an/absolute/path\n\
             store = \"file://store\"\n",
            sumdb = keys.verifiers().sumdb,
            log = keys.verifiers().log,
        );
        let deployment = Deployment::with(folder, &text)?;
        deployment.log()?.create()?;
        // The settings come last: they are what makes the folder a deployment.
        write_durably(&settings, &text)?;
        Ok(deployment)
    }

    /// Opens the deployment in `folder`.
    pub fn open(folder: &Path) -> Result<Deployment, DeploymentError> {
        let path = folder.join(SETTINGS);
        match fs::read_to_string(&path) {
            Ok(text) => Deployment::with(folder, &text),
            Err(e) if e.kind() == ErrorKind::NotFound => {
                Err(DeploymentError::Missing { folder: folder.display().to_string() })
            }
            Err(e) => Err(failed("read", &path, e)),
        }
    }

    fn with(folder: &Path, text: &str) -> Result<Deployment, DeploymentError> {
        let wrong = |message: String| DeploymentError::Settings {
            path: folder.join(SETTINGS).display().to_string(),
            message,
        };
        let settings: Settings =
            toml::from_str(text).map_err(|e| wrong(e.to_string().trim_end().to_owned()))?;
        let Some(place) = settings.store.strip_prefix("file://").filter(|p| !p.is_empty()) else {
            return Err(wrong(format!(
                "store = {:?} is not a store this build can open; write store = \"file://DIR\"",
                settings.store
            )));
        };
        let host: Host = settings.name.parse()?;
        let key = |text: &str, face: Face| {
            let key: VerifierKey = text.parse().map_err(|e| wrong(format!("{e}")))?;
            if *key.name() == face.key_name(&host) {
                Ok(key)
            } else {
                Err(wrong(format!("the key {key} is not named {}", face.key_name(&host))))
            }
        };
        Ok(Deployment {
            verifiers: LogVerifiers {
                sumdb: key(&settings.sumdb_key, Face::Sumdb)?,
                log: key(&settings.log_key, Face::Log)?,
                host,
            },
            module: ModulePath::new(&settings.module)?,
            store: Arc::new(FileStore::new(folder.join(place))),
            folder: folder.to_owned(),
        })
    }

    /// The host after which both faces of the log are named.
    pub fn host(&self) -> &Host {
        &self.verifiers.host
    }

    /// The keys that clients verify with.
    pub fn verifiers(&self) -> &LogVerifiers {
        &self.verifiers
    }

    /// The log, with its keys and the signer's memory: the right to append and sign.
    pub fn log(&self) -> Result<Log, DeploymentError> {
        let path = self.folder.join(SEED);
        let keys = LogKeys::new(self.host(), &Seed::load(&path)?);
        if *keys.verifiers() != self.verifiers {
            return Err(DeploymentError::OtherKey {
                path: path.display().to_string(),
                wanted: self.verifiers.log.to_string(),
            });
        }
        let memory = SignerMemory::new(self.folder.join("signer"));
        Ok(Log::new(self.store.clone(), keys, memory))
    }

    /// Where accepted reports are stored.
    pub fn reports(&self) -> PathBuf {
        self.folder.join("reports")
    }

    /// Where files of public data are made.
    pub fn scratch(&self) -> PathBuf {
        self.folder.join("scratch")
    }

    /// Where mirrors of charts repositories are kept.
    pub fn cache(&self) -> PathBuf {
        self.folder.join("cache")
    }
}

fn write_durably(path: &Path, text: &str) -> Result<(), DeploymentError> {
    let temporary = path.with_extension("tmp");
    let write = || -> io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(|e| failed("write", path, e))
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> DeploymentError {
    DeploymentError::Io { action, path: path.display().to_string(), source }
}
