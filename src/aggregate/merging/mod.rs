//! Uploads become the public data of days and weeks.
//!
//! # The life of an upload
//!
//! `received` reads what is not public yet, the segments of the receiver's buffer and the rows that
//! wait (`private`), hides the stacks that few reports have (`stacks`), and sorts (`sort`) all of it
//! into the order of public data (`line`), in a folder that is no one else's (`scratch`). `merge`
//! unites it with what is public of its day, if an [edition](super::edition) of that is due. In batches
//! (`batch`) the lines go to three writers at once (`dataset`): Zstandard, gzip (`zstd_lines`,
//! `gzip_lines`), and [Parquet](super::parquet). Files of weeks are put together from those of days.
//! `publication` makes files current, and forgets none. `lost` misses segments that are gone before they
//! were merged; `restore` makes files again that are.

mod batch;
mod dataset;
mod gzip_lines;
mod line;
mod lost;
mod merge;
mod merge_error;
mod merged;
mod private;
mod publication;
mod received;
mod restore;
mod scratch;
mod sort;
mod stacks;
mod zstd_lines;

pub use lost::{Loss, LostSegment, lost_segments};
pub use merge::{Merging, merge, merge_after_loss};
pub use merge_error::MergeError;
pub use merged::{Merged, MergedDataset, WaitingReports};
pub use restore::merge_days;
