//! The HTTP interface of the receiver: `POST /upload/DATE`.
//!
//! | answer | when | the client |
//! | --- | --- | --- |
//! | 200, empty | the report is durable, now or since it was first sent | is done |
//! | 400, one sentence | it will never be accepted ([`Refusal`]); also if it is too large (not 413), or not JSON, or compressed (not 415) | throws it away |
//! | 503, `Retry-After`, one sentence | it may be accepted later ([`Unavailable`]) | tries again |
//! | 405 | any other method | |
//! | 404 | the path after `/upload/` is not exactly one element | |
//!
//! Slashes may be doubled (`/upload//DATE`, `//upload/DATE`): Go's client always puts one between the
//! upload URL and the date, even if the URL ends with one. A trailing slash (`/upload/DATE/`), which
//! some proxies add, is fine too.
//!
//! Only the date, the content type and encoding, and the body of a request are used, and its sender by
//! [`Admission`] alone. A request that is refused before its body was read is not read further: the
//! connection is closed.

use super::MAX_BODY;
use super::admission::{Admission, Peer};
use super::queue::Stored;
use super::receiver::{Answer, Receiver};
use super::receiver_slot::ReceiverSlot;
use super::refusal::Refusal;
use super::unavailable::Unavailable;
use crate::body::{Bodies, BodyError, BodyLimits};
use axum::Router;
use axum::body::HttpBody as _;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use std::time::Duration;
use tokio::time::timeout;

/// How long an upload waits for a receiver that is being opened, before its body is read.
const OPENING: Duration = Duration::from_secs(2);
/// How long checking and storing may take before the sender is asked to try again. A report that is in
/// the queue by then is stored anyway.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// What the handler of uploads needs.
#[derive(Debug, Clone)]
struct UploadService {
    slot: ReceiverSlot,
    bodies: Bodies,
    admission: Admission,
}

/// The routes for uploads.
#[cfg(any(test, feature = "testing"))]
pub fn router(slot: ReceiverSlot) -> Router {
    router_with(slot, BodyLimits::default(), Admission::default())
}

/// The same, with these limits.
pub fn router_with(slot: ReceiverSlot, limits: BodyLimits, admission: Admission) -> Router {
    let upload = post(upload).fallback(other_method);
    Router::new()
        .route("/upload/{*date}", upload.clone())
        .route("//upload/{*date}", upload)
        .with_state(UploadService { slot, bodies: Bodies::new(limits), admission })
}

async fn upload(
    State(UploadService { slot, bodies, admission }): State<UploadService>,
    date: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let path = request.uri().path().trim_start_matches('/').strip_prefix("upload/");
    let path = path.unwrap_or_default().trim_matches('/');
    if path.is_empty() || path.contains('/') {
        let text = "reports are sent to /upload/ and the report's week, such as 2026-02-08";
        return sentence(StatusCode::NOT_FOUND, text);
    }
    // A path that is not UTF-8 is not a date.
    let date = date.map_or_else(|_| String::new(), |Path(date)| date);
    let date = date.trim_matches('/');
    let Some(receiver) = slot.receiver_within(OPENING).await else {
        slot.count_turned_away();
        return respond(&Answer::Unavailable(Unavailable::NotOpen));
    };
    let answer = receive(&receiver, &bodies, &admission, date, request).await;
    receiver.count(&answer);
    respond(&answer)
}

async fn receive(
    receiver: &Receiver,
    bodies: &Bodies,
    admission: &Admission,
    date: &str,
    request: Request,
) -> Answer {
    if let Err(refusal) = check_head(request.headers()) {
        return Answer::Refused(refusal);
    }
    let peer = request.extensions().get().copied().unwrap_or_else(Peer::unknown);
    // A body may have any length if none is declared; it is charged once it has arrived.
    let length = request.body().size_hint().upper().unwrap_or_default();
    let mut admitted = match admission.admit(peer, request.headers(), length) {
        Ok(admitted) => admitted,
        Err(reason) => return Answer::Unavailable(reason),
    };
    let body = match bodies.read(request.into_body(), MAX_BODY).await {
        Ok(body) => body,
        Err(BodyError::TooLarge) => return Answer::Refused(Refusal::TooLarge),
        // A broken or slow connection is no reason to throw a report away, nor is a busy server.
        Err(BodyError::Unfinished) => return Answer::Unavailable(Unavailable::Unfinished),
        Err(BodyError::TooSlow) => return Answer::Unavailable(Unavailable::Slow),
        Err(BodyError::Full) => return Answer::Unavailable(Unavailable::QueueFull),
    };
    if let Err(reason) = admitted.charge(body.bytes().len() as u64) {
        return Answer::Unavailable(reason);
    }
    let Ok(permit) = receiver.queue_permit() else {
        return Answer::Unavailable(Unavailable::QueueFull);
    };
    let taken = timeout(ANSWER_TIMEOUT, receiver.accept(permit, date, body.bytes())).await;
    let answer = taken.unwrap_or(Answer::Unavailable(Unavailable::NotStored));
    if answer == Answer::Stored(Stored::New) {
        admitted.stored();
    }
    answer
}

/// What can be checked before the body is read.
fn check_head(headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let media_type = text(CONTENT_TYPE).and_then(|value| value.split(';').next());
    if !media_type.is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json")) {
        return Err(Refusal::ContentType);
    }
    for encoding in headers.get_all(CONTENT_ENCODING) {
        let encoding = String::from_utf8_lossy(encoding.as_bytes());
        if !matches!(encoding.trim().to_ascii_lowercase().as_str(), "" | "identity") {
            return Err(Refusal::ContentEncoding(encoding.into_owned()));
        }
    }
    match text(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok()) {
        Some(length) if length > MAX_BODY as u64 => Err(Refusal::TooLarge),
        _ => Ok(()),
    }
}

fn respond(answer: &Answer) -> Response {
    let mut response = match answer {
        Answer::Stored(_) => StatusCode::OK.into_response(),
        Answer::Refused(refusal) => sentence(StatusCode::BAD_REQUEST, &refusal.to_string()),
        Answer::Unavailable(reason) => {
            let mut response = sentence(StatusCode::SERVICE_UNAVAILABLE, &reason.to_string());
            let seconds = HeaderValue::from(reason.retry_after());
            response.headers_mut().insert(RETRY_AFTER, seconds);
            response
        }
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn other_method() -> Response {
    let mut response = sentence(StatusCode::METHOD_NOT_ALLOWED, "reports are sent with POST");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    response
}

fn sentence(status: StatusCode, text: &str) -> Response {
    let mut response = (status, format!("{text}\n")).into_response();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
