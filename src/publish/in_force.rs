//! What a commit changes besides the config: how its catalogue differs from the one before.
//!
//! Servers apply it within seconds, whether or not there is a new version.

use super::catalogue::{Catalogue, CatalogueChart, CatalogueRetention};
use crate::count::count;
use crate::gomod::ModuleVersion;
use crate::terminal::OneLine;
use serde::Serialize;
use std::collections::HashMap;
use std::fmt;

/// What is in force now and was not before. Anything unchanged is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct InForce {
    /// Configs whose reports are now refused.
    pub revoked: Vec<ModuleVersion>,
    /// Configs that are no longer revoked.
    pub not_revoked: Vec<ModuleVersion>,
    /// How many reports of a week a stack now needs to be public.
    pub stack_minimum: Option<u32>,
    /// The stack charts with another list of packages.
    pub packages: Vec<ChartPackages>,
    /// Whether anything else is different, which only charts and pages show.
    pub shown: bool,
}

/// The packages whose functions the stacks of a chart may name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChartPackages {
    /// The chart's heading.
    pub title: String,
    /// The program that counts.
    pub program: String,
    /// The packages; if empty, any package.
    pub packages: Vec<String>,
}

impl InForce {
    /// How `after` differs from `before`.
    pub(super) fn between(before: &Catalogue, after: &Catalogue) -> InForce {
        let (old, new) = (&before.retention, &after.retention);
        let without = |these: &[ModuleVersion], those: &[ModuleVersion]| {
            these.iter().filter(|one| !those.contains(one)).copied().collect::<Vec<_>>()
        };
        let minimum = new.stack_minimum;
        let mut packages_before: HashMap<_, &[String]> = HashMap::new();
        for chart in &before.charts {
            packages_before.entry((&chart.program, &chart.id)).or_insert(&chart.packages);
        }
        let is_other = |chart: &&CatalogueChart| {
            let old = packages_before.get(&(&chart.program, &chart.id));
            chart.packages != *old.copied().unwrap_or_default()
        };
        let packages = after.charts.iter().filter(is_other).map(|chart| ChartPackages {
            title: chart.title.clone(),
            program: chart.program.clone(),
            packages: chart.packages.clone(),
        });
        InForce {
            revoked: without(&new.revoked, &old.revoked),
            not_revoked: without(&old.revoked, &new.revoked),
            stack_minimum: (minimum != old.stack_minimum).then_some(minimum),
            packages: packages.collect(),
            shown: shown(before) != shown(after),
        }
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        *self == InForce::default()
    }
}

/// A catalogue without the parts that are reported separately, and without those that always differ.
fn shown(catalogue: &Catalogue) -> Catalogue {
    let mut shown = catalogue.clone();
    (shown.commit, shown.time, shown.as_of) = (String::new(), 0, jiff::civil::Date::MIN);
    shown.retention = CatalogueRetention::default();
    shown.introduced = Vec::new();
    for chart in &mut shown.charts {
        chart.packages = Vec::new();
    }
    shown
}

/// A line for each.
impl fmt::Display for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for version in &self.revoked {
            writeln!(f, "  now in force: {version} is revoked, its reports are refused")?;
        }
        for version in &self.not_revoked {
            writeln!(f, "  now in force: {version} is no longer revoked")?;
        }
        if let Some(minimum) = self.stack_minimum {
            let reports = count(minimum, "report");
            writeln!(f, "  now in force: a stack is shown from {reports} of a week on")?;
        }
        for ChartPackages { title, program, packages } in &self.packages {
            let list = match packages.is_empty() {
                true => "any, there is no list".to_owned(),
                false => packages.join(", "),
            };
            let line = format!("the packages of stacks of {title:?} of {program}: {list}");
            writeln!(f, "  now in force: {}", OneLine(line))?;
        }
        if self.shown {
            writeln!(f, "  now in force: what charts and pages show of the definitions")?;
        }
        Ok(())
    }
}
