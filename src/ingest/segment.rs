//! The open segment, which is appended to.
//!
//! The system calls of an append that succeeds, in order: `write` of a whole batch of records,
//! `fdatasync`. Then its path must still lead to this file: otherwise it was removed, and the batch
//! with it. Only then is the batch durable, and only then are its senders told.
//!
//! A `write` or `fdatasync` that fails (a full disk, a broken one) may leave bytes behind. Before
//! anything else is appended, the file is truncated to its last durable byte and synced; while that
//! fails, every append fails. So no record ever follows a torn one. After a failed `fdatasync`, nothing
//! is appended to the file any more ([`durable`] says why): the next record goes to a new segment.
//!
//! Starting a segment: write the header to the new file, `fsync` the folder; the header is synced with
//! the first records. A segment is started when there is a first record for it.

use super::folder::{self, OPEN};
use super::framing::SegmentKind;
use super::segment_id::SegmentId;
use crate::durable::{self, AppendFile};
use std::fmt::Debug;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The operations on a segment's file. Tests replace it by a disk that fails.
pub(super) trait Disk: Debug + Send {
    /// Writes all of the bytes at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes what was written durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Truncates the file to this length, durably.
    fn cut(&mut self, length: u64) -> io::Result<()>;
    /// Fails unless the path leads to this file.
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

/// An open segment.
#[derive(Debug)]
pub(super) struct Segment {
    id: SegmentId,
    path: PathBuf,
    disk: Box<dyn Disk>,
    /// The length of the durable part, which is whole records.
    durable: u64,
    /// Whether there may be bytes beyond `durable`.
    torn: bool,
    /// Whether a sync has failed, so that nothing more may be appended.
    closed: bool,
    /// When its first record was stored.
    since: Option<Instant>,
}

impl Segment {
    /// Starts a segment.
    pub(super) fn create(folder: &Path, id: SegmentId) -> io::Result<Segment> {
        let path = folder::path(folder, id, OPEN);
        let mut options = OpenOptions::new();
        let file = folder::open_regular(&path, options.append(true).create_new(true))?;
        let mut file = AppendFile::new(file, &path);
        let header = SegmentKind::Open.header();
        let written = file.append(&header);
        if let Err(error) = written.and_then(|()| durable::sync_folder(folder)) {
            // If removing it fails, too, it is removed when the folder is opened again, since it is
            // empty.
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
            return Err(io::Error::other("an earlier sync of this segment failed"));
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
            // Frees space if the disk is full. If this fails, the next append tries again.
            let _ = self.cut_torn();
            return Err(error);
        }
        self.torn = false;
        self.durable += records.len() as u64;
        self.since.get_or_insert_with(Instant::now);
        Ok(())
    }

    /// Removes what a failed append may have left. Must be done before the same reports are stored
    /// elsewhere, since what is left may be whole records.
    pub(super) fn cut_torn(&mut self) -> io::Result<()> {
        if self.torn {
            self.disk.cut(self.durable)?;
            self.torn = false;
        }
        Ok(())
    }

    /// Fails unless the segment's path still leads to it: writes to a removed file are lost.
    pub(super) fn check_path(&self) -> io::Result<()> {
        self.disk.check_path(&self.path)
    }

    /// Whether nothing more may be appended.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The length of the durable part.
    pub(super) fn length(&self) -> u64 {
        self.durable
    }

    /// Its id.
    pub(super) fn id(&self) -> SegmentId {
        self.id
    }

    /// The age of its first record.
    pub(super) fn age(&self) -> Option<Duration> {
        self.since.map(|since| since.elapsed())
    }

    #[cfg(test)]
    pub(super) fn replace_disk(&mut self, with: impl FnOnce(Box<dyn Disk>) -> Box<dyn Disk>) {
        let file = OpenOptions::new().append(true).open(&self.path).expect("the segment's file");
        self.disk = with(Box::new(AppendFile::new(file, &self.path)));
    }
}
