//! Weeks of reports and what they show, compared with what only the story knows.

use super::super::Failure;
use super::super::chart::chart_deployment;
use super::super::merge::merge_deployment;
use super::super::simulate::Truth;
use super::super::today::today;
use super::narrator::Demo;
use super::weeks::{INSTALLATIONS, Reporting, SEED, StoryClock};
use crate::aggregate::figure::{Interval, WeekCharts};
use crate::aggregate::index::{FileFormat, week_of};
use crate::aggregate::{PublicData, Unwatched, Weeks};
use crate::client::VerifiedConfig;
use crate::collection::CollectionConfig;
use crate::day::Day;
use crate::publish::Deployment;
use jiff::ToSpan;
use jiff::civil::Date;
use serde::Serialize;

const PROGRAM: &str = "example.org/hello";
const COUNTER: &str = "hello/verb:wave";

/// What was reported and estimated, for `--json`.
#[derive(Debug, Default, Serialize)]
pub(super) struct Reported {
    weeks: u16,
    reports: u64,
    counter: &'static str,
    truth: f64,
    estimate: Interval,
    confidence: f64,
}

impl Demo {
    /// The day that is this many days before the first week of reports.
    pub(super) fn days_before_the_weeks(&self, days: i64) -> Date {
        last_week_that_is_over().saturating_sub((i64::from(self.weeks) * 7 - 1 + days).days())
    }

    /// Lets the population report for some weeks, the last of which is over. Returns the truth about that
    /// one.
    pub(super) fn weeks_pass(
        &self,
        fetched: &VerifiedConfig,
        url: &str,
        clock: &StoryClock,
    ) -> Result<(Reported, Truth), Failure> {
        let config = CollectionConfig::from_json(fetched.config())?;
        let reporting = Reporting {
            config: &config,
            version: fetched.version(),
            url: &url.parse()?,
            since: day(self.days_before_the_weeks(0))?,
        };
        self.note(format_args!(
            "{INSTALLATIONS} simulated installations opted in. Each draws X anew every week, and stays \
             silent",
        ));
        self.note(format_args!(
            "where X > {}. (They report by the story's clock, over HTTP.)",
            config.sample_rate.get()
        ));
        let last = last_week_that_is_over();
        let mut truth = Truth::new(SEED, day(last)?, fetched.version(), config.sample_rate.get());
        for week in (0..self.weeks).rev() {
            let sunday = last.checked_sub((i64::from(week) * 7).days())?;
            for before in (0..7).rev() {
                if self.is_stopped() {
                    return Err(Failure::new("stopped"));
                }
                let ended = day(sunday.checked_sub(before.days())?)?;
                clock.set(ended, 2);
                match week {
                    0 => reporting.day_with_truth(ended, &mut truth)?,
                    _ => reporting.day(ended)?,
                }
            }
        }
        Ok((Reported { weeks: self.weeks, counter: COUNTER, ..Reported::default() }, truth))
    }

    /// Merges and charts, and compares an estimate with the truth.
    pub(super) fn results(
        &self,
        deployment: &Deployment,
        reported: Reported,
        truth: &Truth,
    ) -> Result<Reported, Failure> {
        let merged = merge_deployment(deployment, &Unwatched)?;
        let reports = merged.weeks.iter().map(|week| week.reports).sum();
        self.note(format_args!(
            "{reports} reports, in an order that says nothing of their arrival:"
        ));
        for week in &merged.weeks {
            let parquet = week.files.iter().find(|file| file.format == FileFormat::Parquet);
            let bytes = parquet.map_or(0, |file| file.bytes);
            self.quote(format_args!(
                "week until {}: {} reports, {} rows of Parquet in {} KiB",
                week.date,
                week.reports,
                week.rows,
                bytes / 1024
            ));
        }
        chart_deployment(deployment, &Weeks::Outdated, &Unwatched)?;
        let public = PublicData::new(deployment.store.clone());
        let charts = public.charts(&public.index()?, last_week_that_is_over())?;
        let nothing = || Failure::new(format!("{COUNTER} was not charted"));
        let charts = charts.ok_or_else(nothing)?;
        let estimate = share(&charts).ok_or_else(nothing)?;
        let program = truth.programs.get(PROGRAM).ok_or_else(nothing)?;
        let counted = program.counters.get(COUNTER).map_or(0, |counter| counter.installations);
        let share = counted as f64 / program.installations.max(1) as f64;
        self.note(format_args!(
            "How many people wave? The chart of the last week says, of `{COUNTER}`:"
        ));
        self.quote(format_args!(
            "{:.2}% of installations; with {:.0}% confidence, between {:.2}% and {:.2}%",
            estimate.value * 100.0,
            charts.confidence * 100.0,
            estimate.low * 100.0,
            estimate.high * 100.0
        ));
        self.note(format_args!(
            "What only this story can know, of all installations, reported or not: {:.2}%.",
            share * 100.0
        ));
        Ok(Reported { reports, truth: share, estimate, confidence: charts.confidence, ..reported })
    }
}

/// The Sunday of the last week that is over, in UTC.
fn last_week_that_is_over() -> Date {
    let today = today();
    let sunday = week_of(today);
    if sunday < today { sunday } else { sunday.saturating_sub(7.days()) }
}

fn day(date: Date) -> Result<Day, Failure> {
    date.to_string().parse().map_err(Failure::new)
}

fn share(charts: &WeekCharts) -> Option<Interval> {
    let program = charts.programs.iter().find(|program| program.program == PROGRAM)?;
    let rows = program.charts.iter().flat_map(|figure| &figure.rows);
    let row = rows.into_iter().find(|row| row.counter.as_deref() == Some(COUNTER))?;
    Some(row.estimate.share)
}
