//! The two protocols that one log speaks. Its keys and checkpoints are named after its host.
//!
//! | protocol | key name | checkpoint's first line | read by |
//! | --- | --- | --- | --- |
//! | [`Protocol::Sumdb`] | `HOST` | `go.sum database tree` | the `go` command, as its checksum database |
//! | [`Protocol::TlogTiles`] | `HOST/log` | `HOST/log` | everyone who speaks C2SP tlog-tiles |
//!
//! The `go` command derives the address of a checksum database from the key's name (`https://HOST`) and
//! refuses names that are more than a host and a path. The proxies in front of it know a database by its
//! host alone: goproxy and Athens cannot forward a name with a slash. The `go` command also names its
//! cache folder after the key.

use super::{Host, KeyName, Origin};

/// One of the two ways in which a log presents its tree, each with a signature of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// The checksum database of the `go` command.
    Sumdb,
    /// C2SP tlog-tiles.
    TlogTiles,
}

impl Protocol {
    /// Both, in the order in which they are signed.
    pub const ALL: [Protocol; 2] = [Protocol::Sumdb, Protocol::TlogTiles];

    /// The name of the key that signs this protocol's checkpoints.
    pub fn key_name(self, host: &Host) -> KeyName {
        match self {
            Protocol::Sumdb => KeyName::of_host(host),
            Protocol::TlogTiles => KeyName::below_host(host, "log"),
        }
    }

    /// The first line of this protocol's checkpoints.
    pub fn origin(self, host: &Host) -> Origin {
        match self {
            Protocol::Sumdb => Origin::go_sum_database(),
            Protocol::TlogTiles => Origin::from(self.key_name(host)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_origins_are_named_after_the_host() {
        let host: Host = "telemetry.example.org".parse().expect("a host");
        let names = Protocol::ALL.map(|protocol| protocol.key_name(&host).to_string());
        assert_eq!(names, ["telemetry.example.org", "telemetry.example.org/log"]);
        let origins = Protocol::ALL.map(|protocol| protocol.origin(&host).to_string());
        assert_eq!(origins, ["go.sum database tree", "telemetry.example.org/log"]);
    }
}
