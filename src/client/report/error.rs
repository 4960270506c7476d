//! Why a run stopped. A problem with a single week or file is an [`Event`](super::Event), and stops
//! nothing else.

use super::x::RandomnessError;
use crate::client::files;
use crate::gomod::ModulePath;
use crate::store::KeyError;
use std::io;
use std::path::{Path, PathBuf};

/// Why reports could not be made or sent. The counts stay where they are, for the next run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// An error of the file system.
    #[error("cannot {action} {path}: {source}; {advice}", advice = advice(.source))]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// No randomness.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// The folder's reports go elsewhere.
    #[error(
        "the reports of {path} go to {bound}, not to {asked}: two projects must not share a folder, \
         because each would take the other's counts. Name another folder, or delete {path}/candor \
         if the project has moved"
    )]
    OtherDestination {
        /// The folder.
        path: PathBuf,
        /// Whose config its reports have followed so far.
        bound: ModulePath,
        /// Whose config they should follow now.
        asked: ModulePath,
    },
    /// The name of the log's key cannot be the name of a file.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// What to do about an error of the file system, if anything.
fn advice(error: &io::Error) -> &'static str {
    match files::is_unusable(error) {
        true => "nothing is lost, but until you remove it, nothing is made or sent",
        false => "nothing is lost; the next run tries again",
    }
}

impl ReportError {
    /// Whether only a person can remove the cause.
    pub fn is_obstacle(&self) -> bool {
        matches!(self, ReportError::Io { source, .. } if files::is_unusable(source))
    }

    pub(super) fn io(
        action: &'static str,
        path: impl AsRef<Path>,
    ) -> impl FnOnce(io::Error) -> ReportError {
        move |source| ReportError::Io { action, path: path.as_ref().to_path_buf(), source }
    }
}
