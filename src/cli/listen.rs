//! Listening on an address, with advice where that fails.

use super::{Failure, private};
use crate::web::{ListenAddress, Listener};
use std::io;

/// Listens on an address. To be called on a runtime.
pub(super) async fn bind(address: &ListenAddress) -> Result<Listener, Failure> {
    let listener = Listener::bind(address).await.and_then(|listener| {
        #[cfg(unix)]
        if let ListenAddress::Unix(path) = address {
            private::open_socket(path)?;
        }
        Ok(listener)
    });
    listener.map_err(|e| {
        let advice = match (e.kind(), address) {
            (io::ErrorKind::AddrInUse, ListenAddress::Unix(_)) => {
                "; another program has it, or it is not a socket: stop it, or name another path"
            }
            (io::ErrorKind::AddrInUse, _) => {
                "; another program has it: stop it, or name another port"
            }
            (io::ErrorKind::PermissionDenied, ListenAddress::Unix(_)) => {
                "; name a path in a folder that this user may write"
            }
            (io::ErrorKind::NotFound | io::ErrorKind::NotADirectory, ListenAddress::Unix(_)) => {
                "; there is no such folder: make it, or name a path in an existing one"
            }
            (io::ErrorKind::InvalidInput, ListenAddress::Unix(_)) => "; name a shorter path",
            (io::ErrorKind::AddrNotAvailable, _) => {
                "; this machine does not have that address: name one that it has"
            }
            (io::ErrorKind::PermissionDenied, _) => {
                "; ports below 1024 need privileges: name another"
            }
            _ => "",
        };
        Failure::new(format!("cannot listen on {address}: {e}{advice}"))
    })
}

/// The URL at which a listener is reached.
pub(super) fn url(listener: &Listener) -> Result<String, Failure> {
    listener
        .url()
        .map_err(|e| Failure::new(format!("cannot find out the listener's own address: {e}")))
}
