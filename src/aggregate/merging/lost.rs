//! Segments that are not merged, and are missing or damaged.
//!
//! The receiver lists every segment before its first report is acknowledged, and the index names every
//! segment that it includes. A listed segment that the index does not name and that has no file has
//! lost reports; so has one whose file is damaged. As long as there is one, no last edition is
//! published, so that the segment can still be restored.
//!
//! A segment that is lost together with both copies of the list is not noticed.

use super::merge_error::MergeError;
use crate::aggregate::index::Index;
use crate::aggregate::public::PublicData;
use crate::count::count;
use crate::ingest::{
    Buffer, ReadError, SealedFile, SealedSegment, SegmentId, listed_segments, sealed_file_name,
};
use crate::store::Store;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A segment that has lost reports, or a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostSegment {
    /// Its id.
    pub id: SegmentId,
    /// Its name, relative to the deployment or in the store.
    pub name: String,
    /// Its size, if it was sealed.
    pub sealed: Option<SealedSegment>,
    /// What is wrong with it.
    pub loss: Loss,
}

/// How a segment has lost reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// Its file is missing.
    Missing,
    /// These bytes are damaged.
    Damaged(Range<usize>),
    /// It cannot be read now.
    Unreadable(String),
}

impl LostSegment {
    /// Whether its file is damaged, rather than missing.
    pub fn is_damaged(&self) -> bool {
        matches!(self.loss, Loss::Damaged(_))
    }

    /// A segment that could not be read.
    pub(super) fn unread(segment: &SealedFile, error: &ReadError) -> LostSegment {
        let loss = match error {
            ReadError::Damaged { bytes, .. } => Loss::Damaged(bytes.clone()),
            other => Loss::Unreadable(other.to_string()),
        };
        LostSegment { id: segment.id(), name: segment.name(), sealed: None, loss }
    }
}

impl fmt::Display for LostSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LostSegment { id, name, sealed, loss } = self;
        match (loss, sealed) {
            (Loss::Missing, Some(SealedSegment { reports, .. })) => {
                let are = if *reports == 1 { "is" } else { "are" };
                let reports = count(*reports, "report");
                write!(f, "{name} is missing, and its {reports} {are} not merged")
            }
            (Loss::Missing, None) => {
                write!(
                    f,
                    "{name} is missing, and the reports that were stored in it are not merged"
                )
            }
            (Loss::Damaged(bytes), _) => write!(
                f,
                "{name} is damaged from byte {} to {}, so none of it is merged",
                bytes.start, bytes.end
            ),
            (Loss::Unreadable(error), _) => write!(f, "{error}; it is not merged"),
        }?;
        write!(
            f,
            ". Restore the file from a copy and run `candor merge`; if there is no copy, `candor \
             merge --give-up {id}` merges what can be read of it and gives up the rest. Until then \
             no last edition is published"
        )
    }
}

/// The segments of a deployment that have lost reports; all of them are read.
pub fn lost_segments(
    buffer: &Buffer,
    store: &Arc<dyn Store>,
) -> Result<Vec<LostSegment>, MergeError> {
    // The list first, then the files, then the index: a segment that is merged meanwhile is in it.
    let missing = missing(buffer)?;
    let mut lost = Vec::new();
    for file in buffer.segments()? {
        match file.read() {
            Ok(_) | Err(ReadError::Gone { .. }) => {}
            Err(error) => lost.push(LostSegment::unread(&file, &error)),
        }
    }
    let index = PublicData::new(store.clone()).index()?;
    lost.extend(missing);
    lost.retain(|lost| !index.segments.contains_key(&lost.id));
    Ok(lost)
}

/// Listed segments without a file; the index may include some of them. Nothing lists batches: whether one is there
/// is for the store to know.
fn missing(buffer: &Buffer) -> Result<Vec<LostSegment>, ReadError> {
    let Some(reports) = buffer.folder() else { return Ok(Vec::new()) };
    let listed = listed_segments(reports)?.segments;
    let is_there = |id: &SegmentId| {
        let name = |end: &str| reports.join(format!("{id}.{end}"));
        // Sealing makes the second file before it removes the first.
        name("open").exists() || name("sealed").exists()
    };
    let missing = listed.into_iter().filter(|(id, _)| !is_there(id));
    let lost =
        |(id, sealed)| LostSegment { id, name: sealed_file_name(id), sealed, loss: Loss::Missing };
    Ok(missing.map(lost).collect())
}

/// Listed segments that have no file and are not in this index.
pub(super) fn missing_from(buffer: &Buffer, index: &Index) -> Result<Vec<LostSegment>, ReadError> {
    let mut missing = missing(buffer)?;
    missing.retain(|lost| !index.segments.contains_key(&lost.id));
    Ok(missing)
}
