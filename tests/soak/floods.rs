//! Hostile clients, which reconnect as long as the flood lasts.

use crate::clients::Clients;
use crate::plan::{Flood, Life};
use crate::support::HOST;
use crate::wire;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How many connections all of them together open in each [`TURN`]: 400 a second. More would only show
/// that this machine has few cores.
const STEP: usize = 20;
const TURN: Duration = Duration::from_millis(50);
/// How long clients wait after the server closed their connection. Each has its own time, as below:
/// synchronised clients would come in waves, and measurements of open files would depend on the moment.
const PAUSE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];
/// How long readers that read nothing keep their connection: they cannot see that it was closed.
const UNREAD: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(35)];
/// How often a slow upload sends a byte.
const DRIP: Duration = Duration::from_secs(2);

/// The floods of a life; they end when this is dropped.
#[derive(Debug)]
pub struct Floods {
    _clients: JoinSet<()>,
}

/// How many connections hostile clients made.
#[derive(Debug, Default)]
pub struct Made(AtomicU64);

impl Made {
    pub fn count(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// What readers that read nothing request.
#[derive(Debug)]
pub struct Large(pub String);

impl Floods {
    /// Starts the floods of a life, each `scale` times as large as planned.
    pub fn begin(
        life: &Life,
        scale: f64,
        on: &Handle,
        clients: &Arc<Clients>,
        made: &Arc<Made>,
        large: &Arc<Large>,
    ) -> Floods {
        let mut tasks = JoinSet::new();
        let turns = Arc::new(Semaphore::new(0));
        let pace = turns.clone();
        let pace = async move {
            loop {
                pace.add_permits(STEP.saturating_sub(pace.available_permits()));
                sleep(TURN).await;
            }
        };
        tasks.spawn_on(pace, on);
        let mut number = 0;
        for &(flood, count) in life.floods {
            let count = (count as f64 * scale) as usize;
            for place in 0..count {
                number += 1;
                let from = wire::hostile(number);
                let (clients, made, large) = (clients.clone(), made.clone(), large.clone());
                let turns = turns.clone();
                let client = async move {
                    loop {
                        turns.acquire().await.expect("never closed").forget();
                        made.0.fetch_add(1, Relaxed);
                        // The result does not matter, only what the server does.
                        let _ =
                            attack(flood, [place, count], clients.address(), from, &large.0).await;
                        sleep(share(PAUSE, place, count)).await;
                    }
                };
                tasks.spawn_on(client, on);
            }
        }
        Floods { _clients: tasks }
    }
}

/// A time between these two for each of `count` clients, spread evenly.
fn share([least, most]: [Duration; 2], place: usize, count: usize) -> Duration {
    least + (most - least).mul_f64(place as f64 / count as f64)
}

async fn attack(
    flood: Flood,
    [place, count]: [usize; 2],
    to: SocketAddr,
    from: Ipv4Addr,
    large: &str,
) -> io::Result<()> {
    match flood {
        Flood::UnfinishedUploads => unfinished_upload(to, from, place.is_multiple_of(2)).await,
        Flood::IdleConnections => idle(to, from, place.is_multiple_of(2)).await,
        Flood::NeverReading => never_reading(to, from, large, share(UNREAD, place, count)).await,
        Flood::Garbage => garbage(to, from, place).await,
    }
}

async fn unfinished_upload(to: SocketAddr, from: Ipv4Addr, drips: bool) -> io::Result<()> {
    let mut stream = wire::connect(to, from, None).await?;
    let day = jiff::Timestamp::now().strftime("%Y-%m-%d");
    let head = format!(
        "POST /upload/{day} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n\
         Content-Length: 4000\r\n\r\n{{\"Week\":"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut answer = [0; 1024];
    loop {
        let wait = if drips { DRIP } else { Duration::MAX };
        match timeout(wait, stream.read(&mut answer)).await {
            Ok(Ok(0) | Err(_)) => return Ok(()),
            Ok(Ok(_)) => {}
            Err(_) => stream.write_all(b" ").await?,
        }
    }
}

async fn idle(to: SocketAddr, from: Ipv4Addr, asks: bool) -> io::Result<()> {
    let mut stream = wire::connect(to, from, None).await?;
    if asks {
        let request = format!("GET /log/checkpoint HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
    }
    let mut answer = [0; 1024];
    while stream.read(&mut answer).await? > 0 {}
    Ok(())
}

async fn never_reading(
    to: SocketAddr,
    from: Ipv4Addr,
    large: &str,
    stays: Duration,
) -> io::Result<()> {
    let mut stream = wire::connect(to, from, Some(4096)).await?;
    let request = format!("GET {large} HTTP/1.1\r\nHost: {HOST}\r\n\r\n").repeat(20);
    stream.write_all(request.as_bytes()).await?;
    sleep(stays).await;
    Ok(())
}

async fn garbage(to: SocketAddr, from: Ipv4Addr, place: usize) -> io::Result<()> {
    let upload = |headers: &str, body: &str| {
        format!("POST /upload/2026-01-01 HTTP/1.1\r\nHost: {HOST}\r\n{headers}\r\n{body}")
            .into_bytes()
    };
    let json = "Content-Type: application/json\r\n";
    let bytes = match place % 10 {
        0 => b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(50),
        1 => (0..=255).cycle().take(100_000).collect(),
        2 => {
            format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX: {}\r\n\r\n", "x".repeat(64 << 10)).into()
        }
        3 => upload(&format!("{json}Content-Length: -1\r\n"), ""),
        4 => upload(&format!("{json}Content-Length: 99999999999\r\n"), "{"),
        5 => upload(&format!("{json}Content-Length: 6\r\n"), "[[[[[["),
        6 => upload(&format!("{json}Transfer-Encoding: chunked\r\n"), "fffffff\r\n{"),
        7 => {
            upload(&format!("{json}Content-Encoding: gzip\r\nContent-Length: 3\r\n"), "\u{1f}\u{8}")
        }
        8 => b"GET /%00%ff/../../etc/passwd HTTP/1.1\r\n\r\n".to_vec(),
        _ => b"\r\n".repeat(10_000),
    };
    let mut stream = wire::connect(to, from, None).await?;
    stream.write_all(&bytes).await?;
    let mut answer = Vec::new();
    // Stop in any case.
    let _ = timeout(wire::PATIENCE, stream.read_to_end(&mut answer)).await;
    Ok(())
}
