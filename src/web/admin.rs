//! The second listener: health and metrics for the operator. Best kept on loopback.
//!
//! | path | 200 means | use it to |
//! | --- | --- | --- |
//! | `/health/live` | the process answers | restart it when it does not |
//! | `/health/ready` | readers can be served: the published head can be read and is valid | send it requests |
//! | `/health/uploads` | reports are accepted | |
//! | `/health` | everything that the deployment does is well (`health`) | page someone |
//! | `/metrics` | Prometheus' text format (`metrics`) | |
//!
//! Otherwise they answer 503. Readiness does not depend on uploads: while one server takes over from
//! another, the new one waits for the reports folder, and clients are asked to try again later.
//! `/health` is text for people, or JSON if `Accept` asks for it.

use super::health::{self, Health, Part};
use super::metrics::Metrics;
use super::operations::LostReports;
use super::site::Site;
use crate::ingest::ReceiverSlot;
use axum::Router;
use axum::extract::State;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use std::fmt::Display;

#[derive(Debug, Clone)]
struct AdminState {
    site: Site,
    slot: Option<ReceiverSlot>,
}

/// The routes of the second listener.
pub fn admin(site: Site, slot: Option<ReceiverSlot>) -> Router {
    Router::new()
        .route("/health", get(all))
        .route("/health/live", get(async || answer(true, "text/plain", "ok\n".to_owned())))
        .route("/health/ready", get(ready))
        .route("/health/uploads", get(uploads))
        .route("/metrics", get(metrics))
        .with_state(AdminState { site, slot })
}

async fn all(State(state): State<AdminState>, headers: HeaderMap) -> Response {
    let health = Health::of(&state.site, state.slot.as_ref()).await;
    answer_with(health.well, &health, &headers)
}

async fn ready(State(state): State<AdminState>) -> Response {
    single(health::log(&state.site).await)
}

async fn uploads(State(state): State<AdminState>) -> Response {
    match &state.slot {
        Some(slot) => {
            let operations = state.site.operations();
            let admission = operations.and_then(|operations| operations.admission.as_ref());
            single(health::uploads(slot, admission))
        }
        None => answer(false, "text/plain", "this server accepts no uploads\n".to_owned()),
    }
}

fn single(part: Part) -> Response {
    let health = Health { well: part.well, parts: vec![part] };
    answer(health.well, "text/plain", health.to_string())
}

async fn metrics(State(state): State<AdminState>) -> String {
    let witness = state.site.operations().and_then(|operations| operations.witness.clone());
    let witness = match witness {
        Some(witness) => health::within_patience(move || witness.metrics()).await,
        None => None,
    };
    let lost = state.site.operations().and_then(|operations| operations.lost_reports.clone());
    let lost = match lost {
        Some(find) => health::within_patience(move || find()).await.unwrap_or_default(),
        None => LostReports::default(),
    };
    let metrics = Metrics::of(&state.site, state.slot.as_ref(), lost).to_string();
    metrics + &witness.unwrap_or_default()
}

/// Health as text for people, or as JSON if `Accept` asks for it.
pub(super) fn answer_with(
    well: bool,
    health: &(impl Serialize + Display),
    headers: &HeaderMap,
) -> Response {
    let mut accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    if accepted.any(|value| value.contains("application/json")) {
        // None of these types can fail to serialise.
        let json = serde_json::to_string_pretty(health).unwrap_or_default();
        return answer(well, "application/json", json + "\n");
    }
    answer(well, "text/plain", health.to_string())
}

/// 200 if all is well, else 503; never cached.
pub(super) fn answer(well: bool, media_type: &'static str, text: String) -> Response {
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, text).into_response()
}
