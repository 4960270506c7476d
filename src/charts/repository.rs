//! The git side of what people review: a charts folder at one commit of a repository.
//!
//! Publishing is a pure function of one git tree, so this reads trees and never a work tree. A
//! local repository is used in place; a URL (`https://`, `http://`, `file://`) is mirrored into
//! a bare cache and fetched again at every [`Repository::refresh`]. Nothing outside the charts
//! folder is looked at, and which of its files are read decides the same filter as for a folder
//! (`source`), from their names and sizes, before any is read.
//!
//! Left to others: opening what is on this machine (`opening`), copying what is not (`mirror`),
//! parsing the files ([`super::Sources`]) and deciding what to publish (`publish`).

use super::history::History;
use super::revision_name::{NameError, commit_of, head_of, tip_of};
use super::source::{Filter, Kind, MAX_TREE, Refusal, Verdict};
use super::{SourceError, Sources, mirror, opening};
use crate::repository_url::RepositoryAddress;
use git2::{ErrorClass, ErrorCode, ObjectType, Oid};
use std::fmt;
use std::path::{Path, PathBuf};

/// The folder looked for in a repository when none is named and its root is not a charts folder.
pub const CUSTOMARY_FOLDER: &str = "charts-config";

/// The file that makes a folder a charts folder.
pub(super) const MARK: &str = "collection.toml";

/// A full git object name in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectName(String);

impl ObjectName {
    /// The hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the full name of an object.
    pub fn parse(name: &str) -> Option<ObjectName> {
        Oid::from_str(name).ok().map(ObjectName::of).filter(|parsed| parsed.as_str() == name)
    }

    fn of(id: Oid) -> ObjectName {
        ObjectName(id.to_string())
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One commit's charts folder: all that a published config may depend on.
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

/// Why a charts folder could not be read from git.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryError {
    /// The folder does not exist.
    #[error("there is no folder {location}; give one inside a git repository, or its https URL")]
    NotThere {
        /// What the user named.
        location: String,
    },
    /// No repository is there.
    #[error("{location}: not a git repository; give a folder inside one, or its https URL")]
    NotARepository {
        /// What the user named.
        location: String,
    },
    /// The repository belongs to someone else.
    #[error(
        "{folder} is a git repository of another user, and git does not read those; if you trust \
         it, run: git config --global --add safe.directory {folder}"
    )]
    Foreign {
        /// The folder that git wants to be named.
        folder: String,
    },
    /// A repository is there, of a kind or in a state that cannot be read.
    #[error("{location} {obstacle}")]
    Unreadable {
        /// The repository.
        location: String,
        /// What stands in the way, and the way out.
        obstacle: String,
    },
    /// Objects are missing that a partial clone has left out.
    #[error(
        "{location} is a partial clone, and object {object} was left out; clone it again without \
         --filter, or give the https URL it came from instead"
    )]
    Partial {
        /// The repository.
        location: String,
        /// The object.
        object: String,
    },
    /// The history that is needed was not cloned.
    #[error(
        "{location} is a shallow clone that ends at commit {commit}, and what came before decides \
         what is recorded; fetch it with `git fetch --unshallow` (in a CI job: check out with \
         fetch-depth: 0)"
    )]
    Shallow {
        /// The repository.
        location: String,
        /// The oldest commit that is there.
        commit: String,
    },
    /// The history that is needed is not there.
    #[error(
        "{location} lacks the commit before {commit}, and what came before decides what is \
         recorded; where it is, or was copied from, a shallow clone, fetch the rest of that with \
         `git fetch --unshallow`; else make the repository whole, as by cloning it again"
    )]
    Cut {
        /// The repository.
        location: String,
        /// The oldest commit that is there.
        commit: String,
    },
    /// This build cannot speak the URL's protocol.
    #[error("{location}: only https://, http:// and file:// URLs and local paths can be read")]
    Protocol {
        /// The URL, without credentials.
        location: String,
    },
    /// The repository has no commits, or not this one.
    #[error("{location} has no commit {revision:?}; name a branch, a tag or a commit that exists")]
    NoRevision {
        /// The repository.
        location: String,
        /// The revision asked for.
        revision: String,
    },
    /// The revision may mean several commits.
    #[error(
        "{location} has more than one {revision:?}: {first} and {second} are different commits; \
         write in full which one is meant, as in --rev refs/heads/NAME"
    )]
    Ambiguous {
        /// The repository.
        location: String,
        /// The revision asked for.
        revision: String,
        /// The full name of one that it may mean.
        first: String,
        /// The full name of another one.
        second: String,
    },
    /// Something else than a branch was to be followed.
    #[error(
        "{found} of {location} is no branch, and only a branch can be followed; name one with \
         --rev, or publish a single commit without --watch"
    )]
    NotABranch {
        /// The repository.
        location: String,
        /// What the name means.
        found: String,
    },
    /// The commit has no charts folder where one was looked for.
    #[error(
        "commit {commit} of {location} has no {looked_for}; name the charts folder with --path"
    )]
    NoCharts {
        /// The repository.
        location: String,
        /// The commit.
        commit: String,
        /// The file or files that were looked for.
        looked_for: String,
    },
    /// The charts folder that was named is not a folder of the commit.
    #[error("{path} at commit {commit} is {what}")]
    Elsewhere {
        /// Path in the repository.
        path: String,
        /// The commit.
        commit: String,
        /// What it is, and the way out.
        what: &'static str,
    },
    /// Something in the charts folder cannot be a definition.
    #[error("{path} at commit {commit} {refusal}")]
    Refused {
        /// Path in the repository.
        path: String,
        /// The commit.
        commit: String,
        /// What is wrong with it.
        refusal: Refusal,
    },
    /// The work tree differs from the commit.
    #[error(
        "{location} has uncommitted changes in its charts folder ({changes}); commit them, or name \
         the commit to publish with --rev"
    )]
    Dirty {
        /// The work tree.
        location: String,
        /// The first few changed definitions.
        changes: String,
    },
    /// The files do not make a charts folder.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// libgit2's own refusal.
    #[error("{location}: git: {}", .source.message())]
    Git {
        /// The repository, without credentials.
        location: String,
        /// What libgit2 said.
        source: git2::Error,
    },
}

