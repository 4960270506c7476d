//! What would be sent, for users to see before anything is sent.
//!
//! For a week whose X is drawn, the preview is byte-identical to what will be sent: both come from
//! [`filter()`]. A week that is still counting, or waits for a config to be sampled by, has no X yet;
//! it is shown with the smallest X, with which sampling leaves out nothing. Nothing is written, locked
//! or fetched.

use super::error::ReportError;
use super::filter::{Filtered, filter};
use super::json::{LocalReport, NO_CONFIG};
use super::listing::Listing;
use super::paths;
use super::rules::Hold;
use super::run::{read_begin, read_local, read_text};
use super::weeks::{Week, Weeks};
use crate::client::folder::Folder;
use crate::client::mode::Consent;
use crate::collection::X;
use crate::collection::{Allowed, CollectionConfig};
use crate::day::Day;
use std::path::PathBuf;
use std::time::SystemTime;

/// The counts and reports in a folder, and what will be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// What the user allows.
    pub consent: Consent,
    /// Weeks of which nothing was sent yet, the oldest first.
    pub weeks: Vec<WeekPreview>,
    /// Reports that are ready to be sent: week and text.
    pub ready: Vec<(Day, String)>,
    /// Weeks whose report was sent.
    pub sent: Vec<Day>,
    /// Counter files that cannot be read, and why.
    pub unreadable: Vec<(PathBuf, String)>,
}

/// One week.
#[derive(Debug, Clone, PartialEq)]
pub struct WeekPreview {
    /// When it began, if known.
    pub begin: Option<Day>,
    /// When it ends.
    pub end: Day,
    /// Whether it has ended.
    pub ended: bool,
    /// Everything that was counted.
    pub counted: LocalReport,
    /// Why nothing of it is sent, if nothing is. The outcome is shown anyway: what would be sent if the
    /// user had opted in.
    pub hold: Option<Hold>,
    /// What the config lets through.
    pub outcome: Outcome,
}

/// What the config lets through of a week.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// Its config is not known here, and is fetched before anything is sent.
    NoConfig,
    /// X is drawn: this is sent.
    Decided(Filtered),
    /// X is not drawn yet: this is the most that is sent.
    AtMost(Filtered),
}

impl Preview {
    /// Reads a folder, and filters its weeks by a config, whose version in reports is `version`.
    ///
    /// # Errors
    ///
    /// The folder cannot be read.
    pub fn of(
        folder: &Folder,
        consent: Consent,
        config: Option<(&CollectionConfig, &str)>,
        now: SystemTime,
    ) -> Result<Preview, ReportError> {
        let listing = Listing::read(folder)?;
        let today = Day::of(now);
        let config = config.map(|(config, version)| (Allowed::new(config), version));
        let hold = |begin, end| Hold::check(&consent, begin, end, today);
        let outcome = |counted: &LocalReport| {
            let Some((allowed, version)) = &config else { return Outcome::NoConfig };
            let last_week = listing.last_sent_before(counted.week);
            let through = |x| filter(counted, x, allowed, version, last_week);
            match counted.draw {
                None => Outcome::AtMost(through(X::from_bits(0))),
                // Only the config that X was drawn under decides; or one that the user has chosen.
                Some(draw) if draw.config.to_string() == *version || *version == NO_CONFIG => {
                    Outcome::Decided(through(draw.x))
                }
                Some(_) => Outcome::NoConfig,
            }
        };
        let mut weeks = Vec::new();
        for end in &listing.pending {
            let made = [&listing.ready, &listing.sent, &listing.refused];
            let begin = read_begin(folder, *end);
            match read_local(&paths::local_report(folder, *end)) {
                Ok(counted) if !made.iter().any(|made| made.contains(end)) => {
                    let (end, hold, outcome) = (*end, hold(begin, *end), outcome(&counted));
                    weeks.push(WeekPreview { begin, end, ended: true, counted, hold, outcome });
                }
                _ => {}
            }
        }
        let read = Weeks::read(&listing.counter_files, now);
        let ended = read.ended.into_iter().map(|week| (week, true));
        for (week, ended) in ended.chain(read.counting.into_iter().map(|week| (week, false))) {
            if listing.local.contains(&week.end) || week.programs.is_empty() {
                continue;
            }
            let Week { begin, end, programs, .. } = week;
            let last_week = listing.last_sent_before(end);
            let counted = LocalReport { week: end, last_week, programs, draw: None };
            let (hold, outcome) = (hold(Some(begin), end), outcome(&counted));
            weeks.push(WeekPreview { begin: Some(begin), end, ended, counted, hold, outcome });
        }
        weeks.sort_by_key(|week| week.end);
        let read_ready = |week: &Day| {
            let path = paths::ready(folder, *week);
            read_text(&path).map(|text| (*week, text)).map_err(ReportError::io("read", path))
        };
        let ready = listing.ready.difference(&listing.sent).map(read_ready);
        Ok(Preview {
            consent: consent.clone(),
            weeks,
            ready: ready.collect::<Result<_, _>>()?,
            sent: listing.sent.into_iter().collect(),
            unreadable: read.unreadable,
        })
    }
}
