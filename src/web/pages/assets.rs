//! The stylesheet and the icon, compiled in, and served under names that contain their hashes.

use crate::hex::shortened;
use crate::web::draw;
use crate::web::representation::{Content, Lifetime, Representation};
use axum::http::HeaderMap;
use axum::response::Response;
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// The parts of the stylesheet, in order.
const STYLE: &[&str] = &[
    include_str!("style.css"),
    draw::STYLE,
    include_str!("charts.css"),
    include_str!("program.css"),
    include_str!("chart.css"),
    include_str!("help.css"),
];
const ICON: &str = include_str!("icon.svg");

/// The part of the stylesheet that all pages need, for a page that must be a single file.
pub fn stylesheet() -> &'static str {
    STYLE.first().copied().unwrap_or_default()
}

/// A file that all pages refer to.
#[derive(Debug)]
pub(super) struct Asset {
    path: String,
    representation: Representation,
}

impl Asset {
    fn new(name: &str, extension: &str, text: String, content: Content) -> Asset {
        let path = format!("/{name}.{}.{extension}", shortened(&Sha256::digest(&text), 8));
        Asset { path, representation: Representation::new(text.into_bytes(), content) }
    }

    /// Its path, which changes whenever its bytes do.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The answer to a request for it.
    pub(super) fn respond(&self, headers: &HeaderMap) -> Response {
        self.representation.respond(headers, Lifetime::Immutable)
    }
}

/// The stylesheet.
pub(super) fn style() -> &'static Asset {
    static ASSET: LazyLock<Asset> =
        LazyLock::new(|| Asset::new("style", "css", STYLE.concat(), Content::Style));
    &ASSET
}

/// The icon in a browser's tab.
pub(super) fn icon() -> &'static Asset {
    static ASSET: LazyLock<Asset> =
        LazyLock::new(|| Asset::new("icon", "svg", ICON.to_owned(), Content::Svg));
    &ASSET
}