/// A repository that holds a charts folder.
pub struct Repository {
    git: git2::Repository,
    /// The URL to fetch from, where the repository is a mirror of one.
    remote: Option<RepositoryAddress>,
    /// What the user named, without credentials, for messages.
    location: String,
    /// The charts folder, where the user named it by path.
    folder: Option<String>,
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository").field("location", &self.location).finish_non_exhaustive()
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
        // Histories are walked once: what was read of them is of no use again.
        git2::opts::enable_caching(false);
        let folder = folder.map(inside_root);
        if address.is_url() {
            let (git, location) = (mirror::open(&address, cache)?, address.to_string());
            return Ok(Repository { git, remote: Some(address), location, folder });
        }
        let location = address.for_git();
        let git = opening::open(location)?;
        let folder = folder.or_else(|| folder_inside(&git, Path::new(location)));
        Ok(Repository { git, remote: None, location: location.to_owned(), folder })
    }

    /// An opened repository, as it was opened before.
    pub(super) fn at(git: git2::Repository, location: String, folder: Option<String>) -> Self {
        Repository { git, remote: None, location, folder }
    }

    /// The repository itself.
    pub(super) fn git(&self) -> &git2::Repository {
        &self.git
    }

    /// Fetches what is new, where the repository is a mirror; a local one is always up to date.
    pub fn refresh(&mut self) -> Result<(), RepositoryError> {
        let Some(url) = &self.remote else { return Ok(()) };
        mirror::fetch(&self.git, url).map_err(|source| {
            // What libgit2 says of a repository of this machine helps nobody.
            let explained = url.file().and_then(|f| opening::obstacle_in(&f, &self.location));
            let location = self.location.clone();
            explained.unwrap_or(RepositoryError::Git { location, source })
        })
    }

    /// What the user named, without credentials.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// The address that others may know the repository by, as git has it: the URL of a mirror, or
    /// of the remote `origin` of a local one; empty where there is neither.
    pub fn address(&self) -> RepositoryAddress {
        let origin =
            || Some(RepositoryAddress::new(self.git.find_remote("origin").ok()?.url().ok()?));
        self.remote.clone().or_else(origin).unwrap_or_default()
    }

    /// The charts folder at a branch, tag or commit; at the checked-out commit (of a URL: the
    /// default branch) where `revision` is `None`.
    ///
    /// Where nothing is named, a work tree whose definitions differ from the commit's is refused:
    /// the user sees files that would not be published.
    pub fn read(&self, revision: Option<&str>) -> Result<Revision, RepositoryError> {
        let commit = match revision {
            Some(name) => commit_of(&self.git, name),
            None => head_of(&self.git),
        };
        let read = self.read_commit(&commit.map_err(|e| self.name_error(revision, e))?)?;
        if revision.is_none() {
            self.refuse_changes(&read)?;
        }
        Ok(read)
    }

    /// As [`Repository::read`], for the newest commit of a branch, and of nothing but a branch.
    pub fn read_branch(&self, branch: Option<&str>) -> Result<Revision, RepositoryError> {
        let commit = tip_of(&self.git, branch).map_err(|e| self.name_error(branch, e))?;
        self.read_commit(&commit)
    }

    /// The charts folder at one commit.
    pub fn read_object(&self, commit: &ObjectName) -> Result<Revision, RepositoryError> {
        let id = Oid::from_str(commit.as_str());
        let found = id.and_then(|id| self.git.find_commit(id));
        let missing = |e| self.name_error(Some(commit.as_str()), NameError::of(e));
        self.read_commit(&found.map_err(missing)?)
    }

    fn name_error(&self, revision: Option<&str>, error: NameError) -> RepositoryError {
        let location = self.location.clone();
        let revision = revision.unwrap_or("HEAD").to_owned();
        match error {
            // An object may be missing because the place that lends it is gone.
            NameError::Missing => match opening::lost_lender(&self.git) {
                Some(obstacle) => RepositoryError::Unreadable { location, obstacle },
                None => RepositoryError::NoRevision { location, revision },
            },
            NameError::Unreadable(error) => self.git_error(error),
            NameError::NotABranch(found) => RepositoryError::NotABranch { location, found },
            NameError::Ambiguous([first, second]) => {
                RepositoryError::Ambiguous { location, revision, first, second }
            }
        }
    }

    /// The commits after `since` up to and including `until`, oldest first, along the first parents (a
    /// merged branch counts as the one commit that merged it), of which the charts folder is another one
    /// than that of the commit before. No file of a charts folder is read for that.
    ///
    /// The walk ends at the first of `since` that it meets, which is the newest of them. `None` where
    /// none is among the ancestors of `until` (history was rewritten).
    pub fn changes_since(
        &self,
        since: &[ObjectName],
        until: &ObjectName,
    ) -> Result<Option<Vec<ObjectName>>, RepositoryError> {
        let since: Vec<Oid> =
            since.iter().filter_map(|name| Oid::from_str(name.as_str()).ok()).collect();
        let until = Oid::from_str(until.as_str()).map_err(|e| self.git_error(e))?;
        let mut changes = Vec::new();
        let mut commit = self.git.find_commit(until).map_err(|e| self.git_error(e))?;
        let mut tree = self.readable_tree_of(&commit)?;
        while !since.contains(&commit.id()) {
            let Some(parent) = self.parent_of(&commit)? else { return Ok(None) };
            let before = self.readable_tree_of(&parent)?;
            // A commit whose folder cannot be read (it was broken, or not there yet) has nothing to
            // publish, whatever came after it.
            if tree.is_some() && tree != before {
                changes.push(ObjectName::of(commit.id()));
            }
            (commit, tree) = (parent, before);
        }
        changes.reverse();
        Ok(Some(changes))
    }

    /// As [`Repository::tree_of`], but a folder that is none for a fault of the commit is none.
    fn readable_tree_of(
        &self,
        commit: &git2::Commit<'_>,
    ) -> Result<Option<(String, Oid)>, RepositoryError> {
        match self.tree_of(commit) {
            Err(error) if error.is_of_the_commit() => Ok(None),
            other => other,
        }
    }

    pub(super) fn read_commit(
        &self,
        commit: &git2::Commit<'_>,
    ) -> Result<Revision, RepositoryError> {
        let root = self.root_of(commit)?;
        let (folder, tree) = self.charts_folder(commit, &root)?;
        let mut reading = Reading {
            repository: self,
            folder: &folder,
            commit: commit.id(),
            filter: Filter::default(),
            files: Vec::new(),
        };
        reading.read_tree(&tree, "")?;
        let files = reading.files;
        Ok(Revision {
            commit: ObjectName::of(commit.id()),
            tree: ObjectName::of(tree.id()),
            time: commit.time().seconds(),
            sources: Sources::from_files(files),
            history: History::of(&self.git, &self.location, self.folder.as_deref()),
            folder,
        })
    }

    /// The first parent, or `None` for the first commit of all. That a parent was not cloned is an
    /// error: the commit is not the first.
    pub(super) fn parent_of<'git>(
        &self,
        commit: &git2::Commit<'git>,
    ) -> Result<Option<git2::Commit<'git>>, RepositoryError> {
        match commit.parent(0) {
            Ok(parent) => Ok(Some(parent)),
            // A shallow clone hides the parents of its last commit, but they are written in it.
            Err(_) if commit.header_field_bytes("parent").is_err() => Ok(None),
            Err(_) => {
                let (location, commit) = (self.location.clone(), commit.id().to_string());
                Err(if opening::is_shallow(&self.git) {
                    RepositoryError::Shallow { location, commit }
                } else {
                    RepositoryError::Cut { location, commit }
                })
            }
        }
    }

    /// The charts folder's path and the name of its tree, if the commit has one.
    pub(super) fn tree_of(
        &self,
        commit: &git2::Commit<'_>,
    ) -> Result<Option<(String, Oid)>, RepositoryError> {
        let root = self.root_of(commit)?;
        match self.charts_folder(commit, &root) {
            Ok((folder, tree)) => Ok(Some((folder, tree.id()))),
            Err(RepositoryError::NoCharts { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The tree of a commit, unless it is too large to be read.
    fn root_of<'git>(
        &self,
        commit: &git2::Commit<'git>,
    ) -> Result<git2::Tree<'git>, RepositoryError> {
        let tree = commit.tree_id();
        if let Some(refusal) = self.too_long(tree)? {
            let commit = commit.id().to_string();
            return Err(RepositoryError::Refused { path: "/".to_owned(), commit, refusal });
        }
        commit.tree().map_err(|e| self.missing(tree, e))
    }

    /// The tree of a folder, where the commit has it.
    fn folder_of<'git>(
        &'git self,
        commit: &git2::Commit<'_>,
        root: &git2::Tree<'git>,
        folder: &str,
    ) -> Result<Option<git2::Tree<'git>>, RepositoryError> {
        let mut tree = root.clone();
        for name in folder.split('/').filter(|name| !name.is_empty()) {
            let entry = tree.get_name(name).filter(|entry| kind_of(entry) == Kind::Folder);
            let Some(id) = entry.map(|entry| entry.id()) else { return Ok(None) };
            if let Some(refusal) = self.too_long(id)? {
                let (path, commit) = (folder.to_owned(), commit.id().to_string());
                return Err(RepositoryError::Refused { path, commit, refusal });
            }
            tree = self.git.find_tree(id).map_err(|e| self.missing(id, e))?;
        }
        Ok(Some(tree))
    }

    /// Why a tree is not read, where its size, which is in its header, says so.
    fn too_long(&self, tree: Oid) -> Result<Option<Refusal>, RepositoryError> {
        let odb = self.git.odb().map_err(|e| self.git_error(e))?;
        let (size, _) = odb.read_header(tree).map_err(|e| self.missing(tree, e))?;
        Ok((size as u64 > MAX_TREE).then_some(Refusal::TooLong(size as u64)))
    }

    /// The charts folder's path and tree: the one named, else the root, else `charts-config`.
    fn charts_folder<'git>(
        &'git self,
        commit: &git2::Commit<'_>,
        root: &git2::Tree<'git>,
    ) -> Result<(String, git2::Tree<'git>), RepositoryError> {
        let candidates: Vec<&str> = match &self.folder {
            Some(folder) => vec![folder],
            None => vec!["", CUSTOMARY_FOLDER],
        };
        for folder in &candidates {
            let tree = self.folder_of(commit, root, folder)?;
            if let Some(tree) = tree.filter(|tree| tree.get_name(MARK).is_some()) {
                return Ok(((*folder).to_owned(), tree));
            }
        }
        if let Some(what) = candidates.iter().find_map(|folder| self.not_a_folder(root, folder)) {
            let (path, what) = what;
            return Err(RepositoryError::Elsewhere { path, commit: commit.id().to_string(), what });
        }
        let names: Vec<_> = candidates
            .iter()
            .map(|folder| Path::new(folder).join(MARK).display().to_string())
            .collect();
        Err(RepositoryError::NoCharts {
            location: self.location.clone(),
            commit: commit.id().to_string(),
            looked_for: names.join(" or "),
        })
    }

    /// The part of a folder's path that leads out of the tree, where one does, and what it is.
    fn not_a_folder(&self, root: &git2::Tree<'_>, folder: &str) -> Option<(String, &'static str)> {
        let above = Path::new(folder).ancestors().filter(|path| !path.as_os_str().is_empty());
        let entries = above.filter_map(|path| Some((path, root.get_path(path).ok()?)));
        let (path, entry) = entries.last()?;
        let what = match (entry.kind(), entry.filemode()) {
            (Some(ObjectType::Commit), _) => {
                "a submodule; give the repository that it names, or a folder of it that is cloned"
            }
            (_, LINK) => "a symbolic link; name the folder that it leads to with --path",
            _ => return None,
        };
        Some((path.display().to_string(), what))
    }

    /// Refuses a work tree whose definitions are not those of the commit. Only the charts folder is
    /// looked at, and no index: whatever else is changed, staged or left out does not matter.
    fn refuse_changes(&self, committed: &Revision) -> Result<(), RepositoryError> {
        let Some(work_tree) = self.git.workdir() else { return Ok(()) };
        if !self.git.path().join("index").exists() && !work_tree.join(&committed.folder).exists() {
            // Nothing was ever checked out, and so nothing seems to be what it is not.
            return Ok(());
        }
        let folder = work_tree.join(&committed.folder);
        // A sparse checkout leaves out files of the commit on purpose.
        let settings = self.git.config().map_err(|e| self.git_error(e))?;
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
        Err(RepositoryError::Dirty { location: self.location.clone(), changes: changes.join(", ") })
    }

    /// What is on this machine could not be read.
    fn git_error(&self, source: git2::Error) -> RepositoryError {
        damage(&self.git, &self.location, source)
    }

    /// An object that should be there is not, or cannot be read.
    fn missing(&self, object: Oid, source: git2::Error) -> RepositoryError {
        let lacking = source.code() == ErrorCode::NotFound || source.class() == ErrorClass::Odb;
        if lacking && opening::is_partial(&self.git) {
            let (location, object) = (self.location.clone(), object.to_string());
            return RepositoryError::Partial { location, object };
        }
        self.git_error(source)
    }
}

