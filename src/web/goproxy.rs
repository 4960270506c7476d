//! `/goproxy/`: the module proxy protocol, for one module.
//!
//! <https://go.dev/ref/mod#goproxy-protocol>. Any other module is answered with 404, after which the
//! `go` command asks the next proxy in its `GOPROXY` list; so a project can put its own deployment in
//! front of any other proxy. The versions are those in the log: 1 to the size of the tree.
//!
//! | path below `/goproxy/` | answer |
//! | --- | --- |
//! | `MODULE/@v/list` | all versions, one a line |
//! | `MODULE/@latest` | `.info` of the newest |
//! | `MODULE/@v/VERSION.info`, `.mod`, `.zip` | the version's zip, or what is in it |
//! | `MODULE/@v/VERSION.tlog-proof` | the proof that the log has the version, under the newest checkpoint |
//! | `sumdb/HOST/...` | the checksum database, for clients that only reach it through the proxy |

use super::address::Address;
use super::proof;
use super::refusal::Refusal;
use super::representation::Lifetime::{Immutable, Seconds};
use super::site::Site;
use super::sumdb;
use crate::gomod::unescape_version;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use tokio::task::spawn_blocking;

pub(super) async fn get(
    State(site): State<Site>,
    address: Address,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let path = address.below("/goproxy/");
    if let Some(path) = path.strip_prefix("sumdb/") {
        return database(&site, path, &headers).await;
    }
    let module = site.module();
    // Compared in escaped form, so that an unusual spelling is simply another module.
    let Some(request) =
        path.strip_prefix(&module.escape()).and_then(|rest| rest.strip_prefix("/@"))
    else {
        return Err(Refusal::not_found(format!("not found: this proxy serves only {module}")));
    };
    match request {
        "v/list" => {
            let head = site.head().await?;
            let list = spawn_blocking(move || head.list().clone()).await;
            let stopped = |_| Refusal::unavailable("making the list was interrupted; try again");
            Ok(list.map_err(stopped)?.respond(&headers, Seconds))
        }
        "latest" => {
            let Some(newest) = site.head().await?.newest() else {
                return Err(Refusal::not_found(format!("not found: {module} has no version yet")));
            };
            Ok(site.version(newest).await?.info.respond(&headers, Seconds))
        }
        _ => {
            let file = request.strip_prefix("v/").and_then(|file| file.rsplit_once('.'));
            let Some((version, suffix @ ("info" | "mod" | "zip" | "tlog-proof"))) = file else {
                return Err(Refusal::not_found(
                    "not found: a proxy has @latest, @v/list, and .info, .mod, .zip and .tlog-proof of \
                     versions",
                ));
            };
            let version = unescape_version(version)
                .map_err(|error| Refusal::bad_request(format!("bad request: {error}")))?;
            let Ok(version) = version.parse() else {
                return Err(site.unknown_version(version));
            };
            if suffix == "tlog-proof" {
                return Ok(proof::file(&site, version).await?.respond(&headers, Seconds));
            }
            let files = site.version(version).await?;
            let file = match suffix {
                "info" => &files.info,
                "mod" => &files.go_mod,
                _ => &files.zip,
            };
            Ok(file.respond(&headers, Immutable))
        }
    }
}

/// Proxying the checksum database: <https://go.dev/design/25530-sumdb#proxying-a-checksum-database>.
async fn database(site: &Site, path: &str, headers: &HeaderMap) -> Result<Response, Refusal> {
    let name = site.keys().sumdb.name();
    match path.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix('/')) {
        Some(path) => sumdb::answer(site, path, headers).await,
        None => Err(Refusal::not_found(format!(
            "not found: this proxy has no checksum database but {name}"
        ))),
    }
}
