//! Publishing one commit of a charts repository.
//!
//! Compile, describe the definitions, settle the log, compare with the newest version, build the module,
//! store its zip under its hash and append its record. Only the append can lose a race, and the loser starts
//! over from the winner's head: with another version number, or nothing left to publish.
//!
//! Finally, whether or not the config changed, the catalogue of the commit is recorded: what charts and
//! pages show besides the config. After a crash, publishing the commit again records it.

use super::catalogue::Catalogue;
use super::catalogues::{CatalogueError, Catalogues};
use super::describe::describe;
use super::in_force::InForce;
use super::introduced::introduced;
use super::verify_store::verify_before_publishing;
use super::versions::{VersionError, Versions, zip_key};
use crate::charts::{self, Definitions, Diagnostics, RepositoryError, Revision};
use crate::collection;
use crate::day::{Day, date_of};
use crate::gomod::{
    CommitTime, Module, ModuleError, ModulePath, ModuleVersion, ObjectId, Provenance,
    RepositoryPath, RepositoryUrl, VersionError as ModuleVersionError,
};
use crate::store::{Store, StoreError};
use crate::tlog::{Appended, Log, LogError, Record, RecordError, TreeHead};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Publishes the configs of one module to one log.
#[derive(Debug)]
pub struct Publisher {
    path: ModulePath,
    store: Arc<dyn Store>,
    log: Log,
    versions: Versions,
    catalogues: Catalogues,
    /// The newest version, if this publisher completed its publication.
    completed: Mutex<Option<ModuleVersion>>,
}

/// The day, in UTC, for which a config is compiled, without what has expired by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompileDay {
    /// The day by the clock, which must not go backwards.
    Today(Date),
    /// A day that someone chose, and that everyone can see in the provenance.
    Chosen(Date),
}

impl CompileDay {
    /// The day at a time.
    pub fn at(now: Timestamp) -> CompileDay {
        CompileDay::Today(date_of(now))
    }

    /// The day.
    pub fn date(self) -> Date {
        match self {
            CompileDay::Today(date) | CompileDay::Chosen(date) => date,
        }
    }
}

/// A version that is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Publication {
    /// The module.
    pub module: String,
    /// The version.
    pub version: String,
    /// The commit that it was compiled from.
    pub commit: String,
    /// The `h1:` hash of its zip, as logged.
    pub sum: String,
    /// The `h1:` hash of its `go.mod`, as logged.
    pub go_mod_sum: String,
    /// The size of the published log.
    pub tree_size: u64,
    /// The root hash of the published log.
    pub root: String,
    /// Whether the commit's definitions revoke this version itself, so that no reports under it are
    /// accepted.
    pub revoked: bool,
    /// What the commit changed besides the config, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_force: Option<InForce>,
}

/// The result of publishing a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Outcome {
    /// A new version is in the log.
    Published(Publication),
    /// The commit compiles to the config of the newest version, which was in the log and not published:
    /// an earlier publisher was stopped, or got too few cosignatures.
    Completed(Publication),
    /// The commit compiles to the config of the newest version, so there is no new one. Its other changes
    /// are in force ([`Publication::in_force`]).
    Unchanged(Publication),
}

impl Outcome {
    /// The newest version.
    pub fn newest(&self) -> &Publication {
        match self {
            Outcome::Published(new) | Outcome::Completed(new) | Outcome::Unchanged(new) => new,
        }
    }

