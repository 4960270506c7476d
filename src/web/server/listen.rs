//! Where a server listens: TCP addresses by number or name, and Unix sockets.
//!
//! | written | meaning |
//! | --- | --- |
//! | `127.0.0.1:8080`, `[::1]:8080` | this address |
//! | `localhost:8080`, `name:8080` | all addresses of the name |
//! | `:8080` | all addresses of this machine |
//! | `unix:/run/candor.sock` | a Unix socket |
//!
//! Port 0 means any free port.

use crate::ingest::Peer;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::str::FromStr;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

/// How many connections may wait to be accepted, if the system allows it.
const BACKLOG: u32 = 4096;

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// One address.
    Address(SocketAddr),
    /// All addresses of a name.
    Name {
        /// The name.
        name: String,
        /// The port.
        port: u16,
    },
    /// All addresses of this machine.
    Everywhere {
        /// The port.
        port: u16,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

/// The text is not an address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write HOST:PORT (127.0.0.1:8080, localhost:8080), :PORT or unix:/PATH")]
pub struct ListenAddressError;

impl FromStr for ListenAddress {
    type Err = ListenAddressError;

    fn from_str(text: &str) -> Result<ListenAddress, ListenAddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = Path::new(path);
            return match path.file_name() {
                Some(_) => Ok(ListenAddress::Unix(path.to_owned())),
                None => Err(ListenAddressError),
            };
        }
        if let Ok(address) = text.parse() {
            return Ok(ListenAddress::Address(address));
        }
        let (name, port) = text.rsplit_once(':').ok_or(ListenAddressError)?;
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| digits).ok_or(ListenAddressError)?;
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        match name {
            "" | "*" => Ok(ListenAddress::Everywhere { port }),
            name if name.bytes().all(good) => {
                Ok(ListenAddress::Name { name: name.to_owned(), port })
            }
            _ => Err(ListenAddressError),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenAddress::Address(address) => address.fmt(f),
            ListenAddress::Name { name, port } => write!(f, "{name}:{port}"),
            ListenAddress::Everywhere { port } => write!(f, ":{port}"),
            ListenAddress::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Listening sockets.
#[derive(Debug)]
pub struct Listener(Vec<Socket>);

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener, SocketFile),
}

/// A Unix socket's file, which is removed when the socket is closed.
#[cfg(unix)]
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    /// Device and inode, so as not to remove a file that another process has created since.
    identity: Option<(u64, u64)>,
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Listener {
        Listener(vec![Socket::Tcp(listener)])
    }
}

