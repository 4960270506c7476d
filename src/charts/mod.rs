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
//! | `checkout` | a charts folder in a work tree, and what git left out of it |
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
//! | **definitions** | |
//! | [`definition`] | the result: types that cannot hold anything invalid |
//! | [`marginals`] | published shares to which samples can be weighted |
//! | [`counter`] | counter expressions: `chart:{a,b}` |
//! | [`program_path`] | paths of programs, modules and packages |
//! | [`version`] | semantic versions and Go's |
//! | [`record`] | the record format of the Go project |
//! | **mistakes** | |
//! | [`location`] | where something was written |
//! | [`diagnostic`] | one mistake, as text and as JSON |
//! | `found` | the mistakes found so far, up to a limit |
//! | `text` | byte offsets to lines and columns |
//!
//! `collection` compiles the definitions to what clients obey, and imports the Go project's records.

mod checkout;
mod commit_reader;
pub mod counter;
pub mod definition;
pub mod diagnostic;
mod expiry;
pub(crate) mod format;
mod found;
mod history;
pub mod location;
pub mod marginals;
mod mirror;
mod object_name;
mod opening;
mod parse;
mod parsed;
pub mod program_path;
pub mod record;
mod repository;
mod repository_error;
mod revision_name;
mod rules;
mod schema;
mod source;
mod table;
pub(crate) mod text;
pub mod version;

pub use checkout::{charts_folder, read_work_tree};
pub use definition::Definitions;
pub use diagnostic::{Diagnostic, Diagnostics};
pub use expiry::expiring;
pub use history::{Ancestor, AncestorCharts, History};
pub use object_name::ObjectName;
pub use parse::parse;
pub use repository::{Repository, Revision};
pub use repository_error::RepositoryError;
pub use source::{
    CUSTOMARY_FOLDER, MAX_BYTES, MAX_ENTRIES, MAX_FILE, Refusal, SourceError, Sources,
};
