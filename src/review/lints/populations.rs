//! Populations that nobody looked at for long. Rates follow from them, so a program that grew since is asked for
//! more reports than needed, and one that shrank gives too few.

use super::catalog::Lint;
use super::finding::Finding;
use crate::charts::{AncestorCharts, Definitions, RepositoryError, Revision, day_of, parse};
use jiff::ToSpan;
use jiff::civil::Date;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// For how many days a population is believed.
pub const BELIEVED: i64 = 180;

type Stated = BTreeSet<(String, u64)>;

fn stated(definitions: &Definitions) -> Stated {
    let programs = definitions.programs.iter();
    let population = |program: &crate::charts::definition::Program| {
        let population = program.population.as_ref()?.value.get();
        Some((program.program.value.to_string(), population))
    };
    programs.filter_map(population).collect()
}

/// The programs whose population is the same as [`BELIEVED`] days before: in the commit of `revision`, and in all
/// commits since. Those before are not read.
pub fn old_populations(
    definitions: &Definitions,
    revision: &Revision,
    today: Date,
) -> Result<BTreeSet<String>, RepositoryError> {
    let limit = today.saturating_sub(BELIEVED.days());
    let mut same = stated(definitions);
    let mut is_old = day_of(revision.time) <= limit;
    // What has mistakes was not published.
    if let Ok(there) = parse(&revision.sources) {
        let there = stated(&there);
        same.retain(|one| there.contains(one));
    }
    if !is_old && !same.is_empty() {
        revision.history.before(&revision.commit, |ancestor| {
            match &ancestor.charts {
                AncestorCharts::Absent => same.clear(),
                AncestorCharts::Same | AncestorCharts::Unreadable => {}
                AncestorCharts::Read(sources) => {
                    if let Ok(there) = parse(sources) {
                        let there = stated(&there);
                        same.retain(|one| there.contains(one));
                    }
                }
            }
            is_old = day_of(ancestor.time) <= limit;
            match is_old || same.is_empty() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })?;
    }
    let programs = same.into_iter().filter(|_| is_old);
    Ok(programs.map(|(program, _)| program).collect())
}

pub(super) fn check(definitions: &Definitions, old: &BTreeSet<String>, found: &mut Vec<Finding>) {
    for program in &definitions.programs {
        let Some(population) = &program.population else { continue };
        if old.contains(&program.program.value.to_string()) {
            found.push(Finding {
                lint: Lint::OldPopulation,
                location: population.location.clone(),
                message: format!("this population has been the same for {BELIEVED} days"),
                help: "refresh it with `candor rates`".to_owned(),
            });
        }
    }
}
