//! A git repository that holds a charts folder.
//!
//! A local repository is used in place; a URL (`https://`, `http://`, `file://`) is mirrored into a
//! bare cache and fetched again at every [`Repository::refresh`].
//!
//! Left to others: reading the tree of a commit (`commit_reader`), finding the commit that a name means
//! (`revision_name`), opening local repositories (`opening`), copying others (`mirror`), parsing the
//! files ([`super::Sources`]) and deciding what to publish (`publish`).

use super::commit_reader::CommitReader;
use super::history::History;
use super::object_name::ObjectName;
use super::repository_error::RepositoryError;
use super::revision_name::{NameError, commit_of, head_of, tip_of};
use super::source::{COLLECTION_FILE, CUSTOMARY_FOLDER, Sources};
use super::{mirror, opening};
use crate::repository_url::RepositoryAddress;
use git2::Oid;
use std::fmt;
use std::path::{Path, PathBuf};

/// One commit's charts folder: everything that a published config may depend on.
#[derive(Debug, Clone)]
pub struct Revision {
    /// The commit.
    pub commit: ObjectName,
    /// The tree of the charts folder itself (not of the whole commit).
    pub tree: ObjectName,
    /// The folder's path in the repository; empty for its root.
    pub folder: String,
    /// The commit's time, in seconds since 1970-01-01T00:00:00Z.
    pub time: i64,
    /// The files of the folder.
    pub sources: Sources,
    /// Where the commits before this one can be read.
    pub history: History,
}

/// A repository that holds a charts folder.
pub struct Repository {
    commits: CommitReader,
    /// The URL to fetch from, where the repository is a mirror of one.
    remote: Option<RepositoryAddress>,
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository")
            .field("location", &self.commits.location)
            .finish_non_exhaustive()
    }
}

impl Repository {
    /// Opens a local path in place, or mirrors a URL below the folder `cache`.
    ///
    /// `location` may be any folder inside a work tree: where it is a charts folder, or contains
    /// one named `charts-config`, that is the one read. `folder` names it explicitly, relative to
    /// the repository's root.
    pub fn open(
        location: &str,
        folder: Option<&str>,
        cache: &Path,
    ) -> Result<Repository, RepositoryError> {
        let mut repository =
            Repository::open_as_it_is(RepositoryAddress::new(location), folder, cache)?;
        repository.refresh()?;
        Ok(repository)
    }

    /// As [`Repository::open`], but nothing is fetched: a mirror is as it was left.
    pub fn open_as_it_is(
        address: RepositoryAddress,
        folder: Option<&str>,
        cache: &Path,
    ) -> Result<Repository, RepositoryError> {
        // A history is walked once, so a cache of its objects is never hit.
        git2::opts::enable_caching(false);
        let folder = folder.map(inside_root);
        if address.is_url() {
            let (git, location) = (mirror::open(&address, cache)?, address.to_string());
            let commits = CommitReader { git, location, folder };
            return Ok(Repository { commits, remote: Some(address) });
        }
        let location = address.for_git();
        let git = opening::open(location)?;
        let folder = folder.or_else(|| folder_inside(&git, Path::new(location)));
        let commits = CommitReader { git, location: location.to_owned(), folder };
        Ok(Repository { commits, remote: None })
    }

    /// Fetches what is new, where the repository is a mirror; a local one is always up to date.
    pub fn refresh(&mut self) -> Result<(), RepositoryError> {
        let Some(url) = &self.remote else { return Ok(()) };
        mirror::fetch(&self.commits.git, url).map_err(|source| {
            // What libgit2 says about a local repository does not help the user.
            let explained =
                url.file().and_then(|f| opening::obstacle_to_copying(&f, &self.commits.location));
            let location = self.commits.location.clone();
            explained.unwrap_or(RepositoryError::Git { location, source })
        })
    }

    /// What the user named, without credentials.
    pub fn location(&self) -> &str {
        &self.commits.location
    }

