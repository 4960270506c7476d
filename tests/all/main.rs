//! Tests of the program as people run it, of what the library promises, and of the source itself: each file here
//! is about one promise. They are one program, so that what they share is compiled and linked once.
//!
//! `cargo test --test all expiry::` runs the tests of one file. A test that changes its own process (limits,
//! folder, environment) runs another one (see `counting_process`), or is a program of its own beside this folder.
//! Without the feature `server`, only what a program that counts embeds is tested.

#[path = "../support/counting.rs"]
#[allow(dead_code, reason = "the server's tests use more of it")]
mod counting_process;
#[cfg(feature = "server")]
#[path = "../support/long_log.rs"]
mod long_log;
#[cfg(feature = "server")]
#[path = "../support/mod.rs"]
mod support;

mod accuracy;
mod advice;
mod api;
mod arrival_order;
mod attacks;
mod audit;
mod audit_log;
mod audit_public;
mod bad_charts;
mod bad_input;
mod base_path;
mod big_log;
mod book;
mod browser;
mod bucket_crash;
mod bucket_uploads;
mod catalogue;
mod chart;
mod charts_config;
mod charts_verbs;
mod check_page;
mod checksums;
mod counted_elsewhere;
mod counting;
mod crash;
mod demo;
mod dependencies;
mod editions;
mod expiry;
mod feeding;
mod figures;
mod forget_crash;
mod git;
mod go_client;
mod go_counter;
mod go_generator;
mod go_import;
mod go_module;
mod go_module_client;
mod go_module_vectors;
mod go_site;
mod go_telemetry;
mod growth;
mod harm;
mod hostile_charts;
mod joining;
mod key_secrecy;
mod kit;
mod lost_segments;
mod machines;
mod marginals;
mod merge_crash;
mod merkle;
mod messages;
mod minimal;
mod new;
mod object_stores;
mod open_configs;
mod peers;
mod privacy;
mod private_files;
mod project;
mod proposals;
mod prove;
mod proxies;
mod public_data;
mod publish_cost;
mod publishers;
mod rates;
mod readme;
mod recompute;
mod rehearsal;
mod report_numbers;
mod reports_accepted;
mod revision_names;
mod rotation;
mod serve;
mod server_clock;
mod signing;
mod simulate;
mod stacks;
mod static_site;
mod structure;
mod telemetry;
mod terminal;
mod upkeep;
mod upload_crash;
mod upload_mutations;
mod versions;
mod watch;
mod witness;
mod witness_race;

/// Not a test of its own: what the processes do that tests start.
#[test]
fn as_another_process() {
    counting_process::run();
}