impl Listener {
    /// Listens on an address. Must be called within a Tokio runtime.
    pub async fn bind(address: &ListenAddress) -> io::Result<Listener> {
        match address {
            ListenAddress::Address(address) => Ok(listen(*address)?.into()),
            ListenAddress::Everywhere { port } => Listener::bind_everywhere(*port),
            ListenAddress::Name { name, port } => {
                let mut found: Vec<_> = lookup_host((name.as_str(), *port)).await?.collect();
                // Most clients try IPv4 first.
                found.sort_by_key(SocketAddr::is_ipv6);
                found.dedup();
                Listener::bind_all(&found)
            }
            #[cfg(unix)]
            ListenAddress::Unix(path) => bind_unix(path).await,
            #[cfg(not(unix))]
            ListenAddress::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// One IPv6 socket if the system accepts IPv4 on it too, or else one for each.
    fn bind_everywhere(port: u16) -> io::Result<Listener> {
        let addresses = [
            SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
            SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
        ];
        let [six, four] = addresses;
        match listen(six) {
            Err(_) => Ok(listen(four)?.into()),
            Ok(first) => {
                let port = first.local_addr()?.port();
                let mut sockets = vec![Socket::Tcp(first)];
                // Fails if the first one accepts IPv4 too.
                sockets.extend(listen((four.ip(), port).into()).ok().map(Socket::Tcp));
                Ok(Listener(sockets))
            }
        }
    }

    /// Listens on those addresses that this machine has, all on the same port.
    fn bind_all(addresses: &[SocketAddr]) -> io::Result<Listener> {
        let mut sockets = Vec::new();
        let mut missing = io::Error::from(io::ErrorKind::AddrNotAvailable);
        let mut chosen = None;
        for address in addresses {
            let port = chosen.unwrap_or(address.port());
            match listen((address.ip(), port).into()) {
                Ok(listener) => {
                    chosen = Some(listener.local_addr()?.port());
                    sockets.push(Socket::Tcp(listener));
                }
                // A name may have addresses of other machines.
                Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => missing = error,
                // The port that was free on the first address may be taken on another.
                Err(_) if address.port() == 0 && chosen.is_some() => {}
                Err(error) => return Err(error),
            }
        }
        if sockets.is_empty() { Err(missing) } else { Ok(Listener(sockets)) }
    }

    /// The URL of the first socket.
    pub fn url(&self) -> io::Result<String> {
        match self.0.first() {
            Some(Socket::Tcp(listener)) => Ok(format!("http://{}", listener.local_addr()?)),
            #[cfg(unix)]
            Some(Socket::Unix(_, file)) => Ok(format!("unix:{}", file.path.display())),
            None => Err(io::ErrorKind::AddrNotAvailable.into()),
        }
    }

    /// The next connection, and its peer, which cannot be printed from here on.
    pub(super) async fn accept(&self) -> io::Result<(Stream, Peer)> {
        poll_fn(|context| {
            for socket in &self.0 {
                let accepted = match socket {
                    Socket::Tcp(listener) => listener
                        .poll_accept(context)
                        .map_ok(|(stream, address)| (Stream::Tcp(stream), Peer::tcp(address.ip()))),
                    #[cfg(unix)]
                    Socket::Unix(listener, _) => listener
                        .poll_accept(context)
                        .map_ok(|(stream, _)| (Stream::Unix(stream), Peer::unix())),
                };
                if accepted.is_ready() {
                    return accepted;
                }
            }
            Poll::Pending
        })
        .await
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }?;
    // A restarted server must not wait for connections of the previous one. (On Windows this would let
    // two programs share a port.)
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

#[cfg(unix)]
async fn bind_unix(path: &Path) -> io::Result<Listener> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let identity = |path: &Path| {
        let found = std::fs::symlink_metadata(path).ok()?;
        found.file_type().is_socket().then(|| (found.dev(), found.ino()))
    };
    let listener = match UnixListener::bind(path) {
        // Replaces the file of a server that was killed, but not of one that runs.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && identity(path).is_some() => {
            match UnixStream::connect(path).await {
                Err(refused) if refused.kind() == io::ErrorKind::ConnectionRefused => {
                    std::fs::remove_file(path)?;
                    UnixListener::bind(path)?
                }
                _ => return Err(error),
            }
        }
        bound => bound?,
    };
    let file = SocketFile { path: path.to_owned(), identity: identity(path) };
    Ok(Listener(vec![Socket::Unix(listener, file)]))
}

#[cfg(unix)]
impl Drop for SocketFile {
    fn drop(&mut self) {
        use std::os::unix::fs::MetadataExt;
        let found = std::fs::symlink_metadata(&self.path).ok();
        if self.identity.is_some() && found.map(|found| (found.dev(), found.ino())) == self.identity
        {
            // If this fails, the next server removes it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A connection's socket.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Stream {
    /// Sets socket options that suit answers: see [`UNSENT`].
    pub(super) fn prepare(&self) {
        let Stream::Tcp(stream) = self else { return };
        // Answers are written in one go; waiting to fill a packet only delays them. If the system refuses,
        // they are just later.
        let _ = stream.set_nodelay(true);
        #[cfg(any(target_os = "android", target_os = "linux"))]
        let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT);
    }

    /// Writes as much as possible without waiting.
    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.try_write(bytes),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.try_write(bytes),
        }
    }
}

/// The bytes of an answer that the kernel buffers beyond those in flight. Otherwise it would buffer up to
/// 4 MiB for a client that receives nothing; and for one on a slow line, the socket would not be writable
/// for minutes, so the two could not be told apart.
#[cfg(any(target_os = "android", target_os = "linux"))]
const UNSENT: u32 = 32 << 10;

