//! Which versions and toolchains were released, and the edits of a charts folder that list them.
//!
//! | file | one idea |
//! | --- | --- |
//! | `refresh` | the whole of it: from definitions and what was released to edited files |
//! | `asked` | who is asked, and what came of it |
//! | `policy` | which releases belong in a list, and whether the list still holds |
//! | `place` | where in a list they go |
//! | `toolchain` | names of toolchains, in the order of their releases |
//! | **who knows** | |
//! | `go_proxy` | a Go module proxy |
//! | `crates_index` | a crates index |
//! | `git_tags` | the tags of a git repository |
//! | `rust_releases` | the manifests of Rust's releases |
//!
//! Nothing here opens a connection: addresses are asked for through [`Registries`]. What they answer is not
//! trusted. It is bounded, only well-formed versions are read, nothing that is listed is ever removed, and what
//! is added is reviewed like any change.
//!
//! - A list begins with its oldest version: what came before was left out on purpose. One that is not there yet
//!   begins with the first version that the program's charts count from.
//! - Pre-releases are listed where one is already, or where padding allows for some.
//! - Versions that were withdrawn are listed all the same: they still run somewhere, and report.
//! - A list with padding still holds while every release is allowed, and half of what padding allows is left for
//!   those to come. Then nothing is edited, so that reviewers see few such changes, and still no release is ever
//!   left out.

mod asked;
mod crates_index;
mod git_tags;
mod go_proxy;
mod place;
mod policy;
mod refresh;
mod rust_releases;
mod toolchain;

pub use asked::{Registries, ReleaseError};
pub use refresh::{Refreshed, RefreshedList, refresh};
pub(super) use toolchain::{Language, Toolchain};