/// The mode of a symbolic link in a tree.
const LINK: i32 = 0o120000;

/// The definitions of one commit, while its charts folder is read.
struct Reading<'r> {
    repository: &'r Repository,
    folder: &'r str,
    commit: Oid,
    filter: Filter,
    files: Vec<(String, Vec<u8>)>,
}

impl Reading<'_> {
    fn read_tree(&mut self, tree: &git2::Tree<'_>, prefix: &str) -> Result<(), RepositoryError> {
        let git = &self.repository.git;
        for entry in tree.iter() {
            let kind = kind_of(&entry);
            let path = format!("{prefix}{}", String::from_utf8_lossy(entry.name_bytes()));
            let is_text = entry.name().is_ok();
            let verdict = self.filter.judge(&path, is_text, kind);
            match verdict.map_err(|refusal| self.refused(&path, refusal))? {
                Verdict::Skip => {}
                Verdict::Enter => {
                    let long = self.repository.too_long(entry.id())?;
                    long.map_or(Ok(()), |refusal| Err(self.refused(&path, refusal)))?;
                    let inner = git.find_tree(entry.id());
                    let inner = inner.map_err(|e| self.repository.missing(entry.id(), e))?;
                    self.read_tree(&inner, &format!("{path}/"))?;
                }
                Verdict::Read => {
                    let missing = |e| self.repository.missing(entry.id(), e);
                    let odb = git.odb().map_err(missing)?;
                    // Its size is in its header.
                    let (size, _) = odb.read_header(entry.id()).map_err(missing)?;
                    let charged = self.filter.charge(size as u64);
                    charged.map_err(|refusal| self.refused(&path, refusal))?;
                    let blob = git.find_blob(entry.id()).map_err(missing)?;
                    self.files.push((path, blob.content().to_vec()));
                }
            }
        }
        Ok(())
    }

    fn refused(&self, path: &str, refusal: Refusal) -> RepositoryError {
        let path = Path::new(self.folder).join(path).display().to_string();
        RepositoryError::Refused { path, commit: self.commit.to_string(), refusal }
    }
}

