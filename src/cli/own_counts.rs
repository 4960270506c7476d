//! What Candor counts of its own use: the verbs, and how they end, as `charts-config` says. Off until someone
//! chooses otherwise with `candor telemetry on` or `local`.
//!
//! There is no deployment of Candor's own yet, so nothing is sent unless one is named
//! (`candor telemetry upload --url`).

use crate::client::counter::{Counter, count};
use crate::client::{Options, start};

/// The environment variable that takes away what the user has allowed.
const VARIABLE: &str = "CANDOR_TELEMETRY";

static RUNS: Counter = Counter::new("candor/run");
static REFUSED: Counter = Counter::new("candor/exit:refused");
static USAGE: Counter = Counter::new("candor/exit:usage");

/// Begins to count, if the user has allowed it.
pub(super) fn begin() {
    start(crate::program!("candor"), Options::default().variable(VARIABLE).count_panics());
    RUNS.inc();
}

/// Counts a verb by its name.
pub(super) fn verb(name: &str) {
    count(&format!("candor/verb:{name}"));
}

/// Counts how a run ended.
pub(super) fn ended(status: u8) {
    match status {
        1 => REFUSED.inc(),
        2 => USAGE.inc(),
        _ => {}
    }
}
