//! Who may read what is public from a page of another site: everyone.
//!
//! Answers are the same for all and no request carries credentials, so a page learns nothing that its
//! user could not fetch by hand. What refuses (404, 416, 503) and what is unchanged (304) says so too:
//! a script that cannot read a refusal sees a network error. Engines that read Parquet in a browser
//! ask for ranges, and need the headers of [`EXPOSED`] to make sense of the answers.
//!
//! Uploads have none of this: no page may send reports in its visitors' names.

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ALLOW,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// What may be asked of anything public.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");
/// What scripts may read besides what they always may.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Accept-Ranges, Content-Disposition, Content-Encoding, Content-Length, Content-Range, Date, \
     ETag, Link, Retry-After",
);
/// How long a browser may remember what it was allowed, in seconds. No browser takes more.
const REMEMBERED: HeaderValue = HeaderValue::from_static("86400");

/// Lets pages of all sites read an answer.
pub(super) fn allow(answer: &mut HeaderMap) {
    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    // For pages that load nothing else, as those must that run an engine on many threads.
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
        // Whatever they are, they change nothing but which bytes are sent.
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
        headers.insert(ACCESS_CONTROL_MAX_AGE, REMEMBERED);
    }
    response
}
