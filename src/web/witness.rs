//! The server of `candor witness`, a witness without a deployment: its router behind the same limits as a
//! deployment's, and its health and metrics on the second listener.

use super::admin::{answer, answer_with};
use super::cors;
use super::guard::REQUEST_TIMEOUT;
use super::refusal::Refusal;
use super::server::{self, Limits, Listener, Plan};
use crate::witness::{self, Witness};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::future::Future;
use tokio::sync::watch;
use tokio::time::timeout;

/// Serves a witness on `listener`, and its health and metrics on `admin_listener`, until `shutdown`
/// completes.
pub async fn serve_witness(
    listener: Listener,
    admin_listener: Listener,
    witness: Witness,
    shutdown: impl Future<Output = ()>,
) {
    let (stop, stopping) = watch::channel(());
    let until_stopped = |mut stopping: watch::Receiver<()>| async move {
        // Fails when the sender is dropped, which is the signal.
        let _ = stopping.changed().await;
    };
    let router = witness::router(witness.clone()).layer(middleware::from_fn(guard));
    let limits = Plan::for_this_process().limits();
    let public = server::run(listener, router, limits, until_stopped(stopping.clone()));
    let operators = Limits::for_operators();
    let private = server::run(admin_listener, admin(witness), operators, until_stopped(stopping));
    let stopper = async {
        shutdown.await;
        drop(stop);
    };
    tokio::join!(public, private, stopper);
}

/// Middleware for every request. Submissions have a budget of their own, in `witness`.
async fn guard(request: Request, next: Next) -> Response {
    if request.method() == Method::OPTIONS {
        return cors::options(request.headers());
    }
    let reads = request.method() != Method::POST;
    if reads && server::count_reader(request.extensions()).is_err() {
        return Refusal::unavailable("the server is busy; try again").into_response();
    }
    let answered = timeout(2 * REQUEST_TIMEOUT, next.run(request)).await;
    let slow = |_| Refusal::unavailable("the answer took too long; try again").into_response();
    let mut response = answered.unwrap_or_else(slow);
    let headers = response.headers_mut();
    if reads {
        cors::allow(headers);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn admin(witness: Witness) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/health/live", get(async || answer(true, "text/plain", "ok\n".to_owned())))
        .route("/health/ready", get(health))
        .route("/metrics", get(metrics))
        .with_state(witness)
}

async fn health(State(witness): State<Witness>, headers: HeaderMap) -> Response {
    let checked = super::health::within_patience(move || witness.health()).await;
    let Some(health) = checked else {
        let text = "witness: not ok\n  checking it takes too long\nnot ok\n";
        return answer(false, "text/plain", text.to_owned());
    };
    answer_with(health.well, &health, &headers)
}

async fn metrics(State(witness): State<Witness>) -> Response {
    match super::health::within_patience(move || witness.metrics()).await {
        Some(metrics) => answer(true, "text/plain", metrics),
        None => answer(false, "text/plain", String::new()),
    }
}
