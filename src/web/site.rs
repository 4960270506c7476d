//! One deployment, ready to be served: its published head, and caches of what was read from its store.

use super::base_path::{BasePath, SiteAddress};
use super::cache::Cache;
use super::chart_cache::ChartCache;
use super::checked::Checked;
use super::damage::{Damage, StoredObject};
use super::head::{Head, Heads};
use super::operations::Operations;
use super::public::{Public, ShownCatalogue, ShownIndex};
use super::receiver_settings::{Budgets, ReceiverSettings};
use super::refusal::Refusal;
use super::representation::{Content, Representation};
use super::request_counts::RequestCounts;
use super::source::{Fault, LoadedBundle, LoadedConfig, LoadedVersion, Source};
use crate::aggregate::PublicData;
use crate::aggregate::index::PublicFile;
use crate::count::entries;
use crate::gomod::{ModulePath, ModuleVersion};
use crate::publish::{CatalogueProject, Retirements};
use crate::store::{Store, is_outage};
use crate::tlog::{
    Bundle, Hash, InclusionProof, LeafIndex, LogVerifiers, Policy, Protocol, Tile, TreeHead,
};
use jiff::civil::Date;
use maud::Markup;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::future::Future;
use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

// Together about a third of a gigabyte, once all of a large log has been read.
const TILE_BYTES: u64 = 32 << 20;
const BUNDLE_BYTES: u64 = 64 << 20;
const VERSION_BYTES: u64 = 160 << 20;
const CONFIG_BYTES: u64 = 64 << 20;
const PAGE_BYTES: u64 = 32 << 20;
/// The most pages that are rendered at once: more would not be ready sooner, and each takes memory.
const RENDERINGS: usize = 8;
/// How long a page waits until it can be rendered.
const RENDERING_PATIENCE: Duration = Duration::from_secs(8);

/// A deployment to serve. Shared by all requests; cloning is cheap.
#[derive(Debug, Clone)]
pub struct Site(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    module: ModulePath,
    keys: LogVerifiers,
    source: Arc<Source>,
    heads: Heads,
    tiles: Cache<Tile, Representation>,
    bundles: Cache<Bundle, LoadedBundle>,
    versions: Cache<ModuleVersion, LoadedVersion>,
    configs: Cache<ModuleVersion, LoadedConfig>,
    pages: Cache<PageKey, Representation>,
    charts: ChartCache,
    public: Public,
    checked: Checked,
    damage: Damage,
    request_counts: RequestCounts,
    rendering: Arc<Semaphore>,
    operations: OnceLock<Operations>,
    receiving: OnceLock<ReceiverSettings>,
    policy: RwLock<Option<Arc<ServedPolicy>>>,
    base_path: OnceLock<BasePath>,
}

/// A page's key in the cache: a hash of its name and of everything it depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct PageKey([u8; 16]);

impl PageKey {
    fn new(name: impl std::fmt::Display) -> PageKey {
        let mut key = [0; 16];
        let digest = Sha256::digest(name.to_string());
        key.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        PageKey(key)
    }
}

/// The policy by which clients can verify the log.
#[derive(Debug)]
pub(super) struct ServedPolicy {
    /// The policy as it is served.
    pub(super) served: Representation,
    /// The parsed policy, for pages; `None` if this program does not understand it.
    pub(super) policy: Option<Policy>,
}

impl ServedPolicy {
    fn read(text: Vec<u8>) -> ServedPolicy {
        let policy = Policy::parse(&text).ok();
        ServedPolicy { served: Representation::new(text, Content::Text), policy }
    }
}

/// A deployment that cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("nothing can be served: {0}")]
pub struct SiteError(Fault);

