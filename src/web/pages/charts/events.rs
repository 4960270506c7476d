//! What happened while a chart was counted: new configs, and releases of its program.

use super::request::found;
use crate::aggregate::figure::RateUse;
use crate::publish::RESERVED;
use crate::web::chart_cache::LoadedWeek;
use crate::web::numbers;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Something that is first seen in the reports of a week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FirstSeen {
    /// The last day of that week.
    pub(super) week: Date,
    /// A version.
    pub(super) label: String,
    /// Whether it is a new config, rather than a release.
    pub(super) is_config: bool,
    /// What it is.
    pub(super) title: String,
    /// Where there is more about it.
    pub(super) address: Option<String>,
}

/// A release that fewer installations than this ever have in a week is left out.
const RELEASED: f64 = 0.01;
/// The most releases: the newest ones.
const RELEASES: usize = 6;

/// What is first seen in one of these weeks, but the first, which nothing is before.
pub(super) fn first_seen(weeks: &[Arc<LoadedWeek>], program: &str, id: &str) -> Vec<FirstSeen> {
    let mut all = configs(weeks, program, id);
    all.extend(releases(weeks, program));
    all.sort_by_key(|event| event.week);
    all
}

/// Configs that the reports of a chart name, oldest week first.
fn configs(weeks: &[Arc<LoadedWeek>], program: &str, id: &str) -> Vec<FirstSeen> {
    let mut known: BTreeMap<String, f64> = BTreeMap::new();
    let mut newest: Option<f64> = None;
    let mut seen = Vec::new();
    for week in weeks {
        let Some((_, figure)) = found(week, program, id) else { continue };
        let is_first = known.is_empty();
        for RateUse { config, rate, reports } in &figure.rates {
            if *reports == 0 || known.insert(config.clone(), *rate).is_some() {
                continue;
            }
            let before = newest.replace(*rate);
            if is_first {
                continue;
            }
            let changed = match before.filter(|before| (before - rate).abs() > 1e-9) {
                Some(before) => {
                    format!(
                        ", sampling rate {} instead of {}",
                        numbers::rate(*rate),
                        numbers::rate(before)
                    )
                }
                None => String::new(),
            };
            seen.push(FirstSeen {
                week: week.charts().week,
                label: config.clone(),
                is_config: true,
                title: format!("the first reports under config {config}{changed}"),
                address: is_version(config).then(|| format!("/config/{config}")),
            });
        }
    }
    seen
}

/// Whether this is a config's version, which has a page.
fn is_version(config: &str) -> bool {
    config.parse::<crate::gomod::ModuleVersion>().is_ok()
}

/// Whether a version is a release, as far as its name tells.
fn is_release(version: &str) -> bool {
    let plain = ["-", "rc", "beta", "devel", "+"];
    version.bytes().any(|byte| byte.is_ascii_digit())
        && !plain.iter().any(|sign| version.contains(sign))
}

/// Releases of the program.
fn releases(weeks: &[Arc<LoadedWeek>], program: &str) -> Vec<FirstSeen> {
    let [versions, ..] = RESERVED;
    let mut largest: BTreeMap<String, f64> = BTreeMap::new();
    let mut first: Vec<(Date, String)> = Vec::new();
    let mut known: BTreeSet<String> = BTreeSet::new();
    for week in weeks {
        let Some((_, figure)) = found(week, program, versions) else { continue };
        let is_first = known.is_empty();
        for row in figure.rows.iter().filter(|row| row.estimate.reports > 0) {
            let share = largest.entry(row.label.clone()).or_default();
            *share = share.max(row.estimate.share.value);
            if known.insert(row.label.clone()) && !is_first && is_release(&row.label) {
                first.push((week.charts().week, row.label.clone()));
            }
        }
    }
    first.retain(|(_, version)| largest.get(version).is_some_and(|share| *share >= RELEASED));
    let skipped = first.len().saturating_sub(RELEASES);
    let shown = first.into_iter().skip(skipped);
    shown
        .map(|(week, version)| FirstSeen {
            week,
            title: format!("the first reports of version {version}"),
            label: version,
            is_config: false,
            address: None,
        })
        .collect()
}
