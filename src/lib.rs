//! Transparent telemetry that any open-source project can host.
//!
//! What is collected is decided in the open: reviewed chart definitions are compiled into the smallest
//! collection config, which is published as a Go module in a transparency log. Programs count locally;
//! whoever opted in sends a sampled weekly report; results are public. The program `candor` does all of this
//! for a project; this library is what other programs embed.
//!
//! | you want to | use |
//! | --- | --- |
//! | count in a program, and send reports where its user agrees | [`client::start()`], [`client::counter`] |
//! | let the user decide on your own command line | [`client::telemetry()`] |
//! | ask some users whether they opt in | [`client::Options::ask`] |
//! | download a config that the log vouches for | [`client::ConfigClient`] |
//! | have a proof of an entry that can be checked offline | [`client::prove()`] |
//! | check notes, checkpoints, policies and proofs | [`verify`] |
//!
//! ```no_run
//! use candor::client::counter::Counter;
//! use candor::client::{Destination, Options, start, telemetry};
//! use std::process::ExitCode;
//!
//! static BUILDS: Counter = Counter::new("myprog/verb:build");
//!
//! fn main() -> ExitCode {
//!     let destination = Destination::at(
//!         "https://telemetry.example.org",
//!         "telemetry.example.org/config",
//!         "telemetry.example.org/log+...",
//!     );
//!     // First in `main`. Nothing is written or sent before the user allows it.
//!     let options = Options::default().upload(destination.expect("constants"));
//!     start(candor::program!("example.org/myprog"), options);
//!     let mut arguments = std::env::args_os().skip(1);
//!     match arguments.next() {
//!         Some(verb) if verb == "telemetry" => return telemetry(arguments),
//!         Some(verb) if verb == "build" => BUILDS.inc(),
//!         _ => {}
//!     }
//!     ExitCode::SUCCESS
//! }
//! ```
//!
//! # Features
//!
//! A program embeds one of the first three, without the default features. Each has what is in those before it,
//! and none has an async runtime. What they weigh is in the README.
//!
//! - `count`: counters, consent and the files on the user's machine. No network, no C compiler.
//! - `client`: weekly reports, verified configs, and uploads over a [`client::Transport`] of the program's own.
//! - `http`: that transport, over ureq and rustls, whose cryptography needs a C compiler.
//! - `verify`: [`verify`] alone; `client` brings it.
//! - `server` (default): the `candor` program. It adds nothing to the library's API.
//! - `testing`: makes the modules below public, for this crate's own tests. Nothing of it is kept.
//!
//! What these modules export is listed in `tests/api.txt` and kept by semantic versioning.
//!
//! # Inside
//!
//! Data flows one way, down this list. A module uses those above it, and those below the line, which all may
//! use. `tests/all/structure.rs` checks that.
//!
//! | module | in one line |
//! | --- | --- |
//! | `charts` | parse, validate and import chart definitions: what people review |
//! | `collection` | compile definitions to the collection config: what clients obey |
//! | `review` | who asked for a string, and what a proposal changes |
//! | `gomod` | module paths, zip, `go.mod`, `.info`, `h1:` hashes |
//! | `report` | the format of a report, for clients and the receiver |
//! | `tlog` | Merkle tree, tiles, notes, checkpoints, proofs |
//! | `witness` | the C2SP witness protocol, both sides |
//! | `publish` | from a commit to a published version: crash-safe, all or nothing |
//! | `client` | counters, consent, reports, and the verified config, on a user's machine |
//! | `ingest` | the receiver: check every report against the config it names, and store it |
//! | `aggregate` | public data, estimates with intervals, charts |
//! | `stacks` | stacks of a week as issues of a tracker |
//! | `audit` | check from outside everything that a deployment promises |
//! | `web` | HTTP: GOPROXY, checksum database, tlog-tiles, uploads and the website |
//! | `static_site` | everything public as plain files |
//! | `cli` | the verbs of the program: one file a verb |
//! | *all may use* | |
//! | `store` | immutable objects, and pointers changed by compare-and-swap |
//! | `durable` | files that have to survive a power cut |
//! | `count` | numbers in sentences |
//! | `day` | days of the calendar |
//! | `body` | bodies of requests while they arrive |
//! | `address`, `repository_url` | addresses of services and of repositories |
//! | `event` | something that happens once, and that threads wait for |
//! | `hex`, `percent` | bytes in hexadecimal; percent-encoding |
//! | `hashing` | the SHA-256 of what is written or read |
//! | `import_path` | paths of programs, modules and packages |
//! | `text` | text from elsewhere: what of it is shown, and how it is quoted |
//! | `terminal` | text from elsewhere, made safe to print |
//!
//! Which attacks are noticed by whom, after how long, is in `src/attacks.md`, which tests write; how the log's
//! key is kept and changed is in `src/keys.md`.

