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

// Nobody goes around `durable`.
#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

#[cfg(feature = "client")]
mod address;
#[cfg(feature = "server")]
pub mod aggregate;
#[cfg(feature = "server")]
pub mod audit;
#[cfg(feature = "server")]
pub mod body;
#[cfg(feature = "server")]
pub mod charts;
#[cfg(feature = "server")]
pub mod cli;
#[cfg(feature = "client")]
pub mod client;
pub mod collection;
pub mod durable;
#[cfg(feature = "server")]
pub mod event;
pub mod gomod;
#[cfg(feature = "server")]
pub mod ingest;
#[cfg(feature = "server")]
pub mod publish;
pub mod repository_url;
pub mod store;
#[cfg(feature = "server")]
pub mod terminal;
pub mod tlog;
#[cfg(feature = "server")]
pub mod web;
#[cfg(feature = "server")]
pub mod witness;

#[cfg(all(test, feature = "server"))]
mod power_cut;

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
