//! What holds for every request: limits, headers, and counting.
//!
//! At most [`MAX_REQUESTS`] are under way at once, and none for longer than [`REQUEST_TIMEOUT`];
//! beyond that the answer is 503, which costs nothing. Nothing about the client is written down.

use super::pages;
use super::refusal::{self, Refusal};
use super::site::Site;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// The most requests that are worked on at once.
pub(super) const MAX_REQUESTS: usize = 1024;
/// How long a request may take until its answer is ready. Sending it is not part of that.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// A site with room for so many requests.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    site: Site,
    room: Arc<Semaphore>,
}

impl Guard {
    pub(super) fn new(site: Site) -> Guard {
        Guard { site, room: Arc::new(Semaphore::new(MAX_REQUESTS)) }
    }
}

pub(super) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_string();
    let reads_pages = refusal::reads_pages(request.headers());
    let mut response = match guard.room.try_acquire() {
        Err(_) => Refusal::unavailable("the server is busy; try again").into_response(),
        Ok(_room) => match timeout(REQUEST_TIMEOUT, next.run(request)).await {
            Ok(response) => response,
            Err(_) => Refusal::unavailable("the answer took too long; try again").into_response(),
        },
    };
    if reads_pages && let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        response = pages::refusal(guard.site.keys(), &refusal);
    }
    guard.site.metrics().count(&path, response.status());
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // What says nothing about caching (405, `supported`) is not worth guessing about.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    // Where someone goes from here is nobody's business.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // Pages say what they may do; nothing else should ever be taken for a page.
    let nothing = HeaderValue::from_static("default-src 'none'");
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(nothing);
    response
}
