//! `candor audit`: an independent monitor, one command, one screen.

use super::progress::Bar;
use super::{Failure, Output, signals};
use crate::audit::{AuditKeys, AuditOptions, AuditReport, State, audit};
use crate::client::{Address, Http};
use crate::durable;
use crate::terminal::OneLine;
use jiff::Timestamp;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Check everything that a deployment promises, from outside.
///
/// Signature, witnesses, consistency with what was seen before, every entry and version of the log, each
/// config compiled again from its commit, the public data and the charts made of it. Nothing that the
/// deployment says of itself is believed. What was seen is remembered, and later runs read what is new.
///
/// The exit status is 0 where all is well, and 1 where something is wrong or could not be checked.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor audit https://telemetry.example.org --vkey telemetry.example.org/log+85d95fe6+ATKj...\n  \
    candor audit https://telemetry.example.org --policy policy.txt --charts ~/src/project\n  \
    candor audit https://log.example.org/2026 --log-only --vkey example.org/2026+1c2b3a4d+AT...")]
pub(super) struct Args {
    /// The deployment's address; with --log-only, what stands before `checkpoint` and `tile/`.
    url: Address,
    /// The log's verifier key, as the project publishes it.
    #[arg(long, value_name = "KEY", required_unless_present = "policy")]
    vkey: Option<String>,
    /// A policy (c2sp.org/tlog-policy) that names the log and its witnesses, in the place of --vkey.
    #[arg(long, value_name = "FILE", conflicts_with = "vkey")]
    policy: Option<PathBuf>,
    /// The charts repository: a folder or a URL. Without it, the one that versions name is fetched.
    #[arg(long, value_name = "REPOSITORY")]
    charts: Option<String>,
    /// Where it is remembered what was seen [default: in the user's state folder, by the log's name].
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Where evidence of misbehaviour is written, if there is any [default: beside the state].
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
    /// Audit a log alone, of whatever kind its entries are (c2sp.org/tlog-tiles).
    #[arg(long)]
    log_only: bool,
    /// Check everything again, and not only what is new.
    #[arg(long)]
    full: bool,
    /// How many hours old the witnesses' cosignatures may be.
    #[arg(long, value_name = "HOURS", default_value_t = 168)]
    fresh_within: u64,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    signals::end_when_terminated()?;
    let keys = match (&args.vkey, &args.policy) {
        (Some(key), _) => AuditKeys::of_log(key).map_err(Failure::usage)?,
        (None, Some(file)) => {
            let bytes = fs::read(file)
                .map_err(|e| Failure::usage(format!("cannot read {}: {e}", file.display())))?;
            AuditKeys::of_policy(&bytes)
                .map_err(|e| Failure::usage(format!("{}: {e}", file.display())))?
        }
        (None, None) => return Err(Failure::usage("give the log's key with --vkey")),
    };
    let state = match args.state {
        Some(state) => state,
        None => default_state(&keys)?,
    };
    let evidence = args.evidence.unwrap_or_else(|| state.with_extension("evidence"));
    let options = AuditOptions {
        url: args.url,
        keys,
        charts: args.charts,
        state,
        log_only: args.log_only,
        full: args.full,
        fresh_within: Duration::from_secs(args.fresh_within.saturating_mul(3600)),
    };
    let bar = Bar::new();
    let report = audit(&options, &Http::new(), Timestamp::now(), &bar)?;
    drop(bar);
    let written = write_evidence(&report, &evidence)?;
    out.result(&report, Screen { report: &report, evidence: &written })?;
    if report.is_ok() { Ok(()) } else { Err(Failure::reported()) }
}

/// The file in which it is remembered what was seen of a log.
fn default_state(keys: &AuditKeys) -> Result<PathBuf, Failure> {
    let set = |name: &str| {
        std::env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute())
    };
    let folder = set("XDG_STATE_HOME")
        .or_else(|| set("LOCALAPPDATA"))
        .or_else(|| set("HOME").map(|home| home.join(".local").join("state")))
        .ok_or_else(|| Failure::usage("there is no home folder to remember in; give --state"))?;
    let key = keys.log().ok_or_else(|| Failure::usage("there is no key of a log"))?;
    let name = format!("{}+{}", key.name().as_str().replace(['/', '\\', ':'], "-"), key.id());
    Ok(folder.join("candor").join("audit").join(name + ".json"))
}

/// Writes each piece of evidence to a file of its own, and returns their names.
pub(super) fn write_evidence(report: &AuditReport, first: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut written = Vec::new();
    for (number, evidence) in (1..).zip(&report.evidence) {
        let mut path = first.as_os_str().to_owned();
        if number > 1 {
            path.push(format!(".{number}"));
        }
        let path = PathBuf::from(path);
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        let text = evidence.to_string();
        durable::make_folders(durable::folder_of(&path))
            .and_then(|()| {
                let make = durable::shared_file;
                durable::replace(&path, Path::new(&temporary), text.as_bytes(), make)
            })
            .map_err(|e| Failure::new(format!("cannot write {}: {e}", path.display())))?;
        written.push(path);
    }
    Ok(written)
}

/// An audit for people: one line a verdict.
pub(super) struct Screen<'r> {
    pub(super) report: &'r AuditReport,
    pub(super) evidence: &'r [PathBuf],
}

/// What stands before a line.
pub(super) fn mark(state: State) -> &'static str {
    match state {
        State::Ok => "ok   ",
        State::NotAsked => "-    ",
        State::Unchecked => "?    ",
        State::Wrong => "WRONG",
    }
}

impl fmt::Display for Screen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.report;
        writeln!(f, "audit of {} at {}", OneLine(&report.url), report.at)?;
        if let (Some(entries), Some(root)) = (report.entries, &report.root) {
            writeln!(f, "a log of {entries} entries, root {root}")?;
        }
        writeln!(f)?;
        for verdict in &report.verdicts {
            let (id, sentence) = (verdict.id.as_str(), OneLine(&verdict.sentence));
            writeln!(f, "{} {id:<12} {sentence}", mark(verdict.state))?;
            for detail in verdict.details.iter().skip(1) {
                writeln!(f, "{:18} {}", "", OneLine(detail))?;
            }
        }
        if !report.promises.is_empty() {
            writeln!(f, "\nwhat was promised, and how it was checked:")?;
        }
        for promise in &report.promises {
            let ids: Vec<&str> = promise.rests_on.iter().map(|id| id.as_str()).collect();
            writeln!(
                f,
                "{} {} ({})",
                mark(promise.state),
                promise.promise,
                match ids.as_slice() {
                    [] => "not from outside".to_owned(),
                    ids => ids.join(", "),
                }
            )?;
        }
        writeln!(f)?;
        for file in self.evidence {
            let file = OneLine(file.display());
            writeln!(
                f,
                "evidence: {file}; `candor verify {file}` confirms it, with the log's key alone"
            )?;
        }
        match report.state {
            State::Ok | State::NotAsked => writeln!(f, "all is well"),
            State::Unchecked => {
                writeln!(f, "nothing is wrong, but not everything could be checked")
            }
            State::Wrong => writeln!(f, "something is WRONG: tell others who use this deployment"),
        }
    }
}
