//! The logged configs, indexed in memory once a report names them.
//!
//! A server starts with the newest one, however many there are; the others are read when they are asked
//! for, and held as long as there is room ([`HELD_BYTES`]), indexed ([`Allowed`]); parts that did not
//! change from one version to another are held once. Looking up one that is held takes no I/O and no
//! allocation.
//!
//! An unknown version may have been logged a moment ago, so the log is read again before the answer: by
//! one reading at a time, at most one per [`INTERVAL`], which all waiting callers share. So "not in the
//! log" always comes from a reading that began after the question. What the reviewed definitions say of
//! the configs (`definitions`) is read with the log, and again once [`FOLLOW`] has passed since the
//! last reading: a running server refuses a revoked config within that time. An unreadable store or a
//! damaged version is a [`ConfigSetError`], never "not in the log": clients throw away what is refused.

use super::clock::KnownTime;
use super::definitions::KnownDefinitions;
use super::logged_config::{LoggedConfig, Naming};
use crate::collection::config::ConfigError;
use crate::collection::{Allowed, CollectionConfig};
use crate::count::entries;
use crate::gomod::{ModulePath, ModuleVersion};
use crate::publish::{CatalogueError, VersionError, Versions, last_day};
use crate::store::{Key, KeyError, Store, StoreError};
use crate::tlog::{CHECKPOINT, LogVerifiers, Published, PublishedError, TreeHead};
use jiff::Timestamp;
use jiff::civil::Date;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use std::collections::HashMap;
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

/// How much memory configs may take, roughly.
const HELD_BYTES: u64 = 128 << 20;

/// The memory that a byte of `config.json` takes once it is indexed, roughly.
const INDEXED: u64 = 6;

/// How many versions after one that closes it are tried, if those before them are damaged.
const DAMAGED: u64 = 64;

/// The configs that the log has.
#[derive(Debug)]
pub struct ConfigSet {
    source: Arc<Source>,
    known: RwLock<Known>,
    /// Locked during a reading.
    reading: Mutex<Reading>,
    /// When the log was last checked for news.
    looked: std::sync::Mutex<Option<Instant>>,
    /// Locked while a version is read.
    loading: Mutex<()>,
    failed: std::sync::Mutex<Failed>,
}

/// What the last readings found. Cloning is cheap.
#[derive(Debug, Clone)]
struct Known {
    head: TreeHead,
    definitions: Arc<KnownDefinitions>,
    /// Changes whenever the others do.
    generation: u64,
    /// The newest commit of the configs that were read, and of the definitions.
    last_commit: Option<KnownTime>,
}

/// When the last reading began, and whether it failed.
#[derive(Debug, Clone, Copy)]
struct Reading {
    began: Instant,
    failed: bool,
}

/// The versions that could not be read a moment ago, and when.
#[derive(Debug, Default)]
struct Failed {
    versions: HashMap<ModuleVersion, Instant>,
    /// When that was logged last.
    logged: Option<Instant>,
}

#[derive(Debug)]
struct Source {
    keys: LogVerifiers,
    versions: Versions,
    store: Arc<dyn Store>,
    held: Cache<ModuleVersion, Held, ByBytes>,
}

/// A version in memory.
#[derive(Debug, Clone)]
struct Held {
    /// As of what was known then.
    config: LoggedConfig,
    bytes: u64,
    /// The [`Known`] from which it follows until when its reports are accepted, and whose functions they may name;
    /// `None` if that was not asked.
    generation: Option<u64>,
    /// Something that decides this could not be read, so it is read again from then on.
    until: Option<Instant>,
}

impl Held {
    fn is_current(&self, known: &Known) -> bool {
        self.generation == Some(known.generation)
            && self.until.is_none_or(|until| Instant::now() < until)
    }
}

#[derive(Debug, Clone)]
struct ByBytes;

