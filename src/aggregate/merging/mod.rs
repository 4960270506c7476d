//! Uploads become the public data of days and weeks.
//!
//! # The life of an upload
//!
//! `received` reads what is not public yet: the receiver's segments and the rows that wait (`private`).
//! It hides rare stacks (`stacks`) and sorts (`sort`) everything into the order of public data (`line`),
//! in a folder of its own (`scratch`). `merge` combines the rows of a day with what is public of it, if
//! an [edition](super::edition) of that day is due. In batches (`batch`) the lines go to three writers
//! at once (`dataset`): Zstandard, gzip (`zstd_lines`, `gzip_lines`), and [Parquet](super::parquet).
//! The files of a week are put together from those of its days. `publication` makes files current, and
//! keeps track of all of them.
//!
//! | file | one idea |
//! | --- | --- |
//! | `merge` | the run, from locking to publishing |
//! | `merged` | its result |
//! | `merge_error` | why it stopped |
//! | `received` | reads and sorts what is not public yet |
//! | `lost` | notices segments that are missing or damaged |
//! | `identities` | which reports of batches are included |
//! | `private` | objects that are not served: rows that wait |
//! | `stacks` | hides stacks that few reports have |
//! | `sort` | sorts any number of lines in bounded memory |
//! | `packed` | lines with numbers for the texts that many of them share |
//! | `line` | the order of lines |
//! | `batch` | lines on their way to the writers |
//! | `dataset` | the three files of a day or week |
//! | `zstd_lines`, `gzip_lines` | lines, compressed |
//! | `publication` | makes new files current, all at once |
//! | `restore` | makes lost files again from others of the same reports |
//! | `scratch` | the folder for unfinished files |

mod batch;
#[cfg(test)]
mod batches_tests;
mod dataset;
mod gzip_lines;
mod identities;
mod line;
mod lost;
mod merge;
mod merge_error;
mod merged;
mod packed;
mod private;
mod publication;
mod received;
mod restore;
mod scratch;
mod sort;
mod stacks;
mod zstd_lines;

pub use lost::{Loss, LostSegment, lost_segments};
pub use merge::{Merging, merge, merge_after_loss, merge_at_once};
pub use merge_error::MergeError;
pub use merged::{Merged, MergedDataset, WaitingReports};
pub use restore::merge_days;