impl Site {
    /// The deployment of `module` in `store`, whose log is signed with `keys`. Reads the published head, so
    /// that a store that cannot be served is noticed at the start.
    pub async fn open(
        module: ModulePath,
        keys: LogVerifiers,
        store: Arc<dyn Store>,
    ) -> Result<Site, SiteError> {
        let public = Public::new(&store);
        let source = Arc::new(Source::new(module.clone(), keys.clone(), store));
        let site = Site(Arc::new(Parts {
            heads: Heads::new(source.clone()),
            module,
            keys,
            source,
            tiles: Cache::new(TILE_BYTES, 8 << 10),
            bundles: Cache::new(BUNDLE_BYTES, 100 << 10),
            versions: Cache::new(VERSION_BYTES, 50 << 10),
            configs: Cache::new(CONFIG_BYTES, 100 << 10),
            pages: Cache::new(PAGE_BYTES, 20 << 10),
            charts: ChartCache::default(),
            public,
            checked: Checked::default(),
            damage: Damage::default(),
            request_counts: RequestCounts::default(),
            rendering: Arc::new(Semaphore::new(RENDERINGS)),
            operations: OnceLock::new(),
            receiving: OnceLock::new(),
            policy: RwLock::default(),
            base_path: OnceLock::new(),
        }));
        site.0.heads.check().await.map_err(SiteError)?;
        Ok(site)
    }

    /// Sets what the process does besides serving, for health and metrics. Only the first call counts.
    pub fn set_operations(&self, operations: Operations) {
        // Only the first call counts.
        let _ = self.0.operations.set(operations);
    }

    /// What the process does besides serving, if it was set.
    pub(super) fn operations(&self) -> Option<&Operations> {
        self.0.operations.get()
    }

    /// Sets how this server accepts reports, for pages. Only the first call counts; without one, it accepts
    /// none.
    pub fn set_receiver_settings(&self, receiving: ReceiverSettings) {
        // Only the first call counts.
        let _ = self.0.receiving.set(receiving);
    }

    /// How this server accepts reports, if it does, with the current budgets.
    pub(super) fn receiving(&self) -> Option<ReceiverSettings> {
        let settings = self.0.receiving.get()?.clone();
        let admission = self.operations().and_then(|operations| operations.admission.as_ref());
        let budgets = admission
            .map(|admission| admission.budgets())
            .map(|budgets| Budgets { prefix: budgets.at_once(), day: budgets.day_reports });
        Some(ReceiverSettings { budgets: budgets.or(settings.budgets), ..settings })
    }

    /// Sets the path below which it is served, before it is. Only the first call counts.
    pub fn set_base_path(&self, base_path: BasePath) {
        let _ = self.0.base_path.set(base_path);
    }

    /// Its public address, to be followed by a path.
    pub(super) fn address(&self) -> SiteAddress {
        let base_path = self.0.base_path.get().cloned().unwrap_or_default();
        SiteAddress::new(self.keys().host.clone(), base_path)
    }

