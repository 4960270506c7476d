//! Where a catalogue has counters: its charts and commits by the beginnings of their counters' names, `chart` of
//! `chart:bucket`. Pages ask for each counter that they list.

use crate::charts::counter::chart_of;
use std::collections::HashMap;
use std::sync::OnceLock;

/// A program, and the beginning of a counter's name.
pub(super) type Stem = (String, String);

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
            stems
        })
    }
}

/// Positions in a catalogue.
#[derive(Debug, Default)]
pub(super) struct Stems {
    /// The charts that count something, or divide by it.
    pub(super) charts: HashMap<Stem, Vec<usize>>,
    /// The commits that introduced counters, and these, as expressions.
    pub(super) counters: HashMap<Stem, Vec<(usize, String)>>,
    /// The same of stack counters.
    pub(super) stacks: HashMap<Stem, Vec<(usize, String)>>,
}

impl Stems {
    /// Adds a chart that counts or divides by `name`.
    pub(super) fn add_chart(&mut self, position: usize, program: &str, name: &str) {
        self.charts.entry(stem(program, name)).or_default().push(position);
    }

    /// Adds the counters that a commit introduced.
    pub(super) fn add_counters(&mut self, position: usize, program: &str, groups: &[String]) {
        add(&mut self.counters, position, program, groups);
    }

    /// Adds the stack counters that a commit introduced.
    pub(super) fn add_stacks(&mut self, position: usize, program: &str, groups: &[String]) {
        add(&mut self.stacks, position, program, groups);
    }
}

fn add(
    all: &mut HashMap<Stem, Vec<(usize, String)>>,
    position: usize,
    program: &str,
    groups: &[String],
) {
    for group in groups {
        all.entry(stem(program, group)).or_default().push((position, group.clone()));
    }
}

fn stem(program: &str, name: &str) -> Stem {
    (program.to_owned(), chart_of(name).to_owned())
}
