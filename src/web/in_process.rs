//! Asking a site without a connection: how a static copy gets its answers, which are those that a server gives.

use super::pages::{self, WrittenAt};
use super::path_form;
use super::router_with;
use super::site::Site;
use crate::body::BodyLimits;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LINK,
    LOCATION,
};
use axum::http::{HeaderName, Request};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;

/// A reader of a site.
#[derive(Debug, Clone)]
pub struct Reader {
    site: Site,
    router: Router,
}

/// An answer to it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// `Content-Type`
    pub content_type: String,
    /// `Cache-Control`
    pub cache_control: String,
    /// `Content-Disposition`
    pub disposition: Option<String>,
    /// `Content-Security-Policy`
    pub policy: Option<String>,
    /// `Link`
    pub link: Option<String>,
    /// `Location`
    pub location: Option<String>,
    /// The body, not compressed.
    pub body: Bytes,
}

impl Reader {
    /// A reader of `site`, which accepts no reports.
    pub fn new(site: Site) -> Reader {
        let router = router_with(site.clone(), None, BodyLimits::default());
        Reader { site, router }
    }

    /// The path below which the site is served; empty if it has its host to itself.
    pub fn base_path(&self) -> String {
        self.site.address().base().to_string()
    }

    /// The site's public address, to be followed by a path.
    pub fn address(&self) -> String {
        self.site.address().to_string()
    }

    /// The answer for a path within the site.
    pub async fn get(&self, path: &str) -> Answer {
        let mut request = Request::builder().uri(format!("{}{path}", self.base_path()));
        // Refusals are pages, too.
        request = request.header(ACCEPT, "text/html,*/*");
        let refused = |status| Answer {
            status,
            content_type: String::new(),
            cache_control: String::new(),
            disposition: None,
            policy: None,
            link: None,
            location: None,
            body: Bytes::new(),
        };
        let Ok(mut request) = request.body(Body::empty()) else { return refused(400) };
        if let Some(plain) = path_form::with_query(request.uri()) {
            *request.uri_mut() = plain;
        }
        let Ok(response) = TowerToHyperService::new(self.router.clone()).call(request).await;
        let (head, body) = response.into_parts();
        let header = |name: HeaderName| {
            head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        // A file that is cut short is a failure, and not a short file.
        let Ok(body) = to_bytes(body, usize::MAX).await else { return refused(503) };
        Answer {
            status: head.status.as_u16(),
            content_type: header(CONTENT_TYPE).unwrap_or_default(),
            cache_control: header(CACHE_CONTROL).unwrap_or_default(),
            disposition: header(CONTENT_DISPOSITION),
            policy: header(CONTENT_SECURITY_POLICY),
            link: header(LINK),
            location: header(LOCATION),
            body,
        }
    }

    /// The page that says when a static copy was written, and what it cannot do.
    pub fn page_of_files(&self, written: &WrittenAt) -> String {
        pages::page_of_files(&self.site, written).into_string()
    }
}
