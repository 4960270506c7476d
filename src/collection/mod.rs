//! What clients obey: the collection config.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`config`] | the config's shape and its exact JSON |
//! | [`expand()`] | counter groups expanded, and names contracted again |
//! | [`allowed`] | "is this string allowed, and at what rate?" |
//! | [`frame`] | what a line of a stack may look like |
//! | `symbol` | what the name of a function may look like |
//! | [`packages`] | whose functions may be named |
//! | `compile` | definitions to the smallest config that they need |
//! | [`difference`] | what changed between two configs, in words |
//! | `pad` | versions allowed in advance |
//! | `toolchains` | toolchains allowed in advance |
//! | `rate` | from a target error to a sampling rate |
//! | `need` | which charts need a string of the config |
//! | `import` | the Go project's records to a charts folder |
//! | `export` | and back |
//! | `go_json` | JSON as Go writes it |
//! | [`x`](X) | the random number of a report |
//!
//! Everything that needs chart definitions is in the feature `server`; clients only read configs (`verify`),
//! and what only counts needs the shape of stacks alone.

#[cfg(feature = "verify")]
pub mod allowed;
#[cfg(feature = "server")]
mod compile;
#[cfg(feature = "verify")]
pub mod config;
#[cfg(feature = "server")]
pub mod difference;
#[cfg(feature = "verify")]
mod expand;
#[cfg(feature = "server")]
mod export;
pub mod frame;
#[cfg(feature = "verify")]
pub(crate) mod go_json;
#[cfg(feature = "server")]
mod import;
#[cfg(feature = "server")]
mod need;
#[cfg(feature = "verify")]
pub mod packages;
#[cfg(feature = "server")]
mod pad;
#[cfg(feature = "server")]
mod rate;
mod symbol;
#[cfg(feature = "server")]
mod toolchains;
#[cfg(feature = "verify")]
mod x;

#[cfg(feature = "verify")]
pub use allowed::Allowed;
#[cfg(feature = "server")]
pub use compile::{compile, padded_versions, reporting_versions};
#[cfg(feature = "verify")]
pub use config::CollectionConfig;
#[cfg(feature = "server")]
pub use difference::Difference;
#[cfg(feature = "verify")]
pub use expand::{contract, count_of, expand, stands_for};
#[cfg(feature = "server")]
pub use export::{Exported, export};
#[cfg(feature = "server")]
pub use import::{Import, Imported, import};
#[cfg(feature = "server")]
pub use need::{ConfigString, needs};
#[cfg(feature = "server")]
pub use pad::pad_versions;
#[cfg(feature = "server")]
pub use rate::{error_of, normal_quantile, rate, reports_needed};
#[cfg(feature = "server")]
pub use toolchains::{allowed_toolchains, pad_toolchains};
#[cfg(feature = "verify")]
pub use x::{X, XError};
