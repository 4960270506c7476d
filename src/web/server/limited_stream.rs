//! A connection's socket with time limits, between hyper and the operating system.
//!
//! hyper limits the time for a request's head, and reads no further request before the whole answer was
//! sent, but it does not limit how long that may take. This wrapper:
//!
//! - disconnects a client that receives too slowly ([`Limits::receiving`], [`Limits::received_rate`]);
//! - tells [`Connection`] when an answer was sent, and when the client does not receive it;
//! - reads on for a moment if the connection is closed before a request's body was read to the end: closing
//!   a socket with unread bytes resets the connection, and the client might lose the answer.

use super::connections::Connection;
use super::limits::Limits;
use super::listen::Stream;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// How long, and how much, is read and discarded before the connection is closed.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1 << 20;

/// The state that a connection's socket and its requests share. hyper runs both in one task.
#[derive(Debug)]
pub(super) struct Activity {
    pub(super) connection: Connection,
    /// A request has started, and its answer was not sent completely.
    busy: AtomicBool,
    /// Not all of the answer was handed to hyper.
    answering: AtomicBool,
    /// A request's body was not read to the end.
    unread: AtomicBool,
    /// The bytes of the answer in memory, until it is sent.
    held: AtomicU64,
}

impl Activity {
    pub(super) fn new(connection: Connection) -> Activity {
        let no = || AtomicBool::new(false);
        Activity { connection, busy: no(), answering: no(), unread: no(), held: AtomicU64::new(0) }
    }

    /// A request has started.
    pub(super) fn begin(&self) {
        self.busy.store(true, Relaxed);
        self.answering.store(true, Relaxed);
        self.connection.begin();
    }

    /// Sets how many bytes of the answer are in memory.
    pub(super) fn hold(&self, bytes: u64) {
        self.held.store(bytes, Relaxed);
    }

    /// The answer was handed to hyper.
    pub(super) fn hand_over(&self) {
        self.answering.store(false, Relaxed);
    }

    /// The body of a request was dropped before it was read to the end.
    pub(super) fn leave_unread(&self) {
        self.unread.store(true, Relaxed);
    }
}

/// A socket with time limits.
#[derive(Debug)]
pub(super) struct LimitedStream {
    stream: Stream,
    activity: Arc<Activity>,
    limits: Limits,
    waiting: Option<Waiting>,
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
}

/// An answer that the socket could not take at once.
#[derive(Debug)]
struct Waiting {
    since: Instant,
    /// What the socket has taken since.
    sent: u64,
    /// The socket takes nothing at the moment.
    blocked: bool,
    timer: Pin<Box<Sleep>>,
}

impl LimitedStream {
    pub(super) fn new(stream: Stream, activity: Arc<Activity>, limits: Limits) -> LimitedStream {
        LimitedStream { stream, activity, limits, waiting: None, lingering: None }
    }

    /// Updates the state after a write.
    fn written(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(count)) => {
                if let Some(waiting) = &mut self.waiting {
                    waiting.sent += *count as u64;
                    if std::mem::replace(&mut waiting.blocked, false) {
                        self.activity.connection.client_received();
                    }
                }
                written
            }
            Poll::Ready(Err(_)) => written,
            Poll::Pending => {
                let limits = self.limits;
                let waiting = self.waiting.get_or_insert_with(|| {
                    let since = Instant::now();
                    let timer = Box::pin(sleep_until(since + limits.receiving));
                    Waiting { since, sent: 0, blocked: false, timer }
                });
                if !std::mem::replace(&mut waiting.blocked, true) {
                    self.activity.connection.client_stalled(self.activity.held.load(Relaxed));
                    let milliseconds =
                        waiting.sent.saturating_mul(1000) / u64::from(limits.received_rate.max(1));
                    // The bound only matters after terabytes.
                    let earned = Duration::from_millis(milliseconds.min(1 << 40));
                    waiting.timer.as_mut().reset(waiting.since + limits.receiving + earned);
                }
                match waiting.timer.as_mut().poll(context) {
                    Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }

    /// Reads and discards.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let (timer, left) = self
            .lingering
            .get_or_insert_with(|| (Box::pin(sleep_until(Instant::now() + LINGER)), LINGER_BYTES));
        let mut bytes = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() && *left > 0 => {
                    *left = left.saturating_sub(buffer.filled().len());
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return timer.as_mut().poll(context),
            }
        }
    }
}

impl AsyncRead for LimitedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for LimitedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.written(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper calls this when the socket has taken all that it had.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = !self.activity.answering.load(Relaxed);
        if sent && self.activity.busy.swap(false, Relaxed) {
            self.waiting = None;
            self.activity.connection.finish();
            self.activity.hold(0);
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            let shut = Pin::new(&mut self.stream).poll_shutdown(context);
            match shut {
                Poll::Ready(Ok(())) if self.activity.unread.load(Relaxed) => {}
                other => return other,
            }
        }
        self.poll_linger(context).map(Ok)
    }
}
