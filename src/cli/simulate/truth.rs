//! The truth about a simulated population: the numbers that charts estimate from the sample.

use super::population::UNLISTED;
use crate::client::report::ProgramReport;
use crate::count::count;
use crate::day::Day;
use crate::gomod::ModuleVersion;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// What the counter is for that no config lists.
const UNLISTED_NOTE: &str =
    " (made up: everybody counts it, and no config lists it, so no report may have it)";

/// The truth about a week.
#[derive(Debug, Serialize)]
pub struct Truth {
    seed: u64,
    week: String,
    config: String,
    sample_rate: f64,
    /// How many installations there are.
    pub installations: u64,
    /// How many of them reported.
    pub reports: u64,
    /// By program.
    pub programs: BTreeMap<String, ProgramTruth>,
}

/// The truth about a program.
#[derive(Debug, Default, Serialize)]
pub struct ProgramTruth {
    /// How many installations use it.
    pub installations: u64,
    /// How many use each version.
    pub versions: BTreeMap<String, u64>,
    /// By counter.
    pub counters: BTreeMap<String, CounterTruth>,
    /// By stack.
    pub stacks: BTreeMap<String, CounterTruth>,
}

/// The truth about a counter.
#[derive(Debug, Default, Serialize)]
pub struct CounterTruth {
    /// How many installations counted it.
    pub installations: u64,
    /// How often they did, together.
    pub total: u64,
}

impl Truth {
    pub fn new(seed: u64, week: Day, config: ModuleVersion, sample_rate: f64) -> Truth {
        Truth {
            seed,
            week: week.to_string(),
            config: config.to_string(),
            sample_rate,
            installations: 0,
            reports: 0,
            programs: BTreeMap::new(),
        }
    }

    /// Adds what an installation counted.
    pub fn count(&mut self, programs: &[ProgramReport]) {
        self.installations += 1;
        for program in programs {
            let truth = entry(&mut self.programs, &program.program);
            truth.installations += 1;
            *entry(&mut truth.versions, &program.version) += 1;
            for (counts, truths) in
                [(&program.counters, &mut truth.counters), (&program.stacks, &mut truth.stacks)]
            {
                for (name, count) in counts {
                    let truth = entry(truths, name);
                    truth.installations += 1;
                    truth.total += count.unsigned_abs();
                }
            }
        }
    }
}

fn entry<'a, V: Default>(map: &'a mut BTreeMap<String, V>, key: &str) -> &'a mut V {
    map.entry(key.to_owned()).or_default()
}

impl fmt::Display for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} of {} reported the week that ended on {}, under config {}",
            self.reports,
            count(self.installations, "installation"),
            self.week,
            self.config
        )?;
        for (name, program) in &self.programs {
            writeln!(f, "{name}: {}", count(program.installations, "installation"))?;
            for (counter, truth) in &program.counters {
                let share = 100.0 * truth.installations as f64 / program.installations as f64;
                let note = if counter == UNLISTED { UNLISTED_NOTE } else { "" };
                writeln!(f, "  {share:>6.2}%  {counter}{note}")?;
            }
        }
        Ok(())
    }
}
