//! Error answers: a status and one plain sentence.
//!
//! The `go` command shows the sentence to its user, and the status decides what it does next: after 404
//! and 410 it asks the next proxy in its list, anything else stops it
//! (<https://go.dev/ref/mod#goproxy-protocol>). Refusals are never cached: what does not exist yet may be
//! published in a second.
//!
//! Browsers get the sentence on a page; see [`reads_pages`].

use super::cache::Stopped;
use super::representation::Content;
use crate::store::is_outage;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// Why a request cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    sentence: String,
}

impl Refusal {
    /// The request is malformed.
    pub(super) fn bad_request(sentence: impl Into<String>) -> Refusal {
        Refusal { status: StatusCode::BAD_REQUEST, sentence: sentence.into() }
    }

    /// It does not exist here; a client may ask other sources.
    pub(super) fn not_found(sentence: impl Into<String>) -> Refusal {
        Refusal { status: StatusCode::NOT_FOUND, sentence: sentence.into() }
    }

    /// The address is longer than any that exists.
    pub(super) fn address_too_long() -> Refusal {
        let sentence = "the address of this request is too long".to_string();
        Refusal { status: StatusCode::URI_TOO_LONG, sentence }
    }

    /// An object in the store is missing or damaged. The details are only for the operator.
    pub(super) fn damaged() -> Refusal {
        let sentence =
            "the server cannot read what it should serve here; the operator has been informed";
        Refusal { status: StatusCode::INTERNAL_SERVER_ERROR, sentence: sentence.to_string() }
    }

    /// Reading the store failed like this: it is away, or what is in it is missing or damaged. The details are only
    /// for the operator.
    pub(super) fn of_store(error: &(dyn std::error::Error + 'static)) -> Refusal {
        match is_outage(error) {
            true => Refusal::unavailable(
                "the server cannot reach its store at the moment; try again later",
            ),
            false => Refusal::damaged(),
        }
    }

    /// The server cannot answer now, but may be able to soon.
    pub(super) fn unavailable(sentence: impl Into<String>) -> Refusal {
        Refusal { status: StatusCode::SERVICE_UNAVAILABLE, sentence: sentence.into() }
    }

    /// Whether an object in the store is missing or damaged.
    pub(super) fn is_damage(&self) -> bool {
        self.status == StatusCode::INTERNAL_SERVER_ERROR
    }

    /// The status.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// The sentence.
    pub(super) fn sentence(&self) -> &str {
        &self.sentence
    }

    /// The answer, with this text instead of the bare sentence.
    pub(super) fn with_body(&self, body: String, content: Content) -> Response {
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, content.media_type());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

impl From<Stopped> for Refusal {
    fn from(_: Stopped) -> Refusal {
        Refusal::unavailable("the answer was interrupted; try again")
    }
}

/// Whether the client wants pages: browsers accept `text/html`; the `go` command and other programs do
/// not, and get the bare sentence.
pub(super) fn reads_pages(request: &HeaderMap) -> bool {
    let mut lines = request.get_all(ACCEPT).into_iter().filter_map(|line| line.to_str().ok());
    lines.any(|line| line.contains("text/html"))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.with_body(format!("{}\n", self.sentence), Content::Text);
        // So that `guard` can turn it into a page.
        response.extensions_mut().insert(self);
        response
    }
}
