//! `@latest` in an address stands for what is newest: a redirect, so that what people share stays the same while
//! each answer has an address of its own.

use super::representation::Lifetime;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Redirect, Response};

/// What stands for the newest one in an address.
pub(super) const LATEST: &str = "@latest";

/// A redirect to the newest one, which may be cached for minutes.
pub(super) fn redirect(address: &str) -> Response {
    let mut response = Redirect::temporary(address).into_response();
    response.headers_mut().insert(CACHE_CONTROL, Lifetime::Minutes.header());
    response
}
