//! The logged configs, indexed in memory.
//!
//! Every version in the log is held in memory, indexed ([`Allowed`]); parts that did not change from
//! one version to the next are held once. A lookup takes no I/O and no allocation.
//!
//! An unknown version may have been logged a moment ago, so the log is read again before the answer: by
//! one reading at a time, at most one per [`INTERVAL`], which all waiting callers share. So "not in the
//! log" always comes from a reading that began after the question. What the reviewed definitions say of
//! the configs (`definitions`) is read with the log, and again once [`FOLLOW`] has passed since the
//! last reading: a running server refuses a revoked config within that time. An unreadable store or a
//! damaged version is a [`ConfigSetError`], never "not in the log": clients throw away what is refused.

use super::clock::KnownTime;
use super::definitions::KnownDefinitions;
use super::logged_config::LoggedConfig;
use crate::collection::config::ConfigError;
use crate::collection::{Allowed, CollectionConfig};
use crate::count::entries;
use crate::gomod::{ModulePath, ModuleVersion};
use crate::publish::{CatalogueError, VersionError, Versions};
use crate::store::{Key, KeyError, Store, StoreError};
use crate::tlog::{CHECKPOINT, LogVerifiers, Published, PublishedError, TreeHead};
use jiff::Timestamp;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

/// The least time between two readings of the log, so that requests for versions that do not exist
/// cannot make the server read its store all the time.
const INTERVAL: Duration = Duration::from_millis(50);

/// How old the last reading may be when a known version is asked for.
const FOLLOW: Duration = Duration::from_secs(5);

/// How many unreadable versions one reading logs by name.
const SHOWN: u64 = 3;

/// Every config that the log has.
#[derive(Debug)]
pub struct ConfigSet {
    source: Arc<Source>,
    known: RwLock<Known>,
    /// Locked during a reading.
    reading: Mutex<Reading>,
    /// When the log was last checked for news.
    looked: std::sync::Mutex<Option<Instant>>,
}

/// What the last readings found.
#[derive(Debug, Clone)]
struct Known {
    head: TreeHead,
    /// Version `v0.(i+1).0` at `i`; `None` where it could not be read.
    configs: Vec<Option<LoggedConfig>>,
    definitions: KnownDefinitions,
}

/// When the last reading began, and whether it failed.
#[derive(Debug)]
struct Reading {
    began: Instant,
    failed: bool,
}

#[derive(Debug)]
struct Source {
    keys: LogVerifiers,
    versions: Versions,
    store: Arc<dyn Store>,
}