    /// The address that others may know the repository by, as git has it: the URL of a mirror, or
    /// of the remote `origin` of a local one; empty where there is neither.
    pub fn address(&self) -> RepositoryAddress {
        let origin = || {
            Some(RepositoryAddress::new(self.commits.git.find_remote("origin").ok()?.url().ok()?))
        };
        self.remote.clone().or_else(origin).unwrap_or_default()
    }

    /// The charts folder at a branch, tag or commit; at the checked-out commit (of a URL: the
    /// default branch) where `revision` is `None`.
    ///
    /// Where nothing is named, a work tree whose definitions differ from the commit's is refused:
    /// the user sees files that would not be published.
    pub fn read(&self, revision: Option<&str>) -> Result<Revision, RepositoryError> {
        let commit = match revision {
            Some(name) => commit_of(&self.commits.git, name),
            None => head_of(&self.commits.git),
        };
        let read = self.revision(&commit.map_err(|e| self.name_error(revision, e))?)?;
        if revision.is_none() {
            self.refuse_changes(&read)?;
        }
        Ok(read)
    }

    /// As [`Repository::read`], for the newest commit of a branch; refuses any other kind of name.
    pub fn read_branch(&self, branch: Option<&str>) -> Result<Revision, RepositoryError> {
        let commit = tip_of(&self.commits.git, branch).map_err(|e| self.name_error(branch, e))?;
        self.revision(&commit)
    }

