//! The files in the receiver's folder.
//!
//! ```text
//! DIR/reports.segments      a second copy of `reports/segments`, outside the folder
//! DIR/reports/.lock         held (flock) by the one process that appends
//! DIR/reports/segments      which segments there are (`segment_list`)
//! DIR/reports/seen/DATE     which reports of a day are stored (`seen`)
//! DIR/reports/ID.open       the open segment (`segment`), if anything waits to be sealed
//! DIR/reports/ID.sealed     a sealed one (`sealed`), until a merge removes it
//! DIR/reports/.seal, merged requests to the receiver (`requests`)
//! ```
//!
//! A file that ends with `.tmp` is left over from a process that ended while writing it; the next one
//! removes it.

use super::segment_id::SegmentId;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The extension of an open segment.
pub(super) const OPEN: &str = "open";
/// The extension of a sealed segment.
pub(super) const SEALED: &str = "sealed";
/// The extension of a file that is being written.
pub(super) const TEMPORARY: &str = "tmp";
/// The lock's name.
const LOCK: &str = ".lock";

/// The path of a segment's file.
pub(super) fn path(folder: &Path, id: SegmentId, end: &str) -> PathBuf {
    folder.join(format!("{id}.{end}"))
}

/// The segments that have a file with this extension, in the order of their ids.
pub(super) fn segments(folder: &Path, end: &str) -> io::Result<Vec<SegmentId>> {
    let mut ids = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        // A copy with another name is not ours.
        let id = name.to_str().and_then(|name| name.strip_suffix(end)?.strip_suffix('.'));
        ids.extend(id.and_then(|id| id.parse::<SegmentId>().ok()));
    }
    ids.sort_unstable();
    Ok(ids)
}

/// Left-over files of a process that ended while writing them.
pub(super) fn temporaries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == TEMPORARY) {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// Creates folders that only their owner may use.
pub(super) fn private() -> DirBuilder {
    #[allow(unused_mut)]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// Opens a regular file: opening or reading anything else, such as a named pipe, might wait for ever. A
/// file that is created is for its owner only.
pub(super) fn open_regular(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(nix::libc::O_NONBLOCK).mode(0o600);
    }
    let file = options.open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file")),
    }
}

/// All bytes of a regular file.
pub(super) fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path, OpenOptions::new().read(true))?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Fails unless this path leads to this file.
pub(super) fn check_path(file: &fs::Metadata, path: &Path) -> io::Result<()> {
    let failed = |error: io::Error| {
        let path = path.display();
        io::Error::new(error.kind(), format!("{path} was replaced: {error}"))
    };
    let found = fs::metadata(path).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if (file.dev(), file.ino()) != (found.dev(), found.ino()) {
            return Err(failed(io::Error::other("another file has taken its place")));
        }
    }
    let _ = (file, found);
    Ok(())
}

/// The right to change the files in a folder, until it is dropped.
#[derive(Debug)]
pub(super) struct Lock(File, PathBuf);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a child that was just started still has it open, until its program runs.
        let _ = self.0.unlock();
    }
}

impl Lock {
    /// Takes the folder's lock; `None` if another process has it.
    pub(super) fn take(folder: &Path) -> io::Result<Option<Lock>> {
        let path = folder.join(LOCK);
        let mut options = OpenOptions::new();
        let file = open_regular(&path, options.create(true).truncate(false).write(true))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock(file, path))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Fails unless the folder is still the one that was locked.
    pub(super) fn check_path(&self) -> io::Result<()> {
        check_path(&self.0.metadata()?, &self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written_and_no_others() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let id = SegmentId::random().expect("an id");
        fs::write(path(folder.path(), id, OPEN), "").expect("written");
        for other in [".lock", "1.open", "seen", &format!("{id}.open~"), &format!("x{id}.open")] {
            fs::write(folder.path().join(other), "").expect("written");
        }
        assert_eq!(segments(folder.path(), OPEN).expect("listed"), [id]);
        assert_eq!(segments(folder.path(), SEALED).expect("listed"), []);
    }

    #[test]
    fn one_process_at_a_time_has_the_lock_and_notices_when_its_file_is_gone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let take = || Lock::take(folder.path()).expect("a lock file");
        let first = take().expect("the lock");
        assert!(take().is_none());
        assert!(first.check_path().is_ok());
        fs::remove_file(folder.path().join(LOCK)).expect("removed");
        assert!(first.check_path().is_err());
        let second = take().expect("another lock");
        assert!(first.check_path().is_err() && second.check_path().is_ok());
        let _of_a_child = second.0.try_clone().expect("as a child inherits it");
        drop(second);
        assert!(take().is_some());
    }
}