    /// Sets the policy by which clients can verify the log: a C2SP tlog-policy.
    pub fn set_policy(&self, policy: &[u8]) {
        let policy = ServedPolicy::read(policy.to_vec());
        *self.0.policy.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(policy));
    }

    /// That policy; one without witnesses if none was set.
    pub(super) fn policy(&self) -> Arc<ServedPolicy> {
        let policy = self.0.policy.read().unwrap_or_else(PoisonError::into_inner).clone();
        policy.unwrap_or_else(|| Arc::new(ServedPolicy::read(self.0.keys.policy().into_bytes())))
    }

    /// The objects that were found missing or damaged.
    pub(super) fn damage(&self) -> &Damage {
        &self.0.damage
    }

    /// Reads again some of the objects that were found missing or damaged.
    pub(super) async fn read_damaged_again(&self) {
        /// How many objects are read for each health check.
        const AT_ONCE: usize = 4;
        for object in self.damage().found().into_keys().take(AT_ONCE) {
            // The result is recorded on the way.
            match object {
                StoredObject::Tile(tile) => drop(self.tile(tile).await),
                StoredObject::Bundle(bundle) => drop(self.bundle(bundle).await),
                StoredObject::Version(version) => drop(self.version(version).await),
                StoredObject::Charts(week) => {
                    let data = self.public_data().clone();
                    let read =
                        move || data.index().and_then(|index| data.check_charts(&index, week));
                    let read = tokio::task::spawn_blocking(read).await;
                    // While the store is away nothing is known of it.
                    if let Ok(read) = read
                        && !read.as_ref().is_err_and(|error| is_outage(error))
                    {
                        let problem = read.err().map(|error| error.to_string());
                        self.damage().note(StoredObject::Charts(week), problem);
                    }
                }
                StoredObject::File(name) => {
                    let shown = self.index().await;
                    let file = shown.as_ref().ok().and_then(|shown| shown.index.file(&name));
                    match file {
                        Some(file) => drop(self.public_file(file).await),
                        // A merge has replaced it.
                        None => self.damage().note(StoredObject::File(name), None),
                    }
                }
            }
        }
    }

    /// The tree that is shown now, if there is one.
    pub(crate) fn shown_tree(&self) -> Option<TreeHead> {
        Some(self.heads().last()?.tree())
    }

    /// The head that is shown now, if there is one, and as it is signed.
    pub(crate) fn shown_head(&self, protocol: Protocol) -> Option<(TreeHead, String)> {
        let head = self.heads().last()?;
        Some((head.tree(), head.signed(protocol).to_owned()))
    }

    /// The newest week that has charts.
    pub(crate) async fn newest_charted_week(&self) -> Option<Date> {
        let shown = self.index().await.ok()?;
        let weeks = shown.index.weeks.iter().rev();
        weeks.into_iter().find(|(_, week)| week.charts.is_some()).map(|(date, _)| *date)
    }

    pub(super) fn module(&self) -> &ModulePath {
        &self.0.module
    }

    pub(super) fn keys(&self) -> &LogVerifiers {
        &self.0.keys
    }

    pub(super) fn request_counts(&self) -> &RequestCounts {
        &self.0.request_counts
    }

    pub(super) fn heads(&self) -> &Heads {
        &self.0.heads
    }

    /// The head that is shown now.
    pub(super) async fn head(&self) -> Result<Arc<Head>, Refusal> {
        self.head_with(|_| true).await
    }

    /// The head that is shown now; see [`Heads::current`].
    pub(super) async fn head_with(
        &self,
        suffices: impl Fn(&Head) -> bool,
    ) -> Result<Arc<Head>, Refusal> {
        let head = self.0.heads.current(suffices).await;
        head.map_err(|_| Refusal::unavailable("the log cannot be read at the moment; try again"))
    }

    /// A tile, if the log has it with this width or a larger one.
    pub(super) async fn tile(&self, tile: Tile) -> Result<Arc<Representation>, Refusal> {
        let has = |head: &Head| {
            Tile::for_size(tile.level(), tile.index(), head.tree().size)
                .is_some_and(|now| tile.width() <= now.width())
        };
        let head = self.head_with(has).await?;
        if !has(&head) {
            return Err(not_in_log(&head, &tile));
        }
        let (source, tree) = (self.0.source.clone(), head.tree());
        let loaded = self.0.tiles.get(tile, move || source.tile(tree, tile)).await;
        self.report(StoredObject::Tile(tile), loaded)
    }

    /// An entry bundle, if the log has it with this width or a larger one.
    pub(super) async fn bundle(&self, bundle: Bundle) -> Result<Arc<LoadedBundle>, Refusal> {
        let has = |head: &Head| {
            Bundle::for_size(bundle.index(), head.tree().size)
                .is_some_and(|now| bundle.width() <= now.width())
        };
        let head = self.head_with(has).await?;
        if !has(&head) {
            return Err(not_in_log(&head, &bundle));
        }
        self.bundle_at(&head, bundle).await
    }

    /// An entry bundle of the log with this head.
    pub(super) async fn bundle_at(
        &self,
        head: &Head,
        bundle: Bundle,
    ) -> Result<Arc<LoadedBundle>, Refusal> {
        let (source, tree) = (self.0.source.clone(), head.tree());
        let loaded = self.0.bundles.get(bundle, move || source.bundle(tree, bundle)).await;
        self.report(StoredObject::Bundle(bundle), loaded)
    }

    /// A head that has a version.
    pub(super) async fn head_with_version(
        &self,
        version: ModuleVersion,
    ) -> Result<Arc<Head>, Refusal> {
        let has = |head: &Head| head.newest().is_some_and(|newest| version <= newest);
        let head = self.head_with(has).await?;
        if has(&head) { Ok(head) } else { Err(self.unknown_version(version)) }
    }

    /// A version, if the log has it.
    pub(super) async fn version(
        &self,
        version: ModuleVersion,
    ) -> Result<Arc<LoadedVersion>, Refusal> {
        let head = self.head_with_version(version).await?;
        let (source, tree) = (self.0.source.clone(), head.tree());
        let loaded = self.0.versions.get(version, move || source.version(tree, version)).await;
        self.report(StoredObject::Version(version), loaded)
    }

    /// A version's config as pages show it, if the log has it.
    pub(super) async fn config(
        &self,
        version: ModuleVersion,
    ) -> Result<Arc<LoadedConfig>, Refusal> {
        let head = self.head_with_version(version).await?;
        let (source, tree) = (self.0.source.clone(), head.tree());
        let loaded = self.0.configs.get(version, move || source.config(tree, version)).await;
        self.report(StoredObject::Version(version), loaded)
    }

    /// The day for which a version was compiled, if the log has it. Takes less memory than its config.
    pub(super) async fn as_of(&self, version: ModuleVersion) -> Result<Date, Refusal> {
        if let Some(config) = self.0.configs.known(&version) {
            return Ok(config.provenance.as_of.civil());
        }
        let head = self.head_with_version(version).await?;
        let (source, tree) = (self.0.source.clone(), head.tree());
        let read = tokio::task::spawn_blocking(move || source.as_of(tree, version)).await;
        self.report(StoredObject::Version(version), read.unwrap_or(Err(Fault::Interrupted)))
    }

    /// The proof that an entry is in the log with this head.
    pub(super) async fn inclusion(
        &self,
        head: TreeHead,
        index: LeafIndex,
        leaf: Hash,
    ) -> Result<InclusionProof, Refusal> {
        let source = self.0.source.clone();
        let proof = tokio::task::spawn_blocking(move || source.inclusion(head, index, leaf)).await;
        let proof = proof.unwrap_or(Err(Fault::Interrupted));
        match Bundle::of_leaf(index, head.size) {
            Some((bundle, _)) => self.report(StoredObject::Bundle(bundle), proof),
            None => Err(Refusal::damaged()),
        }
    }

    /// The public data.
    pub(super) fn public_data(&self) -> &PublicData {
        self.0.public.data()
    }

    /// A public file, opened after its bytes were checked against the index.
    pub(super) async fn public_file(&self, file: &PublicFile) -> Result<File, Refusal> {
        let opened = self.0.checked.open(self.public_data(), file).await;
        let damaged = || {
            format!(
                "{} ({}) is missing or damaged; the server's log has the details",
                file.name, file.sha256
            )
        };
        match &opened {
            Ok(_) => self.note(StoredObject::File(file.name.clone()), None),
            Err(refusal) if refusal.is_damage() => {
                self.note(StoredObject::File(file.name.clone()), Some(damaged()));
            }
            // Nothing is known of it.
            Err(_) => {}
        }
        opened
    }

    /// Notes that the charts of a week are missing or damaged.
    pub(super) fn note_charts(&self, week: Date, problem: String) {
        self.note(StoredObject::Charts(week), Some(problem));
    }

    /// Logs what is wrong with the store for the operator; clients are only told that something is.
    fn report<T>(&self, object: StoredObject, loaded: Result<T, Fault>) -> Result<T, Refusal> {
        match loaded {
            Ok(loaded) => {
                self.note(object, None);
                Ok(loaded)
            }
            Err(fault) => {
                tracing::error!(%fault, "cannot serve what the log has");
                let refusal = Refusal::of_store(&fault);
                // Nothing is known to be wrong with the object while the store is away.
                if refusal.is_damage() {
                    self.note(object, Some(fault.to_string()));
                }
                Err(refusal)
            }
        }
    }

    fn note(&self, object: StoredObject, problem: Option<String>) {
        // Usually nothing was ever wrong, and the lock is not taken.
        if problem.is_some() || self.damage().times() > 0 {
            self.damage().note(object, problem);
        }
    }

    /// The cache of charts' outlines.
    pub(super) fn chart_cache(&self) -> &ChartCache {
        &self.0.charts
    }

    /// The current index of public data.
    pub(super) async fn index(&self) -> Result<Arc<ShownIndex>, Refusal> {
        self.0.public.index().await
    }

    /// The definitions behind the newest config of the log with this head; none if it has no config.
    pub(super) async fn catalogue(&self, head: &Head) -> Result<Arc<ShownCatalogue>, Refusal> {
        match head.newest() {
            Some(_) => self.0.public.catalogue().await,
            None => Ok(Arc::default()),
        }
    }

    /// The charts that retired with these configs.
    pub(super) async fn retired(
        &self,
        versions: RangeInclusive<ModuleVersion>,
    ) -> Result<Retirements, Refusal> {
        self.0.public.retired(versions).await
    }

    /// The definitions behind a config, without what they revoke; none if they were not recorded.
    pub(super) async fn behind(
        &self,
        version: ModuleVersion,
    ) -> Result<Arc<ShownCatalogue>, Refusal> {
        self.0.public.behind(version).await
    }

    /// The project whose telemetry this is, as far as its definitions were read and say so. What pages show of
    /// it is part of their keys.
    pub(super) fn project(&self) -> Option<CatalogueProject> {
        self.0.public.last_catalogue()?.catalogue.as_ref()?.project.clone()
    }

    /// The definitions that every page and feed depends on, because it names the project.
    async fn definitions_key(&self) -> String {
        // A page whose own content needs the definitions fails by itself; others are shown without the project.
        let Ok(head) = self.head().await else { return String::new() };
        self.catalogue(&head).await.map(|shown| shown.key.clone()).unwrap_or_default()
    }

    /// A page: what `load` gathers, rendered by `render` on the blocking pool, and cached under `key`, which
    /// must name the page and everything that it depends on.
    pub(super) async fn page<D: Send + 'static>(
        &self,
        key: impl std::fmt::Display,
        load: impl Future<Output = Result<D, Refusal>>,
        render: impl FnOnce(&Site, D) -> Markup + Send + 'static,
    ) -> Result<Arc<Representation>, Refusal> {
        self.cached(key, Content::Html, load, |site, data| render(site, data).into_string()).await
    }

    /// A page that was made before, by its key: so that nothing is loaded for it.
    pub(super) async fn made_page(
        &self,
        key: impl std::fmt::Display,
    ) -> Option<Arc<Representation>> {
        self.0.pages.known(&self.page_key(key, Content::Html).await)
    }

    async fn page_key(&self, key: impl std::fmt::Display, content: Content) -> PageKey {
        match content {
            Content::Html | Content::HtmlWithScript | Content::Atom => {
                PageKey::new(format_args!("{key} {}", self.definitions_key().await))
            }
            _ => PageKey::new(key),
        }
    }

    /// As [`Site::page`], for a page with the script (`content_policy`).
    pub(super) async fn page_with_script<D: Send + 'static>(
        &self,
        key: impl std::fmt::Display,
        load: impl Future<Output = Result<D, Refusal>>,
        render: impl FnOnce(&Site, D) -> Markup + Send + 'static,
    ) -> Result<Arc<Representation>, Refusal> {
        let draw = |site: &Site, data| render(site, data).into_string();
        self.cached(key, Content::HtmlWithScript, load, draw).await
    }

    /// As [`Site::page`], for any kind of content.
    pub(super) async fn cached<D: Send + 'static, B: Into<Vec<u8>>>(
        &self,
        key: impl std::fmt::Display,
        content: Content,
        load: impl Future<Output = Result<D, Refusal>>,
        render: impl FnOnce(&Site, D) -> B + Send + 'static,
    ) -> Result<Arc<Representation>, Refusal> {
        let key = self.page_key(key, content).await;
        let site = self.clone();
        let made = async move {
            let data = load.await?;
            let busy = || Refusal::unavailable("too many pages are being rendered; try again");
            let turn = timeout(RENDERING_PATIENCE, site.0.rendering.clone().acquire_owned()).await;
            let turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
            let draw = move || {
                let _turn = turn;
                Representation::new(render(&site, data).into(), content)
            };
            let drawn = tokio::task::spawn_blocking(draw).await;
            drawn.map_err(|_| Refusal::unavailable("the page cannot be rendered at the moment"))
        };
        self.0.pages.get_with(key, made).await
    }

    /// The refusal for a version that the log does not have.
    pub(super) fn unknown_version(&self, version: impl std::fmt::Display) -> Refusal {
        Refusal::not_found(format!("not found: {} has no version {version}", self.module()))
    }
}

fn not_in_log(head: &Head, object: &impl std::fmt::Display) -> Refusal {
    let size = head.tree().size;
    Refusal::not_found(format!("not found: the log has {}, and no {object}", entries(size)))
}
