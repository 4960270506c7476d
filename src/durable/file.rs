//! Open files: one that is written once, one that is appended to, and one that has zeros after its end.

use super::recorder;
use std::fs::{File, Metadata};
use std::io::{self, Seek as _, SeekFrom, Write as _};
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

/// A file that records are added to, with zeros after its end into which the next ones are written: then a sync
/// need not make a new length of the file durable, which costs a file system with a journal as much again.
///
/// After a power cut, each sector that was written since the last sync has its old content or its new one, whatever
/// the others have. So zeros may be followed by what was written after them.
#[derive(Debug)]
pub struct ReservedFile {
    /// It is not opened for appending, so what is written goes to where it was told.
    file: AppendFile,
    /// Where the next record goes.
    end: u64,
    /// The length of the file.
    length: u64,
}

impl ReservedFile {
    /// The file at `path`, opened for writing, but not for appending. Its records end at `end`, and zeros may follow.
    pub fn new(file: File, path: &Path, end: u64) -> io::Result<ReservedFile> {
        let length = file.metadata()?.len();
        Ok(ReservedFile { file: AppendFile::new(file, path), end, length })
    }

    /// The zeros after the end.
    pub fn reserved(&self) -> u64 {
        self.length.saturating_sub(self.end)
    }

    /// Writes so many zeros after the end; they are durable with the next sync. If there is no room, there are none.
    pub fn reserve(&mut self, zeros: usize) -> io::Result<()> {
        let written = self.write_at_end(&vec![0; zeros]);
        match written.is_ok() {
            true => self.length = self.length.max(self.end + zeros as u64),
            false => self.cut_unsynced(self.end)?,
        }
        written
    }

    fn write_at_end(&mut self, bytes: &[u8]) -> io::Result<()> {
        let AppendFile { file, recorded } = &mut self.file;
        recorded.alive()?;
        file.seek(SeekFrom::Start(self.end))?;
        file.write_all(bytes)?;
        recorded.written(self.end, bytes);
        Ok(())
    }

    /// Adds these bytes, which are durable after [`ReservedFile::sync`]. If that fails, it must be cut before anything
    /// else is added.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_at_end(bytes)?;
        self.end += bytes.len() as u64;
        self.length = self.length.max(self.end);
        Ok(())
    }

    /// Makes what was added durable. If that fails, nothing may be added any more.
    #[track_caller]
    pub fn sync(&mut self) -> io::Result<()> {
        self.file.sync()
    }

    /// Truncates it to this length, and makes all of it durable.
    #[track_caller]
    pub fn cut(&mut self, length: u64) -> io::Result<()> {
        self.cut_unsynced(length)?;
        let AppendFile { file, recorded } = &mut self.file;
        recorded.alive_to_sync()?;
        if recorded.synced(recorder::Sync::File) {
            return Ok(());
        }
        file.sync_all()
    }

    /// Truncates it to this length.
    pub fn cut_unsynced(&mut self, length: u64) -> io::Result<()> {
        self.file.cut_unsynced(length)?;
        (self.end, self.length) = (length, length);
        Ok(())
    }

    /// Its metadata.
    pub fn metadata(&self) -> io::Result<Metadata> {
        self.file.metadata()
    }
}
