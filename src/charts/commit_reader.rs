//! The charts folders of a repository's commits, read from their git trees.
//!
//! Publishing is a pure function of one git tree, so a work tree is never read here. Nothing outside
//! the charts folder is looked at, and its files are chosen by the same filter as in a folder on disk
//! (`source`), by name and size, before any of them is read.

use super::object_name::ObjectName;
use super::opening;
use super::repository_error::RepositoryError;
use super::source::{
    Action, COLLECTION_FILE, CUSTOMARY_FOLDER, Filter, Kind, MAX_TREE, Refusal, Sources,
};
use git2::{ErrorClass, ErrorCode, ObjectType, Oid};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// The most folders that are looked at to find the one that was moved.
const MOST_MOVED: usize = 20;
/// The most files of each.
const MOST_FILES: usize = 20_000;

/// A repository whose commits are read.
pub(super) struct CommitReader {
    /// The repository.
    pub(super) git: git2::Repository,
    /// What the user named, without credentials, for messages.
    pub(super) location: String,
    /// The charts folder, where the user named it by path.
    pub(super) folder: Option<String>,
}

/// The charts folder of one commit.
pub(super) struct CommitCharts {
    /// The folder's path in the repository; empty for its root.
    pub(super) folder: String,
    /// The folder's own tree (not that of the whole commit).
    pub(super) tree: ObjectName,
    pub(super) sources: Sources,
}

impl CommitReader {
    /// The charts folder of a commit.
    pub(super) fn read(&self, commit: &git2::Commit<'_>) -> Result<CommitCharts, RepositoryError> {
        let root = self.root_of(commit)?;
        let (folder, tree) = self.charts_folder(commit, &root)?;
        let mut reading = Reading {
            commits: self,
            folder: &folder,
            commit: commit.id(),
            filter: Filter::default(),
            files: Vec::new(),
        };
        reading.read_tree(&tree, "")?;
        let sources = Sources::from_files(reading.files);
        Ok(CommitCharts { tree: ObjectName::of(tree.id()), folder, sources })
    }

