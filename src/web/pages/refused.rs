//! Refusals as pages.

use super::layout;
use crate::web::content_policy::PAGE_POLICY;
use crate::web::refusal::Refusal;
use crate::web::representation::Content;
use crate::web::site::Site;
use axum::http::StatusCode;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::Response;
use maud::html;

/// The refusal as a page, with its status.
pub(in crate::web) fn refusal(site: &Site, refusal: &Refusal) -> Response {
    let title = match refusal.status() {
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::SERVICE_UNAVAILABLE => "Not now",
        status if status.is_server_error() => "Something is broken",
        _ => "Bad request",
    };
    let sentence = refusal.sentence();
    // For machines, the sentence begins with the kind of the refusal; here the heading says it.
    let sentence = ["not found: ", "bad request: "]
        .iter()
        .find_map(|kind| sentence.strip_prefix(kind))
        .unwrap_or(sentence);
    let body = html! {
        h1 { (title) }
        p.lead { (super::words::capitalized(sentence)) "." }
        p {
            "Go to: " a href="/" { "home" } ", " a href="/charts/" { "charts" } ", "
            a href="/data/" { "data" } ", " a href="/config/" { "config" } ", "
            a href="/log/" { "log" } " or " a href="/privacy" { "privacy" } "."
        }
    };
    let page = layout::page(site, title, None, &body);
    let mut response = refusal.with_body(page.into_string(), Content::Html);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, PAGE_POLICY);
    response
}
