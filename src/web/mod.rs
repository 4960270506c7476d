//! A deployment over HTTP.
//!
//! | path | what | files |
//! | --- | --- | --- |
//! | `/`, `/charts/`, `/check`, `/config/`, `/data/`, `/log/`, `/privacy` | pages for people | `pages`, `draw`, `numbers`, `chart_cache` |
//! | `/goproxy/` | the module proxy protocol | `goproxy`, `proof` |
//! | `/latest`, `/lookup/`, `/tile/`, and the same below `/sumdb/` | the checksum database of the `go` command | `sumdb` |
//! | `/log/` | the log by C2SP tlog-tiles; `/log/newest`, the newest config with its proof | `tiles`, `newest` |
//! | `/data/` and below | the public data | `data`, `checksums`, `range`, `file_body`, `checked` |
//! | addresses in commands, in citations | the address that was asked, or the deployment's own | `asked_address`, `base_path` |
//! | `@latest` in an address | a redirect to the newest week or version | `latest` |
//! | `/witness/` | a witness of other logs, if there is one | [`crate::witness`], `witness` |
//! | `/upload/` | reports | [`crate::ingest`] |
//! | `/health` and below, `/metrics`, on a second listener | for the operator | `admin`, `health`, `metrics`, `quorum`, `request_counts`, `operations`, `damage` |
//! | `/health`, `/metrics` or one page of a command that is not a server | for its user | `status`, `local_page` |
//! | none | a picture for a command's user | `plot` |
//! | a query as a path, `~page=2` | what is a file in a static copy | `path_form`, `in_process` |
//!
//! # The life of a request
//!
//! `server` accepts the connection if there is room; the client's address goes to the admission of uploads
//! and nowhere else. `guard` sets a time limit and the headers that all answers have (`cors`,
//! `content_policy`). `address` decodes the path, once. The route's file decides what is requested, and
//! asks `site` for it. `site` takes the published head (`head`; `public` and `fresh` for the data), refuses
//! what that head does not have, and finds the rest in a `cache`, or has `source` read and check it. The
//! answer is a `representation` or a `refusal`.
//!
//! # Guarantees
//!
//! - Everything visible derives from one published tree head: lists, `@latest` and lookups cannot
//!   disagree with the log, and nothing is visible before it is logged.
//! - Before they are first served, tiles and bundles are checked against the published root, zips against
//!   their records, and public data against the index. A damaged store causes errors, never wrong answers.
//! - What never changes may be cached for ever; what does, for seconds; errors never.
//! - No client's address is logged or stored.
//!
//! TLS is left to a proxy or CDN in front. Nothing here writes to the store.

mod address;
mod admin;
mod asked_address;
mod base_path;
mod cache;
mod chart_cache;
mod checked;
mod checksums;
mod content_policy;
mod cors;
mod damage;
mod data;
mod draw;
mod file_body;
mod fresh;
mod goproxy;
mod guard;
mod head;
mod health;
mod in_process;
mod latest;
mod local_page;
mod metrics;
mod newest;
mod numbers;
mod operations;
mod pages;
mod path_form;
mod plot;
mod proof;
mod public;
mod quorum;
mod range;
mod receiver_settings;
mod refusal;
mod representation;
mod request_counts;
mod server;
mod site;
mod source;
mod status;
mod sumdb;
mod tiles;
mod witness;

pub use admin::admin;
pub use base_path::{BasePath, BasePathError};
pub use in_process::{Answer, Reader};
pub use local_page::{RenderPage, serve_local_page};
pub use operations::{ClockReport, FindLostReports, LostReports, Operations};
pub(crate) use pages::stack_place;
pub use pages::{WrittenAt, stylesheet};
pub use path_form::path_form;
pub(crate) use plot::{Panel, Plot};
pub use receiver_settings::{Budgets, ReceiverSettings};
pub use server::{ListenAddress, ListenAddressError, Listener};
pub use site::{Site, SiteError};
pub use status::{ReadStatus, Status, serve_status};
pub use witness::serve_witness;

