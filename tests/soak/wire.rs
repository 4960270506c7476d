//! One HTTP exchange over its own connection, from the client's own address: all of 127.0.0.0/8 is this
//! machine, so clients can come from as many networks as in the real world.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

/// What an honest client waits for an answer at most.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A complete answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<Duration>,
    pub body: Vec<u8>,
}

/// The address of the honest client of this number: each comes from a network of its own.
pub fn honest(number: u64) -> Ipv4Addr {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    Ipv4Addr::new(127, 1 + (mixed % 100) as u8, (mixed >> 8) as u8, 1 + (mixed >> 16) as u8 % 250)
}

/// The address of the hostile client of this number: all of them come from 16 networks.
pub fn hostile(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 200, (number % 16) as u8, 1 + (number / 16 % 250) as u8)
}

/// A connection from one address to another; with a small receive buffer where that is wanted.
pub async fn connect(to: SocketAddr, from: Ipv4Addr, buffer: Option<u32>) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.bind(SocketAddr::V4(SocketAddrV4::new(from, 0)))?;
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A GET request, after which the server closes the connection.
pub fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", crate::support::HOST)
        .into_bytes()
}

/// An upload, after which the server closes the connection.
pub fn upload(day: &str, report: &str) -> Vec<u8> {
    format!(
        "POST /upload/{day} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{report}",
        crate::support::HOST,
        report.len()
    )
    .into_bytes()
}

/// Sends a request in so many pieces, a pause after each but the last, and reads the answer.
pub async fn exchange(
    to: SocketAddr,
    from: Ipv4Addr,
    request: &[u8],
    pieces: usize,
    pause: Duration,
) -> io::Result<Answer> {
    let whole = async {
        let mut stream = connect(to, from, None).await?;
        for (place, piece) in request.chunks(request.len().div_ceil(pieces)).enumerate() {
            if place > 0 {
                sleep(pause).await;
            }
            stream.write_all(piece).await?;
        }
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        parse(&answer).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
    };
    let patience = PATIENCE + pause * u32::try_from(pieces).unwrap_or(u32::MAX);
    timeout(patience, whole).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// An answer, unless it was cut short.
fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?.to_ascii_lowercase();
    let field = |name: &str| {
        let value = head.lines().find_map(|line| line.strip_prefix(name))?;
        value.trim().parse::<u64>().ok()
    };
    let body = bytes[end + 4..].to_vec();
    if field("content-length:").is_some_and(|length| length != body.len() as u64) {
        return None;
    }
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, retry_after: field("retry-after:").map(Duration::from_secs), body })
}
