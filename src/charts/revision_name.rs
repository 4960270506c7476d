//! Which commit a name means that someone typed.
//!
//! Only what was reviewed may be published, and what was reviewed is on a branch. When a tag and a branch
//! have the same name, git itself takes the tag, so whoever may push a tag named `main` could have any
//! commit published. Here no kind of name silently wins: a name of two commits is refused, with the full
//! names of both. When a branch is followed, only branches are considered.
//!
//! | what was typed | where it is looked for |
//! | --- | --- |
//! | a full object name | that object, and nothing else: it can mean only one |
//! | `refs/...` | that reference, and nothing else |
//! | `HEAD` | what is checked out (of a mirror: the default branch), branches and tags of that name |
//! | any other name | `refs/heads/`, `refs/tags/`, `refs/remotes/`, `refs/`, and commits by the beginning of their name (at least seven digits) |
//!
//! A name may be followed by `~2` or `^`, as in git. The rest of git's revision syntax (`@{upstream}`,
//! `:/text`, `a..b`) is not supported.

use git2::{Commit, ErrorCode, Oid, ReferenceType, Repository};

/// The shortest abbreviation of an object's name, as git writes it.
const SHORTEST_PREFIX: usize = 7;

/// The lengths of full object names: SHA-1 and SHA-256.
const WHOLE: [usize; 2] = [40, 64];

/// A reference or object that a name could mean.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    /// Its unambiguous name.
    name: String,
    commit: Oid,
}

/// Why a name does not mean a commit.
#[derive(Debug)]
pub(super) enum NameError {
    /// Nothing has this name.
    Missing,
    /// It could mean several commits; here are the full names of two.
    Ambiguous([String; 2]),
    /// It is not a branch, but what this full name says.
    NotABranch(String),
    /// It exists, but what it points to cannot be read.
    Unreadable(git2::Error),
}

impl NameError {
    /// The meaning of libgit2's error in a look-up of this name.
    pub(super) fn of(error: git2::Error) -> NameError {
        match error.code() {
            ErrorCode::NotFound | ErrorCode::UnbornBranch | ErrorCode::InvalidSpec => {
                NameError::Missing
            }
            // It points to something other than a commit.
            ErrorCode::Peel => NameError::Missing,
            _ => NameError::Unreadable(error),
        }
    }
}

/// The commit that is checked out; in a mirror, that of the default branch.
pub(super) fn head_of(git: &Repository) -> Result<Commit<'_>, NameError> {
    let head = git.head().map_err(NameError::of)?;
    // If a reference exists but its object does not, the repository is damaged, whatever the code.
    head.peel_to_commit().map_err(NameError::Unreadable)
}

/// The commit that a name means.
pub(super) fn commit_of<'git>(
    git: &'git Repository,
    name: &str,
) -> Result<Commit<'git>, NameError> {
    // Neither character is allowed in the name of a reference.
    let (base, ancestor) = name.split_at(name.find(['~', '^']).unwrap_or(name.len()));
    if !ancestor.bytes().all(|byte| matches!(byte, b'~' | b'^') || byte.is_ascii_digit()) {
        return Err(NameError::Missing);
    }
    let commit = only_one(candidates(git, base)?)?.commit;
    git.revparse_single(&format!("{commit}{ancestor}"))
        .and_then(|object| object.peel_to_commit())
        .map_err(NameError::of)
}

/// The newest commit of a branch; without a name, of the one that is checked out.
pub(super) fn tip_of<'git>(
    git: &'git Repository,
    name: Option<&str>,
) -> Result<Commit<'git>, NameError> {
    let Some(name) = name.filter(|name| *name != "HEAD") else { return checked_out(git) };
    let prefixes: &[&str] =
        if name.starts_with("refs/") { &[""] } else { &["refs/heads/", "refs/remotes/"] };
    let found =
        prefixes.iter().filter_map(|prefix| reference(git, format!("{prefix}{name}"))).collect();
    match only_one(found) {
        Ok(branch) if is_branch(&branch.name) => {
            git.find_commit(branch.commit).map_err(NameError::Unreadable)
        }
        Ok(other) => Err(NameError::NotABranch(other.name)),
        Err(NameError::Missing) => match candidates(git, name)?.into_iter().next() {
            Some(other) => Err(NameError::NotABranch(other.name)),
            None => Err(NameError::Missing),
        },
        Err(ambiguous) => Err(ambiguous),
    }
}

fn is_branch(reference: &str) -> bool {
    ["refs/heads/", "refs/remotes/"].iter().any(|prefix| reference.starts_with(prefix))
}

