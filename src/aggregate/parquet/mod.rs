//! Reports as Parquet files, and in memory as columns.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`columns`] | reports in memory, as columns |
//! | `texts` | a table of distinct texts |
//! | [`schema`] | the columns of a file |
//! | [`writer`] | writes a file, row group by row group |
//! | `row` | reads a report's row into columns, without decoding the report |
//! | `pages` | the pages of a list's columns |
//! | `hybrid` | small numbers in runs and bit-packed, as pages have them |
//! | [`reader`] | reads a file, several row groups at once |
//! | `splice` | the file of a week from those of its days |
//! | [`table`] | small tables beside the reports |
//! | [`error`] | what can go wrong with a file |

pub mod columns;
pub mod error;
mod hybrid;
mod pages;
pub mod reader;
mod row;
pub mod schema;
pub(super) mod splice;
pub mod table;
#[cfg(test)]
mod tests;
mod texts;
pub mod writer;

pub use error::ParquetError;
pub use reader::ParquetReader;
pub use writer::ParquetWriter;