use crate::body::BodyLimits;
use crate::ingest::{self, Admission, ReceiverSlot};
use axum::Router;
use axum::middleware;
use axum::routing::get;
use refusal::Refusal;
use std::future::Future;
use std::time::Duration;
use tokio::sync::watch;

/// How often free disk space is checked.
const DISK_CHECK: Duration = Duration::from_secs(1);

/// Everything public of a deployment. Without a receiver, clients that send reports are told to try
/// again later, as they would delete a report that is refused.
#[cfg(any(test, feature = "testing"))]
pub fn router(site: Site, slot: Option<ReceiverSlot>) -> Router {
    router_with(site, slot, BodyLimits::default())
}

fn router_with(site: Site, slot: Option<ReceiverSlot>, bodies: BodyLimits) -> Router {
    let guarded = site.clone();
    let witness = site.operations().and_then(|operations| operations.witness.clone());
    let admission = site.operations().and_then(|operations| operations.admission.clone());
    let site = Router::new()
        .merge(pages::routes())
        .route("/goproxy/{*path}", get(goproxy::get))
        .route("/sumdb/{*path}", get(sumdb::below_sumdb))
        .merge(sumdb::routes_at_root())
        .route("/log/{*path}", get(tiles::get))
        .route("/data/{*path}", get(data::get))
        .fallback(not_found)
        .with_state(site);
    let all = site.merge(ingest::router_with(
        slot.unwrap_or_default(),
        bodies,
        admission.unwrap_or_default(),
    ));
    let all = match witness {
        Some(witness) => all.nest_service("/witness", crate::witness::router(witness)),
        None => all,
    };
    let all = all.layer(middleware::from_fn_with_state(guarded.clone(), guard::guard));
    match guarded.address().base().is_root() {
        true => all,
        false => Router::new()
            .fallback_service(all)
            .layer(middleware::from_fn_with_state(guarded, guard::below_base_path)),
    }
}

/// Serves `site` on `listener`, and [`admin()`] on the other one if there is one, until `shutdown`
/// completes. Then no more connections are accepted, and open ones get some seconds to finish. Raises the
/// process's limit of open files as far as it can.
pub async fn serve(
    listener: impl Into<Listener>,
    admin_listener: Option<Listener>,
    site: Site,
    slot: Option<ReceiverSlot>,
    shutdown: impl Future<Output = ()>,
) {
    let (stop, stopping) = watch::channel(());
    let until_stopped = |mut stopping: watch::Receiver<()>| async move {
        // Fails when the sender is dropped, which is the signal.
        let _ = stopping.changed().await;
    };
    let admission = site.operations().and_then(|operations| operations.admission.clone());
    let upkeep_stopping = stopping.clone();
    let plan = server::Plan::for_this_process();
    let public = server::run(
        listener,
        router_with(site.clone(), slot.clone(), plan.bodies()),
        plan.limits(),
        until_stopped(stopping.clone()),
    );
    let private = async {
        if let Some(listener) = admin_listener {
            let limits = server::Limits::for_operators();
            server::run(listener, admin(site, slot), limits, until_stopped(stopping)).await;
        }
    };
    let upkeep = run_admission_upkeep(admission, until_stopped(upkeep_stopping));
    let stopper = async {
        shutdown.await;
        drop(stop);
    };
    tokio::join!(public, private, upkeep, stopper);
}

/// Has admission check the disk and forget what is old, every second until the server stops.
async fn run_admission_upkeep(admission: Option<Admission>, stopped: impl Future<Output = ()>) {
    let Some(admission) = admission else { return };
    let look = async {
        loop {
            let refreshing = admission.clone();
            // If the disk hangs, this waits, and no second check is started.
            let _ = tokio::task::spawn_blocking(move || refreshing.refresh()).await;
            tokio::time::sleep(DISK_CHECK).await;
        }
    };
    tokio::select! {
        () = stopped => {}
        () = look => {}
    }
}

async fn not_found() -> Refusal {
    Refusal::not_found("not found: see / for what is served here")
}

#[cfg(test)]
mod tests;
