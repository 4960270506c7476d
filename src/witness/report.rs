//! Health in words, and metrics in Prometheus' text format, for a witness's operator.
//!
//! Nothing about clients, as everywhere. Logs are identified by the first 16 digits of their origin's
//! hash. There are at most [`MOST_LOGS`] of them, those cosigned last: a list of tens of thousands of
//! logs must not create that many series.

use super::cosigned::origin_hash;
use super::service::Witness;
use jiff::Timestamp;
use serde::Serialize;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The most logs that metrics name.
const MOST_LOGS: usize = 500;
/// By how many seconds the last cosignature may be ahead of the clock before that is a problem: clocks
/// are adjusted, and seconds are rounded.
const CLOCK_TOLERANCE: i64 = 60;

/// What is wrong with a witness, in words; no problems if all is well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WitnessHealth {
    /// Whether all is well.
    pub well: bool,
    /// What is wrong.
    pub problems: Vec<String>,
}

impl Witness {
    /// Checks everything. May block on the disk that the lists are on.
    pub fn health(&self) -> WitnessHealth {
        let mut problems = Vec::new();
        problems.extend(
            self.lists()
                .state()
                .problem
                .map(|problem| format!("the last valid lists of logs stay in force: {problem}")),
        );
        let now = self.time();
        if self.keys().in_force(now).next().is_none() {
            problems.push("no key is in force: add one with `candor witness add-key`".to_owned());
        }
        let ahead = self.ahead(now);
        if ahead > CLOCK_TOLERANCE {
            problems.push(format!(
                "the last cosignature is {ahead} seconds ahead of the clock, so the clock was \
                 ahead or is now behind; until the clock passes it, cosignatures keep that time"
            ));
        }
        let seen = self.seen();
        problems.extend(
            seen.settings
                .clone()
                .map(|problem| format!("the last valid settings stay in force: {problem}")),
        );
        problems
            .extend(seen.damaged.iter().map(|(hash, problem)| format!("log {hash}: {problem}")));
        problems.extend(seen.failed.clone().map(|problem| format!("the last answer: {problem}")));
        WitnessHealth { well: problems.is_empty(), problems }
    }

    /// By how many seconds the latest cosignature is ahead of the clock.
    fn ahead(&self, now: Timestamp) -> i64 {
        let latest = self.seen().cosigned.values().map(|(_, time)| *time).max().unwrap_or(0);
        i64::try_from(latest).unwrap_or(i64::MAX).saturating_sub(now.as_second()).max(0)
    }

    /// All figures, in Prometheus' text format. May block on the disk that the lists are on.
    pub fn metrics(&self) -> String {
        let known = self.lists().current();
        let lists = self.lists().state();
        let (now, counts) = (self.time(), self.counts());
        let keys = self.keys().in_force(now).count();
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, samples: &[(String, i128)]| {
            let _ = writeln!(text, "# HELP candor_witness_{name} {help}");
            let _ = writeln!(text, "# TYPE candor_witness_{name} {kind}");
            for (labels, value) in samples {
                let _ = writeln!(text, "candor_witness_{name}{labels} {value}");
            }
        };
        let one = |value: i128| vec![(String::new(), value)];
        let count = |counter: &AtomicU64| i128::from(counter.load(Relaxed));
        let asked = [
            ("add-checkpoint", &counts.submissions),
            ("sign-subtree", &counts.subtrees),
            ("checkpoint", &counts.monitors),
        ];
        let answers = asked.iter().flat_map(|(request, statuses)| {
            statuses.counts().map(move |(status, counter)| {
                (format!("{{request=\"{request}\",status=\"{status}\"}}"), count(counter))
            })
        });
        let help = "Requests answered, by request and status; status 0 is any other.";
        family("requests_total", "counter", help, &answers.collect::<Vec<_>>());
        let cosigned = [("growth", &counts.grown), ("renewal", &counts.renewed)];
        let cosigned = cosigned.map(|(what, cell)| (format!("{{of=\"{what}\"}}"), count(cell)));
        let help = "Checkpoints cosigned: of larger trees, and the same again.";
        family("cosigned_total", "counter", help, &cosigned);
        let help = "Checkpoints that a log signed and that do not continue what was cosigned.";
        family("inconsistent_total", "counter", help, &one(count(&counts.inconsistent)));
        let help = "How often another process changed a log's state first.";
        family("lost_swaps_total", "counter", help, &one(count(&counts.lost_swaps)));
        let help = "Submissions that could not be answered because of a fault of this witness.";
        family("failures_total", "counter", help, &one(count(&counts.failures)));
        family("keys", "gauge", "Keys in force.", &one(keys as i128));
        family("logs", "gauge", "Logs on the lists in force.", &one(known.len() as i128));
        let stale = lists.problem.is_some().into();
        let help = "Whether the current lists cannot be used, so that older ones are in force.";
        family("list_refused", "gauge", help, &one(stale));
        let help = "When the lists in force were read, in seconds since 1970.";
        family("list_read_time_seconds", "gauge", help, &one(lists.read.as_second().into()));
        let help = "By how much the latest cosignature is ahead of the clock.";
        family("clock_behind_seconds", "gauge", help, &one(self.ahead(now).into()));
        let seen = self.seen();
        let help = "Logs whose remembered state is damaged.";
        family("damaged_logs", "gauge", help, &one(seen.damaged.len() as i128));
        family(
            "cosigned_logs",
            "gauge",
            "Logs that were ever cosigned.",
            &one(seen.cosigned.len() as i128),
        );
        let states = known.keys().filter_map(|origin| {
            let hash = origin_hash(origin);
            let (size, time) = *seen.cosigned.get(&hash)?;
            Some((time, size.get(), format!("{{log=\"{}\"}}", hash.get(..16)?)))
        });
        let mut states: Vec<_> = states.collect();
        states.sort_by(|one, other| other.cmp(one));
        states.truncate(MOST_LOGS);
        let each = |figure: fn(&(u64, u64, String)) -> u64| {
            let one = |state: &(u64, u64, String)| (state.2.clone(), i128::from(figure(state)));
            states.iter().map(one).collect::<Vec<_>>()
        };
        let help = "When a log was cosigned last, by the first 16 digits of its origin's hash.";
        family("last_cosignature_time_seconds", "gauge", help, &each(|state| state.0));
        let help = "The size of the tree that was cosigned last.";
        family("log_size", "gauge", help, &each(|state| state.1));
        text
    }
}

/// A line for each problem, and the verdict at the end.
impl fmt::Display for WitnessHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.well { "ok" } else { "not ok" };
        writeln!(f, "witness: {verdict}")?;
        self.problems.iter().try_for_each(|problem| writeln!(f, "  {problem}"))?;
        writeln!(f, "{verdict}")
    }
}
