//! What people review: chart definitions.
//!
//! A charts folder holds TOML files ([`Sources`]). They are parsed into [`Definitions`], or into all
//! the mistakes in them ([`Diagnostics`]), each with its location, the line and how to fix it.
//!
//! | file | one idea |
//! | --- | --- |
//! | **from git** | |
//! | `repository` | a git repository that holds a charts folder |
//! | `opening` | opening a local repository, and why one cannot be opened |
//! | `mirror` | a copy of a repository that is known by its URL |
//! | `revision_name` | which commit a name means |
//! | `commit_reader` | the charts folders of commits |
//! | `history` | the commits before a revision |
//! | `introduced` | which commit introduced something |
//! | `commit_details` | who wrote a commit, and who reviewed it |
//! | `checkout` | a charts folder in a work tree, and what git left out of it |
//! | `unread` | files that look like definitions and are not read |
//! | `object_name` | names of git objects |
//! | `repository_error` | why a charts folder could not be read from git |
//! | **files to definitions** | |
//! | `source` | which files belong to a charts folder |
//! | `parse` | from files to definitions: the steps below, in order |
//! | `table` | reading one TOML table by its list of keys |
//! | `schema` | the keys of each kind of file, and what their values must be |
//! | `parsed` | what could be read so far, mistakes included |
//! | `rules` | the rules that hold between definitions |
//! | `expiry` | when definitions expire |
//! | `format` | writing definitions as TOML |
//! | [`edit`] | changing single values of a file, and no other byte |
//! | **definitions** | |
//! | [`definition`] | the result: types that cannot hold anything invalid |
//! | [`marginals`] | published shares to which samples can be weighted |
//! | `comments` | the strings and the comments of a file, as they were written |
//! | [`claims`] | which stacks belong to which issue |
//! | [`predicate`] | predicates over stacks |
//! | [`counter`] | counter expressions: `chart:{a,b}` |
//! | [`program_path`] | paths of programs, modules and packages |
//! | [`version`] | semantic versions and Go's |
//! | [`version_source`] | who knows which versions were released |
//! | `unmatched` | versions that no build of a program reports |
//! | `tags` | the tags of the repository that a folder is in |
//! | [`record`] | the record format of the Go project |
//! | **mistakes** | |
//! | [`location`] | where something was written |
//! | [`diagnostic`] | one mistake, as text and as JSON |
//! | `found` | the mistakes found so far, up to a limit |
//! | `text` | byte offsets to lines and columns |
//!
//! `collection` compiles the definitions to what clients obey, and imports the Go project's records.

mod checkout;
pub mod claims;
pub(crate) mod comments;
mod commit_details;
mod commit_reader;
pub mod counter;
pub mod definition;
pub mod diagnostic;
pub mod edit;
mod expiry;
pub(crate) mod format;
mod found;
mod history;
mod introduced;
pub mod location;
pub mod marginals;
mod mirror;
mod object_name;
mod opening;
mod parse;
mod parsed;
pub mod predicate;
pub mod program_path;
pub mod record;
mod repository;
mod repository_error;
mod revision_name;
mod rules;
mod schema;
mod source;
mod table;
mod tags;
pub(crate) mod text;
pub(crate) mod unmatched;
mod unread;
pub mod version;
pub mod version_source;

pub use checkout::{charts_folder, read_work_tree};
pub use commit_details::CommitDetails;
pub use definition::Definitions;
pub use diagnostic::{Diagnostic, Diagnostics};
pub use expiry::expiring;
pub use history::{Ancestor, AncestorCharts, History};
pub use introduced::{Introduction, day_of, introduced, merged};
pub use object_name::ObjectName;
pub use parse::parse;
pub use repository::{Repository, Revision};
pub use repository_error::RepositoryError;
pub use schema::{FileKind, json_schema};
pub use source::{
    CUSTOMARY_FOLDER, MAX_BYTES, MAX_ENTRIES, MAX_FILE, Refusal, SourceError, Sources,
};
pub use tags::tags;
pub use unread::{unread_in, unread_of};