impl RepositoryError {
    /// Whether it is the commit that is at fault, so that other commits may be read.
    pub(crate) fn is_of_the_commit(&self) -> bool {
        use RepositoryError::{Elsewhere, NoCharts, Refused};
        matches!(self, NoCharts { .. } | Elsewhere { .. } | Refused { .. })
    }
}

/// Why something could not be read of a repository that was opened: the way out besides what
/// libgit2 says.
pub(super) fn damage(
    git: &git2::Repository,
    location: &str,
    source: git2::Error,
) -> RepositoryError {
    let location = location.to_owned();
    if source.class() == ErrorClass::Os {
        return RepositoryError::Git { location, source };
    }
    let obstacle = opening::lost_lender(git).or_else(|| opening::broken_head(git));
    let obstacle = obstacle.unwrap_or_else(|| {
        format!(
            "is damaged or not whole (git: {}); see what `git fsck` says in it, and restore what \
             is missing or clone it again",
            source.message()
        )
    });
    RepositoryError::Unreadable { location, obstacle }
}

/// The charts folder that the checked-out commit has at `inside`, a folder of the work tree, and the
/// paths of the definitions in it; `None` where there is none, or it cannot be told.
pub(super) fn committed_definitions(
    git: &git2::Repository,
    inside: &str,
) -> Option<(String, Vec<String>)> {
    let root = git.head().ok()?.peel_to_tree().ok()?;
    let has_mark = |folder: &PathBuf| root.get_path(&folder.join(MARK)).is_ok();
    let folder = [Path::new(inside).to_owned(), Path::new(inside).join(CUSTOMARY_FOLDER)]
        .into_iter()
        .find(has_mark)?;
    let tree = match folder.as_os_str().is_empty() {
        true => root.clone(),
        false => git.find_tree(root.get_path(&folder).ok()?.id()).ok()?,
    };
    let mut found = Vec::new();
    name_definitions(git, &tree, "", &mut Filter::default(), &mut found)?;
    Some((folder.to_str()?.to_owned(), found))
}

