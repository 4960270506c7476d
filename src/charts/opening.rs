//! Opening a local repository, and explaining why one cannot be opened, with the way out.
//!
//! libgit2 reads less than git does, and its message then ("unsupported extension name") does not help.
//! The reason is found in the repository's own files, never in that message.

use super::repository_error::RepositoryError;
use git2::{Config, ErrorClass, ErrorCode};
use std::fs;
use std::path::{Path, PathBuf};

/// The repository that the folder `location` is in.
pub(super) fn open(location: &str) -> Result<git2::Repository, RepositoryError> {
    let folder = Path::new(location);
    git2::Repository::discover(folder).map_err(|error| explain(folder, location, error))
}

/// Why the repository at `folder` cannot be copied; `location` is what the user named.
pub(super) fn obstacle_to_copying(folder: &Path, location: &str) -> Option<RepositoryError> {
    let git = match git2::Repository::discover(folder) {
        Ok(git) => git,
        Err(error) => return Some(explain(folder, location, error)),
    };
    let obstacle = if is_partial(&git) {
        Some(PARTIAL.to_owned())
    } else if is_shallow(&git) {
        Some(SHALLOW.to_owned())
    } else {
        missing_alternate(&git).or_else(|| broken_head(&git))
    };
    // A repository that can be opened but not copied lacks objects.
    let obstacle = obstacle.unwrap_or_else(|| {
        "cannot be copied; see what `git fsck` says in it, and restore what is missing or clone it \
         again"
            .to_owned()
    });
    Some(RepositoryError::Unreadable { location: location.to_owned(), obstacle })
}

/// Says that objects are borrowed from a folder that does not exist (git's "alternates").
pub(super) fn missing_alternate(git: &git2::Repository) -> Option<String> {
    let objects = git.commondir().join("objects");
    let alternates = fs::read_to_string(objects.join("info/alternates")).ok()?;
    let alternates = alternates.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let missing = alternates.map(|line| objects.join(line)).find(|folder| !folder.is_dir())?;
    Some(format!(
        "borrows objects from {} (see objects/info/alternates), which does not exist; restore it, \
         or clone the repository again",
        missing.display()
    ))
}

/// Says that HEAD names nothing that git understands.
pub(super) fn broken_head(git: &git2::Repository) -> Option<String> {
    let error = git.find_reference("HEAD").err()?;
    (error.class() != ErrorClass::Os).then(|| {
        format!(
            "has a HEAD that names neither a branch nor a commit; write `ref: refs/heads/BRANCH` \
             into {}, or clone the repository again",
            git.path().join("HEAD").display()
        )
    })
}

/// Whether no file was ever checked out of the repository around `folder`. Works even where libgit2
/// cannot open the repository.
pub(super) fn was_never_checked_out(folder: &Path) -> bool {
    let none: [&str; 0] = [];
    git2::Repository::discover_path(folder, none)
        .is_ok_and(|git| !git.join("index").exists() && git.join("packed-refs").exists())
}

fn explain(folder: &Path, location: &str, error: git2::Error) -> RepositoryError {
    let location = location.to_owned();
    if !folder.exists() {
        return RepositoryError::NotThere { location };
    }
    let none: [&str; 0] = [];
    match git2::Repository::discover_path(folder, none) {
        Ok(git) if error.code() == ErrorCode::Owner => {
            RepositoryError::OtherOwner { folder: work_tree(&git).display().to_string() }
        }
        Ok(git) => match obstacle(&git) {
            Some(obstacle) => RepositoryError::Unreadable {
                location: git.display().to_string(),
                obstacle: obstacle.to_owned(),
            },
            None => RepositoryError::Git { location, source: error },
        },
        Err(_) => match marker(folder) {
            Some(marker) => {
                let obstacle = broken(&marker);
                RepositoryError::Unreadable { location: marker.display().to_string(), obstacle }
            }
            None if error.code() == ErrorCode::NotFound => {
                RepositoryError::NotARepository { location }
            }
            None => RepositoryError::Git { location, source: error },
        },
    }
}

/// The folder to name in git's `safe.directory`.
fn work_tree(git: &Path) -> PathBuf {
    match (git.file_name(), git.parent()) {
        (Some(name), Some(parent)) if name == ".git" => parent.to_path_buf(),
        _ => git.to_path_buf(),
    }
}

/// What libgit2 does not understand in a repository's settings.
fn obstacle(git: &Path) -> Option<&'static str> {
    let settings = Config::open(&common(git).join("config")).ok()?;
    let set = |name| settings.get_string(name).ok().map(|value| value.to_lowercase());
    let known = ["noop", "objectformat", "worktreeconfig", "preciousobjects", "relativeworktrees"];
    let extensions = settings.entries(Some("^extensions\\.")).ok();
    let mut other = false;
    if let Some(mut extensions) = extensions {
        while let Some(Ok(entry)) = extensions.next() {
            let name = entry.name().unwrap_or_default().trim_start_matches("extensions.");
            other |= !known.contains(&name);
        }
    }
    if set("extensions.refstorage").is_some_and(|format| format != "files") {
        Some(
            "keeps its references in a reftable, which cannot be read here; run \
             `git refs migrate --ref-format=files` in it, or give its https URL instead",
        )
    } else if set("extensions.objectformat").is_some_and(|format| format != "sha1") {
        Some(
            "has SHA-256 object names, which cannot be read here; keep the charts folder in a \
             repository made with `git init --object-format=sha1`",
        )
    } else if set("extensions.partialclone").is_some() {
        Some(PARTIAL)
    } else if other {
        Some(
            "uses an extension of git that cannot be read here (see `git config --get-regexp \
             extensions`); give its https URL, or a clone made without it, instead",
        )
    } else {
        None
    }
}

const PARTIAL: &str = "is a partial clone, which has left out objects that publishing reads; clone it again without --filter, \
     or give the https URL it came from instead";

const SHALLOW: &str = "is a shallow clone, which cannot be copied; give its path instead of a URL, or fetch the rest \
     of it with `git fetch --unshallow`";

/// Whether a repository left out objects, to be fetched on demand.
pub(super) fn is_partial(git: &git2::Repository) -> bool {
    let promised = |config: Config| -> Option<bool> {
        let mut found = config.entries(Some("^remote\\..*\\.promisor$")).ok()?;
        Some(found.next().is_some())
    };
    git.config().ok().and_then(promised).unwrap_or(false)
}

/// Whether a repository is a shallow clone. libgit2 does not see this in a linked work tree.
pub(super) fn is_shallow(git: &git2::Repository) -> bool {
    fs::metadata(git.commondir().join("shallow")).is_ok_and(|file| file.len() > 0)
}

/// The folder that the work trees of a repository share.
fn common(git: &Path) -> PathBuf {
    match fs::read_to_string(git.join("commondir")) {
        Ok(common) => git.join(common.trim_end()),
        Err(_) => git.to_path_buf(),
    }
}

/// A `.git` in the folder or above it.
fn marker(folder: &Path) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    folder.ancestors().map(|above| above.join(".git")).find(|git| git.symlink_metadata().is_ok())
}

/// Why a `.git` does not lead to a repository.
fn broken(marker: &Path) -> String {
    let target = fs::read_to_string(marker).ok();
    match target.as_deref().and_then(|text| text.strip_prefix("gitdir:")).map(str::trim) {
        Some(target) => format!(
            "says that the repository is {target}, which is not there or is damaged; `git worktree \
             repair` repairs a work tree that was moved, `git submodule update --init` a submodule"
        ),
        None => "is not a whole git repository; see what `git status` says of it".to_owned(),
    }
}
