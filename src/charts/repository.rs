//! The git side of what people review: a charts folder at one commit of a repository.
//!
//! Publishing is a pure function of one git tree, so this reads trees and never a work tree. A
//! local repository is used in place; a URL (`https://`, `http://`, `file://`) is mirrored into
//! a bare cache and fetched again at every [`Repository::refresh`]. Symbolic links and
//! submodules inside the charts folder are refused: what they lead to is not in the reviewed tree.
//!
//! Left to others: parsing the files ([`super::Sources`]) and deciding what to publish
//! (`publish`).

use super::history::History;
use super::location::{as_url, without_credentials};
use super::revision_name::{NameError, commit_of, tip_of};
use super::{MAX_FILE, SourceError, Sources};
use git2::{ErrorCode, ObjectType, Oid, StatusOptions, TreeWalkMode, TreeWalkResult};
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::{Path, PathBuf};

/// The folder looked for in a repository when none is named and its root is not a charts folder.
pub const CUSTOMARY_FOLDER: &str = "charts-config";

/// The file that makes a folder a charts folder.
const MARK: &str = "collection.toml";

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
    /// The commit's time, in seconds since 1970-01-01T00:00:00Z: the "now" of compiling.
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
    /// No repository is there.
    #[error("{location}: not a git repository; give a folder inside one, or its https URL")]
    NotARepository {
        /// What the user named.
        location: String,
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
    /// A symbolic link or a submodule stands in the charts folder.
    #[error(
        "{path} at commit {commit} is a {kind}; put the file itself there, so that review sees it"
    )]
    Indirection {
        /// Path in the repository.
        path: String,
        /// The commit.
        commit: String,
        /// `symbolic link` or `submodule`.
        kind: &'static str,
    },
    /// A file name is not UTF-8.
    #[error("{path:?} at commit {commit} is not a UTF-8 file name; rename the file")]
    Name {
        /// The name, with the odd bytes replaced.
        path: String,
        /// The commit.
        commit: String,
    },
    /// The work tree differs from the commit.
    #[error(
        "{location} has uncommitted changes ({changes}); commit them, or name the commit to \
         publish with --rev"
    )]
    Dirty {
        /// The work tree.
        location: String,
        /// The first few changed paths.
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
    remote: Option<String>,
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
        let folder = folder.map(|f| f.trim_matches('/').to_owned());
        if let Some(url) = as_url(location) {
            return Repository::mirror(url, folder, cache);
        }
        let git = git2::Repository::discover(location).map_err(|source| {
            if source.code() == ErrorCode::NotFound {
                RepositoryError::NotARepository { location: location.to_owned() }
            } else {
                RepositoryError::Git { location: location.to_owned(), source }
            }
        })?;
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

    fn mirror(
        url: &str,
        folder: Option<String>,
        cache: &Path,
    ) -> Result<Repository, RepositoryError> {
        let location = without_credentials(url);
        if !["https://", "http://", "file://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(RepositoryError::Protocol { location });
        }
        let name: String =
            Sha256::digest(url).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let git = git2::Repository::init_bare(cache.join(name))
            .map_err(|source| RepositoryError::Git { location: location.clone(), source })?;
        let mut repository = Repository { git, remote: Some(url.to_owned()), location, folder };
        repository.refresh()?;
        Ok(repository)
    }

    /// Fetches what is new, where the repository is a mirror; a local one is always up to date.
    pub fn refresh(&mut self) -> Result<(), RepositoryError> {
        let Some(url) = &self.remote else { return Ok(()) };
        let fetch = || -> Result<(), git2::Error> {
            let mut remote = self.git.remote_anonymous(url)?;
            let configuration = git2::Config::open_default()?;
            let mut callbacks = git2::RemoteCallbacks::new();
            let mut asked = false;
            callbacks.credentials(move |url, username, _| {
                // A helper's answer that was refused once will be refused again.
                if std::mem::replace(&mut asked, true) {
                    return Err(git2::Error::from_str("the credentials were refused"));
                }
                git2::Cred::credential_helper(&configuration, url, username)
            });
            let mut options = git2::FetchOptions::new();
            options.remote_callbacks(callbacks).prune(git2::FetchPrune::On);
            options.download_tags(git2::AutotagOption::All).update_fetchhead(false);
            remote.fetch(&["+refs/heads/*:refs/heads/*"], Some(&mut options), None)?;
            // An anonymous remote has disconnected after the fetch; its list of names stays.
            if let Ok(branch) = remote.default_branch() {
                self.git.set_head(branch.as_str()?)?;
            }
            Ok(())
        };
        fetch().map_err(|source| self.git_error(source))
    }

    /// The address that others may know the repository by, as git has it: the URL of a mirror, or
    /// of the remote `origin` of a local one; empty where there is neither. It may hold
    /// credentials: whoever shows it takes them out first.
    pub fn address(&self) -> String {
        let origin = || Some(self.git.find_remote("origin").ok()?.url().ok()?.to_owned());
        self.remote.clone().or_else(origin).unwrap_or_default()
    }

    /// The charts folder at a branch, tag or commit; at the checked-out commit (of a URL: the
    /// default branch) where `revision` is `None`.
    ///
    /// Where nothing is named, a work tree with uncommitted changes is refused: the user sees
    /// files that would not be published.
    pub fn read(&self, revision: Option<&str>) -> Result<Revision, RepositoryError> {
        let commit = match revision {
            Some(name) => commit_of(&self.git, name),
            None => {
                self.refuse_dirty()?;
                let head = self.git.head().and_then(|head| head.peel_to_commit());
                head.map_err(|_| NameError::Missing)
            }
        };
        self.read_commit(&commit.map_err(|e| self.name_error(revision, e))?)
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
        let missing = |_| self.name_error(Some(commit.as_str()), NameError::Missing);
        self.read_commit(&found.map_err(missing)?)
    }

    fn name_error(&self, revision: Option<&str>, error: NameError) -> RepositoryError {
        let location = self.location.clone();
        let revision = revision.unwrap_or("HEAD").to_owned();
        match error {
            NameError::Missing => RepositoryError::NoRevision { location, revision },
            NameError::NotABranch(found) => RepositoryError::NotABranch { location, found },
            NameError::Ambiguous([first, second]) => {
                RepositoryError::Ambiguous { location, revision, first, second }
            }
        }
    }

    /// The charts folders of the commits after `since` up to and including `until`, oldest first,
    /// along the first parents (a merged branch counts as the one commit that merged it).
    ///
    /// Only `until` where `since` is not among its ancestors (history was rewritten).
    pub fn read_since(
        &self,
        since: &ObjectName,
        until: &Revision,
    ) -> Result<Vec<Revision>, RepositoryError> {
        let mut revisions = Vec::new();
        let mut walk = || -> Result<bool, RepositoryError> {
            let parse = |name: &ObjectName| Oid::from_str(name.as_str());
            let until_id = parse(&until.commit).map_err(|e| self.git_error(e))?;
            let Ok(since_id) = parse(since) else { return Ok(false) };
            let mut commit = self.git.find_commit(until_id).map_err(|e| self.git_error(e))?;
            while commit.id() != since_id {
                // A commit whose folder cannot be read (it was broken, or not there yet) has
                // nothing to publish, whatever came after it.
                match self.read_commit(&commit) {
                    Ok(revision) => revisions.push(revision),
                    Err(error @ RepositoryError::Git { .. }) => return Err(error),
                    Err(_) => {}
                }
                match commit.parent(0) {
                    Ok(parent) => commit = parent,
                    Err(_) => return Ok(false),
                }
            }
            Ok(true)
        };
        if walk()? {
            revisions.reverse();
            Ok(revisions)
        } else {
            Ok(vec![until.clone()])
        }
    }

    pub(super) fn read_commit(
        &self,
        commit: &git2::Commit<'_>,
    ) -> Result<Revision, RepositoryError> {
        let root = commit.tree().map_err(|e| self.git_error(e))?;
        let (folder, tree) = self.charts_folder(commit, &root)?;
        let commit_name = commit.id().to_string();
        let mut files = Vec::new();
        let mut refusal = None;
        let walked = tree.walk(TreeWalkMode::PreOrder, |parent, entry| {
            match self.read_entry(&folder, parent, entry, &commit_name) {
                Ok(file) => files.extend(file),
                Err(error) => {
                    refusal = Some(error);
                    return TreeWalkResult::Abort;
                }
            }
            TreeWalkResult::Ok
        });
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        walked.map_err(|e| self.git_error(e))?;
        Ok(Revision {
            commit: ObjectName::of(commit.id()),
            tree: ObjectName::of(tree.id()),
            folder,
            time: commit.time().seconds(),
            sources: Sources::from_files(files),
            history: History::of(&self.git, &self.location, self.folder.as_deref()),
        })
    }

    /// The charts folder's path and the name of its tree, if the commit has one.
    pub(super) fn tree_of(
        &self,
        commit: &git2::Commit<'_>,
    ) -> Result<Option<(String, Oid)>, RepositoryError> {
        let root = commit.tree().map_err(|e| self.git_error(e))?;
        match self.charts_folder(commit, &root) {
            Ok((folder, tree)) => Ok(Some((folder, tree.id()))),
            Err(RepositoryError::NoCharts { .. }) => Ok(None),
            Err(error) => Err(error),
        }
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
            let mark = Path::new(folder).join(MARK);
            if root.get_path(&mark).is_ok() {
                let tree = match *folder {
                    "" => Ok(root.clone()),
                    path => root
                        .get_path(Path::new(path))
                        .and_then(|entry| entry.to_object(&self.git))
                        .and_then(|object| object.peel_to_tree()),
                };
                return Ok(((*folder).to_owned(), tree.map_err(|e| self.git_error(e))?));
            }
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

    /// One entry of the charts folder's tree: a file's path and bytes, or nothing for a folder.
    fn read_entry(
        &self,
        folder: &str,
        parent: &str,
        entry: &git2::TreeEntry<'_>,
        commit: &str,
    ) -> Result<Option<(String, Vec<u8>)>, RepositoryError> {
        let name = String::from_utf8_lossy(entry.name_bytes());
        let in_repository = || Path::new(folder).join(format!("{parent}{name}"));
        if entry.name().is_err() {
            return Err(RepositoryError::Name {
                path: in_repository().display().to_string(),
                commit: commit.to_owned(),
            });
        }
        let indirection = |kind| RepositoryError::Indirection {
            path: in_repository().display().to_string(),
            commit: commit.to_owned(),
            kind,
        };
        match (entry.kind(), entry.filemode()) {
            (Some(ObjectType::Tree), _) => Ok(None),
            (Some(ObjectType::Commit), _) => Err(indirection("submodule")),
            (_, 0o120000) => Err(indirection("symbolic link")),
            _ => {
                let blob = self.git.find_blob(entry.id()).map_err(|e| self.git_error(e))?;
                if blob.size() > MAX_FILE {
                    let (path, size) = (in_repository(), blob.size() as u64);
                    return Err(SourceError::TooLarge { path, size }.into());
                }
                Ok(Some((format!("{parent}{name}"), blob.content().to_vec())))
            }
        }
    }

    fn refuse_dirty(&self) -> Result<(), RepositoryError> {
        if self.git.is_bare() {
            return Ok(());
        }
        let mut options = StatusOptions::new();
        options.include_untracked(true).include_ignored(false).exclude_submodules(true);
        let statuses = self.git.statuses(Some(&mut options)).map_err(|e| self.git_error(e))?;
        if statuses.is_empty() {
            return Ok(());
        }
        let mut changes: Vec<_> = statuses
            .iter()
            .take(3)
            .map(|entry| String::from_utf8_lossy(entry.path_bytes()).into_owned())
            .collect();
        if statuses.len() > changes.len() {
            changes.push(format!("and {} more", statuses.len() - changes.len()));
        }
        Err(RepositoryError::Dirty { location: self.location.clone(), changes: changes.join(", ") })
    }

    fn git_error(&self, source: git2::Error) -> RepositoryError {
        RepositoryError::Git { location: self.location.clone(), source }
    }
}

/// The time of the commit that is checked out where `folder` lies, in seconds since 1970;
/// `None` outside of git and before the first commit.
pub fn commit_time(folder: &Path) -> Option<i64> {
    let git = git2::Repository::discover(folder).ok()?;
    let head = git.head().ok()?.peel_to_commit().ok()?;
    Some(head.time().seconds())
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
