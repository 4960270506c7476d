//! Why the receiver's folder cannot be opened.

use crate::store::StoreError;
use std::io;

/// Why a journal could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Another process uses this folder.
    #[error(
        "{folder} is in use by another process, and two cannot store reports in one folder: stop \
         the other one, or serve with --read-only"
    )]
    InUse {
        /// The folder.
        folder: String,
    },
    /// A segment was written by a later version of this program.
    #[error("{path} has format {version}, and this program knows 1; use the newer program")]
    LaterFormat {
        /// The segment.
        path: String,
        /// Its format.
        version: u8,
    },
    /// Opening it was stopped.
    #[error("opening {folder} was stopped")]
    Stopped {
        /// The folder.
        folder: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
}
