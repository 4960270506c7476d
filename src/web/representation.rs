//! The bytes of an answer, prepared once and served many times.
//!
//! A [`Representation`] holds everything about an answer that does not depend on the request: the
//! bytes, their gzip form if that is smaller, and a strong entity tag for each of the two (RFC 9110,
//! section 8.8.3: two encodings are two representations). Answering a request is then a choice: 200 or
//! 304, plain or gzip. The router drops the body for HEAD requests.

use super::content_policy::{PAGE_POLICY, page_with_script, picture_policy};
use crate::hex::shortened;
use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use std::io::Write as _;
use std::sync::Arc;

/// How long an answer may be cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// The bytes under this name never change.
    Immutable,
    /// They change with the next publication.
    Seconds,
    /// They may be replaced before long.
    Minutes,
    /// They are not expected to change, but may.
    Day,
}

impl Lifetime {
    /// Its `Cache-Control` header.
    pub(super) fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Lifetime::Immutable => "public, max-age=31536000, immutable",
            Lifetime::Seconds => "public, max-age=5",
            Lifetime::Minutes => "public, max-age=300",
            Lifetime::Day => "public, max-age=86400",
        })
    }
}

/// The kind of an answer's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Text in UTF-8.
    Text,
    /// JSON.
    Json,
    /// A page.
    Html,
    /// A page with the one script.
    HtmlWithScript,
    /// A stylesheet.
    Style,
    /// A picture.
    Svg,
    /// A picture as a bitmap, which no compressor makes smaller.
    Png,
    /// A feed.
    Atom,
    /// A site map.
    Xml,
    /// A table, with a header line.
    Csv,
    /// A module zip.
    Zip,
    /// Entry bundles: text with binary lengths.
    Entries,
    /// A module zip with its proof.
    ProvedFile,
    /// Hashes, which no compressor makes smaller.
    Hashes,
}

impl Content {
    /// Its `Content-Type`.
    pub(super) fn media_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Content::Text => "text/plain; charset=utf-8",
            Content::Json => "application/json",
            Content::Html | Content::HtmlWithScript => "text/html; charset=utf-8",
            Content::Style => "text/css; charset=utf-8",
            Content::Svg => "image/svg+xml",
            Content::Png => "image/png",
            Content::Csv => "text/csv; charset=utf-8; header=present",
            Content::Atom => "application/atom+xml; charset=utf-8",
            Content::Xml => "application/xml; charset=utf-8",
            Content::Zip => "application/zip",
            Content::Entries | Content::ProvedFile | Content::Hashes => "application/octet-stream",
        })
    }
}

/// Fewer bytes than this fit into one packet, compressed or not.
const WORTH_COMPRESSING: usize = 1024;

/// Bytes with their entity tags and their gzip form. Cloning is cheap.
#[derive(Debug, Clone)]
pub(super) struct Representation(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    content: Content,
    plain: Variant,
    /// Absent if compressing is not worthwhile.
    gzip: Option<Variant>,
}

#[derive(Debug)]
struct Variant {
    bytes: Bytes,
    etag: HeaderValue,
}

impl Representation {
    /// Hashes and compresses `bytes`; must not run on the threads that answer requests.
    pub(super) fn new(bytes: Vec<u8>, content: Content) -> Representation {
        let gzip = match content {
            Content::Hashes | Content::Png => None,
            _ if bytes.len() < WORTH_COMPRESSING => None,
            _ => gzip(&bytes).filter(|smaller| smaller.len() < bytes.len()).map(Variant::new),
        };
        Representation(Arc::new(Parts { content, plain: Variant::new(bytes), gzip }))
    }

