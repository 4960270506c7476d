//! The two faces of one log, named after its host.
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

use super::{Host, KeyName, Origin};

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
}
