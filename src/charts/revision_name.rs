//! Which commit a name that someone typed leads to.
//!
//! Only what was reviewed may be published, and what was reviewed is on a branch. Git itself takes
//! a tag where a tag and a branch have one name, so whoever may push a tag named `main` could have
//! any commit published. Here no kind of name is preferred in silence: a name that leads to two
//! commits is refused, with the full names of both. Where a branch is followed, nothing but a
//! branch is looked for.
//!
//! | what was typed | where it is looked for |
//! | --- | --- |
//! | a whole object name | that object, and nothing else: it can mean only one |
//! | `refs/...` | that reference, and nothing else |
//! | `HEAD` | what is checked out (of a mirror: the default branch), branches and tags of that name |
//! | any other name | `refs/heads/`, `refs/tags/`, `refs/remotes/`, `refs/`, and commits whose name begins so (from seven digits on) |
//!
//! A name may be followed by `~2` or `^`, as in git. Everything else that git's own revision syntax
//! has (`@{upstream}`, `:/text`, `a..b`) names no commit here.

use git2::{Commit, ErrorCode, Oid, ReferenceType, Repository};

/// The shortest part of an object's name that is taken for one, as git abbreviates.
const SHORTEST_PREFIX: usize = 7;

/// The lengths of whole object names: SHA-1 and SHA-256.
const WHOLE: [usize; 2] = [40, 64];

/// A reference or object that a name may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    /// The name that means it alone.
    name: String,
    commit: Oid,
}

/// Why a name leads to no commit.
#[derive(Debug)]
pub(super) enum NameError {
    /// There is nothing of this name.
    Missing,
    /// It may mean several commits: the full names of two of them.
    Ambiguous([String; 2]),
    /// It is not a branch, but this.
    NotABranch(String),
    /// It is there, and where it leads to cannot be read.
    Unreadable(git2::Error),
}

impl NameError {
    /// What libgit2 says where something of this name was looked for.
    pub(super) fn of(error: git2::Error) -> NameError {
        match error.code() {
            ErrorCode::NotFound | ErrorCode::UnbornBranch | ErrorCode::InvalidSpec => {
                NameError::Missing
            }
            // It leads to something that is no commit.
            ErrorCode::Peel => NameError::Missing,
            _ => NameError::Unreadable(error),
        }
    }
}

/// The commit that is checked out; of a mirror, that of the default branch.
pub(super) fn head_of(git: &Repository) -> Result<Commit<'_>, NameError> {
    let head = git.head().map_err(NameError::of)?;
    // A reference that is there and whose object is not is damage, whatever the code.
    head.peel_to_commit().map_err(NameError::Unreadable)
}

/// The commit that a name means.
pub(super) fn commit_of<'git>(
    git: &'git Repository,
    name: &str,
) -> Result<Commit<'git>, NameError> {
    // Neither character can stand in the name of a reference.
    let (base, ancestor) = name.split_at(name.find(['~', '^']).unwrap_or(name.len()));
    if !ancestor.bytes().all(|byte| matches!(byte, b'~' | b'^') || byte.is_ascii_digit()) {
        return Err(NameError::Missing);
    }
    let commit = only_one(candidates(git, base)?)?.commit;
    git.revparse_single(&format!("{commit}{ancestor}"))
        .and_then(|object| object.peel_to_commit())
        .map_err(NameError::of)
}

/// The newest commit of a branch; of the one that is checked out where no name is given.
pub(super) fn tip_of<'git>(
    git: &'git Repository,
    name: Option<&str>,
) -> Result<Commit<'git>, NameError> {
    let Some(name) = name.filter(|name| *name != "HEAD") else { return checked_out(git) };
    let places: &[&str] =
        if name.starts_with("refs/") { &[""] } else { &["refs/heads/", "refs/remotes/"] };
    let found =
        places.iter().filter_map(|place| reference(git, format!("{place}{name}"))).collect();
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
    ["refs/heads/", "refs/remotes/"].iter().any(|place| reference.starts_with(place))
}

/// The newest commit of the branch that is checked out.
fn checked_out(git: &Repository) -> Result<Commit<'_>, NameError> {
    let head = git.find_reference("HEAD").map_err(NameError::of)?;
    if head.kind() != Some(ReferenceType::Symbolic) {
        return Err(NameError::NotABranch("HEAD".to_owned()));
    }
    head.peel_to_commit().map_err(NameError::of)
}

