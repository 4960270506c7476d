//! Which commit added a chart: the one that [`introduced`] its identity.
//!
//! A chart stays the same chart as long as its ID and its kind do; its title, buckets, rates and the
//! location of its definition may change.

use super::catalogue::Catalogue;
use super::chart_id::ChartIds;
use crate::charts::{Definitions, Introduction, RepositoryError, Revision, introduced};
use std::collections::HashMap;

/// What identifies a chart from one commit to the next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The program.
    pub program: String,
    /// Its ID in URLs.
    pub id: String,
    /// `partition`, `histogram`, ...
    pub kind: String,
}

/// The identities of the definitions' charts, in their order. Charts that are no longer collected keep
/// their IDs.
pub fn identities(definitions: &Definitions) -> Vec<Identity> {
    let mut ids: HashMap<&str, ChartIds> = HashMap::new();
    let charts = definitions.charts.iter().map(|chart| Identity {
        program: chart.program.to_string(),
        id: ids.entry(chart.program.as_str()).or_default().name(chart.counter.as_str()),
        kind: chart.kind.name().to_owned(),
    });
    charts.collect()
}

/// The commit that added each of `charts`, which are those of `revision`. `known` finds the catalogue of
/// an earlier commit, which ends the search for the charts that it has.
pub fn added<E: From<RepositoryError>>(
    charts: &[Identity],
    revision: &Revision,
    mut known: impl FnMut(&str) -> Result<Option<Catalogue>, E>,
) -> Result<HashMap<Identity, Introduction>, E> {
    let items_of = |definitions: &Definitions| identities(definitions).into_iter().collect();
    let known = |commit: &str| Ok(known(commit)?.map(|catalogue| known_of(&catalogue)));
    introduced(charts.iter().cloned(), revision, items_of, known)
}

/// What a catalogue says of its charts.
fn known_of(catalogue: &Catalogue) -> HashMap<Identity, Introduction> {
    let charts = catalogue.charts.iter().map(|chart| {
        let identity = Identity {
            program: chart.program.clone(),
            id: chart.id.clone(),
            kind: chart.kind.clone(),
        };
        (identity, Introduction { commit: chart.added.clone(), on: chart.added_on })
    });
    charts.collect()
}