    /// The charts folder at the last commit that the checked-out one and another have in common, which is what
    /// a proposal would change; `None` if that has no charts folder. Where the histories that were fetched
    /// have nothing in common, it is the other commit itself.
    pub fn read_base(&self, revision: &str) -> Result<Option<Revision>, RepositoryError> {
        let git = &self.commits.git;
        let named = |e| self.name_error(Some(revision), e);
        let other = commit_of(git, revision).map_err(named)?;
        let head = head_of(git).map_err(|e| self.name_error(None, e))?;
        let common = git.merge_base(head.id(), other.id()).and_then(|id| git.find_commit(id));
        // What they have in common may be in the part that was not fetched.
        if common.is_err() && opening::is_shallow(git) {
            let (location, commit) = (self.commits.location.clone(), other.id().to_string());
            return Err(RepositoryError::Shallow { location, commit });
        }
        match self.revision(common.as_ref().unwrap_or(&other)) {
            Ok(revision) => Ok(Some(revision)),
            Err(RepositoryError::NoCharts { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The charts folder at one commit.
    pub fn read_object(&self, commit: &ObjectName) -> Result<Revision, RepositoryError> {
        self.revision(&self.find_commit(commit)?)
    }

    /// A commit.
    pub(super) fn find_commit(
        &self,
        commit: &ObjectName,
    ) -> Result<git2::Commit<'_>, RepositoryError> {
        let id = Oid::from_str(commit.as_str());
        let found = id.and_then(|id| self.commits.git.find_commit(id));
        found.map_err(|e| self.name_error(Some(commit.as_str()), NameError::of(e)))
    }

    fn revision(&self, commit: &git2::Commit<'_>) -> Result<Revision, RepositoryError> {
        let charts = self.commits.read(commit)?;
        Ok(Revision {
            commit: ObjectName::of(commit.id()),
            tree: charts.tree,
            time: commit.time().seconds(),
            sources: charts.sources,
            history: History::of(&self.commits),
            folder: charts.folder,
        })
    }

    fn name_error(&self, revision: Option<&str>, error: NameError) -> RepositoryError {
        let location = self.commits.location.clone();
        let is_unborn = revision.is_none() && self.commits.git.is_empty().unwrap_or(false);
        if is_unborn && matches!(error, NameError::Missing) {
            return RepositoryError::Empty { location };
        }
        let revision = revision.unwrap_or("HEAD").to_owned();
        match error {
            // An object may be missing because the repository that it is borrowed from is gone.
            NameError::Missing => match opening::missing_alternate(&self.commits.git) {
                Some(obstacle) => RepositoryError::Unreadable { location, obstacle },
                None => RepositoryError::NoRevision { location, revision },
            },
            NameError::Unreadable(error) => self.commits.git_error(error),
            NameError::NotABranch(found) => RepositoryError::NotABranch { location, found },
            NameError::Ambiguous([first, second]) => {
                RepositoryError::Ambiguous { location, revision, first, second }
            }
        }
    }

    /// The commits after `since` up to and including `until`, oldest first, whose charts folder differs
    /// from that of the commit before. Only first parents are followed: a merged branch counts as the one
    /// commit that merged it. No file of a charts folder is read.
    ///
    /// The walk ends at the first of `since` that it meets, which is the newest of them. `None` where
    /// none is an ancestor of `until` (history was rewritten).
    pub fn changes_since(
        &self,
        since: &[ObjectName],
        until: &ObjectName,
    ) -> Result<Option<Vec<ObjectName>>, RepositoryError> {
        let since: Vec<Oid> =
            since.iter().filter_map(|name| Oid::from_str(name.as_str()).ok()).collect();
        let until = Oid::from_str(until.as_str()).map_err(|e| self.commits.git_error(e))?;
        let mut changes = Vec::new();
        let mut commit =
            self.commits.git.find_commit(until).map_err(|e| self.commits.git_error(e))?;
        let mut tree = self.commits.readable_tree_of(&commit)?;
        while !since.contains(&commit.id()) {
            let Some(parent) = self.commits.parent_of(&commit)? else { return Ok(None) };
            let before = self.commits.readable_tree_of(&parent)?;
            // A commit whose folder cannot be read (it was broken, or did not exist yet) has nothing to
            // publish, whatever follows it.
            if tree.is_some() && tree != before {
                changes.push(ObjectName::of(commit.id()));
            }
            (commit, tree) = (parent, before);
        }
        changes.reverse();
        Ok(Some(changes))
    }

    /// Refuses a work tree whose definitions differ from the commit's. Only the charts folder is compared,
    /// and never the index: other changes, staged or not, do not matter.
    fn refuse_changes(&self, committed: &Revision) -> Result<(), RepositoryError> {
        let Some(work_tree) = self.commits.git.workdir() else { return Ok(()) };
        if !self.commits.git.path().join("index").exists()
            && !work_tree.join(&committed.folder).exists()
        {
            // Nothing was ever checked out, so there are no files to mistake for the commit's.
            return Ok(());
        }
        let folder = work_tree.join(&committed.folder);
        // A sparse checkout leaves files out on purpose.
        let settings = self.commits.git.config().map_err(|e| self.commits.git_error(e))?;
        let sparse = settings.get_bool("core.sparseCheckout").unwrap_or(false);
        let here = match folder.exists() {
            true => Sources::from_folder(&folder)?,
            false => Sources::from_files(Vec::new()),
        };
        let mut changes: Vec<String> = committed
            .sources
            .differences(&here)
            .filter(|path| !sparse || here.has(path))
            .map(|path| Path::new(&committed.folder).join(path).display().to_string())
            .collect();
        if changes.is_empty() {
            return Ok(());
        }
        if changes.len() > 3 {
            let more = format!("and {} more", changes.len() - 3);
            changes.truncate(3);
            changes.push(more);
        }
        Err(RepositoryError::Dirty {
            location: self.commits.location.clone(),
            changes: changes.join(", "),
        })
    }
}

/// A folder's path from the root of a repository, as git writes it: `./a/`, `/a` and `b/../a` are `a`.
fn inside_root(named: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in named.split('/') {
        match part {
            "" | "." => {}
            // One that leads out of the repository is kept, and so never found.
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The part of a work tree that the user named by pointing into it.
fn folder_inside(git: &git2::Repository, named: &Path) -> Option<String> {
    let top = git.workdir()?.canonicalize().ok()?;
    let named: PathBuf = named.canonicalize().ok()?;
    let inside = named.strip_prefix(&top).ok()?.to_str()?.to_owned();
    if inside.is_empty() {
        return None;
    }
    let has_collection = named.join(COLLECTION_FILE).exists()
        || !named.join(CUSTOMARY_FOLDER).join(COLLECTION_FILE).exists();
    Some(if has_collection { inside } else { format!("{inside}/{CUSTOMARY_FOLDER}") })
}