    fn newest_mut(&mut self) -> &mut Publication {
        match self {
            Outcome::Published(new) | Outcome::Completed(new) | Outcome::Unchanged(new) => new,
        }
    }
}

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The definitions have mistakes.
    #[error("{0}")]
    Charts(#[from] Diagnostics),
    /// The definitions are for another module.
    #[error(
        "collection.toml at commit {commit} says module = {found:?}, but this deployment publishes \
         {wanted}; one of the two must change"
    )]
    Module {
        /// The commit.
        commit: String,
        /// What the definitions say.
        found: String,
        /// What the deployment says.
        wanted: ModulePath,
    },
    /// The commit has a time or path that cannot be published.
    #[error("commit {commit}: {source}")]
    Provenance {
        /// The commit.
        commit: String,
        /// What is wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The clock shows a day before that of the newest version.
    #[error(
        "today is {today} by this machine's clock, and {newest} was compiled for {before}: \
         expired definitions would be collected again. Set the clock; or, if it was wrong then, \
         give the day with --as-of {today}"
    )]
    Backwards {
        /// The day by the clock.
        today: Date,
        /// The newest version.
        newest: ModuleVersion,
        /// The day for which that was compiled.
        before: Day,
    },
    /// A newer version was published in the meantime.
    #[error("{0} was published in the meantime, so nothing else was")]
    Overtaken(ModuleVersion),
    /// The log refused.
    #[error(transparent)]
    Log(Box<LogError>),
    /// The store differs from what was signed.
    #[error("the store is not what was signed: {}. Nothing was published", .0.join("; "))]
    Damaged(Vec<String>),
    /// A published version cannot be read.
    #[error("the store is not what was signed: {0}. Nothing was published")]
    Version(#[from] VersionError),
    /// The module could not be built.
    #[error(transparent)]
    Build(#[from] ModuleError),
    /// The record is too long for the log, because the module's path is.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// No version number is left.
    #[error(transparent)]
    Number(#[from] ModuleVersionError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The commits before this one could not be read.
    #[error(transparent)]
    History(#[from] RepositoryError),
    /// The catalogues of earlier commits could not be read, or this one's could not be recorded.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

impl From<LogError> for PublishError {
    fn from(error: LogError) -> PublishError {
        PublishError::Log(Box::new(error))
    }
}

impl PublishError {
    /// Whether the commit is at fault, so that the next one may still be published.
    pub fn is_of_the_commit(&self) -> bool {
        use PublishError::{Build, Charts, Module, Provenance};
        matches!(self, Charts(_) | Module { .. } | Provenance { .. } | Build(_))
    }
}

impl Publisher {
    /// A publisher of `path` to `log`, both in `store`.
    pub fn new(path: ModulePath, store: Arc<dyn Store>, log: Log) -> Publisher {
        Publisher {
            versions: Versions::new(path.clone(), store.clone()),
            catalogues: Catalogues::new(store.clone()),
            path,
            store,
            log,
            completed: Mutex::default(),
        }
    }

    /// Completes what an interrupted publisher left, and if there was one, verifies the whole store
    /// ([`verify_store`](super::verify_store())). Publishing itself checks only what it builds on,
    /// however many versions there are.
    pub fn begin(&self) -> Result<TreeHead, PublishError> {
        let was_interrupted = self.log.is_interrupted()?;
        let head = self.settle()?;
        if was_interrupted {
            let keys = self.log.verifiers();
            let verified = verify_before_publishing(&self.path, keys, &self.store)?;
            if !verified.problems.is_empty() {
                return Err(PublishError::Damaged(verified.problems));
            }
        }
        Ok(head)
    }

    /// Settles the log, and remembers whether that completed a publication.
    fn settle(&self) -> Result<TreeHead, PublishError> {
        let was_interrupted = self.log.is_interrupted()?;
        let head = self.log.settle()?;
        if let Some(newest) = Versions::newest(head).filter(|_| was_interrupted) {
            *self.completed.lock().unwrap_or_else(PoisonError::into_inner) = Some(newest);
        }
        Ok(head)
    }

    /// The newest version, if this publisher completed its publication.
    pub fn completed(&self) -> Option<ModuleVersion> {
        *self.completed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest version, if there is one; its provenance says which commit was published last.
    pub fn newest(&self) -> Result<Option<Module>, PublishError> {
        let head = self.log.settle()?;
        Ok(match Versions::newest(head) {
            Some(version) => Some(self.versions.module(head, version)?),
            None => None,
        })
    }

    /// Whether something in the newest catalogue has expired by a day; `None` if there is no catalogue.
    pub(super) fn expires_by(&self, day: CompileDay) -> Result<Option<bool>, PublishError> {
        let newest = self.catalogues.newest()?;
        let expired = |last: Option<Date>| last.is_some_and(|last| last < day.date());
        Ok(newest.map(|newest| newest.charts.iter().any(|chart| expired(chart.expires))))
    }

    /// Publishes a commit's config as the next version, if it differs from the newest one, and
    /// records the commit's catalogue.
    pub fn publish(
        &self,
        revision: &Revision,
        repository: &RepositoryUrl,
        day: CompileDay,
    ) -> Result<Outcome, PublishError> {
        self.publish_after(revision, repository, day, None)
    }

    /// The same for the commit that a version was compiled from, on another day, and only while that
    /// version is the newest ([`PublishError::Overtaken`]): otherwise an older commit would be published
    /// over a newer one.
    pub fn publish_again(
        &self,
        revision: &Revision,
        repository: &RepositoryUrl,
        day: CompileDay,
        newest: ModuleVersion,
    ) -> Result<Outcome, PublishError> {
        self.publish_after(revision, repository, day, Some(newest))
    }

    fn publish_after(
        &self,
        revision: &Revision,
        repository: &RepositoryUrl,
        day: CompileDay,
        after: Option<ModuleVersion>,
    ) -> Result<Outcome, PublishError> {
        let definitions = charts::parse(&revision.sources)?;
        let module = &definitions.collection.module.value;
        if module != self.path.as_str() {
            return Err(PublishError::Module {
                commit: revision.commit.to_string(),
                found: module.clone(),
                wanted: self.path.clone(),
            });
        }
        let of_commit =
            |source| PublishError::Provenance { commit: revision.commit.to_string(), source };
        let as_of = day.date();
        let provenance = provenance(revision, repository, as_of).map_err(of_commit)?;
        let config = collection::compile(&definitions, as_of).to_json().into_bytes();
        // Before publishing, since it may fail: a version without its catalogue is incomplete.
        let catalogue = self.describe(&definitions, revision, repository, as_of)?;
        let (mut outcome, version) = self.publish_config(&config, &provenance, day, after)?;
        let before = self.catalogues.record(&catalogue, version)?;
        let in_force = before.map(|before| InForce::between(&before, &catalogue));
        let newest = outcome.newest_mut();
        newest.revoked = catalogue.retention.revoked.contains(&version);
        newest.in_force = in_force.filter(|in_force| !in_force.is_empty());
        Ok(outcome)
    }

    /// Records the catalogue of the newest version's commit, if a publisher died before doing so; does
    /// nothing for any other commit.
    pub fn complete(
        &self,
        revision: &Revision,
        repository: &RepositoryUrl,
    ) -> Result<(), PublishError> {
        match self.newest()? {
            Some(newest) if newest.provenance().commit.as_str() == revision.commit.as_str() => {
                let definitions = charts::parse(&revision.sources)?;
                let as_of = newest.provenance().as_of.civil();
                let catalogue = self.describe(&definitions, revision, repository, as_of)?;
                self.catalogues.record(&catalogue, newest.version())?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn describe(
        &self,
        definitions: &Definitions,
        revision: &Revision,
        repository: &RepositoryUrl,
        as_of: Date,
    ) -> Result<Catalogue, PublishError> {
        // The newest ones are enough: anything older is found in the history itself.
        let entries = self.catalogues.recorded()?.recent()?;
        let mut read: HashMap<String, Catalogue> = HashMap::new();
        let mut known = |commit: &str| {
            if let Some(catalogue) = read.get(commit) {
                return Ok::<_, PublishError>(Some(catalogue.clone()));
            }
            let entry = entries.iter().rev().find(|entry| entry.commit == commit);
            let found = entry.map(|entry| self.catalogues.read(entry)).transpose()?;
            if let Some(catalogue) = &found {
                read.insert(commit.to_owned(), catalogue.clone());
            }
            Ok(found)
        };
        let mut catalogue = describe(definitions, revision, repository, as_of, &mut known)?;
        catalogue.introduced = introduced(definitions, revision, as_of, &mut known)?;
        Ok(catalogue)
    }

    /// Publishes a config unless it is that of the newest version; returns which version has it.
    fn publish_config(
        &self,
        config: &[u8],
        provenance: &Provenance,
        day: CompileDay,
        after: Option<ModuleVersion>,
    ) -> Result<(Outcome, ModuleVersion), PublishError> {
        loop {
            let head = self.settle()?;
            let version = match Versions::newest(head) {
                None => ModuleVersion::FIRST,
                Some(newest) if after.is_some_and(|after| after != newest) => {
                    return Err(PublishError::Overtaken(newest));
                }
                Some(newest) => {
                    let newest_module = self.versions.module(head, newest)?;
                    if newest_module.config() == config {
                        let publication = publication(&newest_module, head);
                        let mut completed = self.completed.lock();
                        let completed = completed.as_deref_mut().ok().and_then(Option::take);
                        let outcome = match completed == Some(newest) {
                            true => Outcome::Completed(publication),
                            false => Outcome::Unchanged(publication),
                        };
                        return Ok((outcome, newest));
                    }
                    let before = newest_module.provenance().as_of;
                    if let CompileDay::Today(today) = day
                        && provenance.as_of < before
                    {
                        return Err(PublishError::Backwards { today, newest, before });
                    }
                    newest.next()?
                }
            };
            let module =
                Module::build(self.path.clone(), version, config.to_vec(), provenance.clone())?;
            // A zip is reproducible, so storing it again is never a conflict.
            let key = zip_key(&module.zip_hash()).map_err(StoreError::from)?;
            let stored = vec![(key, module.zip().to_vec())];
            let (zip, go_mod) = (module.zip_hash(), module.go_mod_hash());
            let entry = Record::new(self.path.as_str(), version.to_string(), zip, go_mod)
                .and_then(|record| Ok(record.entry()?))?;
            match self.log.append_with(head, &[entry], stored)? {
                Appended::LostRace => continue,
                Appended::Committed(head) => {
                    return Ok((Outcome::Published(publication(&module, head)), version));
                }
            }
        }
    }
}

fn provenance(
    revision: &Revision,
    repository: &RepositoryUrl,
    as_of: Date,
) -> Result<Provenance, Box<dyn std::error::Error + Send + Sync>> {
    Ok(Provenance {
        repository: repository.clone(),
        commit: ObjectId::new(revision.commit.as_str())?,
        tree: ObjectId::new(revision.tree.as_str())?,
        path: RepositoryPath::new(revision.folder.as_str())?,
        as_of: as_of.try_into()?,
        time: CommitTime::from_unix_seconds(revision.time)?,
        program_version: concat!("candor ", env!("CARGO_PKG_VERSION")).to_owned(),
    })
}

fn publication(module: &Module, head: TreeHead) -> Publication {
    Publication {
        module: module.path().to_string(),
        version: module.version().to_string(),
        commit: module.provenance().commit.as_str().to_owned(),
        sum: module.zip_hash().to_string(),
        go_mod_sum: module.go_mod_hash().to_string(),
        tree_size: head.size.get(),
        root: head.root.to_string(),
        revoked: false,
        in_force: None,
    }
}
