//! A sample: which of the counted reports, with which weights.
//!
//! All reports of one part and one config weigh the same in one figure, so a sample is a list of (part,
//! config, weight), and a weighted sum needs one product for each.

use super::tally::ProgramTally;
use crate::aggregate::figure::{Base, Estimate};
use crate::aggregate::statistics::interval::estimate;
use crate::aggregate::statistics::sample::Weights;

/// Some of a program's counted reports, with their weights.
#[derive(Debug)]
pub struct Sample<'t> {
    tally: &'t ProgramTally,
    /// In an order that depends only on the data, so that sums do, too.
    members: Vec<Member>,
}

/// Reports that weigh the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Member {
    /// Their part.
    pub part: u32,
    /// Their config.
    pub config: u32,
    /// The weight of each.
    pub weight: f64,
}

/// Which configs collect something; `None` for all.
pub type Collected<'a> = Option<&'a [bool]>;

impl<'t> Sample<'t> {
    /// These reports.
    pub fn new(tally: &'t ProgramTally, members: Vec<Member>) -> Sample<'t> {
        Sample { tally, members }
    }

    /// The reports of a part, each weighted by one over its config's rate; without those of configs
    /// that have no rate.
    pub fn of_part(tally: &'t ProgramTally, part: u32, rates: &[Option<f64>]) -> Sample<'t> {
        let rates = (0..).zip(rates);
        let members = rates.filter_map(|(config, rate)| {
            let weight = 1.0 / rate.filter(|rate| *rate > 0.0)?;
            Some(Member { part, config, weight })
        });
        Sample { tally, members: members.collect() }
    }

    /// Its members, of these configs.
    pub fn members(&self, collected: Collected<'_>) -> impl Iterator<Item = Member> {
        let counts = move |config: u32| {
            collected.is_none_or(|collected| collected.get(config as usize) == Some(&true))
        };
        self.members.iter().copied().filter(move |member| counts(member.config))
    }

    /// How many of a member's reports are counted at a place.
    pub fn count(&self, member: Member, place: usize) -> u64 {
        let counts = self.tally.counts.get(&(member.part, member.config));
        counts.and_then(|counts| counts.get(place)).copied().unwrap_or_default()
    }

    /// The reports that are counted at a place.
    pub fn at(&self, place: usize, collected: Collected<'_>) -> Weights {
        let mut sum = Weights::default();
        for member in self.members(collected) {
            sum.add_many(member.weight, self.count(member, place));
        }
        sum
    }

    /// The reports that have a stack.
    pub fn with_stack(&self, figure: u32, stack: u32, collected: Collected<'_>) -> Weights {
        let mut sum = Weights::default();
        for member in self.members(collected) {
            let key = (figure, stack, member.part, member.config);
            let count = self.tally.stacks.get(&key).copied().unwrap_or_default();
            sum.add_many(member.weight, count);
        }
        sum
    }
}

/// The basis of a figure, or of a part of one.
#[derive(Debug, Clone, Copy)]
pub struct Basis {
    /// Its reports.
    pub weights: Weights,
    /// The probability with which each interval holds the truth.
    pub confidence: f64,
}

impl Basis {
    /// The share of `hits` among `own`, and `own` itself if that is not all of the basis.
    pub fn estimate(&self, hits: &Weights, own: &Weights) -> (Estimate, Option<Base>) {
        let base = own.base();
        let differs = base != self.weights.base();
        (estimate(hits, own, self.confidence), differs.then_some(base))
    }
}
