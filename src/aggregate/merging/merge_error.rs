//! Why a merge stopped, or must start over.

use super::dataset::DatasetError;
use crate::aggregate::public::PublicError;
use crate::ingest::{DecodeError, ReadError, SegmentId};
use crate::store::{KeyError, StoreError};
use std::io;

/// Why a merge stopped. The public data is unchanged, and the next merge starts over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// Another merge runs on this machine.
    #[error(
        "another merge of this deployment is running ({folder} is locked); wait until it has \
        finished"
    )]
    Running {
        /// The scratch folder.
        folder: String,
    },
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
    /// The folder of reports cannot be read.
    #[error(transparent)]
    Reports(#[from] ReadError),
    /// What is public cannot be read or changed.
    #[error(transparent)]
    Public(#[from] PublicError),
    /// A file could not be made.
    #[error("{0}")]
    Files(String),
    /// The definitions, which say when a stack is shown, cannot be read.
    #[error("{0}")]
    Definitions(String),
    /// A segment that is not lost should be given up.
    #[error("segment {id} is not lost, so nothing is given up; `candor merge` lists the lost ones")]
    NotLost {
        /// The segment.
        id: SegmentId,
    },
}

impl From<StoreError> for MergeError {
    fn from(error: StoreError) -> MergeError {
        MergeError::Public(error.into())
    }
}

impl From<KeyError> for MergeError {
    fn from(error: KeyError) -> MergeError {
        MergeError::Public(error.into())
    }
}

impl From<DatasetError> for MergeError {
    fn from(error: DatasetError) -> MergeError {
        MergeError::Files(error.to_string())
    }
}

impl From<DecodeError> for MergeError {
    fn from(error: DecodeError) -> MergeError {
        MergeError::Files(format!(
            "a row is intact but not understood ({error}); use the newer program that wrote it"
        ))
    }
}

/// Why an attempt to merge did not succeed.
pub(super) enum Stop {
    /// Another merge changed the index.
    Lost,
    /// What waited was gone when it was read: it is somewhere else by now, or the store still lists it.
    Gone(ReadError),
    /// Something failed.
    Failed(MergeError),
}

impl<E: Into<MergeError>> From<E> for Stop {
    fn from(error: E) -> Stop {
        Stop::Failed(error.into())
    }
}
