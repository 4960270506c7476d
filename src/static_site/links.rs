//! The addresses that a file leads to: in links of pages and feeds, in values of JSON, and in what people copy.
//!
//! Addresses are from the site's own root, without the path that it is served below, and in the form without a query
//! ([`path_form`]).

use crate::web::path_form;
use std::collections::BTreeSet;

/// Where a site is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The path below which it is served; empty for a whole host.
    pub(super) base: String,
    /// Its public address, with that path.
    pub(super) address: String,
}

/// What a file leads to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Links {
    /// What a link leads to.
    pub(super) linked: BTreeSet<String>,
    /// What a text mentions, which may be an example.
    pub(super) mentioned: BTreeSet<String>,
}

/// The attributes that hold addresses of files.
pub(super) const ATTRIBUTES: [&str; 4] = ["href", "src", "data-zip", "data-json"];

impl Links {
    /// Of a file of this type.
    pub(super) fn of(content_type: &str, body: &[u8], place: &Place) -> Links {
        let mut links = Links::default();
        let is = |kind: &str| content_type.starts_with(kind);
        let text = [
            "text/html",
            "application/json",
            "application/atom+xml",
            "application/xml",
            "text/plain",
        ];
        let Ok(body) = std::str::from_utf8(body) else { return links };
        if !text.iter().any(|kind| is(kind)) {
            return links;
        }
        if is("text/html") {
            attributes(body, |_, value| links.link(value, &place.base));
        }
        if is("application/json") {
            // Paths in JSON are below the address of the site, whatever that is.
            for value in body.split('"').filter(|value| value.starts_with('/')) {
                if let Some(address) = own(value, "") {
                    links.mentioned.extend(address.ok());
                }
            }
        }
        links.mention(body, place);
        links
    }

    fn link(&mut self, value: &str, base: &str) {
        // One with a query that has no form without it is replaced by a link that says so.
        if let Some(Ok(address)) = own(value, base) {
            self.linked.insert(address);
        }
    }

    /// Whole addresses in the text: of feeds, site maps and snippets.
    fn mention(&mut self, body: &str, place: &Place) {
        let start = format!("{}/", place.address);
        for (at, _) in body.match_indices(&start) {
            let rest = &body[at + place.address.len()..];
            let end = rest.find(|c: char| c.is_whitespace() || "\"'<>&)`,;\\{}[]|".contains(c));
            let path = rest[..end.unwrap_or(rest.len())].trim_end_matches(['.', ':']);
            if let Some(Ok(address)) = own(path, "") {
                self.mentioned.insert(address);
            }
        }
    }
}

/// The attributes that hold addresses, by name, with their values as they are written.
pub(super) fn attributes<'a>(html: &'a str, mut found: impl FnMut(&'a str, &'a str)) {
    // What `maud` writes has quotation marks only around values of attributes.
    let mut rest = html;
    while let Some(at) = rest.find("=\"") {
        let (before, value) = (&rest[..at], &rest[at + 2..]);
        let Some(end) = value.find('"') else { return };
        let name = before.rsplit(' ').next().unwrap_or_default();
        if ATTRIBUTES.contains(&name) {
            found(name, &value[..end]);
        }
        rest = &value[end + 1..];
    }
}

/// An address of this site in the form without a query, or the address itself if it has no such form; `None` if it
/// is elsewhere.
pub(super) fn own(value: &str, base: &str) -> Option<Result<String, String>> {
    let address = value.split('#').next().unwrap_or_default().replace("&amp;", "&");
    let path = address.strip_prefix(base)?;
    if !path.starts_with('/') || path.starts_with("//") {
        return None;
    }
    Some(match path.split_once('?') {
        None => Ok(path.to_owned()),
        Some((path, query)) => path_form(path, query).ok_or_else(|| address.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(kind: &str, body: &str) -> Links {
        let place = Place { base: "/t".into(), address: "https://a.example/t".into() };
        Links::of(kind, body.as_bytes(), &place)
    }

    fn set(all: &[&str]) -> BTreeSet<String> {
        all.iter().map(|one| (*one).to_owned()).collect()
    }

    #[test]
    fn links_are_found_where_they_are() {
        let page = "<a href=\"/t/b?page=2&amp;by=x#c\">=\"/t/d\"</a><a href=\"/t/e?q=x\"><a href=\"//x/y\"><a href=\"#z\">\
            <form action=\"/t/find\"><img src=\"/t/a.svg\"><a href=\"/tt/\"> https://a.example/t/@latest.";
        let found = links("text/html; charset=utf-8", page);
        assert_eq!(found.linked, set(&["/b~page=2~by=x", "/a.svg"]));
        assert_eq!(found.mentioned, set(&["/@latest"]));
        let json = links(
            "application/json",
            "{\"next\": \"/a?from=2\", \"x\": \"b\", \"y\": \"https://a.example/t/c\"}",
        );
        assert_eq!(json.mentioned, set(&["/a~from=2", "/c"]));
        assert_eq!(links("image/png", "https://a.example/t/c"), Links::default());
    }
}