// The inside exports more to tests than it needs itself.
#![cfg_attr(not(any(test, feature = "testing")), allow(unused_imports))]
// What a program embeds is a part of what the server shares with it.
#![cfg_attr(not(feature = "server"), allow(dead_code, reason = "the server uses the rest"))]
// Nobody goes around `durable`.
#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

#[cfg(feature = "client")]
mod address;
#[cfg(all(feature = "server", feature = "testing"))]
pub mod aggregate;
#[cfg(all(feature = "server", not(feature = "testing")))]
mod aggregate;
#[cfg(all(feature = "server", feature = "testing"))]
pub mod audit;
#[cfg(all(feature = "server", not(feature = "testing")))]
mod audit;
#[cfg(all(feature = "server", feature = "testing"))]
pub mod body;
#[cfg(all(feature = "server", not(feature = "testing")))]
mod body;
#[cfg(all(feature = "server", feature = "testing"))]
pub mod charts;
#[cfg(all(feature = "server", not(feature = "testing")))]
mod charts;
#[cfg(all(feature = "server", feature = "testing"))]
pub mod cli;
#[cfg(all(feature = "server", not(feature = "testing")))]
mod cli;
#[cfg(feature = "count")]
pub mod client;
#[cfg(all(any(feature = "count", feature = "verify"), feature = "testing"))]
pub mod collection;
#[cfg(all(any(feature = "count", feature = "verify"), not(feature = "testing")))]
mod collection;
#[cfg(any(feature = "count", feature = "verify"))]
mod count;
#[cfg(any(feature = "count", feature = "verify"))]
mod day;
#[cfg(all(any(feature = "count", feature = "verify"), feature = "testing"))]
pub mod durable;
#[cfg(all(any(feature = "count", feature = "verify"), not(feature = "testing")))]
mod durable;
#[cfg(all(feature = "server", feature = "testing"))]
pub mod event;
#[cfg(all(feature = "server", not(feature = "testing")))]
mod event;
#[cfg(all(feature = "verify", feature = "testing"))]
pub mod gomod;
#[cfg(all(feature = "verify", not(feature = "testing")))]
mod gomod;
#[cfg(feature = "verify")]
mod hashing;
#[cfg(feature = "verify")]
mod hex;
#[cfg(feature = "verify")]
mod import_path;
#[cfg(all(feature = "server", feature = "testing"))]
pub mod ingest;
#[cfg(all(feature = "server", not(feature = "testing")))]
mod ingest;
#[cfg(any(feature = "count", feature = "verify"))]
mod percent;
#[cfg(all(feature = "server", feature = "testing"))]
pub mod publish;
#[cfg(all(feature = "server", not(feature = "testing")))]
mod publish;
#[cfg(feature = "client")]
mod report;
#[cfg(all(feature = "verify", feature = "testing"))]
pub mod repository_url;
#[cfg(all(feature = "verify", not(feature = "testing")))]
mod repository_url;
#[cfg(all(feature = "server", feature = "testing"))]
pub mod review;
#[cfg(all(feature = "server", not(feature = "testing")))]
mod review;
#[cfg(all(feature = "server", feature = "testing"))]
pub mod stacks;
#[cfg(all(feature = "server", not(feature = "testing")))]
mod stacks;
#[cfg(all(feature = "server", feature = "testing"))]
pub mod static_site;
#[cfg(all(feature = "server", not(feature = "testing")))]
mod static_site;
#[cfg(all(feature = "verify", feature = "testing"))]
pub mod store;
#[cfg(all(feature = "verify", not(feature = "testing")))]
mod store;
#[cfg(all(feature = "count", feature = "testing"))]
pub mod terminal;
#[cfg(all(feature = "count", not(feature = "testing")))]
mod terminal;
#[cfg(any(feature = "count", feature = "verify"))]
mod text;
#[cfg(all(feature = "verify", feature = "testing"))]
pub mod tlog;
#[cfg(all(feature = "verify", not(feature = "testing")))]
mod tlog;
#[cfg(all(feature = "server", feature = "testing"))]
pub mod web;
#[cfg(all(feature = "server", not(feature = "testing")))]
mod web;
#[cfg(all(feature = "server", feature = "testing"))]
pub mod witness;
#[cfg(all(feature = "server", not(feature = "testing")))]
mod witness;

