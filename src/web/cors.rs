//! CORS: pages of any site may read what is public here.
//!
//! Answers are the same for everyone and no request carries credentials, so a page learns nothing that
//! its user could not download. Errors (404, 416, 503) and 304 carry the headers too: a script that
//! cannot read an error response sees a network error. Engines that read Parquet in a browser send range
//! requests, and need the headers in [`EXPOSED`] to understand the answers.
//!
//! Uploads have none of this: no page may send reports on behalf of its visitors.

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ALLOW,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// The methods that public resources support.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");
/// The headers that scripts may read, besides those that they always may.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Accept-Ranges, Content-Disposition, Content-Encoding, Content-Length, Content-Range, Date, \
     ETag, Link, Retry-After",
);
/// How long a browser may cache the preflight answer, in seconds. No browser caches it longer.
const MAX_AGE: HeaderValue = HeaderValue::from_static("86400");

/// Lets pages of all sites read an answer.
pub(super) fn allow(answer: &mut HeaderMap) {
    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    // For cross-origin isolated pages, which engines with several threads need.
    answer.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
}

/// The answer to OPTIONS for something public: what a browser asks before it sends a request with
/// headers such as `If-None-Match` (<https://fetch.spec.whatwg.org/#http-cors-protocol>).
pub(super) fn options(request: &HeaderMap) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ALLOW, METHODS);
    if request.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        // Request headers decide at most which bytes are sent.
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    }
    response
}
