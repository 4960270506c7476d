//! `candor audit --watch`: one audit after another, and who is notified.
//!
//! The screen is printed after each audit; a webhook is called when the state of a verdict changes;
//! `/metrics` and `/health` show the result of the last one. If an audit itself fails (a full disk), the
//! error is printed, and the next audit is tried.

use super::super::listen::{bind, url};
use super::super::{Failure, Output, runtime, signals};
use super::once::once;
use crate::audit::{AuditOptions, AuditReport, State, VerdictId};
use crate::client::{Address, Http, Upload as _};
use crate::web::{ListenAddress, Status, serve_status};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// A watch.
pub(super) struct Watching {
    pub options: AuditOptions,
    pub evidence: PathBuf,
    pub interval: Duration,
    pub metrics: Option<ListenAddress>,
    pub webhook: Option<Address>,
    pub out: Output,
}

/// The results of the audits.
#[derive(Debug, Default)]
struct Outcome {
    audits: u64,
    failures: u64,
    last: Option<AuditReport>,
}

impl Watching {
    /// Audits until the process is asked to end.
    pub(super) fn run(mut self) -> Result<(), Failure> {
        signals::end_when_asked()?;
        let outcome = Arc::new(Mutex::new(Outcome::default()));
        if let Some(address) = &self.metrics {
            self.serve(address, outcome.clone())?;
        }
        let mut states = None;
        loop {
            match once(&self.options, &self.evidence, self.out) {
                Ok(report) => {
                    let now = states_of(&report);
                    // At the start, only bad news is news.
                    let is_news = states.as_ref().map_or(!report.is_ok(), |before| *before != now);
                    states = Some(now);
                    // Noted first, so that whoever is notified finds it in /metrics.
                    self.note(&outcome, report.clone());
                    if is_news {
                        self.notify(&report);
                    }
                }
                Err(failure) => {
                    self.out.say_failure(&failure);
                    outcome.lock().unwrap_or_else(PoisonError::into_inner).failures += 1;
                }
            }
            // Once is enough: everything known afterwards is from this watch.
            self.options.full = false;
            thread::sleep(self.interval);
        }
    }

    fn note(&self, outcome: &Mutex<Outcome>, report: AuditReport) {
        let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.audits += 1;
        outcome.last = Some(report);
    }

    fn notify(&self, report: &AuditReport) {
        let Some(webhook) = &self.webhook else { return };
        let Ok(json) = serde_json::to_string(report) else { return };
        // Any answer means that it was notified.
        if let Err(error) = Http::new().post(webhook.as_str(), &json) {
            self.out.say(format_args!("candor: the webhook was not notified: {error}"));
        }
    }

    fn serve(&self, address: &ListenAddress, outcome: Arc<Mutex<Outcome>>) -> Result<(), Failure> {
        let runtime = runtime::one_thread()?;
        let listener = runtime.block_on(bind(address))?;
        self.out.say(format_args!("health and metrics on {}", url(&listener)?));
        let read = move || status(&outcome.lock().unwrap_or_else(PoisonError::into_inner));
        thread::spawn(move || runtime.block_on(serve_status(listener, Arc::new(read))));
        Ok(())
    }
}

fn states_of(report: &AuditReport) -> BTreeMap<VerdictId, State> {
    report.verdicts.iter().map(|verdict| (verdict.id, verdict.state)).collect()
}

/// What /metrics serves, in Prometheus' text format.
fn status(outcome: &Outcome) -> Status {
    let mut text = String::new();
    let mut add = |name: &str, kind: &str, help: &str, value: &str| {
        // Writing to a string does not fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{value}");
    };
    let count = |name: &str, value: u64| format!("{name} {value}\n");
    let name = "candor_audit_audits_total";
    add(name, "counter", "Audits that came to a result.", &count(name, outcome.audits));
    let name = "candor_audit_failures_total";
    add(
        name,
        "counter",
        "Audits that failed for reasons of their own.",
        &count(name, outcome.failures),
    );
    let Some(report) = &outcome.last else {
        return Status {
            is_healthy: true,
            health: "no audit has finished yet".to_owned(),
            metrics: text,
        };
    };
    let name = "candor_audit_entries";
    add(name, "gauge", "Entries of the log.", &count(name, report.entries.unwrap_or(0)));
    let name = "candor_audit_last_seconds";
    let at: jiff::Timestamp = report.at.parse().unwrap_or_default();
    add(
        name,
        "gauge",
        "When the last audit began, in seconds since 1970.",
        &format!("{name} {}\n", at.as_second()),
    );
    let name = "candor_audit_verdict";
    let mut verdicts = String::new();
    for verdict in &report.verdicts {
        let number = match verdict.state {
            State::Ok => 0,
            State::NotAsked => 1,
            State::Unchecked => 2,
            State::Wrong => 3,
        };
        let _ = writeln!(verdicts, "{name}{{id=\"{}\"}} {number}", verdict.id);
    }
    add(
        name,
        "gauge",
        "How a verdict came out: 0 ok, 1 not asked for, 2 could not be checked, 3 wrong.",
        &verdicts,
    );
    let bad = report.verdicts.iter().filter(|verdict| verdict.state > State::NotAsked);
    let sentences: Vec<String> =
        bad.map(|verdict| format!("{}: {}", verdict.id, verdict.sentence)).collect();
    let health = if sentences.is_empty() { "all is well".to_owned() } else { sentences.join("\n") };
    Status { is_healthy: report.is_ok(), health, metrics: text }
}
