//! What runs on a user's machine: consent, counters, weekly reports, and the verified download of
//! configs.
//!
//! A program needs one call and some counters:
//!
//! ```no_run
//! use candor::client::counter::Counter;
//! use candor::client::{Destination, Options, start};
//!
//! static BUILDS: Counter = Counter::new("myprog/verb:build");
//!
//! // The deployment, the module of its configs, and the key of its log; or, instead of the key, a policy
//! // that also names its witnesses: include_str!("telemetry.policy").
//! let (url, module) = ("https://telemetry.example.org", "telemetry.example.org/config");
//! let to = Destination::at(url, module, "telemetry.example.org/log+...").expect("constants");
//! // First in `main`; the documentation of `start` says why.
//! start(candor::program!("example.org/myprog"), Options::default().upload(to).count_panics());
//! BUILDS.inc();
//! ```
//!
//! Nothing is written until the user has allowed it, and nothing is sent unless they have chosen that.
//! Reports are sent by a process of their own, which the program does not wait for.
//!
//! # No harm
//!
//! If anything is wrong with the telemetry folder or the process's limits, counting stops and the
//! program goes on; [`counter::status`] says why. The operating system limits that promise:
//!
//! - A counter file that another program *shortens* while it is mapped makes the system send
//!   `SIGBUS`. On Linux a handler deals with it, unless the program has installed one of its own. On
//!   other systems the program is killed.
//! - A full disk is an error, unless the file system cannot reserve space in advance (NFS before 4.2,
//!   some FUSE file systems): then it has the same effect as above.
//! - A file system that hangs (a server that does not answer) blocks whatever opens a file on it: here,
//!   [`start()`], and the count that opens the next week's file.
//! - When memory runs out, Rust aborts the program, here as elsewhere. Capturing a stack takes much
//!   memory, and is not done if a limit of the process leaves too little. The limit of a control group
//!   cannot be queried, so capturing a stack may exceed it.
//! - A program that calls [`start()`] under a system call filter that kills for `fork` is killed.
//!
//! # Files
//!
//! | file | one idea |
//! | --- | --- |
//! | [`day`] | days of the calendar |
//! | [`folder`] | where a project's telemetry is on a machine |
//! | `files` | opening its files so that nothing in it can harm the program |
//! | [`mode`] | consent: whether anything is counted, and whether anything is sent |
//! | `program` | the program that counts: name, version, toolchain, platform |
//! | [`counter`] | counters, and the files they are kept in |
//! | `crash` | panics, counted by stack |
//! | `start` | the one call at a program's start |
//! | `prompt` | asking the user once whether to opt in |
//! | `verb` | the verb `telemetry` for a program's own command line |
//! | `threads` | threads that receive no signals |
//! | `child` | the day's work, done by a detached process of the same executable |
//! | `report` | from counter files to what is sent |
//! | `upload` | sending one report |
//!
//! # The verified download of configs
//!
//! The first two files know nothing about configs.
//!
//! | file | one idea |
//! | --- | --- |
//! | `transport` | a request and its answer, behind a trait of one method |
//! | `http` | the transport for programs that have none |
//! | `remote` | a log on a server that is not trusted: checkpoint, tiles, entries |
//! | `memory` | the newest checkpoint seen on this machine, and evidence against the log |
//! | `trust` | which log and which witnesses a program believes |
//! | `source` | where a project's configs come from |
//! | `view` | a server's checkpoint, verified: signed, cosigned, consistent and fresh |
//! | `error` | why there is no config |
//! | `prove` | an offline proof of an entry of such a log |
//! | `config` | from a signed checkpoint to a config that the log vouches for |
//!
//! Trusted are the log's verifier key (or a policy that also names witnesses), which is built into the
//! program, and this machine's memory of what it saw before. Servers, caches and proxies are not
//! trusted: they can withhold an answer, but not change one. With witnesses they cannot keep showing an
//! old one either: [`Freshness`](crate::tlog::Freshness) says how old it is, and what is too old is
//! refused. **Without witnesses nobody can know that**, and a user whom a server keeps on an old config
//! cannot detect it alone.
//!
//! ```no_run
//! use candor::client::{ConfigClient, ConfigSource, FileStore, Http, ModulePath, Wanted};
//! use std::sync::Arc;
//! use std::time::SystemTime;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // The log's key, or the text of a policy: include_str!("telemetry.policy").parse()?
//! let trust = "telemetry.example.org/log+...".parse()?;
//! let url = "https://telemetry.example.org".parse()?;
//! let source = ConfigSource::at(&url, ModulePath::new("telemetry.example.org/config")?, trust);
//! let memory = Arc::new(FileStore::of_memory("/home/me/.config/telemetry/seen"));
//! let client = ConfigClient::new(source, Http::new(), memory)?;
//! let config = client.fetch(Wanted::Latest, SystemTime::now())?;
//! println!("{} is {} bytes", config.version(), config.config().len());
//! # Ok(())
//! # }
//! ```
//!
//! Deliberately not here: a cache of downloaded configs (see `report`), and asking the server for its
//! newest version (the signed tree head says which that is).

