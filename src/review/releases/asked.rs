//! Who is asked for released versions, and what came of it.

use crate::address::Address;

/// The longest answer that is read, in bytes: a list of all of Go's toolchains has half a million.
pub(super) const LONGEST: usize = 32 << 20;

/// Whom to ask, and how.
pub trait Registries {
    /// The Go module proxy.
    fn go_proxy(&self) -> &Address;
    /// The crates index (<https://doc.rust-lang.org/cargo/reference/registry-index.html>), of the sparse kind.
    fn crates_index(&self) -> &Address;
    /// Where Rust is released.
    fn rust_releases(&self) -> &Address;
    /// What is at an address, of at most `limit` bytes; `None` if nothing is there.
    fn get(&self, url: &str, limit: usize) -> Result<Option<Vec<u8>>, ReleaseError>;
    /// The tags of the repository with the charts.
    fn tags(&self) -> Result<Vec<String>, ReleaseError>;
}

/// Why released versions are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// Somebody did not answer.
    #[error("{0}")]
    NoAnswer(String),
    /// Somebody does not know the program.
    #[error(
        "{url} has nothing of {name}; say in {file} who knows its versions, with a line like {example}"
    )]
    Unknown {
        /// Who was asked.
        url: String,
        /// For what.
        name: String,
        /// The program's file.
        file: String,
        /// A line of that file.
        example: &'static str,
    },
    /// A proxy does not have Go's toolchains.
    #[error("{url} has no list of Go's toolchains; name another Go module proxy with --go-proxy")]
    NoToolchains {
        /// Who was asked.
        url: String,
    },
    /// The answer is not what such an address answers.
    #[error("{url} answered with something else than {expected}; is the address right?")]
    Malformed {
        /// Who was asked.
        url: String,
        /// What was expected.
        expected: &'static str,
    },
    /// Nobody says who knows.
    #[error("{file} does not say who knows the versions of {program}; add a line like {example}")]
    NobodyNamed {
        /// The program's file.
        file: String,
        /// The program.
        program: String,
        /// A line of that file.
        example: &'static str,
    },
    /// There are tags, but none of a version.
    #[error(
        "{place} has no tag with a version of {program}; fetch its tags (in a CI job: check out with \
         fetch-depth: 0), or say in {file} what they look like, as in versions_from = \"git#gopls/v*\""
    )]
    NoTags {
        /// The repository.
        place: String,
        /// The program.
        program: String,
        /// The program's file.
        file: String,
    },
    /// More new versions than anyone releases.
    #[error(
        "{url} knows {count} versions of {name} that are not listed, and at most {most} are added at once; \
         list the first one that matters in {file}"
    )]
    TooMany {
        /// Who was asked.
        url: String,
        /// How many.
        count: usize,
        /// For what.
        name: String,
        /// The most that are added at once.
        most: usize,
        /// The program's file.
        file: String,
    },
    /// A file could not be edited.
    #[error("{file}: {reason}")]
    NotEdited {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
}
