//! Who sent a request, by a proxy's headers: `Forwarded` (RFC 7239) and `X-Forwarded-For`.
//!
//! These headers are only read if the peer is a proxy that the operator named. Each proxy on the way
//! adds its peer at the right end, so both are read from right to left: as long as an address is one of
//! the operator's proxies, that proxy vouches for the next one. The first address that is not is the
//! client. What is left of it could have been written by anyone, and is ignored.
//!
//! | what a trusted proxy sends | whose budget |
//! | --- | --- |
//! | one of the two headers | the client's that it names |
//! | both, and they name the same network | that one's |
//! | both, and they differ | the proxy's own: one of them may be made up by the client and passed on by a proxy that sets only the other |
//! | neither | the proxy's own |
//! | an address that is `unknown`, hidden (`_name`) or malformed, before a client was found | the proxy's own |
//!
//! The proxy's own budget is the safe choice: whoever provokes it shares it with others who do, and
//! takes nothing from senders that can be told apart.

use super::peer::{Prefix, Source};
use super::proxies::TrustedProxies;
use axum::http::HeaderMap;
use axum::http::header::FORWARDED;
use std::net::{IpAddr, SocketAddr};

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// Who sent the request that came from this peer with these headers.
pub(super) fn sender(peer: Source, headers: &HeaderMap, trusted: &TrustedProxies) -> Source {
    if !trusted.trusts(peer) {
        return peer;
    }
    let standard = lines(headers, FORWARDED.as_str()).map(|text| client(nodes(&text), trusted));
    let other = lines(headers, X_FORWARDED_FOR)
        .map(|text| client(text.split(',').map(|node| address(node.trim())).collect(), trusted));
    match (standard, other) {
        (Some(Some(one)), Some(Some(other))) => {
            let same = Prefix::of(Source::Address(one)) == Prefix::of(Source::Address(other));
            if same { Source::Address(one) } else { peer }
        }
        (Some(Some(client)), None) | (None, Some(Some(client))) => Source::Address(client),
        _ => peer,
    }
}

/// Whether a proxy added anything.
pub(super) fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key(FORWARDED) || headers.contains_key(X_FORWARDED_FOR)
}

/// All lines of a header, joined in order; `None` if there are none.
fn lines(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut lines = headers.get_all(name).into_iter().peekable();
    lines.peek()?;
    // Anything that is not ASCII is not an address either, and stays malformed.
    let lines: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    Some(lines.join(","))
}

/// The client among these addresses, from right to left; `None` if it is unknown.
fn client(nodes: Vec<Option<IpAddr>>, trusted: &TrustedProxies) -> Option<IpAddr> {
    let mut first = None;
    for node in nodes.into_iter().rev() {
        let node = node?;
        first = Some(node);
        if !trusted.trusts(Source::Address(node)) {
            break;
        }
    }
    first
}

/// An address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match bare {
        Some(six) => IpAddr::V6(six.parse().ok()?),
        None => match text.parse::<IpAddr>() {
            Ok(address) => address,
            Err(_) => text.parse::<SocketAddr>().ok()?.ip(),
        },
    };
    Some(address.to_canonical())
}

/// The `for` of each element of `Forwarded`; `None` if it is missing or malformed.
fn nodes(text: &str) -> Vec<Option<IpAddr>> {
    split(text, ',')
        .into_iter()
        .map(|element| {
            let mut found = None;
            for pair in split(element, ';') {
                let (name, value) = pair.split_once('=')?;
                if name.trim().eq_ignore_ascii_case("for") {
                    if found.is_some() {
                        return None;
                    }
                    found = Some(address(&unquoted(value.trim())?)?);
                }
            }
            found
        })
        .collect()
}

/// The parts between separators that are not quoted.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(|c: char| {
        let here = c == separator && !quoted;
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        here
    })
    .collect()
}

