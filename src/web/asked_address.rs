//! The address that commands on pages name.
//!
//! There is one rule. Commands that readers copy, and queries that they run, name the address that was asked, so that
//! they work where they were read: on this machine, behind a tunnel, on a mirror. What is kept or passed on (citations,
//! feeds, snippets to embed, addresses for previews) names the deployment's own address, [`Site::address`].
//!
//! [`Site::address`]: super::site::Site

use super::base_path::SiteAddress;
use axum::http::header::{HOST, HeaderName};
use axum::http::{HeaderMap, HeaderValue};
use std::net::Ipv6Addr;

/// The scheme by which a proxy was asked.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The longest host that is repeated.
const LONGEST_HOST: usize = 260;

/// The site's base address, for commands that people copy: the one that the request was sent to, so that they work
/// where it was asked. It is the deployment's own if the request names none. The scheme is that of the proxy in
/// front, if it says so; else `http` for an address with a port or of this machine, and `https` for others.
pub(super) fn base_address(headers: &HeaderMap, site: &SiteAddress) -> String {
    let (host, base) = (site.host(), site.base());
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let own = site.to_string();
    let Some((name, port)) = text(HOST).and_then(name_and_port) else { return own };
    if name == host.to_string() && port.is_none() {
        return own;
    }
    let is_local = matches!(name, "localhost" | "127.0.0.1" | "[::1]");
    let scheme = match text(FORWARDED_PROTO) {
        Some("https") => "https",
        Some("http") => "http",
        _ if is_local || port.is_some() => "http",
        _ => "https",
    };
    match port {
        Some(port) => format!("{scheme}://{name}:{port}{base}"),
        None => format!("{scheme}://{name}{base}"),
    }
}

/// A host's name and port, if they are such and nothing else: the text becomes part of a command.
fn name_and_port(asked: &str) -> Option<(&str, Option<&str>)> {
    let (name, port) = match asked.rsplit_once(':') {
        // The last part of an IPv6 address is no port.
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (asked, None),
    };
    let is_port = |port: &str| {
        (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit())
    };
    let inside = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let is_name = match inside {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            name.starts_with(|first: char| first.is_ascii_alphanumeric()) && name.bytes().all(plain)
        }
    };
    (asked.len() <= LONGEST_HOST && is_name && port.is_none_or(is_port)).then_some((name, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::base_path::BasePath;

    #[test]
    fn commands_name_the_address_that_was_asked() {
        let host = "telemetry.example.org".parse().expect("a host");
        let site = SiteAddress::new(host, BasePath::default());
        let base = |asked: &str, scheme: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, asked.parse().expect("a header value"));
            if let Some(scheme) = scheme {
                headers.insert(FORWARDED_PROTO, scheme.parse().expect("a header value"));
            }
            base_address(&headers, &site)
        };
        for (asked, expected) in [
            ("telemetry.example.org", "https://telemetry.example.org"),
            ("staging.example.org", "https://staging.example.org"),
            ("staging.example.org:8080", "http://staging.example.org:8080"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("localhost", "http://localhost"),
            ("localhost:80", "http://localhost:80"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("[2001:db8::1]", "https://[2001:db8::1]"),
            ("192.0.2.7:8080", "http://192.0.2.7:8080"),
        ] {
            assert_eq!(base(asked, None), expected, "{asked}");
        }
        assert_eq!(base("telemetry.example.org", Some("http")), "https://telemetry.example.org");
        assert_eq!(
            base("mirror.example.org:8443", Some("https")),
            "https://mirror.example.org:8443"
        );
        assert_eq!(base("mirror.example.org", Some("http")), "http://mirror.example.org");
        assert_eq!(base("mirror.example.org", Some("gopher")), "https://mirror.example.org");
        // What is no host would become part of a command.
        let long = "a".repeat(LONGEST_HOST + 1);
        for asked in
            ["", "localhost:80'; rm", "a b", "$(x)", "-o", "a:8080808080", "[x]", "a/b", &long]
        {
            assert_eq!(base(asked, None), "https://telemetry.example.org", "{asked}");
        }
        assert_eq!(base_address(&HeaderMap::new(), &site), "https://telemetry.example.org");
        let below = "/telemetry".parse().expect("a base path");
        let below = SiteAddress::new(site.host().clone(), below);
        for (asked, expected) in [
            ("telemetry.example.org", "https://telemetry.example.org/telemetry"),
            ("localhost:80", "http://localhost:80/telemetry"),
            ("mirror.example.org", "https://mirror.example.org/telemetry"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, asked.parse().expect("a header value"));
            assert_eq!(base_address(&headers, &below), expected);
        }
    }
}
