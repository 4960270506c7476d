//! The log of a server, and what a command says while it waits for a store: lines on standard error.

use crate::terminal::LogWriter;
use std::io;

/// Writes log lines to standard error. `CANDOR_LOG` sets the level.
pub(super) fn log_to_standard_error() {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::prelude::*;
    let level = std::env::var("CANDOR_LOG").ok().and_then(|level| level.parse().ok());
    // What a picture's library says of its lines helps no operator.
    let wanted = Targets::new()
        .with_default(level.unwrap_or(LevelFilter::WARN))
        .with_target("tiny_skia", LevelFilter::OFF);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| LogWriter(io::stderr()))
        .with_ansi(false)
        .with_filter(wanted);
    tracing_subscriber::registry().with(lines).init();
}

/// Writes to standard error that a store does not answer, as it may take minutes until that is an error.
pub(super) fn say_what_stores_do() {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::prelude::*;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| LogWriter(io::stderr()))
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .with_filter(Targets::new().with_target("candor::store", LevelFilter::WARN));
    tracing_subscriber::registry().with(lines).init();
}
