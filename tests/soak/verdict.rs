//! What must hold, and whether it did.

use crate::figures::{Row, wait};
use crate::plan;
use crate::public::Found;
use crate::reports::Reports;
use crate::senders::Senders;
use std::time::Duration;

/// How much longer readers may wait during floods than without.
const READERS_FACTOR: u32 = 3;
/// Below this, a time says more about the scheduler of a machine with two cores, which clients share
/// with the server, than about the server.
const SHORTEST: Duration = Duration::from_millis(10);
/// How late this process may wake up for times to be meaningful.
const LATEST: Duration = Duration::from_secs(1);
/// How much larger the last quarter of a life may be than the first.
const GROWTH: f64 = 1.25;
/// And this much more, for small numbers.
const SLACK_KIB: f64 = 32.0 * 1024.0;
const SLACK_FILES: f64 = 64.0;
/// The most memory at any time, in MiB.
const PEAK_MIB: u64 = 512;

/// How much of the log is shown.
const LOG_LINES: usize = 20;

/// What held, and what did not.
#[derive(Debug, Default)]
pub struct Verdict {
    violated: u32,
    skipped: u32,
}

impl Verdict {
    /// Notes and prints whether something holds.
    pub fn note(&mut self, holds: bool, what: &str) {
        self.violated += u32::from(!holds);
        println!("{} {what}", if holds { "ok      " } else { "VIOLATED" });
    }

    /// Notes and prints what could not be tried.
    pub fn skip(&mut self, what: &str) {
        self.skipped += 1;
        println!("SKIPPED  {what}");
    }

    /// Prints the result, and the end of the server's log if anything failed. Returns whether
    /// everything held.
    pub fn end(&self, log: &str) -> bool {
        let skipped = match self.skipped {
            0 => String::new(),
            some => format!(", {some} SKIPPED"),
        };
        if self.violated == 0 {
            println!("soak: passed{skipped}");
            return true;
        }
        let lines: Vec<&str> = log.lines().collect();
        println!("the last lines of the server's log:");
        lines[lines.len().saturating_sub(LOG_LINES)..].iter().for_each(|line| println!("  {line}"));
        println!("soak: FAILED, {} violated{skipped}", self.violated);
        false
    }

    /// Checks the reports that got a 200.
    pub fn judge_public(&mut self, reports: &Reports, of: &str, found: &Found) {
        let acknowledged = || (0..reports.len()).filter(|n| reports.get(*n).is_acknowledged());
        let lost = acknowledged().filter(|number| !found.times.contains_key(number)).count();
        let doubled = found.times.values().filter(|times| **times > 1).count();
        let Found { changed, foreign, .. } = found;
        self.note(
            lost == 0 && doubled == 0 && *changed == 0 && *foreign == 0,
            &format!(
                "of {} reports with a 200, the public data of {of} lost {lost} and doubled \
                 {doubled}; {changed} were changed, and {foreign} are nobody's",
                acknowledged().count()
            ),
        );
    }

    /// Checks the answers to honest senders.
    pub fn judge_senders(&mut self, senders: &Senders) {
        let reports = &senders.reports;
        let refused = (0..reports.len()).filter_map(|number| reports.get(number).refused());
        let refused: Vec<&str> = refused.collect();
        let example = refused.first().map(|why| format!(", such as {why}")).unwrap_or_default();
        let what = format!("honest reports refused: {}{example}", refused.len());
        self.note(refused.is_empty(), &what);
        let left = senders.under_way();
        let what = format!("honest reports that did not get in until the end: {left}");
        self.note(left == 0, &what);
    }

    /// Checks times, memory and open files.
    pub fn judge_figures(&mut self, rows: &[Row]) {
        let p99 = |row: &Row| row.reads.percentile(99);
        let quiet =
            rows.iter().find(|row| row.name == plan::QUIET.name).map_or(Duration::ZERO, p99);
        for row in rows.iter().filter(|row| row.beside_floods) {
            // A machine that is busy with other things is not the server's fault.
            let late = row.clock.percentile(99);
            let most = quiet.max(SHORTEST).max(late.min(LATEST)) * READERS_FACTOR;
            self.note(
                p99(row) <= most,
                &format!(
                    "honest readers' p99 {}, at most {} ({}; in quiet {}; the soak's own clock is \
                     late by {})",
                    wait(p99(row)),
                    wait(most),
                    row.name,
                    wait(quiet),
                    wait(late)
                ),
            );
        }
        for row in rows {
            let grew = |[first, last]: [u64; 2], slack| last as f64 > first as f64 * GROWTH + slack;
            let memory = row.held.iter().filter(|held| grew(held.resident_kib, SLACK_KIB)).count();
            let files = row.held.iter().filter(|held| grew(held.descriptors, SLACK_FILES)).count();
            let peak = row.held.iter().map(|held| held.peak_kib >> 10).max().unwrap_or_default();
            self.note(
                memory + files == 0 && peak <= PEAK_MIB,
                &format!(
                    "memory and files are flat ({}): memory grew in {memory} lives, files in \
                     {files}, of {}; peak {peak} MiB of {PEAK_MIB}",
                    row.name, row.lives
                ),
            );
        }
        let files = |name| {
            let row = rows.iter().find(|row| row.name == name);
            row.and_then(|row| row.held.last()).map_or(0, |held| held.descriptors[1])
        };
        let (before, after) = (files(plan::QUIET.name), files(plan::LAST.name));
        self.note(
            after as f64 <= before as f64 + SLACK_FILES,
            &format!("open files afterwards {after}, in quiet {before}"),
        );
    }
}
