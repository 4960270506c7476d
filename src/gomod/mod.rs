//! How it travels: the collection config as a Go module.
//!
//! A published config is one version of one module: `MODULE@v0.N.0`, N counting up by one from 1. The
//! rules for that are here, and nothing else: no I/O, no clock, no signatures. The rules are those of the
//! Go modules reference (<https://go.dev/ref/mod>) and of golang.org/x/mod; the `go` command downloads
//! every version that this module builds.
//!
//! | file | one idea |
//! | --- | --- |
//! | `file_name` | which file names Go accepts |
//! | [`path`](ModulePath) | which module paths Go accepts, and their escaped form in URLs |
//! | [`version`](ModuleVersion) | `v0.N.0`, and the escaped form of any version in a URL |
//! | [`hash`](Hash1) | `h1:` hashes over a set of files, a module zip, a `go.mod` |
//! | [`zip`](create_zip) | module zips: reproducible when written, checked when read |
//! | [`identify`](identify_zip) | which module version a zip contains |
//! | [`time`](CommitTime) | when a commit was made |
//! | [`provenance`](Provenance) | which reviewed source a version was compiled from |
//! | [`info`](Info) | `.info`: a version's name, time and origin |
//! | `json` | the JSON text of the files about a version |
//! | [`module`](Module) | one complete version, built or opened |
//!
//! Logging the hashes is left to [`crate::tlog`]; the config in the module comes from
//! [`crate::collection`].

mod file_name;
mod hash;
mod identify;
mod info;
mod json;
mod module;
mod path;
mod provenance;
mod time;
mod version;
mod zip;

pub use crate::repository_url::RepositoryUrl;
#[cfg(any(test, feature = "testing"))]
pub use hash::hash_files;
pub use hash::{Hash1, Hash1Error, hash_go_mod};
pub use identify::{ZipIdentity, identify_zip};
pub use info::{Info, Origin};
pub use module::{CONFIG, DOC, GO_MOD, Module, ModuleError, PROVENANCE, go_mod_text};
pub use path::{ModulePath, PathError, PathFault};
pub use provenance::{ObjectId, Provenance, ProvenanceError, RepositoryPath};
pub use time::{CommitTime, CommitTimeError};
pub use version::{ModuleVersion, VersionError, escape_version, unescape_version};
pub use zip::{MAX_FILE, MAX_GO_MOD, MAX_ZIP, ZipError, create_zip, hash_zip, read_file};
