//! Open files: one that is written once, and one that is appended to.

use super::recorder;
use std::fs::{File, Metadata};
use std::io::{self, Write as _};
use std::path::Path;

/// A file that is written and synced before it gets its final name.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    recorded: recorder::Handle,
}

impl NewFile {
    /// An empty file that was just created at `path`.
    pub fn new(file: File, path: &Path) -> NewFile {
        NewFile { file, recorded: recorder::created(path) }
    }

    /// A file at `path` that others have written.
    pub(super) fn new_found(file: File, path: &Path) -> NewFile {
        NewFile { file, recorded: recorder::opened(path) }
    }

    /// Adds these bytes.
    pub fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.recorded.alive()?;
        self.file.write_all(bytes)?;
        self.recorded.appended(bytes);
        Ok(())
    }

    /// Lets the system begin to write it to the disk, and does not wait: of several files that are synced
    /// after this, the first waits for all, and the others hardly at all.
    pub fn start_writing(&self) {
        #[cfg(all(target_os = "linux", feature = "count"))]
        // Nothing depends on it: what has not begun is written by the sync.
        let _ = nix::fcntl::posix_fadvise(
            &self.file,
            0,
            0,
            nix::fcntl::PosixFadviseAdvice::POSIX_FADV_DONTNEED,
        );
    }

    /// Makes what was written durable. If that fails, the file is useless: see the module's
    /// documentation.
    #[track_caller]
    pub fn sync(self) -> io::Result<()> {
        self.recorded.alive_to_sync()?;
        if self.recorded.synced(recorder::Sync::File) {
            return Ok(());
        }
        self.file.sync_all()
    }

    /// Its metadata.
    pub fn metadata(&self) -> io::Result<Metadata> {
        self.file.metadata()
    }
}

/// A file that records are added to.
#[derive(Debug)]
pub struct AppendFile {
    file: File,
    recorded: recorder::Handle,
}

impl AppendFile {
    /// The file at `path`, already opened for appending.
    pub fn new(file: File, path: &Path) -> AppendFile {
        AppendFile { file, recorded: recorder::opened(path) }
    }

    /// Adds these bytes, which are durable after [`AppendFile::sync`].
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        // It was opened for appending, so this writes at its current end.
        self.recorded.alive()?;
        self.file.write_all(bytes)?;
        self.recorded.appended(bytes);
        Ok(())
    }

    /// Makes what was added durable. If that fails, nothing may be added any more.
    #[track_caller]
    pub fn sync(&mut self) -> io::Result<()> {
        self.recorded.alive_to_sync()?;
        if self.recorded.synced(recorder::Sync::File) {
            return Ok(());
        }
        self.file.sync_data()
    }

    /// Truncates it to this length, and makes all of it durable.
    #[track_caller]
    pub fn cut(&mut self, length: u64) -> io::Result<()> {
        self.cut_unsynced(length)?;
        self.recorded.alive_to_sync()?;
        if self.recorded.synced(recorder::Sync::File) {
            return Ok(());
        }
        self.file.sync_all()
    }

    /// Truncates it to this length.
    pub fn cut_unsynced(&mut self, length: u64) -> io::Result<()> {
        self.recorded.alive()?;
        self.file.set_len(length)?;
        self.recorded.cut(length);
        Ok(())
    }

    /// Its metadata.
    pub fn metadata(&self) -> io::Result<Metadata> {
        self.file.metadata()
    }
}