/// All that a name may mean.
fn candidates(git: &Repository, name: &str) -> Result<Vec<Candidate>, NameError> {
    let hexadecimal = name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let object = match name.len() {
        SHORTEST_PREFIX.. if hexadecimal => object(git, name)?,
        _ => None,
    };
    if hexadecimal && WHOLE.contains(&name.len()) {
        // Nothing else can be meant, also where the object is not there: a branch of this name
        // would be a trap.
        return Ok(object.into_iter().collect());
    }
    if name.starts_with("refs/") {
        let found = reference(git, name.to_owned()).into_iter().collect();
        return or_unreadable(git, found, name, &[""]);
    }
    let checked_out = (name == "HEAD").then(|| reference(git, name.to_owned())).flatten();
    let places = ["refs/heads/", "refs/tags/", "refs/remotes/", "refs/"];
    let references = places.iter().filter_map(|place| reference(git, format!("{place}{name}")));
    let found: Vec<_> = checked_out.into_iter().chain(references).chain(object).collect();
    or_unreadable(git, found, name, &places)
}

/// What was found; where that is nothing, why what is there cannot be read.
fn or_unreadable(
    git: &Repository,
    found: Vec<Candidate>,
    name: &str,
    places: &[&str],
) -> Result<Vec<Candidate>, NameError> {
    match found.is_empty().then(|| unreadable(git, name, places)).flatten() {
        Some(error) => Err(NameError::Unreadable(error)),
        None => Ok(found),
    }
}

/// Why a reference of this name, where there is one, leads to nothing that can be read.
fn unreadable(git: &Repository, name: &str, places: &[&str]) -> Option<git2::Error> {
    let names = places.iter().map(|place| format!("{place}{name}"));
    let found = names.filter(|name| git2::Reference::is_valid_name(name));
    let mut errors = found.filter_map(|name| {
        // One that leads to no reference is not damage: a branch that was removed leaves such.
        let target = git.find_reference(&name).and_then(|found| found.resolve());
        let target = match target {
            Ok(reference) => reference.target()?,
            Err(error) => return Some(error).filter(|e| e.code() != ErrorCode::NotFound),
        };
        // The object of one that is there has to be there too, so here "not found" is damage.
        let peeled = git.find_object(target, None).and_then(|object| object.peel_to_commit());
        let leads_elsewhere =
            |e: &git2::Error| matches!(e.code(), ErrorCode::Peel | ErrorCode::InvalidSpec);
        peeled.err().filter(|error| !leads_elsewhere(error))
    });
    errors.next()
}

/// The reference of this full name, if it leads to a commit.
fn reference(git: &Repository, name: String) -> Option<Candidate> {
    // Also what keeps `..` and the like from leading out of the repository's folder.
    if !git2::Reference::is_valid_name(&name) {
        return None;
    }
    let commit = git.find_reference(&name).ok()?.peel_to_commit().ok()?.id();
    Some(Candidate { name, commit })
}

/// The object whose name begins so, if it leads to a commit.
fn object(git: &Repository, prefix: &str) -> Result<Option<Candidate>, NameError> {
    match git.find_object_by_prefix(prefix, None) {
        Ok(object) => {
            let name = object.id().to_string();
            Ok(object.peel_to_commit().ok().map(|commit| Candidate { name, commit: commit.id() }))
        }
        // Not an object of ours to choose between: whoever wrote it has to write more digits.
        Err(e) if e.code() == ErrorCode::Ambiguous => {
            Err(NameError::Ambiguous([format!("{prefix}..."), format!("another {prefix}...")]))
        }
        Err(e) if e.code() == ErrorCode::NotFound => Ok(None),
        Err(e) => Err(NameError::Unreadable(e)),
    }
}

/// The one commit to which all candidates lead.
fn only_one(candidates: Vec<Candidate>) -> Result<Candidate, NameError> {
    let mut candidates = candidates.into_iter();
    let first = candidates.next().ok_or(NameError::Missing)?;
    match candidates.find(|other| other.commit != first.commit) {
        None => Ok(first),
        Some(other) => Err(NameError::Ambiguous([first.name, other.name])),
    }
}
