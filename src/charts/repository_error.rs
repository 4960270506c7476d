//! Why a charts folder could not be read from git.

use super::source::{Refusal, SourceError};

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
    /// The folder is not in a git repository.
    #[error(
        "{location}: not a git repository; give a folder inside one, or its https URL; or make it one: \
         `git init {location}`, `git -C {location} add .` and `git -C {location} commit -m Definitions`"
    )]
    NotARepository {
        /// What the user named.
        location: String,
    },
    /// The repository belongs to another user.
    #[error(
        "{folder} is a git repository of another user, and git does not read those; if you trust \
         it, run: git config --global --add safe.directory {folder}"
    )]
    OtherOwner {
        /// The folder that `safe.directory` has to name.
        folder: String,
    },
    /// The repository is of a kind, or in a state, that cannot be read.
    #[error("{location} {obstacle}")]
    Unreadable {
        /// The repository.
        location: String,
        /// What is wrong with it, and the way out: the rest of the sentence that begins with the location.
        obstacle: String,
    },
    /// A partial clone left out an object that is needed.
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
    /// A shallow clone lacks the history that is needed.
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
    /// Part of the history is missing, and nothing says why.
    #[error(
        "{location} lacks the commit before {commit}, and what came before decides what is \
         recorded; if it is, or was copied from, a shallow clone, fetch the rest of that one with \
         `git fetch --unshallow`; otherwise clone the repository again"
    )]
    IncompleteHistory {
        /// The repository.
        location: String,
        /// The oldest commit that is there.
        commit: String,
    },
    /// The URL's protocol is not supported.
    #[error("{location}: only https://, http:// and file:// URLs and local paths can be read")]
    Protocol {
        /// The URL, without credentials.
        location: String,
    },
    /// Nothing is committed yet.
    #[error(
        "{location} has no commit yet: commit the charts folder first, with `git -C {location} add .` and \
         `git -C {location} commit -m Definitions`"
    )]
    Empty {
        /// The repository.
        location: String,
    },
    /// The repository has no such commit.
    #[error("{location} has no commit {revision:?}; name a branch, a tag or a commit that exists")]
    NoRevision {
        /// The repository.
        location: String,
        /// The revision asked for.
        revision: String,
    },
    /// The revision could mean several commits.
    #[error(
        "{location} has more than one {revision:?}: {first} and {second} are different commits; \
         write in full which one is meant, as in --rev refs/heads/NAME"
    )]
    Ambiguous {
        /// The repository.
        location: String,
        /// The revision asked for.
        revision: String,
        /// The full name of one that it could mean.
        first: String,
        /// The full name of another.
        second: String,
    },
    /// Only a branch can be followed, and this is not one.
    #[error(
        "{found} of {location} is not a branch, and only a branch can be followed; name one with \
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
        "commit {commit} of {location} has no {looked_for}; commit the charts folder, or name it with --path if it is \
         elsewhere in the repository"
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
    NotAFolder {
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
    /// The files are not a charts folder.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// An error of libgit2.
    #[error("{location}: git: {}", .source.message())]
    Git {
        /// The repository, without credentials.
        location: String,
        /// What libgit2 said.
        source: git2::Error,
    },
}

impl RepositoryError {
    /// Whether only this commit is at fault, so that other commits may still be read.
    pub(crate) fn is_of_the_commit(&self) -> bool {
        use RepositoryError::{NoCharts, NotAFolder, Refused};
        matches!(self, NoCharts { .. } | NotAFolder { .. } | Refused { .. })
    }
}
