//! What this server shows besides the log: the public data, and the definitions behind the newest config.

use super::fresh::Fresh;
use super::refusal::Refusal;
use crate::aggregate::index::{FORMAT, Index};
use crate::aggregate::public::parse_index;
use crate::aggregate::{PublicData, PublicError};
use crate::gomod::ModuleVersion;
use crate::publish::{Catalogue, CatalogueError, Catalogues, Retirements, Revocation};
use crate::store::Store;
use sha2::{Digest, Sha256};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// An index, and a tag that identifies it.
#[derive(Debug)]
pub(super) struct ShownIndex {
    /// The index.
    pub(super) index: Index,
    /// The first bytes of the SHA-256 of its bytes: part of the key of every page made from it.
    pub(super) tag: u64,
}

/// The newest catalogue, if there is one, and the name of its object, which is its hash.
#[derive(Debug, Default)]
pub(super) struct ShownCatalogue {
    /// The name of the object; empty if there is none.
    pub(super) key: String,
    /// The definitions.
    pub(super) catalogue: Option<Catalogue>,
    /// The configs that they revoke, and since when.
    pub(super) revoked: Vec<Revocation>,
}

/// What is public besides the log.
#[derive(Debug)]
pub(super) struct Public {
    data: PublicData,
    catalogues: Catalogues,
    index: Fresh<ShownIndex>,
    catalogue: Fresh<ShownCatalogue>,
}

impl Public {
    /// What is public in `store`.
    pub(super) fn new(store: &Arc<dyn Store>) -> Public {
        Public {
            data: PublicData::new(store.clone()),
            catalogues: Catalogues::new(store.clone()),
            index: Fresh::new(),
            catalogue: Fresh::new(),
        }
    }

    /// The public data.
    pub(super) fn data(&self) -> &PublicData {
        &self.data
    }

    /// The current index.
    pub(super) async fn index(&self) -> Result<Arc<ShownIndex>, Refusal> {
        let data = self.data.clone();
        self.index.current(move |last| read_index(&data, last)).await
    }

    /// The newest catalogue of a log that has versions. If it cannot be read this fails, as pages made
    /// without it would be wrong.
    pub(super) async fn catalogue(&self) -> Result<Arc<ShownCatalogue>, Refusal> {
        let catalogues = self.catalogues.clone();
        self.catalogue.current(move |last| read_catalogue(&catalogues, last)).await
    }

    /// The charts that retired with these configs.
    pub(super) async fn retired(
        &self,
        versions: RangeInclusive<ModuleVersion>,
    ) -> Result<Retirements, Refusal> {
        let catalogues = self.catalogues.clone();
        blocking(move || catalogues.retired(versions)).await
    }

    /// The definitions behind a config, without what they revoke; none if they were not recorded.
    pub(super) async fn behind(
        &self,
        version: ModuleVersion,
    ) -> Result<Arc<ShownCatalogue>, Refusal> {
        let (catalogues, shown) = (self.catalogues.clone(), self.last_catalogue());
        let read = move || {
            let Some(entry) = catalogues.entry_behind(version)? else { return Ok(Arc::default()) };
            match shown {
                Some(shown) if shown.key == entry.key => Ok(shown),
                _ => {
                    let catalogue = catalogues.read_if_whole(&entry)?;
                    Ok(Arc::new(ShownCatalogue { key: entry.key, catalogue, revoked: Vec::new() }))
                }
            }
        };
        blocking(read).await
    }

    /// The catalogue that was read last, if one was.
    pub(super) fn last_catalogue(&self) -> Option<Arc<ShownCatalogue>> {
        self.catalogue.last_value()
    }
}

/// Reads catalogues on the blocking pool.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, CatalogueError> + Send + 'static,
) -> Result<T, Refusal> {
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(fault)) => {
            tracing::error!(%fault, "cannot read the store");
            Err(Refusal::of_store(&fault))
        }
        Err(_) => Err(Refusal::unavailable("reading was interrupted; try again")),
    }
}

fn read_index(
    data: &PublicData,
    last: Option<Arc<ShownIndex>>,
) -> Result<Arc<ShownIndex>, PublicError> {
    let bytes = data.index_bytes()?;
    let digest = Sha256::digest(bytes.as_deref().unwrap_or_default());
    let tag = digest.iter().take(8).fold(0, |tag, byte| tag << 8 | u64::from(*byte));
    match last {
        Some(last) if last.tag == tag => Ok(last),
        _ => {
            let index = match bytes.as_deref() {
                None => Index { format: FORMAT, ..Index::default() },
                Some(bytes) => parse_index(bytes)?,
            };
            Ok(Arc::new(ShownIndex { index, tag }))
        }
    }
}

fn read_catalogue(
    catalogues: &Catalogues,
    last: Option<Arc<ShownCatalogue>>,
) -> Result<Arc<ShownCatalogue>, CatalogueError> {
    let newest = catalogues.newest_entry()?.ok_or(CatalogueError::NoneRecorded)?;
    match last {
        Some(last) if last.key == newest.key => Ok(last),
        _ => {
            let catalogue = catalogues.read(&newest)?;
            // Here once, rather than for the first page that asks.
            catalogue.prepare();
            let catalogue = Some(catalogue);
            let revokes = |one: &Catalogue| !one.retention.revoked.is_empty();
            let revoked = match catalogue.as_ref().is_some_and(revokes) {
                true => catalogues.revoked()?,
                false => Vec::new(),
            };
            Ok(Arc::new(ShownCatalogue { key: newest.key, catalogue, revoked }))
        }
    }
}
