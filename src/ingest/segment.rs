//! The one segment that is appended to.
//!
//! The system calls of a happy append, in order: `write` of a whole batch of records, `fdatasync`.
//! Then the file must be the one that its path leads to: otherwise it was removed, and the batch with it.
//! Only then is the batch durable, and only then is anyone told.
//!
//! A `write` or `fdatasync` that fails (a full disk, a broken one) leaves bytes behind that nobody
//! was told of. Before anything else is appended, the file is cut back to its last durable byte and
//! synced; while that fails too, so does every append. So no later record ever stands behind a torn
//! one. After a `fdatasync` that failed nothing is appended to the file any more
//! ([`durable`] says why): the next record goes to a new segment.
//!
//! Beginning a segment: write the header to the new file, `fsync` the folder; the header is synced with
//! the first records. It is begun when there is a first record to put into it.

use super::folder::{self, OPEN};
use super::framing::SegmentKind;
use super::segment_id::SegmentId;
use crate::durable::{self, AppendFile};
use std::fmt::Debug;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What is done to a segment's file. Tests put a disk that fails in its place.
pub(super) trait Disk: Debug + Send {
    /// Writes all of the bytes at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes what was written durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file to this length, durably.
    fn cut(&mut self, length: u64) -> io::Result<()>;
    /// Fails unless the path leads to the file that is written to.
    fn check_path(&self, path: &Path) -> io::Result<()> {
        let _ = path;
        Ok(())
    }
}

impl Disk for AppendFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        AppendFile::append(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        AppendFile::sync(self)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        AppendFile::cut(self, length)
    }

    fn check_path(&self, path: &Path) -> io::Result<()> {
        folder::check_path(&self.metadata()?, path)
    }
}

/// A segment that is appended to.
#[derive(Debug)]
pub(super) struct Segment {
    id: SegmentId,
    path: PathBuf,
    disk: Box<dyn Disk>,
    /// The bytes that are durable: everything up to here is whole records.
    durable: u64,
    /// Whether there may be bytes beyond `durable`.
    torn: bool,
    /// Whether a sync has failed, so that nothing may be appended any more.
    closed: bool,
    /// When its first record was stored.
    since: Option<Instant>,
}

impl Segment {
    /// Begins a segment.
    pub(super) fn create(folder: &Path, id: SegmentId) -> io::Result<Segment> {
        let path = folder::path(folder, id, OPEN);
        let mut options = OpenOptions::new();
        let file = folder::open_regular(&path, options.append(true).create_new(true))?;
        let mut file = AppendFile::new(file, &path);
        let header = SegmentKind::Open.header();
        let written = file.append(&header);
        if let Err(error) = written.and_then(|()| durable::sync_folder(folder)) {
            // Where it cannot be removed either, the next open of the folder does it: it is empty.
            let _ = durable::remove_unsynced(&path);
            return Err(error);
        }
        Ok(Segment {
            id,
            path,
            disk: Box::new(file),
            durable: header.len() as u64,
            torn: false,
            closed: false,
            since: None,
        })
    }

    /// Appends whole records, durably or not at all.
    pub(super) fn append(&mut self, records: &[u8]) -> io::Result<()> {
        if self.closed {
            return Err(io::Error::other("a sync of this segment has failed before"));
        }
        self.cut_torn()?;
        self.torn = true;
        let written = self.disk.append(records).and_then(|()| {
            self.closed = true;
            self.disk.sync()?;
            self.closed = false;
            Ok(())
        });
        if let Err(error) = written {
            // Gives space back where the disk is full. If it fails, the next append tries again.
            let _ = self.cut_torn();
            return Err(error);
        }
        self.torn = false;
        self.durable += records.len() as u64;
        self.since.get_or_insert_with(Instant::now);
        Ok(())
    }

    /// Removes what a failed append may have left: to be done before anything is stored elsewhere, for
    /// what is left may be whole.
    pub(super) fn cut_torn(&mut self) -> io::Result<()> {
        if self.torn {
            self.disk.cut(self.durable)?;
            self.torn = false;
        }
        Ok(())
    }

    /// Fails unless the segment can be found where it should be: what is written to a file that was
    /// removed, or whose folder was, is lost.
    pub(super) fn check_path(&self) -> io::Result<()> {
        self.disk.check_path(&self.path)
    }

    /// Whether nothing may be appended to it any more.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The bytes that are durable.
    pub(super) fn length(&self) -> u64 {
        self.durable
    }

    /// Its id.
    pub(super) fn id(&self) -> SegmentId {
        self.id
    }

    /// For how long it has had a record.
    pub(super) fn age(&self) -> Option<Duration> {
        self.since.map(|since| since.elapsed())
    }

    #[cfg(test)]
    pub(super) fn replace_disk(&mut self, with: impl FnOnce(Box<dyn Disk>) -> Box<dyn Disk>) {
        let file = OpenOptions::new().append(true).open(&self.path).expect("the segment's file");
        self.disk = with(Box::new(AppendFile::new(file, &self.path)));
    }
}
