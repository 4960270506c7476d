//! The host that a log is named after.

use std::fmt;
use std::str::FromStr;

/// The host name at which a log is served, such as `telemetry.example.org`: part of its identity forever.
///
/// Lower-case DNS labels of letters, digits and inner hyphens (an IPv4 address has that form). A port is
/// refused although Go's grammar allows one: the `go` command names a folder after the key, and Windows
/// allows no colon there. To reach a log on another port, give the `go` command a URL besides the key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(String);

/// Text that is not a host name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} cannot name a log: write a lower-case host name like telemetry.example.org, without \
     https://, port or path (another address can be given with `candor env --url`)"
)]
pub struct HostError(String);

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Host, HostError> {
        let good = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        if text.len() <= 253 && text.split('.').all(good) {
            Ok(Host(text.to_owned()))
        } else {
            Err(HostError(text.chars().take(100).collect()))
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Host {
    /// The name.
    #[cfg(any(test, feature = "testing"))]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let longest = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "a".repeat(61));
        for good in
            ["localhost", "a.b", "127.0.0.1", "x-1.example.org", "xn--nxasmq6b.gr", &longest]
        {
            assert_eq!(good.parse::<Host>().map(|host| host.to_string()).as_deref(), Ok(good));
        }
        let bad = [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "-a",
            "a-",
            "a.-b",
            "A.example",
            "a_b",
            "a b",
            "a/b",
            "a:80",
            "[::1]",
            "a@b",
            "a?b",
            "a#b",
            "a%41",
            "a+b",
            "é.example",
            "https://a",
            "a\n",
        ];
        for bad in bad.into_iter().chain([&*format!("{longest}a"), &"a".repeat(64)]) {
            assert!(bad.parse::<Host>().is_err(), "{bad:?}");
        }
    }
}
