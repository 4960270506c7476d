//! `/metrics` and `/health` of a verb that is no server itself, for its operator.

use super::server::{self, Listener};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use std::sync::Arc;

/// How something is doing.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Whether it is as it should be.
    pub is_healthy: bool,
    /// The same in words.
    pub health: String,
    /// Everything that is counted, in Prometheus' text format.
    pub text: String,
}

/// What says how something is doing, whenever it is asked.
pub type ReadFigures = Arc<dyn Fn() -> Figures + Send + Sync>;

/// Serves `/metrics` and `/health` for ever.
pub async fn serve_figures(listener: Listener, read: ReadFigures) {
    let router = Router::new()
        .route("/metrics", get(async |State(read): State<ReadFigures>| read().text))
        .route("/health", get(health))
        .with_state(read);
    let limits = server::Limits::for_operators();
    server::run(listener, router, limits, std::future::pending()).await;
}

async fn health(State(read): State<ReadFigures>) -> (StatusCode, String) {
    let figures = read();
    let status = match figures.is_healthy {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, figures.health + "\n")
}