#[cfg(feature = "client")]
mod child;
#[cfg(feature = "client")]
mod config;
#[cfg(all(test, feature = "client"))]
mod config_at_once_tests;
#[cfg(all(test, feature = "client"))]
mod config_tests;
pub mod counter;
mod crash;
/// Days of the calendar, in UTC.
pub mod day {
    pub use crate::day::{Day, DayError};
}
#[cfg(feature = "client")]
mod error;
mod files;
pub mod folder;
#[cfg(feature = "http")]
mod http;
#[cfg(all(test, feature = "http"))]
mod loopback;
#[cfg(feature = "client")]
mod memory;
pub mod mode;
mod program;
mod prompt;
#[cfg(feature = "client")]
mod prove;
#[cfg(feature = "client")]
mod remote;
#[cfg(all(feature = "client", feature = "testing"))]
pub mod report;
#[cfg(all(feature = "client", not(feature = "testing")))]
pub(crate) mod report;
#[cfg(feature = "client")]
mod source;
mod start;
#[cfg(all(test, feature = "client"))]
mod testing;
mod threads;
#[cfg(feature = "client")]
mod transport;
#[cfg(feature = "client")]
mod trust;
#[cfg(feature = "client")]
mod upload;
pub(crate) mod verb;
#[cfg(feature = "client")]
mod view;

#[cfg(feature = "client")]
pub use crate::address::{Address, AddressError};
#[cfg(feature = "client")]
pub use crate::gomod::{ModulePath, ModuleVersion, PathError, PathFault, VersionError};
#[cfg(feature = "client")]
pub use crate::store::{FileStore, Key, KeyError, Store, StoreError, Swap};
#[cfg(feature = "server")]
pub(crate) use child::is_at_work;
#[cfg(feature = "client")]
pub use config::{ConfigClient, Newer, VerifiedConfig, Wanted};
#[cfg(feature = "client")]
pub use error::ClientError;
#[cfg(feature = "http")]
pub use http::Http;
#[cfg(feature = "server")]
pub(crate) use http::REHEARSAL_HEADER;
#[doc(hidden)]
pub use program::is_from_git;
pub use program::{Program, goarch, goos};
pub use prompt::Prompt;
#[cfg(feature = "client")]
pub use prove::{ProveError, Proved, prove};
#[cfg(feature = "client")]
pub use remote::{RemoteError, RemoteLog};
#[cfg(feature = "http")]
pub use report::run_uploads;
#[cfg(feature = "client")]
pub use report::{
    Destination, DestinationError, Event, Hold, RandomnessError, ReportError, RunOptions, Summary,
    X, XError, run_uploads_by,
};
#[cfg(feature = "client")]
pub use source::ConfigSource;
pub use start::{Options, start};
#[cfg(all(feature = "client", feature = "testing"))]
pub use transport::Download;
#[cfg(all(feature = "client", not(feature = "testing")))]
pub(crate) use transport::Download;
#[cfg(feature = "client")]
pub use transport::{Request, Response, Transport, TransportError};
#[cfg(feature = "client")]
pub use trust::{Trust, TrustError};
#[cfg(all(feature = "client", feature = "testing"))]
pub use upload::{Answer, Upload, UploadError};
#[cfg(all(feature = "client", not(feature = "testing")))]
pub(crate) use upload::{Answer, Upload, UploadError};
pub use verb::telemetry;
