//! A report in the journal's queue: the permit that it needs, and the answer that it waits for.

use super::check::CheckedReport;
use std::future::Future;
use tokio::sync::mpsc::OwnedPermit;
use tokio::sync::oneshot;

/// The queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue of reports is full")]
pub struct QueueFull;

/// The report was not stored: the disk or the store refused (the server's log says why), or the journal is closing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the report could not be stored")]
pub struct NotStored;

/// A report is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It is new.
    New,
    /// It was stored already.
    Duplicate,
}

/// The right to put one report into the queue.
#[derive(Debug)]
pub struct QueuePermit(pub(super) OwnedPermit<Waiting>);

/// A report in the queue, and the channel for its answer.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) report: CheckedReport,
    pub(super) answer: oneshot::Sender<Result<Stored, NotStored>>,
}

impl QueuePermit {
    /// Puts a report into the queue. The future resolves when the report is durable or could not be
    /// stored; the report is stored even if the future is dropped.
    pub fn store(
        self,
        report: CheckedReport,
    ) -> impl Future<Output = Result<Stored, NotStored>> + Send {
        let (answer, answered) = oneshot::channel();
        self.0.send(Waiting { report, answer });
        async { answered.await.unwrap_or(Err(NotStored)) }
    }
}
