//! A connection's bytes, on their way between its socket and hyper.
//!
//! hyper limits neither how long an answer waits for a client that does not receive it, nor how many
//! answers to pipelined requests gather meanwhile; and its limit for the head of a request runs while
//! the answer before is still on its way. So this stands between, and:
//!
//! - reads nothing from a client that does not receive what it asked for before;
//! - gives up a client that receives too slowly ([`Limits::receiving`], [`Limits::received_rate`]);
//! - gives up a client that does not send the head of a request in time ([`Limits::head`]), counted
//!   from when the connection began or its last answer was sent;
//! - tells [`Connection`] when all of an answer was sent, and when a client does not receive it;
//! - reads on for a moment when a connection ends before all of a body was read: a socket that is
//!   closed with bytes unread resets the connection, and the client may lose the answer.

use super::connections::Connection;
use super::limits::Limits;
use super::listen::Stream;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// How long, and how much, is read of what nobody wants before the connection is closed.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1 << 20;

/// What a connection's socket and its requests know of each other. hyper runs both in one task.
#[derive(Debug)]
pub(super) struct Activity {
    pub(super) connection: Connection,
    /// A request has begun, and not all of its answer was sent.
    busy: AtomicBool,
    /// Not all of the answer was handed to hyper.
    answering: AtomicBool,
    /// A body was not read to its end.
    unread: AtomicBool,
    /// The bytes of the answer that are in memory until it was sent.
    held: AtomicU64,
}

impl Activity {
    pub(super) fn new(connection: Connection) -> Activity {
        let no = || AtomicBool::new(false);
        Activity { connection, busy: no(), answering: no(), unread: no(), held: AtomicU64::new(0) }
    }

    /// A request has begun.
    pub(super) fn begin(&self) {
        self.busy.store(true, Relaxed);
        self.answering.store(true, Relaxed);
        self.connection.begin();
    }

    /// The answer to it holds so many bytes in memory.
    pub(super) fn hold(&self, bytes: u64) {
        self.held.store(bytes, Relaxed);
    }

    /// The answer was handed to hyper.
    pub(super) fn hand_over(&self) {
        self.answering.store(false, Relaxed);
    }

    /// The body of a request was dropped before its end.
    pub(super) fn leave_unread(&self) {
        self.unread.store(true, Relaxed);
    }
}

/// The socket.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    activity: Arc<Activity>,
    limits: Limits,
    /// Until when the head of a request must be there, while none is under way.
    head: Pin<Box<Sleep>>,
    waiting: Option<Waiting>,
    /// Whoever wanted to read while nothing was received.
    reader: Option<Waker>,
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
}

/// An answer that the socket did not take at once.
#[derive(Debug)]
struct Waiting {
    since: Instant,
    /// What the socket has taken since.
    sent: u64,
    /// The socket takes nothing now.
    blocked: bool,
    timer: Pin<Box<Sleep>>,
}

impl Wire {
    pub(super) fn new(stream: Stream, activity: Arc<Activity>, limits: Limits) -> Wire {
        let head = Box::pin(sleep_until(Instant::now() + limits.head));
        Wire { stream, activity, limits, head, waiting: None, reader: None, lingering: None }
    }

    fn is_blocked(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.blocked)
    }

    /// What follows from what the socket took.
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
                        self.activity.connection.receive();
                        if let Some(reader) = self.reader.take() {
                            reader.wake();
                        }
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
                    self.activity.connection.stall(self.activity.held.load(Relaxed));
                    let milliseconds =
                        waiting.sent.saturating_mul(1000) / u64::from(limits.received_rate.max(1));
                    // So far ahead that it does not matter, after a file of terabytes.
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

    /// Reads what nobody wants.
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

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_blocked() {
            self.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_pending()
            && !self.activity.busy.load(Relaxed)
            && self.head.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl AsyncWrite for Wire {
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
            let deadline = Instant::now() + self.limits.head;
            self.head.as_mut().reset(deadline);
            // Has the task woken then. It cannot be over yet, or is found to be so by who reads.
            let _ = self.head.as_mut().poll(context);
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