/// The newest commit of the branch that is checked out.
fn checked_out(git: &Repository) -> Result<Commit<'_>, NameError> {
    let head = git.find_reference("HEAD").map_err(NameError::of)?;
    if head.kind() != Some(ReferenceType::Symbolic) {
        return Err(NameError::NotABranch("HEAD".to_owned()));
    }
    head.peel_to_commit().map_err(NameError::of)
}

/// Everything that a name could mean.
fn candidates(git: &Repository, name: &str) -> Result<Vec<Candidate>, NameError> {
    let hexadecimal = name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let object = match name.len() {
        SHORTEST_PREFIX.. if hexadecimal => object(git, name)?,
        _ => None,
    };
    if hexadecimal && WHOLE.contains(&name.len()) {
        // Nothing else can be meant, even if the object does not exist: a branch of this name would be
        // a trap.
        return Ok(object.into_iter().collect());
    }
    if name.starts_with("refs/") {
        let found = reference(git, name.to_owned()).into_iter().collect();
        return or_unreadable(git, found, name, &[""]);
    }
    let checked_out = (name == "HEAD").then(|| reference(git, name.to_owned())).flatten();
    let prefixes = ["refs/heads/", "refs/tags/", "refs/remotes/", "refs/"];
    let references = prefixes.iter().filter_map(|prefix| reference(git, format!("{prefix}{name}")));
    let found: Vec<_> = checked_out.into_iter().chain(references).chain(object).collect();
    or_unreadable(git, found, name, &prefixes)
}

/// What was found; if nothing, the error of a reference that exists but cannot be read.
fn or_unreadable(
    git: &Repository,
    found: Vec<Candidate>,
    name: &str,
    prefixes: &[&str],
) -> Result<Vec<Candidate>, NameError> {
    match found.is_empty().then(|| unreadable(git, name, prefixes)).flatten() {
        Some(error) => Err(NameError::Unreadable(error)),
        None => Ok(found),
    }
}

/// Why a reference of this name cannot be read, if there is one.
fn unreadable(git: &Repository, name: &str, prefixes: &[&str]) -> Option<git2::Error> {
    let names = prefixes.iter().map(|prefix| format!("{prefix}{name}"));
    let found = names.filter(|name| git2::Reference::is_valid_name(name));
    let mut errors = found.filter_map(|name| {
        // A symbolic reference to a branch that was removed is not damage.
        let target = git.find_reference(&name).and_then(|found| found.resolve());
        let target = match target {
            Ok(reference) => reference.target()?,
            Err(error) => return Some(error).filter(|e| e.code() != ErrorCode::NotFound),
        };
        // The object of an existing reference has to exist, so "not found" is damage here.
        let peeled = git.find_object(target, None).and_then(|object| object.peel_to_commit());
        let leads_elsewhere =
            |e: &git2::Error| matches!(e.code(), ErrorCode::Peel | ErrorCode::InvalidSpec);
        peeled.err().filter(|error| !leads_elsewhere(error))
    });
    errors.next()
}

/// The reference of this full name, if it points to a commit.
fn reference(git: &Repository, name: String) -> Option<Candidate> {
    // This also keeps `..` and the like inside the repository's folder.
    if !git2::Reference::is_valid_name(&name) {
        return None;
    }
    let commit = git.find_reference(&name).ok()?.peel_to_commit().ok()?.id();
    Some(Candidate { name, commit })
}

/// The object whose name begins with `prefix`, if it leads to a commit.
fn object(git: &Repository, prefix: &str) -> Result<Option<Candidate>, NameError> {
    match git.find_object_by_prefix(prefix, None) {
        Ok(object) => {
            let name = object.id().to_string();
            Ok(object.peel_to_commit().ok().map(|commit| Candidate { name, commit: commit.id() }))
        }
        // Not for us to choose: the user has to write more digits.
        Err(e) if e.code() == ErrorCode::Ambiguous => {
            Err(NameError::Ambiguous([format!("{prefix}..."), format!("another {prefix}...")]))
        }
        Err(e) if e.code() == ErrorCode::NotFound => Ok(None),
        Err(e) => Err(NameError::Unreadable(e)),
    }
}

/// The one commit that all candidates mean.
fn only_one(candidates: Vec<Candidate>) -> Result<Candidate, NameError> {
    let mut candidates = candidates.into_iter();
    let first = candidates.next().ok_or(NameError::Missing)?;
    match candidates.find(|other| other.commit != first.commit) {
        None => Ok(first),
        Some(other) => Err(NameError::Ambiguous([first.name, other.name])),
    }
}
