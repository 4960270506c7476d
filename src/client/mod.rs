//! What runs on a user's machine: consent, counters, weekly reports, and the verified config
//! download.
//!
//! A program that counts needs one call and some counters:
//!
//! ```no_run
//! use candor::client::counter::Counter;
//! use candor::client::{Destination, Options, Program, start};
//!
//! static BUILDS: Counter = Counter::new("myprog/verb:build");
//!
//! // The deployment, the module of its configs, and the key of its log; or instead of the key a policy
//! // that names its witnesses, too: include_str!("telemetry.policy").
//! let (url, module) = ("https://telemetry.example.org", "telemetry.example.org/config");
//! let to = Destination::at(url, module, "telemetry.example.org/log+...").expect("constants");
//! let program = Program::new("example.org/myprog", env!("CARGO_PKG_VERSION"));
//! // First in `main`: see there.
//! start(program, Options::default().upload(to).count_panics());
//! BUILDS.inc();
//! ```
//!
//! Nothing is written until the user has allowed it, and nothing is sent unless they have chosen
//! that; then by a process of its own, which the program does not wait for.
//!
//! # No harm
//!
//! Whatever is wrong in the telemetry folder or with the process's limits, counting stops and the
//! program goes on; `status` tells those who ask. Where the operating system sets bounds to that:
//!
//! - A counter file that another program *shortens* while it is mapped makes the system send
//!   `SIGBUS`. On Linux a handler takes the shock, unless the program has replaced that handler by
//!   its own. On other systems the program dies of it.
//! - A full disk is an error, except where a file system cannot reserve room in advance (NFS before
//!   4.2, some of FUSE): there it is as above.
//! - A file system that is gone (a server that does not answer) makes every program wait that opens
//!   a file on it: here, [`start()`], and the count that opens the next week's file.
//! - Where memory has run out altogether, Rust ends the program, here as elsewhere. What takes much
//!   memory, looking at a stack, is not done where a limit of the process leaves little of it. A
//!   control group's limit cannot be asked: where it kills, a stack may be what it kills for.
//! - A program that calls [`start()`] under a system call filter that kills for `fork` is killed.
//!
//! Read from the top:
//!
//! | file | one idea |
//! | --- | --- |
//! | [`day`] | days of the calendar |
//! | [`folder`] | where a machine's telemetry lies |
//! | `files` | its files, opened so that nothing in it can harm the program |
//! | [`mode`] | consent: whether anything is counted, and whether anything is sent |
//! | `program` | what counts: name, version, toolchain, platform |
//! | [`counter`] | counters, and the files that they are kept in |
//! | `crash` | panics, counted by their stack |
//! | `start` | the one call at a program's start |
//! | `child` | the day's work, done by a detached process of the same executable |
//! | [`report`] | from counter files to what is sent |
//! | `upload` | sending one report |
//!
//! # The verified config download
//!
//! The first two files know nothing of configs.
//!
//! | file | one idea |
//! | --- | --- |
//! | `transport` | one bounded HTTP GET, behind a trait so that tests need no network |
//! | `remote` | a log on a server that is not trusted: checkpoint, tiles, entries |
//! | `memory` | the newest checkpoint seen on this machine, and evidence against the log |
//! | `trust` | what a program is built with: which log and which witnesses it believes |
//! | `view` | what a server shows of the log, believed or refused: signed, witnessed, fresh |
//! | `error` | why there is no config |
//! | `prove` | a proof that stands alone, of an entry of such a log |
//! | `config` | from a signed checkpoint to a config that the log vouches for |
//!
//! What has to be trusted is the log's verifier key, or a policy that names witnesses beside it, which a
//! program is built with, and this machine's memory of what it saw before. Servers, caches and proxies
//! in between are not: they can withhold an answer, but not change one. With witnesses they cannot go on
//! showing an old one either: [`Freshness`](crate::tlog::Freshness) says how old what they show is, and
//! a view that is too old is refused. **Without witnesses nobody can know that**, and a server that
//! holds one user on an old config is not found out by that user alone.
//!
//! ```no_run
//! use candor::client::{ConfigClient, ConfigSource, Http, Wanted};
//! use candor::gomod::ModulePath;
//! use candor::store::FileStore;
//! use std::sync::Arc;
//! use std::time::SystemTime;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // The log's key, or the text of a policy: include_str!("telemetry.policy").parse()?
//! let trust = "telemetry.example.org/log+...".parse()?;
//! let url = "https://telemetry.example.org".parse()?;
//! let source = ConfigSource::at(&url, ModulePath::new("telemetry.example.org/config")?, trust);
//! let memory = Arc::new(FileStore::new("/home/me/.config/telemetry/seen"));
//! let client = ConfigClient::new(source, Http::new(), memory)?;
//! let config = client.fetch(Wanted::Latest, SystemTime::now())?;
//! println!("{} is {} bytes", config.version(), config.config().len());
//! # Ok(())
//! # }
//! ```
//!
//! Deliberately not here: a cache of downloaded configs (see [`report`]), and asking the server for its
//! newest version (the signed tree head says it).

mod child;
mod config;
#[cfg(test)]
mod config_tests;
pub mod counter;
mod crash;
pub mod day;
mod error;
mod files;
pub mod folder;
#[cfg(test)]
mod loopback;
mod memory;
pub mod mode;
mod program;
mod prove;
mod remote;
pub mod report;
mod source;
mod start;
#[cfg(test)]
mod testing;
mod transport;
mod trust;
mod upload;
mod view;

pub use crate::address::{Address, AddressError};
pub use config::{ConfigClient, Newer, VerifiedConfig, Wanted};
pub use error::ClientError;
pub use program::{Program, goarch, goos};
pub use prove::{ProveError, Proved, prove};
pub use remote::{RemoteError, RemoteLog};
pub use report::{Destination, RunOptions, Summary, run_uploads};
pub use source::ConfigSource;
pub use start::{Options, start};
pub use transport::{Http, Transport, TransportError};
pub use trust::{Trust, TrustError};
pub use upload::{Answer, Upload, UploadError};
