//! The newest version, whole and proved, in one answer: what a machine needs that has seen nothing of the log.
//!
//! It is the zip with the proof that is served beside it ([`ProvedFile`]), under one name that stands for the
//! newest. It states the same checkpoint as `checkpoint` does, and may be cached for as long as that.

use super::proof;
use super::refusal::Refusal;
use super::representation::{Content, Representation};
use super::site::Site;
use crate::tlog::{Protocol, ProvedFile};
use std::sync::Arc;

/// The largest zip that is answered so. Another copy of a larger one is not worth its memory; clients then
/// download it from the module proxy.
const LARGEST: u64 = 4 << 20;

/// The answer.
pub(super) async fn get(site: &Site) -> Result<Arc<Representation>, Refusal> {
    let head = site.head().await?;
    let newest = head.newest();
    let version =
        newest.ok_or_else(|| Refusal::not_found("not found: nothing was published yet"))?;
    // Cosignatures may change while the tree does not.
    let key = format!("newest {}", head.signed(Protocol::TlogTiles));
    let gathered = site.clone();
    let load = async move {
        let files = gathered.version(version).await?;
        if files.zip.length() > LARGEST {
            return Err(Refusal::not_found(
                "not found: it is too large; ask the module proxy for it",
            ));
        }
        let proof = proof::of_version(&gathered, &head, version).await?;
        Ok((proof, files))
    };
    let encode = |_: &Site, (proof, files): (_, Arc<super::source::LoadedVersion>)| {
        ProvedFile::encode(&proof, files.zip.bytes())
    };
    site.cached(key, Content::ProvedFile, load, encode).await
}
