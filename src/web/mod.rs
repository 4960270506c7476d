//! The wires: a deployment over HTTP.
//!
//! | path | what | file |
//! | --- | --- | --- |
//! | `/`, `/check`, `/config/`, `/data/`, `/log/`, `/privacy` | pages for people | `pages` |
//! | `/goproxy/` | the module proxy protocol | `goproxy` |
//! | `/latest`, `/lookup/`, `/tile/`, and the same below `/sumdb/` | the checksum database of the `go` command | `sumdb` |
//! | `/log/` | the log by C2SP tlog-tiles | `tiles` |
//! | `/data/` and below | the public data | `data` |
//! | `/witness/` | a witness of other logs, where there is one | [`crate::witness`] |
//! | `/health` and below, `/metrics` on a second listener | for the operator | `admin`, `health` |
//!
//! # The life of a request
//!
//! `server` takes the connection, and sees that there is room; whom it is from reaches the admission of
//! uploads and nothing else. `guard` sets a time
//! limit, and what headers all answers have. `address` decodes the path, once. The route's file decides
//! what is meant, and asks `site` for it. `site` takes the published head (`head`), refuses what that
//! head does not have, and finds the rest on a `shelf` in memory, or has `source` read and check it. A
//! `representation` is answered, or a `refusal`.
//!
//! # What may be relied on
//!
//! - Everything visible derives from one published tree head: lists, `@latest` and lookups cannot
//!   disagree with the log, and nothing is visible before it is logged.
//! - Tiles and bundles are checked against the published root, zips against their records, and public
//!   data against the index, before they are served, once. A damaged store makes errors, never wrong
//!   answers.
//! - What never changes may be cached for ever; what does, for seconds; refusals never.
//! - No address of a client is written anywhere.
//!
//! TLS is left to a proxy or CDN in front. Nothing here writes to the store.

mod address;
mod admin;
mod checked;
mod cors;
mod damage;
mod data;
mod draw;
mod figures;
mod file_body;
mod fresh;
mod goproxy;
mod guard;
mod head;
mod health;
mod local_page;
mod metrics;
mod pages;
mod proof;
mod public;
mod quorum;
mod range;
mod receiving;
mod refusal;
mod representation;
mod script;
mod server;
mod shelf;
mod site;
mod source;
mod sumdb;
mod tiles;
mod witness;

pub use admin::admin;
pub use figures::{Figures, ReadFigures, serve_figures};
pub use health::{ClockReport, FindLostReports, LostReports, Operations};
pub use local_page::{RenderPage, serve_local_page};
pub use receiving::{Budgets, Receiving};
pub use server::{ListenAddress, ListenAddressError, Listener};
pub use site::{Site, SiteError};
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

/// How often it is looked how much space is free.
const LOOK: Duration = Duration::from_secs(1);

/// All that is public of a deployment; without a receiver, uploads are answered with 503: clients throw
/// away what is refused.
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
        .fallback(nothing_here)
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
    all.layer(middleware::from_fn_with_state(guarded, guard::guard))
}

/// Serves `site` on `listener`, and [`admin()`] on the other one where there is one, until `shutdown`
/// ends. Raises the number of files that this process may have open as far as it can be. Then no
/// connection is taken in any more, and those that are open get some seconds to finish.
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
    let look_stopping = stopping.clone();
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
    let looking = look_after(admission, until_stopped(look_stopping));
    let stopper = async {
        shutdown.await;
        drop(stop);
    };
    tokio::join!(public, private, looking, stopper);
}

/// Has admission look at the disk and forget what is old, every second until the server stops.
async fn look_after(admission: Option<Admission>, stopped: impl Future<Output = ()>) {
    let Some(admission) = admission else { return };
    let look = async {
        loop {
            let refreshing = admission.clone();
            // A disk that does not answer is asked once.
            let _ = tokio::task::spawn_blocking(move || refreshing.refresh()).await;
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        () = stopped => {}
        () = look => {}
    }
}

async fn nothing_here() -> Refusal {
    Refusal::not_found("not found: see / for what is served here")
}

#[cfg(test)]
mod tests;
