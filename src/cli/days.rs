//! Which days a verb works on: `--week`, or `--start` and `--end`.

use super::Failure;
use crate::aggregate::index::{days_of, week_of};
use crate::day::Day;
use jiff::civil::Date;
use std::ops::RangeInclusive;

/// The days that a verb works on.
#[derive(Debug, clap::Args)]
pub(super) struct Days {
    /// Only the week of this day, from Monday to Sunday.
    #[arg(long, value_name = "DATE", value_parser = date, conflicts_with_all = ["start", "end"])]
    week: Option<Date>,
    /// Only the days from this one on, up to --end, which must be given, too.
    #[arg(long, value_name = "DATE", value_parser = date, requires = "end")]
    start: Option<Date>,
    /// Only the days up to this one, from --start on, which must be given, too.
    #[arg(long, value_name = "DATE", value_parser = date, requires = "start")]
    end: Option<Date>,
}

impl Days {
    /// The days, or `None` where none are named.
    pub(super) fn range(&self) -> Result<Option<RangeInclusive<Date>>, Failure> {
        match (self.week, self.start, self.end) {
            (Some(day), _, _) => Ok(Some(days_of(week_of(day)))),
            (None, Some(start), Some(end)) if start > end => Err(Failure::usage(format!(
                "--start {start} is after --end {end}; give the earlier day first"
            ))),
            (None, Some(start), Some(end)) => Ok(Some(start..=end)),
            _ => Ok(None),
        }
    }
}

fn date(text: &str) -> Result<Date, String> {
    let day: Result<Day, _> = text.parse();
    day.map(Day::civil).map_err(|_| "write a date as 2026-11-22".to_owned())
}