#[cfg(all(test, feature = "server"))]
mod power_cut;

/// Checking what a log and a server say, without trusting either: signed notes and checkpoints, witnesses'
/// policies, proofs, and the records of configs.
///
/// ```
/// use candor::verify::{Hash, Policy, TlogProof};
///
/// /// Whether a log which the policy accepts has an entry with this leaf hash, by a C2SP tlog-proof.
/// fn is_logged(proof: &[u8], leaf: Hash, policy: &str) -> bool {
///     let (Ok(proof), Ok(policy)) = (TlogProof::parse(proof), Policy::parse(policy.as_bytes())) else {
///         return false;
///     };
///     proof.verify(leaf, &policy).is_ok()
/// }
/// # assert!(!is_logged(b"", Hash::EMPTY, ""));
/// ```
#[cfg(feature = "verify")]
pub mod verify {
    pub use crate::collection::CollectionConfig;
    pub use crate::collection::config::{
        ConfigError, CounterConfig, ProgramConfig, Rate, RateError, StackConfig,
    };
    pub use crate::day::{Day, DayError};
    pub use crate::gomod::{
        CommitTime, CommitTimeError, Hash1, Hash1Error, Module, ModuleError, ModulePath,
        ModuleVersion, ObjectId, PathError, PathFault, Provenance, ProvenanceError, RepositoryPath,
        RepositoryUrl, VersionError, ZipError,
    };
    pub use crate::repository_url::{RepositoryAddress, RepositoryUrlError};
    pub use crate::tlog::{
        AcceptedCheckpoint, Bundle, Checkpoint, CheckpointError, CheckpointRefused,
        ConsistencyProof, Contradiction, CosignatureTime, CosignerKey, Entry, EntryError, Evidence,
        EvidenceError, EvidenceKeys, Freshness, Hash, HashParseError, InclusionProof, KeyId,
        KeyName, KeyNameError, LeafIndex, NotEvidence, NotFresh, NotProved, Note, NoteError,
        NoteSignature, Octets, Origin, Policy, PolicyError, PolicyFault, PolicyLog, PolicyWitness,
        ProofError, ProofStep, Proved, ProvedEntry, Record, RecordError, Side, Subtree,
        SubtreeError, Tile, TileError, TileNameError, TlogProof, TlogProofError, TreeHead,
        TreeLimitError, TreeSize, VerifierKey, VerifierKeyError, verify_consistency,
        verify_inclusion,
    };
}

/// The `candor` program: `src/main.rs` calls this and nothing else.
#[cfg(feature = "server")]
#[doc(hidden)]
pub fn program() -> std::process::ExitCode {
    cli::main()
}

// What tests inside and outside share says `candor`.
#[cfg(test)]
extern crate self as candor;
#[cfg(all(test, feature = "server"))]
#[allow(dead_code, reason = "each test uses its own part of this")]
#[path = "../tests/support/charts.rs"]
mod charts_fixture;
#[cfg(all(test, feature = "server"))]
#[allow(dead_code, reason = "each test uses its own part of this")]
#[path = "../tests/support/fake_witness.rs"]
mod fake_witness;
#[cfg(all(test, feature = "server"))]
#[allow(dead_code, reason = "each test uses its own part of this")]
#[path = "../tests/support/other_log.rs"]
mod other_log;

// The programs on the client's page compile.
#[cfg(all(doctest, feature = "http"))]
#[doc = include_str!("../docs/client.md")]
mod client_page {}
