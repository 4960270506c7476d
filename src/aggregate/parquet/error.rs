//! What can go wrong with a Parquet file.

use std::io;

/// Why a Parquet file could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParquetError {
    /// The format's library refused: the file is damaged, or the disk is full.
    #[error("Parquet: {0}")]
    Format(#[from] parquet::errors::ParquetError),
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file does not have the columns of [`schema`](super::schema::schema).
    #[error("not a Parquet file of reports: {0}")]
    Other(String),
}
