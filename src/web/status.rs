//! `/metrics` and `/health` of a command that is not a server otherwise, for its operator.

use super::server::{self, Listener};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use std::sync::Arc;

/// The status of a long-running command.
#[derive(Debug, Clone)]
pub struct Status {
    /// Whether all is well.
    pub is_healthy: bool,
    /// The same in words.
    pub health: String,
    /// Its metrics, in Prometheus' text format.
    pub metrics: String,
}

/// Reads the status on each request.
pub type ReadStatus = Arc<dyn Fn() -> Status + Send + Sync>;

/// Serves `/metrics` and `/health` for ever.
pub async fn serve_status(listener: Listener, read: ReadStatus) {
    let router = Router::new()
        .route("/metrics", get(async |State(read): State<ReadStatus>| read().metrics))
        .route("/health", get(health))
        .with_state(read);
    let limits = server::Limits::for_operators();
    server::run(listener, router, limits, std::future::pending()).await;
}

async fn health(State(read): State<ReadStatus>) -> (StatusCode, String) {
    let status_now = read();
    let code = match status_now.is_healthy {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (code, status_now.health + "\n")
}
