//! Hides stacks that few reports of a week have.
//!
//! If fewer than `stack_minimum` reports of a week have a stack, their public rows have its counter's
//! name and [`TOO_FEW`] instead. All reports of the week (seven days, until a Sunday) count, public or
//! waiting. So a stack that is shown in one row is shown in at least that many rows, in the last
//! edition at the latest.
//!
//! The complete rows of reports with hidden stacks wait in a private object, each followed by the hash
//! of the row that is public instead. A later edition of the day shows the stacks that have become
//! common enough, and replaces that row. After the last edition the complete rows are deleted.
//!
//! Memory: about 40 bytes for each different stack of the weeks that are published.

use super::line::{self, LineKey};
use crate::aggregate::index::week_of;
use crate::collection::frame::TOO_FEW;
use crate::ingest::{Counts, ProgramReport, Report};
use jiff::civil::Date;
use memchr::memmem::Finder;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

/// How many reports of each week have each stack.
#[derive(Debug)]
pub(super) struct StackCounts {
    minimum: u32,
    counts: HashMap<(Date, u128), u32>,
}

impl StackCounts {
    /// Starts with no reports.
    pub fn new(minimum: u32) -> StackCounts {
        StackCounts { minimum, counts: HashMap::new() }
    }

    /// Whether every stack is shown, so that nothing needs to be counted.
    pub fn shows_all(&self) -> bool {
        self.minimum <= 1
    }

    /// Counts a report with its shown stacks.
    pub fn add(&mut self, report: &Report<'_>) {
        let programs = report.programs.iter();
        let stacks = programs.flat_map(|program| {
            program
                .stacks
                .iter()
                .filter(|(stack, _)| !is_hidden(stack))
                .map(|(stack, _)| name(&program.program, stack))
        });
        // Builds of one program are one installation.
        let stacks: BTreeSet<u128> = stacks.collect();
        for stack in stacks {
            let count = self.counts.entry((week_of(report.week.civil()), stack)).or_default();
            *count = count.saturating_add(1);
        }
    }

    fn shows(&self, week: Date, program: &str, stack: &str) -> bool {
        let count = self.counts.get(&(week, name(program, stack))).copied().unwrap_or(0);
        self.shows_all() || is_hidden(stack) || count >= self.minimum
    }

    /// The public row of a report, if any of its stacks is hidden.
    pub fn hide(&self, report: &Report<'_>) -> Option<Vec<u8>> {
        let week = week_of(report.week.civil());
        let shows = |program: &ProgramReport<'_>| {
            program.stacks.iter().all(|(stack, _)| self.shows(week, &program.program, stack))
        };
        if report.programs.iter().all(shows) {
            return None;
        }
        let mut shown = report.clone();
        for program in &mut shown.programs {
            let stacks = program.stacks.iter().map(|(stack, count)| {
                let shown = self.shows(week, &program.program, stack);
                let text = if shown { stack.to_owned() } else { hidden(stack) };
                (text.into(), count)
            });
            program.stacks = Counts::sum(stacks.collect());
        }
        Some(shown.encode_public(shown.x))
    }
}

/// Whether a row has stacks. In JSON, these bytes never occur within a string.
pub(super) fn has_stacks(row: &[u8]) -> bool {
    static STACKS: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\"Stacks\":{\""));
    STACKS.find(row).is_some()
}

fn is_hidden(stack: &str) -> bool {
    stack.split_once('\n').is_some_and(|(_, frames)| frames == TOO_FEW)
}

fn hidden(stack: &str) -> String {
    let name = stack.split_once('\n').map_or(stack, |(name, _)| name);
    format!("{name}\n{TOO_FEW}")
}

fn name(program: &str, stack: &str) -> u128 {
    let mut digest = Sha256::new();
    digest.update((program.len() as u64).to_le_bytes());
    digest.update(program);
    digest.update(stack);
    let digest: [u8; 32] = digest.finalize().into();
    digest.first_chunk::<16>().map_or(0, |half| u128::from_be_bytes(*half))
}

/// A complete row, and the row that is public instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unshown<'a> {
    /// The complete row.
    pub row: &'a [u8],
    /// The key of the public row.
    pub public: LineKey,
}

/// The length of what follows the row: a space, and the public row's hash in hex.
const BEHIND: usize = 1 + 32;

