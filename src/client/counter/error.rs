//! Why counting is not possible. Code that counts never sees such an error: counting silently stops, and
//! [`status`](super::status) says why.

use super::metadata::MetadataError;
use crate::client::folder::FolderError;
use std::io;
use std::path::PathBuf;

/// Why a program's counts cannot be stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CountingError {
    /// No telemetry folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The program's name cannot be that of a file.
    #[error("the program cannot be counted: {0}")]
    Program(#[from] MetadataError),
    /// An error of the file system.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The file that holds the day on which weeks end is empty.
    #[error("{path} should hold a digit, the weekday on which weeks end, but is empty; delete it")]
    Weekends {
        /// The file.
        path: PathBuf,
    },
    /// A counter file of this name belongs to another program or week.
    #[error(
        "{path} belongs to another program or week; delete it, or give this program another name"
    )]
    Other {
        /// The file.
        path: PathBuf,
    },
    /// Something else has a counter file's name.
    #[error("{path} is not a counter file; move it away, or delete it")]
    NotACounterFile {
        /// The file.
        path: PathBuf,
    },
    /// Another program has overwritten the file.
    #[error("{path} was overwritten by another program while it was in use; delete it")]
    Overwritten {
        /// The file.
        path: PathBuf,
    },
    /// A chain or the limit in the file has an invalid offset.
    #[error("{path} is broken at {offset:#x}; delete it")]
    Broken {
        /// The file.
        path: PathBuf,
        /// The offset.
        offset: u32,
    },
    /// Another program has shortened the file.
    #[error("{path} was shortened by another program while it was in use; a new one is made soon")]
    Shortened {
        /// The file.
        path: PathBuf,
    },
    /// The program counts under too many names.
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
