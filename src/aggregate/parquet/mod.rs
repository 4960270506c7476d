//! Reports as Parquet files, and in memory as columns.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`columns`] | reports in memory, as columns |
//! | `texts` | a table of distinct texts |
//! | [`schema`] | the columns of a file |
//! | [`writer`] | writes a file, row group by row group |
//! | [`reader`] | reads a file, several row groups at once |
//! | `splice` | the file of a week from those of its days |
//! | [`table`] | small tables beside the reports |
//! | [`error`] | what can go wrong with a file |

pub mod columns;
pub mod error;
pub mod reader;
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