macro_rules! each {
    ($self:expr, $stream:ident => $what:expr) => {
        match $self.get_mut() {
            Stream::Tcp($stream) => $what,
            #[cfg(unix)]
            Stream::Unix($stream) => $what,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_read(context, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(self, stream => Pin::new(stream).poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self, stream => Pin::new(stream).poll_write_vectored(context, parts))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_shutdown(context))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn addresses() {
        let name = |name: &str, port| ListenAddress::Name { name: name.to_owned(), port };
        for (text, address) in [
            ("127.0.0.1:0", ListenAddress::Address(([127, 0, 0, 1], 0).into())),
            ("[::1]:8080", ListenAddress::Address((Ipv6Addr::LOCALHOST, 8080).into())),
            ("localhost:8080", name("localhost", 8080)),
            ("host.example.org:80", name("host.example.org", 80)),
            (":8080", ListenAddress::Everywhere { port: 8080 }),
            ("unix:/run/candor.sock", ListenAddress::Unix("/run/candor.sock".into())),
            ("unix:candor.sock", ListenAddress::Unix("candor.sock".into())),
        ] {
            assert_eq!(text.parse(), Ok(address.clone()), "{text}");
            assert_eq!(address.to_string(), text);
        }
        for bad in [
            "",
            "8080",
            ":",
            ":x",
            ":+1",
            ":65536",
            "localhost",
            "localhost:",
            "a b:1",
            "::1:80x",
            "http://localhost:80",
            "[::1]",
            "unix:",
            "unix:/",
            "[fe80::1:80",
        ] {
            assert_eq!(bad.parse::<ListenAddress>(), Err(ListenAddressError), "{bad}");
        }
    }

    /// Sends a byte through a connection.
    async fn reach(listener: &Listener, mut client: impl AsyncWrite + Unpin) {
        let (mut stream, _) = listener.accept().await.expect("accepted");
        client.write_all(b"x").await.expect("sent");
        assert_eq!(stream.read_u8().await.expect("read"), b'x');
    }

    #[tokio::test]
    async fn a_name_is_bound_on_all_its_addresses() {
        let listener = Listener::bind(&"localhost:0".parse().expect("an address")).await;
        let listener = listener.expect("listening");
        let port = listener.url().expect("a URL").rsplit_once(':').expect("a port").1.to_owned();
        for client in ["127.0.0.1", "localhost"] {
            let stream = TcpStream::connect(format!("{client}:{port}")).await;
            reach(&listener, stream.expect("connected")).await;
        }
    }

    #[tokio::test]
    async fn a_port_alone_is_bound_on_every_address() {
        let listener = Listener::bind(&":0".parse().expect("an address")).await.expect("listening");
        let port = listener.url().expect("a URL").rsplit_once(':').expect("a port").1.to_owned();
        let stream = TcpStream::connect(format!("127.0.0.1:{port}")).await;
        reach(&listener, stream.expect("connected")).await;
        // If the machine has IPv6.
        if TcpListener::bind("[::1]:0").await.is_ok() {
            let stream = TcpStream::connect(format!("[::1]:{port}")).await;
            reach(&listener, stream.expect("connected")).await;
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_unix_socket_of_a_killed_server_is_replaced_and_that_of_a_running_one_is_not() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("socket");
        let address = ListenAddress::Unix(path.clone());
        let listener = Listener::bind(&address).await.expect("listening");
        assert_eq!(listener.url().expect("a URL"), format!("unix:{}", path.display()));
        reach(&listener, UnixStream::connect(&path).await.expect("connected")).await;
        let second = Listener::bind(&address).await.expect_err("another server listens here");
        assert_eq!(second.kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        assert!(!path.exists());
        // What a killed server leaves behind.
        drop(std::os::unix::net::UnixListener::bind(&path).expect("listening"));
        assert!(path.exists());
        let listener = Listener::bind(&address).await.expect("listening");
        reach(&listener, UnixStream::connect(&path).await.expect("connected")).await;
        drop(listener);
        // A file that is not a socket is left alone.
        std::fs::write(&path, "precious").expect("written");
        assert!(Listener::bind(&address).await.is_err());
        assert_eq!(std::fs::read(&path).expect("read"), b"precious");
    }
}
