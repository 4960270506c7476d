//! The path below which a deployment is served, if it shares its host with something else.
//!
//! Everything here writes addresses from the site's own root, such as `/charts/`. [`BasePath`] puts the path in
//! front where they leave the program: in the attributes of pages, and in the headers of redirects. Absolute
//! addresses, for feeds, citations and commands, are made by [`SiteAddress`].

use crate::tlog::Host;
use axum::http::header::{LINK, LOCATION};
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use maud::{Markup, PreEscaped};
use std::fmt;
use std::str::FromStr;

/// The path below which a deployment is served: empty, or one or more elements each after a slash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BasePath(String);

/// Text that is no base path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no path to serve below: write /telemetry, or /a/b, with letters, digits and -._~ in each element"
)]
pub struct BasePathError(String);

/// The longest base path, in bytes.
const LONGEST: usize = 200;

impl FromStr for BasePath {
    type Err = BasePathError;

    /// Slashes at the end are ignored; `/` alone is no path at all.
    fn from_str(text: &str) -> Result<BasePath, BasePathError> {
        let path = text.trim_end_matches('/');
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let is_element =
            |element: &str| !matches!(element, "" | "." | "..") && element.bytes().all(plain);
        let good = match path.strip_prefix('/') {
            Some(elements) => path.len() <= LONGEST && elements.split('/').all(is_element),
            None => path.is_empty() && !text.is_empty(),
        };
        match good {
            true => Ok(BasePath(path.to_owned())),
            false => Err(BasePathError(text.chars().take(100).collect())),
        }
    }
}

impl fmt::Display for BasePath {
    /// What is in front of a path that begins with a slash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The attributes that hold addresses; the script of some pages reads the last three.
const ATTRIBUTES: [&str; 6] = ["href", "src", "action", "data-log", "data-zip", "data-json"];

impl BasePath {
    /// Whether the deployment has its host to itself.
    pub(super) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// A page whose addresses on this site begin with this path.
    ///
    /// In what `maud` writes, quotation marks are either around the values of attributes, or escaped; so nothing
    /// but attributes is found.
    pub(super) fn with_page(&self, page: Markup) -> Markup {
        if self.is_root() {
            return page;
        }
        let html = page.into_string();
        let mut moved = String::with_capacity(html.len() + html.len() / 8);
        let mut rest = html.as_str();
        while let Some(at) = rest.find("=\"/") {
            let (before, value) = rest.split_at(at + 2);
            moved.push_str(before);
            let name = before[..at].rsplit(' ').next().unwrap_or_default();
            // After two slashes a host would follow.
            if ATTRIBUTES.contains(&name) && !value.starts_with("//") {
                moved.push_str(&self.0);
            }
            rest = value;
        }
        moved.push_str(rest);
        PreEscaped(moved)
    }

    /// The address without this path; `None` if it is not below it.
    pub(super) fn inside(&self, address: &Uri) -> Option<Uri> {
        let whole = address.path_and_query().map_or("/", PathAndQuery::as_str);
        let rest = whole.strip_prefix(&self.0)?;
        let rest = match rest.chars().next() {
            Some('/') => rest.to_owned(),
            None | Some('?') => format!("/{rest}"),
            Some(_) => return None,
        };
        let mut parts = address.clone().into_parts();
        parts.path_and_query = Some(rest.try_into().ok()?);
        Uri::from_parts(parts).ok()
    }

    /// Has the headers that hold addresses on this site begin with this path.
    pub(super) fn move_headers(&self, headers: &mut HeaderMap) {
        self.move_header(headers, LOCATION, "/");
        self.move_header(headers, LINK, "</");
    }

    fn move_header(&self, headers: &mut HeaderMap, name: HeaderName, start: &str) {
        let Some(rest) = headers
            .get(&name)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix(start).filter(|rest| !rest.starts_with('/')))
        else {
            return;
        };
        let opening = start.trim_end_matches('/');
        let moved = HeaderValue::try_from(format!("{opening}{}/{rest}", self.0));
        headers.insert(name, moved.expect("a header's value with plain letters in it"));
    }
}

/// The public address of a deployment, to be followed by a path with its slash: what it is called where no request
/// tells, as in feeds and citations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web) struct SiteAddress {
    host: Host,
    base: BasePath,
}

