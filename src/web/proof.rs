//! Inclusion proofs of entries: for pages, and as files.
//!
//! `VERSION.tlog-proof` beside a version's zip is a C2SP tlog-proof (<https://c2sp.org/tlog-proof>) of
//! the current checkpoint, with all its cosignatures. `candor verify` checks one offline.

use super::head::Head;
use super::refusal::Refusal;
use super::representation::{Content, Representation};
use super::site::Site;
use crate::count::entries;
use crate::gomod::ModuleVersion;
use crate::tlog::{Bundle, Entry, InclusionProof, LeafIndex, Protocol, TlogProof};
use std::sync::Arc;

/// An entry of the log with this head, and its inclusion proof.
pub(super) async fn proved(
    site: &Site,
    head: &Head,
    index: LeafIndex,
) -> Result<(Entry, InclusionProof), Refusal> {
    let tree = head.tree();
    let found = Bundle::of_leaf(index, tree.size);
    let (bundle, offset) = found.ok_or_else(|| {
        Refusal::not_found(format!("not found: the log has {}", entries(tree.size)))
    })?;
    let bundle = site.bundle_at(head, bundle).await?;
    let entry = bundle.entry(offset).cloned().ok_or_else(Refusal::damaged)?;
    let proof = site.inclusion(tree, index, entry.leaf_hash()).await?;
    Ok((entry, proof))
}

/// The file that proves a version.
pub(super) async fn file(
    site: &Site,
    version: ModuleVersion,
) -> Result<Arc<Representation>, Refusal> {
    let head = site.head_with_version(version).await?;
    // Cosignatures may change while the tree does not.
    let key = format!("{version}.tlog-proof {}", head.signed(Protocol::TlogTiles));
    let gathered = site.clone();
    let load = async move { of_version(&gathered, &head, version).await };
    site.cached(key, Content::Text, load, |_, proof| proof.to_string()).await
}

/// The proof of a version in the log with this head.
pub(super) async fn of_version(
    site: &Site,
    head: &Head,
    version: ModuleVersion,
) -> Result<TlogProof, Refusal> {
    let index = LeafIndex::new(version.leaf_index()).map_err(|_| site.unknown_version(version))?;
    let checkpoint = head.signed(Protocol::TlogTiles).to_owned();
    let (_, inclusion) = proved(site, head, index).await?;
    Ok(TlogProof { extra: None, index, inclusion, checkpoint })
}
