//! The commits before a revision: its first parents, back to the very first commit.
//!
//! A merged branch counts as the one commit that merged it, as for publishing. The history is only
//! read when someone asks for it, so a [`Revision`](super::Revision) only carries where to find it.

use super::commit_reader::{CommitReader, damage};
use super::object_name::ObjectName;
use super::repository_error::RepositoryError;
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
    /// The commit has no charts folder.
    Absent,
    /// The same as in the commit after it, whatever that was.
    Same,
    /// It cannot be published: it holds something that a charts folder must not hold.
    Unreadable,
    /// Its files.
    Read(Sources),
}

impl History {
    /// The history of a revision that does not come from a repository: nothing is before it.
    #[cfg(any(test, feature = "testing"))]
    pub fn none() -> History {
        History(None)
    }

    /// The history of a commit of this repository.
    pub(super) fn of(commits: &CommitReader) -> History {
        History(Some(Origin {
            git: commits.git.path().to_owned(),
            location: commits.location.clone(),
            folder: commits.folder.clone(),
        }))
    }

    /// Shows `visit` these commits, given their full names; none if there is no repository.
    pub(super) fn each_commit<'c>(
        &self,
        commits: impl IntoIterator<Item = &'c str>,
        mut visit: impl FnMut(&str, &git2::Commit<'_>),
    ) -> Result<(), RepositoryError> {
        let Some(origin) = &self.0 else { return Ok(()) };
        let location = || origin.location.clone();
        let failed = |source| RepositoryError::Git { location: location(), source };
        let git = git2::Repository::open(&origin.git).map_err(failed)?;
        for name in commits {
            let id = Oid::from_str(name).map_err(failed)?;
            let commit = git.find_commit(id).map_err(|e| damage(&git, &location(), e))?;
            visit(name, &commit);
        }
        Ok(())
    }

    /// The same history, of the charts folder at another path.
    pub(super) fn in_folder(&self, folder: String) -> History {
        let moved = |origin: &Origin| Origin { folder: Some(folder), ..origin.clone() };
        History(self.0.as_ref().map(moved))
    }

    /// What reads the commits of this history, if it has any.
    pub(super) fn reader(&self) -> Result<Option<CommitReader>, RepositoryError> {
        let Some(origin) = &self.0 else { return Ok(None) };
        let location = origin.location.clone();
        match git2::Repository::open(&origin.git) {
            Ok(git) => Ok(Some(CommitReader { git, location, folder: origin.folder.clone() })),
            Err(source) => Err(RepositoryError::Git { location, source }),
        }
    }

    /// Shows `visit` the commits before `commit`, newest first, until it breaks or the history ends. A charts
    /// folder that a commit moved is followed to where it was.
    /// History that was not fetched is an error, not an end.
    pub fn before(
        &self,
        commit: &ObjectName,
        mut visit: impl FnMut(Ancestor) -> ControlFlow<()>,
    ) -> Result<(), RepositoryError> {
        let Some(mut commits) = self.reader()? else { return Ok(()) };
        // The folder changes below, so only the repository may be borrowed.
        let found = Oid::from_str(commit.as_str()).and_then(|id| commits.git.find_commit(id));
        let mut commit = found.map_err(|e| commits.git_error(e))?;
        let mut last = commits.tree_of(&commit)?;
        while let Some(parent) = commits.parent_of(&commit)? {
            let mut tree = commits.tree_of(&parent)?;
            if let (None, Some((_, here))) = (&tree, &last)
                && let Some(folder) = commits.moved_from(*here, &commit, &parent)
            {
                commits.folder = Some(folder);
                tree = commits.tree_of(&parent)?;
            }
            let charts = if tree == last {
                AncestorCharts::Same
            } else if tree.is_none() {
                AncestorCharts::Absent
            } else {
                match commits.read(&parent) {
                    Ok(charts) => AncestorCharts::Read(charts.sources),
                    Err(error) if !error.is_of_the_commit() => return Err(error),
                    Err(_) => AncestorCharts::Unreadable,
                }
            };
            last = tree;
            let (time, name) = (parent.time().seconds(), parent.id().to_string());
            // Always a full name, so this never ends the loop.
            let Some(name) = ObjectName::parse(&name) else { break };
            if visit(Ancestor { commit: name, time, charts }).is_break() {
                break;
            }
            commit = parent;
        }
        Ok(())
    }
}
