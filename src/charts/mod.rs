//! What people review: chart definitions.
//!
//! A charts folder holds TOML files ([`Sources`]), which are read into [`Definitions`] or into
//! all the mistakes in them ([`Diagnostics`]), each with its place, its line and the way out.
//!
//! | file | one idea |
//! | --- | --- |
//! | `source` | which files belong to a charts folder |
//! | `repository` | a charts folder at one commit of a git repository |
//! | `checkout` | a charts folder in a work tree, and what git left out of it |
//! | `opening` | opening a repository of this machine, and why it cannot be |
//! | `mirror` | a copy of a repository that is known by its URL |
//! | `revision_name` | which commit a name leads to |
//! | `history` | the commits before it |
//! | `text` | byte offsets to lines and columns |
//! | `table` | reading one TOML table by its list of keys |
//! | `found` | what was found so far, within bounds |
//! | `expiry` | when definitions end |
//! | `format` | writing definitions as TOML |
//! | `schema` | the keys of each file and what their values must be |
//! | `rules` | the rules that hold between definitions |
//! | `parse` | all of the above, in order |
//! | [`definition`] | the result: types that cannot say anything invalid |
//! | [`marginals`] | published shares to which samples can be weighted |
//! | [`counter`] | counter expressions: `chart:{a,b}` |
//! | [`version`] | semantic versions and Go's |
//! | [`record`] | the record format of the Go project |
//! | [`diagnostic`] | what a check found, as text and as JSON |
//!
//! What clients obey is compiled from the definitions in `collection`, which also imports the Go
//! project's records.

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
