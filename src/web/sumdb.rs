//! The checksum database, for one module.
//!
//! The `go` command's protocol: <https://go.dev/design/25530-sumdb#checksum-database>, and
//! golang.org/x/mod/sumdb for its details. It is served at the root of the host, where clients look if they
//! only have the key; below `/sumdb/`, for those who were given that URL; and below the module proxy's
//! `sumdb/HOST/` (`goproxy`).
//!
//! | path | answer |
//! | --- | --- |
//! | `latest` | the signed tree head |
//! | `lookup/MODULE@VERSION` | the record's number, the record, and a signed tree head that includes it |
//! | `tile/8/L/N[.p/W]` | a hash tile |
//! | `tile/8/data/N[.p/W]` | the records of a tile of level 0 |
//! | `supported` (not at the root) | an empty 200 |

use super::address::Address;
use super::refusal::Refusal;
use super::representation::Lifetime::{Immutable, Seconds};
use super::representation::{Content, Representation};
use super::site::Site;
use crate::gomod::{ModuleVersion, unescape_version};
use crate::tlog::{Bundle, LeafIndex, Protocol, Tile};
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// The part of the database at the root of the host. There is nothing below `/latest`.
pub(super) fn routes_at_root() -> Router<Site> {
    Router::new()
        .route("/latest", get(at_root))
        .route("/lookup/{*path}", get(at_root))
        .route("/tile/{*path}", get(at_root))
}

/// Everything below `/sumdb/`.
pub(super) async fn below_sumdb(
    State(site): State<Site>,
    address: Address,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    answer(&site, address.below("/sumdb/"), &headers).await
}

async fn at_root(
    State(site): State<Site>,
    address: Address,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    answer(&site, address.below("/"), &headers).await
}

/// The answer for a path below the database's own.
pub(super) async fn answer(
    site: &Site,
    path: &str,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    if path == "supported" {
        // The body does not matter.
        return Ok(().into_response());
    }
    if path == "latest" {
        return Ok(site.head().await?.latest.respond(headers, Seconds));
    }
    if let Some(wanted) = path.strip_prefix("lookup/") {
        return lookup(site, wanted, headers).await;
    }
    let malformed = |error| Refusal::bad_request(format!("bad request: {error}"));
    if path.starts_with("tile/8/data/") {
        let bundle = Bundle::parse_sumdb_path(path).map_err(malformed)?;
        return Ok(site.bundle(bundle).await?.data.respond(headers, Immutable));
    }
    if path.starts_with("tile/") {
        let tile = Tile::parse_sumdb_path(path).map_err(malformed)?;
        return Ok(site.tile(tile).await?.respond(headers, Immutable));
    }
    Err(Refusal::not_found("not found: a checksum database has latest, lookup/ and tile/8/"))
}

async fn lookup(site: &Site, wanted: &str, headers: &HeaderMap) -> Result<Response, Refusal> {
    let Some((module, version)) = wanted.split_once('@') else {
        return Err(Refusal::bad_request("bad request: look up MODULE@VERSION"));
    };
    let version = unescape_version(version)
        .map_err(|error| Refusal::bad_request(format!("bad request: {error}")))?;
    if module != site.module().escape() {
        let only = site.module();
        return Err(Refusal::not_found(format!(
            "not found: this database only has records of {only}"
        )));
    }
    let Ok(version) = version.parse::<ModuleVersion>() else {
        return Err(site.unknown_version(version));
    };
    let head = site.head_with_version(version).await?;
    let found = LeafIndex::new(version.leaf_index())
        .ok()
        .and_then(|index| Some((index, Bundle::of_leaf(index, head.tree().size)?)));
    let Some((index, (bundle, offset))) = found else {
        return Err(site.unknown_version(version));
    };
    let bundle = site.bundle_at(&head, bundle).await?;
    match bundle.lookup(index, offset, head.signed(Protocol::Sumdb)) {
        // A few hundred bytes that change with every head: not worth caching.
        Some(body) => Ok(Representation::new(body, Content::Text).respond(headers, Seconds)),
        None => Err(Refusal::damaged()),
    }
}
