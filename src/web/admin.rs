//! The second listener: health and metrics, for the operator. Best kept on loopback.

use super::refusal::Refusal;
use super::site::Site;
use crate::ingest::{Entrance, FrontDoor};
use axum::Router;
use axum::extract::State;
use axum::routing::get;

/// `/health` (200 when the published head can be read and is good and the clock is not known to be
/// wrong, else 503 with what is wrong) and `/metrics` (Prometheus' text format).
pub fn admin(site: Site, entrance: Option<Entrance>) -> Router {
    let for_health = entrance.clone();
    let health = get(move |State(site)| health(site, for_health));
    let metrics = get(move |State(site)| metrics(site, entrance));
    Router::new().route("/health", health).route("/metrics", metrics).with_state(site)
}

async fn health(site: Site, entrance: Option<Entrance>) -> Result<String, Refusal> {
    site.heads().check().await.map_err(|fault| Refusal::unavailable(fault.to_string()))?;
    match entrance.as_ref().and_then(Entrance::door).map(FrontDoor::clock_state) {
        Some(clock) if clock.is_wrong() => Err(Refusal::unavailable(clock.to_string())),
        // No fault: it may only be quiet here.
        Some(clock) if !clock.is_plausible() => Ok(format!("ok\n{clock}\n")),
        _ => Ok("ok\n".to_owned()),
    }
}

async fn metrics(site: Site, entrance: Option<Entrance>) -> String {
    let size = site.heads().last().map_or(0, |head| head.tree().size.get());
    let uploads = entrance.as_ref().and_then(Entrance::door).map(FrontDoor::counts);
    site.metrics().render(size, uploads)
}
