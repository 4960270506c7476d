//! The second listener: health and metrics, for the operator. Best kept on loopback.
//!
//! | path | 200 means | whoever asks may |
//! | --- | --- | --- |
//! | `/health/live` | the process answers | start it again where it does not |
//! | `/health/ready` | readers can be served: the published head is there and good | send it requests |
//! | `/health/uploads` | reports are taken | |
//! | `/health` | all is well, with everything that the deployment does (`health`) | wake someone |
//! | `/metrics` | Prometheus' text format (`metrics`) | |
//!
//! Otherwise they answer 503. Uploads are no part of being ready: a server that waits for the folder of
//! reports, which another one still has, is what a change of servers looks like, and until then senders
//! are asked to come again. `/health` is text for people, and JSON where `Accept` names that.

use super::health::{self, Health, LostReports, Part};
use super::metrics::Figures;
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
struct Asked {
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
        .with_state(Asked { site, slot })
}

async fn all(State(asked): State<Asked>, headers: HeaderMap) -> Response {
    let health = Health::of(&asked.site, asked.slot.as_ref()).await;
    answer_with(health.well, &health, &headers)
}

async fn ready(State(asked): State<Asked>) -> Response {
    alone(health::log(&asked.site).await)
}

async fn uploads(State(asked): State<Asked>) -> Response {
    match &asked.slot {
        Some(slot) => {
            let operations = asked.site.operations();
            let admission = operations.and_then(|operations| operations.admission.as_ref());
            alone(health::uploads(slot, admission))
        }
        None => answer(false, "text/plain", "this server takes no uploads\n".to_owned()),
    }
}

fn alone(part: Part) -> Response {
    let health = Health { well: part.well, parts: vec![part] };
    answer(health.well, "text/plain", health.to_string())
}

async fn metrics(State(asked): State<Asked>) -> String {
    let witness = asked.site.operations().and_then(|operations| operations.witness.clone());
    let witness = match witness {
        Some(witness) => health::within_patience(move || witness.metrics()).await,
        None => None,
    };
    let lost = asked.site.operations().and_then(|operations| operations.lost_reports.clone());
    let lost = match lost {
        Some(find) => health::within_patience(move || find()).await.unwrap_or_default(),
        None => LostReports::default(),
    };
    let figures = Figures::of(&asked.site, asked.slot.as_ref(), lost).to_string();
    figures + &witness.unwrap_or_default()
}

/// Health as text for people, or as JSON where `Accept` names that.
pub(super) fn answer_with(
    well: bool,
    health: &(impl Serialize + Display),
    headers: &HeaderMap,
) -> Response {
    let mut accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    if accepted.any(|value| value.contains("application/json")) {
        // Nothing in it can fail to serialise.
        let json = serde_json::to_string_pretty(health).unwrap_or_default();
        return answer(well, "application/json", json + "\n");
    }
    answer(well, "text/plain", health.to_string())
}

/// 200 where all is well, and 503 where it is not; never kept by a cache.
pub(super) fn answer(well: bool, media_type: &'static str, text: String) -> Response {
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, text).into_response()
}
