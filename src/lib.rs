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
//! | let the user decide | [`client::mode`] |
//! | download a config that the log vouches for | [`client::ConfigClient`] |
//! | have a proof of an entry that can be checked offline | [`client::prove()`] |
//! | check notes, checkpoints, policies and proofs | [`verify`] |
//!
//! ```no_run
//! use candor::client::counter::Counter;
//! use candor::client::{Destination, Options, Program, start};
//!
//! static BUILDS: Counter = Counter::new("myprog/verb:build");
//!
//! fn main() {
//!     let destination = Destination::at(
//!         "https://telemetry.example.org",
//!         "telemetry.example.org/config",
//!         "telemetry.example.org/log+...",
//!     );
//!     let program = Program::new("example.org/myprog", env!("CARGO_PKG_VERSION"));
//!     // First in `main`. Nothing is written or sent before the user allows it.
//!     start(program, Options::default().upload(destination.expect("constants")));
//!     BUILDS.inc();
//! }
//! ```
//!
//! # Features
//!
//! - `client`: what a program embeds. No async runtime.
//! - `server` (default): the `candor` program. It adds nothing to the library's API.
//! - `testing`: makes the modules below public, for this crate's own tests. Nothing of it is kept.
//!
//! Without features there is [`verify`] alone. What these modules export is listed in `tests/api.txt` and kept
//! by semantic versioning.
//!
//! # Inside
//!
//! Data flows one way, down this list. A module uses those above it, and those below the line, which all may
//! use. `tests/structure.rs` checks that.
//!
//! | module | in one line |
//! | --- | --- |
//! | `charts` | parse, validate and import chart definitions: what people review |
//! | `collection` | compile definitions to the collection config: what clients obey |
//! | `gomod` | module paths, zip, `go.mod`, `.info`, `h1:` hashes |
//! | `tlog` | Merkle tree, tiles, notes, checkpoints, proofs |
//! | `witness` | the C2SP witness protocol, both sides |
//! | `publish` | from a commit to a published version: crash-safe, all or nothing |
//! | `client` | counters, consent, reports, and the verified config, on a user's machine |
//! | `ingest` | the receiver: check every report against the config it names, and store it |
//! | `aggregate` | public data, estimates with intervals, charts |
//! | `audit` | check from outside everything that a deployment promises |
//! | `web` | HTTP: GOPROXY, checksum database, tlog-tiles, uploads and the website |
//! | `cli` | the verbs of the program: one file a verb |
//! | *all may use* | |
//! | `store` | immutable objects, and pointers changed by compare-and-swap |
//! | `durable` | files that have to survive a power cut |
//! | `body` | bodies of requests while they arrive |
//! | `address`, `repository_url` | addresses of services and of repositories |
//! | `event` | something that happens once, and that threads wait for |
//! | `hex` | bytes in hexadecimal |
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
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "testing")]
pub mod collection;
#[cfg(not(feature = "testing"))]
mod collection;
#[cfg(feature = "testing")]
pub mod durable;
#[cfg(not(feature = "testing"))]
mod durable;
#[cfg(all(feature = "server", feature = "testing"))]
pub mod event;
#[cfg(all(feature = "server", not(feature = "testing")))]
mod event;
#[cfg(feature = "testing")]
pub mod gomod;
#[cfg(not(feature = "testing"))]
mod gomod;
mod hex;
#[cfg(all(feature = "server", feature = "testing"))]
pub mod ingest;
#[cfg(all(feature = "server", not(feature = "testing")))]
mod ingest;
#[cfg(all(feature = "server", feature = "testing"))]
pub mod publish;
#[cfg(all(feature = "server", not(feature = "testing")))]
mod publish;
#[cfg(feature = "testing")]
pub mod repository_url;
#[cfg(not(feature = "testing"))]
mod repository_url;
#[cfg(feature = "testing")]
pub mod store;
#[cfg(not(feature = "testing"))]
mod store;
#[cfg(all(feature = "server", feature = "testing"))]
pub mod terminal;
#[cfg(all(feature = "server", not(feature = "testing")))]
mod terminal;
#[cfg(feature = "testing")]
pub mod tlog;
#[cfg(not(feature = "testing"))]
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
pub mod verify {
    pub use crate::collection::CollectionConfig;
    pub use crate::collection::config::{
        ConfigError, CounterConfig, ProgramConfig, Rate, RateError, StackConfig,
    };
    pub use crate::gomod::{
        AsOf, AsOfError, CommitTime, CommitTimeError, Hash1, Hash1Error, Module, ModuleError,
        ModulePath, ModuleVersion, ObjectId, PathError, PathFault, Provenance, ProvenanceError,
        RepositoryPath, RepositoryUrl, VersionError, ZipError,
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
