//! Checks that a complete week shows no stack that fewer of its reports have than the index's minimum.

use crate::collection::frame::TOO_FEW;
use crate::ingest::Report;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};

/// How many reports of a week show each stack of each program.
#[derive(Debug, Default)]
pub(super) struct ShownStacks(HashMap<[u8; 16], Shown>);

#[derive(Debug)]
struct Shown {
    reports: u32,
    /// The number of the first report that shows it.
    first: u64,
}

impl ShownStacks {
    /// Counts the stacks of the next report, which has this number in its file.
    pub(super) fn add(&mut self, number: u64, report: &Report<'_>) {
        let mut stacks = BTreeSet::new();
        for program in &report.programs {
            for (stack, _) in program.stacks.iter() {
                if stack.split_once('\n').is_some_and(|(_, frames)| frames != TOO_FEW) {
                    stacks.insert(name(&program.program, stack));
                }
            }
        }
        for stack in stacks {
            let shown = self.0.entry(stack).or_insert(Shown { reports: 0, first: number });
            shown.reports = shown.reports.saturating_add(1);
        }
    }

    /// What is wrong, if stacks need this many reports to be shown: the number of stacks with fewer, and the
    /// first report with one.
    pub(super) fn rare(&self, minimum: u32) -> Option<String> {
        let rare = || self.0.values().filter(|shown| shown.reports < minimum);
        let first = rare().map(|shown| shown.first).min()?;
        let stacks = match rare().count() {
            1 => "a stack that is".to_owned(),
            count => format!("{count} stacks that are"),
        };
        Some(format!(
            "it shows {stacks} in fewer than {minimum} reports; report {first} has the first"
        ))
    }
}

fn name(program: &str, stack: &str) -> [u8; 16] {
    let mut digest = Sha256::new();
    digest.update((program.len() as u64).to_le_bytes());
    digest.update(program);
    digest.update(stack);
    let digest: [u8; 32] = digest.finalize().into();
    digest.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rare(stacks: &[&[&str]], minimum: u32) -> Option<String> {
        let mut shown = ShownStacks::default();
        for (number, stacks) in (1..).zip(stacks) {
            let stacks: Vec<String> =
                stacks.iter().map(|frames| format!("\"crash\\n{frames}\":1")).collect();
            let text = format!(
                "{{\"Week\":\"2026-02-08\",\"X\":0.1,\"Programs\":[{{\"Program\":\"a.b/c\",\"Version\":\
                 \"v1.0.0\",\"GoVersion\":\"go1.26.8\",\"GOOS\":\"linux\",\"GOARCH\":\"amd64\",\
                 \"Counters\":{{}},\"Stacks\":{{{}}}}}],\"Config\":\"v0.1.0\"}}",
                stacks.join(",")
            );
            shown.add(number, &Report::decode(text.as_bytes()).expect("a report"));
        }
        shown.rare(minimum)
    }

    #[test]
    fn shown_stacks_of_too_few_reports_are_found_and_hidden_ones_are_ignored() {
        let stacks: &[&[&str]] = &[&["main:1"], &["main:1", "main:2"], &["main:1"], &[TOO_FEW]];
        assert_eq!(rare(stacks, 1), None);
        let found = rare(stacks, 3).expect("one of a single report");
        assert!(found.contains("a stack") && found.contains("report 2"), "{found}");
        let found = rare(stacks, 4).expect("both");
        assert!(found.contains("2 stacks") && found.contains("report 1"), "{found}");
    }
}
