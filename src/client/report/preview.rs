//! What would be sent, before anything is: for users, who are promised to see it first.
//!
//! Of a week whose X is drawn, this is what will be sent, byte for byte: it goes through the same
//! [`filter()`]. Of a week that still counts, or waits for a config to be sampled by, there is no X
//! yet; it is shown with the smallest, with which nothing is left out for being sampled. Nothing is
//! written, locked or fetched.

use super::error::ReportError;
use super::filter::{Filtered, filter};
use super::json::{LocalReport, NO_CONFIG};
use super::rules::Hold;
use super::run::{read_begin, read_local, read_text};
use super::shelf::{self, Listing};
use super::weeks::{Week, Weeks};
use super::x::X;
use crate::client::day::Day;
use crate::client::folder::Folder;
use crate::client::mode::Consent;
use crate::collection::{Allowed, CollectionConfig};
use std::path::PathBuf;
use std::time::SystemTime;

/// What a folder holds, and what will become of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// What the user allows.
    pub consent: Consent,
    /// Weeks of which nothing was sent yet: the oldest first.
    pub weeks: Vec<WeekPreview>,
    /// Reports that wait to be sent as they are: week and text.
    pub ready: Vec<(Day, String)>,
    /// Weeks whose report was sent.
    pub sent: Vec<Day>,
    /// Counter files that cannot be read, and why.
    pub unreadable: Vec<(PathBuf, String)>,
}

/// One week.
#[derive(Debug, Clone, PartialEq)]
pub struct WeekPreview {
    /// When it began, if that is known.
    pub begin: Option<Day>,
    /// When it ends.
    pub end: Day,
    /// Whether it has ended.
    pub ended: bool,
    /// Everything that was counted.
    pub counted: LocalReport,
    /// Why nothing of it is sent, if so. A user who has not opted in can see all the same what
    /// would be sent if they had.
    pub hold: Option<Hold>,
    /// What the config lets through.
    pub future: Future,
}

/// What the config lets through of a week.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Future {
    /// Its config is not known here. It is fetched before anything is sent.
    NoConfig,
    /// X is drawn: this is sent.
    Decided(Filtered),
    /// X is not drawn yet: this is the most that is sent.
    AtMost(Filtered),
}

impl Preview {
    /// Looks into a folder through a config, which is named in reports as `version`.
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
        let future = |counted: &LocalReport| {
            let Some((allowed, version)) = &config else { return Future::NoConfig };
            let last_week = listing.last_sent_before(counted.week);
            let through = |x| filter(counted, x, allowed, version, last_week);
            match counted.draw {
                None => Future::AtMost(through(X::from_bits(0))),
                // Only that config decides about it; or one that the user is curious about.
                Some(draw) if draw.config.to_string() == *version || *version == NO_CONFIG => {
                    Future::Decided(through(draw.x))
                }
                Some(_) => Future::NoConfig,
            }
        };
        let mut weeks = Vec::new();
        for end in &listing.pending {
            let made = [&listing.ready, &listing.sent, &listing.refused];
            let begin = read_begin(folder, *end);
            match read_local(&shelf::local_report(folder, *end)) {
                Ok(counted) if !made.iter().any(|made| made.contains(end)) => {
                    let (end, hold, future) = (*end, hold(begin, *end), future(&counted));
                    weeks.push(WeekPreview { begin, end, ended: true, counted, hold, future });
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
            let (hold, future) = (hold(Some(begin), end), future(&counted));
            weeks.push(WeekPreview { begin: Some(begin), end, ended, counted, hold, future });
        }
        weeks.sort_by_key(|week| week.end);
        let read_ready = |week: &Day| {
            let path = shelf::ready(folder, *week);
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