    /// The commit with this full name.
    pub(super) fn commit(&self, name: &str) -> Result<git2::Commit<'_>, RepositoryError> {
        let found = Oid::from_str(name).and_then(|id| self.git.find_commit(id));
        found.map_err(|e| self.git_error(e))
    }

    /// The first parent, or `None` for the very first commit. A parent that was not cloned is an
    /// error: the commit is not the first.
    pub(super) fn parent_of<'git>(
        &self,
        commit: &git2::Commit<'git>,
    ) -> Result<Option<git2::Commit<'git>>, RepositoryError> {
        match commit.parent(0) {
            Ok(parent) => Ok(Some(parent)),
            // A shallow clone lacks the parents of its oldest commit, which still names them.
            Err(_) if commit.header_field_bytes("parent").is_err() => Ok(None),
            Err(_) => {
                let (location, commit) = (self.location.clone(), commit.id().to_string());
                Err(if opening::is_shallow(&self.git) {
                    RepositoryError::Shallow { location, commit }
                } else {
                    RepositoryError::IncompleteHistory { location, commit }
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

    /// Where the charts folder with the tree `here` was before `commit` moved it: a folder that the parent has, and
    /// the commit has not, with the most files in common. What cannot be read was not moved.
    pub(super) fn moved_from(
        &self,
        here: Oid,
        commit: &git2::Commit<'_>,
        parent: &git2::Commit<'_>,
    ) -> Option<String> {
        let (before, after) = (self.root_of(parent).ok()?, self.root_of(commit).ok()?);
        let mut options = git2::DiffOptions::new();
        options.pathspec(format!("*{COLLECTION_FILE}")).context_lines(0);
        let diff = self.git.diff_tree_to_tree(Some(&before), Some(&after), Some(&mut options));
        let diff = diff.ok()?;
        let gone = diff.deltas().filter(|delta| delta.status() == git2::Delta::Deleted);
        let files = self.files_of(here);
        let common = |folder: &String| {
            let tree = self.folder_of(parent, &before, folder).ok().flatten();
            let other = tree.map(|tree| self.files_of(tree.id())).unwrap_or_default();
            files.intersection(&other).count()
        };
        let folders = gone.filter_map(|delta| {
            let path = delta.old_file().path()?;
            let is_collection = path.file_name()? == COLLECTION_FILE;
            is_collection.then(|| path.parent()?.to_str().map(str::to_owned))?
        });
        let found = folders.take(MOST_MOVED).map(|folder| (common(&folder), folder)).max()?;
        (found.0 > 0).then_some(found.1)
    }

    /// Where the charts folder of a commit, with this tree, was in an earlier one, if it is not at the same path.
    pub(super) fn moved_before(
        &self,
        tree: &ObjectName,
        commit: &ObjectName,
        earlier: &str,
    ) -> Option<String> {
        let earlier = self.commit(earlier).ok()?;
        let is_there = self.readable_tree_of(&earlier).ok()?.is_some();
        let here = Oid::from_str(tree.as_str()).ok()?;
        let commit = self.commit(commit.as_str()).ok()?;
        if is_there { None } else { self.moved_from(here, &commit, &earlier) }
    }

    /// The contents of the files below a tree.
    fn files_of(&self, tree: Oid) -> HashSet<Oid> {
        let mut files = HashSet::new();
        let Ok(tree) = self.git.find_tree(tree) else { return files };
        // What cannot be read is not in common with anything.
        let _ = tree.walk(git2::TreeWalkMode::PreOrder, |_, entry| {
            if kind_of(entry) == Kind::File {
                files.insert(entry.id());
            }
            match files.len() < MOST_FILES {
                true => git2::TreeWalkResult::Ok,
                false => git2::TreeWalkResult::Abort,
            }
        });
        files
    }

    /// As [`CommitReader::tree_of`], but `None` also where the commit's folder cannot be published.
    pub(super) fn readable_tree_of(
        &self,
        commit: &git2::Commit<'_>,
    ) -> Result<Option<(String, Oid)>, RepositoryError> {
        match self.tree_of(commit) {
            Err(error) if error.is_of_the_commit() => Ok(None),
            other => other,
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

    /// Why a tree is too large to be read, judging by the size in its header.
    fn too_long(&self, tree: Oid) -> Result<Option<Refusal>, RepositoryError> {
        let odb = self.git.odb().map_err(|e| self.git_error(e))?;
        let (size, _) = odb.read_header(tree).map_err(|e| self.missing(tree, e))?;
        Ok((size as u64 > MAX_TREE).then_some(Refusal::TooLong(size as u64)))
    }

    /// The path and tree of the charts folder: the named one, else the root, else `charts-config`.
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
            if let Some(tree) = tree.filter(|tree| tree.get_name(COLLECTION_FILE).is_some()) {
                return Ok(((*folder).to_owned(), tree));
            }
        }
        if let Some(what) = candidates.iter().find_map(|folder| self.not_a_folder(root, folder)) {
            let (path, what) = what;
            return Err(RepositoryError::NotAFolder {
                path,
                commit: commit.id().to_string(),
                what,
            });
        }
        let names: Vec<_> = candidates
            .iter()
            .map(|folder| Path::new(folder).join(COLLECTION_FILE).display().to_string())
            .collect();
        Err(RepositoryError::NoCharts {
            location: self.location.clone(),
            commit: commit.id().to_string(),
            looked_for: names.join(" or "),
        })
    }

    /// The part of a folder's path that is a link or a submodule, if one is, and advice.
    fn not_a_folder(&self, root: &git2::Tree<'_>, folder: &str) -> Option<(String, &'static str)> {
        let above = Path::new(folder).ancestors().filter(|path| !path.as_os_str().is_empty());
        let entries = above.filter_map(|path| Some((path, root.get_path(path).ok()?)));
        let (path, entry) = entries.last()?;
        let what = match (entry.kind(), entry.filemode()) {
            (Some(ObjectType::Commit), _) => "a submodule; name its repository, or a clone of it",
            (_, LINK) => "a symbolic link; name its target with --path",
            _ => return None,
        };
        Some((path.display().to_string(), what))
    }

    /// The error for something of the repository that could not be read.
    pub(super) fn git_error(&self, source: git2::Error) -> RepositoryError {
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
    commits: &'r CommitReader,
    folder: &'r str,
    commit: Oid,
    filter: Filter,
    files: Vec<(String, Vec<u8>)>,
}

impl Reading<'_> {
    fn read_tree(&mut self, tree: &git2::Tree<'_>, prefix: &str) -> Result<(), RepositoryError> {
        let git = &self.commits.git;
        for entry in tree.iter() {
            let kind = kind_of(&entry);
            let path = format!("{prefix}{}", String::from_utf8_lossy(entry.name_bytes()));
            let is_text = entry.name().is_ok();
            let action = self.filter.classify(&path, is_text, kind);
            match action.map_err(|refusal| self.refused(&path, refusal))? {
                Action::Skip => {}
                Action::Enter => {
                    let long = self.commits.too_long(entry.id())?;
                    long.map_or(Ok(()), |refusal| Err(self.refused(&path, refusal)))?;
                    let inner = git.find_tree(entry.id());
                    let inner = inner.map_err(|e| self.commits.missing(entry.id(), e))?;
                    self.read_tree(&inner, &format!("{path}/"))?;
                }
                Action::Read => {
                    let missing = |e| self.commits.missing(entry.id(), e);
                    let odb = git.odb().map_err(missing)?;
                    // The size is in the header.
                    let (size, _) = odb.read_header(entry.id()).map_err(missing)?;
                    let counted = self.filter.count_file(size as u64);
                    counted.map_err(|refusal| self.refused(&path, refusal))?;
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

/// Explains why something of an open repository could not be read, with the way out that libgit2 does
/// not give.
pub(super) fn damage(
    git: &git2::Repository,
    location: &str,
    source: git2::Error,
) -> RepositoryError {
    let location = location.to_owned();
    if source.class() == ErrorClass::Os {
        return RepositoryError::Git { location, source };
    }
    let obstacle = opening::missing_alternate(git).or_else(|| opening::broken_head(git));
    let obstacle = obstacle.unwrap_or_else(|| {
        format!(
            "is damaged or incomplete (git: {}); see what `git fsck` says in it, and restore what \
             is missing or clone it again",
            source.message()
        )
    });
    RepositoryError::Unreadable { location, obstacle }
}

/// The charts folder that the checked-out commit has at `inside`, a folder of the work tree, and the
/// paths of the definitions in it; `None` where there is none, or it cannot be determined.
pub(super) fn committed_definitions(
    git: &git2::Repository,
    inside: &str,
) -> Option<(String, Vec<String>)> {
    let root = git.head().ok()?.peel_to_tree().ok()?;
    let has_collection = |folder: &PathBuf| root.get_path(&folder.join(COLLECTION_FILE)).is_ok();
    let folder = [Path::new(inside).to_owned(), Path::new(inside).join(CUSTOMARY_FOLDER)]
        .into_iter()
        .find(has_collection)?;
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
        match filter.classify(&path, entry.name().is_ok(), kind_of(&entry)).ok()? {
            Action::Skip => {}
            Action::Read => found.push(path),
            Action::Enter => {
                let inner = git.find_tree(entry.id()).ok()?;
                name_definitions(git, &inner, &format!("{path}/"), filter, found)?;
            }
        }
    }
    Some(())
}

/// What an entry of a tree is.
fn kind_of(entry: &git2::TreeEntry<'_>) -> Kind {
    match (entry.kind(), entry.filemode()) {
        (Some(ObjectType::Tree), _) => Kind::Folder,
        (Some(ObjectType::Commit), _) => Kind::Submodule,
        (_, LINK) => Kind::Link,
        _ => Kind::File,
    }
}
