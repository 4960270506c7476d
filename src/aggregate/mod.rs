//! The arithmetic: from stored reports to public data, and from public data to charts.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`index`] | which public files there are |
//! | [`public`] | reading them |
//! | [`columns`] | reports in memory, column by column |
//! | `texts` | a table of texts, each once |
//! | [`parquet_schema`] | the columns of a Parquet file |
//! | [`parquet_writer`] | writing one, row group by row group |
//! | [`parquet_reader`] | reading one, several row groups at once |
//! | [`parquet_error`] | what can go wrong with one |
//! | [`figure`] | the public shape of charts |
//! | [`sample`] | how much a set of weighted reports says |
//! | [`interval`] | shares of weighted reports, with bounds that hold |
//! | [`quantile`] | quantiles of weighted values, with bounds |
//! | [`raking`] | weights that give a sample the margins of its population |
//! | [`beta`] | the beta distribution, which bounds are made of |

pub mod beta;
pub mod columns;
pub mod figure;
pub mod index;
pub mod interval;
pub mod parquet_error;
pub mod parquet_reader;
pub mod parquet_schema;
#[cfg(test)]
mod parquet_tests;
pub mod parquet_writer;
pub mod public;
pub mod quantile;
pub mod raking;
pub mod sample;
#[cfg(test)]
mod testing;
mod texts;

pub use parquet_error::ParquetError;
pub use parquet_reader::ParquetReader;
pub use parquet_writer::ParquetWriter;
pub use public::{PublicData, PublicError};
