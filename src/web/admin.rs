//! The second listener: health and metrics, for the operator. Best kept on loopback.

use super::refusal::Refusal;
use super::site::Site;
use crate::ingest::{Entrance, FrontDoor};
use axum::Router;
use axum::extract::State;
use axum::routing::get;

/// `/health` (200 when the published head can be read and is good, else 503 with what is wrong)
/// and `/metrics` (Prometheus' text format).
pub fn admin(site: Site, entrance: Option<Entrance>) -> Router {
    let metrics = get(move |State(site)| metrics(site, entrance));
    Router::new().route("/health", get(health)).route("/metrics", metrics).with_state(site)
}

async fn health(State(site): State<Site>) -> Result<&'static str, Refusal> {
    match site.heads().check().await {
        Ok(()) => Ok("ok\n"),
        Err(fault) => Err(Refusal::unavailable(fault.to_string())),
    }
}

async fn metrics(site: Site, entrance: Option<Entrance>) -> String {
    let size = site.heads().last().map_or(0, |head| head.tree().size.get());
    let uploads = entrance.as_ref().and_then(Entrance::door).map(FrontDoor::counts);
    site.metrics().render(size, uploads)
}
