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
//! the first records. Sealing, once the next segment has begun: `rename`, and no sync: a segment that has
//! its old name again after a power cut is sealed by the next open of the folder. Both are then noted in
//! the list of segments, by whoever asked for it.

use super::check::Identity;
use super::folder::{self, SegmentName};
use super::record::HEADER;
use super::segment_list::{IdentitiesHash, SealedSegment};
use crate::durable::{self, AppendFile};
use jiff::civil::Date;
use std::fmt::Debug;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

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

    #[cfg(unix)]
    fn check_path(&self, path: &Path) -> io::Result<()> {
        use std::os::unix::fs::MetadataExt;
        let (own, found) = (self.metadata()?, std::fs::metadata(path)?);
        match (own.dev(), own.ino()) == (found.dev(), found.ino()) {
            true => Ok(()),
            false => Err(io::Error::other("another file has taken its place")),
        }
    }
}

/// A segment that is appended to.
#[derive(Debug)]
pub(super) struct Segment {
    folder: PathBuf,
    number: u64,
    disk: Box<dyn Disk>,
    /// The bytes that are durable: everything up to here is whole records.
    durable: u64,
    /// Whether there may be bytes beyond `durable`.
    torn: bool,
    /// Whether a sync has failed, so that nothing may be appended any more.
    closed: bool,
    contents: Contents,
}

/// What is in a segment.
#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    /// The latest week of its records, if it has any.
    pub(super) latest: Option<Date>,
    /// Its records' identities.
    pub(super) identities: IdentitiesHash,
}

impl Contents {
    /// What is listed of a segment of so many bytes with these contents, once it is sealed; nothing
    /// without a single record.
    pub(super) fn sealed(&self, bytes: u64) -> Option<SealedSegment> {
        let Contents { latest, identities } = self;
        let reports = identities.count();
        latest.map(|until| SealedSegment { until, reports, bytes, identities: identities.hex() })
    }
}

impl Segment {
    /// Begins a segment.
    pub(super) fn create(folder: &Path, number: u64) -> io::Result<Segment> {
        let path = folder.join(SegmentName { number, until: None }.file_name());
        let file = OpenOptions::new().append(true).create_new(true).open(&path)?;
        let mut file = AppendFile::new(file, &path);
        let written = file.append(&HEADER);
        if let Err(error) = written.and_then(|()| durable::sync_folder(folder)) {
            // Without its header it is no segment. Where it cannot be removed either, the next open
            // of the folder finds it empty and begins it anew.
            let _ = durable::remove_unsynced(&path);
            return Err(error);
        }
        Ok(Segment::with(folder, number, Box::new(file), HEADER.len() as u64, Contents::default()))
    }

    /// Goes on with a segment of which `whole` bytes are whole records; the rest is cut off.
    pub(super) fn resume(
        folder: &Path,
        number: u64,
        whole: u64,
        contents: Contents,
    ) -> io::Result<Segment> {
        let path = folder.join(SegmentName { number, until: None }.file_name());
        let file = folder::open_regular(&path, OpenOptions::new().append(true))?;
        let mut file = AppendFile::new(file, &path);
        // Also when nothing is torn: the writer before may have died between write and sync.
        file.cut(whole)?;
        let mut durable = whole;
        if whole == 0 {
            file.append(&HEADER)?;
            durable = HEADER.len() as u64;
        }
        durable::sync_folder(folder)?;
        Ok(Segment::with(folder, number, Box::new(file), durable, contents))
    }

    fn with(
        folder: &Path,
        number: u64,
        disk: Box<dyn Disk>,
        durable: u64,
        contents: Contents,
    ) -> Segment {
        Segment {
            folder: folder.to_owned(),
            number,
            disk,
            durable,
            torn: false,
            closed: false,
            contents,
        }
    }

    /// Appends whole records with these identities, the latest of which is of this week, durably or
    /// not at all.
    pub(super) fn append(
        &mut self,
        records: &[u8],
        identities: &[Identity],
        latest: Date,
    ) -> io::Result<()> {
        if self.closed {
            return Err(io::Error::other("a sync of this segment has failed before"));
        }
        self.mend()?;
        self.torn = true;
        let written = self.disk.append(records).and_then(|()| {
            self.closed = true;
            self.disk.sync()?;
            self.closed = false;
            Ok(())
        });
        if let Err(error) = written {
            // Gives space back where the disk is full. If it fails, the next append tries again.
            let _ = self.mend();
            return Err(error);
        }
        self.torn = false;
        self.durable += records.len() as u64;
        self.contents.latest = self.contents.latest.max(Some(latest));
        identities.iter().for_each(|identity| self.contents.identities.add(*identity));
        Ok(())
    }

    /// Removes what a failed append may have left.
    fn mend(&mut self) -> io::Result<()> {
        if self.torn {
            self.disk.cut(self.durable)?;
            self.torn = false;
        }
        Ok(())
    }

    /// Fails unless the segment can be found where it should be: what is written to a file that was
    /// removed, or whose folder was, is lost.
    pub(super) fn check_path(&self) -> io::Result<()> {
        let name = SegmentName { number: self.number, until: None }.file_name();
        let path = self.folder.join(name);
        self.disk.check_path(&path).map_err(|error| {
            let path = path.display();
            io::Error::new(
                error.kind(),
                format!("{path} is not the file that is written to: {error}"),
            )
        })
    }

    /// Whether nothing may be appended to it any more.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The bytes that are durable.
    pub(super) fn length(&self) -> u64 {
        self.durable
    }

    /// The segment's number.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Begins the next segment, goes on with that, and seals this one: the number of the one that was
    /// sealed, and what is in it. Where the next one cannot be begun, this one goes on; where this one
    /// cannot be sealed, the next open of the folder does it.
    pub(super) fn succeed(&mut self) -> io::Result<(u64, Option<SealedSegment>)> {
        self.mend()?;
        let next = Segment::create(&self.folder, self.number + 1)?;
        let Segment { folder, number, contents, durable, .. } = std::mem::replace(self, next);
        seal(&folder, number, contents.latest)?;
        Ok((number, contents.sealed(durable)))
    }

    #[cfg(test)]
    pub(super) fn replace_disk(&mut self, with: impl FnOnce(Box<dyn Disk>) -> Box<dyn Disk>) {
        let name = SegmentName { number: self.number, until: None }.file_name();
        let path = self.folder.join(name);
        let file = OpenOptions::new().append(true).open(&path).expect("the segment's file");
        self.disk = with(Box::new(AppendFile::new(file, &path)));
    }
}

/// Gives an open segment the name of a sealed one. Without a single record there is nothing to
/// seal.
pub(super) fn seal(folder: &Path, number: u64, latest: Option<Date>) -> io::Result<()> {
    if latest.is_some() {
        let from = SegmentName { number, until: None }.file_name();
        let to = SegmentName { number, until: latest }.file_name();
        durable::rename_unsynced(&folder.join(from), &folder.join(to))?;
    }
    Ok(())
}
