//! The path of a request, decoded once and strictly.
//!
//! Everything served here has a name of printable ASCII. Clients differ in which of those characters
//! they percent-encode (the `go` command sends `!` as `%21`), so the path is decoded, but only to
//! characters that could have been written plainly. A path with an encoded slash, percent sign,
//! control character or non-ASCII byte is refused, and so is one that the next program might read
//! differently (`..`, `//`).

use super::refusal::Refusal;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// The longest path that is read, in bytes. A module path has up to 512, or twice that when escaped.
const MAX_LENGTH: usize = 2048;

/// The first element of a path, as it was sent, ignoring leading slashes; `None` for the root.
pub(super) fn first_element(path: &str) -> Option<&str> {
    path.split('/').find(|element| !element.is_empty())
}

/// The decoded path of a request: printable ASCII, starting with a slash, never with two slashes in a
/// row, and without the elements `.` and `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address(String);

impl Address {
    fn decode(path: &str) -> Result<Address, Refusal> {
        if path.len() > MAX_LENGTH {
            return Err(Refusal::address_too_long());
        }
        let malformed = || Refusal::bad_request("the address of this request is malformed");
        let mut decoded = String::with_capacity(path.len());
        let mut bytes = path.bytes();
        while let Some(byte) = bytes.next() {
            let character = match byte {
                b'%' => {
                    let mut digit = || char::from(bytes.next()?).to_digit(16);
                    let (high, low) = digit().zip(digit()).ok_or_else(malformed)?;
                    match char::from_u32(high * 16 + low) {
                        Some('/' | '%' | '\\') | None => return Err(malformed()),
                        Some(character) => character,
                    }
                }
                b'\\' => return Err(malformed()),
                byte => char::from(byte),
            };
            if !character.is_ascii_graphic() {
                return Err(malformed());
            }
            decoded.push(character);
        }
        let ambiguous =
            decoded.contains("//") || decoded.split('/').any(|e| matches!(e, "." | ".."));
        if !decoded.starts_with('/') || ambiguous {
            return Err(malformed());
        }
        Ok(Address(decoded))
    }

    /// What follows `prefix`, which must end in a slash; empty if the path does not begin with it.
    pub(super) fn below(&self, prefix: &str) -> &str {
        self.0.strip_prefix(prefix).unwrap_or("")
    }
}

impl<S: Sync> FromRequestParts<S> for Address {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Address, Refusal> {
        Address::decode(parts.uri.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_characters_may_be_percent_encoded() {
        for (path, decoded) in [
            ("/", "/"),
            ("/goproxy/a.b/@v/list", "/goproxy/a.b/@v/list"),
            ("/goproxy/a.b/%21c/@v/v0.1.0.info", "/goproxy/a.b/!c/@v/v0.1.0.info"),
            ("/goproxy/a.b/%40v/list", "/goproxy/a.b/@v/list"),
            ("/a/", "/a/"),
        ] {
            assert_eq!(Address::decode(path), Ok(Address(decoded.into())), "{path}");
        }
    }

    #[test]
    fn ambiguous_paths_are_refused() {
        for path in [
            "",
            "*",
            "a",
            "//",
            "/a//b",
            "/a//",
            "/..",
            "/a/../b",
            "/a/.",
            "/./a",
            "/%2e%2e/a",
            "/a/%2e%2E",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/%252e",
            "/%25",
            "/%",
            "/%2",
            "/%zz",
            "/%+1",
            "/%00",
            "/a%0a",
            "/a%20b",
            "/%c3%bc",
            "/%ff",
            "/%7f",
            "/ü",
        ] {
            assert!(Address::decode(path).is_err(), "{path}");
        }
        let long = Address::decode(&format!("/{}", "a".repeat(MAX_LENGTH)));
        assert_eq!(long, Err(Refusal::address_too_long()));
    }
}
