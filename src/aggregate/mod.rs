//! From stored reports to public data, and from public data to charts.
//!
//! ```text
//! DIR/reports ── merging ──► public data (NDJSON, Parquet) ── charting ──► charts (JSON)
//! ```
//!
//! Charts are computed from the public data alone, so anyone can recompute them.
//!
//! | folder or file | one idea |
//! | --- | --- |
//! | [`merging`] | uploads become the public files of days and weeks |
//! | [`charting`] | a week's data becomes figures |
//! | [`statistics`] | estimates from weighted samples, with confidence bounds |
//! | [`populations`] | how many installations report, and which population definitions should state |
//! | [`mod@parquet`] | reports as Parquet files, and in memory as columns |
//! | [`index`] | which public files there are |
//! | [`public`] | reads public files, and changes the index |
//! | [`edition`] | when a day's data is published |
//! | [`figure`] | the public format of charts |
//! | [`recompute`] | a chart's numbers again, as SQL over public files |
//! | [`stored_charts`] | charts in the store, by week and program; and series of weeks |
//! | `chart_csv` | a chart's numbers as CSV |
//! | [`daily`] | when merging and charting is due |
//! | [`upkeep_state`] | the state of both inside a server |
//! | [`progress`] | progress of long work |

pub(crate) mod chart_csv;
pub mod charting;
pub mod daily;
pub mod edition;
pub mod figure;
pub mod index;
pub mod merging;
pub mod parquet;
pub mod populations;
#[cfg(test)]
pub(crate) mod power_cut;
pub mod progress;
pub mod public;
pub mod recompute;
pub mod statistics;
pub mod stored_charts;
#[cfg(test)]
mod testing;
pub mod upkeep_state;

pub use charting::{
    ChartError, Charted, ChartedWeek, ConfigUnder, CountFiles, LoggedConfigs, PlanError,
    PlanTables, Weeks, chart, chart_counts, plan_weeks,
};
pub use merging::{
    Loss, LostSegment, MergeError, Merged, MergedDataset, Merging, WaitingReports, lost_segments,
    merge, merge_after_loss, merge_at_once, merge_days,
};
pub use parquet::{ParquetError, ParquetReader, ParquetWriter};
pub use progress::{Phase, Progress, Unwatched};
pub use public::{PUBLIC_DATA, PublicData, PublicError};
pub use upkeep_state::{UpkeepState, Work, WorkState};
