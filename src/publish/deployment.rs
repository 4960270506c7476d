//! A deployment's folder: what `candor init` creates and every server verb opens.
//!
//! ```text
//! DIR/candor.toml         name, module, where the store is, witnesses; edited by hand
//! DIR/keys/log.seed       the log's Ed25519 seed, mode 0600, unless it is kept elsewhere
//! DIR/keys/log.next.seed  the next one, while the key is being rotated
//! DIR/signer/identity     which folder of which machine the log's one signer is
//! DIR/signer/head         the signer's lock: the last head it signed (apart from the store), unless
//!                         candor.toml names another place for it
//! DIR/reports/            the reports that were accepted
//! DIR/reports.segments    the list of their files, so that a lost folder is noticed
//! DIR/store/              the store, if candor.toml says `file://store` and not a bucket
//! DIR/charts.json         the repository that was published from, mode 0600
//! DIR/watch/              how far watched branches were processed
//! DIR/cache/              mirrors of charts repositories; may be deleted at any time
//! DIR/scratch/            files of public data that are being written, or are read from a bucket (these have
//!                         no names); otherwise empty
//! ```

use super::place::{Place, PlaceError};
use super::versions::Versions;
use super::witnesses::{DeploymentWitnesses, WitnessTable, WitnessTables};
use crate::charts::Diagnostics;
use crate::charts::diagnostic::Severity;
use crate::charts::text::SourceText;
use crate::durable;
use crate::gomod::{ModulePath, PathError};
use crate::store::{FileStore, Overlay, PlainPlace, Store, StoreError};
use crate::tlog::{
    Host, HostError, Log, LogError, LogKeys, LogVerifiers, Protocol, Seed, SeedError,
};
use crate::tlog::{IdentityError, LockBackend as _, LockRecord, Machine, SeenHead, SignerId};
use crate::tlog::{SeedLocation, SeedSource};
use crate::tlog::{SignerIdentity, SignerLock, SignerStatus, StoreLock, TreeHead, VerifierKey};
use serde::Deserialize;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::Spanned;

pub(super) const SETTINGS: &str = "candor.toml";
const SEED: &str = "keys/log.seed";
const NEXT_SEED: &str = "keys/log.next.seed";
const SIGNER: &str = "signer";
const SCRATCH: &str = "scratch";
/// The store in the deployment's own folder.
pub const OWN_STORE: &str = "file://store";

/// What `candor.toml` says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    name: String,
    module: String,
    sumdb_key: String,
    log_key: String,
    store: String,
    quorum: Option<Spanned<toml::Value>>,
    policy: Option<Spanned<String>>,
    refresh: Option<Spanned<String>>,
    next: Option<NextKeys>,
    #[serde(default)]
    signer: SignerSettings,
    #[serde(default)]
    uploads: UploadSettings,
    #[serde(default)]
    witness: Vec<Spanned<WitnessTable>>,
}

/// The next key in `candor.toml`, while the log's key is being rotated.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct NextKeys {
    sumdb_key: String,
    log_key: String,
}

/// The settings of the signer in `candor.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignerSettings {
    lock: Option<String>,
}

/// The settings of uploads, `[uploads]` in `candor.toml`. Defaults follow from what sampling expects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UploadSettings {
    /// The proxies that are trusted to report client addresses: addresses, networks, or `unix`.
    #[serde(default)]
    pub trusted_proxies: Vec<String>,
    /// New reports a day.
    pub day_reports: Option<u64>,
    /// Their bytes.
    pub day_bytes: Option<u64>,
    /// Reports of one network within a time window.
    pub network_reports: Option<u64>,
    /// Bytes of the file systems that are reserved for publishing.
    pub free_space: Option<u64>,
}

/// An open deployment folder: settings are checked, nothing is read from the store yet.
#[derive(Debug, Clone)]
pub struct Deployment {
    pub(super) folder: PathBuf,
    verifiers: LogVerifiers,
    /// The next keys, which sign alongside the present ones.
    next: Option<LogVerifiers>,
    /// Where the signer's lock is, if it is not in the signer's own folder.
    lock: Option<Place>,
    witnesses: Option<DeploymentWitnesses>,
    store_place: Place,
    uploads: UploadSettings,
    /// The module that clients download.
    pub module: ModulePath,
    /// Where objects and pointers are.
    pub store: Arc<dyn Store>,
}