impl<'a> Unshown<'a> {
    /// Reads a line of the private object.
    pub fn parse(line: &'a [u8]) -> Option<Unshown<'a>> {
        let (row, behind) = line.split_at_checked(line.len().checked_sub(BEHIND)?)?;
        let hash = std::str::from_utf8(behind.strip_prefix(b" ")?).ok()?;
        let day = LineKey::of(row)?.day;
        Some(Unshown { row, public: LineKey { day, hash: u128::from_str_radix(hash, 16).ok()? } })
    }

    /// Writes a line of the private object.
    pub fn line(row: &[u8], public: &[u8]) -> Vec<u8> {
        let mut line = row.to_vec();
        line.extend_from_slice(format!(" {:032x}", line::hash(public)).as_bytes());
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(day: &str, stacks: &str) -> String {
        format!(
            "{{\"Week\":\"{day}\",\"X\":0.5,\"Programs\":[{{\"Program\":\"example.org/p\",\"Version\":\
             \"v1.0.0\",\"GoVersion\":\"go1.26.8\",\"GOOS\":\"linux\",\"GOARCH\":\"amd64\",\
             \"Counters\":{{}},\"Stacks\":{{{stacks}}}}}],\"Config\":\"v0.1.0\"}}"
        )
    }

    #[test]
    fn a_stack_is_shown_from_so_many_reports_of_its_week_on() {
        // A Sunday, and the days before and after it.
        let [saturday, sunday, monday] = ["2026-02-07", "2026-02-08", "2026-02-09"];
        let common = "\"crash\\nmain.common:+1\":2";
        let rare = "\"crash\\nmain.rare:+1\":3";
        let other = "\"crash\\nmain.other:+1\":4";
        let rows = [
            row(saturday, common),
            row(sunday, &format!("{common},{rare}")),
            row(sunday, &format!("{common},{other},{rare}")),
            row(monday, common),
        ];
        let reports = rows.each_ref().map(|row| Report::decode(row.as_bytes()).expect("a row"));
        let mut counts = StackCounts::new(3);
        reports.iter().for_each(|report| counts.add(report));
        let hidden = reports
            .each_ref()
            .map(|report| counts.hide(report).map(|row| String::from_utf8(row).expect("text")));
        let few = |count: u32| format!("\"crash\\n{TOO_FEW}\":{count}");
        assert_eq!(hidden[0], None);
        // What is not shown comes first: a bracket is before every letter.
        assert_eq!(hidden[1].as_deref(), Some(&*row(sunday, &format!("{},{common}", few(3)))));
        assert_eq!(hidden[2].as_deref(), Some(&*row(sunday, &format!("{},{common}", few(7)))));
        assert_eq!(hidden[3].as_deref(), Some(&*row(monday, &few(2))));
        // What is hidden is no stack that could become common.
        let again = hidden[3].clone().expect("hidden");
        let again = Report::decode(again.as_bytes()).expect("a row");
        (0..3).for_each(|_| counts.add(&again));
        assert_eq!(counts.hide(&again), None);
        assert_eq!(counts.hide(&reports[3]), Some(row(monday, &few(2)).into_bytes()));
        assert_eq!(StackCounts::new(1).hide(&reports[1]), None);
    }

    #[test]
    fn one_report_counts_once_however_many_builds_have_the_stack() {
        let stacks = "\"crash\\nmain.f:+1\":1";
        let one = row("2026-02-08", stacks);
        let (before, after) = one.split_once("],\"Config\"").expect("programs");
        let program = before.split_once('[').expect("programs").1.replace("linux", "darwin");
        let two = format!("{before},{program}],\"Config\"{after}");
        let report = Report::decode(two.as_bytes()).expect("a row");
        let mut counts = StackCounts::new(2);
        counts.add(&report);
        assert!(counts.hide(&report).is_some());
        counts.add(&report);
        assert_eq!(counts.hide(&report), None);
    }

    #[test]
    fn a_line_of_what_is_not_shown_is_read_as_it_is_written() {
        let (whole, public) = (row("2026-02-08", "\"crash\\nmain.f:+1\":1"), row("2026-02-08", ""));
        let line = Unshown::line(whole.as_bytes(), public.as_bytes());
        let public = LineKey::of(public.as_bytes()).expect("a key");
        assert_eq!(Unshown::parse(&line), Some(Unshown { row: whole.as_bytes(), public }));
        assert_eq!(Unshown::parse(whole.as_bytes()), None);
        assert_eq!(Unshown::parse(b""), None);
        assert!(has_stacks(whole.as_bytes()) && !has_stacks(row("2026-02-08", "").as_bytes()));
    }
}
