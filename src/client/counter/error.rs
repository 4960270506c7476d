//! Why counting is not possible. Nobody who counts ever sees it: counting then silently stops, and
//! [`status`](super::status) tells those who ask.

use super::metadata::MetadataError;
use crate::client::folder::FolderError;
use std::io;
use std::path::PathBuf;

/// Why a program's counts cannot be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CountingError {
    /// No telemetry folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A program that cannot be named.
    #[error("the program cannot be counted: {0}")]
    Program(#[from] MetadataError),
    /// The file system's reason.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file that holds the day on which weeks end is empty.
    #[error("{path} should hold a digit, the weekday on which weeks end, but is empty; delete it")]
    Weekends {
        /// The file.
        path: PathBuf,
    },
    /// A file of this name, of another program or week.
    #[error("{path} belongs to another program or week; delete it, or name this program otherwise")]
    Other {
        /// The file.
        path: PathBuf,
    },
    /// Something else under a counter file's name.
    #[error("{path} is no counter file; move it away, or delete it")]
    NoCounterFile {
        /// The file.
        path: PathBuf,
    },
    /// A file that another program has written over.
    #[error("{path} was written over by another program while it was in use; delete it")]
    Overwritten {
        /// The file.
        path: PathBuf,
    },
    /// A file in which chains or limit lead nowhere.
    #[error("{path} is broken at {offset:#x}; delete it")]
    Broken {
        /// The file.
        path: PathBuf,
        /// What leads nowhere.
        offset: u32,
    },
    /// A file that another program has shortened.
    #[error("{path} was shortened by another program while it was in use; it is soon begun anew")]
    CutOff {
        /// The file.
        path: PathBuf,
    },
    /// A program that counts under ever new names.
    #[error("{path} is full: its records fill 64 MiB; count under fewer names")]
    Full {
        /// The file.
        path: PathBuf,
    },
}

impl CountingError {
    pub(super) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> CountingError {
        move |source| CountingError::Io { action, path: path.into(), source }
    }
}
