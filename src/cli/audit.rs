//! `candor audit`: an independent monitor in one command, on one screen.
//!
//! | file | one idea |
//! | --- | --- |
//! | `once` | one audit: run it, keep evidence, print the result |
//! | `screen` | an audit as text |
//! | `watch` | `--watch`: one audit after another, with metrics and a webhook |

mod once;
mod screen;
mod watch;

pub(super) use screen::Screen;

use super::trust::Trust;
use super::{Failure, Output, signals};
use crate::audit::{AuditKeys, AuditOptions};
use crate::client::Address;
use crate::web::ListenAddress;
use once::{once, with_suffix};
use std::path::PathBuf;
use std::time::Duration;
use watch::Watching;

/// Check everything that a deployment promises, from outside.
///
/// The signature, witnesses, consistency with what was seen before, every entry and version of the log, each
/// config recompiled from its commit, the public data, and the charts made from it. Nothing that the
/// deployment says about itself is trusted. What was seen is remembered, and later runs read only what is
/// new.
///
/// The exit status is 0 if all is well, and 1 if something is wrong or could not be checked.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor audit https://telemetry.example.org --vkey telemetry.example.org/log+85d95fe6+ATKj...\n  \
    candor audit https://telemetry.example.org --policy policy.txt --charts ~/src/project\n  \
    candor audit https://telemetry.example.org --policy policy.txt --watch --metrics :9090\n  \
    candor audit https://log.example.org/2026 --log-only --vkey example.org/2026+1c2b3a4d+AT...")]
pub(super) struct Args {
    /// The deployment's address; with --log-only, the prefix of `checkpoint` and `tile/`.
    url: Address,
    #[command(flatten)]
    trust: Trust,
    /// The charts repository: a folder or a URL. Without it, the one that versions name is fetched.
    #[arg(long, value_name = "REPOSITORY")]
    charts: Option<String>,
    /// Where to remember what was seen [default: in the user's state folder, by the log's name].
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Where to write evidence of misbehaviour, if any is found; if the file exists, `.2` and so on is
    /// appended to the name [default: the name of the state file with `.evidence` appended].
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
    /// Audit just a log, with any kind of entries (c2sp.org/tlog-tiles).
    #[arg(long)]
    log_only: bool,
    /// Check everything again, not only what is new.
    #[arg(long)]
    full: bool,
    /// How many hours old the witnesses' cosignatures may be.
    #[arg(long, value_name = "HOURS", default_value_t = 168)]
    fresh_within: u64,
    /// Repeat the audit until interrupted.
    #[arg(long)]
    watch: bool,
    /// How many seconds to wait between two audits.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, requires = "watch",
        value_parser = clap::value_parser!(u64).range(1..))]
    interval: u64,
    /// Serve /metrics and /health about the audits here: HOST:PORT, or unix:/PATH.
    #[arg(long, value_name = "ADDR", requires = "watch")]
    metrics: Option<ListenAddress>,
    /// POST the audit as JSON to this address whenever the state of a verdict changes.
    #[arg(long, value_name = "URL", requires = "watch")]
    webhook: Option<Address>,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    let keys = AuditKeys::new(args.trust.needed()?).map_err(Failure::usage)?;
    let state = match args.state {
        Some(state) => state,
        None => default_state(&keys)?,
    };
    let evidence = args.evidence.unwrap_or_else(|| with_suffix(&state, ".evidence"));
    let options = AuditOptions {
        url: args.url,
        keys,
        charts: args.charts,
        state,
        log_only: args.log_only,
        full: args.full,
        fresh_within: Duration::from_secs(args.fresh_within.saturating_mul(3600)),
    };
    if args.watch {
        let interval = Duration::from_secs(args.interval);
        let (metrics, webhook) = (args.metrics, args.webhook);
        return Watching { options, evidence, interval, metrics, webhook, out }.run();
    }
    signals::end_when_terminated()?;
    let report = once(&options, &evidence, out)?;
    if report.is_ok() { Ok(()) } else { Err(Failure::reported()) }
}

/// The file that remembers what was seen of a log.
fn default_state(keys: &AuditKeys) -> Result<PathBuf, Failure> {
    let set = |name: &str| {
        std::env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute())
    };
    let folder = set("XDG_STATE_HOME")
        .or_else(|| set("LOCALAPPDATA"))
        .or_else(|| set("HOME").map(|home| home.join(".local").join("state")))
        .ok_or_else(|| {
            Failure::usage("there is no home folder for the state file; give --state")
        })?;
    let key = keys.log().ok_or_else(|| Failure::usage("there is no key of a log"))?;
    let name = format!("{}+{}", key.name().as_str().replace(['/', '\\', ':'], "-"), key.id());
    Ok(folder.join("candor").join("audit").join(name + ".json"))
}
