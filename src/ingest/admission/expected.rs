//! How many reports sampling should bring in a week: the population, as stated in the definitions,
//! times the sample rate of the configs in force.

use crate::collection::CollectionConfig;
use crate::gomod::{ModulePath, ModuleVersion};
use crate::publish::{Catalogues, Versions};
use crate::store::Store;
use crate::tlog::TreeHead;
use std::sync::Arc;

/// How many of the newest configs are considered: clients keep using old ones for some weeks.
const VERSIONS: u64 = 8;

/// How many reports of a week are expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// This many.
    Week(u64),
    /// The definitions of some program do not state its population.
    NotStated,
}

/// The reports of a week; `None` if nothing is published yet, or nothing can be read now.
pub fn expected_reports(
    module: &ModulePath,
    store: &Arc<dyn Store>,
    head: TreeHead,
) -> Option<Expected> {
    let catalogue = Catalogues::new(store.clone()).newest().ok().flatten()?;
    let populations: Option<Vec<u64>> =
        catalogue.programs.iter().map(|program| program.population).collect();
    let Some(populations) = populations else { return Some(Expected::NotStated) };
    let population = populations.into_iter().fold(0, u64::saturating_add);
    let versions = Versions::new(module.clone(), store.clone());
    let newest = head.size.get();
    let numbers = newest.saturating_sub(VERSIONS - 1).max(1)..=newest;
    let rates = numbers.filter_map(|number| {
        let read = versions.module(head, ModuleVersion::new(number).ok()?).ok()?;
        Some(CollectionConfig::from_json(read.config()).ok()?.sample_rate.get())
    });
    let rate = rates.reduce(f64::max)?;
    Some(Expected::Week((population as f64 * rate).ceil() as u64))
}
