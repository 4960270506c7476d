//! Which charts retired, and when: those that one catalogue has and the next one has not.
//!
//! Most retire because their last day has passed, for which nobody has to commit anything; others because their
//! definition was removed.

use super::catalogue::{Catalogue, CatalogueChart};
use super::catalogue_index::CatalogueEntry;
use super::catalogues::{CatalogueError, Catalogues, Outline};
use crate::gomod::ModuleVersion;
use jiff::civil::Date;
use std::ops::RangeInclusive;

/// A chart that is no longer collected.
#[derive(Debug, Clone, PartialEq)]
pub struct Retirement {
    /// The newest config when it retired: usually the first that lacks its counters.
    pub version: ModuleVersion,
    /// The day for which the first definitions without it were published.
    pub since: Date,
    /// Its definition, as it was last.
    pub chart: CatalogueChart,
}

impl Retirement {
    /// Its last day, if it retired because that had passed.
    pub fn last_day(&self) -> Option<Date> {
        self.chart.expires.filter(|last| *last < self.since)
    }
}

/// What retired with some configs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Retirements {
    /// The charts, those of the newest config first.
    pub charts: Vec<Retirement>,
    /// Whether definitions are damaged, so that charts may be missing here.
    pub incomplete: bool,
}

impl Catalogues {
    /// The charts that retired with these configs. Only the catalogues of these configs are read, and the one
    /// before them.
    pub fn retired(
        &self,
        versions: RangeInclusive<ModuleVersion>,
    ) -> Result<Retirements, CatalogueError> {
        let mut retired = Retirements::default();
        let mut after: Option<(ModuleVersion, Outline)> = None;
        let recorded = match self.recorded() {
            Err(error @ CatalogueError::Store(_)) => return Err(error),
            Err(_) => return Ok(Retirements { incomplete: true, ..retired }),
            Ok(recorded) => recorded,
        };
        for entry in recorded.newest_first_from(*versions.end()) {
            let read = entry.and_then(|entry| match entry.version.parse::<ModuleVersion>() {
                Ok(version) => Ok(Some((version, self.outline(&entry)?, entry))),
                Err(_) => Ok(None),
            });
            let (version, outline, entry) = match read {
                Ok(Some(read)) => read,
                Ok(None) => continue,
                Err(error @ CatalogueError::Store(_)) => return Err(error),
                Err(_) => {
                    retired.incomplete = true;
                    break;
                }
            };
            if let Some((version, after)) = &after {
                let gone = outline.without(after);
                // Mostly none is gone, and all that definitions say need not be read.
                let read = if gone.is_empty() { Ok(None) } else { self.read(&entry).map(Some) };
                match read {
                    Ok(before) => {
                        let charts = before.into_iter().flat_map(|before| before.charts);
                        let charts = charts.filter(|chart| gone.contains(&name(chart)));
                        retired.charts.extend(charts.map(|chart| Retirement {
                            version: *version,
                            since: after.as_of,
                            chart,
                        }));
                    }
                    Err(error @ CatalogueError::Store(_)) => return Err(error),
                    Err(_) => {
                        retired.incomplete = true;
                        break;
                    }
                }
            }
            if version < *versions.start() {
                break;
            }
            after = Some((version, outline));
        }
        Ok(retired)
    }

    /// Where the definitions behind a config are: the last that were published while it was the newest, or, if
    /// there were none, before it. `None` if they are damaged or were never recorded.
    pub fn entry_behind(
        &self,
        version: ModuleVersion,
    ) -> Result<Option<CatalogueEntry>, CatalogueError> {
        if_whole(self.recorded().and_then(|recorded| recorded.behind(version)))
    }

    /// The catalogue of an entry; `None` if it is damaged.
    pub fn read_if_whole(
        &self,
        entry: &CatalogueEntry,
    ) -> Result<Option<Catalogue>, CatalogueError> {
        if_whole(self.read(entry).map(Some))
    }
}

/// What was read; `None` if it is damaged.
fn if_whole<T>(read: Result<Option<T>, CatalogueError>) -> Result<Option<T>, CatalogueError> {
    match read {
        Err(error @ CatalogueError::Store(_)) => Err(error),
        read => Ok(read.ok().flatten()),
    }
}

/// What is the same chart in two catalogues.
fn name(chart: &CatalogueChart) -> (&str, &str) {
    (&chart.program, &chart.id)
}
