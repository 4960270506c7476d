//! How fresh the known config is, in one sentence, for `env` and `view`.

use crate::client::day::Day;
use crate::client::report::{Destination, KnownConfig};
use crate::tlog::Freshness;
use std::time::{Duration, UNIX_EPOCH};

/// Whether there may have been a newer config when this one was verified.
pub(super) fn freshness(to: &Destination, known: Option<&KnownConfig>) -> String {
    if to.source.trust.policy().needs_no_witness() {
        return "cannot be known: this program asks for no witnesses of the log, so its server could \
                keep showing an old config"
            .to_owned();
    }
    let days = to.source.fresh_for.as_secs() / 86_400;
    let refused =
        format!("a config that witnesses have not vouched for within {days} days is refused");
    match known.map(|known| known.freshness) {
        Some(Freshness::At(seconds)) => {
            let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
            let day = time.map_or_else(String::new, |time| format!(" on {}", Day::of(time)));
            format!("witnesses say that there was none newer{day}; {refused}")
        }
        Some(Freshness::Unknown) => {
            "cannot be known: the witnesses of the log stated no times".to_owned()
        }
        None => refused,
    }
}
