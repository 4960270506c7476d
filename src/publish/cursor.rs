//! The last commit of a watched branch that was processed: one small file for each branch,
//! `DIR/watch/HEX`.
//!
//! ```text
//! 7a52...                 the commit
//! main                    the branch; an empty line for the one that is checked out
//! https://example.org/r   the repository, without credentials: for people who look into the folder
//! ```
//!
//! It is written durably, after the commit was processed. If it is lost or damaged, that only costs time:
//! the walk then starts at the commit of the newest version.

use crate::charts::ObjectName;
use crate::durable;
use crate::hex::shortened;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The file of one branch.
#[derive(Debug)]
pub(super) struct Cursor {
    path: PathBuf,
    about: String,
}

/// The file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}, which says which commit of the branch was processed last: {source}", .path.display())]
pub struct CursorError {
    path: PathBuf,
    source: io::Error,
}

impl Cursor {
    /// The cursor of a branch of a repository, in a folder that is made when it is written.
    pub(super) fn of(folder: &Path, location: &str, branch: Option<&str>) -> Cursor {
        let about = format!("{}\n{location}\n", branch.unwrap_or_default());
        let name = shortened(&Sha256::digest(&about), 16);
        Cursor { path: folder.join(name), about }
    }

    /// The commit, if it was written and can be read.
    pub(super) fn read(&self) -> Option<ObjectName> {
        let text = fs::read_to_string(&self.path).ok()?;
        let (commit, about) = text.split_once('\n')?;
        ObjectName::parse(commit).filter(|_| about == self.about)
    }

    /// Moves it to a commit.
    pub(super) fn write(&self, commit: &ObjectName) -> Result<(), CursorError> {
        let write = || {
            durable::make_folders(durable::folder_of(&self.path))?;
            let (temporary, text) =
                (self.path.with_extension("tmp"), format!("{commit}\n{}", self.about));
            durable::replace(&self.path, &temporary, text.as_bytes(), durable::private_file)
        };
        write().map_err(|source| CursorError { path: self.path.clone(), source })
    }
}
