//! What came before a revision: its commit's first parents, back to the first.
//!
//! A merged branch counts as the one commit that merged it, as for publishing. The line is only
//! read where someone asks for it, so a [`Revision`](super::Revision) carries the way to it and not
//! the line itself.

use super::repository::{ObjectName, Repository, RepositoryError, damage};
use super::source::Sources;
use git2::Oid;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Where the commits before a revision can be read.
#[derive(Debug, Clone, Default)]
pub struct History(Option<Origin>);

#[derive(Debug, Clone)]
struct Origin {
    git: PathBuf,
    location: String,
    folder: Option<String>,
}

/// A commit before a revision.
#[derive(Debug)]
pub struct Ancestor {
    /// The commit.
    pub commit: ObjectName,
    /// The commit's time, in seconds since 1970-01-01T00:00:00Z.
    pub time: i64,
    /// Its charts folder.
    pub charts: AncestorCharts,
}

/// The charts folder of an [`Ancestor`].
#[derive(Debug)]
pub enum AncestorCharts {
    /// There is none.
    Absent,
    /// It is that of the commit after it, whatever that was.
    Same,
    /// It cannot be published: it holds what a charts folder must not hold.
    Unreadable,
    /// Its files.
    Read(Sources),
}

impl History {
    /// The history of a revision that comes from no repository: it has no commit before it.
    #[cfg(any(test, feature = "testing"))]
    pub fn none() -> History {
        History(None)
    }

    /// The history in `repository`, whose charts folder is `folder` where that was named.
    pub(super) fn of(git: &git2::Repository, location: &str, folder: Option<&str>) -> History {
        History(Some(Origin {
            git: git.path().to_owned(),
            location: location.to_owned(),
            folder: folder.map(str::to_owned),
        }))
    }

    /// Shows `visit` the commits before `commit`, newest first, until it breaks or the history ends.
    /// That it was not fetched as far as it was asked for is an error, not an end.
    pub fn before(
        &self,
        commit: &ObjectName,
        mut visit: impl FnMut(Ancestor) -> ControlFlow<()>,
    ) -> Result<(), RepositoryError> {
        let Some(origin) = &self.0 else { return Ok(()) };
        let location = || origin.location.clone();
        let failed = |source| RepositoryError::Git { location: location(), source };
        let git = git2::Repository::open(&origin.git).map_err(failed)?;
        let repository = Repository::at(git, location(), origin.folder.clone());
        let id = Oid::from_str(commit.as_str()).map_err(failed)?;
        let found = repository.git().find_commit(id);
        let mut commit = found.map_err(|e| damage(repository.git(), &location(), e))?;
        let mut last = repository.tree_of(&commit)?;
        while let Some(parent) = repository.parent_of(&commit)? {
            let tree = repository.tree_of(&parent)?;
            let charts = if tree == last {
                AncestorCharts::Same
            } else if tree.is_none() {
                AncestorCharts::Absent
            } else {
                match repository.read_commit(&parent) {
                    Ok(revision) => AncestorCharts::Read(revision.sources),
                    Err(error) if !error.is_of_the_commit() => return Err(error),
                    Err(_) => AncestorCharts::Unreadable,
                }
            };
            last = tree;
            let (time, name) = (parent.time().seconds(), parent.id().to_string());
            // Git writes full names.
            let Some(name) = ObjectName::parse(&name) else { break };
            if visit(Ancestor { commit: name, time, charts }).is_break() {
                break;
            }
            commit = parent;
        }
        Ok(())
    }
}
