//! Sealing a segment: from what was appended in order of arrival to public rows in random order.
//!
//! In order, each step durable before the next: the identities of its reports into the files of seen
//! reports; all its records, shuffled and without identities, into `ID.sealed`; that into the list of
//! segments. Then `ID.open` is removed. Whoever dies in between leaves an open segment that the next
//! open of the folder seals, under the same id: doing it twice comes to the same, for a merge knows the
//! id. Where `ID.sealed` is there already, only the rest is done.
//!
//! An open segment in which bytes are damaged is not shuffled, but renamed as it is: a merge then names
//! the damage, until the file was put back or what is whole of it taken. Its end is another matter: what
//! is no whole record there was not synced, so nobody was told of it, and it is left out.

use super::folder::{self, OPEN, SEALED, TEMPORARY};
use super::framing::{Found, Records, SegmentKind};
use super::journal_error::JournalError;
use super::seen::{Identity, Seen};
use super::segment_id::SegmentId;
use super::segment_list::{SealedSegment, SegmentList};
use super::{sealed, shuffle};
use crate::durable;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// Where segments are sealed.
pub(super) struct Sealing<'a> {
    pub(super) folder: &'a Path,
    pub(super) seen: &'a mut Seen,
    pub(super) list: &'a mut SegmentList,
}

impl Sealing<'_> {
    /// Seals a segment that is not appended to any more, of which this process knows all reports: every
    /// byte of it was acknowledged.
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
            // Whoever sealed it came that far.
            self.note_sealed_file(id).map_err(failed)?;
            return durable::remove_unsynced(&path).map(drop).map_err(failed);
        }
        let bytes = folder::read_regular(&path).map_err(failed)?;
        if let Some(version) = SegmentKind::Open.later_format(&bytes) {
            return Err(JournalError::LaterFormat { path: path.display().to_string(), version });
        }
        for found in Records::new(SegmentKind::Open, &bytes) {
            if let Found::Record(record) = found
                && let Some(identity) = Identity::from_bytes(record.identity)
            {
                self.seen.add_found(record.week, identity).map_err(failed)?;
            }
        }
        // A report that was written and not synced is a stored one from here on: it must be there before
        // it is known.
        durable::sync_file(&path).map_err(failed)?;
        self.seal_bytes(id, &bytes, true).map_err(failed)
    }

    /// Lists a sealed file as it is, unless it is listed.
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
        for found in Records::new(SegmentKind::Open, bytes) {
            match found {
                Found::Record(record) => rows.push(record.row),
                Found::Damage(range) => damage.push(range),
                Found::Tail(range) if !may_be_torn => damage.push(range),
                Found::Tail(range) => tracing::warn!(
                    bytes = range.len(),
                    "{} ends with bytes that are no whole report, and they are left out: perhaps a \
                     write that did not come to its end, of which nobody was told",
                    path.display()
                ),
            }
        }
        if rows.is_empty() && damage.is_empty() {
            // Nothing was acknowledged in it. The list first, so that nobody misses the file.
            self.list.drop_segments(&BTreeSet::from([id]))?;
            return durable::remove_unsynced(&path).map(drop);
        }
        self.list.note_begun(id)?;
        self.seen.save()?;
        let reports = rows.len() as u64;
        let sealed_path = folder::path(self.folder, id, SEALED);
        let length = if let Some(range) = damage.first() {
            tracing::error!(
                "{} is damaged from byte {} to {}; it is kept as {}, and not merged as it is. Put it \
                 back from a copy, under that name",
                path.display(),
                range.start,
                range.end,
                sealed_path.display()
            );
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

    /// Seals all that was left open, and removes what was being written. Fails when `check_stop` does.
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
