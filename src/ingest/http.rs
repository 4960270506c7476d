//! The wire of the front door: `POST /upload/DATE`.
//!
//! | answer | when | the client |
//! | --- | --- | --- |
//! | 200, empty | the report is durable; now, or since it was first sent | is done |
//! | 400, one sentence | it will never be taken ([`Refusal`]); also if it is too large (not 413) or not JSON, or compressed (not 415) | throws it away |
//! | 503, `Retry-After`, one sentence | it may be taken later ([`Unavailable`]) | tries again |
//! | 405 | any other method | |
//! | 404 | what comes after `/upload/` is more or less than one element | |
//!
//! Slashes may be doubled (`/upload//DATE`, `//upload/DATE`): Go's client puts one between the upload
//! URL and the date, whether the URL ends with one or not.
//!
//! Of a request only the date, the content type and encoding, and the body are looked at. What is
//! refused before its body was read is not read: the connection is closed instead.

use super::MAX_BODY;
use super::door::{Answer, FrontDoor};
use super::entrance::Entrance;
use super::refusal::Refusal;
use super::unavailable::Unavailable;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody, PathRejection};
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use std::time::Duration;
use tokio::time::timeout;

/// How long a body may take to arrive. It holds a place that others could use.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The routes of the front door.
pub fn router(entrance: Entrance) -> Router {
    let upload = post(upload).fallback(other_method);
    Router::new()
        .route("/upload/{*date}", upload.clone())
        .route("//upload/{*date}", upload)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(entrance)
}

async fn upload(
    State(entrance): State<Entrance>,
    date: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let path = request.uri().path().trim_start_matches('/').strip_prefix("upload/");
    let path = path.unwrap_or_default().trim_start_matches('/');
    if path.is_empty() || path.contains('/') {
        let text = "reports are sent to /upload/ and the report's week, such as 2026-02-08";
        return sentence(StatusCode::NOT_FOUND, text);
    }
    // A date that is not even text is no date.
    let date = date.map_or_else(|_| String::new(), |Path(date)| date);
    let date = date.trim_start_matches('/');
    let Some(door) = entrance.door() else {
        return respond(&Answer::Unavailable(Unavailable::NotOpen));
    };
    let answer = receive(door, date, request).await;
    door.count(&answer);
    respond(&answer)
}

async fn receive(door: &FrontDoor, date: &str, request: Request) -> Answer {
    if let Err(refusal) = check_head(request.headers()) {
        return Answer::Refused(refusal);
    }
    let Ok(place) = door.place() else { return Answer::Unavailable(Unavailable::Busy) };
    match timeout(BODY_TIMEOUT, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) => door.take(place, date, &body).await,
        Ok(Err(BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)))) => {
            Answer::Refused(Refusal::TooLarge)
        }
        // A line that broke or is slow is no reason to throw a report away.
        Ok(Err(_)) => Answer::Unavailable(Unavailable::Unfinished),
        Err(_) => Answer::Unavailable(Unavailable::Slow),
    }
}

/// What can be said before the body is read.
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
