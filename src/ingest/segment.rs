//! The open segment, which is appended to.
//!
//! The system calls of an append that succeeds, in order: `write` of a whole batch of records,
//! `fdatasync`. Zeros were written after the end before ([`ReservedFile`]), as many as the segment is long, up to
//! [`MOST_RESERVED`], unless the batch is large. Then its path must still lead to this file: otherwise it was removed, and the batch
//! with it. Only then is the batch durable, and only then are its senders told.
//!
//! When the segment is finished, the zeros are cut off. A process that dies leaves them; they are not damage, nor are
//! those in front of what an unfinished write has left (`sealing`).
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
use crate::durable::{self, ReservedFile};
use std::fmt::Debug;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How many zeros are written ahead, at least and at most.
const LEAST_RESERVED: u64 = 4 << 10;
const MOST_RESERVED: u64 = 1 << 20;
/// Zeros are not written for a batch that is larger than this: they would cost it more than they save.
const LARGE_BATCH: usize = 64 << 10;

/// The operations on a segment's file. Tests replace it by a disk that fails.
pub(super) trait Disk: Debug + Send {
    /// Writes all of the bytes at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes what was written durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Truncates the file to this length, durably.
    fn cut(&mut self, length: u64) -> io::Result<()>;
    /// Makes room for so many bytes after the end, by writing `zeros` there, if the file does that.
    fn reserve(&mut self, bytes: usize, zeros: u64) {
        let _ = (bytes, zeros);
    }
    /// Truncates the file to this length, which only removes zeros.
    fn cut_reserved(&mut self, length: u64) -> io::Result<()> {
        let _ = length;
        Ok(())
    }
    /// Fails unless the path leads to this file.
    fn check_path(&self, path: &Path) -> io::Result<()> {
        let _ = path;
        Ok(())
    }
}

impl Disk for ReservedFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        ReservedFile::append(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        ReservedFile::sync(self)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        ReservedFile::cut(self, length)
    }

    fn reserve(&mut self, bytes: usize, zeros: u64) {
        if self.reserved() < bytes as u64 {
            let zeros = usize::try_from(zeros).unwrap_or(bytes).max(bytes);
            // If there is no room for zeros, there may be some for records.
            let _ = ReservedFile::reserve(self, zeros);
        }
    }

    fn cut_reserved(&mut self, length: u64) -> io::Result<()> {
        match self.reserved() {
            0 => Ok(()),
            _ => self.cut_unsynced(length),
        }
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
        let file = folder::open_regular(&path, options.write(true).create_new(true))?;
        let mut file = ReservedFile::new(file, &path, 0)?;
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
        if records.len() <= LARGE_BATCH {
            let zeros = self.durable.clamp(LEAST_RESERVED, MOST_RESERVED);
            self.disk.reserve(records.len(), zeros);
        }
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

    /// Leaves nothing in the file but durable records, to which nothing is added any more.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.cut_torn()?;
        self.disk.cut_reserved(self.durable)
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
        let file = OpenOptions::new().write(true).open(&self.path).expect("the segment's file");
        let file = ReservedFile::new(file, &self.path, self.durable).expect("a file");
        self.disk = with(Box::new(file));
    }
}
