//! The log of a server: lines on standard error.

use crate::terminal::LogWriter;
use std::io;

/// Writes log lines to standard error. `CANDOR_LOG` sets the level.
pub(super) fn log_to_standard_error() {
    use tracing_subscriber::filter::LevelFilter;
    let level = std::env::var("CANDOR_LOG").ok().and_then(|level| level.parse().ok());
    tracing_subscriber::fmt()
        .with_writer(|| LogWriter(io::stderr()))
        .with_ansi(false)
        .with_max_level(level.unwrap_or(LevelFilter::WARN))
        .init();
}