    /// The bytes, not compressed.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0.plain.bytes
    }

    /// The number of bytes held in memory.
    pub(super) fn length(&self) -> u64 {
        let gzip = self.0.gzip.as_ref().map_or(0, |variant| variant.bytes.len());
        (self.0.plain.bytes.len() + gzip) as u64
    }

    /// The answer to a GET or HEAD request with these headers.
    pub(super) fn respond(&self, request: &HeaderMap, lifetime: Lifetime) -> Response {
        let (variant, encoded) = match &self.0.gzip {
            Some(gzip) if accepts_gzip(request) => (gzip, true),
            _ => (&self.0.plain, false),
        };
        let unchanged = is_known(request, &variant.etag);
        let body = if unchanged { Body::empty() } else { Body::from(variant.bytes.clone()) };
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(ETAG, variant.etag.clone());
        headers.insert(CACHE_CONTROL, lifetime.header());
        if self.0.gzip.is_some() {
            headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        // Also with 304: its headers replace those of the cached page.
        match self.0.content {
            Content::Html => drop(headers.insert(CONTENT_SECURITY_POLICY, PAGE_POLICY)),
            Content::Svg => drop(headers.insert(CONTENT_SECURITY_POLICY, picture_policy())),
            Content::HtmlWithScript => {
                headers.insert(CONTENT_SECURITY_POLICY, page_with_script());
            }
            _ => {}
        }
        if unchanged {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        headers.insert(CONTENT_TYPE, self.0.content.media_type());
        if encoded {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

impl Variant {
    fn new(bytes: Vec<u8>) -> Variant {
        // 128 bits of the hash are enough to avoid accidental collisions.
        let etag = format!("\"{}\"", shortened(&Sha256::digest(&bytes), 16));
        let etag = HeaderValue::try_from(etag).unwrap_or(HeaderValue::from_static("\"\""));
        Variant { bytes: bytes.into(), etag }
    }
}

fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// The items of a list header, over all its lines.
fn list(request: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = request.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// Whether the client accepts gzip: RFC 9110, section 12.5.3. `*` applies if gzip is not listed.
fn accepts_gzip(request: &HeaderMap) -> bool {
    let weight = |wanted: &str| {
        list(request, ACCEPT_ENCODING).find_map(|item| {
            let (coding, parameters) = item.split_once(';').unwrap_or((item, ""));
            let quality = parameters.trim().strip_prefix("q=").unwrap_or("1");
            coding
                .trim()
                .eq_ignore_ascii_case(wanted)
                .then(|| quality.trim().parse().unwrap_or(0.0))
        })
    };
    weight("gzip").or_else(|| weight("*")).is_some_and(|quality: f32| quality > 0.0)
}

/// Whether the client already has these bytes: RFC 9110, section 13.1.2, weak comparison.
pub(super) fn is_known(request: &HeaderMap, etag: &HeaderValue) -> bool {
    list(request, IF_NONE_MATCH)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().expect("a header value")))
            .collect()
    }

    fn text() -> Representation {
        Representation::new(b"telemetry ".repeat(200), Content::Text)
    }

    #[test]
    fn gzip_is_sent_to_clients_that_accept_it() {
        for (value, accepted) in [
            ("gzip", true),
            ("GZIP", true),
            ("deflate, gzip;q=0.5", true),
            ("*", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0, *", false),
            ("*;q=0", false),
            ("br", false),
            ("identity", false),
            ("", false),
            ("gzip;q=x", false),
        ] {
            let request = headers(&[(ACCEPT_ENCODING, value)]);
            let response = text().respond(&request, Lifetime::Seconds);
            let encoding = response.headers().get(CONTENT_ENCODING);
            assert_eq!(encoding.is_some(), accepted, "{value}");
            assert_eq!(response.headers()[VARY], "accept-encoding");
        }
        let response = text().respond(&HeaderMap::new(), Lifetime::Seconds);
        assert_eq!(response.headers().get(CONTENT_ENCODING), None);
    }

    #[test]
    fn what_gzip_does_not_make_smaller_is_sent_plain() {
        let request = headers(&[(ACCEPT_ENCODING, "gzip")]);
        for small in [
            Representation::new(b"x".to_vec(), Content::Text),
            Representation::new(vec![0; 8192], Content::Hashes),
        ] {
            let response = small.respond(&request, Lifetime::Immutable);
            assert_eq!(response.headers().get(CONTENT_ENCODING), None);
            assert_eq!(response.headers().get(VARY), None);
        }
    }

    #[test]
    fn a_client_that_has_the_bytes_gets_304() {
        let plain = text().respond(&HeaderMap::new(), Lifetime::Seconds);
        let tag = plain.headers()[ETAG].to_str().expect("text").to_string();
        let known = |value: &str| {
            let request = headers(&[(IF_NONE_MATCH, value)]);
            let response = text().respond(&request, Lifetime::Seconds);
            assert_eq!(response.headers()[ETAG], plain.headers()[ETAG]);
            response.status() == StatusCode::NOT_MODIFIED
        };
        for value in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".into()] {
            assert!(known(&value), "{value}");
        }
        for value in ["", "\"x\"", tag.trim_matches('"')] {
            assert!(!known(value), "{value}");
        }
        // The gzip form is another representation, with a tag of its own.
        let request = headers(&[(ACCEPT_ENCODING, "gzip"), (IF_NONE_MATCH, &tag)]);
        assert_eq!(text().respond(&request, Lifetime::Seconds).status(), StatusCode::OK);
    }
}
