//! Follows a branch: which commits to publish, in order.
//!
//! The branch is followed along its first parents from the last processed commit (`cursor`), or else from
//! the source of the newest version. Only commits that change the charts folder are read, one at a time.
//! Each commit whose compiled config differs from the one before becomes a version, so each config is
//! published once however often the branch is polled, and changes keep their order even if several were
//! merged between two polls. On each new day the newest commit is compiled again: definitions leave the
//! config on the day they expire, whether or not anyone commits anything.

use super::catalogues::CatalogueError;
use super::cursor::{Cursor, CursorError};
use super::transaction::{CompileDay, Outcome, PublishError, Publisher};
use super::versions::VersionError;
use crate::charts::{ObjectName, Repository, RepositoryError, Revision};
use crate::gomod::{ModuleVersion, RepositoryUrl};
use jiff::civil::Date;
use std::path::Path;

/// Follows one branch of a charts repository.
#[derive(Debug)]
pub struct Watch {
    repository: Repository,
    /// The branch; if `None`, the one that is checked out (in a mirror, the default one).
    branch: Option<String>,
    /// The last commit that was processed.
    last: Option<ObjectName>,
    /// The file that remembers it.
    cursor: Option<Cursor>,
    /// The day for which the last commit was compiled.
    compiled_for: Option<Date>,
    /// Whether everything about it was recorded; an earlier publisher may have died before that.
    completed: bool,
}

/// Why a poll ended early. The next one continues where it stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// The repository could not be read.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// A commit could not be published, through no fault of its own.
    #[error(transparent)]
    Publish(Box<PublishError>),
    /// The last processed commit could not be stored.
    #[error(transparent)]
    Cursor(#[from] CursorError),
}

impl From<PublishError> for WatchError {
    fn from(error: PublishError) -> WatchError {
        WatchError::Publish(Box::new(error))
    }
}

impl WatchError {
    /// Whether polling again later may help: a network or a disk may come back, but a store that was
    /// rolled back or edited stays so until someone restores it.
    pub fn may_pass(&self) -> bool {
        match self {
            // The operator has to name another branch.
            WatchError::Repository(
                RepositoryError::NotABranch { .. } | RepositoryError::Ambiguous { .. },
            ) => false,
            WatchError::Repository(_) | WatchError::Cursor(_) => true,
            WatchError::Publish(e) => match &**e {
                PublishError::Store(_) | PublishError::History(_) => true,
                // Clocks get corrected.
                PublishError::Backwards { .. } => true,
                PublishError::Overtaken(_) => true,
                PublishError::Version(VersionError::Store(_)) => true,
                PublishError::Log(e) => e.may_pass(),
                PublishError::Catalogue(CatalogueError::Store(_)) => true,
                _ => false,
            },
        }
    }
}

/// Publishes a commit. A fault of the commit itself is part of the outcome; any other error ends the
/// poll.
fn publish(
    publisher: &Publisher,
    revision: &Revision,
    address: &RepositoryUrl,
    day: CompileDay,
) -> Result<CommitOutcome, WatchError> {
    of_the_commit(publisher.publish(revision, address, day))
}

fn of_the_commit(found: CommitOutcome) -> Result<CommitOutcome, WatchError> {
    match found {
        Err(e) if !e.is_of_the_commit() => Err(e.into()),
        found => Ok(found),
    }
}

/// The source commit of the newest version.
fn newest_source(publisher: &Publisher) -> Result<Option<ObjectName>, PublishError> {
    let newest = publisher.newest()?;
    Ok(newest.and_then(|newest| ObjectName::parse(newest.provenance().commit.as_str())))
}

/// The outcome for one commit.
pub type CommitOutcome = Result<Outcome, PublishError>;

impl Watch {
    /// Follows `branch` (if `None`, the one that is checked out), from the newest version on.
    pub fn new(
        repository: Repository,
        branch: Option<String>,
        publisher: &Publisher,
    ) -> Result<Watch, PublishError> {
        let last = newest_source(publisher)?;
        Ok(Watch { repository, branch, last, cursor: None, compiled_for: None, completed: false })
    }

    /// The same, continuing where an earlier watch stopped, as stored in a folder. Without it, every
    /// commit since the newest version is examined again at each start.
    #[must_use]
    pub fn resuming(mut self, folder: &Path) -> Watch {
        let location = self.repository.location();
        let cursor = Cursor::of(folder, location, self.branch.as_deref());
        // A cursor is ahead of no version, for it moves after them. Without any version there is nothing
        // to continue from.
        self.last = self.last.map(|last| cursor.read().unwrap_or(last));
        Watch { cursor: Some(cursor), ..self }
    }

    /// Polls once, and publishes what is new. `report` is called for every commit: with what was
    /// published, or why a commit with mistakes was skipped.
    pub fn poll(
        &mut self,
        publisher: &Publisher,
        day: CompileDay,
        mut report: impl FnMut(&Revision, CommitOutcome),
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
        let changes = match &self.last {
            Some(last) if is_new => {
                // Someone else may have published a later commit; nothing before that is new.
                let mut since = vec![last.clone()];
                since.extend(newest_source(publisher)?);
                self.repository.changes_since(&since, &tip.commit)?
            }
            _ => None,
        };
        match changes {
            Some(changes) => {
                for commit in changes {
                    match self.repository.read_object(&commit) {
                        Ok(revision) => {
                            let found = publish(publisher, &revision, &address, day)?;
                            self.advance(commit)?;
                            report(&revision, found);
                        }
                        Err(error) if !error.is_of_the_commit() => return Err(error.into()),
                        Err(_) => self.advance(commit)?,
                    }
                }
            }
            None if is_new => {
                let found = publish(publisher, &tip, &address, day)?;
                self.advance(tip.commit.clone())?;
                report(&tip, found);
            }
            None => {}
        }
        if self.compiled_for != Some(day.date()) {
            // If the newest version has exactly these charts, there is no need to search again for who
            // added what.
            let (revision, found) = match self.source_of(publisher, &tip)? {
                Some((source, newest)) => {
                    let found = publisher.publish_again(&source, &address, day, newest);
                    (source, of_the_commit(found)?)
                }
                None => (tip.clone(), publish(publisher, &tip, &address, day)?),
            };
            if let Ok(Outcome::Published(_)) = found {
                report(&revision, found);
            }
            self.compiled_for = Some(day.date());
        }
        self.advance(tip.commit)?;
        Ok(())
    }

    /// The commit of the newest version, and that version, if its charts are those of `tip`.
    fn source_of(
        &self,
        publisher: &Publisher,
        tip: &Revision,
    ) -> Result<Option<(Revision, ModuleVersion)>, WatchError> {
        let Some(newest) = publisher.newest()? else { return Ok(None) };
        let (commit, tree) = (&newest.provenance().commit, &newest.provenance().tree);
        if tree.as_str() != tip.tree.as_str() {
            return Ok(None);
        }
        // If it no longer exists, history was rewritten.
        let commit = ObjectName::parse(commit.as_str());
        let source = commit.and_then(|commit| self.repository.read_object(&commit).ok());
        Ok(source.map(|source| (source, newest.version())))
    }

    /// Remembers that everything up to a commit was processed.
    fn advance(&mut self, commit: ObjectName) -> Result<(), WatchError> {
        if self.last.as_ref() != Some(&commit) {
            if let Some(cursor) = &self.cursor {
                cursor.write(&commit)?;
            }
            self.last = Some(commit);
        }
        Ok(())
    }

    /// Completes what was interrupted when the last commit was published. A commit that no longer exists,
    /// because history was rewritten, is left alone.
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
