//! Why counting is not possible. Code that counts never sees such an error: counting silently stops, and
//! [`status`](super::status) says why.

use super::metadata::MetadataError;
use crate::client::folder::FolderError;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a program's counts cannot be stored.
#[derive(Debug)]
#[non_exhaustive]
pub enum CountingError {
    /// No telemetry folder.
    Folder(FolderError),
    /// The program's name cannot be that of a file.
    Program(MetadataError),
    /// An error of the file system.
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The file that holds the day on which weeks end is empty.
    Weekends {
        /// The file.
        path: PathBuf,
    },
    /// A counter file of this name belongs to another program or week.
    Other {
        /// The file.
        path: PathBuf,
    },
    /// Something else has a counter file's name.
    NotACounterFile {
        /// The file.
        path: PathBuf,
    },
    /// Another program has overwritten the file.
    Overwritten {
        /// The file.
        path: PathBuf,
    },
    /// A chain or the limit in the file has an invalid offset.
    Broken {
        /// The file.
        path: PathBuf,
        /// The offset.
        offset: u32,
    },
    /// Another program has shortened the file.
    Shortened {
        /// The file.
        path: PathBuf,
    },
    /// The program counts under too many names.
    Full {
        /// The file.
        path: PathBuf,
    },
}

impl fmt::Display for CountingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use CountingError as E;
        let (path, what) = match self {
            E::Folder(error) => return error.fmt(f),
            E::Program(error) => return write!(f, "the program cannot be counted: {error}"),
            E::Io { action, path, source } => {
                return write!(f, "cannot {action} {}: {source}", path.display());
            }
            E::Broken { path, offset } => {
                return write!(f, "{} is broken at {offset:#x}; delete it", path.display());
            }
            E::Weekends { path } => (
                path,
                "should hold a digit, the weekday on which weeks end, but is empty; delete it",
            ),
            E::Other { path } => (
                path,
                "belongs to another program or week; delete it, or give this program another name",
            ),
            E::NotACounterFile { path } => {
                (path, "is not a counter file; move it away, or delete it")
            }
            E::Overwritten { path } => {
                (path, "was overwritten by another program while it was in use; delete it")
            }
            E::Shortened { path } => (
                path,
                "was shortened by another program while it was in use; a new one is made soon",
            ),
            E::Full { path } => (path, "is full: its records fill 64 MiB; count under fewer names"),
        };
        write!(f, "{} {what}", path.display())
    }
}

impl Error for CountingError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            CountingError::Folder(error) => error.source(),
            CountingError::Program(error) => Some(error),
            CountingError::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<FolderError> for CountingError {
    fn from(error: FolderError) -> CountingError {
        CountingError::Folder(error)
    }
}

impl From<MetadataError> for CountingError {
    fn from(error: MetadataError) -> CountingError {
        CountingError::Program(error)
    }
}

impl CountingError {
    pub(super) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> CountingError {
        move |source| CountingError::Io { action, path: path.into(), source }
    }
}
