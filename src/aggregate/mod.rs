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
//! | [`figure`] | the public shape of charts |

mod batch;
pub mod columns;
mod dataset;
pub mod figure;
mod gzip_lines;
pub mod index;
mod line;
pub mod merge;
pub mod parquet_error;
pub mod parquet_reader;
pub mod parquet_schema;
mod parquet_splice;
#[cfg(test)]
mod parquet_tests;
pub mod parquet_writer;
pub mod progress;
pub mod public;
mod publication;
mod read_state;
mod scratch;
mod sort;
#[cfg(test)]
mod testing;
mod texts;
mod uploads;
mod zstd_lines;

pub use merge::{MergeError, Merged, MergedDataset, merge, merge_days};
pub use parquet_error::ParquetError;
pub use parquet_reader::ParquetReader;
pub use parquet_writer::ParquetWriter;
pub use progress::{Phase, Progress, Unwatched};
pub use public::{PublicData, PublicError};
