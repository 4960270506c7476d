//! The settings of this deployment that the privacy page depends on, besides the config.

use crate::charts::definition::Proportion;
use crate::collection::reports_needed;
use crate::publish::{Catalogue, CatalogueChart};
use crate::web::pages::promises;
use crate::web::receiver_settings::ReceiverSettings;
use crate::web::site::Site;

/// The settings that the page depends on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PageSettings {
    /// How reports are accepted, and by how many witnesses the log is signed.
    pub(super) promised: promises::Settings,
    /// The minimum number of reports of a week for a stack to be shown.
    pub(super) stack_minimum: u32,
    /// Stack charts, with their titles and programs, and the packages whose functions they may name.
    pub(super) stacks: Vec<(String, Vec<String>)>,
    /// The configs that the definitions revoke.
    pub(super) revoked: Vec<String>,
    /// The number of reports that gives a share to within one percentage point, at the charts' confidence.
    pub(super) sample: u64,
    /// That confidence.
    pub(super) confidence: f64,
}

impl PageSettings {
    /// The settings of a site with these definitions.
    pub(super) fn of(site: &Site, catalogue: Option<&Catalogue>) -> PageSettings {
        PageSettings { promised: promises::Settings::of(site), ..PageSettings::new(catalogue) }
    }

    /// The settings that follow from the definitions alone.
    pub(super) fn new(catalogue: Option<&Catalogue>) -> PageSettings {
        let retention = catalogue.map(|catalogue| catalogue.retention.clone()).unwrap_or_default();
        let stacks = catalogue.into_iter().flat_map(|catalogue| &catalogue.charts);
        let stacks = stacks.filter(|chart| chart.kind == "stack");
        let named = |chart: &CatalogueChart| format!("{} of {}", chart.title, chart.program);
        let confidence = catalogue.map_or(0.99, |catalogue| catalogue.confidence);
        let sample = Proportion::new(0.01).zip(Proportion::new(confidence));
        PageSettings {
            promised: promises::Settings::default(),
            stack_minimum: retention.stack_minimum,
            stacks: stacks.map(|chart| (named(chart), chart.packages.clone())).collect(),
            revoked: retention.revoked.iter().map(ToString::to_string).collect(),
            sample: sample.map_or(0, |(error, confidence)| reports_needed(error, confidence)),
            confidence,
        }
    }

    /// How this server accepts reports, if it does.
    pub(super) fn receiving(&self) -> Option<&ReceiverSettings> {
        self.promised.receiving.as_ref()
    }

    /// Whether what this server accepts is kept in a store that others can use, too.
    pub(super) fn is_in_store(&self) -> bool {
        self.receiving().is_some_and(|receiving| receiving.in_store)
    }

    /// A key for pages that depend on them.
    pub(super) fn key(&self) -> String {
        format!("{self:?}")
    }
}