impl Weighter<ModuleVersion, Held> for ByBytes {
    fn weight(&self, _: &ModuleVersion, held: &Held) -> u64 {
        // However large one is, it is held until others are asked for.
        held.bytes.min(HELD_BYTES / 4)
    }
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
    /// The configs of `module` in the log that is published in `store` and signed with `keys`. Reads the newest
    /// one, and what the definitions say. Blocks. A damaged version is reported when it is read: only reports that
    /// name it wait until it is restored.
    pub fn open(
        module: ModulePath,
        keys: LogVerifiers,
        store: Arc<dyn Store>,
    ) -> Result<ConfigSet, ConfigSetError> {
        let versions = Versions::new(module, store.clone());
        // In one part, so that a large config fits.
        let options = OptionsBuilder::new()
            .estimated_items_capacity(1024)
            .weight_capacity(HELD_BYTES)
            .shards(1)
            .build();
        let options = options.map_err(|_| ConfigSetError::Unreadable)?;
        let held = Cache::with_options(
            options,
            ByBytes,
            DefaultHashBuilder::default(),
            DefaultLifecycle::default(),
        );
        let source = Source { keys, versions, store, held };
        let empty = Known {
            head: TreeHead::EMPTY,
            definitions: Arc::default(),
            generation: 0,
            last_commit: None,
        };
        let known = source.read(empty)?;
        let reading = Mutex::new(Reading { began: Instant::now(), failed: false });
        let looked = std::sync::Mutex::new(Some(Instant::now()));
        let (source, known) = (Arc::new(source), RwLock::new(known));
        let (loading, failed) = Default::default();
        Ok(ConfigSet { source, known, reading, looked, loading, failed })
    }

    /// How many versions the log had at the last reading.
    pub fn size(&self) -> u64 {
        self.known.read().unwrap_or_else(PoisonError::into_inner).head.size.get()
    }

    /// The newest commit of the configs that were read, and of the newest definitions.
    pub fn last_commit(&self) -> Option<KnownTime> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).last_commit
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
        if version.number() > self.size() {
            self.refresh().await?;
        }
        if version.number() > self.size() {
            return Ok(None);
        }
        match self.current(version) {
            Some(config) => Ok(Some(config)),
            None => self.load(version).await.map(Some),
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
            let (source, known) = (self.source.clone(), self.known());
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

    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A config that is held, as of what is known.
    fn current(&self, version: ModuleVersion) -> Option<LoggedConfig> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let held = self.source.held.get(&version)?;
        held.is_current(&known).then_some(held.config)
    }

    /// Reads a version that the log has. One that cannot be read is read again after [`INTERVAL`], however many
    /// callers ask for it.
    async fn load(&self, version: ModuleVersion) -> Result<LoggedConfig, ConfigSetError> {
        if let Some(failed) = self.failed_at(version) {
            sleep_until(failed + INTERVAL).await;
        }
        let _turn = self.loading.lock().await;
        if let Some(config) = self.current(version) {
            return Ok(config);
        }
        if self.failed_at(version).is_some_and(|failed| failed.elapsed() < INTERVAL) {
            return Err(ConfigSetError::Unreadable);
        }
        let (source, known) = (self.source.clone(), self.known());
        let read = spawn_blocking(move || source.logged(version, &known)).await;
        match read.unwrap_or(Err(ConfigSetError::Unreadable)) {
            Ok(config) => {
                let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                known.last_commit = later(known.last_commit, committed(&config));
                Ok(config)
            }
            Err(error) => {
                self.note_failure(version, &error);
                Err(ConfigSetError::Unreadable)
            }
        }
    }

    fn failed_at(&self, version: ModuleVersion) -> Option<Instant> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.versions.get(&version).copied()
    }

    fn note_failure(&self, version: ModuleVersion, error: &ConfigSetError) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        failed.versions.retain(|_, at| now.duration_since(*at) < INTERVAL);
        failed.versions.insert(version, now);
        // A store that lost many versions is not logged once for each.
        if failed.logged.is_none_or(|logged| now.duration_since(logged) >= INTERVAL) {
            failed.logged = Some(now);
            tracing::error!(%error, "reports that name {version} cannot be accepted");
        }
    }
}

fn committed(config: &LoggedConfig) -> Option<KnownTime> {
    Some(KnownTime::Commit { config: config.version(), time: config.committed? })
}

