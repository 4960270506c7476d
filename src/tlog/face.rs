//! The two faces of one log, and the host that both are named after.
//!
//! | face | key name | checkpoint's first line | for |
//! | --- | --- | --- | --- |
//! | [`Face::Sumdb`] | `HOST` | `go.sum database tree` | the `go` command, as its checksum database |
//! | [`Face::Log`] | `HOST/log` | `HOST/log` | everyone who speaks C2SP tlog-tiles |
//!
//! The `go` command derives the address of a checksum database from the key's name
//! (`https://HOST`) and refuses names that are more than a host and a path. The caches in front of it
//! know a database by a host alone: goproxy and Athens cannot pass on a name with a slash. The `go`
//! command also names the folder of its cache after the key.

use super::{KeyName, Origin};
use std::fmt;
use std::str::FromStr;

/// Where a log is served: a host name such as `telemetry.example.org`, which is part of its
/// identity for ever.
///
/// Lower-case DNS labels of letters, digits and inner hyphens (an IPv4 address is of that form). A
/// port is refused though Go's grammar has room for one: the `go` command makes a folder of the
/// key's name, and Windows has no folder names with a colon. A log on another port is reached by
/// giving the `go` command an explicit URL beside the key.
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

/// One of the two ways in which a log presents its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Face {
    /// The checksum database of the `go` command.
    Sumdb,
    /// C2SP tlog-tiles.
    Log,
}

impl Face {
    /// Both, in the order in which they are signed.
    pub const ALL: [Face; 2] = [Face::Sumdb, Face::Log];

    /// The name of the key that signs this face's checkpoints.
    pub fn key_name(self, host: &Host) -> KeyName {
        match self {
            Face::Sumdb => KeyName::of_host(host),
            Face::Log => KeyName::below_host(host, "log"),
        }
    }

    /// The first line of this face's checkpoints.
    pub fn origin(self, host: &Host) -> Origin {
        match self {
            Face::Sumdb => Origin::go_sum_database(),
            Face::Log => Origin::from(self.key_name(host)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_are_named_after_where_they_are_served() {
        let host: Host = "telemetry.example.org".parse().expect("a host");
        let names = Face::ALL.map(|face| face.key_name(&host).to_string());
        assert_eq!(names, ["telemetry.example.org", "telemetry.example.org/log"]);
        let origins = Face::ALL.map(|face| face.origin(&host).to_string());
        assert_eq!(origins, ["go.sum database tree", "telemetry.example.org/log"]);
    }

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