fn name_definitions(
    git: &git2::Repository,
    tree: &git2::Tree<'_>,
    prefix: &str,
    filter: &mut Filter,
    found: &mut Vec<String>,
) -> Option<()> {
    for entry in tree.iter() {
        let path = format!("{prefix}{}", String::from_utf8_lossy(entry.name_bytes()));
        match filter.judge(&path, entry.name().is_ok(), kind_of(&entry)).ok()? {
            Verdict::Skip => {}
            Verdict::Read => found.push(path),
            Verdict::Enter => {
                let inner = git.find_tree(entry.id()).ok()?;
                name_definitions(git, &inner, &format!("{path}/"), filter, found)?;
            }
        }
    }
    Some(())
}

/// What stands at an entry of a tree.
fn kind_of(entry: &git2::TreeEntry<'_>) -> Kind {
    match (entry.kind(), entry.filemode()) {
        (Some(ObjectType::Tree), _) => Kind::Folder,
        (Some(ObjectType::Commit), _) => Kind::Submodule,
        (_, LINK) => Kind::Link,
        _ => Kind::File,
    }
}

/// A folder's path from the root of a repository, as git has it: `./a/`, `/a` and `b/../a` are `a`.
fn inside_root(named: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in named.split('/') {
        match part {
            "" | "." => {}
            // One that leads out of the repository is kept, and found nowhere.
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
    let has_mark = named.join(MARK).exists() || !named.join(CUSTOMARY_FOLDER).join(MARK).exists();
    Some(if has_mark { inside } else { format!("{inside}/{CUSTOMARY_FOLDER}") })
}
