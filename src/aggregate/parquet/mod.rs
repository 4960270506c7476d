//! Reports as Parquet files, and in memory column by column.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`columns`] | reports in memory, column by column |
//! | `texts` | a table of texts, each once |
//! | [`schema`] | the columns of a file |
//! | [`writer`] | writing one, row group by row group |
//! | [`reader`] | reading one, several row groups at once |
//! | `splice` | the file of a week from those of its days |
//! | [`error`] | what can go wrong with one |

pub mod columns;
pub mod error;
pub mod reader;
pub mod schema;
pub(super) mod splice;
#[cfg(test)]
mod tests;
mod texts;
pub mod writer;

pub use error::ParquetError;
pub use reader::ParquetReader;
pub use writer::ParquetWriter;
