//! The configs that reports name, from the log.

use crate::collection::CollectionConfig;
use crate::gomod::{ModulePath, ModuleVersion};
use crate::ingest::ConfigSetError;
use crate::publish::{VersionError, Versions};
use crate::store::{Key, Store};
use crate::tlog::{CHECKPOINT, LogVerifiers, Published};
use std::sync::Arc;

/// The configs of one module in its log, read on demand.
///
/// A version is read once for each week that names it. Unlike in the receiver, that is rare.
#[derive(Debug)]
pub struct LoggedConfigs {
    versions: Versions,
    keys: LogVerifiers,
    store: Arc<dyn Store>,
}

impl LoggedConfigs {
    /// The configs of `module` in the log that is published in `store` and signed with `keys`.
    pub fn new(module: ModulePath, keys: LogVerifiers, store: Arc<dyn Store>) -> LoggedConfigs {
        LoggedConfigs { versions: Versions::new(module, store.clone()), keys, store }
    }

    /// The config of a version.
    pub fn find(&self, version: ModuleVersion) -> Result<CollectionConfig, ConfigSetError> {
        let checkpoint = self.store.pointer(&Key::new(CHECKPOINT)?)?;
        let checkpoint = checkpoint.ok_or(ConfigSetError::NoLog)?;
        let head = Published::open(&checkpoint, &self.keys)?.head();
        if version.number() > head.size.get() {
            return Err(VersionError::Unknown { version, size: head.size }.into());
        }
        let module = self.versions.module(head, version)?;
        CollectionConfig::from_json(module.config())
            .map_err(|source| ConfigSetError::Config { version, source })
    }
}
