//! Uploads become the public data of days and weeks.
//!
//! # The life of an upload
//!
//! `uploads` reads what was stored since the last merge (`read_state` remembers how far that was)
//! and sorts it (`sort`) into the order of public data (`line`), in a folder that is no one else's
//! (`scratch`). `merge` unites it with what is public of its day. In batches (`batch`) the lines go
//! to three writers at once (`dataset`): Zstandard, gzip (`zstd_lines`, `gzip_lines`), and
//! [Parquet](super::parquet). Files of weeks are put together from those of days. `publication` makes
//! files current, and forgets none. `lost` misses segments that are gone before they were merged.

mod batch;
mod dataset;
mod gzip_lines;
mod line;
mod lost;
mod merge;
mod publication;
mod read_state;
mod scratch;
mod sort;
mod uploads;
mod zstd_lines;

pub use lost::{Loss, LostSegment, lost_segments};
pub use merge::{MergeError, Merged, MergedDataset, merge, merge_after_loss, merge_days};
