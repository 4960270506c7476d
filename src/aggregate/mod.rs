//! The arithmetic: from stored reports to public data, and from public data to charts.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`index`] | which public files there are |
//! | [`public`] | reading them, and changing the index |
//! | [`merge`](mod@merge) | uploads become the files of days and weeks |
//! | `uploads` | reading and sorting what was uploaded |
//! | `publication` | how files become current, and none is forgotten |
//! | `read_state` | what of the uploads was merged already |
//! | `line` | the order of public data |
//! | `sort` | sorting more than fits in memory |
//! | `scratch` | where files are before they are public |
//! | `batch` | lines on their way to the writers |
//! | `dataset` | the three files of the same reports |
//! | `zstd_lines`, `gzip_lines` | reports as newline-delimited JSON |
//! | [`columns`] | reports in memory, column by column |
//! | `texts` | a table of texts, each once |
//! | [`parquet_schema`] | the columns of a Parquet file |
//! | [`parquet_writer`] | writing one, row group by row group |
//! | [`parquet_reader`] | reading one, several row groups at once |
//! | `parquet_splice` | the Parquet file of a week from those of its days |
//! | [`parquet_error`] | what can go wrong with one |
//! | [`progress`] | how far long work has come |
//! | [`daily`] | when merging and charting is due |
//! | [`figure`] | the public shape of charts |
//! | `chart` | the data of weeks becomes charts |
//! | `configs` | the configs that reports name, out of the log |
//! | [`week`] | the charts of one week, from its reports |
//! | `plan`, `marginal_plan` | which counter feeds which row of which figure |
//! | `parts` | the parts of reports that are tallied apart |
//! | `stacks` | stacks, grouped by functions |
//! | `count` | counting reports, row group by row group |
//! | `united` | what some builds of one report hold together |
//! | `tally` | what was counted, in integers |
//! | `weighted` | which of the counted reports speak, and how much each weighs |
//! | `figures`, `rows` | from counts to figures |
//! | `ratio` | how quotients are distributed |
//! | `reweight` | figures, weighted to published marginals |
//! | `order` | the order of versions and toolchains |
//! | [`sample`] | how much a set of weighted reports says |
//! | [`interval`] | shares of weighted reports, with bounds that hold |
//! | [`quantile`] | quantiles of weighted values, with bounds |
//! | [`raking`] | weights that give a sample the margins of its population |
//! | [`beta`] | the beta distribution, which bounds are made of |

mod batch;
pub mod beta;
mod chart;
pub mod columns;
mod configs;
mod count;
pub mod daily;
mod dataset;
pub mod figure;
mod figures;
mod gzip_lines;
pub mod index;
pub mod interval;
mod line;
mod marginal_plan;
pub mod merge;
mod order;
pub mod parquet_error;
pub mod parquet_reader;
pub mod parquet_schema;
mod parquet_splice;
#[cfg(test)]
mod parquet_tests;
pub mod parquet_writer;
mod parts;
mod plan;
pub mod progress;
pub mod public;
mod publication;
pub mod quantile;
pub mod raking;
mod ratio;
mod read_state;
mod reweight;
mod rows;
pub mod sample;
mod scratch;
mod sort;
mod stacks;
mod tally;
#[cfg(test)]
mod testing;
mod texts;
mod united;
mod uploads;
pub mod week;
mod weighted;
mod zstd_lines;

pub use chart::{ChartError, Charted, ChartedWeek, Weeks, chart};
pub use configs::LoggedConfigs;
pub use merge::{MergeError, Merged, MergedDataset, merge, merge_days};
pub use parquet_error::ParquetError;
pub use parquet_reader::ParquetReader;
pub use parquet_writer::ParquetWriter;
pub use plan::ConfigUnder;
pub use progress::{Phase, Progress, Unwatched};
pub use public::{PublicData, PublicError};