impl SiteAddress {
    pub(super) fn new(host: Host, base: BasePath) -> SiteAddress {
        SiteAddress { host, base }
    }

    /// The path within its host.
    pub(super) fn base(&self) -> &BasePath {
        &self.base
    }

    /// The host.
    pub(super) fn host(&self) -> &Host {
        &self.host
    }
}

impl fmt::Display for SiteAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}{}", self.host, self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::content_policy::SCRIPT;
    use maud::html;

    fn base(text: &str) -> BasePath {
        text.parse().expect("a base path")
    }

    #[test]
    fn base_paths() {
        for (text, expected) in [
            ("/telemetry", "/telemetry"),
            ("/a/b.c/", "/a/b.c"),
            ("/", ""),
            ("//", ""),
            ("/~x", "/~x"),
        ] {
            assert_eq!(base(text).to_string(), expected);
            assert_eq!(base(text).is_root(), expected.is_empty());
        }
        let long = format!("/{}", "a".repeat(LONGEST));
        for text in [
            "",
            "telemetry",
            "/a//b",
            "/a/../b",
            "/.",
            "/a b",
            "/a\"b",
            "/ä",
            "/a?b",
            "/%61",
            "//a",
            &*long,
        ] {
            assert!(text.parse::<BasePath>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn requests_are_inside_or_outside() {
        for (asked, expected) in [
            ("/t", Some("/")),
            ("/t/", Some("/")),
            ("/t?a", Some("/?a")),
            ("/t/charts/?a=/t/", Some("/charts/?a=/t/")),
            ("/t//upload/x", Some("//upload/x")),
            ("/tt/", None),
            ("/", None),
            ("//t/", None),
            ("/x/t/", None),
        ] {
            let inside = base("/t").inside(&asked.parse().expect("an address"));
            assert_eq!(inside.map(|inside| inside.to_string()).as_deref(), expected, "{asked}");
        }
    }

    #[test]
    fn addresses_in_attributes_are_moved_and_nothing_else() {
        let typed = "/typed\" href=\"/x";
        let page = html! {
            form action="/charts/find" { input name="q" value=(typed); }
            a href="/" { "href=\"/charts/\"" }
            a href={ "/a?" (typed) } title="/title" data-log="/log/" { "=\"/" }
            a href="//elsewhere.example/" { (typed) } a href="#here" {} a href="https://example.org/" {}
            img src="/a.svg";
        };
        let moved = base("/t").with_page(page.clone()).into_string();
        let expected = "<form action=\"/t/charts/find\"><input name=\"q\" value=\"/typed&quot; href=&quot;/x\"></form>\
            <a href=\"/t/\">href=&quot;/charts/&quot;</a>\
            <a href=\"/t/a?/typed&quot; href=&quot;/x\" title=\"/title\" data-log=\"/t/log/\">=&quot;/</a>\
            <a href=\"//elsewhere.example/\">/typed&quot; href=&quot;/x</a><a href=\"#here\"></a>\
            <a href=\"https://example.org/\"></a><img src=\"/t/a.svg\">";
        assert_eq!(moved, expected);
        assert_eq!(base("/").with_page(page.clone()).into_string(), page.into_string());
    }

    #[test]
    fn the_script_stays_as_its_hash_says() {
        let page = base("/t").with_page(PreEscaped(format!("<script>{SCRIPT}</script>")));
        assert_eq!(page.into_string(), format!("<script>{SCRIPT}</script>"));
    }

    #[test]
    fn redirects_and_permanent_addresses_are_moved() {
        for (before, after) in [
            ("/charts/", "/t/charts/"),
            ("//elsewhere.example/", "//elsewhere.example/"),
            ("https://example.org/", "https://example.org/"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, HeaderValue::from_static(before));
            headers.insert(LINK, HeaderValue::from_static("</a>; rel=\"canonical\""));
            base("/t").move_headers(&mut headers);
            assert_eq!(
                (&headers[LOCATION], &headers[LINK]),
                (
                    &HeaderValue::from_static(after),
                    &HeaderValue::from_static("</t/a>; rel=\"canonical\"")
                )
            );
        }
    }
}
