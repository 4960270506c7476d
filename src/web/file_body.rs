//! A body that is read from a file while it is sent, with at most one chunk in memory.

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use std::fs::File;
use std::future::Future;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::task::{JoinHandle, spawn_blocking};

/// How much is read at a time, and held in memory until the client receives it. Times the number of
/// readers, this is the most memory that files take.
pub(super) const CHUNK: u64 = 32 << 10;

/// The next bytes of a file.
#[derive(Debug)]
pub(super) struct FileBody {
    state: State,
    /// How many bytes are still to be sent.
    left: u64,
}

#[derive(Debug)]
enum State {
    /// Nothing is being read.
    Idle(File),
    /// Reading blocks, so it runs on the blocking pool.
    Reading(JoinHandle<io::Result<(File, Bytes)>>),
    /// Everything was sent, or reading failed.
    Done,
}

impl FileBody {
    /// The next `length` bytes of `file`.
    pub(super) fn new(file: File, length: u64) -> FileBody {
        FileBody { state: if length == 0 { State::Done } else { State::Idle(file) }, left: length }
    }
}

impl HttpBody for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Done => return Poll::Ready(None),
                State::Idle(file) => {
                    let wanted = self.left.min(CHUNK);
                    self.state = State::Reading(spawn_blocking(move || read(file, wanted)));
                }
                State::Reading(mut task) => {
                    let Poll::Ready(read) = Pin::new(&mut task).poll(context) else {
                        self.state = State::Reading(task);
                        return Poll::Pending;
                    };
                    let (file, bytes) = match read {
                        Ok(Ok(read)) => read,
                        Ok(Err(error)) => return Poll::Ready(Some(Err(error))),
                        Err(stopped) => return Poll::Ready(Some(Err(io::Error::other(stopped)))),
                    };
                    self.left = self.left.saturating_sub(bytes.len() as u64);
                    if self.left > 0 {
                        self.state = State::Idle(file);
                    }
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

fn read(mut file: File, wanted: u64) -> io::Result<(File, Bytes)> {
    let mut bytes = Vec::with_capacity(usize::try_from(wanted).unwrap_or_default());
    Read::by_ref(&mut file).take(wanted).read_to_end(&mut bytes)?;
    // Content-Length has been sent: a truncated file must not look complete.
    if (bytes.len() as u64) < wanted {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((file, bytes.into()))
}
