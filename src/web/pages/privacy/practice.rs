//! What the privacy page says of this deployment, besides what is collected: its settings, in one place.

use crate::charts::definition::Proportion;
use crate::collection::reports_needed;
use crate::publish::{Catalogue, CatalogueChart};
use crate::tlog::Policy;
use crate::web::receiving::Receiving;
use crate::web::site::Site;

/// What the page depends on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Practice {
    /// How reports are taken; `None` where this server takes none.
    pub(super) receiving: Option<Receiving>,
    /// How many witnesses the log's policy names.
    pub(super) witnesses: usize,
    /// From how many reports of a week on a stack is shown.
    pub(super) stack_minimum: u32,
    /// Stack charts, by title and program: the packages whose functions they may name.
    pub(super) stacks: Vec<(String, Vec<String>)>,
    /// The configs whose reports are refused, by the definitions.
    pub(super) revoked: Vec<String>,
    /// The reports that give a share to within one point, at the confidence of the charts.
    pub(super) sample: u64,
    /// That confidence.
    pub(super) confidence: f64,
}

impl Practice {
    /// That of a site whose definitions are these.
    pub(super) fn of(site: &Site, catalogue: Option<&Catalogue>) -> Practice {
        let policy = site.policy();
        let witnesses =
            policy.policy.as_ref().map_or(0, |policy: &Policy| policy.witnesses().len());
        Practice { receiving: site.receiving(), witnesses, ..Practice::new(catalogue) }
    }

    /// What definitions alone say.
    pub(super) fn new(catalogue: Option<&Catalogue>) -> Practice {
        let retention = catalogue.map(|catalogue| catalogue.retention.clone()).unwrap_or_default();
        let stacks = catalogue.into_iter().flat_map(|catalogue| &catalogue.charts);
        let stacks = stacks.filter(|chart| chart.kind == "stack");
        let named = |chart: &CatalogueChart| format!("{} of {}", chart.title, chart.program);
        let confidence = catalogue.map_or(0.99, |catalogue| catalogue.confidence);
        let sample = Proportion::new(0.01).zip(Proportion::new(confidence));
        Practice {
            receiving: None,
            witnesses: 0,
            stack_minimum: retention.stack_minimum,
            stacks: stacks.map(|chart| (named(chart), chart.packages.clone())).collect(),
            revoked: retention.revoked.iter().map(ToString::to_string).collect(),
            sample: sample.map_or(0, |(error, confidence)| reports_needed(error, confidence)),
            confidence,
        }
    }

    /// What tells two of them apart.
    pub(super) fn key(&self) -> String {
        format!("{self:?}")
    }
}
