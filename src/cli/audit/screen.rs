//! An audit on one screen.

use crate::audit::{AuditReport, State};
use crate::count;
use crate::terminal::OneLine;
use std::fmt;
use std::path::PathBuf;

/// An audit for people: one line per verdict.
pub(in crate::cli) struct Screen<'r> {
    pub(in crate::cli) report: &'r AuditReport,
    pub(in crate::cli) evidence: &'r [PathBuf],
}

/// The mark at the start of a line.
pub(in crate::cli) fn mark(state: State) -> &'static str {
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
            writeln!(f, "a log of {}, root {root}", count::entries(entries))?;
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
                "evidence: {file}; `candor verify {file}` confirms it with just the log's key"
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
