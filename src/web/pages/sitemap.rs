//! `/robots.txt` and `/sitemap.xml`: what search engines should read (RFC 9309,
//! <https://www.sitemaps.org/protocol.html>).
//!
//! The map has the pages that stay: the main ones, programs, their charts in the newest final week, weeks and
//! versions. With more than [`PART`] of them it is an index of parts, `/sitemap/N.xml`; at most [`PARTS`] are listed.

use super::{charts, help};
use crate::gomod::ModuleVersion;
use crate::web::address::Address;
use crate::web::refusal::Refusal;
use crate::web::representation::{Content, Lifetime};
use crate::web::site::Site;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};

/// How many addresses a file has; the protocol allows 50,000.
const PART: usize = 10_000;
/// How many files there are at most.
const PARTS: usize = 20;
/// The namespace of both formats.
const NAMESPACE: &str = "http://www.sitemaps.org/schemas/sitemap/0.9";
/// The pages that every deployment has.
const MAIN: [&str; 10] = [
    "/",
    "/charts/",
    "/charts/@all",
    "/counters/",
    "/data/",
    "/config/",
    "/log/",
    "/privacy",
    "/check",
    "/charts/@format",
];

/// `/robots.txt`: everything may be read but what only programs use, and pages that forms lead to.
pub(super) async fn robots(
    State(site): State<Site>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let made = site.cached("/robots.txt", Content::Text, async { Ok(()) }, |site, ()| {
        let address = site.address();
        let base = address.base();
        let hidden = ["/goproxy/", "/sumdb/", "/lookup/", "/tile/", "/upload/", "/witness/", "/*?"];
        let hidden: String = hidden.map(|path| format!("Disallow: {base}{path}\n")).concat();
        format!("User-agent: *\n{hidden}\nSitemap: {address}/sitemap.xml\n")
    });
    Ok(made.await?.respond(&headers, Lifetime::Day))
}

/// `/sitemap.xml`
pub(super) async fn whole(
    State(site): State<Site>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    answer(&site, &headers, None).await
}

/// `/sitemap/N.xml`
pub(super) async fn part(
    State(site): State<Site>,
    address: Address,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let number = address.below("/sitemap/").strip_suffix(".xml").and_then(|text| text.parse().ok());
    let none = || Refusal::not_found("not found: /sitemap.xml lists all parts of the site map");
    answer(
        &site,
        &headers,
        Some(number.filter(|number| (1..=PARTS).contains(number)).ok_or_else(none)?),
    )
    .await
}

async fn answer(
    site: &Site,
    headers: &HeaderMap,
    part: Option<usize>,
) -> Result<Response, Refusal> {
    let (head, index) = (site.head().await?, site.index().await?);
    let catalogue = site.catalogue(&head).await?;
    let newest = head.newest().map_or(0, ModuleVersion::number);
    let key = format!("/sitemap {part:?} {newest} {:x} {}", index.tag, catalogue.key);
    let load = async move { Ok((index, catalogue)) };
    let made = site.cached(key, Content::Xml, load, move |site, (index, catalogue)| {
        let pages = charts::listed(&index.index, catalogue.catalogue.as_ref());
        let fixed: Vec<String> = MAIN
            .iter()
            .map(|path| (*path).to_owned())
            .chain(help::addresses())
            .chain(pages)
            .collect();
        let map = Map { fixed, versions: newest };
        let address = site.address().to_string();
        let body = match (part, map.parts()) {
            (None, parts) if parts > 1 => index_of(&address, parts),
            (part, _) => map.part(&address, part.unwrap_or(1)),
        };
        format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{}\n", body.into_string())
    });
    Ok(made.await?.respond(headers, Lifetime::Minutes))
}

/// What is in the map: some paths, and the pages of so many versions, of which the newest come first.
struct Map {
    fixed: Vec<String>,
    versions: u64,
}

impl Map {
    /// How many files it takes.
    fn parts(&self) -> usize {
        let versions = usize::try_from(self.versions).unwrap_or(usize::MAX);
        self.fixed.len().saturating_add(versions).div_ceil(PART).clamp(1, PARTS)
    }

    /// One of them, counted from 1.
    fn part(&self, address: &str, number: usize) -> Markup {
        let versions = (1..=self.versions).rev().map(|number| format!("/config/v0.{number}.0"));
        let all = self.fixed.iter().cloned().chain(versions);
        let paths = all.skip(number.saturating_sub(1) * PART).take(PART);
        html! {
            urlset xmlns=(NAMESPACE) {
                @for path in paths { url { loc { (address) (path) } } }
            }
        }
    }
}

fn index_of(address: &str, parts: usize) -> Markup {
    html! {
        sitemapindex xmlns=(NAMESPACE) {
            @for number in 1..=parts { sitemap { loc { (address) "/sitemap/" (number) ".xml" } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_map_is_in_parts_that_have_every_page_once() {
        let map = Map { fixed: vec!["/".to_owned(), "/a&b".to_owned()], versions: 25_000 };
        assert_eq!(map.parts(), 3);
        let parts: Vec<String> =
            (1..=3).map(|number| map.part("https://example.org", number).into_string()).collect();
        assert_eq!(parts.iter().map(|part| part.matches("<url>").count()).sum::<usize>(), 25_002);
        assert!(parts[0].contains("<loc>https://example.org/a&amp;b</loc>"));
        assert!(parts[0].contains("/config/v0.25000.0<") && parts[2].contains("/config/v0.1.0<"));
        let index = index_of("https://example.org", 3).into_string();
        assert_eq!(index.matches("<sitemap>").count(), 3);
        assert_eq!(Map { fixed: Vec::new(), versions: u64::MAX }.parts(), PARTS);
        assert_eq!(Map { fixed: Vec::new(), versions: 0 }.parts(), 1);
    }
}
