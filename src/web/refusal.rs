//! Answers that refuse: a status and one plain sentence.
//!
//! The `go` command shows the sentence to its user, and decides by the status what to do next: 404
//! and 410 send it on to the next proxy of its list, anything else stops it
//! (<https://go.dev/ref/mod#goproxy-protocol>). No refusal may be cached: what is not there yet may
//! be published in a second.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// Why a request is not answered with what it asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    sentence: String,
}

impl Refusal {
    /// The request is not one that any client would make.
    pub(super) fn bad_request(sentence: impl Into<String>) -> Refusal {
        Refusal { status: StatusCode::BAD_REQUEST, sentence: sentence.into() }
    }

    /// It is not here; a client with other sources should ask them.
    pub(super) fn not_found(sentence: impl Into<String>) -> Refusal {
        Refusal { status: StatusCode::NOT_FOUND, sentence: sentence.into() }
    }

    /// The address is longer than any that leads somewhere.
    pub(super) fn address_too_long() -> Refusal {
        let sentence = "the address of this request is too long".to_string();
        Refusal { status: StatusCode::URI_TOO_LONG, sentence }
    }

    /// An object of the store is missing or damaged. What exactly is for the operator's eyes.
    pub(super) fn damaged() -> Refusal {
        let sentence = "the server cannot read what it should serve here; its operator was told";
        Refusal { status: StatusCode::INTERNAL_SERVER_ERROR, sentence: sentence.to_string() }
    }

    /// The server cannot answer now, and may be able to soon.
    pub(super) fn unavailable(sentence: impl Into<String>) -> Refusal {
        Refusal { status: StatusCode::SERVICE_UNAVAILABLE, sentence: sentence.into() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.sentence + "\n").into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}
