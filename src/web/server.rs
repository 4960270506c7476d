//! Connections: taken in, limited, and ended in order.
//!
//! `axum::serve` has no time limits, so a client that sends its request a byte a minute would hold
//! its connection for ever. Here hyper is given a timer, and:
//!
//! | limit | what happens |
//! | --- | --- |
//! | [`MAX_CONNECTIONS`] at once | the next one gets a bare 503 and is closed |
//! | [`HEADER_TIMEOUT`] for a request's head, also while idle between requests | closed |
//! | [`CONNECTION_LIFETIME`] | asked to end after the request under way, closed a little later |
//! | the server stops | as above, all within [`GRACE`] |
//!
//! The lifetime is what ends a client that reads its answer a byte a minute. Who a client is (its
//! address) is dropped right after `accept`, and axum is built without the feature that could hand it
//! on: no handler, metric or log line can know it.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// The most connections that are open at once.
const MAX_CONNECTIONS: usize = 4096;
/// How long a client may take for the head of a request, in seconds.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// The largest head of a request, in bytes; more is answered with 431.
const MAX_HEAD: usize = 16 * 1024;
/// How long one connection is used.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(600);
/// How long connections may take to end once they were asked to.
const GRACE: Duration = Duration::from_secs(10);

/// The time limits of a server; tests shorten them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) connections: usize,
    pub(super) header: Duration,
    pub(super) lifetime: Duration,
    pub(super) grace: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: MAX_CONNECTIONS,
            header: HEADER_TIMEOUT,
            lifetime: CONNECTION_LIFETIME,
            grace: GRACE,
        }
    }
}

/// Answers connections with `router` until `shutdown` ends; then finishes the requests under way.
pub(super) async fn run(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let (stop, stopping) = watch::channel(());
    let slots = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            // Reaps those that ended, so that the set does not grow.
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => match slots.clone().try_acquire_owned() {
                    Ok(slot) => {
                        let connection =
                            serve_connection(stream, router.clone(), limits, stopping.clone());
                        connections.spawn(async move {
                            connection.await;
                            drop(slot);
                        });
                    }
                    Err(_) => turn_away(&stream),
                },
                Err(error) if is_of_the_client(&error) => {}
                Err(error) => {
                    // Out of file descriptors, mostly: connections that end give some back.
                    tracing::error!(%error, "cannot accept connections; trying again");
                    sleep(Duration::from_millis(200)).await;
                }
            },
        }
    }
    drop(listener);
    drop(stop);
    let finish = async { while connections.join_next().await.is_some() {} };
    if timeout(limits.grace, finish).await.is_err() {
        tracing::warn!("some clients were still reading when the time to stop was over");
    }
    // Whatever is left is dropped with the set.
}

async fn serve_connection(
    stream: TcpStream,
    router: Router,
    limits: Limits,
    mut stopping: watch::Receiver<()>,
) {
    // Answers are written whole; waiting to fill a packet only delays their end. If the system
    // refuses, they are merely later.
    let _ = stream.set_nodelay(true);
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.header).max_buf_size(MAX_HEAD);
    let service = TowerToHyperService::new(router);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // An error is the client's: it went away, or spoke something that is not HTTP.
        _ = connection.as_mut() => return,
        // The sender is dropped when the server stops.
        _ = stopping.changed() => {}
        () = sleep(limits.lifetime) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(limits.grace, connection).await;
}

/// Tells a client that there is no room, as far as its socket takes that without waiting.
fn turn_away(stream: &TcpStream) {
    const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\n\
        cache-control: no-store\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let _ = stream.try_write(FULL);
}

/// Whether accepting failed for a reason that lies with the one client.
fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
