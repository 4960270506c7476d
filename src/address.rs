//! The addresses of services: logs, proxies, receivers and witnesses.
//!
//! Answers are verified, so that nobody on the way can change them; https is for privacy. Plain http is
//! accepted only for this machine, where tests and demonstrations run.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// The address of a service, such as `https://telemetry.example.org/log`, without a slash at the end.
/// Paths are appended to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

/// Why a text is not such an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Not an address, or one that has more than host, port and path.
    #[error("{0:?} is not an address like https://telemetry.example.org/log: {1}")]
    Malformed(String, &'static str),
    /// Plain http to another machine.
    #[error(
        "{0:?} would show everyone on the way who sends requests: use https (http is for this machine)"
    )]
    NotPrivate(String),
}

impl Address {
    /// The address with `path` appended, unchanged.
    pub fn join(&self, path: &str) -> String {
        format!("{}/{path}", self.0)
    }

    /// The address of the service at `path` below this one.
    pub fn below(&self, path: &str) -> Address {
        Address(self.join(path))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// Removes slashes at the end.
    fn from_str(text: &str) -> Result<Address, AddressError> {
        let malformed = |reason| AddressError::Malformed(text.chars().take(200).collect(), reason);
        let (scheme, rest) =
            text.split_once("://").ok_or_else(|| malformed("it does not begin with https://"))?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if let Some((_, host)) = authority.rsplit_once('@') {
            // A password is not repeated, which would show it in logs.
            let shown = format!("...@{}", host.chars().take(200).collect::<String>());
            return Err(AddressError::Malformed(shown, "leave out the user name and password"));
        }
        if path.contains(['?', '#']) {
            return Err(malformed("leave out everything from '?' or '#' on"));
        }
        let host = host(authority).ok_or_else(|| malformed("it has no valid host"))?;
        if !path.bytes().all(is_path) {
            return Err(malformed("its path has characters that belong percent-encoded"));
        }
        match scheme {
            "https" => {}
            "http" if is_this_machine(host) => {}
            "http" => return Err(AddressError::NotPrivate(text.chars().take(200).collect())),
            _ => return Err(malformed("it does not begin with https://")),
        }
        Ok(Address(text.trim_end_matches('/').to_owned()))
    }
}

/// The host of an authority without a user: a name, or an IP address, with or without a port.
fn host(authority: &str) -> Option<&str> {
    let (host, port) = match authority.rfind(':') {
        Some(at) if !authority.ends_with(']') => (&authority[..at], &authority[at + 1..]),
        _ => (authority, "0"),
    };
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(is_name),
    };
    (is_host && is_number(port) && port.parse::<u16>().is_ok()).then_some(host)
}

/// What RFC 3986 allows in a path.
fn is_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:@".contains(&byte)
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, joined) in [
            ("https://example.org", "https://example.org/a/b"),
            ("https://example.org/", "https://example.org/a/b"),
            ("https://example.org:8443/x/log/", "https://example.org:8443/x/log/a/b"),
            ("http://127.0.0.1:80/log", "http://127.0.0.1:80/log/a/b"),
            ("http://[::1]:80", "http://[::1]:80/a/b"),
            ("http://localhost", "http://localhost/a/b"),
        ] {
            assert_eq!(text.parse::<Address>().map(|a| a.join("a/b")).as_deref(), Ok(joined));
        }
        for bad in [
            "",
            "example.org",
            "/log",
            "ftp://example.org",
            "file:///log",
            "https://",
            "https:///x",
            "https://me@example.org",
            "https://me:secret@example.org",
            "https://example.org/?a",
            "https://example.org/#a",
            "https://exa mple.org",
            "https://example.org/\n",
            "https://example.org:",
            "https://example.org:x",
            "https://example.org:65536",
            "https://:443",
            "https://[::1",
            "https://[x]/",
            "https://a:b:1/",
            "https://example.org/a b",
            "https://example.org/ä",
            "HTTPS://example.org",
        ] {
            assert!(matches!(bad.parse::<Address>(), Err(AddressError::Malformed(..))), "{bad:?}");
        }
        let secret = "https://me:secret@example.org/x".parse::<Address>().expect_err("refused");
        assert!(!secret.to_string().contains("secret"), "{secret}");
        for bad in [
            "http://example.org",
            "http://10.0.0.1",
            "http://127.0.0.1.example.org",
            "http://localhost.example.org",
            "http://[::2]",
        ] {
            assert!(matches!(bad.parse::<Address>(), Err(AddressError::NotPrivate(_))), "{bad:?}");
        }
    }
}
