//! Where a catalogue has counters: its charts and commits by the beginnings of their counters' names, `chart` of
//! `chart:bucket`. Pages ask for each counter that they list.
//!
//! It holds hashes and positions, 16 bytes for each, since there are ten thousand charts in a large catalogue:
//! whoever finds a position compares what is there with what was asked for.

use crate::charts::counter::chart_of;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::OnceLock;

/// The index, made when it is first asked for. It is no part of what a catalogue says: all are equal, and a copy of
/// a catalogue makes its own.
#[derive(Debug, Default)]
pub struct CounterIndex(OnceLock<Stems>);

impl Clone for CounterIndex {
    fn clone(&self) -> CounterIndex {
        CounterIndex::default()
    }
}

impl PartialEq for CounterIndex {
    fn eq(&self, _: &CounterIndex) -> bool {
        true
    }
}

impl CounterIndex {
    /// What it holds; `fill` adds everything, the first time.
    pub(super) fn get(&self, fill: impl FnOnce(&mut Stems)) -> &Stems {
        self.0.get_or_init(|| {
            let mut stems = Stems::default();
            fill(&mut stems);
            stems.charts.sort();
            stems.counters.sort();
            stems.stacks.sort();
            stems
        })
    }
}

/// Positions in a catalogue.
#[derive(Debug, Default)]
pub(super) struct Stems {
    /// The charts that count something, or divide by it.
    pub(super) charts: Positions<u32>,
    /// The commits that introduced counters, and the positions of these among those of their program.
    pub(super) counters: Positions<(u32, u32)>,
    /// The same of stack counters.
    pub(super) stacks: Positions<(u32, u32)>,
}

/// Positions by the hash of a program and the beginning of a counter's name, in ascending order.
#[derive(Debug)]
pub(super) struct Positions<T>(Vec<(u64, T)>);

impl<T> Default for Positions<T> {
    fn default() -> Positions<T> {
        Positions(Vec::new())
    }
}

impl<T: Copy + Ord> Positions<T> {
    /// Adds the position of what has this counter, or group of counters.
    pub(super) fn add(&mut self, program: &str, counter: &str, position: T) {
        self.0.push((hash(program, chart_of(counter)), position));
    }

    /// The positions of what may have counters of a program with this beginning: all that do, and hardly any others.
    pub(super) fn of(&self, program: &str, beginning: &str) -> impl Iterator<Item = T> {
        let hash = hash(program, beginning);
        let from = self.0.partition_point(|(other, _)| *other < hash);
        self.0[from..].iter().take_while(move |(other, _)| *other == hash).map(|(_, at)| *at)
    }

    fn sort(&mut self) {
        self.0.sort_unstable();
        self.0.shrink_to_fit();
    }
}

fn hash(program: &str, beginning: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (program, beginning).hash(&mut hasher);
    hasher.finish()
}