/// Why a deployment could not be created or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeploymentError {
    /// The folder does not contain a deployment.
    #[error(
        "{folder} holds no deployment (no candor.toml); make one with `candor init --data {folder} --name HOST --module PATH`"
    )]
    Missing {
        /// The folder.
        folder: String,
    },
    /// The folder already contains a deployment.
    #[error("{folder} already holds a deployment; `candor init` never overwrites one")]
    Exists {
        /// The folder.
        folder: String,
    },
    /// `candor.toml` has a wrong value.
    #[error("{path}: {message}")]
    Settings {
        /// The file.
        path: String,
        /// What is wrong, and where.
        message: String,
    },
    /// `candor.toml` is malformed.
    #[error("{0}")]
    Malformed(#[source] Diagnostics),
    /// The key is not the one that clients know.
    #[error(
        "{location} is not the key of this deployment, which is {wanted}; restore the right one, \
         for clients refuse any other"
    )]
    OtherKey {
        /// Where the key is.
        location: SeedLocation,
        /// The verifier key of the log in `candor.toml`.
        wanted: String,
    },
    /// The name of the deployment is not a host name.
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
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// This folder is not the log's signer.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The signer's folder is not there.
    #[error(
        "there is no {path}, which says that this folder is the log's one signer: if signer/ was moved away, \
         move it back (a copy is refused); if it is lost, `candor signer move --data {folder} --url \
         https://{host}` makes this folder the signer again, after it has looked at everything public, so \
         that no second history is ever signed"
    )]
    NoSigner {
        /// The file that is missing.
        path: String,
        /// The deployment's folder.
        folder: String,
        /// The deployment's host.
        host: String,
    },
    /// The signer's lock was never written.
    #[error(
        "the signer's lock {lock} is empty: `candor signer move --url https://{host}` writes it, after it has \
         looked at everything public, so that no second history is ever signed"
    )]
    NotMovedThere {
        /// The lock.
        lock: String,
        /// The deployment's host.
        host: String,
    },
    /// There is a key, but none of the other files that an interrupted init leaves.
    #[error(
        "there is a key at {path}, which may have signed a log elsewhere: bring that \
         deployment's candor.toml here and run `candor signer move`; for a new log, move the key \
         away"
    )]
    OrphanKey {
        /// The key file.
        path: String,
    },
    /// The folder of the signer's lock does not exist.
    #[error(
        "the signer's lock should be in {path} (see candor.toml), which does not exist: mount \
         its disk, or create the folder if it never held a lock"
    )]
    NoLockFolder {
        /// The folder.
        path: String,
    },
    /// There is no next key to switch to.
    #[error("there is no next key: run `candor signer rotate`, and wait until clients know it")]
    NoNextKey,
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
    /// Creates a deployment in `folder`: a new key, `candor.toml`, and the signed head of the empty log.
    /// Refuses a folder that has one. An existing key is used: an interrupted init left it.
    pub fn init(folder: &Path, host: &str, module: &str) -> Result<Deployment, DeploymentError> {
        Deployment::init_with_store(folder, host, module, OWN_STORE)
    }

    /// The same, with its store at `store`: `file://DIR`, or a bucket, which is tried out first.
    pub fn init_with_store(
        folder: &Path,
        host: &str,
        module: &str,
        store: &str,
    ) -> Result<Deployment, DeploymentError> {
        // Before a key is made: whether it is a place at all, and one that can be used.
        let try_out = || Place::new(store, folder)?.try_out(&folder.join(SCRATCH));
        try_out().map_err(|error| match error {
            PlaceError::Store(error) => error.into(),
            other => DeploymentError::Settings {
                path: format!("store {store:?}"),
                message: other.to_string(),
            },
        })?;
        let host: Host = host.parse()?;
        let module = ModulePath::new(module)?;
        let settings = folder.join(SETTINGS);
        if settings.exists() {
            return Err(DeploymentError::Exists { folder: folder.display().to_string() });
        }
        let path = folder.join(SEED);
        if path.exists() && !folder.join(SIGNER).exists() {
            return Err(DeploymentError::OrphanKey { path: path.display().to_string() });
        }
        // The signer's folder is created before the key: see `OrphanKey`.
        for path in [folder.to_owned(), folder.join(SIGNER), folder.join("keys")] {
            durable::make_folders(&path).map_err(|e| failed("create", &path, e))?;
        }
        // An earlier version of this program could leave an empty key file: no log was ever started with
        // it.
        if fs::metadata(&path).is_ok_and(|key| key.is_file() && key.len() == 0) {
            durable::remove_unsynced(&path).map_err(|e| failed("remove", &path, e))?;
        }
        let source = SeedSource::new("log", path.clone());
        if matches!(source.find(), SeedLocation::File(_)) {
            match Seed::generate()?.save(&path) {
                Ok(()) | Err(SeedError::Exists(_)) => {}
                Err(e) => return Err(e.into()),
            }
        }
        let keys = LogKeys::new(&host, &source.load()?);
        let text = format!(
            "# A Candor deployment. `name` is where it is served: clients find the log from it.\n\
             name = \"{host}\"\nmodule = \"{module}\"\n\n\
             # What clients verify with. `candor signer rotate` changes the key, with overlap.\n\
             sumdb_key = \"{sumdb}\"\nlog_key = \"{log}\"\n\n\
             # file://DIR, relative to this folder, file:///an/absolute/path, or a bucket: s3://BUCKET/PREFIX,\n\
             # gs://BUCKET/PREFIX or az://CONTAINER/PREFIX, whose credentials are those of the environment.\n\
             store = {store}\n\n\
             # With witnesses, nothing is shown before so many of them have cosigned it: a number, \"all\",\n\
             # \"any\" or \"none\". They cosign the newest log again after `refresh`. Each has to know this\n\
             # log's key; url is its submission prefix, and key its vkey. Instead of both,\n\
             # policy = \"FILE\" names a C2SP tlog-policy, which may have groups.\n\
             # quorum = \"all\"\n\
             # refresh = \"6h\"\n\
             # [[witness]]\n\
             # name = \"example\"\n\
             # key = \"witness.example/w1+01234567+...\"\n\
             # url = \"https://witness.example/w1\"\n\n\
             # The log has one signer, which keeps the last head that it signed apart from the store: in\n\
             # signer/ here, or in a folder on another disk or a bucket, which no snapshot puts back\n\
             # together with this one. After a change here run `candor signer move`.\n\
             # [signer]\n\
             # lock = \"file:///srv/candor-lock\"\n\n\
             # Behind a proxy, name it, or all senders share one network's budget. Of new reports a day\n\
             # takes four times what sampling expects, unless day_reports or day_bytes say otherwise;\n\
             # one network at most network_reports in a while; and free_space bytes are left on the disk.\n\
             # [uploads]\n\
             # trusted_proxies = [\"127.0.0.1\"]\n\
             # day_reports = 20000\n\
             # day_bytes = 81920000\n\
             # network_reports = 5000\n\
             # free_space = 1073741824\n",
            sumdb = keys.verifiers().sumdb,
            log = keys.verifiers().log,
            store = toml::Value::from(store),
        );
        let deployment = Deployment::with(folder, &text)?;
        let signer = deployment.identity().read_or_register()?;
        deployment.log_of(signer)?.create()?;
        // The settings come last: with them the folder is a deployment.
        durable::replace(
            &settings,
            &settings.with_extension("tmp"),
            text.as_bytes(),
            durable::private_file,
        )
        .map_err(|e| failed("write", &settings, e))?;
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

    pub(super) fn with(folder: &Path, text: &str) -> Result<Deployment, DeploymentError> {
        let wrong = |message: String| DeploymentError::Settings {
            path: folder.join(SETTINGS).display().to_string(),
            message,
        };
        let file = folder.join(SETTINGS).display().to_string();
        let source = SourceText::new(file, text.to_owned());
        let settings: Settings = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let message = format!("the settings are malformed: {}", error.message());
            let found = source.diagnostic(Severity::Error, offset, message);
            let help = "correct it by hand; `candor init` writes one with comments, and whatever \
                        is not in a [table] goes above all tables";
            DeploymentError::Malformed(found.with_help(help).into())
        })?;
        let place = |name: &str, url: &str| {
            Place::new(url, folder).map_err(|error| wrong(format!("{name} = {url:?}: {error}")))
        };
        let place_of_store = place("store", &settings.store)?;
        let lock = settings.signer.lock.as_deref().map(|url| place("lock", url)).transpose()?;
        if lock.as_ref().is_some_and(|lock| lock.is_lock_in(&place_of_store)) {
            return Err(wrong(
                "the signer's lock is in the store; it must be kept apart from it, so that a \
                 rolled-back store is noticed"
                    .to_owned(),
            ));
        }
        let store = place_of_store.open(&folder.join(SCRATCH)).map_err(|error| match error {
            PlaceError::Store(error) => error.into(),
            other => wrong(format!("store = {:?}: {other}", settings.store)),
        })?;
        let host: Host = settings.name.parse()?;
        let key = |text: &str, protocol: Protocol| {
            let key: VerifierKey = text.parse().map_err(|e| wrong(format!("{e}")))?;
            if *key.name() == protocol.key_name(&host) {
                Ok(key)
            } else {
                Err(wrong(format!("the key {key} is not named {}", protocol.key_name(&host))))
            }
        };
        let keys = |sumdb: &str, log: &str| {
            let (sumdb, log) = (key(sumdb, Protocol::Sumdb)?, key(log, Protocol::TlogTiles)?);
            Ok::<_, DeploymentError>(LogVerifiers { sumdb, log, host: host.clone() })
        };
        let verifiers = keys(&settings.sumdb_key, &settings.log_key)?;
        let next = settings.next.as_ref().map(|next| keys(&next.sumdb_key, &next.log_key));
        let next = next.transpose()?;
        let Settings { quorum, policy, refresh, witness: witnesses, .. } = settings;
        let tables = WitnessTables { quorum, policy, refresh, witnesses };
        let witnesses = tables.read(folder, &source, &verifiers.log);
        Ok(Deployment {
            witnesses: witnesses.map_err(DeploymentError::Malformed)?,
            verifiers,
            next,
            module: ModulePath::new(&settings.module)?,
            store,
            store_place: place_of_store,
            uploads: settings.uploads,
            lock,
            folder: folder.to_owned(),
        })
    }

    /// The host after which the log's keys are named.
    pub fn host(&self) -> &Host {
        &self.verifiers.host
    }

    /// The keys that clients verify with.
    pub fn verifiers(&self) -> &LogVerifiers {
        &self.verifiers
    }

    /// The witnesses that have to cosign the log, if `candor.toml` names any.
    pub fn witnesses(&self) -> Option<&DeploymentWitnesses> {
        self.witnesses.as_ref()
    }

    /// Whether anything but the witnesses differs from another reading of the settings.
    pub(super) fn differs_but_for_witnesses(&self, other: &Deployment) -> bool {
        self.verifiers != other.verifiers || self.module != other.module
    }

    /// Whether its witnesses, policy and refresh interval are those of `other`.
    pub(super) fn has_witnesses_of(&self, other: &Deployment) -> bool {
        let refresh = |it: &Deployment| it.witnesses.as_ref().map(|all| all.refresh);
        self.policy() == other.policy() && refresh(self) == refresh(other)
    }

    /// The same deployment with the witnesses of another reading of its settings.
    pub(super) fn with_witnesses_of(&self, other: &Deployment) -> Deployment {
        Deployment { witnesses: other.witnesses.clone(), ..self.clone() }
    }

    /// The policy for verifying the log, as a C2SP tlog-policy, for others to pin. Without witnesses it
    /// lists only the log.
    pub fn policy(&self) -> Arc<[u8]> {
        match &self.witnesses {
            Some(witnesses) => witnesses.policy_text.clone(),
            None => self.verifiers.policy().into_bytes().into(),
        }
    }

    /// The log, its keys, and the right to append and sign: refused unless [who signs](Deployment::signer) is known
    /// here.
    pub fn log(&self) -> Result<Log, DeploymentError> {
        self.log_of(self.signer()?)
    }

    /// Who signs here: refused unless this folder was registered as the log's signer. If the signer's lock is in a
    /// bucket, machines that have the key are one signer together: the lock lets one of them sign at a time, and
    /// remembers for all what was signed.
    pub fn signer(&self) -> Result<SignerId, DeploymentError> {
        if self.is_lock_shared() {
            let record = LockRecord::read(&self.lock()?).map_err(LogError::from)?;
            let known = record.and_then(|record| record.signer);
            return known.ok_or_else(|| DeploymentError::NotMovedThere {
                lock: self.lock.as_ref().map(ToString::to_string).unwrap_or_default(),
                host: self.host().to_string(),
            });
        }
        self.identity().read().map_err(|error| match error {
            IdentityError::Missing { path } => DeploymentError::NoSigner {
                path,
                folder: self.folder.display().to_string(),
                host: self.host().to_string(),
            },
            other => other.into(),
        })
    }

    fn log_of(&self, signer: SignerId) -> Result<Log, DeploymentError> {
        let keys = self.signing_keys()?;
        let signer = SignerLock::new(Arc::new(self.lock()?), signer);
        let versions = Versions::new(self.module.clone(), self.store.clone());
        let log = Log::new(self.store.clone(), keys, signer, Arc::new(versions));
        Ok(match &self.witnesses {
            Some(witnesses) => log.witnessed_by(witnesses.feeder.clone()),
            None => log,
        })
    }

    /// Where the log's key comes from.
    pub fn seed_source(&self) -> SeedSource {
        SeedSource::new("log", self.folder.join(SEED))
    }

    /// Where the next key comes from, while the log's key is being rotated.
    pub fn next_seed_source(&self) -> SeedSource {
        SeedSource::new("log.next", self.folder.join(NEXT_SEED))
    }

    /// The next keys, while the log's key is being rotated.
    pub fn next_verifiers(&self) -> Option<&LogVerifiers> {
        self.next.as_ref()
    }

    /// The keys that sign, from wherever they are kept.
    fn signing_keys(&self) -> Result<LogKeys, DeploymentError> {
        let present = self.keys_of(&self.seed_source(), &self.verifiers);
        let Some(next) = &self.next else {
            // If a rotation was interrupted at the very end, the key still has the next one's name.
            return present.or_else(|error| {
                self.keys_of(&self.next_seed_source(), &self.verifiers).map_err(|_| error)
            });
        };
        Ok(present?.with_next(self.keys_of(&self.next_seed_source(), next)?))
    }

    /// The keys of a source, which must match these.
    fn keys_of(
        &self,
        source: &SeedSource,
        wanted: &LogVerifiers,
    ) -> Result<LogKeys, DeploymentError> {
        let keys = LogKeys::new(self.host(), &source.load()?);
        if keys.verifiers() == wanted {
            return Ok(keys);
        }
        Err(DeploymentError::OtherKey { location: source.find(), wanted: wanted.log.to_string() })
    }

    /// Whether the signer's lock is where other machines can use it, too.
    pub fn is_lock_shared(&self) -> bool {
        self.lock.as_ref().is_some_and(|lock| lock.folder().is_none())
    }

    /// The identity of the signer here.
    pub fn identity(&self) -> SignerIdentity {
        SignerIdentity::new(self.folder.join(SIGNER), Machine::this())
    }

    /// The signer's lock.
    pub fn lock(&self) -> Result<StoreLock, DeploymentError> {
        let Some(place) = &self.lock else { return self.own_lock() };
        // Never created here: it might be the empty mount point of a disk.
        if let Some(folder) = place.folder().filter(|folder| !folder.is_dir()) {
            return Err(DeploymentError::NoLockFolder { path: folder.display().to_string() });
        }
        let opened = place.open(&self.scratch());
        let store = opened.map_err(|error| self.unusable("the signer's lock", place, error))?;
        Ok(StoreLock::of_log(store, place, &self.verifiers).map_err(StoreError::from)?)
    }

    /// The lock in the signer's folder.
    fn own_lock(&self) -> Result<StoreLock, DeploymentError> {
        Ok(StoreLock::of_signer(&self.folder.join(SIGNER)).map_err(StoreError::from)?)
    }

    /// What the store and the lock say about the log's signer.
    pub fn signer_status(&self) -> Result<SignerStatus, DeploymentError> {
        Ok(SignerStatus::read(self.store.as_ref(), &self.verifiers, &self.lock()?)?)
    }

    /// Makes this folder the log's one signer, starting from the newest head in the store, the lock and
    /// `seen`. Returns the head that it has signed.
    pub fn move_signer(&self, mut seen: Vec<SeenHead>) -> Result<TreeHead, DeploymentError> {
        let signer = self.folder.join(SIGNER);
        durable::make_folders(&signer).map_err(|e| failed("create", &signer, e))?;
        if self.lock.is_some() {
            // What this folder's own lock remembers, from before the lock was kept elsewhere.
            let own = self.own_lock()?;
            let record = LockRecord::read(&own).map_err(LogError::from)?;
            let what = format!("log in the signer's former lock {}", own.location());
            seen.extend(record.map(|record| SeenHead { what, head: record.head }));
        }
        // A new name, so that a copy with the old one is not taken for this one.
        let id = SignerId::generate()?;
        let log = self.log_of(id.clone())?;
        log.take_over(&seen)?;
        if !self.is_lock_shared() {
            self.identity().write(&id)?;
        }
        Ok(log.settle()?)
    }

    /// The settings of uploads.
    pub fn uploads(&self) -> &UploadSettings {
        &self.uploads
    }

    /// The folders whose file systems uploads and publishing share. A bucket is none.
    pub fn written_folders(&self) -> Vec<PathBuf> {
        let store = self.store_place.folder().map(Path::to_owned);
        [self.reports(), self.scratch()].into_iter().chain(store).collect()
    }

    /// What of the deployment would be mixed with files at this place.
    pub fn overlapping(&self, place: &PlainPlace) -> Option<&'static str> {
        let has_folder = |plain: &Path| {
            super::place::is_inside(&self.folder, plain).then_some("the deployment's folder")
        };
        let folder = match place {
            PlainPlace::Folder(plain) => has_folder(plain),
            PlainPlace::Bucket(_) => None,
        };
        let store = self.store_place.overlaps(place).then_some("the deployment's store");
        let lock = self.lock.as_ref().is_some_and(|lock| lock.overlaps(place));
        folder.or(store).or(lock.then_some("the signer's lock"))
    }

    /// Tries out whether the store keeps the conditions of writes, so that one that does not is found out at
    /// the start, and not by the first write.
    pub fn try_out_store(&self) -> Result<(), DeploymentError> {
        let tried = self.store_place.try_out(&self.scratch());
        tried.map_err(|error| self.unusable("the store", &self.store_place, error))
    }

    /// Why a place cannot be used.
    fn unusable(&self, what: &str, place: &Place, error: PlaceError) -> DeploymentError {
        match error {
            PlaceError::Store(error) => error.into(),
            other => DeploymentError::Settings {
                path: self.folder.join(SETTINGS).display().to_string(),
                message: format!("{what} is at {place}: {other}"),
            },
        }
    }

    /// Where the store is, for messages.
    pub fn store_location(&self) -> String {
        self.store_place.to_string()
    }

    /// The same deployment for a rehearsal: its configs, without the reports that it has, and without what is stored
    /// below the `hidden` prefixes. What is received and made of it is in `folder` alone, and nothing can be
    /// published from there.
    pub fn rehearsal(&self, folder: &Path, hidden: &'static [&'static str]) -> Deployment {
        let store_folder = folder.join("store");
        let above = Arc::new(FileStore::new(store_folder.clone()));
        Deployment {
            folder: folder.to_owned(),
            store: Arc::new(Overlay::new(self.store.clone(), above, hidden)),
            store_place: Place::Folder(store_folder),
            ..self.clone()
        }
    }

    /// Whether other machines use the store, too: it is a bucket.
    pub fn is_shared(&self) -> bool {
        self.store_place.folder().is_none()
    }

    /// Where accepted reports are stored, unless the store [is shared](Deployment::is_shared).
    pub fn reports(&self) -> PathBuf {
        self.folder.join("reports")
    }

    /// Where files of public data are written before they are stored.
    pub fn scratch(&self) -> PathBuf {
        self.folder.join(SCRATCH)
    }

    /// The file that says which repository was published from.
    pub fn charts_source(&self) -> PathBuf {
        self.folder.join("charts.json")
    }

    /// The folder with the last processed commits of watched branches.
    pub fn watched(&self) -> PathBuf {
        self.folder.join("watch")
    }

    /// Where mirrors of charts repositories are kept.
    pub fn cache(&self) -> PathBuf {
        self.folder.join("cache")
    }
}

pub(super) fn failed(action: &'static str, path: &Path, source: io::Error) -> DeploymentError {
    DeploymentError::Io { action, path: path.display().to_string(), source }
}