fn later(one: Option<KnownTime>, other: Option<KnownTime>) -> Option<KnownTime> {
    [one, other].into_iter().flatten().max_by_key(|known| known.time())
}

impl Source {
    /// What the log has now.
    fn read(&self, mut known: Known) -> Result<Known, ConfigSetError> {
        let checkpoint = self.store.pointer(&Key::new(CHECKPOINT)?)?;
        let checkpoint = checkpoint.ok_or(ConfigSetError::NoLog)?;
        let head = Published::open(&checkpoint, &self.keys)?.head();
        let (size, before) = (head.size.get(), known.head.size.get());
        if size < before {
            return Err(ConfigSetError::WentBack { known: before, found: size });
        }
        known.head = head;
        let Ok(newest) = ModuleVersion::new(size) else { return Ok(known) };
        let definitions = known.definitions.read(&self.store)?;
        if size > before || definitions.is_some() {
            known.generation += 1;
        }
        if let Some(definitions) = definitions {
            let commits = definitions.commits.iter().filter_map(|(version, time)| {
                let time = Timestamp::from_second(*time).ok()?;
                Some(KnownTime::Commit { config: *version, time })
            });
            known.last_commit =
                commits.fold(known.last_commit, |last, commit| later(last, Some(commit)));
            known.definitions = Arc::new(definitions);
        }
        if size > before {
            match self.logged(newest, &known) {
                Ok(config) => known.last_commit = later(known.last_commit, committed(&config)),
                Err(error) => {
                    tracing::error!(%error, "reports that name {newest} cannot be accepted");
                }
            }
        }
        Ok(known)
    }

    /// A version that the log has, and until when its reports are accepted, and whose functions they may name.
    fn logged(
        &self,
        version: ModuleVersion,
        known: &Known,
    ) -> Result<LoggedConfig, ConfigSetError> {
        let mut held = self.indexed(version, known)?;
        let config = &mut held.config;
        let (next, is_sure) = self.next_day(version, known);
        let mut is_whole = is_sure;
        config.last_day = config.as_of.and_then(|day| next.map(|next| last_day(day, next)));
        config.is_revoked = known.definitions.is_revoked(version);
        config.naming = Naming::Unknown;
        // No correct clock shows an earlier day than that of the newest config.
        let newest = ModuleVersion::new(known.head.size.get()).ok();
        let newest = newest.and_then(|newest| self.held.get(&newest)?.config.as_of);
        let is_closed = config.last_day.is_some_and(|last| newest.is_some_and(|now| last < now));
        if !is_closed && !config.is_revoked && config.allowed().has_stacks() {
            match known.definitions.naming(&self.store, version) {
                Ok(naming) => config.naming = naming,
                Err(error @ CatalogueError::Store(_)) => return Err(error.into()),
                Err(error) => {
                    is_whole = false;
                    tracing::error!(%error, "reports with stacks that name {version} cannot be \
                        accepted");
                }
            }
        }
        held.generation = Some(known.generation);
        held.until = (!is_whole).then(|| Instant::now() + FOLLOW);
        self.held.insert(version, held.clone());
        Ok(held.config)
    }

    /// The day of the next version that can be read, `None` if there is none; and whether it is the next one.
    fn next_day(&self, version: ModuleVersion, known: &Known) -> (Option<Date>, bool) {
        let newest = known.head.size.get();
        let after = version.number() + 1..=newest.min(version.number() + DAMAGED);
        for next in after.filter_map(|number| ModuleVersion::new(number).ok()) {
            // What cannot be read is said when a report names it.
            if let Ok(held) = self.indexed(next, known) {
                return (held.config.as_of, next.number() == version.number() + 1);
            }
        }
        (None, version.number() == newest)
    }

