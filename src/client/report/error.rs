//! Why a run of reporting stopped. What concerns one week or one file only is an
//! [`Event`](super::Event) and stops nothing else.

use super::x::RandomnessError;
use crate::client::files;
use crate::gomod::ModulePath;
use crate::store::KeyError;
use std::io;
use std::path::{Path, PathBuf};

/// Why reports could not be made or sent. What was counted stays where it is, for the next run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The file system's reason.
    #[error("cannot {action} {path}: {source}; {advice}", advice = advice(.source))]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No randomness.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// The folder's reports go elsewhere.
    #[error(
        "{path} holds counts of which the reports go to {bound}, and not to {asked}: two projects \
         must not share a folder, for each would take the other's counts. Name another folder, or \
         delete {path}/candor if the project has moved"
    )]
    OtherDestination {
        /// The folder.
        path: PathBuf,
        /// Whose config its reports obeyed so far.
        bound: ModulePath,
        /// Whose config they should obey now.
        asked: ModulePath,
    },
    /// The log's key has a name under which nothing can be remembered.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// What is to be done about an error of the file system, if anything.
fn advice(error: &io::Error) -> &'static str {
    match files::is_unfit(error) {
        true => "nothing is lost, but until you remove it, nothing is made or sent",
        false => "nothing is lost, the next run tries again",
    }
}

impl ReportError {
    /// Whether something is in the way that only a person can remove.
    pub fn is_obstacle(&self) -> bool {
        matches!(self, ReportError::Io { source, .. } if files::is_unfit(source))
    }

    pub(super) fn io(
        action: &'static str,
        path: impl AsRef<Path>,
    ) -> impl FnOnce(io::Error) -> ReportError {
        move |source| ReportError::Io { action, path: path.as_ref().to_path_buf(), source }
    }
}
