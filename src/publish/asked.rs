//! Who asked for a counter, by the recorded definitions: the answer of `candor explain`, for pages.

use super::catalogue::{Catalogue, CatalogueChart, CatalogueCommit};
use super::counter_index::{Positions, Stems};
use crate::charts::CommitDetails;
use crate::charts::counter::chart_of;
use crate::collection::expand;
use std::collections::{BTreeSet, HashSet};

/// Names, and the beginnings of them.
struct Names<'s> {
    program: &'s str,
    names: HashSet<&'s str>,
    stems: BTreeSet<&'s str>,
}

impl<'s> Names<'s> {
    fn new(program: &'s str, names: impl IntoIterator<Item = &'s str>) -> Names<'s> {
        let names: HashSet<&str> = names.into_iter().collect();
        let stems = names.iter().map(|name| chart_of(name)).collect();
        Names { program, names, stems }
    }

    /// The positions of what may have one of the names, each once.
    fn positions<T: Copy + Ord>(&self, all: &Positions<T>) -> BTreeSet<T> {
        self.stems.iter().flat_map(|stem| all.of(self.program, stem)).collect()
    }

    fn has_any_of(&self, group: &str) -> bool {
        expand(group).any(|name| self.names.contains(name.as_str()))
    }
}

impl Catalogue {
    /// Makes the index of its counters, which is otherwise made when it is first asked for.
    pub(crate) fn prepare(&self) {
        self.stems();
    }

    fn stems(&self) -> &Stems {
        // No catalogue has 2^32 of anything.
        let at = |position: usize| u32::try_from(position).unwrap_or(u32::MAX);
        self.index.get(|stems| {
            for (position, chart) in self.charts.iter().enumerate() {
                for name in [Some(&chart.counter), chart.over.as_ref()].into_iter().flatten() {
                    stems.charts.add(&chart.program, name, at(position));
                }
            }
            for (position, commit) in self.introduced.iter().enumerate() {
                for (all, positions) in
                    [(&commit.counters, &mut stems.counters), (&commit.stacks, &mut stems.stacks)]
                {
                    for (program, groups) in all {
                        for (place, group) in groups.iter().enumerate() {
                            positions.add(program, group, (at(position), at(place)));
                        }
                    }
                }
            }
        })
    }

    /// The charts that need any of these counters or stack counters of a program, in the definitions' order.
    pub fn asked_by<'s>(
        &self,
        program: &'s str,
        names: impl IntoIterator<Item = &'s str>,
    ) -> Vec<&CatalogueChart> {
        let names = Names::new(program, names);
        let positions = names.positions(&self.stems().charts);
        let charts = positions.into_iter().filter_map(|at| self.charts.get(at as usize));
        let asks = |chart: &&CatalogueChart| {
            let is_divisor = chart.over.as_deref().is_some_and(|over| names.names.contains(over));
            chart.program == program && (is_divisor || names.has_any_of(&chart.counter))
        };
        charts.filter(asks).collect()
    }

    /// The commits that introduced any of these counters of a program, or, of these stack counters. Empty if
    /// that was not recorded.
    pub fn introduced_by<'s>(
        &self,
        program: &'s str,
        names: impl IntoIterator<Item = &'s str>,
        stacks: bool,
    ) -> Vec<&CommitDetails> {
        let names = Names::new(program, names);
        let stems = self.stems();
        let positions = names.positions(if stacks { &stems.stacks } else { &stems.counters });
        let mut found: Vec<&CatalogueCommit> = Vec::new();
        for (position, place) in positions {
            let Some(commit) = self.introduced.get(position as usize) else { continue };
            let groups = if stacks { &commit.stacks } else { &commit.counters };
            let group = groups.get(program).and_then(|groups| groups.get(place as usize));
            let is_new = !found.last().is_some_and(|last| std::ptr::eq(*last, commit));
            if is_new && group.is_some_and(|group| names.has_any_of(group)) {
                found.push(commit);
            }
        }
        found.into_iter().map(|commit| &commit.details).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn catalogue() -> Catalogue {
        let chart = |program: &str, counter: &str, over: Option<&str>| {
            serde_json::json!({
                "id": counter, "title": counter, "issue": [], "kind": "partition",
                "program": program, "counter": counter, "over": over, "file": "charts/a.toml", "line": 1,
                "added": "c", "added_on": "2026-01-01",
            })
        };
        let text = serde_json::json!({
            "format": 1, "repository": "", "commit": "c", "time": 0, "as_of": "2026-01-01", "path": "",
            "confidence": 0.99, "programs": [],
            "charts": [
                chart("p", "a:{x,y}", None), chart("q", "a:{x,y}", None), chart("p", "b:{x,y}", Some("a:x")),
                chart("p", "a:{y,z}", None), chart("p", "whole", None),
            ],
        });
        serde_json::from_value(text).expect("a catalogue")
    }

    #[test]
    fn charts_that_count_or_divide_by_a_counter_asked_for_it() {
        let catalogue = catalogue();
        let asked = |program: &str, names: &[&str]| {
            let charts = catalogue.asked_by(program, names.iter().copied());
            charts.iter().map(|chart| chart.counter.clone()).collect::<Vec<_>>()
        };
        assert_eq!(asked("p", &["a:x"]), ["a:{x,y}", "b:{x,y}"]);
        assert_eq!(asked("p", &["a:y", "b:y"]), ["a:{x,y}", "b:{x,y}", "a:{y,z}"]);
        assert_eq!(asked("q", &["a:y"]), ["a:{x,y}"]);
        assert_eq!(asked("p", &["whole"]), ["whole"]);
        assert_eq!(asked("p", &["a:w", "b", "c:x"]), Vec::<String>::new());
    }

    #[test]
    fn the_commits_that_introduced_a_counter_are_found_by_kind_and_program() {
        let commit = |commit: &str, counters: &[&str], stacks: &[&str]| {
            let of = |names: &[&str]| {
                let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
                BTreeMap::from([("p".to_owned(), names)])
            };
            let details = serde_json::json!({
                "commit": commit, "on": "2026-01-01", "subject": "s", "author": "a",
            });
            let details: CommitDetails = serde_json::from_value(details).expect("a commit");
            CatalogueCommit { details, counters: of(counters), stacks: of(stacks) }
        };
        let introduced =
            vec![commit("1", &["a:{x,y}", "b"], &["b"]), commit("2", &["a:z"], &["a"])];
        let catalogue = Catalogue { introduced, ..catalogue() };
        let by = |names: &[&str], stacks: bool| {
            let commits = catalogue.introduced_by("p", names.iter().copied(), stacks);
            commits.iter().map(|details| details.commit.as_str()).collect::<String>()
        };
        assert_eq!(by(&["a:y"], false), "1");
        assert_eq!(by(&["a:z", "a:x"], false), "12");
        assert_eq!(by(&["b"], true), "1");
        assert_eq!(by(&["a"], true), "2");
        assert_eq!(by(&["a"], false), "");
        assert!(catalogue.introduced_by("q", ["b"], false).is_empty());
    }
}
