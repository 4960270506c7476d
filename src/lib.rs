//! Candor: transparent telemetry that any open-source project can host.
//!
//! # The map of the house
//!
//! Data flows one way, down this list. A module uses those above it and [`store`], never one
//! below.
//!
//! | module | in one line |
//! | --- | --- |
//! | `charts` | what people review: parse, validate and import chart definitions |
//! | [`collection`] | what clients obey: compile definitions to the collection config |
//! | [`gomod`] | how it travels: module paths, zip, `go.mod`, `.info`, `h1:` hashes |
//! | [`tlog`] | how it is pinned: Merkle tree, tiles, notes, checkpoints, proofs |
//! | `witness` | who else has seen the log: the C2SP witness protocol, both sides |
//! | `publish` | the transaction: charts, collection, gomod, tlog; crash-safe, all or nothing |
//! | `client` | what runs on a user's machine: consent, counters, reports, the verified config |
//! | `ingest` | the front door: check every report against the exact config it names, store it |
//! | `aggregate` | the arithmetic: public data, estimates with intervals, charts |
//! | `audit` | the outside eye: everything that a deployment promises, checked as anyone can |
//! | `web` | the wires: GOPROXY, checksum database, tlog-tiles, uploads and the website over HTTP |
//! | `cli` | the verbs: one file a verb |
//! | `body` | bodies of requests that are arriving, and which one makes room |
//! | `address` | addresses of services: https, or this machine |
//! | [`durable`] | what is to survive a power cut: written, synced, named, and the folder synced |
//! | `event` | something that happens once, and that threads wait for |
//! | [`store`] | where bytes live: immutable objects, and pointers changed by compare-and-swap |
//! | [`repository_url`] | addresses of repositories, and what of them may be seen |
//! | `terminal` | text from elsewhere, made fit to be printed; used by `charts` and `cli` |
//!
//! # Features
//!
//! - `client`: what a program that counts embeds. No async runtime.
//! - `server` (default): the `candor` binary.

//! # Attacks
//!
//! Who notices which attack, after how long and with which words is in [`attacks`]; the tests that play
//! them write it. How the log's key is kept and changed, and what to do when it was stolen or lost, is in
//! [`keys`].

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

/// The `candor` program: `src/main.rs` calls this and nothing else.
#[cfg(feature = "server")]
#[doc(hidden)]
pub fn program() -> std::process::ExitCode {
    cli::main()
}

#[doc = include_str!("attacks.md")]
pub mod attacks {}
#[doc = include_str!("keys.md")]
pub mod keys {}

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
