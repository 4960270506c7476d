//! The counts, as integers, so that the order in which threads finish does not matter.
//!
//! A tally is, for each program, config and part of its reports ([`Part`](super::parts::Part)), a
//! list of counts: how many reports are in each figure's base, how many of these have each row, how
//! many have none. Weights are not summed here: all reports of one config weigh the same in one figure,
//! so figures are made from exact counts.
//!
//! **Memory**: a list as long as the plan for each config and part that occurs; for stacks see
//! [`super::stacks`]; for ratios 32 bytes for each row and report with a positive dividend.

use std::collections::HashMap;

/// What was counted.
#[derive(Debug, Default)]
pub struct Tally {
    /// Reports by config, including those without programs.
    pub reports: Vec<u64>,
    /// By program.
    pub programs: Vec<ProgramTally>,
}

/// What was counted of one program.
#[derive(Debug, Default)]
pub struct ProgramTally {
    /// By part and config, [`ProgramPlan::width`](super::plan::ProgramPlan::width) counts; empty where
    /// there is no report.
    pub counts: HashMap<(u32, u32), Vec<u64>>,
    /// By row of the program's ratios.
    pub quotients: Vec<Vec<Quotient>>,
    /// By figure, stack, part and config.
    pub stacks: HashMap<(u32, u32, u32, u32), u64>,
}

/// A report's quotient, if positive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quotient {
    pub value: f64,
    pub config: u32,
    /// The parts in which the report has it.
    pub parts: [u32; 5],
}

/// In [`Quotient::parts`]: none.
pub const NO_PART: u32 = u32::MAX;

impl Tally {
    /// Adds what another thread counted.
    pub fn merge(&mut self, other: Tally) {
        add(&mut self.reports, &other.reports);
        self.programs.resize_with(self.programs.len().max(other.programs.len()), Default::default);
        for (program, other) in self.programs.iter_mut().zip(other.programs) {
            for (key, counts) in other.counts {
                add(program.counts.entry(key).or_default(), &counts);
            }
            program
                .quotients
                .resize_with(program.quotients.len().max(other.quotients.len()), Vec::new);
            for (quotients, mut other) in program.quotients.iter_mut().zip(other.quotients) {
                quotients.append(&mut other);
            }
            for (key, count) in other.stacks {
                *program.stacks.entry(key).or_default() += count;
            }
        }
    }
}

fn add(counts: &mut Vec<u64>, other: &[u64]) {
    counts.resize(counts.len().max(other.len()), 0);
    counts.iter_mut().zip(other).for_each(|(count, other)| *count += other);
}
