//! `--today`: which day a verb takes for today.

use crate::day::Day;
use std::time::{Duration, SystemTime};

/// The day on which a verb works.
#[derive(Debug, clap::Args)]
pub(super) struct Today {
    /// Act as if it were noon UTC on this day.
    #[arg(long, value_name = "DATE")]
    today: Option<Day>,
}

impl Today {
    /// Now, or noon UTC of the day that was named.
    pub(super) fn now(&self) -> SystemTime {
        self.today.map_or_else(SystemTime::now, |day| day.start() + Duration::from_secs(43_200))
    }
}
