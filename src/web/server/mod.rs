//! Connections: taken in, limited, and ended in order.
//!
//! | file | one idea |
//! | --- | --- |
//! | `listen` | where a server listens |
//! | `connections` | what each connection does, and which one makes room |
//! | `limits` | how much of everything there may be |
//! | `wire` | a connection's bytes, and how long they may take |
//! | `request` | a request on its way to the router, and its answer |
//!
//! | limit | what happens |
//! | --- | --- |
//! | connections | the one that has been idle for longest ends; where none is, the new one gets a bare 503 |
//! | a request's head, also while idle between requests | closed |
//! | how slowly an answer may be received | closed |
//! | how long one connection is used | asked to end after the request under way |
//! | the server stops | as above, all within [`Limits::grace`] |
//!
//! Who a client is (its address) becomes a [`Peer`] in `listen`, right where it is accepted, which has no
//! way to be printed and is read by the admission of uploads alone. axum is built without the feature that
//! could hand on more: no handler, metric or log line can know it.

mod connections;
mod limits;
mod listen;
mod request;
mod wire;

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
use wire::{Activity, Wire};

/// The largest head of a request, in bytes; more is answered with 431. Also the most that is read or
/// buffered of a connection at a time, besides a piece of a body.
const MAX_HEAD: usize = 16 * 1024;
/// How long to wait where the system does not let a connection in. It would say so again at once.
const PAUSE: Duration = Duration::from_millis(100);
/// How often the operator is told of that.
const TELL: Duration = Duration::from_secs(60);

/// Answers connections with `router` until `shutdown` ends; then finishes the requests under way.
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
    let mut told: Option<Instant> = None;
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            // Reaps those that ended, so that the set does not grow.
            Some(_) = tasks.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match connections.admit() {
                    Some(connection) => {
                        let (router, stopping) = (router.clone(), stopping.clone());
                        tasks.spawn(serve_connection(
                            stream, peer, connection, router, limits, stopping,
                        ));
                        // They close at once; nobody waits for one that does not.
                        let _ = timeout(PAUSE, connections.closed()).await;
                    }
                    None => turn_away(&stream),
                },
                Err(error) if is_of_the_client(&error) => {}
                Err(error) => {
                    // Out of file descriptors, mostly, though connections are planned for those.
                    if told.is_none_or(|told| told.elapsed() >= TELL) {
                        told = Some(Instant::now());
                        tracing::error!(%error, "cannot accept connections; trying again");
                    }
                    connections.make_room();
                    sleep(PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    drop(stop);
    let finish = async { while tasks.join_next().await.is_some() {} };
    if timeout(limits.grace, finish).await.is_err() {
        tracing::warn!("some clients were still reading when the time to stop was over");
    }
    // Whatever is left is dropped with the set.
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
    let wire = Wire::new(stream, activity.clone(), limits);
    let service = service_fn(|request| {
        activity.begin();
        let answer = request::answer(router.clone(), activity.clone(), peer, request);
        async { Ok::<_, Infallible>(answer.await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(MAX_HEAD);
    let mut http = pin!(builder.serve_connection(TokioIo::new(wire), service));
    let limit = tokio::select! {
        // An error is the client's: it went away, or spoke something that is not HTTP.
        _ = http.as_mut() => return,
        () = activity.connection.ended() => return,
        // The sender is dropped when the server stops.
        _ = stopping.changed() => limits.grace,
        () = sleep(limits.lifetime) => limits.last_answer,
    };
    http.as_mut().graceful_shutdown();
    tokio::select! {
        _ = timeout(limit, http) => {}
        () = activity.connection.ended() => {}
    }
}

/// Counts a request as one of a reader, if it came in by a connection.
pub(super) fn count_reader(request: &Extensions) -> Result<(), Busy> {
    request.get::<Arc<Activity>>().map_or(Ok(()), |activity| activity.connection.read())
}

/// Tells a client that there is no room, as far as its socket takes that without waiting.
fn turn_away(stream: &Stream) {
    const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\n\
        cache-control: no-store\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let _ = stream.try_write(FULL);
}

/// Whether accepting failed for a reason that lies with the one client.
fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
