//! Middleware for every request: limits, headers, and counting.
//!
//! Readers have a budget of their own ([`server`]), and wait at most [`REQUEST_TIMEOUT`] for an answer;
//! after that it is a 503, which costs nothing. Uploads have their own limits in `ingest`, as their
//! bodies may arrive over a slow connection. Nothing about the client is logged.

use super::address;
use super::cors;
use super::pages;
use super::refusal::{self, Refusal};
use super::server;
use super::site::Site;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::time::Duration;
use tokio::time::timeout;

/// How long a request may take until its answer is ready, not counting the time to send it.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// What every answer of a rehearsal has, so that commands can tell it from a deployment that publishes.
const REHEARSAL: HeaderName = HeaderName::from_static(crate::client::REHEARSAL_HEADER);

pub(super) async fn guard(State(site): State<Site>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_string();
    let uploads = is_upload(&path);
    let reads_pages = refusal::reads_pages(request.headers());
    let submits = request.method() == Method::POST && is_witness(&path);
    let response = match uploads || submits {
        true => next.run(request).await,
        false => read(request, next).await,
    };
    finish(&site, &path, reads_pages, response)
}

/// Middleware in front of [`guard()`] for a deployment that is served below a path: takes the path off requests,
/// and puts it in front of redirects. What is not below it is not found.
pub(super) async fn below_base_path(
    State(site): State<Site>,
    mut request: Request,
    next: Next,
) -> Response {
    let address = site.address();
    let Some(inside) = address.base().inside(request.uri()) else {
        let path = request.uri().path().to_owned();
        let reads_pages = refusal::reads_pages(request.headers());
        let refusal = Refusal::not_found(format!(
            "not found: see {}/ for what is served here",
            address.base()
        ));
        return finish(&site, &path, reads_pages, refusal.into_response());
    };
    *request.uri_mut() = inside;
    let mut response = next.run(request).await;
    address.base().move_headers(response.headers_mut());
    response
}

/// What every answer has.
fn finish(site: &Site, path: &str, reads_pages: bool, mut response: Response) -> Response {
    if reads_pages && let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        response = pages::refusal(site, &refusal);
    }
    site.request_counts().count(path, response.status());
    let headers = response.headers_mut();
    if !is_upload(path) {
        cors::allow(headers);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if site.operations().is_some_and(|operations| operations.rehearsal) {
        headers.insert(REHEARSAL, HeaderValue::from_static("1"));
    }
    // Answers without a caching rule (405, `supported`) are not cached.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    // Other sites need not know where their visitors come from.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // Pages set their own policy; nothing else should ever be treated as a page.
    let nothing = HeaderValue::from_static("default-src 'none'");
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(nothing);
    response
}

/// The answer to a request for something public.
async fn read(request: Request, next: Next) -> Response {
    if request.method() == Method::OPTIONS {
        return cors::options(request.headers());
    }
    if server::count_reader(request.extensions()).is_err() {
        return Refusal::unavailable("the server is busy; try again").into_response();
    }
    match timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Refusal::unavailable("the answer took too long; try again").into_response(),
    }
}

/// Whether a path belongs to the witness, whose submissions have limits of their own.
fn is_witness(path: &str) -> bool {
    address::first_element(path) == Some("witness")
}

/// Whether a path belongs to uploads, ignoring leading slashes.
fn is_upload(path: &str) -> bool {
    address::first_element(path) == Some("upload")
}