    /// A version that the log has: as it is held, or read.
    fn indexed(&self, version: ModuleVersion, known: &Known) -> Result<Held, ConfigSetError> {
        if let Some(held) = self.held.get(&version) {
            return Ok(held);
        }
        let module = self.versions.module(known.head, version)?;
        let config = CollectionConfig::from_json(module.config())
            .map_err(|source| ConfigSetError::Config { version, source })?;
        let mut allowed = Allowed::new(&config);
        let newest = ModuleVersion::new(known.head.size.get()).ok();
        for other in version.next().ok().into_iter().chain(newest) {
            if let Some(held) = self.held.get(&other) {
                allowed.share(held.config.allowed());
            }
        }
        let mut logged = LoggedConfig::indexed(version, allowed);
        // A commit's time is between 1970 and 9999, so this does not fail.
        logged.committed = Timestamp::from_second(module.provenance().time.unix_seconds()).ok();
        logged.as_of = Some(module.provenance().as_of.civil());
        let bytes = 1024 + module.config().len() as u64 * INDEXED;
        let held = Held { config: logged, bytes, generation: None, until: None };
        self.held.insert(version, held.clone());
        Ok(held)
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

    /// The log with the zip of its first version damaged, and that zip.
    fn damage_first(log: &Log) -> (crate::store::Key, Vec<u8>) {
        let mut damaged = log.store.snapshot();
        log.append(&config(0.5));
        let first = damaged.objects.iter().find(|(key, _)| key.as_str().ends_with(".zip"));
        let (key, bytes) = first.map(|(key, bytes)| (key.clone(), bytes.clone())).expect("a zip");
        for number in [0.25, 0.125] {
            log.append(&config(number));
        }
        damaged = log.store.snapshot();
        damaged.objects.insert(key.clone(), vec![0]);
        log.store.restore(&damaged);
        (key, bytes)
    }

    #[tokio::test]
    async fn a_damaged_old_version_is_noticed_when_it_is_asked_for_and_not_at_the_start() {
        let log = Log::new();
        log.append(&config(1.0));
        let (key, bytes) = damage_first(&log);
        let configs = log.configs();
        for number in 2..=4 {
            assert!(configs.find(version(number)).await.expect("read").is_some());
        }
        assert!(matches!(configs.find(version(1)).await, Err(ConfigSetError::Unreadable)));
        let mut mended = log.store.snapshot();
        mended.objects.insert(key, bytes);
        log.store.restore(&mended);
        let first = configs.find(version(1)).await.expect("mended").expect("logged");
        assert_eq!(first.allowed().sample_rate().get(), 1.0);
    }

    #[tokio::test]
    async fn asking_for_a_damaged_version_reads_the_store_seldom() {
        let log = Log::new();
        log.append(&config(1.0));
        damage_first(&log);
        let configs = Arc::new(log.configs());
        log.store.restart();
        let began = Instant::now();
        let ask = |_| {
            let configs = configs.clone();
            tokio::spawn(async move { configs.find(version(1)).await })
        };
        for asked in (0..200).map(ask).collect::<Vec<_>>() {
            let answer = asked.await.expect("no panic");
            assert!(matches!(answer, Err(ConfigSetError::Unreadable)));
        }
        let readings = began.elapsed().as_millis() / INTERVAL.as_millis() + 1;
        // The bundle, its tile, and the zip.
        let most = 4 * readings;
        let operations = u128::from(log.store.operations());
        assert!(operations <= most, "{operations} operations, {readings} readings at most");
    }

    #[tokio::test]
    async fn starting_reads_as_much_of_a_long_log_as_of_a_short_one() {
        let operations = |versions: u32| {
            let log = Log::new();
            for number in 1..=versions {
                log.append(&config(1.0 / f64::from(number)));
            }
            log.store.restart();
            let configs = log.configs();
            assert_eq!(configs.size(), u64::from(versions));
            (log.store.operations(), log, configs)
        };
        let (few, ..) = operations(2);
        let (many, log, configs) = operations(40);
        assert_eq!(few, many);
        // What was asked for once is held, and as long as nothing is published, nothing is read for it.
        for _ in 0..2 {
            for number in 1..=40 {
                let found = configs.find(version(number)).await.expect("read").expect("logged");
                assert_eq!(found.version(), version(number));
                assert_eq!(found.last_day.is_some(), number < 40);
            }
            log.store.inject(Fault::PowerCutBefore(0));
        }
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
