//! Which peers are the operator's own proxies, whose headers are believed.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::peer::Source;

/// The proxies that the operator named. Nobody else's headers are believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<TrustedProxy>);

/// A network whose hosts are the operator's proxies: `10.1.0.0/16`, `::1`, or `unix` for all clients of
/// the Unix socket. An operator writes these; they are not personal addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustedProxy(Named);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    Network { first: IpAddr, bits: u8 },
    Unix,
}

/// The text is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "write an address or a network of a proxy, such as 127.0.0.1, 10.1.0.0/16 or 2001:db8::/48, or \
     \"unix\" for a Unix socket; bits after the prefix must be zero"
)]
pub struct TrustedProxyError;

impl FromStr for TrustedProxy {
    type Err = TrustedProxyError;

    fn from_str(text: &str) -> Result<TrustedProxy, TrustedProxyError> {
        if text == "unix" {
            return Ok(TrustedProxy(Named::Unix));
        }
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| TrustedProxyError)?;
        let all: u8 = if address.is_ipv4() { 32 } else { 128 };
        let digits =
            |bits: &str| !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
        let bits = match bits {
            None => all,
            Some(bits) if digits(bits) => bits.parse().map_err(|_| TrustedProxyError)?,
            Some(_) => return Err(TrustedProxyError),
        };
        // An IPv4-mapped network would match nothing, since peers' addresses are canonical.
        let mapped = matches!(address, IpAddr::V6(six) if six.to_ipv4_mapped().is_some());
        if bits > all || mapped || masked(address, bits) != number(address) {
            return Err(TrustedProxyError);
        }
        Ok(TrustedProxy(Named::Network { first: address, bits }))
    }
}

impl fmt::Display for TrustedProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Named::Network { first, bits } => write!(f, "{first}/{bits}"),
            Named::Unix => f.write_str("unix"),
        }
    }
}

impl TrustedProxies {
    /// Exactly these.
    pub fn new(proxies: Vec<TrustedProxy>) -> TrustedProxies {
        TrustedProxies(proxies)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them as it is written.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(TrustedProxy::to_string).collect()
    }

    pub(super) fn trusts(&self, source: Source) -> bool {
        self.0.iter().any(|proxy| match (proxy.0, source) {
            (Named::Unix, Source::Unix) => true,
            (Named::Network { first, bits }, Source::Address(address)) => {
                first.is_ipv4() == address.is_ipv4() && masked(address, bits) == number(first)
            }
            _ => false,
        })
    }
}

/// All of them, for the line that is printed at the start.
impl fmt::Display for TrustedProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(", "))
    }
}

/// An address as a number, aligned at the first bit.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(four) => u128::from(four.to_bits()) << 96,
        IpAddr::V6(six) => six.to_bits(),
    }
}

fn masked(address: IpAddr, bits: u8) -> u128 {
    number(address) & u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_own_addresses_alone() {
        let trusts = |proxy: &str, address: &str| {
            let proxy = proxy.parse().expect("a network");
            let address: IpAddr = address.parse().expect("an address");
            TrustedProxies(vec![proxy]).trusts(Source::Address(address.to_canonical()))
        };
        for (proxy, address, trusted) in [
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("127.0.0.0/8", "127.255.0.2", true),
            ("10.1.0.0/16", "10.1.255.255", true),
            ("10.1.0.0/16", "10.2.0.0", false),
            ("0.0.0.0/0", "203.0.113.7", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "203.0.113.7", false),
            ("2001:db8::/47", "2001:db8:1::7", true),
            ("2001:db8::/48", "2001:db8:1::7", false),
            ("127.0.0.1", "::ffff:127.0.0.1", true),
        ] {
            assert_eq!(trusts(proxy, address), trusted, "{proxy} {address}");
        }
        let unix = TrustedProxies(vec!["unix".parse().expect("a name")]);
        assert!(unix.trusts(Source::Unix) && !unix.trusts(Source::Unknown));
        assert!(!TrustedProxies::default().trusts(Source::Unix));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for bad in [
            "",
            "/",
            "localhost",
            "127.0.0.1/",
            "127.0.0.1/33",
            "127.0.0.1/+8",
            "127.0.0.1/8",
            "::1/129",
            "::ffff:127.0.0.1",
            "10.0.0.0/8/8",
            "10.0.0.0/-1",
            "10.0.0/8",
            "UNIX",
        ] {
            assert_eq!(bad.parse::<TrustedProxy>(), Err(TrustedProxyError), "{bad}");
        }
        for good in ["10.1.0.0/16", "::1/128", "unix", "0.0.0.0/0"] {
            assert_eq!(good.parse::<TrustedProxy>().expect("a network").to_string(), good);
        }
    }
}
