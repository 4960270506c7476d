//! Sealing a segment: records in order of arrival become public rows in random order.
//!
//! In this order, each step durable before the next: the identities of its reports go into the files of
//! seen reports; all its records, shuffled and without identities, into `ID.sealed`; the segment into
//! the list. Then `ID.open` is removed. A process that dies in between leaves an open segment, which is
//! sealed under the same id when the folder is opened again. Doing it twice is harmless, since a merge
//! knows the id. If `ID.sealed` exists already, only the remaining steps are done.
//!
//! An open segment with damaged bytes is renamed unchanged instead of shuffled: merges report the
//! damage until the file is put back or its whole records are accepted. An incomplete record at the end
//! is different: it was never synced, so nobody was told that it is stored, and it is left out. So is one with
//! sectors that were never written, among the last bytes: after a power cut a batch may lack any of its sectors. The
//! whole records of that batch are kept.

use super::folder::{self, OPEN, SEALED, TEMPORARY};
use super::framing::{self, Found, Records, SegmentKind};
use super::identity::Identity;
use super::journal_error::JournalError;
use super::limits::BATCH;
use super::seen::Seen;
use super::segment_id::SegmentId;
use super::segment_list::{SealedSegment, SegmentList};
use super::{sealed, shuffle};
use crate::durable;
use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::path::Path;

/// What sealing works on.
pub(super) struct Sealing<'a> {
    pub(super) folder: &'a Path,
    pub(super) seen: &'a mut Seen,
    pub(super) list: &'a mut SegmentList,
}

impl Sealing<'_> {
    /// Seals a segment of this process, to which nothing is appended any more: every byte of it was
    /// acknowledged.
    pub(super) fn seal(&mut self, id: SegmentId) -> io::Result<()> {
        let bytes = folder::read_regular(&folder::path(self.folder, id, OPEN))?;
        self.seal_bytes(id, &bytes, false)
    }

    /// Seals a segment that another process has left open.
    pub(super) fn seal_found(&mut self, id: SegmentId) -> Result<(), JournalError> {
        let path = folder::path(self.folder, id, OPEN);
        let failed =
            |source| JournalError::Io { action: "seal", path: path.display().to_string(), source };
        if folder::path(self.folder, id, SEALED).exists() {
            // It was sealed, but not removed.
            self.note_sealed_file(id).map_err(failed)?;
            return durable::remove_unsynced(&path).map(drop).map_err(failed);
        }
        let bytes = folder::read_regular(&path).map_err(failed)?;
        if let Some(version) = SegmentKind::Open.later_format(&bytes) {
            return Err(JournalError::LaterFormat { path: path.display().to_string(), version });
        }
        for found in Records::before_zeros(SegmentKind::Open, &bytes) {
            if let Found::Record(record) = found
                && let Some(identity) = Identity::from_bytes(record.identity)
            {
                self.seen.add_found(record.week, identity).map_err(failed)?;
            }
        }
        // From here on a report that was written but not synced counts as stored, so it must be durable
        // before it is known.
        durable::sync_file(&path).map_err(failed)?;
        self.seal_bytes(id, &bytes, true).map_err(failed)
    }

    /// Lists a sealed file, unless it is listed already.
    fn note_sealed_file(&mut self, id: SegmentId) -> io::Result<()> {
        if matches!(self.list.listed().segments.get(&id), Some(Some(_))) {
            return Ok(());
        }
        let bytes = folder::read_regular(&folder::path(self.folder, id, SEALED))?;
        let length = bytes.len() as u64;
        let reports = sealed::SealedRows::parse(bytes).len() as u64;
        self.list.note_sealed(id, SealedSegment { reports, bytes: length })
    }

    fn seal_bytes(&mut self, id: SegmentId, bytes: &[u8], may_be_torn: bool) -> io::Result<()> {
        let path = folder::path(self.folder, id, OPEN);
        let (mut rows, mut damage) = (Vec::new(), Vec::new());
        let records = match may_be_torn {
            true => Records::before_zeros(SegmentKind::Open, bytes),
            false => Records::new(SegmentKind::Open, bytes),
        };
        let end = records.end();
        for found in records {
            match found {
                Found::Record(record) => rows.push(record.row),
                Found::Damage(range) | Found::Tail(range) if !may_be_torn => damage.push(range),
                Found::Damage(range) if !is_unfinished(bytes, &range, end) => damage.push(range),
                Found::Damage(range) | Found::Tail(range) => tracing::warn!(
                    bytes = range.len(),
                    "{} ends with an incomplete report, which is left out: probably an unfinished \
                     write; its sender was not told that it is stored",
                    path.display()
                ),
            }
        }
        if rows.is_empty() && damage.is_empty() {
            // Nothing in it was acknowledged. The list first, so that the file does not count as lost.
            self.list.drop_segments(&BTreeSet::from([id]))?;
            return durable::remove_unsynced(&path).map(drop);
        }
        self.list.note_begun(id)?;
        self.seen.save()?;
        let reports = rows.len() as u64;
        let sealed_path = folder::path(self.folder, id, SEALED);
        let length = if let Some(range) = damage.first() {
            tracing::error!(
                "{} is damaged from byte {} to {}; it is kept as {} and not merged. Restore it from \
                 a copy, under that name",
                path.display(),
                range.start,
                range.end,
                sealed_path.display()
            );
            // Its zeros may have been cut off just now.
            durable::sync_file(&path)?;
            durable::rename(&path, &sealed_path)?;
            bytes.len()
        } else {
            shuffle::shuffle(&mut rows).map_err(io::Error::other)?;
            let content = sealed::encode(rows);
            let mut temporary = sealed_path.as_os_str().to_owned();
            temporary.push(format!(".{TEMPORARY}"));
            let make = durable::private_file;
            durable::replace(&sealed_path, Path::new(&temporary), &content, make)?;
            content.len()
        };
        self.list.note_sealed(id, SealedSegment { reports, bytes: length as u64 })?;
        durable::remove_unsynced(&path).map(drop)
    }

    /// Seals all segments that were left open, and removes half-written files. Fails when `check_stop`
    /// does.
    pub(super) fn seal_all_found(
        &mut self,
        check_stop: &dyn Fn() -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let failed = |source| JournalError::Io {
            action: "list",
            path: self.folder.display().to_string(),
            source,
        };
        for path in folder::temporaries(self.folder).map_err(failed)? {
            durable::remove_unsynced(&path).map_err(failed)?;
        }
        for id in folder::segments(self.folder, OPEN).map_err(failed)? {
            check_stop()?;
            self.seal_found(id)?;
        }
        Ok(())
    }
}

/// Whether damage is what an unfinished write leaves in a file whose last record ends at `end`.
fn is_unfinished(bytes: &[u8], range: &Range<usize>, end: usize) -> bool {
    let batch = BATCH + framing::MAX_CONTENT;
    end - range.start <= batch && framing::has_unwritten_sector(bytes, range)
}
