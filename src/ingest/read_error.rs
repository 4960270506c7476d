//! Why the receiver's folder cannot be read.

use super::journal_error::JournalError;
use crate::store::StoreError;
use std::io;
use std::ops::Range;

/// What could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The operating system refused.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A segment is damaged.
    #[error("{path} is damaged from byte {} to {}", .bytes.start, .bytes.end)]
    Damaged {
        /// The segment.
        path: String,
        /// The first damaged bytes.
        bytes: Range<usize>,
    },
    /// A segment was written by a later version of this program.
    #[error("{path} has format {version}, and this program knows 1; use the newer program")]
    LaterFormat {
        /// The segment.
        path: String,
        /// Its format.
        version: u8,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A batch was listed and is gone: a merge has removed it meanwhile.
    #[error("{path} was removed meanwhile; run the command again")]
    Gone {
        /// The batch.
        path: String,
    },
    /// Received reports could not be sealed.
    #[error("received reports cannot be sealed: {0}")]
    NotSealed(#[from] JournalError),
}
