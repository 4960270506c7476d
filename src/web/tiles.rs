//! `/log/`: the log by C2SP tlog-tiles (<https://c2sp.org/tlog-tiles>).
//!
//! | path | answer |
//! | --- | --- |
//! | `checkpoint` | the signed tree head, with cosignatures if there are witnesses |
//! | `newest` | not of that specification: the newest version's zip with its proof (`newest`) |
//! | `policy` | which log and witnesses to trust (C2SP tlog-policy), to be kept by those who verify |
//! | `tile/L/N[.p/W]` | a hash tile |
//! | `tile/entries/N[.p/W]` | an entry bundle |

use super::address::Address;
use super::newest;
use super::refusal::Refusal;
use super::representation::Lifetime::{Immutable, Minutes, Seconds};
use super::site::Site;
use crate::tlog::{Bundle, Tile};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

pub(super) async fn get(
    State(site): State<Site>,
    address: Address,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let path = address.below("/log/");
    if path == "checkpoint" {
        return Ok(site.head().await?.checkpoint.respond(&headers, Seconds));
    }
    if path == "newest" {
        return Ok(newest::get(&site).await?.respond(&headers, Seconds));
    }
    if path == "policy" {
        return Ok(site.policy().served.respond(&headers, Minutes));
    }
    let malformed = |error| Refusal::bad_request(format!("bad request: {error}"));
    if path.starts_with("tile/entries/") {
        let bundle = Bundle::parse_path(path).map_err(malformed)?;
        return Ok(site.bundle(bundle).await?.entries.respond(&headers, Immutable));
    }
    if path.starts_with("tile/") {
        let tile = Tile::parse_path(path).map_err(malformed)?;
        return Ok(site.tile(tile).await?.respond(&headers, Immutable));
    }
    Err(Refusal::not_found("not found: a log has checkpoint, policy, tile/ and tile/entries/"))
}
