//! The HTTP server: accepts connections, limits them, and closes them gracefully.
//!
//! | file | one idea |
//! | --- | --- |
//! | `listen` | where a server listens |
//! | `connections` | what each connection does, and which one is closed to make room |
//! | `limits` | the limits, and how they follow from the operating system's |
//! | `limited_stream` | a connection's socket with time limits |
//! | `request` | a request on its way to the router, and its answer |
//!
//! | limit | what happens |
//! | --- | --- |
//! | connections | the one that has been idle longest is closed; if none is idle, the new one gets a bare 503 |
//! | time for a request's head, including idle time before it | the connection is closed |
//! | slowest rate of receiving an answer | the connection is closed |
//! | age of a connection | it is closed after the current request |
//! | the server stops | the same, all within [`Limits::grace`] |
//!
//! A client's address becomes a [`Peer`] in `listen`, as soon as it is accepted. A peer cannot be printed,
//! and only the admission of uploads reads it. axum is built without the feature that would pass addresses
//! on, so no handler, metric or log line can contain one.

mod connections;
mod limited_stream;
mod limits;
mod listen;
mod request;

#[cfg(test)]
pub(super) use connections::Budget;
pub(super) use connections::Busy;
pub(super) use limits::{Limits, Plan};
pub use listen::{ListenAddress, ListenAddressError, Listener};
pub(super) use request::Streamed;

use crate::ingest::Peer;
use axum::Router;
use axum::http::Extensions;
use connections::{Connection, Connections};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use limited_stream::{Activity, LimitedStream};
use listen::Stream;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// The largest head of a request, in bytes; a larger one is answered with 431. Also the most that is
/// buffered of a connection at a time, besides a chunk of a body.
const MAX_HEAD: usize = 16 * 1024;
/// How long to wait when accepting fails. It would fail again at once.
const PAUSE: Duration = Duration::from_millis(100);
/// How often such errors are logged.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// Answers connections with `router` until `shutdown` completes; then finishes the current requests.
pub(super) async fn run(
    listener: impl Into<Listener>,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let listener = listener.into();
    let (stop, stopping) = watch::channel(());
    let connections = Connections::new(limits.budget);
    let mut tasks = JoinSet::new();
    let mut last_logged: Option<Instant> = None;
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            // Removes finished tasks, so that the set does not grow.
            Some(_) = tasks.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match connections.admit() {
                    Some(connection) => {
                        let (router, stopping) = (router.clone(), stopping.clone());
                        tasks.spawn(serve_connection(
                            stream, peer, connection, router, limits, stopping,
                        ));
                        // They should close at once; this does not wait for one that does not.
                        let _ = timeout(PAUSE, connections.closed()).await;
                    }
                    None => refuse(&stream),
                },
                Err(error) if is_client_error(&error) => {}
                Err(error) => {
                    // Usually out of file descriptors, although the limits account for those.
                    if last_logged.is_none_or(|at| at.elapsed() >= LOG_EVERY) {
                        last_logged = Some(Instant::now());
                        tracing::error!(%error, "cannot accept connections; trying again");
                    }
                    connections.close_idle();
                    sleep(PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    drop(stop);
    let finish = async { while tasks.join_next().await.is_some() {} };
    if timeout(limits.grace, finish).await.is_err() {
        tracing::warn!("some clients were still receiving answers when the server stopped");
    }
    // Remaining tasks are dropped with the set.
}

async fn serve_connection(
    stream: Stream,
    peer: Peer,
    connection: Connection,
    router: Router,
    limits: Limits,
    mut stopping: watch::Receiver<()>,
) {
    stream.prepare();
    let activity = Arc::new(Activity::new(connection));
    let stream = LimitedStream::new(stream, activity.clone(), limits);
    let service = service_fn(|request| {
        activity.begin();
        let answer = request::answer(router.clone(), activity.clone(), peer, request);
        async { Ok::<_, Infallible>(answer.await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(MAX_HEAD);
    let mut http = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let limit = tokio::select! {
        // Errors are the client's: it went away, or did not speak HTTP.
        _ = http.as_mut() => return,
        () = activity.connection.must_close() => return,
        // The sender is dropped when the server stops.
        _ = stopping.changed() => limits.grace,
        () = sleep(limits.lifetime) => limits.last_answer,
    };
    http.as_mut().graceful_shutdown();
    tokio::select! {
        _ = timeout(limit, http) => {}
        () = activity.connection.must_close() => {}
    }
}

/// Counts a request as one of a reader, if it came through a connection.
pub(super) fn count_reader(request: &Extensions) -> Result<(), Busy> {
    request.get::<Arc<Activity>>().map_or(Ok(()), |activity| activity.connection.read())
}

/// Tells a client that the server is full, if its socket is writable.
fn refuse(stream: &Stream) {
    const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\n\
        cache-control: no-store\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let _ = stream.try_write(FULL);
}

/// Whether accepting failed because of this one client.
fn is_client_error(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
