//! What the reviewed definitions say of the logged configs: which are revoked, and whose functions
//! their stacks may name.
//!
//! The newest catalogue says which versions are revoked. The packages of a version's charts are those
//! of the last catalogue that was recorded for it or, if it brought nothing new, for an earlier one: a
//! change of `packages` alone makes no new version, and applies as soon as it is published. Versions
//! that are closed by any clock are left out, so a server that has run for years only reads the
//! definitions of the last weeks when it starts.

use super::logged_config::{LoggedConfig, Naming, StackPackages};
use crate::gomod::ModuleVersion;
use crate::publish::{CatalogueEntry, CatalogueError, Catalogues, last_days};
use crate::store::Store;
use jiff::civil::Date;
use std::collections::HashMap;
use std::sync::Arc;

/// What the last reading found.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownDefinitions {
    /// The bytes of the catalogue index.
    index: Option<Arc<Vec<u8>>>,
    /// The packages of the catalogues in use, by their objects' names.
    packages: HashMap<String, Arc<StackPackages>>,
}

impl KnownDefinitions {
    /// Reads the catalogues if their index has changed or `is_longer` says that there are more configs,
    /// and applies them to `configs`, which are versions 1, 2, ...
    pub(super) fn update(
        &mut self,
        store: &Arc<dyn Store>,
        configs: &mut [Option<LoggedConfig>],
        is_longer: bool,
    ) -> Result<(), CatalogueError> {
        if configs.is_empty() {
            return Ok(());
        }
        let catalogues = Catalogues::new(store.clone());
        let last = if is_longer { None } else { self.index.as_ref() };
        let Some((recorded, index)) =
            catalogues.recorded_since(last.map(|last| last.as_slice()))?
        else {
            return Ok(());
        };
        let days: Vec<Option<Date>> =
            configs.iter().map(|config| config.as_ref().and_then(|config| config.as_of)).collect();
        // No correct clock shows an earlier day.
        let earliest = days.iter().flatten().max().copied().unwrap_or(Date::MIN);
        let last_days = last_days(&days);
        let may_be_open = |last: &Option<Date>| last.is_none_or(|last| earliest <= last);

        let newest = recorded.newest_first().next().ok_or(CatalogueError::NoneRecorded)??;
        let revoked = catalogues.read(&newest)?.retention.revoked;
        let mut reading =
            Reading { catalogues: &catalogues, before: &self.packages, found: HashMap::new() };
        let mut entries = recorded.newest_first().peekable();
        let mut is_whole = true;
        for (config, last_day) in configs.iter_mut().zip(last_days).rev() {
            let Some(config) = config else { continue };
            let version = config.version();
            config.last_day = last_day;
            config.is_revoked = revoked.contains(&version);
            config.naming = Naming::Unknown;
            if !may_be_open(&last_day) || !config.allowed().has_stacks() {
                continue;
            }
            // Entries and configs are both ordered by version.
            while entries
                .next_if(|entry| entry.as_ref().is_ok_and(|e| !is_of(e, version)))
                .is_some()
            {}
            let entry = match entries.peek() {
                None => continue,
                Some(Ok(entry)) => Ok(entry.clone()),
                Some(Err(_)) => match entries.next() {
                    Some(Err(error)) => Err(error),
                    _ => continue,
                },
            };
            match entry.and_then(|entry| reading.packages(&entry)) {
                Ok(found) => config.naming = Naming::Charts(found),
                Err(error @ CatalogueError::Store(_)) => return Err(error),
                Err(error) => {
                    is_whole = false;
                    tracing::error!(%error, "reports with stacks that name {version} cannot be \
                        accepted");
                }
            }
        }
        self.packages = reading.found;
        // Damaged catalogues are read again the next time, since they may have been restored.
        self.index = is_whole.then(|| Arc::new(index));
        Ok(())
    }
}

/// One reading of the catalogues.
struct Reading<'r> {
    catalogues: &'r Catalogues,
    /// What was read before.
    before: &'r HashMap<String, Arc<StackPackages>>,
    found: HashMap<String, Arc<StackPackages>>,
}

impl Reading<'_> {
    fn packages(&mut self, entry: &CatalogueEntry) -> Result<Arc<StackPackages>, CatalogueError> {
        let known = self.found.get(&entry.key).or_else(|| self.before.get(&entry.key));
        let packages = match known {
            Some(known) => known.clone(),
            None => Arc::new(StackPackages::new(&self.catalogues.read(entry)?)),
        };
        self.found.insert(entry.key.clone(), packages.clone());
        Ok(packages)
    }
}

/// Whether the catalogue of this entry applies to the config of this version.
fn is_of(entry: &CatalogueEntry, version: ModuleVersion) -> bool {
    entry.version.parse::<ModuleVersion>().is_ok_and(|of| of <= version)
}
