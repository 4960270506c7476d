//! The arithmetic: from stored reports to public data, and from public data to charts.
//!
//! ```text
//! DIR/reports ── merging ──► public data (NDJSON, Parquet) ── charting ──► charts (JSON)
//! ```
//!
//! Charts are computed from the public data alone, so anyone can compute them again.
//!
//! | room or file | one idea |
//! | --- | --- |
//! | [`index`] | which public files there are |
//! | [`edition`] | when a day's data is published |
//! | [`public`] | reading them, and changing the index |
//! | [`merging`] | uploads become the files of days and weeks |
//! | [`mod@parquet`] | reports as Parquet, and in memory column by column |
//! | [`charting`] | the data of a week becomes figures |
//! | [`figure`] | the public shape of charts |
//! | [`statistics`] | estimates from weighted samples, with bounds that hold |
//! | [`daily`] | when merging and charting is due |
//! | [`upkeep_state`] | how both are doing inside a server |
//! | [`progress`] | how far long work has come |

pub(crate) mod chart_csv;
pub mod charting;
pub mod daily;
pub mod edition;
pub mod figure;
pub mod index;
pub mod merging;
pub mod parquet;
#[cfg(test)]
pub(crate) mod power_cut;
pub mod progress;
pub mod public;
pub mod statistics;
#[cfg(test)]
mod testing;
pub mod upkeep_state;

pub use charting::{ChartError, Charted, ChartedWeek, ConfigUnder, LoggedConfigs, Weeks, chart};
pub use merging::{
    Loss, LostSegment, MergeError, Merged, MergedDataset, Merging, WaitingReports, lost_segments,
    merge, merge_after_loss, merge_days,
};
pub use parquet::{ParquetError, ParquetReader, ParquetWriter};
pub use progress::{Phase, Progress, Unwatched};
pub use public::{PublicData, PublicError};
pub use upkeep_state::{UpkeepState, Work, WorkState};
