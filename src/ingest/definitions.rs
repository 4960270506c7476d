//! What the reviewed definitions say of the logged configs: which are revoked, and whose functions
//! their stacks may name.
//!
//! The newest catalogue says which versions are revoked. The packages of a version's charts are those
//! of the last catalogue that was recorded for it or, if it brought nothing new, for an earlier one: a
//! change of `packages` alone makes no new version, and applies as soon as it is published. They are read
//! when a report names the version.

use super::logged_config::{Naming, StackPackages};
use crate::gomod::ModuleVersion;
use crate::publish::{CatalogueError, Catalogues};
use crate::store::Store;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// For how many catalogues the packages are held in memory. Usually one or two are in use.
const HELD: usize = 64;

/// What the last reading found.
#[derive(Debug, Default)]
pub(super) struct KnownDefinitions {
    /// The bytes of the catalogue index.
    index: Vec<u8>,
    revoked: HashSet<ModuleVersion>,
    /// Versions and times, in seconds since 1970, of the newest commits.
    pub(super) commits: Vec<(ModuleVersion, i64)>,
    /// The packages of the catalogues in use, by their objects' names.
    packages: Arc<Mutex<HashMap<String, Arc<StackPackages>>>>,
}

impl KnownDefinitions {
    /// Reads what the newest catalogue says; `None` if the index has not changed.
    pub(super) fn read(
        &self,
        store: &Arc<dyn Store>,
    ) -> Result<Option<KnownDefinitions>, CatalogueError> {
        let catalogues = Catalogues::new(store.clone());
        let last = Some(self.index.as_slice()).filter(|index| !index.is_empty());
        let Some((recorded, index)) = catalogues.recorded_since(last)? else { return Ok(None) };
        let newest = recorded.newest().ok_or(CatalogueError::NoneRecorded)?;
        let revoked = catalogues.read(newest)?.retention.revoked.into_iter().collect();
        let commits = recorded.newest_page().iter();
        let commits = commits.filter_map(|entry| Some((entry.version.parse().ok()?, entry.time)));
        let packages = self.packages.clone();
        Ok(Some(KnownDefinitions { index, revoked, commits: commits.collect(), packages }))
    }

    pub(super) fn is_revoked(&self, version: ModuleVersion) -> bool {
        self.revoked.contains(&version)
    }

    /// Whose functions the stacks under a config may name.
    pub(super) fn naming(
        &self,
        store: &Arc<dyn Store>,
        version: ModuleVersion,
    ) -> Result<Naming, CatalogueError> {
        let catalogues = Catalogues::new(store.clone());
        let Some(entry) = catalogues.recorded()?.behind(version)? else {
            return Ok(Naming::Unknown);
        };
        let held = || self.packages.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = held().get(&entry.key) {
            return Ok(Naming::Charts(known.clone()));
        }
        let packages = Arc::new(StackPackages::new(&catalogues.read(&entry)?));
        let mut held = held();
        if held.len() >= HELD {
            held.clear();
        }
        held.insert(entry.key, packages.clone());
        Ok(Naming::Charts(packages))
    }
}
