//! Who a connection is from, in a type that cannot be logged.
//!
//! [`Peer`] has no `Debug`, no `Display` and no accessor: it can be made when a connection is accepted,
//! passed on, and given to [`Admission`](super::Admission), which forgets it. Code that tries to log it
//! does not compile.

use std::net::IpAddr;

/// Who a connection is from.
///
/// ```compile_fail
/// let peer = candor::ingest::Peer::tcp(std::net::Ipv4Addr::LOCALHOST.into());
/// println!("{peer:?}");
/// ```
///
/// ```compile_fail
/// let peer = candor::ingest::Peer::tcp(std::net::Ipv4Addr::LOCALHOST.into());
/// println!("{peer}");
/// ```
#[derive(Clone, Copy)]
pub struct Peer(pub(super) Source);

/// What is known of a sender. Private to `admission`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// An address; IPv4-mapped IPv6 addresses are IPv4 addresses here.
    Address(IpAddr),
    /// A Unix socket, whose clients have no addresses.
    Unix,
    /// Nothing is known: the request did not come from a connection.
    Unknown,
}

impl Peer {
    /// The other end of a TCP connection.
    pub fn tcp(address: IpAddr) -> Peer {
        Peer(Source::Address(address.to_canonical()))
    }

    /// The other end of a Unix socket.
    pub fn unix() -> Peer {
        Peer(Source::Unix)
    }

    /// An unknown peer.
    pub(in crate::ingest) fn unknown() -> Peer {
        Peer(Source::Unknown)
    }
}

/// A network, which has one budget: the first 24 bits of an IPv4 address, or the first 48 bits of an
/// IPv6 address, which is what one subscriber gets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Prefix([u8; 7]);

impl Prefix {
    pub(super) fn of(source: Source) -> Prefix {
        match source {
            Source::Address(address) => match address.to_canonical() {
                IpAddr::V4(address) => {
                    let [a, b, c, _] = address.octets();
                    Prefix([4, a, b, c, 0, 0, 0])
                }
                IpAddr::V6(address) => {
                    let [a, b, c, d, e, f, ..] = address.octets();
                    Prefix([6, a, b, c, d, e, f])
                }
            },
            Source::Unix => Prefix([1; 7]),
            Source::Unknown => Prefix([0; 7]),
        }
    }

    pub(super) fn bytes(&self) -> &[u8; 7] {
        &self.0
    }
}

/// Whether this address is of this machine or a private network, where a proxy may run but no public
/// client is.
pub(super) fn is_local(source: Source) -> bool {
    match source {
        Source::Address(IpAddr::V4(address)) => {
            address.is_loopback() || address.is_private() || address.is_link_local()
        }
        Source::Address(IpAddr::V6(address)) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
        Source::Unix => true,
        Source::Unknown => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_told_apart_by_their_first_bits() {
        let prefix = |text: &str| Prefix::of(Source::Address(text.parse().expect("an address")));
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.254", true),
            ("192.0.2.1", "192.0.3.1", false),
            ("192.0.2.1", "::ffff:192.0.2.77", true),
            ("2001:db8:1:2::3", "2001:db8:1:ffff:4::", true),
            ("2001:db8:1:2::3", "2001:db8:2:2::3", false),
            ("0.0.0.0", "::", false),
            ("6.0.0.0", "600::", false),
        ] {
            assert!((prefix(one) == prefix(other)) == same, "{one} {other}");
        }
        assert!(Prefix::of(Source::Unix) != Prefix::of(Source::Unknown));
    }
}