/// A token or a quoted string.
fn unquoted(text: &str) -> Option<String> {
    let Some(rest) = text.strip_prefix('"') else { return Some(text.to_owned()) };
    let inner = rest.strip_suffix('"')?;
    let mut characters = inner.chars();
    let mut plain = String::new();
    while let Some(c) = characters.next() {
        plain.push(match c {
            '\\' => characters.next()?,
            '"' => return None,
            c => c,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name: HeaderName = name.parse().expect("a name");
            headers.append(name, value.parse().expect("a value"));
        }
        headers
    }

    fn from(text: &str) -> Source {
        Source::Address(text.parse::<IpAddr>().expect("an address").to_canonical())
    }

    fn trusted() -> TrustedProxies {
        let proxies = ["127.0.0.1", "10.0.0.0/8", "2001:db8:aa::/48"];
        TrustedProxies::new(proxies.iter().map(|p| p.parse().expect("a network")).collect())
    }

    #[test]
    fn the_client_is_the_last_address_that_is_no_proxy_of_the_operators() {
        const PEER: &str = "127.0.0.1";
        const XFF: &str = "X-Forwarded-For";
        for (lines, client) in [
            (&[][..], PEER),
            (&[(XFF, "203.0.113.7")], "203.0.113.7"),
            (&[(XFF, "198.51.100.1, 203.0.113.7")], "203.0.113.7"),
            (&[(XFF, "203.0.113.7, 10.1.2.3")], "203.0.113.7"),
            (&[(XFF, "203.0.113.7"), (XFF, "10.1.2.3")], "203.0.113.7"),
            (&[(XFF, "garbage, 203.0.113.7")], "203.0.113.7"),
            (&[(XFF, "203.0.113.7, garbage")], PEER),
            (&[(XFF, "203.0.113.7, ")], PEER),
            (&[(XFF, "203.0.113.7:4711")], "203.0.113.7"),
            (&[(XFF, "[2001:db8::7]:4711")], "2001:db8::7"),
            (&[(XFF, "2001:db8::7")], "2001:db8::7"),
            (&[(XFF, "::ffff:203.0.113.7")], "203.0.113.7"),
            (&[(XFF, "10.0.0.1, 10.0.0.2")], "10.0.0.1"),
            (&[(XFF, "unknown")], PEER),
            (&[(XFF, "")], PEER),
            (&[("Forwarded", "for=203.0.113.7")], "203.0.113.7"),
            (&[("Forwarded", "For=\"[2001:db8:cafe::17]:4711\"")], "2001:db8:cafe::17"),
            (&[("Forwarded", "for=203.0.113.7;proto=http;by=203.0.113.43")], "203.0.113.7"),
            (
                &[("Forwarded", "for=198.51.100.1, for=203.0.113.7;secret=\"a,b;c\\\",\"")],
                "203.0.113.7",
            ),
            (&[("Forwarded", "for=203.0.113.7"), ("Forwarded", "for=10.2.3.4")], "203.0.113.7"),
            (&[("Forwarded", "for=203.0.113.7, for=unknown")], PEER),
            (&[("Forwarded", "for=_hidden")], PEER),
            (&[("Forwarded", "proto=https")], PEER),
            (&[("Forwarded", "for=\"203.0.113.7")], PEER),
            (&[("Forwarded", "for=203.0.113.7;for=203.0.113.8")], PEER),
            (&[("Forwarded", "for=203.0.113.7"), (XFF, "203.0.113.9")], "203.0.113.7"),
            (&[("Forwarded", "for=198.51.100.1"), (XFF, "203.0.113.9")], PEER),
            (&[("Forwarded", "nonsense"), (XFF, "203.0.113.9")], PEER),
        ] {
            let found = sender(from(PEER), &headers(lines), &trusted());
            assert!(found == from(client), "{lines:?}");
        }
    }

    #[test]
    fn nobody_else_is_believed() {
        let said = headers(&[("X-Forwarded-For", "203.0.113.7"), ("Forwarded", "for=203.0.113.7")]);
        for peer in ["127.0.0.2", "198.51.100.1", "::1"] {
            assert!(sender(from(peer), &said, &trusted()) == from(peer), "{peer}");
        }
        assert!(sender(from("127.0.0.1"), &said, &TrustedProxies::default()) == from("127.0.0.1"));
        assert!(sender(Source::Unix, &said, &trusted()) == Source::Unix);
    }

    /// Text of the characters that these headers are made of, in any order.
    fn soup() -> impl Strategy<Value = String> {
        proptest::collection::vec(
            prop::sample::select(vec![
                "for",
                "=",
                ",",
                ";",
                "\"",
                "\\",
                " ",
                "[",
                "]",
                ":",
                ".",
                "1",
                "203.0.113.7",
                "::1",
                "10.0.0.1",
                "unknown",
                "_x",
                "by",
                "\t",
                "é",
            ]),
            0..40,
        )
        .prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_a_panic(one in soup(), other in soup(), bytes: Vec<u8>) {
            let mut headers = HeaderMap::new();
            for (name, value) in [
                ("forwarded", one.as_bytes()),
                ("x-forwarded-for", other.as_bytes()),
                ("forwarded", &bytes),
            ] {
                if let Ok(value) = HeaderValue::from_bytes(value) {
                    headers.append(HeaderName::from_static(name), value);
                }
            }
            sender(from("127.0.0.1"), &headers, &trusted());
        }

        #[test]
        fn whatever_a_client_writes_its_proxy_adds_the_truth_at_the_end(claim in soup()) {
            let Ok(value) = HeaderValue::from_str(&format!("{claim}, 203.0.113.7")) else {
                return Ok(());
            };
            let mut headers = HeaderMap::new();
            headers.append("x-forwarded-for", value);
            prop_assert!(sender(from("127.0.0.1"), &headers, &trusted()) == from("203.0.113.7"));
        }
    }
}