/// Why the logged configs could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigSetError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no log.
    #[error(
        "the store has no {CHECKPOINT}: if it has log/head, `candor publish` signs it again; \
         otherwise restore the store, or correct `store` in candor.toml if that is wrong"
    )]
    NoLog,
    /// The published head is not signed by this deployment.
    #[error(
        "{CHECKPOINT} in the store is damaged: {0}; restore it from the newest copy of the store, or \
         remove it and run `candor publish`, which signs it again"
    )]
    Checkpoint(#[from] PublishedError),
    /// A version is missing or damaged.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// A version's config is malformed.
    #[error("the config of {version} cannot be read: {source}")]
    Config {
        /// The version.
        version: ModuleVersion,
        /// What is wrong.
        source: ConfigError,
    },
    /// What the definitions say of the configs cannot be read.
    #[error(transparent)]
    Definitions(#[from] CatalogueError),
    /// The log could not be read just now; the cause has been logged.
    #[error("the log cannot be read at the moment")]
    Unreadable,
    /// The log is shorter than it was.
    #[error("the store's log went back from {} to {found}; restore the newer store", entries(.known))]
    WentBack {
        /// The size that was seen before.
        known: u64,
        /// The size now.
        found: u64,
    },
}

impl From<KeyError> for ConfigSetError {
    fn from(error: KeyError) -> ConfigSetError {
        StoreError::from(error).into()
    }
}

impl ConfigSet {
    /// Reads every config of `module` in the log that is published in `store` and signed with `keys`.
    /// Blocks. A damaged version is reported and left out: only reports that name it wait until it is
    /// restored.
    pub fn open(
        module: ModulePath,
        keys: LogVerifiers,
        store: Arc<dyn Store>,
    ) -> Result<ConfigSet, ConfigSetError> {
        let versions = Versions::new(module, store.clone());
        let source = Source { keys, versions, store };
        let empty = Known {
            head: TreeHead::EMPTY,
            configs: Vec::new(),
            definitions: KnownDefinitions::default(),
        };
        let known = source.read(empty)?;
        let reading = Mutex::new(Reading { began: Instant::now(), failed: false });
        let looked = std::sync::Mutex::new(Some(Instant::now()));
        Ok(ConfigSet { source: Arc::new(source), known: RwLock::new(known), reading, looked })
    }

    /// How many versions the log had at the last reading.
    pub fn size(&self) -> u64 {
        self.known.read().unwrap_or_else(PoisonError::into_inner).head.size.get()
    }

    /// The newest commit of all configs.
    pub fn last_commit(&self) -> Option<KnownTime> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let commits = known.configs.iter().flatten().filter_map(|config| {
            config.committed.map(|time| KnownTime::Commit { config: config.version(), time })
        });
        commits.max_by_key(|commit| commit.time())
    }

    /// The config of a version, or `None` where the log has none.
    pub async fn find(
        &self,
        version: ModuleVersion,
    ) -> Result<Option<LoggedConfig>, ConfigSetError> {
        if self.is_due() {
            // The error was logged, and what is known stays valid.
            let _ = self.refresh().await;
        }
        match self.known(version) {
            Some(config) => Ok(Some(config)),
            None => {
                self.refresh().await?;
                match self.known(version) {
                    Some(config) => Ok(Some(config)),
                    None if version.number() <= self.size() => Err(ConfigSetError::Unreadable),
                    None => Ok(None),
                }
            }
        }
    }

    /// Whether this caller should check for news; the others need not wait for it.
    fn is_due(&self) -> bool {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = looked.is_none_or(|looked| looked.elapsed() >= FOLLOW);
        if is_due {
            *looked = Some(Instant::now());
        }
        is_due
    }

    /// As if [`FOLLOW`] had passed.
    #[cfg(test)]
    pub(super) fn let_time_pass(&self) {
        *self.looked.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Reads the log again, unless a reading that began after this call has done so. For whoever learns
    /// that the log has grown; [`ConfigSet::find`] does it by itself.
    pub async fn refresh(&self) -> Result<(), ConfigSetError> {
        let asked = Instant::now();
        let mut reading = self.reading.lock().await;
        if reading.began <= asked {
            sleep_until(reading.began + INTERVAL).await;
            *reading = Reading { began: Instant::now(), failed: true };
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
            let source = self.source.clone();
            // Joining only fails while the runtime shuts down.
            let read = spawn_blocking(move || source.read(known)).await;
            match read.unwrap_or(Err(ConfigSetError::Unreadable)) {
                Ok(new) => {
                    *self.known.write().unwrap_or_else(PoisonError::into_inner) = new;
                    reading.failed = false;
                }
                Err(error) => {
                    tracing::error!(%error, "cannot read the log for new configs");
                    return Err(error);
                }
            }
        }
        if reading.failed { Err(ConfigSetError::Unreadable) } else { Ok(()) }
    }

    fn known(&self, version: ModuleVersion) -> Option<LoggedConfig> {
        let index = usize::try_from(version.leaf_index()).ok()?;
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.configs.get(index)?.clone()
    }
}

impl Source {
    /// What the log has now. Known versions are not read again: they cannot change.
    fn read(&self, mut known: Known) -> Result<Known, ConfigSetError> {
        let checkpoint = self.store.pointer(&Key::new(CHECKPOINT)?)?;
        let checkpoint = checkpoint.ok_or(ConfigSetError::NoLog)?;
        let head = Published::open(&checkpoint, &self.keys)?.head();
        let (size, before) = (head.size.get(), known.head.size.get());
        if size < before {
            return Err(ConfigSetError::WentBack { known: before, found: size });
        }
        known.head = head;
        let mut unreadable: u64 = 0;
        let mut was_restored = false;
        for number in 1..=size {
            let index = usize::try_from(number - 1).unwrap_or(usize::MAX);
            if known.configs.get(index).is_some_and(Option::is_some) {
                continue;
            }
            let Ok(version) = ModuleVersion::new(number) else { break };
            let config = match self.read_version(head, version, &known) {
                Ok(config) => Some(config),
                Err(error) => {
                    unreadable += 1;
                    // A store that lost many versions is not logged once for each.
                    if unreadable <= SHOWN {
                        tracing::error!(%error, "reports that name {version} cannot be accepted");
                    }
                    None
                }
            };
            match known.configs.get_mut(index) {
                Some(place) => {
                    was_restored |= config.is_some();
                    *place = config;
                }
                None => known.configs.push(config),
            }
        }
        if unreadable > SHOWN {
            tracing::error!("nor those that name any of {} more", unreadable - SHOWN);
        }
        let is_longer = size > before;
        let Known { configs, definitions, .. } = &mut known;
        definitions.update(&self.store, configs, is_longer || was_restored)?;
        Ok(known)
    }

    fn read_version(
        &self,
        head: TreeHead,
        version: ModuleVersion,
        known: &Known,
    ) -> Result<LoggedConfig, ConfigSetError> {
        let module = self.versions.module(head, version)?;
        let config = CollectionConfig::from_json(module.config())
            .map_err(|source| ConfigSetError::Config { version, source })?;
        let mut allowed = Allowed::new(&config);
        if let Some(Some(last)) = known.configs.last() {
            allowed.share(last.allowed());
        }
        let mut logged = LoggedConfig::indexed(version, allowed);
        // A commit's time is between 1970 and 9999, so this does not fail.
        logged.committed = Timestamp::from_second(module.provenance().time.unix_seconds()).ok();
        logged.as_of = Some(module.provenance().as_of.civil());
        Ok(logged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::testing::{Log, config};
    use crate::store::Fault;

    fn version(number: u64) -> ModuleVersion {
        ModuleVersion::new(number).expect("a version")
    }

    #[tokio::test]
    async fn a_version_is_known_as_soon_as_it_is_logged_and_no_sooner() {
        let log = Log::new();
        log.append(&config(1.0));
        let configs = log.configs();
        let find = |number| configs.find(version(number));
        assert_eq!(find(1).await.expect("read").map(|c| c.version()), Some(version(1)));
        for number in 2..5 {
            assert!(find(number).await.expect("read").is_none());
            log.append(&config(1.0 / number as f64));
            let found = find(number).await.expect("read").expect("logged");
            assert_eq!(found.allowed().sample_rate().get(), 1.0 / number as f64);
            assert_eq!(configs.size(), number);
        }
        let first = find(1).await.expect("read").expect("logged");
        assert_eq!(first.allowed().sample_rate().get(), 1.0, "the old ones stay");
    }

    #[tokio::test]
    async fn asking_for_what_does_not_exist_reads_the_store_seldom() {
        let log = Log::new();
        log.append(&config(1.0));
        let configs = Arc::new(log.configs());
        log.store.restart();
        let began = Instant::now();
        let many: Vec<_> = (2..200)
            .map(|number| {
                let configs = configs.clone();
                tokio::spawn(async move { configs.find(version(number)).await })
            })
            .collect();
        for asked in many {
            assert!(asked.await.expect("no panic").expect("read").is_none());
        }
        let readings = began.elapsed().as_millis() / INTERVAL.as_millis() + 1;
        // The log and the index of catalogues.
        let most = 2 * readings;
        assert!(u128::from(log.store.operations()) <= most, "{readings} readings at most");
    }

    #[tokio::test]
    async fn a_store_that_fails_is_never_taken_for_a_version_that_is_not_logged() {
        let log = Log::new();
        log.append(&config(1.0));
        let configs = log.configs();
        log.store.inject(Fault::PowerCutBefore(0));
        assert!(configs.find(version(2)).await.is_err());
        assert!(configs.find(version(1)).await.expect("held in memory").is_some());
        log.store.restart();
        assert!(configs.find(version(2)).await.expect("read").is_none());
    }

    #[tokio::test]
    async fn a_damaged_version_is_waited_for_and_hides_no_other() {
        let log = Log::new();
        log.append(&config(1.0));
        let whole = log.store.snapshot();
        log.append(&config(0.5));
        let mut damaged = log.store.snapshot();
        let (zip, bytes) = damaged
            .objects
            .iter()
            .find(|(key, _)| key.as_str().ends_with(".zip") && !whole.objects.contains_key(*key))
            .map(|(key, bytes)| (key.clone(), bytes.clone()))
            .expect("the new zip");
        damaged.objects.insert(zip.clone(), vec![0]);
        log.store.restore(&damaged);
        let configs = log.configs();
        assert!(configs.find(version(1)).await.expect("read").is_some());
        assert!(matches!(configs.find(version(2)).await, Err(ConfigSetError::Unreadable)));
        damaged.objects.insert(zip, bytes);
        log.store.restore(&damaged);
        assert!(configs.find(version(2)).await.expect("mended").is_some());
    }

    #[tokio::test]
    async fn a_log_that_went_back_is_not_believed() {
        let log = Log::new();
        log.append(&config(1.0));
        let old = log.store.snapshot();
        log.append(&config(0.5));
        let configs = log.configs();
        log.store.restore(&old);
        assert!(matches!(
            configs.find(version(3)).await,
            Err(ConfigSetError::WentBack { known: 2, found: 1 })
        ));
        assert!(configs.find(version(2)).await.expect("held in memory").is_some());
    }
}
