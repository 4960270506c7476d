//! The keys of each kind of file, and what their values must be.
//!
//! | file | one idea |
//! | --- | --- |
//! | `collection` | `collection.toml` |
//! | `program` | a file of `programs/` |
//! | `chart` | a file of `charts/` |
//! | `marginals` | a file of `marginals/` |
//! | `stacks` | a file of `stacks/` |
//! | `json` | the same as a JSON Schema, for editors |
//! | `value` | what single values must be: titles, links, paths, versions |
//!
//! Each reader returns what it could read. Whatever it could not read is among the mistakes of the
//! `Reader`, so a missing value never goes unreported.

mod chart;
mod collection;
mod json;
mod marginals;
mod program;
mod stacks;
mod value;

pub(super) use chart::charts;
pub(super) use collection::collection;
pub use json::{FileKind, json_schema};
pub(super) use marginals::marginals;
pub(super) use program::program;
pub(super) use stacks::stacks;
