//! Which commits to publish, in order, when a branch moves.
//!
//! The branch is followed along its first parents from the commit that the newest version names
//! as its source. Each commit whose compiled config differs from the one before becomes one
//! version, so a config is published once however often it is looked at, and changes keep their
//! order even when several were merged between two looks. On each new day the newest commit is compiled
//! again: what expires leaves the config on its day, whether or not anyone commits anything.

use super::catalogues::CatalogueError;
use super::transaction::{CompileDay, Outcome, PublishError, Publisher};
use super::versions::VersionError;
use crate::charts::{ObjectName, Repository, RepositoryError, Revision};
use crate::gomod::RepositoryUrl;
use jiff::civil::Date;

/// Follows one branch of a charts repository.
#[derive(Debug)]
pub struct Watch {
    repository: Repository,
    /// The branch; the one that is checked out (of a mirror: the default one) where it is `None`.
    branch: Option<String>,
    /// The last commit that was dealt with.
    last: Option<ObjectName>,
    /// The day for which the last commit was compiled.
    compiled_for: Option<Date>,
    /// Whether the publisher that dealt with it may have died before it had recorded everything.
    completed: bool,
}

/// Why a look at the branch ended early. The next look starts where it stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// The repository could not be read.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// A commit could not be published, for no fault of its own.
    #[error(transparent)]
    Publish(Box<PublishError>),
}

impl From<PublishError> for WatchError {
    fn from(error: PublishError) -> WatchError {
        WatchError::Publish(Box::new(error))
    }
}

impl WatchError {
    /// Whether looking again later may help: a network or a disk may come back; a store that was
    /// rolled back or edited stays so until someone restores it.
    pub fn may_pass(&self) -> bool {
        match self {
            // Whoever names what cannot be followed has to name something else.
            WatchError::Repository(
                RepositoryError::NotABranch { .. } | RepositoryError::Ambiguous { .. },
            ) => false,
            WatchError::Repository(_) => true,
            WatchError::Publish(e) => match &**e {
                PublishError::Store(_) | PublishError::History(_) => true,
                // Clocks are set.
                PublishError::Backwards { .. } => true,
                PublishError::Version(VersionError::Store(_)) => true,
                PublishError::Log(e) => e.may_pass(),
                PublishError::Catalogue(CatalogueError::Store(_)) => true,
                _ => false,
            },
        }
    }
}

/// What was found at one commit.
pub type Found = Result<Outcome, PublishError>;

impl Watch {
    /// Follows `branch` (the one that is checked out where it is `None`), from where `publisher` is.
    pub fn new(
        repository: Repository,
        branch: Option<String>,
        publisher: &Publisher,
    ) -> Result<Watch, PublishError> {
        let last = publisher.newest()?.and_then(|newest| {
            let commit = newest.provenance().commit.as_str();
            ObjectName::parse(commit)
        });
        Ok(Watch { repository, branch, last, compiled_for: None, completed: false })
    }

    /// Looks once, and publishes what is new. `report` hears of every commit: what was published,
    /// or why that commit, with mistakes in it, was passed over.
    pub fn look(
        &mut self,
        publisher: &Publisher,
        day: CompileDay,
        mut report: impl FnMut(&Revision, Found),
    ) -> Result<(), WatchError> {
        self.repository.refresh()?;
        let tip = self.repository.read_branch(self.branch.as_deref())?;
        if !self.completed {
            self.complete(publisher)?;
        }
        let is_new = self.last.as_ref() != Some(&tip.commit);
        // On another day, the same commit may compile to another config.
        if !is_new && self.compiled_for == Some(day.date()) {
            return Ok(());
        }
        let address = RepositoryUrl::public(self.repository.address());
        let revisions = match &self.last {
            Some(last) if is_new => self.repository.read_since(last, &tip)?,
            _ => vec![tip.clone()],
        };
        for revision in revisions {
            match publisher.publish(&revision, &address, day) {
                Err(e) if !e.is_of_the_commit() => return Err(e.into()),
                // Of a commit that was dealt with, only a change is news.
                Err(_) | Ok(Outcome::Unchanged(_)) if !is_new => {}
                found => report(&revision, found),
            }
            self.last = Some(revision.commit);
        }
        self.last = Some(tip.commit);
        self.compiled_for = Some(day.date());
        Ok(())
    }

    /// Completes what was interrupted when the last commit was published. A commit that is no longer
    /// there, since history was rewritten, stays as it is.
    fn complete(&mut self, publisher: &Publisher) -> Result<(), WatchError> {
        let last = self.last.as_ref().map(|last| self.repository.read_object(last));
        if let Some(Ok(revision)) = last {
            let address = RepositoryUrl::public(self.repository.address());
            match publisher.complete(&revision, &address) {
                Err(e) if !e.is_of_the_commit() => return Err(e.into()),
                _ => {}
            }
        }
        self.completed = true;
        Ok(())
    }
}
